// SPDX-License-Identifier: GPL-3.0-or-later
// `transfer`: playing a recording by a model.
#include <unistd.h>

#include <cstdio>

#include "app/catalog.h"
#include "app/commands.h"
#include "core/neural/transfer.h"

namespace app {
namespace {
using core::Error;
using core::Result;

Result<void> readOctave(const std::string& text, core::TransferOptions& options) {
  if (text.empty()) return {};
  if (text == "auto") {
    options.octaveAuto = true;
    return {};
  }
  const auto octave = core::parseValue(text, core::Unit::none);
  if (!octave || *octave < -4 || *octave > 4)
    return Error{"\"" + text + "\" is no octave; write a number from -4 to 4, or auto."};
  options.octave = *octave;
  return {};
}

void print(const core::TransferReport& r, const TransferArguments& a) {
  std::printf("%s: octave %+g, loudness %+.1f dB x %.2f", a.out.c_str(), r.octave, r.loudnessOffset, r.loudnessRange);
  if (!r.key.empty()) std::printf(", %s, %+.0f ct", r.key.c_str(), r.tuningCents);
  std::printf(
      "\n%.1f %% of the frames sound; of these %.1f %% lie in the trained range of pitch, %.1f %% of loudness\n",
      100 * r.soundingShare, 100 * r.insidePitch, 100 * r.insideLoudness);
  if (r.latencyMeasured)
    std::printf("latency of %.1f ms compensated\n", 1000 * r.latencySeconds);
  else
    std::printf("the model does not follow loudness, so its latency could not be measured\n");
  for (const std::string& n : r.notes) std::printf("note: %s\n", n.c_str());
}
}  // namespace

int transferCommand(const core::Registry& registry, const TransferArguments& a) {
  const auto format = core::formatOf(a.out);
  if (!format) return fail(format.error());
  core::TransferOptions options;
  if (auto done = readOctave(a.octave, options); !done) return fail(done.error());
  auto patch = loadPatch(a.model);
  if (!patch) return fail(patch.error());
  auto source = core::readAudio(a.audio);
  if (!source) return fail(source.error());
  options.matchLoudness = a.matchLoudness;
  options.autotune = a.autotune;
  options.gate = a.gate;
  options.wet = a.wet;
  options.noReverb = a.noReverb;
  const bool terminal = isatty(STDERR_FILENO) != 0;
  if (terminal)
    options.progress = [](double part) {
      std::fprintf(stderr, "\rPlaying %3.0f %% ", 100 * part);
      return true;
    };
  const auto result = core::transfer(*patch, *source, registry, options);
  if (terminal) std::fprintf(stderr, "\n");
  if (!result) return fail(result.error());
  if (auto done = core::writeAudio(a.out, result->sound, *format); !done) return fail(done.error());
  print(result->report, a);
  return 0;
}

}  // namespace app
