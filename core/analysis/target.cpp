// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/target.h"

#include <algorithm>
#include <cmath>

#include "core/analysis/peaks.h"
#include "core/analysis/polyphony.h"
#include "core/analysis/quantile.h"
#include "core/analysis/stft.h"

namespace core {
namespace {
constexpr double kSilence = 1e-5;  // -100 dBFS

/// Spectral peaks of about 0.17 s around a moment.
SpectralPeaks peaksAround(std::span<const double> x, double rate, double centre) {
  const int size = rate > 30000 ? 8192 : 4096;
  const auto length = std::min(x.size(), static_cast<std::size_t>(size));
  const double start = std::clamp(centre * rate - size / 2.0, 0.0, static_cast<double>(x.size() - length));
  std::vector<double> part(static_cast<std::size_t>(size), 0.0);
  std::copy_n(x.begin() + static_cast<std::ptrdiff_t>(start), length, part.begin());
  return findPeaks(spectrogram(part, size, size / 2).row(1), rate / size, 8000);
}
/// Share of the peaks at multiples of f0.
double explained(const std::vector<SpectralPeak>& peaks, double f0) {
  double at = 0, all = 1e-30;
  for (const SpectralPeak& p : peaks) {
    const double k = std::round(p.hertz / f0);
    if (k > 40) continue;  // stiff strings leave the series there
    const bool hit = k >= 1 && std::abs(p.hertz - k * f0) < std::max(0.02 * p.hertz / std::sqrt(k), 4.0);
    const double weight = std::pow(p.power, 0.25);  // compressed, so that one loud partial does not decide
    at += hit ? weight : 0;
    all += weight;
  }
  return at / all;
}

/// Do the partials belong to harmonic series? Judged at loud moments, each by its own pitch.
void judgePartials(std::span<const double> x, double rate, const Envelope& e, TargetAnalysis& a) {
  const double loudest = *std::max_element(e.rms.begin(), e.rms.end());
  std::vector<double> moments, shares;
  for (std::size_t i = 0; i < e.rms.size(); ++i)
    if (e.rms[i] > 0.3 * loudest) moments.push_back(static_cast<double>(i) * e.hopSeconds);
  int tonal = 0;
  const int count = std::min<int>(9, static_cast<int>(moments.size()));
  for (int m = 0; m < count; ++m) {
    const double t =
        moments[(2 * static_cast<std::size_t>(m) + 1) * moments.size() / (2 * static_cast<std::size_t>(count))];
    const auto [peaks, share] = peaksAround(x, rate, t);
    if (share < 0.6 || peaks.empty()) continue;
    ++tonal;
    // a common divisor explains anything, but then its own first partials are missing
    const double f0 = a.pitch.at(t);
    const bool rooted = peaks.front().hertz < 2.3 * f0;
    shares.push_back(a.f0 > 0 && rooted ? explained(peaks, f0) : 0);
  }
  a.harmonicShare = quantile(shares, 0.5);
  const bool harmonic = a.pitch.voicedShare() > 0.3 && a.harmonicShare > 0.75;
  a.inharmonic = !a.polyphonic && 2 * tonal > count && !harmonic;
}

void warn(TargetAnalysis& a, double seconds) {
  if (a.silent) a.warnings.push_back("The target is silent, so there is nothing to learn from it.");
  if (a.polyphonic)
    a.warnings.push_back(
        "The target seems to hold several notes at once; one note of the patch cannot follow them all.");
  if (a.inharmonic)
    a.warnings.push_back("The target's partials are not multiples of one pitch; the pitch found may be wrong.");
  if (!a.silent && a.f0 == 0 && !a.inharmonic && !a.polyphonic)
    a.warnings.push_back("No pitch was found in the target; the patch keeps its own.");
  if (!a.silent && seconds < 0.05) a.warnings.push_back("The target is shorter than 50 ms; the fit can only be rough.");
}
}  // namespace

Envelope envelope(std::span<const double> x, double rate, double hopSeconds, double windowSeconds) {
  Envelope e;
  const auto hop = static_cast<std::size_t>(std::max(1L, std::lround(hopSeconds * rate)));
  const auto half = static_cast<std::ptrdiff_t>(std::max(1L, std::lround(windowSeconds * rate / 2)));
  e.hopSeconds = static_cast<double>(hop) / rate;
  for (std::size_t at = 0; at <= x.size(); at += hop) {
    double sum = 0;
    const auto centre = static_cast<std::ptrdiff_t>(at);
    for (std::ptrdiff_t i = std::max<std::ptrdiff_t>(0, centre - half);
         i < std::min(static_cast<std::ptrdiff_t>(x.size()), centre + half); ++i)
      sum += x[static_cast<std::size_t>(i)] * x[static_cast<std::size_t>(i)];
    e.rms.push_back(std::sqrt(sum / static_cast<double>(2 * half)));
  }
  return e;
}

double onsetTime(std::span<const double> x, double rate) {
  const Envelope e = envelope(x, rate, 0.001, 0.004);
  const double loudest = *std::max_element(e.rms.begin(), e.rms.end());
  if (loudest < kSilence) return 0;
  const double floor = std::min(quantile(e.rms, 0.05), 0.1 * loudest);
  const double threshold = std::max(3 * floor, 0.01 * loudest);
  for (std::size_t i = 0; i < e.rms.size(); ++i)
    if (e.rms[i] > threshold) {
      // the window looks 2 ms ahead, and a sound starts a little under the threshold
      const double start = static_cast<double>(i) * e.hopSeconds;
      return i == 0 ? 0.0 : std::max(0.0, start);
    }
  return 0;
}

double decayTime(std::span<const double> x, double rate, double from) {
  const auto first = static_cast<std::size_t>(std::max(0.0, from) * rate);
  if (first + 100 >= x.size()) return 0;
  std::vector<double> left(x.size() - first + 1, 0.0);
  for (std::size_t i = x.size(); i-- > first;) left[i - first] = left[i - first + 1] + x[i] * x[i];
  if (left[0] <= 0) return 0;
  const auto when = [&](double decibels) {
    const double want = left[0] * std::pow(10.0, decibels / 10);
    const auto at = std::find_if(left.begin(), left.end(), [want](double e) { return e < want; });
    return static_cast<double>(at - left.begin());
  };
  // a decay that breaks off with the recording is no decay: 25 dB must lie inside
  const double a = when(-5), b = when(-25);
  if (b >= 0.98 * static_cast<double>(left.size() - 1) || b <= a) return 0;
  return 3 * (b - a) / rate;
}

TargetAnalysis analyse(std::span<const double> x, double rate, const std::function<bool()>& stop) {
  TargetAnalysis a;
  const Envelope e = envelope(x, rate);
  a.peak = 0;
  double power = 0;
  for (const double v : x) {
    a.peak = std::max(a.peak, std::abs(v));
    power += v * v;
  }
  a.rms = x.empty() ? 0 : std::sqrt(power / static_cast<double>(x.size()));
  a.noiseFloor = quantile(e.rms, 0.05);
  const double seconds = static_cast<double>(x.size()) / rate;
  a.silent = a.peak < kSilence;
  a.end = a.release = seconds;
  if (a.silent) {
    warn(a, seconds);
    return a;
  }
  a.onset = onsetTime(x, rate);
  const double loudest = *std::max_element(e.rms.begin(), e.rms.end());
  const double body = quantile(
      [&] {
        std::vector<double> loud;
        for (const double r : e.rms)
          if (r > 0.1 * loudest) loud.push_back(r);
        return loud;
      }(),
      0.5);
  for (std::size_t i = e.rms.size(); i-- > 0;)
    if (e.rms[i] > 0.001 * loudest) {
      a.end = std::min(seconds, static_cast<double>(i + 1) * e.hopSeconds);
      break;
    }
  for (std::size_t i = e.rms.size(); i-- > 0;)
    if (e.rms[i] > 0.35 * body) {
      a.release = std::min(seconds, static_cast<double>(i + 1) * e.hopSeconds);
      break;
    }
  YinOptions options;
  options.hopSeconds = 0.005;
  options.lowest = 32;
  options.stop = stop;
  a.pitch = trackPitch(x, rate, options);
  a.f0 = a.pitch.voicedShare() > 0.1 ? a.pitch.median() : 0;
  if (stop && stop()) return a;
  a.t60 = decayTime(x, rate, a.release);
  a.polyphonic = isPolyphonic(x, rate, stop);
  judgePartials(x, rate, e, a);
  warn(a, seconds);
  return a;
}

}  // namespace core
