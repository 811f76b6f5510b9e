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
#include "core/dsp/pair_fft.h"
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

/// Two frames in work, one behind the other.
struct SpectralLoss::Frames {
  explicit Frames(const Scale& s) : fft(s.size), spectra(fft.spectra()), magnitudes(at(s.row)) {}
  PairFft fft;
  PairSpectra spectra;
  AlignedArray<Sample> magnitudes;  ///< of one of them
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
    s.weights = sharedWeights(size, options_.rate);
    s.magnitudes.resize({at(frames), at(s.row)});
    s.levels.resize(at(options_.loudness > 0 ? frames : 0));
    Frames pair(s);
    for (int f = 0; f < frames && !stop.stop_requested(); f += 2) {
      transform(s, target, f, pair);
      for (int which = 0; which < std::min(2, frames - f); ++which) {
        const double now = level(s, pair, which, &s.magnitudes(at(f + which), 0));
        if (options_.loudness > 0) s.levels[at(f + which)] = std::log(now);
      }
    }
    scales_.push_back(std::move(s));
  }
}

namespace {
/// Frames of a window of `size` at `start` that are inside a sound.
struct Inside {
  std::ptrdiff_t start;
  int first, last;
  Inside(std::ptrdiff_t from, int size, std::size_t length)
      : start(from),
        first(static_cast<int>(std::clamp<std::ptrdiff_t>(-from, 0, size))),
        last(static_cast<int>(std::clamp<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(length) - from, 0, size))) {}
};
}  // namespace

/// Spectra of the frames `frame` and `frame` + 1; what lies beyond the sound is silence.
void SpectralLoss::transform(const Scale& s, std::span<const Sample> x, int frame, Frames& pair) const {
  const Sample* window = s.weights->window.data();
  Sample* time = pair.fft.time();
  const std::ptrdiff_t start = static_cast<std::ptrdiff_t>(frame) * s.hop - s.size / 2;
  const Inside a(start, s.size, length_), b(start + s.hop, s.size, length_);
  if (a.first == 0 && b.last == s.size) {
    const Sample *one = x.data() + start, *two = one + s.hop;
    for (int i = 0; i < s.size; ++i) {
      time[2 * i] = one[i] * window[i];
      time[2 * i + 1] = two[i] * window[i];
    }
  } else {
    std::fill_n(time, 2 * s.size, 0.0_s);
    for (int i = a.first; i < a.last; ++i) time[2 * i] = x[static_cast<std::size_t>(a.start + i)] * window[i];
    for (int i = b.first; i < b.last; ++i) time[2 * i + 1] = x[static_cast<std::size_t>(b.start + i)] * window[i];
  }
  pair.fft.forward(pair.spectra);
}

/// Adds the frames that the spectra make.
void SpectralLoss::addBack(const Scale& s, int frame, Frames& pair, std::span<Sample> d) const {
  pair.fft.inverse(pair.spectra);
  const Sample *window = s.weights->window.data(), *time = pair.fft.time();
  for (int which = 0; which < 2; ++which, ++time) {
    const Inside in(static_cast<std::ptrdiff_t>(frame + which) * s.hop - s.size / 2, s.size, length_);
    Sample* to = d.data() + in.start;
    for (int i = in.first; i < in.last; ++i) to[i] += time[2 * i] * window[i];
  }
}

/// Magnitudes of a frame, and the mean over bins of them A-weighted, at least the floor of Engel et al. (1e-4 of
/// an unscaled transform).
double SpectralLoss::level(const Scale& s, const Frames& pair, int which, Sample* magnitudes) const {
  const auto &re = pair.spectra.re[at(which)], &im = pair.spectra.im[at(which)];
  Wide sum = splat<kWide>(0);
  for (int k = 0; k < s.row; k += kWide) {
    const Wide x = load<kWide>(&re[at(k)]), y = load<kWide>(&im[at(k)]);
    const Wide m = squareRoot<kWide>(x * x + y * y);
    store<kWide>(magnitudes + k, m);
    sum = sum + m * load<kWide>(&s.weights->bins[at(k)]);
  }
  return sumOf(sum) + kLevelFloor * 4 / s.size;
}

