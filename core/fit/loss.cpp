// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/fit/loss.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <numbers>
#include <thread>

#include "core/analysis/loudness.h"
#include "core/analysis/stft.h"
#include "core/dsp/math.h"
#include "core/graph/buffers.h"
#include "core/graph/scratch.h"

namespace core {
namespace {
using Wide = Vec<kWide>;
constexpr Sample kLn2Half = static_cast<Sample>(std::numbers::ln2 / 2);
constexpr int kFramesBetweenChecks = 64;
constexpr double kLevelFloor = 1e-4;

std::size_t at(int i) { return static_cast<std::size_t>(i); }
Wide magnitude(const Wide& v) { return v < 0.0_s ? -v : v; }
Wide sign(const Wide& v) {
  const Wide zero = splat<kWide>(0), one = splat<kWide>(1);
  return v > 0.0_s ? one : (v < 0.0_s ? -one : zero);
}
double sumOf(const Wide& v) {
  double sum = 0;
  for (int i = 0; i < kWide; ++i) sum += static_cast<double>(v[i]);
  return sum;
}

/// Eight complex numbers, real and imaginary parts apart.
struct Complexes {
  Wide re, im;
};
Complexes loadComplex(const std::complex<Sample>* from) {
  const auto* x = reinterpret_cast<const Sample*>(from);
  const Wide a = load<kWide>(x), b = load<kWide>(x + kWide);
  return {__builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14),
          __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15)};
}
void storeComplex(std::complex<Sample>* to, const Wide& re, const Wide& im) {
  auto* x = reinterpret_cast<Sample*>(to);
  store<kWide>(x, __builtin_shufflevector(re, im, 0, 8, 1, 9, 2, 10, 3, 11));
  store<kWide>(x + kWide, __builtin_shufflevector(re, im, 4, 12, 5, 13, 6, 14, 7, 15));
}
}  // namespace

/// What frames of one size and rate are weighed by; the same in every loss of the process.
struct SpectralLoss::Weights {
  std::vector<Sample> window;  ///< Hann, divided by half its sum
  std::vector<Sample> bins;    ///< A-weighting of magnitudes, padded to whole vectors
};

std::shared_ptr<const SpectralLoss::Weights> SpectralLoss::sharedWeights(int size, double rate) {
  static std::mutex guard;
  static std::map<std::pair<int, double>, std::shared_ptr<const Weights>> made;
  const std::scoped_lock lock(guard);
  auto& shared = made[{size, rate}];
  if (shared) return shared;
  Weights w;
  const int bins = size / 2 + 1;
  w.window.reserve(at(size));
  for (const double hann : hannWindow(size)) w.window.push_back(static_cast<Sample>(hann * 4 / size));
  w.bins.assign(at((bins + kWide - 1) / kWide * kWide), 0);
  for (int k = 0; k < bins; ++k)
    w.bins[at(k)] = static_cast<Sample>(std::pow(10.0, aWeight(k * rate / size) / 20) / bins);
  return shared = std::make_shared<const Weights>(std::move(w));
}

/// One frame in work. Spectra are padded to whole vectors; the padding stays zero.
struct SpectralLoss::Scratch {
  explicit Scratch(const Scale& s) : time(at(s.size)), bins(at(s.row)) {}
  AlignedArray<Sample> time;
  AlignedArray<std::complex<Sample>> bins;
};

std::vector<int> lossSizes(double rate, double f0) {
  const double scale = std::exp2(std::round(std::log2(rate / 48000)));
  std::vector<int> sizes;
  for (int base = 128; base <= 4096; base *= 2) {
    const int size = std::max(16, static_cast<int>(base * scale));
    if (base >= 2048 || f0 <= 0 || size >= 3 * rate / f0) sizes.push_back(size);
  }
  return sizes;
}

