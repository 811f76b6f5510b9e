// SPDX-License-Identifier: GPL-3.0-or-later
// Rules of the thread that makes sound. [audio-thread]: no allocation, lock, file, log, exception
// or Qt call. [ui-thread]: the program's main thread. [any-thread]: both.
#pragma once

#include <immintrin.h>

namespace core {

/// Flushes denormals to zero while it lives. Set in the audio callback, and in every render, fit
/// and test thread too, so that all of them compute the same numbers.
class DenormalsOff {
 public:
  DenormalsOff() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040U); }  // FTZ | DAZ
  ~DenormalsOff() { _mm_setcsr(before_); }
  DenormalsOff(const DenormalsOff&) = delete;
  DenormalsOff& operator=(const DenormalsOff&) = delete;

 private:
  unsigned before_;
};

}  // namespace core
