// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/loudness.h"

#include <ebur128.h>

#include <algorithm>
#include <cmath>
#include <xtensor/xadapt.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>

#include "core/analysis/stft.h"

namespace core {
namespace {
constexpr double kRate = 16000;

std::vector<double> weights(int size) {
  std::vector<double> a(static_cast<std::size_t>(size / 2 + 1));
  for (std::size_t k = 0; k < a.size(); ++k) a[k] = aWeight(static_cast<double>(k) * kRate / size);
  return a;
}
}  // namespace

double integratedLoudness(const AudioData& audio) {
  const auto channels = static_cast<unsigned>(audio.channels.size());
  if (channels == 0) return -HUGE_VAL;
  ebur128_state* state = ebur128_init(channels, static_cast<unsigned long>(std::lround(audio.rate)), EBUR128_MODE_I);
  if (!state) return -HUGE_VAL;
  std::vector<float> interleaved(audio.frames() * channels);
  for (std::size_t i = 0; i < audio.frames(); ++i)
    for (std::size_t c = 0; c < channels; ++c) interleaved[i * channels + c] = audio.channels[c][i];
  double lufs = -HUGE_VAL;
  ebur128_add_frames_float(state, interleaved.data(), audio.frames());
  ebur128_loudness_global(state, &lufs);
  ebur128_destroy(&state);
  return lufs;
}

double aWeight(double hertz) {
  const double f2 = std::pow(std::max(hertz, 1e-6), 2);
  const auto corner = [f2](double f) { return std::log10(f2 + f * f); };
  return 2.0 + 20 * (2 * std::log10(12194.217) + 2 * std::log10(f2) - corner(12194.217) - corner(20.598997) -
                     0.5 * corner(107.65265) - 0.5 * corner(737.86223));
}

std::vector<double> loudnessSigma(std::span<const double> x) {
  const Spectrogram s = spectrogram(x, 2048, 64);
  const std::vector<double> a = weights(2048);
  xt::xtensor<double, 2> level = 10 * xt::log10(xt::maximum(xt::square(s.values), 1e-15));
  for (std::size_t f = 0; f < level.shape(0); ++f) xt::row(level, static_cast<std::ptrdiff_t>(f)) += xt::adapt(a);
  const double lowest = xt::amax(level)() - 200;
  std::vector<double> out;
  for (std::size_t f = 0; f < level.shape(0); ++f) {
    double sum = 0;
    for (std::size_t k = 0; k < a.size(); ++k) sum += std::pow(10.0, std::max(level(f, k), lowest) / 20);
    out.push_back((std::log(sum / static_cast<double>(a.size()) + 1e-4) + 4.0599) / 3.5105);
  }
  return out;
}

std::vector<double> loudnessDecibels(std::span<const double> x) {
  const Spectrogram s = spectrogram(x, 512, 64);
  std::vector<double> power = weights(512);
  for (double& w : power) w = std::pow(10.0, w / 10);
  std::vector<double> out;
  for (int f = 0; f < s.frames; ++f) {
    double sum = 0;
    for (std::size_t k = 0; k < power.size(); ++k) sum += s.row(f)[k] * s.row(f)[k] * power[k];
    out.push_back(std::max(10 * std::log10(std::max(sum / static_cast<double>(power.size()), 1e-20)), -80.0));
  }
  return out;
}

}  // namespace core
