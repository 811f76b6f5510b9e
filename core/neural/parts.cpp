// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/neural/parts.h"

#include <algorithm>
#include <map>

#include "core/neural/parts_detail.h"

namespace core {
using namespace parts;

Result<Part> parsePart(const std::string& name) {
  for (std::size_t i = 0; i < kPartNames.size(); ++i)
    if (name == kPartNames[i]) return static_cast<Part>(i);
  return Error{"There is no part \"" + name + "\"; choose harmonic, noise, reverb, decoder or encoder."};
}

namespace parts {
std::set<std::string> listeningNodes(const Patch& patch, const Registry& registry) {
  std::set<std::string> heard;
  for (const PatchNode& n : patch.nodes)
    if (const NodeType* t = registry.find(n.type); t && t->info.usesExternal) heard.insert(n.id);
  for (bool grown = true; grown;) {
    grown = false;
    for (const Cable& c : patch.cables) {
      const PatchNode* n = patch.find(c.to);
      const NodeType* t = n ? registry.find(n->type) : nullptr;
      // a listening node turns sound into control signals and does nothing else
      const bool listens = t && std::all_of(t->outputs.begin(), t->outputs.end(),
                                            [](const Output& o) { return o.rate == Rate::control; });
      const bool hears = t && t->inputIndex(c.input) >= 0 &&
                         t->inputs[static_cast<std::size_t>(t->inputIndex(c.input))].rate == Rate::audio;
      if (listens && hears && heard.contains(c.from) && heard.insert(c.to).second) grown = true;
    }
  }
  return heard;
}

bool isPart(const NodeType& type, Part part) {
  switch (part) {
    case Part::harmonic:
      return type.inputIndex("harmonics") >= 0;
    case Part::noise:
      return type.inputIndex("magnitudes") >= 0;
    case Part::reverb:
      return type.info.picture == Picture::impulse;
    default:
      return false;
  }
}

std::vector<std::string> nodesOf(const Patch& patch, const Registry& registry, Part part) {
  std::vector<std::string> ids;
  for (const PatchNode& n : patch.nodes)
    if (const NodeType* t = registry.find(n.type); t && isPart(*t, part)) ids.push_back(n.id);
  return ids;
}

bool asks(const std::vector<Part>& list, Part part) { return std::find(list.begin(), list.end(), part) != list.end(); }

std::vector<Part> headParts(const std::vector<Part>& list) {
  std::vector<Part> heads;
  for (const Part part : {Part::harmonic, Part::noise})
    if (asks(list, part) || asks(list, Part::decoder)) heads.push_back(part);
  return heads;
}

Result<std::vector<std::string>> nodesToTake(const Patch& patch, const Registry& registry, Part part) {
  auto ids = nodesOf(patch, registry, part);
  if (!ids.empty()) return ids;
  return Error{"\"" + patch.name + "\" has no " + kPartNames[static_cast<std::size_t>(part)] + " part to take."};
}

std::set<std::string> latentNodes(const Patch& patch, const Registry& registry) {
  std::set<std::string> ids;
  for (const PatchNode& n : patch.nodes)
    if (const NodeType* t = registry.find(n.type); t && t->outputIndex("z") >= 0) ids.insert(n.id);
  return ids;
}

std::set<std::string> leadingTo(const Patch& patch, std::set<std::string> ends,
                                const std::function<bool(const std::string&)>& stops) {
  std::multimap<std::string, std::string> before;
  for (const Cable& c : patch.cables) before.emplace(c.to, c.from);
  std::vector<std::string> left(ends.begin(), ends.end());
  while (!left.empty()) {
    const auto [from, to] = before.equal_range(left.back());
    left.pop_back();
    for (auto at = from; at != to; ++at)
      if (!(stops && stops(at->second)) && ends.insert(at->second).second) left.push_back(at->second);
  }
  return ends;
}

void removeNode(Patch& patch, const std::string& id) {
  std::erase_if(patch.nodes, [&](const PatchNode& n) { return n.id == id; });
  std::erase_if(patch.cables, [&](const Cable& c) { return c.from == id || c.to == id; });
}

void bridgeNode(Patch& patch, const std::string& id) {
  std::vector<Cable> in, added;
  for (const Cable& c : patch.cables)
    if (c.to == id && c.input == "in") in.push_back(c);
  for (const Cable& c : patch.cables)
    if (c.from == id)
      for (const Cable& i : in) {
        Cable direct = c;
        direct.from = i.from;
        direct.output = i.output;
        direct.depth = c.depth * i.depth;
        added.push_back(direct);
      }
  removeNode(patch, id);
  patch.cables.insert(patch.cables.end(), added.begin(), added.end());
}

PatchNode* addNode(Patch& patch, const Registry& registry, const char* type, double x, double y) {
  const NodeType* t = registry.find(type);
  if (!t) return nullptr;
  PatchNode node = makeNode(patch, *t);
  node.x = x;
  node.y = y;
  patch.nodes.push_back(std::move(node));
  return &patch.nodes.back();
}

std::string typeOf(const Patch& patch, const std::string& id) {
  const PatchNode* n = patch.find(id);
  return n ? n->type : std::string();
}
}  // namespace parts

ParameterCount countParameters(const Patch& patch, const Registry& registry) {
  ParameterCount count;
  for (const PatchNode& n : patch.nodes) {
    const NodeType* type = registry.find(n.type);
    for (const auto& [row, blob] : n.tensors) {
      const int i = type ? type->tensorIndex(row) : -1;
      // a track is a recording, not something learned that plays others
      if (i < 0 || type->tensors[static_cast<std::size_t>(i)].sharing == Sharing::perLane) continue;
      // by the shape: the numbers may not have been read yet
      std::size_t size = 1;
      for (const int length : blob->shape) size *= static_cast<std::size_t>(length);
      count.all += size;
      if (type->tensors[static_cast<std::size_t>(i)].isResponse) count.response += size;
    }
  }
  return count;
}

namespace parts {
std::optional<TrainedRange> rangeOf(const PatchNode& node, const NodeType& type) {
  if (type.settingIndex("pitch-mean") < 0 || type.settingIndex("loudness-mean") < 0) return std::nullopt;
  const auto read = [&](const char* id) {
    const int s = type.settingIndex(id);
    const auto at = node.settings.find(id);
    return at != node.settings.end() ? at->second.number : s < 0 ? 0 : type.settings[static_cast<std::size_t>(s)].def;
  };
  return TrainedRange{node.id,
                      read("pitch-mean"),
                      read("pitch-spread"),
                      read("pitch-low"),
                      read("pitch-high"),
                      read("loudness-mean"),
                      read("loudness-spread"),
                      read("loudness-low"),
                      read("loudness-high")};
}
}  // namespace parts

Result<TrainedRange> trainedRange(const Patch& patch, const Registry& registry) {
  const auto heads = nodesOf(patch, registry, Part::harmonic);
  const std::set<std::string> drives = leadingTo(patch, {heads.begin(), heads.end()});
  std::optional<TrainedRange> first;
  for (const PatchNode& n : patch.nodes) {
    const NodeType* t = registry.find(n.type);
    const auto range = t ? rangeOf(n, *t) : std::nullopt;
    if (range && drives.contains(n.id)) return *range;
    if (!first) first = range;
  }
  if (first) return *first;
  return Error{"The patch has no controller that was trained on pitch and loudness."};
}

std::vector<std::string> untrainedNodes(const Patch& patch, const Registry& registry) {
  std::vector<std::string> ids;
  for (const PatchNode& n : patch.nodes) {
    const NodeType* t = registry.find(n.type);
    if (!t || (t->settingIndex("recurrent") < 0 && t->outputIndex("z") < 0)) continue;
    if (std::any_of(t->tensors.begin(), t->tensors.end(),
                    [&](const Tensor& row) { return !n.tensors.contains(std::string(row.id)); }))
      ids.push_back(n.id);
  }
  return ids;
}

Result<void> checkTrained(const Patch& patch, const Registry& registry) {
  for (const PatchNode& n : patch.nodes)
    if (!registry.find(n.type))
      return Error{"Node \"" + n.id + "\" of \"" + patch.name + "\" is of the unknown type \"" + n.type +
                   "\"; it was made by a newer version of this program, update to play it."};
  if (const auto ids = untrainedNodes(patch, registry); !ids.empty())
    return Error{"Node \"" + ids.front() + "\" of \"" + patch.name +
                 "\" has not learned anything yet; train the patch first (tonewright train)."};
  return {};
}

Result<std::string> insertConditioner(Patch& patch, const Registry& registry) {
  const NodeType* type = registry.find(kConditioner);
  if (!type) return Error{"This program lacks the conditioner, which transfer needs."};
  for (const PatchNode& n : patch.nodes)
    if (n.type == kConditioner && n.label != kAdapter) return n.id;
  const std::set<std::string> heard = listeningNodes(patch, registry);
  PatchNode node = makeNode(patch, *type);
  std::vector<Cable> before, after;
  for (const Cable& c : patch.cables) {
    if (!heard.contains(c.from) || heard.contains(c.to) || type->inputIndex(c.output) < 0) {
      after.push_back(c);
      continue;
    }
    const Cable in{c.from, c.output, node.id, c.output};
    if (std::find(before.begin(), before.end(), in) == before.end()) before.push_back(in);
    after.push_back(c);
    if (type->outputIndex(c.output) >= 0) after.back().from = node.id;
    const PatchNode* source = patch.find(c.from);
    node.x = source->x + 120;
    node.y = source->y + 120;
  }
  if (before.empty()) return Error{"Nothing in the patch listens to an audio input, so there is no sound to transfer."};
  for (const std::string& id : heard)  // the gate listens to how sure the pitch is
    if (const NodeType* t = registry.find(typeOf(patch, id)); t && t->outputIndex("confidence") >= 0) {
      const Cable in{id, "confidence", node.id, "confidence"};
      if (std::find(before.begin(), before.end(), in) == before.end()) before.push_back(in);
    }
  patch.cables = std::move(after);
  patch.cables.insert(patch.cables.end(), before.begin(), before.end());
  patch.nodes.push_back(node);
  return node.id;
}

Result<void> insertGate(Patch& patch, const Registry& registry, const std::string& conditioner) {
  const auto driven = [&](const Cable& c) { return c.from == conditioner && c.output == "open"; };
  if (std::any_of(patch.cables.begin(), patch.cables.end(), driven)) return {};
  const PatchNode* out = nullptr;
  for (const PatchNode& n : patch.nodes)
    if (const NodeType* t = registry.find(n.type); t && t->info.isOutput) out = &n;
  if (!out) return Error{"The patch has no output node."};
  const std::string end = out->id;
  PatchNode* gain = addNode(patch, registry, kGain, out->x, out->y + 180);
  if (!gain) return Error{"This program lacks the amplifier that a gate needs."};
  const std::string id = gain->id;
  for (Cable& c : patch.cables)
    if (c.to == end && c.input == "in") {
      c.to = id;
      c.input = "in";
    }
  patch.cables.push_back({id, "out", end, "in"});
  patch.cables.push_back({conditioner, "open", id, "level"});
  return {};
}

Result<void> waitForPitch(Patch& patch, const Registry& registry, double seconds) {
  if (!registry.find(kDelay)) return Error{"This program lacks the delay, which a late pitch needs."};
  const std::set<std::string> listening = listeningNodes(patch, registry);
  std::vector<Cable> cables;
  for (Cable& c : patch.cables) {
    const NodeType* from = registry.find(typeOf(patch, c.from));
    const NodeType* to = registry.find(typeOf(patch, c.to));
    const bool hears = from && to && from->info.usesExternal && listening.contains(c.to);
    if (!hears || to->outputIndex("pitch") >= 0) continue;
    PatchNode node = makeNode(patch, *registry.find(kDelay));
    node.values = {{"time", seconds}, {"feedback", 0}, {"mix", 1}};
    node.settings["longest"].number = 0.05;
    cables.push_back({c.from, c.output, node.id, "in"});
    c.from = node.id;
    c.output = "out";
    patch.nodes.push_back(std::move(node));
  }
  patch.cables.insert(patch.cables.end(), cables.begin(), cables.end());
  return {};
}

Result<Patch> withoutReverb(const Patch& patch, const Registry& registry) {
  Patch dry = patch;
  const auto reverbs = nodesOf(patch, registry, Part::reverb);
  if (reverbs.empty()) return Error{"The patch has no reverb to leave out."};
  for (const std::string& id : reverbs) bridgeNode(dry, id);
  return dry;
}

}  // namespace core
