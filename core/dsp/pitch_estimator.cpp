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
constexpr double kLeastWindowSeconds = 0.006, kSteadySeconds = 0.024, kFarthestSeconds = 0.016;
constexpr double kStillAlike = 0.95;
constexpr Sample kSilence = static_cast<Sample>(1e-9);
}  // namespace

PitchEstimator::PitchEstimator(double rate, double lowest, double highest)
    : rate_(rate),
      decimation_(std::max(1, static_cast<int>(std::lround(rate / kCoarseRate)))),
      shortest_(std::max(2, static_cast<int>(rate / highest / decimation_))),
      longest_(static_cast<int>(std::ceil(rate / lowest / decimation_)) + 1),
      leastWindow_(static_cast<int>(kLeastWindowSeconds * rate / decimation_)) {
  // the refinement looks one coarse lag further than the search
  const int search = (windowOf(longest_ + 1, leastWindow_) + longest_ + 3) * decimation_;
  const int steady = static_cast<int>((kSteadySeconds + kFarthestSeconds) * rate) + 2 * decimation_ + 2;
  span_ = (std::max(search, steady) + decimation_ - 1) / decimation_ * decimation_;
}

PitchEstimator::Scratch PitchEstimator::makeScratch() const {
  const auto count = static_cast<std::size_t>(span_ / decimation_ + kWide);
  return {std::vector<Sample>(count), std::vector<Sample>(static_cast<std::size_t>(longest_ + 2))};
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
int PitchEstimator::coarsePeak(Scratch& s) const {
  const Sample* end = s.coarse.data() + span_ / decimation_;
  for (int lag = shortest_ - 1; lag <= longest_; ++lag)
    s.peaks[static_cast<std::size_t>(lag)] = likeness(end, windowOf(lag, leastWindow_), lag);
  const auto isPeak = [&](int lag) {
    const Sample* p = &s.peaks[static_cast<std::size_t>(lag)];
    return p[0] > 0 && p[0] >= p[-1] && p[0] > p[1];
  };
  int top = 0;
  for (int lag = shortest_; lag < longest_; ++lag)
    if (isPeak(lag) && (top == 0 || s.peaks[static_cast<std::size_t>(lag)] > s.peaks[static_cast<std::size_t>(top)]))
      top = lag;
  if (top == 0) return 0;
  const Sample least = static_cast<Sample>(kFirstPeak) * s.peaks[static_cast<std::size_t>(top)];
  // an earlier peak counts when it still does over the window of the highest: in its own short one
  // the overtones of a low note look like a high note
  const Sample sure = static_cast<Sample>(kFirstPeak) * likeness(end, windowOf(top, leastWindow_), top);
  for (int lag = shortest_; lag < top; ++lag)
    if (isPeak(lag) && s.peaks[static_cast<std::size_t>(lag)] >= least &&
        likeness(end, windowOf(top, leastWindow_), lag) >= sure)
      return lag;
  return top;
}

/// The peak near `lag` at full rate, by the vertex of the parabola through the highest of the lags
/// within `reach` and its neighbours. Lag and height.
std::pair<double, double> PitchEstimator::vertex(const Sample* end, int window, double lag, int reach) {
  const int centre = static_cast<int>(std::lround(lag));
  int best = centre;
  Sample most = -2;
  for (int l = std::max(1, centre - reach); l <= centre + reach; ++l)
    if (const Sample v = likeness(end, window, l); v > most) {
      most = v;
      best = l;
    }
  const auto at = [&](int l) { return static_cast<double>(likeness(end, window, l)); };
  const double before = at(best - 1), middle = static_cast<double>(most), after = at(best + 1);
  const double bend = before - 2 * middle + after;
  const double shift = bend < -1e-12 ? std::clamp(0.5 * (before - after) / bend, -1.0, 1.0) : 0.0;
  return {best + shift, middle - 0.25 * (before - after) * shift};
}

PitchEstimate PitchEstimator::estimate(std::span<const Sample> x, Scratch& s) const {
  const int coarse = span_ / decimation_;
  for (int i = 0; i < coarse; ++i) {
    Sample sum = 0;
    for (int j = 0; j < decimation_; ++j) sum += x[static_cast<std::size_t>(i * decimation_ + j)];
    s.coarse[static_cast<std::size_t>(i)] = sum;
  }
  const int peak = coarsePeak(s);
  if (peak == 0) return {};
  const Sample* end = x.data() + x.size();
  const int window = windowOf(peak, leastWindow_) * decimation_;
  auto [lag, height] = vertex(end, window, peak * decimation_, decimation_);
  // a longer window tells the same lag with less noise, once the note fills it
  int steady = window;
  if (const int longer = std::max(window, static_cast<int>(kSteadySeconds * rate_)); longer > window) {
    const auto [finer, level] = vertex(end, longer, lag, 1);
    if (level >= kStillAlike * height) {
      lag = finer;
      steady = longer;
    }
  }
  // several periods away the same peak tells the period more finely; doubling keeps it in reach
  double period = lag;
  const double farthest = std::min(kFarthestSeconds * rate_, static_cast<double>(span_ - steady) - decimation_ - 2);
  for (int periods = 2; periods * period < farthest; periods *= 2) {
    const auto [far, level] = vertex(end, steady, periods * period, 1);
    if (level < kStillAlike * height) break;
    period = far / periods;
  }
  return {rate_ / period, height};
}

}  // namespace core
