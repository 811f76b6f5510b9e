// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/compare.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <xtensor/xmath.hpp>

#include "core/analysis/loudness.h"
#include "core/analysis/pitch.h"
#include "core/analysis/stft.h"

namespace core {
namespace {
constexpr double kLow = 16000, kHigh = 44100;

double rms(std::span<const double> x) {
  double sum = 0;
  for (const double v : x) sum += v * v;
  return x.empty() ? 0 : std::sqrt(sum / static_cast<double>(x.size()));
}
double meanDifference(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] - b[i]);
  return sum / static_cast<double>(a.size());
}

/// Multi-scale spectral distance of DDSP (Engel et al., ICLR 2020), floored.
double multiScale(std::span<const double> x, std::span<const double> y) {
  double total = 0;
  for (const int size : {2048, 1024, 512, 256, 128, 64}) {
    const Spectrogram a = spectrogram(x, size, size / 4), b = spectrogram(y, size, size / 4);
    const double linear = xt::mean(xt::abs(a.values - b.values), xt::evaluation_strategy::immediate)();
    const auto ratio = xt::maximum(a.values, 1e-5) / xt::maximum(b.values, 1e-5);
    total += linear + xt::mean(xt::abs(xt::log(ratio)), xt::evaluation_strategy::immediate)();
  }
  return total / 6;
}

double logSpectral(std::span<const double> x, std::span<const double> y) {
  const Spectrogram a = spectrogram(x, 2048, 512), b = spectrogram(y, 2048, 512);
  const double floor = std::max(xt::amax(a.values)() * 1e-4, 1e-12);
  const auto bins = static_cast<std::size_t>(0.9 * a.bins);
  double total = 0;
  for (int f = 0; f < a.frames; ++f) {
    double sum = 0;
    for (std::size_t k = 0; k < bins; ++k) {
      const double d = 20 * std::log10(std::max(a.row(f)[k], floor) / std::max(b.row(f)[k], floor));
      sum += d * d;
    }
    total += std::sqrt(sum / static_cast<double>(bins));
  }
  return total / a.frames;
}

void comparePitch(std::span<const double> x, std::span<const double> y, Comparison& c) {
  const std::vector<YinFrame> a = yin(x, kLow, {}), b = yin(y, kLow, {});
  std::vector<double> away;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].confidence > 0.85 && a[i].f0 > 0)
      away.push_back(std::abs(12 * std::log2(std::max(a[i].f0, 1.0) / std::max(b[i].f0, 1.0))));
  if (away.empty()) return;
  c.pitched = true;
  const auto count = static_cast<double>(away.size());
  for (const double d : away) {
    c.f0Semitones += d / count;
    c.f0OutlierFrames += (d > 0.5) / count;
  }
  std::sort(away.begin(), away.end());
  c.f0Median = 0.5 * (away[(away.size() - 1) / 2] + away[away.size() / 2]);
  c.voiced = count / static_cast<double>(a.size());
}
}  // namespace

std::vector<double> monoAt(const AudioData& audio, double rate) {
  AudioData mono;
  mono.rate = audio.rate;
  mono.channels = {audio.folded()};
  const AudioData at = resample(mono, rate, ResampleQuality::standard);
  return {at.channels[0].begin(), at.channels[0].end()};
}

double logSpectralDistance(const AudioData& target, const AudioData& output) {
  if (target.frames() == 0 || output.frames() == 0) return 0;
  std::vector<double> x = monoAt(target, kHigh), y = monoAt(output, kHigh);
  x.resize(std::min(x.size(), y.size()));
  y.resize(x.size());
  return logSpectral(x, y);
}

Comparison compare(const AudioData& target, const AudioData& output) {
  Comparison c;
  if (target.frames() == 0 || output.frames() == 0) return c;
  std::vector<double> x = monoAt(target, kLow), y = monoAt(output, kLow);
  x.resize(std::min(x.size(), y.size()));
  y.resize(x.size());
  c.seconds = static_cast<double>(x.size()) / kLow;
  c.rmsTarget = rms(x);
  c.rmsOutput = rms(y);
  c.mss = multiScale(x, y);
  c.loudSigma = meanDifference(loudnessSigma(x), loudnessSigma(y));
  c.loudDb = meanDifference(loudnessDecibels(x), loudnessDecibels(y));
  comparePitch(x, y, c);
  c.lsdDb = logSpectralDistance(target, output);
  return c;
}

std::vector<Measure> measures(const Comparison& c) {
  std::vector<Measure> rows = {
      {"seconds", c.seconds, "length compared, s: the shorter of the two"},
      {"rms_target", c.rmsTarget, "root mean square of the target, full scale 1"},
      {"rms_output", c.rmsOutput, "root mean square of the output, full scale 1"},
      {"mss", c.mss,
       "multi-scale spectral distance of DDSP: mean L1 of magnitudes plus mean L1 of natural log magnitudes (floor "
       "1e-5), "
       "Hann windows of 2048 to 64 at 16 kHz mono, hop a quarter, averaged over the six sizes"},
      {"lsd_db", c.lsdDb,
       "log-spectral distance, dB: rms over bins up to 0.45 of 44.1 kHz, floored 80 dB below the target's peak bin, "
       "Hann 2048, hop 512, mean over frames"},
      {"loud_sigma", c.loudSigma,
       "loudness L1 as the DDSP paper measured it, in standard deviations (16 kHz, Hann 2048, hop 64, A-weighted, "
       "ln(x + 1e-4) / 3.5105)"},
      {"loud_db", c.loudDb,
       "loudness L1, dB, as DDSP measures since 2022 (16 kHz, Hann 512, hop 64, A-weighted power mean, floor -80 dB)"}};
  if (!c.pitched) return rows;
  rows.push_back({"f0_semitones", c.f0Semitones,
                  "mean difference of pitch in semitones over frames in which the target is voiced (YIN, hop 10 ms)"});
  rows.push_back({"f0_median", c.f0Median, "median difference of pitch in semitones over those frames"});
  rows.push_back({"f0_outlier_frames", c.f0OutlierFrames, "share of those frames more than half a semitone away"});
  rows.push_back({"voiced", c.voiced, "share of frames in which the target is voiced (confidence above 0.85)"});
  return rows;
}

}  // namespace core
