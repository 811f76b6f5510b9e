// SPDX-License-Identifier: GPL-3.0-or-later
// `transfer` and `swap`: playing a recording by a model, and taking parts of one model into another.
#include <unistd.h>

#include <cstdio>

#include "app/catalog.h"
#include "app/commands.h"
#include "core/neural/transfer.h"
#include "presets/model_file.h"

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
  auto result = core::transfer(*patch, *source, registry, options);
  if (terminal) std::fprintf(stderr, "\n");
  if (!result) return fail(result.error());
  if (auto done = core::writeAudio(a.out, result->sound, *format); !done) return fail(done.error());
  for (std::string& loss : core::lossesOf(result->sound, *format)) result->report.notes.push_back(std::move(loss));
  std::printf("%s:\n", a.out.c_str());
  for (const std::string& sentence : core::sentences(result->report, true)) std::printf("%s\n", sentence.c_str());
  return 0;
}

int swapCommand(const core::Registry& registry, const SwapArguments& s) {
  if (!s.out.ends_with(presets::kModelEnding))
    return fail(Error{"\"" + s.out + "\" must end in .safetensors; that is the format of models."});
  if (s.take.empty() && !s.noReverb)
    return fail(Error{"Nothing is asked for; name parts with --take, or leave the room out with --no-reverb."});
  std::vector<core::Part> parts;
  for (const std::string& name : s.take) {
    const auto part = core::parsePart(name);
    if (!part) return fail(part.error());
    parts.push_back(*part);
  }
  if (parts.empty() && !s.b.empty())
    return fail(Error{"Nothing is taken from \"" + s.b + "\"; name its parts with --take, or leave it out."});
  auto patch = loadPatch(s.a);
  if (!patch) return fail(patch.error());
  std::vector<std::string> notes;
  const std::size_t before = core::countParameters(*patch, registry).all;
  if (!parts.empty()) {
    if (s.b.empty()) return fail(Error{"--take needs a second model to take from."});
    auto b = loadPatch(s.b);
    if (!b) return fail(b.error());
    auto swapped = presets::swapModels(*patch, *b, parts, registry);
    if (!swapped) return fail(swapped.error());
    patch = std::move(swapped->patch);
    notes = std::move(swapped->notes);
  }
  if (s.noReverb) {
    patch = core::withoutReverb(*patch, registry);
    if (!patch) return fail(patch.error());
  }
  const core::ParameterCount count = core::countParameters(*patch, registry);
  if (auto done = presets::writePatch(*patch, s.out); !done) return fail(done.error());
  for (const std::string& n : notes) std::printf("%s\n", n.c_str());
  std::printf("%s: %zu parameters (%zu without the response), %.2f times those of %s\n", s.out.c_str(), count.all,
              count.all - count.response,
              static_cast<double>(count.all) / static_cast<double>(std::max<std::size_t>(before, 1)), s.a.c_str());
  return 0;
}

}  // namespace app
