// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/neural/instrument_patch.h"

#include <algorithm>
#include <cmath>

#include "core/analysis/loudness.h"
#include "core/analysis/quantile.h"
#include "core/file/patch_rate.h"
#include "core/graph/render.h"
#include "core/neural/parts.h"
#include "core/neural/playing_tables.h"

namespace core {
namespace {
constexpr int kClipTicks = 64;        // of the cut; nothing is trained
constexpr double kUnderTrained = 12;  // dB; what plays from tables closes over so much
constexpr int kTurns = 6;
constexpr double kUsualTouch = 0.8;           // velocity
constexpr double kHeldSeconds = 1.6;          // of a key there
constexpr double kTouchSeconds = 0.8;         // of a key at the other touches, of which there are five times as many
constexpr double kWithin = 0.8, kPart = 0.8;  // LU; part of an error that one turn takes away
constexpr double kMostCorrection = 15;        // dB
constexpr int kKeyOfFirst = 60 + static_cast<int>(12 * kTableLowest);  // MIDI note of the tables' first pitch

double loudnessOf(const Rendering& r) { return integratedLoudness({r.rate, {r.channels[0], r.channels[1]}}); }

const NodeType* typeWith(const Registry& registry, const PatchNode& n, const char* tensor) {
  const NodeType* type = registry.find(n.type);
  return type && type->tensorIndex(tensor) >= 0 ? type : nullptr;
}

/// The first node that plays from tables that it holds.
std::vector<PatchNode>::const_iterator player(const Patch& patch, const Registry& registry) {
  return std::find_if(patch.nodes.begin(), patch.nodes.end(), [&](const PatchNode& n) {
    return typeWith(registry, n, kQuantilesTensor) && n.tensors.contains(kQuantilesTensor);
  });
}

void writeTable(Patch& patch, const Registry& registry, const char* tensor, const Blob& table) {
  for (PatchNode& n : patch.nodes)
    if (typeWith(registry, n, tensor)) n.tensors[tensor] = std::make_shared<const Blob>(table);
}

/// Loudness of every key, LUFS, no softer than -100.
Result<std::vector<double>> heardKeys(const Patch& patch, const Registry& registry, int lowest, int highest,
                                      double velocity, double seconds) {
  std::vector<double> heard;
  for (int key = lowest; key <= highest; ++key) {
    const auto lufs = keyLoudness(patch, registry, key, velocity, seconds);
    if (!lufs) return lufs.error();
    heard.push_back(std::max(*lufs, -100.0));
  }
  return heard;
}

/// Brings what is added at every pitch of a table closer to where the keys are equally loud; whether they were.
bool levelOnce(const std::vector<double>& heard, int lowest, std::span<float> added) {
  const double middle = quantile(heard, 0.5);
  const int highest = lowest + static_cast<int>(heard.size()) - 1;
  bool level = true;
  for (int k = 0; k < kTablePitches; ++k) {
    const int key = std::clamp(k + kKeyOfFirst, lowest, highest);
    const double off = heard[static_cast<std::size_t>(key - lowest)] - middle;
    const double excess = off - std::clamp(off, -kWithin, kWithin);
    level = level && excess == 0;
    float& c = added[static_cast<std::size_t>(k)];
    c = static_cast<float>(std::clamp(static_cast<double>(c) - kPart * excess, -kMostCorrection, kMostCorrection));
  }
  return level;
}

/// Softer touches: where the loud and the soft takes of neighbouring pitches were not equally many, the same rank
/// means another loudness. Trims the quantiles rank by rank; what is softer stays softer.
Result<void> levelTouches(Patch& patch, const Registry& registry, int lowest, int highest,
                          const std::function<bool(double)>& progress) {
  const auto at = player(patch, registry);
  if (at == patch.nodes.end()) return {};
  const Blob measured = *at->tensors.at(kQuantilesTensor);
  for (std::size_t rank = 0; rank < kTableQuantiles; ++rank) {
    const double velocity = std::max(0.01, static_cast<double>(rank) / (kTableQuantiles - 1));
    std::vector<float> added(kTablePitches, 0.0F);
    for (int turn = 0; turn < kTurns; ++turn) {
      if (!progress((static_cast<double>(rank) + static_cast<double>(turn) / kTurns) / kTableQuantiles))
        return Error{"Cancelled."};
      const auto heard = heardKeys(patch, registry, lowest, highest, velocity, kTouchSeconds);
      if (!heard) return heard.error();
      if (levelOnce(*heard, lowest, added)) break;
      Blob table = *at->tensors.at(kQuantilesTensor);
      for (std::size_t k = 0; k < kTablePitches; ++k) {
        float* row = &table.data[k * kTableQuantiles];
        row[rank] = measured.data[k * kTableQuantiles + rank] + added[k];
        for (std::size_t r = 1; r < kTableQuantiles; ++r) row[r] = std::max(row[r], row[r - 1]);
      }
      writeTable(patch, registry, kQuantilesTensor, table);
    }
  }
  return {};
}
}  // namespace

Patch atRateOf(const Patch& model, const Patch& patch, const Registry& registry) {
  Patch out = patch;
  out.rate = model.rate;
  for (PatchNode& n : out.nodes) {
    const NodeType* type = registry.find(n.type);
    const PatchNode* from = model.find(n.id);
    const bool given = from && from->type == n.type;
    const bool driven =
        std::any_of(patch.cables.begin(), patch.cables.end(), [&n](const Cable& c) { return c.to == n.id; });
    if (type) setNodeRate(n, *type, patch.rate, model.rate, driven && !given);
  }
  return out;
}

std::vector<std::string> nodesWithoutLatent(const Patch& patch, const Registry& registry) {
  std::vector<std::string> ids;
  for (const PatchNode& n : patch.nodes) {
    const NodeType* type = registry.find(n.type);
    const auto size = n.settings.find("z");
    if (!type || type->inputIndex("z") < 0 || size == n.settings.end() || size->second.number < 1) continue;
    const bool fed = std::any_of(patch.cables.begin(), patch.cables.end(),
                                 [&n](const Cable& c) { return c.to == n.id && c.input == "z"; });
    if (!fed) ids.push_back(n.id);
  }
  return ids;
}

Result<Patch> installModel(const Patch& model, const Patch& patch, const Registry& registry) {
  Patch out = atRateOf(model, patch, registry);
  bool learned = false;
  for (PatchNode& n : out.nodes) {
    const PatchNode* from = model.find(n.id);
    if (!from || from->type != n.type) continue;
    for (const auto& [id, value] : from->settings) n.settings[id] = value;
    for (const auto& [id, blob] : from->tensors) n.tensors[id] = blob;
    learned = learned || !from->tensors.empty();
  }
  if (!learned)
    return Error{"\"" + patch.name + "\" has no node that \"" + model.name +
                 "\" has learned; give its controller and its room the model's names."};
  if (const auto range = trainedRange(out, registry))
    for (PatchNode& n : out.nodes)
      if (const NodeType* type = typeWith(registry, n, kQuantilesTensor); type && type->inputIndex("floor") >= 0) {
        const Range knob = type->inputs[static_cast<std::size_t>(type->inputIndex("floor"))].range();
        n.values["floor"] = std::clamp(range->loudnessLow - kUnderTrained, knob.min, knob.max);
      }
  return out;
}

Result<PlayingTables> listenToPlaying(const Patch& model, const Registry& registry,
                                      const std::vector<std::filesystem::path>& files, const DatasetOptions& options,
                                      const std::stop_token& stop) {
  const auto cut = cutFront(model, registry, kClipTicks);
  if (!cut) return cut.error();
  DatasetOptions plain = options;
  plain.pitchCopies = false;
  const auto data = Dataset::load(
      files, *cut, registry, plain, [](const std::string&, double) {}, stop);
  if (!data) return data.error();
  const auto tables = measurePlaying(*cut, *data);
  if (!tables) return Error{"No note is held in these recordings, so how the instrument is played cannot be measured."};
  return *tables;
}

bool playsFromTables(const Patch& patch, const Registry& registry) {
  return player(patch, registry) != patch.nodes.end();
}

Result<double> keyLoudness(const Patch& patch, const Registry& registry, int key, double velocity, double seconds) {
  Patch one = patch;
  one.phrase = {{static_cast<double>(key), 0, seconds, velocity}};
  RenderOptions options;
  options.seconds = seconds;
  const auto sound = render(one, registry, options);
  if (!sound) return sound.error();
  return loudnessOf(*sound);
}

Result<std::vector<double>> levelKeys(Patch& patch, const Registry& registry, int lowest, int highest,
                                      const std::function<bool(double)>& progress) {
  constexpr double kTouches = 0.7;  // of all the work
  const auto going = [&progress](double part) { return !progress || progress(part); };
  Blob correction{{kTablePitches}, std::vector<float>(kTablePitches, 0.0F)};
  writeTable(patch, registry, kCorrectionTensor, correction);
  if (auto done = levelTouches(patch, registry, lowest, highest, [&](double part) { return going(kTouches * part); });
      !done)
    return done.error();
  for (int turn = 0;; ++turn) {
    if (!going(kTouches + (1 - kTouches) * turn / (kTurns + 1))) return Error{"Cancelled."};
    auto heard = heardKeys(patch, registry, lowest, highest, kUsualTouch, kHeldSeconds);
    if (!heard || heard->empty() || turn == kTurns || levelOnce(*heard, lowest, correction.data)) return heard;
    writeTable(patch, registry, kCorrectionTensor, correction);
  }
}

Result<void> levelPhrase(Patch& patch, const Registry& registry, double lufs) {
  for (PatchNode& n : patch.nodes) {
    const NodeType* type = registry.find(n.type);
    const int level = type && type->info.isOutput ? type->inputIndex("level") : -1;
    if (level < 0) continue;
    const auto sound = render(patch, registry);
    if (!sound) return sound.error();
    const double heard = loudnessOf(*sound);
    if (!std::isfinite(heard))
      return Error{"The phrase of \"" + patch.name + "\" is silent, so its level cannot be set."};
    const Input& knob = type->inputs[static_cast<std::size_t>(level)];
    n.values["level"] = std::clamp(knobValue(n, knob) + lufs - heard, knob.min, knob.max);
    return {};
  }
  return Error{"\"" + patch.name + "\" has no output."};
}

}  // namespace core
