// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/dsp/partitioned.h"

#include <algorithm>

#include "core/dsp/wide.h"

namespace core {
namespace {
constexpr int kBins = PartitionedResponse::kBins;
constexpr int kRow = 2 * kBins;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Spreads a spectrum over rows of kBins bins; the real bins 0 and `block` share the first element.
void packSpectrum(const std::complex<Sample>* from, int block, Sample scale, Sample* to, std::ptrdiff_t stride) {
  for (int g = 0; g < block / kBins; ++g, to += stride)
    for (int i = 0; i < kBins; ++i) {
      to[i] = from[g * kBins + i].real() * scale;
      to[kBins + i] = from[g * kBins + i].imag() * scale;
    }
  (to - stride * (block / kBins))[kBins] = from[block].real() * scale;
}

/// Next length >= n with the prime factors 2, 3 and 5 only, even.
int goodLength(int n) {
  for (int size = n + n % 2;; size += 2) {
    int rest = size;
    for (const int p : {2, 3, 5})
      while (rest % p == 0) rest /= p;
    if (rest == 1) return size;
  }
}
}  // namespace

PartitionedResponse::PartitionedResponse(std::span<const Sample> response) : head_(at(kHead), 0.0_s) {
  const int length = static_cast<int>(response.size());
  std::copy_n(response.begin(), std::min(length, kHead), head_.begin());
  // block, first tap, end: measured best for 2 s on one core among sizes of powers of two
  constexpr int kPlan[][3] = {{128, kHead, 1024}, {512, 1024, 8192}, {4096, 8192, 1 << 30}};
  for (const auto& [block, offset, end] : kPlan) {
    if (length <= offset) break;
    Stage s{block, offset, (std::min(length, end) - offset + block - 1) / block, sharedFft(2 * block), {}};
    s.spectra.resize(at(static_cast<std::int64_t>(s.groups()) * s.partitions * kRow));
    AlignedArray<Sample> part(at(2 * block));
    const AlignedArray<std::complex<Sample>> spectrum(at(block + 1));
    for (int p = 0; p < s.partitions; ++p) {
      const int first = offset + p * block, count = std::min(block, length - first);
      part.clear();
      std::copy_n(response.begin() + first, count, part.data());
      s.fft->forward(part.data(), spectrum.data());
      packSpectrum(spectrum.data(), block, 0.5_s / static_cast<Sample>(block), &s.spectra[at(p * kRow)],
                   s.partitions * kRow);
    }
    stages_.push_back(std::move(s));
  }
}

Convolver::Convolver(const PartitionedResponse& response) : recent_(at(PartitionedResponse::kHead + kTick)) {
  int most = 0;
  for (const auto& s : response.stages()) {
    stages_.push_back({AlignedArray<Sample>(at(2 * s.block)), AlignedArray<Sample>(s.spectra.size()),
                       AlignedArray<std::complex<Sample>>(at(s.block + 1)), AlignedArray<Sample>(at(s.block)),
                       AlignedArray<Sample>(at(s.block))});
    most = std::max(most, s.block);
  }
  spectrum_ = AlignedArray<std::complex<Sample>>(at(most + 1));
  time_ = AlignedArray<Sample>(at(2 * most));
}

void Convolver::reset() {
  recent_.clear();
  for (Stage& s : stages_) {
    for (auto* v : {&s.input, &s.spectra, &s.made, &s.played}) v->clear();
    s.product.clear();
  }
}

void Convolver::run(const PartitionedResponse& response, std::int64_t tick, const Sample* x, Sample* y) {
  Sample* recent = recent_.data();
  std::copy_n(recent + kTick, PartitionedResponse::kHead, recent);
  std::copy_n(x, kTick, recent + PartitionedResponse::kHead);
  std::fill_n(y, kTick, 0.0_s);
  addFirTick(response.head(), PartitionedResponse::kHead, recent + PartitionedResponse::kHead, y);
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    const auto& plan = response.stages()[i];
    Stage& s = stages_[i];
    const int ticks = plan.ticks(), phase = static_cast<int>(tick % ticks);
    const std::int64_t slot = tick / ticks % plan.partitions;
    if (phase == 0) {
      std::swap(s.played, s.made);
      transform(plan, s, slot);
    }
    std::copy_n(x, kTick, s.input.data() + plan.block + phase * kTick);
    for (int g = phase * plan.groups() / ticks; g < (phase + 1) * plan.groups() / ticks; ++g)
      multiply(plan, s, slot, g);
    if (phase == ticks - 1) {
      plan.fft->inverse(s.product.data(), time_.data());
      std::copy_n(time_.data() + plan.block, plan.block, s.made.data());
    }
    const Sample* from = &s.played[at(phase * kTick)];
    for (int n = 0; n < kTick; ++n) y[n] += from[n];
  }
}

/// The block of input that has just become whole, together with the one before it.
void Convolver::transform(const PartitionedResponse::Stage& plan, Stage& stage, std::int64_t slot) {
  plan.fft->forward(stage.input.data(), spectrum_.data());
  packSpectrum(spectrum_.data(), plan.block, 1, &stage.spectra[at(slot * kRow)], plan.partitions * kRow);
  std::copy_n(stage.input.data() + plan.block, plan.block, stage.input.data());
}

