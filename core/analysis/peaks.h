// SPDX-License-Identifier: GPL-3.0-or-later
// Partials in a short-time spectrum.
#pragma once

#include <span>
#include <vector>

namespace core {

struct SpectralPeak {
  double hertz = 0, power = 0;
};
/// Peaks of one frame's magnitudes (Hann window), low to high: up to `highest` Hz, at most 40 dB under the loudest and
/// standing out from their surroundings.
struct SpectralPeaks {
  std::vector<SpectralPeak> peaks;
  double share = 0;  ///< of the frame's power that lies in the peaks
};
SpectralPeaks findPeaks(std::span<const double> magnitudes, double binHertz, double highest);

}  // namespace core
