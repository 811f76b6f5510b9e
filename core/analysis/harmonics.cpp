// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/harmonics.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/analysis/stft.h"
#include "core/dsp/fft.h"

namespace core {
namespace {
constexpr double kTurn = 2 * std::numbers::pi;
std::size_t at(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }
}  // namespace

HarmonicModel measureHarmonics(std::span<const double> x, double rate, const PitchTrack& pitch, double frameRate,
                               int count, const std::function<double(double)>& weight,
                               const std::function<bool()>& stop) {
  HarmonicModel model;
  model.frameRate = frameRate;
  model.count = count;
  const auto length = static_cast<std::ptrdiff_t>(x.size());
  const int moments = static_cast<int>(static_cast<double>(length) / rate * frameRate) + 2;
  std::vector<double> part;
  for (int m = 0; m < moments && !stop(); ++m) {
    const double seconds = m / frameRate, centre = seconds * rate;
    const double f0 = std::max(20.0, pitch.at(seconds)), span = std::max(4 * rate / f0, 0.006 * rate);
    const auto first = static_cast<std::ptrdiff_t>(std::ceil(centre - span / 2));
    const auto last = static_cast<std::ptrdiff_t>(std::floor(centre + span / 2));
    part.assign(at(last - first + 1), 0.0);
    for (std::ptrdiff_t i = std::max<std::ptrdiff_t>(first, 0); i <= std::min(last, length - 1); ++i)
      part[at(i - first)] = x[at(i)] * (0.5 + 0.5 * std::cos(kTurn * (static_cast<double>(i) - centre) / span));
    model.f0.push_back(f0);
    const double trust = weight(seconds) * 4 / span;  // two sides of the spectrum, half the window's length
    for (int k = 1; k <= count; ++k) {
      std::complex<double> sum = 0;
      if (k * f0 < 0.48 * rate) {
        const std::complex<double> turn = std::polar(1.0, -kTurn * k * f0 / rate);
        std::complex<double> carrier = std::polar(1.0, -kTurn * k * f0 / rate * (static_cast<double>(first) - centre));
        for (const double v : part) {
          sum += v * carrier;
          carrier = {carrier.real() * turn.real() - carrier.imag() * turn.imag(),
                     carrier.real() * turn.imag() + carrier.imag() * turn.real()};
        }
      }
      model.amplitudes.push_back(sum * trust);
    }
  }
  return model;
}

std::vector<double> residual(std::span<const double> x, double rate, const HarmonicModel& model,
                             const std::function<bool()>& stop) {
  std::vector<double> left(x.begin(), x.end());
  const double hop = rate / model.frameRate;
  for (int m = 0; m < model.moments() && !stop(); ++m) {
    const double centre = m * hop;
    const auto first = std::max<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(std::ceil(centre - hop)));
    const auto last =
        std::min(static_cast<std::ptrdiff_t>(x.size()) - 1, static_cast<std::ptrdiff_t>(std::floor(centre + hop)));
    for (int k = 0; k < model.count; ++k) {
      const std::complex<double> c = model.row(m)[k];
      if (std::norm(c) < 1e-16) continue;
      const double step = kTurn * (k + 1) * model.f0[at(m)] / rate;
      const std::complex<double> turn = std::polar(1.0, step);
      std::complex<double> wave = c * std::polar(1.0, step * (static_cast<double>(first) - centre));
      for (std::ptrdiff_t i = first; i <= last; ++i) {
        left[at(i)] -= wave.real() * (1 - std::abs(static_cast<double>(i) - centre) / hop);
        wave = {wave.real() * turn.real() - wave.imag() * turn.imag(),
                wave.real() * turn.imag() + wave.imag() * turn.real()};
      }
    }
  }
  return left;
}

std::vector<double> noiseBands(std::span<const double> x, double rate, double frameRate, int moments, int bands,
                               double variance, double delay, const std::function<bool()>& stop) {
  const int size = 512;
  const ExactFft fft(size);
  const std::vector<double> window = hannWindow(size);
  double energy = 0;
  for (const double w : window) energy += w * w;
  std::vector<double> frame(window.size()), out;
  std::vector<std::complex<double>> bins(at(fft.bins()));
  const auto length = static_cast<std::ptrdiff_t>(x.size());
  const double spacing = 0.5 * size / (bands - 1);  // bins between band centres
  for (int m = 0; m < moments && !stop(); ++m) {
    const auto start = static_cast<std::ptrdiff_t>(std::lround((m / frameRate + delay) * rate)) - size / 2;
    for (int i = 0; i < size; ++i)
      frame[at(i)] = start + i >= 0 && start + i < length ? x[at(start + i)] * window[at(i)] : 0.0;
    fft.forward(frame.data(), bins.data());
    for (int b = 0; b < bands; ++b) {
      const double centre = b * spacing, reach = std::max(spacing, 1.0);
      double power = 0, weight = 1e-12;
      for (int k = std::max(0, static_cast<int>(std::ceil(centre - reach)));
           k <= std::min(fft.bins() - 1, static_cast<int>(centre + reach)); ++k) {
        const double w = 1 - std::abs(k - centre) / (reach + 1e-9);
        power += w * std::norm(bins[at(k)]);
        weight += w;
      }
      out.push_back(std::sqrt(power / weight / energy / variance));
    }
  }
  out.resize(at(moments) * at(bands), 0.0);
  return out;
}

}  // namespace core