/// Loss of one frame (a sum over bins). Unless `weight` is zero, bins become weight x its derivative by them.
double SpectralLoss::rowLoss(const Scale& s, int frame, Frames& pair, int which, Sample weight) const {
  const bool robust = options_.kind == LossKind::robust;
  const auto floor = static_cast<Sample>(options_.epsilon * options_.epsilon);
  const auto linear = static_cast<Sample>(robust ? options_.linear * s.size / 4 : 0);
  const Sample* target = &s.magnitudes(at(frame), 0);
  const Wide tiny = splat<kWide>(std::numeric_limits<Sample>::min());
  const double now = level(s, pair, which, pair.magnitudes.data());
  double levelTerm = 0;
  Sample levelSlope = 0;
  if (options_.loudness > 0) {
    const double apart = std::log(now) - s.levels[at(frame)];
    levelTerm = options_.loudness * s.bins * std::abs(apart);
    levelSlope = static_cast<Sample>(options_.loudness * s.bins * (apart > 0 ? 1 : apart < 0 ? -1 : 0) / now);
  }
  Sample *re = pair.spectra.re[at(which)].data(), *im = pair.spectra.im[at(which)].data();
  Wide sum = splat<kWide>(0);
  for (int k = 0; k < s.row; k += kWide) {
    const Wide m = load<kWide>(&pair.magnitudes[at(k)]), wanted = load<kWide>(target + k);
    const Wide inverse = 1.0_s / (m * m + floor);
    const Wide away = log2<kWide>((wanted * wanted + floor) * inverse) * -kLn2Half;
    // slopes by the magnitude, all but those of `away`, which are its own times 1 / magnitude
    Wide steep = levelSlope * load<kWide>(&s.weights->bins[at(k)]);
    Wide slope, term;
    if (robust) {
      // the direction of both terms: a logarithm may round past 0, or to it where both lie below the floor
      const Wide apart = m - wanted, direction = sign(apart);
      steep = steep + direction * linear;
      slope = away == 0.0_s ? splat<kWide>(0) : direction * inverse;
      term = magnitude(away) + magnitude(apart) * linear;
    } else {
      slope = (away + away) * inverse;
      term = away * away;
    }
    sum = sum + term;  // padding has equal zeros on both sides: its terms are zero
    if (weight == 0) continue;
    slope = (slope + (m > tiny ? steep / maximum(m, tiny) : splat<kWide>(0))) * weight;
    store<kWide>(re + k, slope * load<kWide>(re + k));
    store<kWide>(im + k, slope * load<kWide>(im + k));
  }
  return sumOf(sum) + levelTerm;
}

double SpectralLoss::scaleLoss(const Scale& s, std::span<const Sample> x, std::span<Sample> d,
                               const std::stop_token& stop) const {
  Frames pair(s);
  double total = 0;
  const double share = 1.0 / (static_cast<double>(s.frames) * s.bins * static_cast<double>(scales_.size()));
  const auto half = static_cast<Sample>(0.5 * share);
  for (int f = 0; f < s.frames; f += 2) {
    if (f % kFramesBetweenChecks == 0 && stop.stop_requested()) return std::numeric_limits<double>::quiet_NaN();
    transform(s, x, f, pair);
    const int frames = std::min(2, s.frames - f);
    // d / d time[n] = Re sum over k of G[k] e^(2 pi i k n / size), as a Hermitian spectrum
    for (int which = 0; which < frames; ++which) total += rowLoss(s, f + which, pair, which, d.empty() ? 0.0_s : half);
    if (d.empty()) continue;
    for (int which = 0; which < frames; ++which)
      for (auto* part : {&pair.spectra.re[at(which)], &pair.spectra.im[at(which)]}) {
        (*part)[0] *= 2.0_s;
        (*part)[at(s.bins - 1)] *= 2.0_s;
      }
    if (frames == 1)  // nothing of the frame that is not there comes back
      for (auto* part : {&pair.spectra.re[1], &pair.spectra.im[1]}) part->clear();
    addBack(s, f, pair, d);
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
