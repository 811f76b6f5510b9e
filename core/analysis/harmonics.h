// SPDX-License-Identifier: GPL-3.0-or-later
// A sound as harmonics of its pitch and what is left: levels over time, residual, noise bands.
// After X. Serra and J. Smith, "Spectral modeling synthesis", Computer Music Journal 14 (1990).
#pragma once

#include <complex>
#include <functional>
#include <span>
#include <vector>

#include "core/analysis/pitch.h"

namespace core {

/// All of these ask `stop` at every moment and end early when it says true.
///
/// Complex amplitudes of harmonics at equally spaced moments: the sound near moment m is
/// Re sum over k of c[m][k] e^(2 pi i (k + 1) f0 (t - t_m)).
struct HarmonicModel {
  double frameRate = 250;  ///< moments a second; moment m is at m / frameRate
  int count = 60;
  std::vector<double> f0;                        ///< Hz, by moment
  std::vector<std::complex<double>> amplitudes;  ///< [moment][harmonic]

  int moments() const { return static_cast<int>(f0.size()); }
  const std::complex<double>* row(int moment) const {
    return amplitudes.data() + static_cast<std::ptrdiff_t>(moment) * count;
  }
};

/// Measures the harmonics by Hann windows of four periods (at least 6 ms). `weight` scales what is
/// found at a moment (how much a pitch is believed in).
HarmonicModel measureHarmonics(std::span<const double> x, double rate, const PitchTrack& pitch, double frameRate,
                               int count, const std::function<double(double seconds)>& weight,
                               const std::function<bool()>& stop);

/// The sound without its harmonics.
std::vector<double> residual(std::span<const double> x, double rate, const HarmonicModel& model,
                             const std::function<bool()>& stop);

/// Spectral density of a noise over time as the magnitude that white noise of variance `variance`
/// needs in each of `bands` bands from 0 to rate / 2: [moment][band], moment m at m / frameRate + delay.
std::vector<double> noiseBands(std::span<const double> x, double rate, double frameRate, int moments, int bands,
                               double variance, double delay, const std::function<bool()>& stop);

}  // namespace core
