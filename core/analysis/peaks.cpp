// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/peaks.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace core {

SpectralPeaks findPeaks(std::span<const double> magnitudes, double binHertz, double highest) {
  std::vector<double> power(magnitudes.size());
  for (std::size_t k = 0; k < power.size(); ++k) power[k] = magnitudes[k] * magnitudes[k];
  const double loudest = *std::max_element(power.begin(), power.end());
  const double all = std::accumulate(power.begin(), power.end(), 1e-30);
  double tonal = 0;
  SpectralPeaks found;
  for (std::size_t k = 4; k + 4 < power.size() && static_cast<double>(k) * binHertz < highest; ++k) {
    const bool top =
        power[k] > power[k - 1] && power[k] >= power[k + 1] && power[k] > power[k - 2] && power[k] > power[k + 2];
    if (!top || power[k] < 1e-4 * loudest || power[k] < 20 * std::min(power[k - 4], power[k + 4])) continue;
    const double a = std::log(power[k - 1] + 1e-30), b = std::log(power[k]), c = std::log(power[k + 1] + 1e-30);
    const double shift = 0.5 * (a - c) / (a - 2 * b + c);
    found.peaks.push_back({(static_cast<double>(k) + shift) * binHertz, power[k]});
    for (std::size_t i = k - 2; i <= k + 2; ++i) tonal += power[i];
  }
  found.share = tonal / all;
  return found;
}

}  // namespace core
