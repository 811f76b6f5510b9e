// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/fit/spectrogram.h"

#include <algorithm>
#include <cmath>
#include <complex>

#include "core/dsp/fft.h"
#include "ui/theme.h"

namespace ui {
namespace {
constexpr int kSize = 2048;
constexpr double kLowest = 30, kHighest = 16000;
constexpr float kFloor = -84, kTop = -6;
constexpr float kFullDifference = 24;

double hertzOf(double row) { return kLowest * std::pow(kHighest / kLowest, row / Spectrogram::kRows); }
float loudness(float db) { return std::clamp((db - kFloor) / (kTop - kFloor), 0.0F, 1.0F); }
QRgb mix(const QColor& a, const QColor& b, float u) {
  const auto part = [u](int x, int y) {
    return static_cast<int>(static_cast<float>(x) + u * static_cast<float>(y - x));
  };
  return qRgb(part(a.red(), b.red()), part(a.green(), b.green()), part(a.blue(), b.blue()));
}
}  // namespace

Spectrogram analyse(const std::vector<float>& sound, double rate) {
  Spectrogram out;
  const std::size_t length = std::min(sound.size(), static_cast<std::size_t>(60 * rate));
  if (length == 0) return out;
  out.seconds = static_cast<double>(length) / rate;
  out.level.assign(static_cast<std::size_t>(Spectrogram::kRows * Spectrogram::kColumns), kFloor);
  const core::RealFft fft(kSize);
  std::vector<core::Sample> frame(kSize);
  std::vector<std::complex<core::Sample>> bins(static_cast<std::size_t>(fft.bins()));
  for (int c = 0; c < Spectrogram::kColumns; ++c) {
    const auto middle = static_cast<std::ptrdiff_t>((c + 0.5) / Spectrogram::kColumns * static_cast<double>(length));
    for (int i = 0; i < kSize; ++i) {
      const std::ptrdiff_t at = middle - kSize / 2 + i;
      const float x = at < 0 || at >= static_cast<std::ptrdiff_t>(length) ? 0 : sound[static_cast<std::size_t>(at)];
      frame[static_cast<std::size_t>(i)] = x * static_cast<float>(0.5 - 0.5 * std::cos(2 * M_PI * i / kSize));
    }
    fft.forward(frame.data(), bins.data());
    for (int r = 0; r < Spectrogram::kRows; ++r) {
      const int low = std::clamp(static_cast<int>(hertzOf(r) / rate * kSize), 1, fft.bins() - 1);
      const int high = std::clamp(static_cast<int>(std::ceil(hertzOf(r + 1) / rate * kSize)), low, fft.bins() - 1);
      float most = 1e-9F;
      for (int b = low; b <= high; ++b)
        most = std::max(most, static_cast<float>(std::abs(bins[static_cast<std::size_t>(b)])));
      out.level[static_cast<std::size_t>(r * Spectrogram::kColumns + c)] = 20 * std::log10(most * 4 / kSize);
    }
    const std::size_t from = static_cast<std::size_t>(c) * length / Spectrogram::kColumns;
    const std::size_t to = static_cast<std::size_t>(c + 1) * length / Spectrogram::kColumns;
    float peak = 0;
    for (std::size_t i = from; i < to; ++i) peak = std::max(peak, std::fabs(sound[i]));
    out.outline.push_back(peak);
  }
  return out;
}

QImage paintLevels(const Spectrogram& s) {
  QImage image(Spectrogram::kColumns, Spectrogram::kRows, QImage::Format_RGB32);
  const Theme& t = theme();
  image.fill(t.field);
  if (s.level.empty()) return image;
  for (int r = 0; r < Spectrogram::kRows; ++r) {
    auto* line = reinterpret_cast<QRgb*>(image.scanLine(Spectrogram::kRows - 1 - r));
    for (int c = 0; c < Spectrogram::kColumns; ++c) {
      const float u = loudness(s.level[static_cast<std::size_t>(r * Spectrogram::kColumns + c)]);
      line[c] = mix(t.field, t.audio, std::pow(u, 1.6F));
    }
  }
  return image;
}

QImage paintDifference(const Spectrogram& target, const Spectrogram& patch) {
  QImage image(Spectrogram::kColumns, Spectrogram::kRows, QImage::Format_RGB32);
  const Theme& t = theme();
  image.fill(t.field);
  if (target.level.empty() || patch.level.empty()) return image;
  for (int r = 0; r < Spectrogram::kRows; ++r) {
    auto* line = reinterpret_cast<QRgb*>(image.scanLine(Spectrogram::kRows - 1 - r));
    for (int c = 0; c < Spectrogram::kColumns; ++c) {
      const auto at = static_cast<std::size_t>(r * Spectrogram::kColumns + c);
      const float d = std::max(patch.level[at], kFloor) - std::max(target.level[at], kFloor);
      // what is inaudible in both does not matter
      const float weight = loudness(std::max(target.level[at], patch.level[at]));
      line[c] =
          mix(t.field, d > 0 ? t.accent : t.bad, std::min(1.0F, std::fabs(d) / kFullDifference) * std::sqrt(weight));
    }
  }
  return image;
}

}  // namespace ui
