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
}  // namespace

int transferCommand(const core::Registry& registry, const TransferArguments& a) {
  const auto format = a.format.empty() ? core::formatOf(a.out) : core::parseFormat(a.format);
  if (!format) return failUsage(format.error());
  core::TransferOptions options;
  if (auto done = readOctave(a.octave, options); !done) return failUsage(done.error());
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
  auto result = core::transfer(*patch, *source, registry, options);
  if (terminal) std::fprintf(stderr, "\n");
  if (!result) return fail(result.error());
  if (auto done = core::writeAudio(a.out, result->sound, *format); !done) return fail(done.error());
  for (std::string& loss : core::lossesOf(result->sound, *format)) result->report.notes.push_back(std::move(loss));
  std::printf("%s:\n", a.out.c_str());
  for (const std::string& sentence : core::sentences(result->report, true)) std::printf("%s\n", sentence.c_str());
  return 0;
}

}  // namespace app