/// Sums kBins bins over all partitions; partition p meets the block that ended p blocks ago.
void Convolver::multiply(const PartitionedResponse::Stage& plan, Stage& stage, std::int64_t slot, int group) {
  const std::int64_t first = static_cast<std::int64_t>(group) * plan.partitions * kRow;
  const Sample* h = &plan.spectra[at(first)];
  const Sample* x = &stage.spectra[at(first)];
  constexpr int kVectors = kBins / kWide;
  std::array<Wide, kVectors> real, imaginary;
  real.fill(splat<kWide>(0));
  imaginary.fill(splat<kWide>(0));
  Sample lowest = 0, highest = 0;  // bins 0 and block are real
  for (int p = 0; p < plan.partitions; ++p, h += kRow) {
    const std::int64_t from = slot - p >= 0 ? slot - p : slot - p + plan.partitions;
    const Sample* u = x + from * kRow;
    for (int v = 0; v < kVectors; ++v) {
      const auto i = static_cast<std::size_t>(v);
      const Wide ur = load<kWide>(u + v * kWide), ui = load<kWide>(u + kBins + v * kWide);
      const Wide hr = load<kWide>(h + v * kWide), hi = load<kWide>(h + kBins + v * kWide);
      real[i] = multiplyAdd<kWide>(ur, hr, real[i]);
      imaginary[i] = multiplyAdd<kWide>(ur, hi, imaginary[i]);
      real[i] = multiplyAdd<kWide>(-ui, hi, real[i]);
      imaginary[i] = multiplyAdd<kWide>(ui, hr, imaginary[i]);
    }
    lowest += u[0] * h[0];
    highest += u[kBins] * h[kBins];
  }
  std::complex<Sample>* out = &stage.product[at(group * kBins)];
  for (int v = 0; v < kVectors; ++v)
    for (int l = 0; l < kWide; ++l)
      out[v * kWide + l] = {real[static_cast<std::size_t>(v)][l], imaginary[static_cast<std::size_t>(v)][l]};
  if (group > 0) return;
  stage.product[0] = lowest;
  stage.product[at(plan.block)] = highest;
}

namespace {
constexpr int kPairs = kWide / 2;  // complex numbers in a vector

Wide loadPairs(const std::complex<Sample>* x) { return load<kWide>(reinterpret_cast<const Sample*>(x)); }
void storePairs(std::complex<Sample>* x, const Wide& v) { store<kWide>(reinterpret_cast<Sample*>(x), v); }
/// a b of complex numbers, or conj(a) b.
template <bool conjugate>
Wide product(const Wide& a, const Wide& b) {
  const Wide real = __builtin_shufflevector(a, a, 0, 0, 2, 2, 4, 4, 6, 6);
  const Wide imaginary = __builtin_shufflevector(a, a, 1, 1, 3, 3, 5, 5, 7, 7);
  const Wide turned = __builtin_shufflevector(b, b, 1, 0, 3, 2, 5, 4, 7, 6);
  constexpr Sample s = conjugate ? 1 : -1;
  return multiplyAdd<kWide>(real, b, imaginary * Wide{s, -s, s, -s, s, -s, s, -s} * turned);
}
}  // namespace

void ConvolutionSweep::begin(std::span<const Sample> response, int frames) {
  const int size = goodLength(frames + static_cast<int>(response.size()) - 1);
  if (!fft_ || fft_->size() != size) {
    fft_ = sharedComplexFft(size);
    for (auto* array : {&time_, &response_, &cotangent_, &product_, &sum_})  // whole vectors, zeros behind the end
      *array = AlignedArray<Pair>(at((size + kPairs - 1) / kPairs * kPairs));
  }
  time_.clear();
  const Sample scale = 1.0_s / static_cast<Sample>(size);
  for (std::size_t j = 0; j < response.size(); ++j) time_[response.size() - 1 - j] = response[j] * scale;
  fft_->forward(time_.data(), response_.data());
  sum_.clear();
}

void ConvolutionSweep::transform(std::span<const Pair> x, AlignedArray<Pair>& to) {
  std::copy(x.begin(), x.end(), time_.data());
  std::fill(time_.data() + x.size(), time_.data() + time_.size(), Pair());
  fft_->forward(time_.data(), to.data());
}

void ConvolutionSweep::add(std::span<const Pair> dy, std::span<const Pair> past, std::span<Pair> dPast) {
  transform(dy, cotangent_);
  transform(past, product_);
  // d response[taps - 1 - m] = sum over n of dy[n] past[n + m]: a correlation, whose real part adds both signals'.
  // d past[m] = sum over j of response[j] dy[m - (taps - 1) + j]: dy convolved with the response backwards.
  for (std::size_t k = 0; k < sum_.size(); k += kPairs) {
    const Wide d = loadPairs(&cotangent_[k]);
    storePairs(&sum_[k], loadPairs(&sum_[k]) + product<true>(d, loadPairs(&product_[k])));
    storePairs(&product_[k], product<false>(d, loadPairs(&response_[k])));
  }
  fft_->inverse(product_.data(), time_.data());
  for (std::size_t m = 0; m < dPast.size(); ++m) dPast[m] += time_[m];
}

void ConvolutionSweep::end(std::span<Sample> dResponse) {
  const Sample scale = 1.0_s / static_cast<Sample>(fft_->size());
  fft_->inverse(sum_.data(), time_.data());
  for (std::size_t j = 0; j < dResponse.size(); ++j) dResponse[j] += time_[dResponse.size() - 1 - j].real() * scale;
}

}  // namespace core