SpectralLoss::SpectralLoss(std::span<const Sample> target, const LossOptions& options, const std::stop_token& stop)
    : options_(options), length_(target.size()) {
  for (const int size : options_.sizes) {
    if (stop.stop_requested()) return;  // every use of it then says so, too
    const int hop = size / 4, bins = size / 2 + 1;
    const int frames = 1 + static_cast<int>(length_) / hop;
    Scale s;
    s.size = size;
    s.hop = hop;
    s.frames = frames;
    s.bins = bins;
    s.row = (bins + kWide - 1) / kWide * kWide;
    s.fft = sharedFft(size);
    s.weights = sharedWeights(size, options_.rate);
    s.logs.resize({at(frames), at(s.row)});
    if (options_.kind == LossKind::robust) s.magnitudes.resize(s.logs.shape());
    Scratch scratch(s);
    const Sample floor = static_cast<Sample>(options_.epsilon * options_.epsilon);
    for (int f = 0; f < frames && !stop.stop_requested(); ++f) {
      transform(s, target, f, scratch);
      if (options_.loudness > 0) s.levels.push_back(std::log(level(s, scratch)));
      for (int k = 0; k < s.row; k += kWide) {
        const auto [re, im] = loadComplex(&scratch.bins[at(k)]);
        const Wide power = re * re + im * im;
        store<kWide>(&s.logs(at(f), at(k)), log2<kWide>(power + floor) * kLn2Half);
        if (options_.kind == LossKind::robust) store<kWide>(&s.magnitudes(at(f), at(k)), squareRoot<kWide>(power));
      }
    }
    scales_.push_back(std::move(s));
  }
}

void SpectralLoss::transform(const Scale& s, std::span<const Sample> x, int frame, Scratch& scratch) const {
  const std::ptrdiff_t start = static_cast<std::ptrdiff_t>(frame) * s.hop - s.size / 2;
  const auto length = static_cast<std::ptrdiff_t>(length_);
  const int first = static_cast<int>(std::max<std::ptrdiff_t>(0, -start));
  const int last = static_cast<int>(std::min<std::ptrdiff_t>(s.size, length - start));
  if (first > 0 || last < s.size) scratch.time.clear();
  const Sample* window = s.weights->window.data();
  for (int i = first; i < last; ++i) scratch.time[at(i)] = x[static_cast<std::size_t>(start + i)] * window[i];
  s.fft->forward(scratch.time.data(), scratch.bins.data());
}

/// Mean over bins of A-weighted magnitudes, at least the floor of Engel et al. (1e-4 of an unscaled
/// transform).
double SpectralLoss::level(const Scale& s, const Scratch& scratch) const {
  Wide sum = splat<kWide>(0);
  for (int k = 0; k < s.row; k += kWide) {
    const auto [re, im] = loadComplex(&scratch.bins[at(k)]);
    sum = sum + squareRoot<kWide>(re * re + im * im) * load<kWide>(&s.weights->bins[at(k)]);
  }
  return sumOf(sum) + kLevelFloor * 4 / s.size;
}

/// Loss of one frame (a sum over bins). Unless `weight` is zero, bins become weight x its derivative by them.
double SpectralLoss::rowLoss(const Scale& s, int frame, Scratch& scratch, Sample weight) const {
  const bool robust = options_.kind == LossKind::robust;
  const auto floor = static_cast<Sample>(options_.epsilon * options_.epsilon);
  const auto linear = static_cast<Sample>(robust ? options_.linear * s.size / 4 : 0);
  const Sample* logs = &s.logs(at(frame), 0);
  const Sample* magnitudes = robust ? &s.magnitudes(at(frame), 0) : nullptr;
  const Wide tiny = splat<kWide>(std::numeric_limits<Sample>::min());
  double levelTerm = 0;
  Sample levelSlope = 0;
  if (options_.loudness > 0) {
    const double now = level(s, scratch), apart = std::log(now) - s.levels[at(frame)];
    levelTerm = options_.loudness * s.bins * std::abs(apart);
    levelSlope = static_cast<Sample>(options_.loudness * s.bins * (apart > 0 ? 1 : apart < 0 ? -1 : 0) / now);
  }
  Wide sum = splat<kWide>(0);
  for (int k = 0; k < s.row; k += kWide) {
    const auto [re, im] = loadComplex(&scratch.bins[at(k)]);
    const Wide power = re * re + im * im, shifted = power + floor;
    const Wide away = log2<kWide>(shifted) * kLn2Half - load<kWide>(&logs[k]);
    Wide slope = robust ? sign(away) / shifted : (away + away) / shifted;
    Wide term = robust ? magnitude(away) : away * away;
    if (robust) {
      const Wide m = squareRoot<kWide>(power), apart = m - load<kWide>(&magnitudes[k]);
      term = term + magnitude(apart) * linear;
      slope = slope + (m > tiny ? sign(apart) * linear / maximum(m, tiny) : splat<kWide>(0));
    }
    if (levelSlope != 0) {
      const Wide m = squareRoot<kWide>(power), share = levelSlope * load<kWide>(&s.weights->bins[at(k)]);
      slope = slope + (m > tiny ? share / maximum(m, tiny) : splat<kWide>(0));
    }
    // padding has equal zeros on both sides: its terms are zero
    sum = sum + term;
    if (weight == 0) continue;
    slope = slope * weight;
    storeComplex(&scratch.bins[at(k)], slope * re, slope * im);
  }
  return sumOf(sum) + levelTerm;
}

