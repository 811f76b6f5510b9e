// SPDX-License-Identifier: GPL-3.0-or-later
// How close one recording is to another: the measures that reports state.
#pragma once

#include <string_view>
#include <vector>

#include "core/file/audio_file.h"

namespace core {

struct Comparison {
  double seconds = 0;  ///< length compared: the shorter of the two
  double rmsTarget = 0, rmsOutput = 0;
  double mss = 0, lsdDb = 0, loudSigma = 0, loudDb = 0;
  bool pitched = false;  ///< whether the target has voiced frames; else the four below say nothing
  double f0Semitones = 0, f0Median = 0, f0OutlierFrames = 0, voiced = 0;
};

/// One measure for a report: the key of JSON output, its value, and what it means.
struct Measure {
  std::string_view key;
  double value = 0;
  std::string_view definition;
};

/// The mean of the channels at a rate, as all measures read a recording.
std::vector<double> monoAt(const AudioData& audio, double rate);

/// Folds to mono, resamples, cuts to the shorter length, starts aligned as they are.
Comparison compare(const AudioData& target, const AudioData& output);

/// Comparison::lsdDb alone, much quicker than all measures; 0 when one of the two is empty.
double logSpectralDistance(const AudioData& target, const AudioData& output);

/// Keys, values and definitions, in the order of a report; pitch measures only for pitched targets.
std::vector<Measure> measures(const Comparison& comparison);

}  // namespace core
