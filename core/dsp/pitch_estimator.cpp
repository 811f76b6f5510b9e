// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/dsp/pitch_estimator.h"

#include <algorithm>
#include <cmath>

#include "core/dsp/wide.h"

namespace core {
namespace {
constexpr double kCoarseRate = 12000;
/// A later peak must be higher than this part of the highest to be passed over for an earlier one.
constexpr double kFirstPeak = 0.9;
constexpr double kLeastWindowSeconds = 0.006;
constexpr Sample kSilence = static_cast<Sample>(1e-9);
}  // namespace

PitchEstimator::PitchEstimator(double rate, double lowest, double highest)
    : rate_(rate),
      decimation_(std::max(1, static_cast<int>(std::lround(rate / kCoarseRate)))),
      shortest_(std::max(2, static_cast<int>(rate / highest / decimation_))),
      longest_(static_cast<int>(std::ceil(rate / lowest / decimation_)) + 1),
      leastWindow_(static_cast<int>(kLeastWindowSeconds * rate / decimation_)) {
  // the refinement looks one coarse lag further than the search
  span_ = (windowOf(longest_ + 1, leastWindow_) + longest_ + 3) * decimation_;
}

PitchEstimator::Scratch PitchEstimator::makeScratch() const {
  const auto count = static_cast<std::size_t>(span_ / decimation_ + kWide);
  return {std::vector<Sample>(count), std::vector<Sample>(count),
          std::vector<Sample>(static_cast<std::size_t>(longest_ + 2))};
}

Sample PitchEstimator::likeness(const Sample* end, int window, int lag) {
  const Sample *a = end - window, *b = a - lag;
  Wide product = splat<kWide>(0), power = splat<kWide>(0);
  int i = 0;
  for (; i + kWide <= window; i += kWide) {
    const Wide x = load<kWide>(a + i), y = load<kWide>(b + i);
    product = product + x * y;
    power = power + (x * x + y * y);
  }
  Sample p = sumOf(product), q = sumOf(power);
  for (; i < window; ++i) {
    p += a[i] * b[i];
    q += a[i] * a[i] + b[i] * b[i];
  }
  return q > kSilence * static_cast<Sample>(window) ? 2.0_s * p / q : 0.0_s;
}

/// The first peak nearly as high as the highest, in coarse samples; 0: none.
int PitchEstimator::coarsePeak(Scratch& s, double& height) const {
  const Sample* end = s.coarse.data() + span_ / decimation_;
  for (int lag = shortest_ - 1; lag <= longest_; ++lag)
    s.peaks[static_cast<std::size_t>(lag)] = likeness(end, windowOf(lag, leastWindow_), lag);
  const auto isPeak = [&](int lag) {
    const Sample* p = &s.peaks[static_cast<std::size_t>(lag)];
    return p[0] > 0 && p[0] >= p[-1] && p[0] > p[1];
  };
  Sample highest = 0;
  for (int lag = shortest_; lag < longest_; ++lag)
    if (isPeak(lag)) highest = std::max(highest, s.peaks[static_cast<std::size_t>(lag)]);
  height = static_cast<double>(highest);
  for (int lag = shortest_; lag < longest_; ++lag)
    if (isPeak(lag) && s.peaks[static_cast<std::size_t>(lag)] >= static_cast<Sample>(kFirstPeak) * highest) return lag;
  return 0;
}

PitchEstimate PitchEstimator::estimate(std::span<const Sample> x, Scratch& s) const {
  const int coarse = span_ / decimation_;
  for (int i = 0; i < coarse; ++i) {
    Sample sum = 0;
    for (int j = 0; j < decimation_; ++j) sum += x[static_cast<std::size_t>(i * decimation_ + j)];
    s.coarse[static_cast<std::size_t>(i)] = sum;
  }
  double height = 0;
  const int peak = coarsePeak(s, height);
  if (peak == 0) return {};
  // at full rate: the highest of the lags around it, and the vertex of the parabola there
  const Sample* end = x.data() + x.size();
  const int centre = peak * decimation_, window = windowOf(centre, leastWindow_ * decimation_);
  int best = 0;
  Sample most = -1;
  for (int lag = centre - decimation_; lag <= centre + decimation_; ++lag)
    if (const Sample v = likeness(end, window, lag); v > most) {
      most = v;
      best = lag;
    }
  const auto at = [&](int lag) { return static_cast<double>(likeness(end, window, lag)); };
  const double before = at(best - 1), middle = static_cast<double>(most), after = at(best + 1);
  const double bend = before - 2 * middle + after;
  const double shift = bend < -1e-12 ? std::clamp(0.5 * (before - after) / bend, -1.0, 1.0) : 0.0;
  return {rate_ / (best + shift), middle - 0.25 * (before - after) * shift};
}

}  // namespace core
