// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/export.h"

#include <algorithm>
#include <cmath>

#include "core/analysis/loudness.h"

namespace app {
namespace {
/// Scales to the wanted level; silence stays as it is.
void normalise(core::AudioData& audio, Normalise kind, double level) {
  double gain = 1;
  if (kind == Normalise::peak) {
    float peak = 0;
    for (const auto& c : audio.channels)
      for (const float x : c) peak = std::max(peak, std::fabs(x));
    if (peak > 0) gain = std::pow(10, level / 20) / static_cast<double>(peak);
  } else if (kind == Normalise::loudness) {
    const double lufs = core::integratedLoudness(audio);
    if (std::isfinite(lufs)) gain = std::pow(10, (level - lufs) / 20);
  }
  if (gain == 1) return;
  for (auto& c : audio.channels)
    for (float& x : c) x = static_cast<float>(x * gain);
}
}  // namespace

core::Result<core::AudioData> renderForExport(const core::Patch& patch, const core::Registry& registry,
                                              const ExportOptions& options) {
  core::RenderOptions run = options.render;
  run.limiter = options.format != core::AudioFormat::wav32f && options.normalise == Normalise::none;
  const double expected = run.seconds ? *run.seconds : patch.phraseSeconds() + 2;
  if (options.progress)
    run.progress = [&](double s) { return options.progress(std::min(0.7, 0.7 * s / std::max(0.01, expected))); };
  auto sound = core::render(patch, registry, run);
  if (!sound) return sound.error();
  core::AudioData audio{sound->rate, {std::move(sound->channels[0]), std::move(sound->channels[1])}};
  normalise(audio, options.normalise, options.level);
  return options.rate > 0 ? core::resample(audio, options.rate) : audio;
}

core::Result<void> exportAudio(const core::Patch& patch, const core::Registry& registry,
                               const std::filesystem::path& path, const ExportOptions& options) {
  auto audio = renderForExport(patch, registry, options);
  if (!audio) return audio.error();
  const auto writing = [&](double p) { return !options.progress || options.progress(0.7 + 0.3 * p); };
  return core::writeAudio(path, *audio, options.format, writing);
}

}  // namespace app
