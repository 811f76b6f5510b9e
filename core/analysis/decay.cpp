// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/decay.h"

#include <algorithm>
#include <cmath>

#include "core/analysis/quantile.h"

namespace core {
namespace {
constexpr double kHop = 0.01;          ///< s
constexpr std::size_t kSmooth = 3;     ///< hops either side
constexpr double kRise = 1.5;          ///< dB over the lowest so far: something new begins
constexpr double kLeast = 18;          ///< dB of a decay
constexpr double kDirect = 6;          ///< dB at its start that belong to the direct sound
constexpr double kFitted = 20;         ///< dB after them
constexpr std::size_t kLeastHops = 8;  ///< of the line
constexpr std::size_t kLeastDecays = 4;
constexpr double kTiny = 1e-12;

/// Level of every hop, dB, smoothed over kSmooth hops either side.
std::vector<double> levels(std::span<const float> x, double rate) {
  const auto hop = std::max<std::size_t>(1, static_cast<std::size_t>(kHop * rate));
  std::vector<double> sums{0};  // of the energies
  for (std::size_t first = 0; first + hop <= x.size(); first += hop) {
    double sum = 0;
    for (const float v : x.subspan(first, hop)) sum += static_cast<double>(v) * static_cast<double>(v);
    sums.push_back(sums.back() + sum / static_cast<double>(hop));
  }
  const std::size_t count = sums.size() - 1;
  std::vector<double> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t from = i > kSmooth ? i - kSmooth : 0, to = std::min(count, i + kSmooth + 1);
    out[i] = 10 * std::log10((sums[to] - sums[from]) / static_cast<double>(to - from) + kTiny);
  }
  return out;
}

/// Slope of the line through levels a hop apart, dB a second.
double slopeOf(std::span<const double> y) {
  const double middle = static_cast<double>(y.size() - 1) / 2;
  double products = 0, squares = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double t = static_cast<double>(i) - middle;
    products += t * y[i];
    squares += t * t;
  }
  return products / squares / kHop;
}
}  // namespace

std::vector<FreeDecay> freeDecays(std::span<const float> x, double rate) {
  const std::vector<double> level = levels(x, rate);
  std::vector<FreeDecay> out;
  for (std::size_t start = 0; start < level.size();) {
    std::size_t lowest = start;
    for (std::size_t i = start + 1; i < level.size() && level[i] < level[lowest] + kRise; ++i)
      if (level[i] < level[lowest]) lowest = i;
    if (level[start] - level[lowest] >= kLeast) {
      std::size_t first = start;
      while (level[first] > level[start] - kDirect) ++first;
      std::size_t end = first;
      while (end <= lowest && level[end] > level[first] - kFitted) ++end;
      if (end - first >= kLeastHops && level[first] - level[end - 1] > kFitted / 2)
        if (const double slope = slopeOf({&level[first], end - first}); slope < 0)
          out.push_back({static_cast<double>(start) * kHop, -60 / slope});
    }
    start = std::max(lowest, start + 1);
  }
  return out;
}

double reverberationTime(const std::vector<FreeDecay>& decays) {
  if (decays.size() < kLeastDecays) return 0;
  std::vector<double> times;
  times.reserve(decays.size());
  for (const FreeDecay& d : decays) times.push_back(d.reverberationTime);
  return quantile(std::move(times), 0.25);
}

}  // namespace core
