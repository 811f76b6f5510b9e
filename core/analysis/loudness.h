// SPDX-License-Identifier: GPL-3.0-or-later
// Loudness: of a whole recording as broadcasters measure it, and over time by A-weighted spectra, the
// two definitions the DDSP family reports.
#pragma once

#include <span>
#include <vector>

#include "core/file/audio_file.h"

namespace core {

/// Integrated loudness (ITU-R BS.1770 by libebur128), LUFS; -HUGE_VAL for silence and for sounds
/// shorter than its 400 ms window.
double integratedLoudness(const AudioData& audio);

/// A-weighting of a frequency, dB (IEC 61672; 2 dB added so that 1 kHz is 0 dB).
double aWeight(double hertz);

/// DDSP of 2019, in standard deviations of NSynth: 16 kHz, Hann 2048, hop 64, A-weighted amplitude
/// mean, ln(x + 1e-4), (. + 4.0599) / 3.5105.
std::vector<double> loudnessSigma(std::span<const double> x16k);

/// DDSP since 2022, dB: 16 kHz, Hann 512, hop 64, A-weighted power mean, floor -80 dB.
std::vector<double> loudnessDecibels(std::span<const double> x16k);

}  // namespace core
