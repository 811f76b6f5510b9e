// SPDX-License-Identifier: GPL-3.0-or-later
// The pitch of the newest samples of a sound, for live use: normalised square difference after
// P. McLeod and G. Wyvill, "A smarter way to find pitch", 2005, with two changes. The window grows
// with the lag (two periods of what is looked for), so that high notes are known sooner; and the
// search runs on a decimated signal before the best lag is refined at full rate.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "core/graph/sample.h"

namespace core {

struct PitchEstimate {
  double hertz = 0;       ///< 0: none found
  double confidence = 0;  ///< height of the chosen peak, at most 1
};

class PitchEstimator {
 public:
  PitchEstimator() = default;
  /// Range in Hz.
  PitchEstimator(double rate, double lowest, double highest);

  /// Samples that `estimate` looks at, the newest last.
  int span() const { return span_; }
  /// Memory of one estimate; made off the audio thread.
  struct Scratch {
    std::vector<Sample> coarse, peaks;
  };
  Scratch makeScratch() const;
  /// x: the newest `span()` samples.
  PitchEstimate estimate(std::span<const Sample> x, Scratch& scratch) const;

 private:
  /// 2 sum x y / sum (x^2 + y^2) between the newest `window` samples and those `lag` before them.
  static Sample likeness(const Sample* end, int window, int lag);
  int coarsePeak(Scratch& scratch) const;
  static std::pair<double, double> vertex(const Sample* end, int window, double lag, int reach);
  int windowOf(int lag, int least) const { return lag * 2 > least ? lag * 2 : least; }

  double rate_ = 48000;
  int decimation_ = 1, shortest_ = 2, longest_ = 100, span_ = 0, leastWindow_ = 64;
};

}  // namespace core
