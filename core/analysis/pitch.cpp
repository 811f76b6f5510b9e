// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/pitch.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include "core/dsp/fft.h"

namespace core {
namespace {
constexpr double kVoicedConfidence = 0.8;
constexpr double kTurn = 2 * std::numbers::pi;

/// The cumulative-mean-normalised difference of one frame, by FFT.
class YinEngine {
 public:
  YinEngine(double rate, const YinOptions& o)
      : window_(static_cast<std::size_t>(std::lround(o.windowSeconds * rate))),
        longest_(static_cast<std::size_t>(rate / o.lowest)),
        shortest_(std::max<std::size_t>(2, static_cast<std::size_t>(rate / o.highest))),
        rate_(rate),
        threshold_(o.threshold),
        fft_(transformSize(window_ + longest_)) {
    const auto size = static_cast<std::size_t>(fft_.size());
    a_.resize(size);
    b_.resize(size);
    fa_.resize(size / 2 + 1);
    fb_.resize(size / 2 + 1);
    normal_.resize(longest_);
  }
  std::size_t span() const { return window_ + longest_; }

  YinFrame frame(std::span<const double> x, std::ptrdiff_t start) {
    const std::size_t n = span();
    std::fill(a_.begin(), a_.end(), 0.0);
    std::fill(b_.begin(), b_.end(), 0.0);
    double power = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const std::ptrdiff_t at = start + static_cast<std::ptrdiff_t>(i);
      b_[i] = at >= 0 && at < static_cast<std::ptrdiff_t>(x.size()) ? x[static_cast<std::size_t>(at)] : 0.0;
      if (i < window_) a_[i] = b_[i];
      power += b_[i] * b_[i];
    }
    if (power / static_cast<double>(n) < 1e-8) return {};
    difference();
    return pick();
  }

 private:
  static int transformSize(std::size_t n) {
    int size = 1;
    while (size < static_cast<int>(2 * n)) size *= 2;
    return size;
  }
  void difference() {
    std::vector<double> energy(span() + 1, 0.0);
    for (std::size_t i = 0; i < span(); ++i) energy[i + 1] = energy[i] + b_[i] * b_[i];
    fft_.forward(a_.data(), fa_.data());
    fft_.forward(b_.data(), fb_.data());
    for (std::size_t k = 0; k < fa_.size(); ++k) fb_[k] *= std::conj(fa_[k]);
    fft_.inverse(fb_.data(), a_.data());
    double sum = 0;
    normal_[0] = 1;
    for (std::size_t t = 1; t < longest_; ++t) {
      const double d = energy[window_] + energy[window_ + t] - energy[t] - 2 * a_[t] / fft_.size();
      sum += d;
      normal_[t] = d * static_cast<double>(t) / std::max(sum, 1e-12);
    }
  }
  YinFrame pick() const {
    std::size_t t = shortest_;
    while (t < longest_ && normal_[t] >= threshold_) ++t;
    if (t < longest_) {
      while (t + 1 < longest_ && normal_[t + 1] < normal_[t]) ++t;
    } else {
      t = static_cast<std::size_t>(
          std::min_element(normal_.begin() + static_cast<std::ptrdiff_t>(shortest_), normal_.end()) - normal_.begin());
    }
    double lag = static_cast<double>(t);
    if (t >= 1 && t + 1 < longest_) {
      const double a = normal_[t - 1], b = normal_[t], c = normal_[t + 1], bend = a - 2 * b + c;
      if (std::abs(bend) > 1e-12) lag += 0.5 * (a - c) / bend;
    }
    return {rate_ / lag, 1 - normal_[t]};
  }
  std::size_t window_, longest_, shortest_;
  double rate_, threshold_;
  ExactFft fft_;
  std::vector<double> a_, b_, normal_;
  std::vector<std::complex<double>> fa_, fb_;
};

/// Complex amplitude of frequency f (cycles a sample) under a Hann window centred at `centre`.
std::complex<double> probe(std::span<const double> x, double centre, double length, double f) {
  const auto first = static_cast<std::ptrdiff_t>(std::ceil(centre - length / 2));
  const auto last = static_cast<std::ptrdiff_t>(std::floor(centre + length / 2));
  const std::complex<double> turn = std::polar(1.0, -kTurn * f), sweep = std::polar(1.0, kTurn / length);
  std::complex<double> carrier = std::polar(1.0, -kTurn * f * (static_cast<double>(first) - centre));
  std::complex<double> window = std::polar(1.0, kTurn * (static_cast<double>(first) - centre) / length);
  std::complex<double> sum = 0;
  for (std::ptrdiff_t i = first; i <= last; ++i, carrier *= turn, window *= sweep)
    if (i >= 0 && i < static_cast<std::ptrdiff_t>(x.size()))
      sum += x[static_cast<std::size_t>(i)] * (0.5 + 0.5 * window.real()) * carrier;
  return sum;
}

/// Brings frames that lie an octave off their neighbourhood back when YIN erred.
void repairOctaves(PitchTrack& track) {
  const int reach = std::max(1, static_cast<int>(0.15 / track.hopSeconds));
  const std::vector<double> before = track.f0;
  const int count = static_cast<int>(before.size());
  std::vector<double> near;
  for (int i = 0; i < count; ++i) {
    if (!track.voiced[static_cast<std::size_t>(i)]) continue;
    near.clear();
    for (int k = std::max(0, i - reach); k < std::min(count, i + reach + 1); ++k)
      if (track.voiced[static_cast<std::size_t>(k)]) near.push_back(std::log2(before[static_cast<std::size_t>(k)]));
    std::nth_element(near.begin(), near.begin() + static_cast<std::ptrdiff_t>(near.size() / 2), near.end());
    const double octaves = std::log2(before[static_cast<std::size_t>(i)]) - near[near.size() / 2];
    if (std::abs(std::abs(octaves) - 1) < 0.08) track.f0[static_cast<std::size_t>(i)] *= octaves > 0 ? 0.5 : 2.0;
  }
}

void fillUnvoiced(PitchTrack& track) {
  const std::size_t n = track.f0.size();
  for (std::size_t i = 0; i < n;) {
    if (track.voiced[i]) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < n && !track.voiced[end]) ++end;
    const double left = i > 0 ? track.f0[i - 1] : end < n ? track.f0[end] : 0;
    const double right = end < n ? track.f0[end] : left;
    for (std::size_t k = i; k < end; ++k) {
      const double u = static_cast<double>(k - i + 1) / static_cast<double>(end - i + 1);
      track.f0[k] = left > 0 ? left * std::pow(right / left, u) : 0;
    }
    i = end;
  }
}
}  // namespace

