// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/bench_train.h"

#include <cmath>
#include <numbers>

#include "app/bench_run.h"
#include "app/catalog.h"
#include "core/file/audio_file.h"
#include "core/neural/sizes.h"
#include "presets/train_job.h"

namespace app {
namespace {
using namespace core;
constexpr double kClipSeconds = 4, kRate = 16000;
constexpr int kClips = 16, kSteps = 5;

/// Two takes, one of them to hold out: a tone of 20 partials that glides.
AudioData recording() {
  AudioData sound;
  sound.rate = kRate;
  sound.channels.resize(1);
  for (const double seconds : {8.0, 1.0}) {
    double phase = 0;
    const auto frames = static_cast<int>(seconds * kRate);
    for (int i = 0; i < frames; ++i) {
      const double t = i / kRate;
      phase += 220 * std::exp2(0.25 * std::sin(2 * std::numbers::pi * 0.3 * t)) / kRate;
      double y = 0;
      for (int k = 1; k <= 20; ++k) y += std::sin(2 * std::numbers::pi * k * phase) / k;
      sound.channels[0].push_back(static_cast<float>(0.2 * y));
    }
    sound.channels[0].resize(sound.channels[0].size() + static_cast<std::size_t>(kRate / 2), 0.0F);
  }
  return sound;
}
}  // namespace

Result<std::unique_ptr<TrainRun>> TrainRun::create(const std::string& size, int threads, const Registry& registry,
                                                   const std::filesystem::path& scratch) {
  std::unique_ptr<TrainRun> run(new TrainRun(registry));
  auto patch = loadPatch(presets::kTrainedFrom);
  if (!patch) return patch.error();
  run->patch_ = std::move(*patch);
  run->patch_.rate = kRate;
  if (auto done = applySize(run->patch_, registry, size); !done) return done.error();
  run->recording_ = scratch / "glide.wav";
  if (auto done = writeAudio(run->recording_, recording(), AudioFormat::wav32f); !done) return done.error();
  run->options_.steps = kSteps;
  run->options_.threads = threads;
  run->options_.lanes = kClips / threads;
  run->options_.clipSeconds = kClipSeconds;
  run->options_.warmSeconds = 0;
  run->options_.validateSeconds = run->options_.checkpointSeconds = 1e9;
  return run;
}

double TrainRun::measure() {
  std::vector<double> times;
  const bool alone = options_.threads == 1;
  const auto now = [alone] { return alone ? processorSeconds() : wallSeconds(); };
  double last = now();
  const auto told = [&](const TrainProgress& p) {
    if (p.stage != "Training") return;
    const double t = now();
    if (p.step > 1) times.push_back(t - last);
    last = t;
  };
  DatasetOptions data;
  data.pitchCopies = false;
  const auto done = train(patch_, registry_, {recording_}, data, options_, nullptr, told, {});
  return done ? median(std::move(times)) : 0;
}

}  // namespace app
