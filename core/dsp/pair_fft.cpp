// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/dsp/pair_fft.h"

#include "core/dsp/wide.h"

namespace core {
namespace {
std::size_t at(int i) { return static_cast<std::size_t>(i); }

struct Eight {
  Wide re, im;
};
/// Eight bins from there on; and those that end there, the last one first.
Eight loadBins(const std::complex<Sample>* from) {
  const auto* x = reinterpret_cast<const Sample*>(from);
  const Wide a = load<kWide>(x), b = load<kWide>(x + kWide);
  return {__builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14),
          __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15)};
}
Eight loadFallingBins(const std::complex<Sample>* last) {
  const auto* x = reinterpret_cast<const Sample*>(last - (kWide - 1));
  const Wide a = load<kWide>(x), b = load<kWide>(x + kWide);
  return {__builtin_shufflevector(a, b, 14, 12, 10, 8, 6, 4, 2, 0),
          __builtin_shufflevector(a, b, 15, 13, 11, 9, 7, 5, 3, 1)};
}
void storeBins(std::complex<Sample>* to, const Wide& re, const Wide& im) {
  auto* x = reinterpret_cast<Sample*>(to);
  store<kWide>(x, __builtin_shufflevector(re, im, 0, 8, 1, 9, 2, 10, 3, 11));
  store<kWide>(x + kWide, __builtin_shufflevector(re, im, 4, 12, 5, 13, 6, 14, 7, 15));
}
void storeFallingBins(std::complex<Sample>* last, const Wide& re, const Wide& im) {
  auto* x = reinterpret_cast<Sample*>(last - (kWide - 1));
  store<kWide>(x, __builtin_shufflevector(re, im, 7, 15, 6, 14, 5, 13, 4, 12));
  store<kWide>(x + kWide, __builtin_shufflevector(re, im, 3, 11, 2, 10, 1, 9, 0, 8));
}
}  // namespace

PairFft::PairFft(int size)
    : fft_(sharedComplexFft(size)), row_((size / 2 + kWide) / kWide * kWide), time_(at(size)), bins_(at(size + 1)) {}

PairSpectra PairFft::spectra() const {
  PairSpectra s;
  for (auto* parts : {&s.re, &s.im})
    for (AlignedArray<Sample>& part : *parts) part = AlignedArray<Sample>(at(row_));
  return s;
}

void PairFft::forward(PairSpectra& to) {
  const int size = fft_->size(), half = size / 2, whole = half / kWide * kWide;
  fft_->forward(time_.data(), bins_.data());
  bins_[at(size)] = bins_[0];
  for (int k = 0; k < whole; k += kWide) {
    const Eight z = loadBins(&bins_[at(k)]), mirrored = loadFallingBins(&bins_[at(size - k)]);
    store<kWide>(&to.re[0][at(k)], 0.5_s * (z.re + mirrored.re));
    store<kWide>(&to.im[0][at(k)], 0.5_s * (z.im - mirrored.im));
    store<kWide>(&to.re[1][at(k)], 0.5_s * (z.im + mirrored.im));
    store<kWide>(&to.im[1][at(k)], 0.5_s * (mirrored.re - z.re));
  }
  for (int k = whole; k <= half; ++k) {
    const std::complex<Sample> z = bins_[at(k)], mirrored = bins_[at(size - k)];
    to.re[0][at(k)] = 0.5_s * (z.real() + mirrored.real());
    to.im[0][at(k)] = 0.5_s * (z.imag() - mirrored.imag());
    to.re[1][at(k)] = 0.5_s * (z.imag() + mirrored.imag());
    to.im[1][at(k)] = 0.5_s * (mirrored.real() - z.real());
  }
}

void PairFft::inverse(const PairSpectra& from) {
  const int size = fft_->size(), half = size / 2, whole = half / kWide * kWide;
  for (int k = whole; k <= half; ++k) {
    const Sample a = from.re[0][at(k)], b = from.im[0][at(k)], c = from.re[1][at(k)], d = from.im[1][at(k)];
    bins_[at(size - k)] = {a + d, c - b};
    bins_[at(k)] = {a - d, b + c};
  }
  for (int k = 0; k < whole; k += kWide) {
    const auto part = [k](const AlignedArray<Sample>& x) { return load<kWide>(&x[at(k)]); };
    const Wide a = part(from.re[0]), b = part(from.im[0]), c = part(from.re[1]), d = part(from.im[1]);
    storeFallingBins(&bins_[at(size - k)], a + d, c - b);
    storeBins(&bins_[at(k)], a - d, b + c);
  }
  fft_->inverse(bins_.data(), time_.data());
}

}  // namespace core
