// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/stft.h"

#include <cmath>
#include <numbers>

#include "core/dsp/fft.h"

namespace core {

std::vector<double> hannWindow(int size) {
  std::vector<double> w(static_cast<std::size_t>(size));
  for (int i = 0; i < size; ++i) w[static_cast<std::size_t>(i)] = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * i / size);
  return w;
}

Spectrogram spectrogram(std::span<const double> x, int size, int hop) {
  const ExactFft fft(size);
  const std::vector<double> window = hannWindow(size);
  Spectrogram out;
  out.frames = 1 + static_cast<int>(x.size()) / hop;
  out.bins = fft.bins();
  out.values.resize({static_cast<std::size_t>(out.frames), static_cast<std::size_t>(out.bins)});
  std::vector<double> frame(window.size());
  std::vector<std::complex<double>> spectrum(static_cast<std::size_t>(out.bins));
  const auto length = static_cast<std::ptrdiff_t>(x.size());
  double* to = out.values.data();
  for (int f = 0; f < out.frames; ++f) {
    const std::ptrdiff_t start = static_cast<std::ptrdiff_t>(f) * hop - size / 2;
    for (int i = 0; i < size; ++i) {
      const std::ptrdiff_t at = start + i;
      const auto k = static_cast<std::size_t>(i);
      frame[k] = at >= 0 && at < length ? x[static_cast<std::size_t>(at)] * window[k] : 0.0;
    }
    fft.forward(frame.data(), spectrum.data());
    for (const auto& bin : spectrum) *to++ = std::abs(bin);
  }
  return out;
}

}  // namespace core
