// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/neural/baselines.h"

#include <algorithm>
#include <cmath>

#include "core/analysis/compare.h"
#include "core/analysis/loudness.h"
#include "core/fit/initial.h"
#include "core/fit/session.h"
#include "core/graph/render.h"
#include "core/neural/parts_detail.h"

namespace core {
namespace {
constexpr double kFrameRate = 250;
constexpr int kHarmonics = 100, kBands = 65;

PatchNode node(const char* id, const char* type) {
  PatchNode n;
  n.id = id;
  n.type = type;
  return n;
}
PatchNode track(const char* id, double seconds, int width) {
  PatchNode n = node(id, parts::kTrack);
  n.settings["length"].number = seconds;
  n.settings["frame-rate"].number = kFrameRate;
  n.settings["width"].number = width;
  n.free = {"track"};
  return n;
}
/// As many rows as a track of that length has; the last value stays.
std::shared_ptr<const Blob> rows(const std::vector<double>& values, double seconds) {
  const auto count = static_cast<std::size_t>(std::ceil(seconds * kFrameRate)) + 1;
  Blob blob{{static_cast<int>(count), 1}, {}};
  for (std::size_t i = 0; i < count; ++i)
    blob.data.push_back(static_cast<float>(values[std::min(i, values.size() - 1)]));
  return std::make_shared<const Blob>(std::move(blob));
}

/// Plays a patch for as long as the sound.
Result<AudioData> play(const Patch& patch, const AudioData& sound, const Registry& registry) {
  RenderOptions options;
  options.seconds = sound.seconds();
  auto rendering = render(patch, registry, options);
  if (!rendering) return rendering.error();
  return AudioData{rendering->rate, {std::move(rendering->channels[0])}};
}
bool never() { return false; }
}  // namespace

Result<AudioData> oracle(const AudioData& sound, const Registry& registry) {
  Patch p;
  p.rate = sound.rate;
  const double seconds = sound.seconds();
  p.nodes = {
      track("f0", seconds, 1),         track("level", seconds, 1),          track("levels", seconds, kHarmonics),
      track("bands", seconds, kBands), node("harmonic", "source.harmonic"), node("noise", "source.filtered-noise"),
      node("out", "structure.output")};
  p.nodes[4].settings["harmonics"].number = kHarmonics;
  p.nodes[5].settings["bands"].number = kBands;
  p.cables = {{"f0", "out", "harmonic", "f0"},
              {"level", "out", "harmonic", "amplitude"},
              {"levels", "out", "harmonic", "harmonics"},
              {"bands", "out", "noise", "magnitudes"},
              {"harmonic", "out", "out", "in"},
              {"noise", "out", "out", "in"}};
  p.phrase.clear();
  const auto plan = compilePlan(p, registry, {.rate = p.rate});
  if (!plan) return plan.error();
  const std::vector<double> x = monoAt(sound, sound.rate);
  const std::vector<Sample> samples(x.begin(), x.end());
  writeTracks(p, *plan, declaredFree(p, registry), analyse(x, sound.rate), samples, never);
  return play(p, sound, registry);
}

Result<AudioData> bareTone(const AudioData& sound, const std::string& waveform, const Registry& registry) {
  constexpr int kRounds = 3;  // windows overlap, so gains are found step by step
  constexpr double kRate = 16000;
  const std::vector<double> x = monoAt(sound, sound.rate);
  const TargetAnalysis analysis = analyse(x, sound.rate);
  std::vector<double> pitch;
  const double seconds = sound.seconds();
  for (double t = 0; t < seconds; t += 1 / kFrameRate)
    pitch.push_back(std::log2(std::max(20.0, analysis.pitch.at(t)) / kC4Hz));
  // amplitude as the paper's loudness reads it (core/analysis/loudness.h)
  const auto amplitude = [](double sigma) { return std::max(std::exp(3.5105 * sigma - 4.0599) - 1e-4, 1e-9); };
  const std::vector<double> wanted = loudnessSigma(monoAt(sound, kRate));
  std::vector<double> gain(wanted.size(), 1.0);
  Patch p;
  p.rate = sound.rate;
  p.nodes = {track("f0", seconds, 1), track("level", seconds, 1), node("osc", "source.oscillator"),
             node("gain", "effect.gain"), node("out", "structure.output")};
  p.nodes[2].settings["waveform"].text = waveform;
  p.nodes[0].tensors["track"] = rows(pitch, seconds);
  p.cables = {{"f0", "out", "osc", "f0"},
              {"osc", "out", "gain", "in"},
              {"level", "out", "gain", "level"},
              {"gain", "out", "out", "in"}};
  p.phrase.clear();
  AudioData best;
  for (int round = 0; round <= kRounds; ++round) {
    p.nodes[1].tensors["track"] = rows(gain, seconds);
    auto played = play(p, sound, registry);
    if (!played) return played.error();
    best = std::move(*played);
    const std::vector<double> got = loudnessSigma(monoAt(best, kRate));
    for (std::size_t i = 0; i < std::min({gain.size(), got.size(), wanted.size()}); ++i)
      gain[i] = std::clamp(gain[i] * amplitude(wanted[i]) / amplitude(got[i]), 0.0, 8.0);
  }
  return best;
}

}  // namespace core
