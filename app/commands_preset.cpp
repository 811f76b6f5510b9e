// SPDX-License-Identifier: GPL-3.0-or-later
// `preset`: a trained model into a patch that plays it.
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <functional>
#include <optional>

#include "app/catalog.h"
#include "app/commands.h"
#include "core/file/recordings.h"
#include "core/graph/units.h"
#include "core/neural/instrument_patch.h"
#include "core/neural/parts.h"
#include "presets/model_file.h"

namespace app {
namespace {
using core::Error;
using core::Result;

/// The keys that an instrument plays, MIDI notes.
struct Keys {
  int lowest = 0, highest = 0;

  Keys(double low, double high) : lowest(of(low)), highest(of(high)) {}  // octaves from C4
  static int of(double octaves) { return static_cast<int>(std::lround(60 + 12 * octaves)); }
};

/// Shows how far a work is, where somebody looks.
std::function<bool(double)> shown(const char* work) {
  if (isatty(STDERR_FILENO) == 0) return {};
  return [work](double part) {
    std::fprintf(stderr, "\r%s %3.0f %% ", work, 100 * part);
    return true;
  };
}
void endShown() {
  if (isatty(STDERR_FILENO) != 0) std::fprintf(stderr, "\n");
}

/// Brings the keys to one level; prints it.
Result<void> levelKeys(core::Patch& patch, const core::Registry& registry, const Keys& keys) {
  const auto levels =
      core::levelKeys(patch, registry, keys.lowest, keys.highest, shown("Bringing the keys to one level:"));
  endShown();
  if (!levels) return levels.error();
  std::printf("Keys %s to %s at velocity 0.8, LUFS:", core::noteName(keys.lowest).c_str(),
              core::noteName(keys.highest).c_str());
  for (const double lufs : *levels) std::printf(" %.1f", lufs);
  std::printf("\n");
  return {};
}

/// Brings the keys to silence half a second after their end; prints what that took.
Result<void> settle(core::Patch& patch, const core::Registry& registry, const Keys& keys) {
  const auto settled = core::settle(patch, registry, keys.lowest, keys.highest, shown("Listening to the keys end:"));
  endShown();
  if (!settled) return settled.error();
  if (settled->ringing >= 0)
    std::printf("Key %s still sounds half a second after its end, however short the room.\n",
                core::noteName(settled->ringing).c_str());
  else if (settled->faster > 0)
    std::printf(
        "The room dies away %.0f dB a second faster than learned, so that every key is silent (under -80 dBFS) "
        "half a second after its end.\n",
        settled->faster);
  return {};
}

/// Keys (where something is played from keys) and phrase at their levels, and silence after them.
Result<void> levelAll(core::Patch& patch, const core::Registry& registry, const std::optional<Keys>& keys) {
  if (keys)
    if (auto done = levelKeys(patch, registry, *keys); !done) return done;
  if (auto done = core::levelPhrase(patch, registry); !done || !keys) return done;
  if (auto done = settle(patch, registry, *keys); !done) return done;  // at the level that is heard
  return core::levelPhrase(patch, registry);
}

/// Tables of the recordings. Returns the keys that were played there.
Result<Keys> takePlaying(const presets::Model& model, core::Patch& patch, const core::Registry& registry,
                         const std::string& folder) {
  const auto files = core::findRecordings(folder);
  if (!files) return files.error();
  core::DatasetOptions options;
  options.validate = model.info.validated;
  std::error_code code;
  if (std::filesystem::is_directory(folder, code)) options.root = folder;
  const auto tables = core::listenToPlaying(model.patch, registry, *files, options, {});
  if (!tables) return tables.error();
  if (core::writePlaying(patch, *tables, registry) == 0)
    return Error{"Nothing in \"" + patch.name +
                 "\" plays from tables; add an Expression node between keys and controller."};
  return Keys{tables->lowest, tables->highest};
}

/// What the result says of its model: besides the model's own, who is to be named for what is left of the patch.
presets::ModelInfo infoOfBoth(const presets::Model& model, const core::Patch& into, core::Patch result) {
  core::Patch left = into;
  for (core::PatchNode& n : left.nodes) {
    const core::PatchNode* now = result.find(n.id);
    std::erase_if(n.tensors, [now](const auto& t) {
      const auto at = now->tensors.find(t.first);
      return at == now->tensors.end() || at->second != t.second;
    });
  }
  presets::setInfo(result, model.info);
  presets::takeInfo(result, left);
  return presets::infoOf(result);
}

/// What has become otherwise than in the patch that was given, and what the model lacks there.
void printNotes(const core::Patch& given, const core::Patch& made, const core::Registry& registry) {
  const auto kilohertz = [](double rate) { return core::formatValue(rate, core::Unit::hertz); };
  if (given.rate != made.rate)
    std::printf("The rate of \"%s\" is %s now, that of the model, instead of %s.\n", given.name.c_str(),
                kilohertz(made.rate).c_str(), kilohertz(given.rate).c_str());
  for (const std::string& id : core::nodesWithoutLatent(made, registry))
    std::printf(
        "Nothing in \"%s\" gives node \"%s\" the z that it learned from, so its z stays 0; let an encoder or an "
        "embedding lead there.\n",
        made.name.c_str(), id.c_str());
}
}  // namespace

int presetCommand(const core::Registry& registry, const PresetArguments& a) {
  if (auto done = presets::checkModelName(a.out); !done) return failUsage(done.error());
  auto learned = loadPatch(a.model);
  if (!learned) return fail(learned.error());
  if (auto done = core::checkTrained(*learned, registry); !done) return fail(done.error());
  const presets::Model model{*learned, presets::infoOf(*learned)};
  const auto given = loadPatch(a.patch);
  if (!given) return fail(given.error());
  const core::Patch into = core::atRateOf(model.patch, *given, registry);
  auto patch = core::installModel(model.patch, into, registry);
  if (!patch) return fail(patch.error());
  std::optional<Keys> keys;
  if (!a.recordings.empty()) {
    const auto played = takePlaying(model, *patch, registry, a.recordings);
    if (!played) return fail(played.error());
    keys = *played;
  } else if (const auto range = core::trainedRange(*patch, registry); range && core::playsFromTables(*patch, registry))
    keys.emplace(range->pitchLow, range->pitchHigh);
  if (auto done = levelAll(*patch, registry, keys); !done) return fail(done.error());
  if (auto done = presets::writeModel({*patch, infoOfBoth(model, into, *patch)}, a.out); !done)
    return fail(done.error());
  printNotes(*given, *patch, registry);
  std::printf("%s: \"%s\" plays what \"%s\" learned\n", a.out.c_str(), patch->name.c_str(), model.patch.name.c_str());
  return 0;
}

}  // namespace app
