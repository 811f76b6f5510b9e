// SPDX-License-Identifier: GPL-3.0-or-later
// Working memory of a backward pass.
#pragma once

#include <memory>

namespace core {

/// A T for this thread alone, made on first use, contents as the last call left them. For backward
/// only: it allocates. Not `static thread_local T`: large thread-local storage is taken from every
/// thread's stack, and a JACK client's threads (512 kB) could then not be created at all.
/// `place` tells apart several of one type in one function.
template <class T, int place = 0>
T& threadScratch() {
  static thread_local std::unique_ptr<T> memory;
  if (!memory) memory = std::make_unique<T>();
  return *memory;
}

}  // namespace core
