// SPDX-License-Identifier: GPL-3.0-or-later
// Suppression of late reverberation, so that what rings on in a room does not hide what is played now:
// spectral subtraction after K. Lebart, J. M. Boucher and P. N. Denbigh, "A new method based on spectral
// subtraction for speech dereverberation", 2001. A room's power dies away exponentially, so that what was
// heard a moment ago tells how much of it rings now. For analysis, not for the ear: as in M. Berouti,
// R. Schwartz and J. Makhoul, "Enhancement of speech corrupted by acoustic noise", 1979, more is taken off
// than is expected, down to a floor. What has just begun then stands out, and a sound that goes on is weaker
// as a whole but keeps its shape.
#pragma once

#include <complex>
#include <memory>
#include <span>
#include <vector>

#include "core/dsp/fft.h"
#include "core/graph/buffers.h"

namespace core {

class LateReverbSuppressor {
 public:
  LateReverbSuppressor() = default;
  /// rate in Hz; decay: seconds in which the room dies away by 60 dB, above 0.
  LateReverbSuppressor(double rate, double decay);

  /// Samples that come out of `suppress`.
  int window() const { return window_; }
  /// Samples that `suppress` looks at.
  int span() const { return span_; }
  /// Memory of one call; made off the audio thread.
  struct Scratch {
    AlignedArray<Sample> time;
    AlignedArray<std::complex<Sample>> spectrum;
    std::vector<Sample> now, late;  ///< powers by bin
  };
  Scratch makeScratch() const;
  /// x: the newest `span()` samples, the newest last. The last `window()` of them without what rings on, in
  /// `scratch`. Allocates nothing.
  std::span<const Sample> suppress(std::span<const Sample> x, Scratch& scratch) const;

 private:
  void addPower(const Sample* x, Sample scale, Scratch& scratch, std::vector<Sample>& power) const;

  struct Past {
    int delay = 0;     ///< in samples
    Sample scale = 0;  ///< part of its power that is left now
  };
  int window_ = 0, span_ = 0;
  std::vector<Past> past_;
  std::vector<Sample> taper_;
  std::shared_ptr<const RealFft> fft_;
};

}  // namespace core
