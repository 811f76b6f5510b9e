// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/neural/rooms.h"

#include <algorithm>

#include "core/analysis/decay.h"
#include "core/neural/parts_detail.h"

namespace core {
namespace {
void setDecay(PatchNode& node, const NodeType& type, int row, double seconds) {
  const Setting& setting = type.settings[static_cast<std::size_t>(row)];
  node.settings["decay"] = {std::clamp(seconds, setting.min, setting.max), ""};
}
}  // namespace

double recordedDecay(const Dataset& data, double rate) {
  std::vector<FreeDecay> decays;
  for (const Source& s : data.sources()) {
    if (s.copy) continue;
    for (const FreeDecay& d : freeDecays(s.sound, rate)) {
      const auto frame = static_cast<std::int64_t>(d.start * rate);
      const bool held = std::any_of(s.takes.begin(), s.takes.end(),
                                    [&](const Take& t) { return t.validation && frame >= t.begin && frame < t.end; });
      if (!held) decays.push_back(d);
    }
  }
  return reverberationTime(decays);
}

bool tellListeners(Patch& patch, const FrontCut& cut, const Registry& registry, double decaySeconds) {
  bool told = false;
  for (const PatchNode& listening : cut.front.nodes) {
    const NodeType* type = registry.find(listening.type);
    PatchNode* n = patch.find(listening.id);
    const int row = type && n ? decayRow(*type) : -1;
    if (decaySeconds == 0 || row < 0 || n->settings.contains("decay")) continue;
    setDecay(*n, *type, row, decaySeconds);
    told = true;
  }
  return told;
}

void shapeRooms(Patch& patch, const Registry& registry, double decaySeconds) {
  if (decaySeconds == 0) return;
  for (PatchNode& n : patch.nodes) {
    const NodeType* type = registry.find(n.type);
    const int row = type ? decayRow(*type) : -1;
    if (row < 0) continue;
    const bool fresh = std::any_of(type->tensors.begin(), type->tensors.end(), [&](const Tensor& t) {
      return t.isResponse && !n.tensors.contains(std::string(t.id)) &&
             std::find(n.free.begin(), n.free.end(), t.id) != n.free.end();
    });
    if (fresh) setDecay(n, *type, row, decaySeconds);
  }
}

int decayRow(const NodeType& type) {
  const bool room = parts::isPart(type, Part::reverb) || type.info.category == Category::neural;
  return room ? type.settingIndex("decay") : -1;
}

std::optional<Patch> trainedRoom(const Patch& patch, const Registry& registry) {
  std::set<std::string> kept;
  std::string input, sound;
  for (const PatchNode& n : patch.nodes) {
    const NodeType* type = registry.find(n.type);
    if (!type) continue;
    const auto decay = n.settings.find("decay");
    if (parts::isPart(*type, Part::reverb) && decayRow(*type) >= 0 && decay != n.settings.end() &&
        decay->second.number > 0)
      kept.insert(n.id);
    if (!type->info.usesExternal || !input.empty()) continue;
    input = n.id;
    sound = type->outputs[0].id;
  }
  if (kept.empty() || input.empty()) return std::nullopt;
  Patch room = patch;
  std::erase_if(room.cables, [&](const Cable& c) { return c.input == "in" && kept.contains(c.to); });
  for (const std::string& id : kept) room.cables.push_back({input, sound, id, "in"});
  for (bool grown = true; grown;) {
    grown = false;
    for (const Cable& c : room.cables) grown = (kept.contains(c.from) && kept.insert(c.to).second) || grown;
  }
  kept.insert(input);
  for (const PatchNode& n : patch.nodes)
    if (!kept.contains(n.id)) parts::removeNode(room, n.id);
  return room;
}

}  // namespace core