std::vector<YinFrame> yin(std::span<const double> x, double rate, const YinOptions& options) {
  YinEngine engine(rate, options);
  const auto hop = static_cast<std::size_t>(std::max(1L, std::lround(options.hopSeconds * rate)));
  std::vector<YinFrame> frames(1 + x.size() / hop);
  const auto before = static_cast<std::ptrdiff_t>(engine.span() / 2);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (options.stop && options.stop()) break;
    frames[i] = engine.frame(x, static_cast<std::ptrdiff_t>(i * hop) - before);
  }
  return frames;
}

double refinePitch(std::span<const double> x, double rate, double seconds, double f0) {
  const double period = rate / f0, length = std::max(4 * period, 0.02 * rate), apart = 2 * period;
  const double centre = seconds * rate, f = f0 / rate;
  double sum = 0, weight = 0;
  for (int k = 1; k <= 8 && k * f < 0.45; ++k) {
    const auto a = probe(x, centre - apart / 2, length, k * f), b = probe(x, centre + apart / 2, length, k * f);
    const double turns = std::arg(b * std::conj(a)) / kTurn;  // beyond the k * 2 whole turns expected
    const double away = std::remainder(turns - k * f * apart, 1.0) / apart;
    const double w = std::norm(a * b) > 0 ? std::sqrt(std::abs(a) * std::abs(b)) * k : 0;
    if (std::abs(away) / k > 0.02 * f) continue;
    sum += w * away / k;
    weight += w;
  }
  return weight > 0 ? f0 + rate * sum / weight : f0;
}

PitchTrack trackPitch(std::span<const double> x, double rate, const YinOptions& options) {
  PitchTrack track;
  track.hopSeconds = static_cast<double>(std::max(1L, std::lround(options.hopSeconds * rate))) / rate;
  for (const YinFrame& f : yin(x, rate, options)) {
    track.f0.push_back(f.f0);
    track.confidence.push_back(std::clamp(f.confidence, 0.0, 1.0));
    track.voiced.push_back(f.f0 > 0 && f.confidence > kVoicedConfidence);
  }
  repairOctaves(track);
  for (std::size_t i = 0; i < track.f0.size(); ++i) {
    if (options.stop && options.stop()) break;
    if (track.voiced[i]) track.f0[i] = refinePitch(x, rate, static_cast<double>(i) * track.hopSeconds, track.f0[i]);
  }
  fillUnvoiced(track);
  return track;
}

double PitchTrack::at(double seconds) const {
  if (f0.empty() || f0[0] <= 0) return 0;
  const double place = std::clamp(seconds / hopSeconds, 0.0, static_cast<double>(f0.size() - 1));
  const auto i = static_cast<std::size_t>(place);
  const double next = f0[std::min(i + 1, f0.size() - 1)];
  return f0[i] * std::pow(next / f0[i], place - static_cast<double>(i));
}

double PitchTrack::median() const {
  std::vector<double> values;
  for (std::size_t i = 0; i < f0.size(); ++i)
    if (voiced[i]) values.push_back(f0[i]);
  if (values.empty()) return 0;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

double PitchTrack::voicedShare() const {
  if (voiced.empty()) return 0;
  return static_cast<double>(std::count(voiced.begin(), voiced.end(), true)) / static_cast<double>(voiced.size());
}

}  // namespace core
