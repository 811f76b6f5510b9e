// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/fit/gauss_newton.h"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <thread>

#include "core/analysis/stft.h"
#include "core/dsp/math.h"
#include "core/dsp/wide.h"

namespace core {
namespace {
constexpr Sample kLn2Half = static_cast<Sample>(std::numbers::ln2 / 2);
constexpr int kFramesBetweenChecks = 16;

std::size_t at(int i) { return static_cast<std::size_t>(i); }

/// sums += rows rows^T, upper triangle; rows are [count][length].
[[maybe_unused]] void addProducts(int count, int length, const float* rows, float* sums) {
  cblas_ssyrk(CblasRowMajor, CblasUpper, CblasNoTrans, count, length, 1, rows, length, 1, sums, count);
}
[[maybe_unused]] void addProducts(int count, int length, const double* rows, double* sums) {
  cblas_dsyrk(CblasRowMajor, CblasUpper, CblasNoTrans, count, length, 1, rows, length, 1, sums, count);
}
}  // namespace

struct LogSpectralResidual::Scratch {
  explicit Scratch(const Scale& s)
      : time(at(s.size)), bins(at(s.fft->bins() + kWide)), power(at(s.row)), residual(at(s.row)), weights(at(s.row)) {}
  AlignedArray<Sample> time;
  AlignedArray<std::complex<Sample>> bins;
  AlignedArray<Sample> power, residual, weights;
};

LogSpectralResidual::LogSpectralResidual(std::span<const Sample> target, const ResidualOptions& options,
                                         const std::stop_token& stop)
    : options_(options), length_(target.size()) {
  for (const int size : options_.sizes) {
    if (stop.stop_requested()) return;  // every use of it then says so, too
    const int hop = size / 2, bins = std::clamp(static_cast<int>(options_.highest * size), 1, size / 2) + 1;
    const int frames = 1 + static_cast<int>(length_) / hop;
    const double share =
        1 / (static_cast<double>(frames) * static_cast<double>(bins) * static_cast<double>(options_.sizes.size()));
    Scale s{size,
            hop,
            frames,
            bins,
            (bins + kWide - 1) / kWide * kWide,
            share,
            AlignedArray<Sample>(at(size)),
            sharedFft(size),
            {}};
    const std::vector<double> hann = hannWindow(size);
    for (int i = 0; i < size; ++i) s.window[at(i)] = static_cast<Sample>(hann[at(i)] * 4 / size);
    s.target.resize({at(frames), at(s.row)});
    Scratch scratch(s);
    for (int f = 0; f < frames && !stop.stop_requested(); ++f) logRow(s, target, f, scratch, &s.target(at(f), 0));
    scales_.push_back(std::move(s));
  }
}

/// Logarithmic magnitudes of one frame; the padding gets the floor, the same in every row.
void LogSpectralResidual::logRow(const Scale& s, std::span<const Sample> x, int frame, Scratch& scratch,
                                 Sample* to) const {
  const std::ptrdiff_t start = static_cast<std::ptrdiff_t>(frame) * s.hop - s.size / 2;
  const auto length = static_cast<std::ptrdiff_t>(length_);
  const int first = static_cast<int>(std::max<std::ptrdiff_t>(0, -start));
  const int last = static_cast<int>(std::min<std::ptrdiff_t>(s.size, length - start));
  if (first > 0 || last < s.size) scratch.time.clear();
  for (int i = first; i < last; ++i) scratch.time[at(i)] = x[static_cast<std::size_t>(start + i)] * s.window[at(i)];
  s.fft->forward(scratch.time.data(), scratch.bins.data());
  for (int k = 0; k < s.bins; ++k) {
    const Sample re = scratch.bins[at(k)].real(), im = scratch.bins[at(k)].imag();
    scratch.power[at(k)] = re * re + im * im;
  }
  const auto floor = static_cast<Sample>(options_.epsilon * options_.epsilon);
  for (int k = 0; k < s.row; k += kWide)
    store<kWide>(to + k, log2<kWide>(load<kWide>(scratch.power.data() + k) + floor) * kLn2Half);
}

/// Square roots of the weights of residuals; returns the sum of their losses.
double LogSpectralResidual::weigh(const Sample* residual, int count, Sample* weights) const {
  const auto inverse = static_cast<Sample>(1 / (options_.bend * options_.bend));
  const Wide one = splat<kWide>(1);
  Wide sum = splat<kWide>(0);
  for (int k = 0; k < count; k += kWide) {
    const Wide r = load<kWide>(residual + k), root = squareRoot<kWide>(one + r * r * inverse);
    // (root - 1) without cancellation
    sum = sum + r * r / (root + one);
    if (weights) store<kWide>(weights + k, squareRoot<kWide>(one / root));
  }
  double total = 0;
  for (int i = 0; i < kWide; ++i) total += static_cast<double>(sum[i]);
  return 2 * total;
}

double LogSpectralResidual::value(std::span<const Sample> x, const std::stop_token& stop) const {
  double total = 0;
  for (const Scale& s : scales_) {
    Scratch scratch(s);
    double sum = 0;
    for (int f = 0; f < s.frames; ++f) {
      if (f % kFramesBetweenChecks == 0 && stop.stop_requested()) return std::numeric_limits<double>::quiet_NaN();
      logRow(s, x, f, scratch, scratch.residual.data());
      const Sample* target = &s.target(at(f), 0);
      for (int k = 0; k < s.row; ++k) scratch.residual[at(k)] -= target[k];
      sum += weigh(scratch.residual.data(), s.row, nullptr);
    }
    total += sum * s.share;
  }
  return total;
}

NormalEquations LogSpectralResidual::scaleEquations(const Scale& s, std::span<const Sample> base,
                                                    std::span<const std::vector<Sample>> moved,
                                                    std::span<const double> steps, const std::stop_token& stop) const {
  const std::size_t n = moved.size(), row = at(s.row);
  NormalEquations out{0, xt::zeros<double>({n, n}), xt::zeros<double>({n})};
  Scratch scratch(s);
  AlignedArray<Sample> rows((n + 1) * row), sums((n + 1) * (n + 1));  // the last row is the residual
  std::vector<Sample> own(row);
  for (int f = 0; f < s.frames && !stop.stop_requested(); ++f) {
    logRow(s, base, f, scratch, own.data());
    Sample* residual = rows.data() + n * row;
    for (std::size_t k = 0; k < row; ++k) residual[k] = own[k] - s.target(at(f), k);
    out.value += s.share * weigh(residual, s.row, scratch.weights.data());
    for (std::size_t k = 0; k < row; ++k) residual[k] *= scratch.weights[k];
    for (std::size_t j = 0; j < n; ++j) {
      Sample* to = rows.data() + j * row;
      logRow(s, moved[j], f, scratch, to);
      const auto per = static_cast<Sample>(1 / steps[j]);
      for (std::size_t k = 0; k < row; ++k) to[k] = (to[k] - own[k]) * per * scratch.weights[k];
    }
    sums.clear();
    addProducts(static_cast<int>(n) + 1, s.row, rows.data(), sums.data());
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t k = j; k < n; ++k) out.squares(j, k) += s.share * static_cast<double>(sums[j * (n + 1) + k]);
      out.slope[j] += s.share * static_cast<double>(sums[j * (n + 1) + n]);
    }
  }
  return out;
}

NormalEquations LogSpectralResidual::equations(std::span<const Sample> base, std::span<const std::vector<Sample>> moved,
                                               std::span<const double> steps, const std::stop_token& stop) const {
  std::vector<NormalEquations> parts(scales_.size());
  const auto work = [&](std::size_t first) {
    for (std::size_t i = first; i < scales_.size(); i += at(options_.threads))
      parts[i] = scaleEquations(scales_[i], base, moved, steps, stop);
  };
  {
    std::jthread helper;
    if (options_.threads > 1) helper = std::jthread([&work] { work(1); });
    work(0);
  }
  const std::size_t n = moved.size();
  NormalEquations out{0, xt::zeros<double>({n, n}), xt::zeros<double>({n})};
  for (const NormalEquations& p : parts) {  // always in this order: the same bits with any threads
    out.value += p.value;
    out.slope += p.slope;
    out.squares += p.squares;
  }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = i + 1; k < n; ++k) out.squares(k, i) = out.squares(i, k);
  return out;
}

}  // namespace core