double SpectralLoss::scaleLoss(const Scale& s, std::span<const Sample> x, std::span<Sample> d,
                               const std::stop_token& stop) const {
  Scratch scratch(s);
  double total = 0;
  const double share = 1.0 / (static_cast<double>(s.frames) * s.bins * static_cast<double>(scales_.size()));
  const auto half = static_cast<Sample>(0.5 * share);
  for (int f = 0; f < s.frames; ++f) {
    if (f % kFramesBetweenChecks == 0 && stop.stop_requested()) return std::numeric_limits<double>::quiet_NaN();
    transform(s, x, f, scratch);
    // d / d time[n] = Re sum over k of G[k] e^(2 pi i k n / size), as a Hermitian spectrum
    total += rowLoss(s, f, scratch, d.empty() ? 0.0_s : half);
    if (d.empty()) continue;
    scratch.bins[0] *= 2.0_s;
    scratch.bins[at(s.bins - 1)] *= 2.0_s;
    s.fft->inverse(scratch.bins.data(), scratch.time.data());
    const std::ptrdiff_t start = static_cast<std::ptrdiff_t>(f) * s.hop - s.size / 2;
    const int first = static_cast<int>(std::max<std::ptrdiff_t>(0, -start));
    const int last = static_cast<int>(std::min<std::ptrdiff_t>(s.size, static_cast<std::ptrdiff_t>(length_) - start));
    const Sample* window = s.weights->window.data();
    for (int i = first; i < last; ++i) d[static_cast<std::size_t>(start + i)] += scratch.time[at(i)] * window[i];
  }
  return total * share;
}

double SpectralLoss::value(std::span<const Sample> x, const std::stop_token& stop) const {
  double total = 0;
  for (const Scale& s : scales_) total += scaleLoss(s, x, {}, stop);
  return total;
}

double SpectralLoss::gradient(std::span<const Sample> x, std::span<Sample> d, const std::stop_token& stop) const {
  std::vector<double> values(scales_.size(), 0.0);
  auto& parts = threadScratch<std::vector<std::vector<Sample>>>();  // kept: fresh memory costs more than the sums
  parts.resize(scales_.size());
  const auto work = [&](std::size_t first) {
    for (std::size_t i = first; i < scales_.size(); i += at(options_.threads)) {
      parts[i].assign(length_, 0);
      values[i] = scaleLoss(scales_[i], x, parts[i], stop);
    }
  };
  {
    std::jthread helper;
    if (options_.threads > 1) helper = std::jthread([&work] { work(1); });
    work(0);
  }
  std::fill(d.begin(), d.end(), 0.0_s);
  double total = 0;
  for (std::size_t i = 0; i < scales_.size(); ++i) {  // always in this order: the same bits with any threads
    total += values[i];
    for (std::size_t n = 0; n < length_; ++n) d[n] += parts[i][n];
  }
  return total;
}

}  // namespace core
