// SPDX-License-Identifier: GPL-3.0-or-later
// What a fit wants to know about a recording before it starts.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/analysis/pitch.h"

namespace core {

/// Root mean square over time, frames centred at multiples of the hop.
struct Envelope {
  double hopSeconds = 0.005;
  std::vector<double> rms;
};
/// `windowSeconds` long frames (rectangular).
Envelope envelope(std::span<const double> x, double rate, double hopSeconds = 0.005, double windowSeconds = 0.01);

/// First moment at which the level leaves the noise floor for good, s.
double onsetTime(std::span<const double> x, double rate);

/// Reverberation or decay time to -60 dB, s, by Schroeder's backward integration from `from`
/// (fit from -5 to -25 dB, times three). 0 when the sound does not decay by 25 dB.
double decayTime(std::span<const double> x, double rate, double from);

struct TargetAnalysis {
  PitchTrack pitch;
  double f0 = 0;                             ///< median over voiced frames, Hz; 0: unpitched
  double onset = 0;                          ///< s
  double release = 0;                        ///< s: where the final fall of 12 dB under the sustained level begins
  double end = 0;                            ///< s: last moment above -60 dB of the peak
  double peak = 0, rms = 0, noiseFloor = 0;  ///< full scale 1
  double t60 = 0;                            ///< s, after the release; 0: unknown
  double harmonicShare = 0;                  ///< share of the partials that are multiples of f0
  bool silent = false, polyphonic = false, inharmonic = false;
  std::vector<std::string> warnings;  ///< sentences
};

/// Looks at a mono recording. `stop` true ends early (results then mean nothing).
TargetAnalysis analyse(std::span<const double> x, double rate, const std::function<bool()>& stop = {});

}  // namespace core
