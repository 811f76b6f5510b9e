// SPDX-License-Identifier: GPL-3.0-or-later
// Taking parts of one instrument into another.
#include <cmath>
#include <cstdio>
#include <tuple>

#include "core/file/patch_rate.h"
#include "core/graph/plan.h"
#include "core/graph/units.h"
#include "core/neural/swap_detail.h"

namespace core {
using namespace parts;
namespace {

/// Part of a's trained range that lies in b's.
double inside(double lowA, double highA, double lowB, double highB) {
  const double width = std::max(highA - lowA, 1e-6);
  return std::clamp((std::min(highA, highB) - std::max(lowA, lowB)) / width, 0.0, 1.0);
}
constexpr double kEnoughInside = 0.8;

/// Whether what goes into `port` comes out of it again, bent to a player's wishes: a conditioner works on control
/// signals alone and has learned nothing. A player of notes, which has such a port too, hears a gate and plays from
/// tables: behind it is no note, but the way it plays.
bool conditions(const NodeType& type, const std::string& port) {
  return type.inputIndex(port) >= 0 && type.outputIndex(port) >= 0 && type.tensors.empty() &&
         std::all_of(type.inputs.begin(), type.inputs.end(), [](const Input& i) { return i.rate == Rate::control; });
}

}  // namespace

namespace parts {
/// Whether a node bends what is heard to a player's wishes. An adapter serves what was learned.
bool Swap::bendsHeard(const Patch& patch, const PatchNode& n) const {
  const NodeType* t = registry_.find(n.type);
  const std::set<std::string> heard = listeningNodes(patch, registry_);
  return t && n.label != kAdapter && std::any_of(patch.cables.begin(), patch.cables.end(), [&](const Cable& c) {
           return c.to == n.id && heard.contains(c.from) && conditions(*t, c.input);
         });
}

/// A head and all that drives it, down to what listens or starts notes. The wishes of who plays b end it as well where
/// a has its own: both would add up.
std::set<std::string> Swap::trunk(const std::string& head) const {
  const bool wishes =
      std::any_of(a_.nodes.begin(), a_.nodes.end(), [this](const PatchNode& n) { return bendsHeard(a_, n); });
  return leadingTo(b_, {head}, [&](const std::string& id) {
    const NodeType* t = type(b_, id);
    return listeningB_.contains(id) || (t && t->info.startsVoices) || (wishes && bendsHeard(b_, *b_.find(id)));
  });
}

/// What the canvas shows says whose it is. What an earlier swap has named keeps that; an adapter is known by its label.
std::string Swap::labelOfCopy(const PatchNode& n) const {
  const NodeType* t = registry_.find(n.type);
  if (b_.name.empty() || n.label == kAdapter || (t && n.label.starts_with(std::string(t->info.name) + " of ")))
    return n.label;
  return named(b_, n.id) + " of " + b_.name;
}

std::string Swap::copy(const std::string& id) {
  if (const auto at = copies_.find(id); at != copies_.end()) return at->second;
  PatchNode n = *b_.find(id);
  n.label = labelOfCopy(n);
  if (out_.patch.find(n.id)) n.id = out_.patch.freshId(n.id);
  n.y += 260;  // below what it joins
  const bool driven = std::any_of(b_.cables.begin(), b_.cables.end(), [&](const Cable& c) { return c.to == id; });
  if (const NodeType* t = registry_.find(n.type); t && setNodeRate(n, *t, b_.rate, a_.rate, driven))
    note("The response was resampled to the rate of \"" + a_.name + "\".");
  out_.patch.nodes.push_back(n);
  return copies_[id] = n.id;
}

/// Where in the result a signal comes from that in b comes from outside the trunk: the node of a
/// that does the same, behind a's own conditioner.
Result<std::pair<std::string, std::string>> Swap::source(const Cable& c, const std::string& to) {
  const std::string wanted = typeOf(b_, c.from);
  const bool bends = bendsHeard(b_, *b_.find(c.from));
  std::pair<std::string, std::string> found;
  const NodeType* heard = registry_.find(wanted);
  // a spectrum is what its settings make it; pitch and loudness are the same to everybody
  const int o = heard ? heard->outputIndex(c.output) : -1;
  const bool exact = o >= 0 && heard->outputs[static_cast<std::size_t>(o)].width.variable;
  for (const PatchNode& n : a_.nodes)
    if (n.type == wanted && bendsHeard(a_, n) == bends && out_.patch.find(n.id) &&
        (!exact || n.settings == b_.find(c.from)->settings))
      found = {n.id, c.output};
  if (found.first.empty() && (exact || takesEncoder_) && listeningB_.contains(c.from))
    return std::pair{bring(c.from), c.output};
  if (found.first.empty())
    return Error{"\"" + b_.name + "\" hears by \"" + named(b_, c.from) + "\", which \"" + a_.name +
                 "\" lacks; take the encoder too, or add that node."};
  // what bends b's notes came along and is instead of a's; who listens goes on doing so by a's
  const NodeType* hears = type(out_.patch, to);
  const bool own = hears && conditions(*hears, c.input) && !listeningB_.contains(c.from);
  for (const Cable& from : a_.cables) {
    const NodeType* t = own ? nullptr : type(a_, from.to);
    if (from.from == found.first && from.output == c.output && t && conditions(*t, from.input) &&
        out_.patch.find(from.to))
      found = {from.to, from.input};
  }
  if (const auto by = adapter(to); by && type(out_.patch, *by)->outputIndex(c.input) >= 0) {
    const Cable in{found.first, found.second, *by, c.input};
    auto& cables = out_.patch.cables;
    if (std::find(cables.begin(), cables.end(), in) == cables.end()) cables.push_back(in);
    found = {*by, c.input};
  }
  return found;
}

/// The conditioner before a copied controller that brings a's range into the one it was trained on.
std::optional<std::string> Swap::adapter(const std::string& controller) {
  if (const auto at = adapters_.find(controller); at != adapters_.end())
    return at->second.empty() ? std::nullopt : std::optional(at->second);
  adapters_[controller] = "";
  const PatchNode* n = out_.patch.find(controller);
  const NodeType* t = registry_.find(n->type);
  const auto theirs = t ? rangeOf(*n, *t) : std::nullopt;
  const auto ours = trainedRange(a_, registry_);
  if (!theirs || !ours) return std::nullopt;
  const double octave = inside(ours->pitchLow, ours->pitchHigh, theirs->pitchLow, theirs->pitchHigh) < kEnoughInside
                            ? std::round(theirs->pitchMean - ours->pitchMean)
                            : 0;
  const bool loudness =
      inside(ours->loudnessLow, ours->loudnessHigh, theirs->loudnessLow, theirs->loudnessHigh) < kEnoughInside;
  if (octave == 0 && !loudness) return std::nullopt;
  const double x = n->x - 200, y = n->y;
  PatchNode* adapter = addNode(out_.patch, registry_, kConditioner, x, y);
  if (!adapter) return std::nullopt;
  adapter->label = kAdapter;
  adapter->values["octave"] = std::clamp(octave, -4.0, 4.0);
  if (loudness) {
    // the same place between low and high; what is quieter than quiet only shifts
    const double range = std::clamp(
        (theirs->loudnessHigh - theirs->loudnessLow) / std::max(ours->loudnessHigh - ours->loudnessLow, 1.0), 0.1, 4.0);
    const double quiet = std::clamp(ours->loudnessLow, -100.0, 0.0);
    adapter->values["range"] = range;
    adapter->values["quiet"] = quiet;
    adapter->values["offset"] =
        std::clamp(theirs->loudnessHigh - ours->loudnessHigh - (range - 1) * (ours->loudnessHigh - quiet), -60.0, 60.0);
  }
  char text[300];
  std::snprintf(
      text, sizeof text,
      "\"%s\" was trained on other sounds (%.0f to %.0f dB, mean pitch %.2f octaves from C4; here %.0f to %.0f "
      "dB, %.2f): the node \"%s\" maps pitch and loudness for it.",
      b_.name.c_str(), theirs->loudnessLow, theirs->loudnessHigh, theirs->pitchMean, ours->loudnessLow,
      ours->loudnessHigh, ours->pitchMean, kAdapter);
  note(text);
  return adapters_[controller] = adapter->id;
}

/// Copies a head and its trunk with the cables that lead to them.
Result<void> Swap::takeTrunk(const std::string& head) {
  const std::set<std::string> nodes = trunk(head);
  for (const PatchNode& n : b_.nodes) {
    if (!nodes.contains(n.id) || !wired_.insert(n.id).second) continue;
    const std::string id = copy(n.id);
    for (const Cable& c : b_.cables) {
      if (c.to != n.id) continue;
      Cable cable = c;
      cable.to = id;
      if (nodes.contains(c.from)) {
        cable.from = copy(c.from);
      } else {
        const auto from = source(c, id);
        if (!from) return from.error();
        std::tie(cable.from, cable.output) = *from;
      }
      out_.patch.cables.push_back(cable);
    }
  }
  return {};
}

Result<void> Swap::takeHead(Part part) {
  const auto old = nodesOf(a_, registry_, part);
  if (old.empty())
    return Error{"\"" + a_.name + "\" has no " + kPartNames[static_cast<std::size_t>(part)] + " part to swap."};
  const auto taken = nodesToTake(b_, registry_, part);
  if (!taken) return taken.error();
  const std::vector<std::string>& heads = *taken;
  if (part == Part::noise && a_.rate < b_.rate)
    return Error{"The noise bands of \"" + b_.name + "\" reach above half the sample rate of \"" + a_.name +
                 "\"; bring \"" + a_.name + "\" to " + formatValue(b_.rate, Unit::hertz) +
                 " first (in the studio: Edit > Sample rate of the patch), or train both at one rate."};
  for (const std::string& head : heads)
    if (auto done = takeTrunk(head); !done) return done;
  for (const Cable& c : a_.cables)  // the new head leads where the old one did
    if (c.from == old.front())
      for (const std::string& head : heads) {
        Cable cable = c;
        cable.from = copies_[head];
        if (out_.patch.find(c.to)) out_.patch.cables.push_back(cable);
      }
  for (const std::string& id : old) removeNode(out_.patch, id);
  return {};
}

Result<void> Swap::takeReverb() {
  const auto old = nodesOf(a_, registry_, Part::reverb);
  const auto rooms = nodesToTake(b_, registry_, Part::reverb);
  if (!rooms) return rooms.error();
  const std::string id = copy(rooms->front());
  PatchNode& room = *out_.patch.find(id);
  auto& cables = out_.patch.cables;
  if (!old.empty()) {
    room.x = a_.find(old.front())->x;
    room.y = a_.find(old.front())->y;
    for (Cable& c : cables) {
      if (c.to == old.front()) c.to = id;
      if (c.from == old.front()) c.from = id;
    }
    removeNode(out_.patch, old.front());
    return {};
  }
  for (const PatchNode& n : out_.patch.nodes)  // it had none: before the output
    if (const NodeType* end = registry_.find(n.type); end && end->info.isOutput) {
      room.x = n.x - 200;
      room.y = n.y;
      for (Cable& c : cables)
        if (c.to == n.id && c.input == "in") c.to = id;
      cables.push_back({id, "out", n.id, "in"});
      return {};
    }
  return Error{"\"" + a_.name + "\" has no output node."};
}

/// Leaves out what leads to no output any more. Listening nodes stay, but for those that led
/// somewhere before the swap.
void Swap::prune() {
  std::set<std::string> heard = listeningNodes(out_.patch, registry_);
  const auto leads = [](const Patch& patch, const std::string& id) {
    return std::any_of(patch.cables.begin(), patch.cables.end(), [&](const Cable& c) { return c.from == id; });
  };
  for (const PatchNode& n : out_.patch.nodes)
    if (const NodeType* t = registry_.find(n.type); !t || t->info.isOutput || t->outputs.empty()) heard.insert(n.id);
  heard = leadingTo(out_.patch, std::move(heard));
  std::vector<std::string> dead;
  for (const PatchNode& n : out_.patch.nodes)
    if (!heard.contains(n.id)) dead.push_back(n.id);
  for (const std::string& id : dead) removeNode(out_.patch, id);
  for (const std::string& id : heard)
    if (const NodeType* t = type(out_.patch, id);
        t && !t->info.isOutput && !t->info.usesExternal && !leads(out_.patch, id) && leads(a_, id))
      removeNode(out_.patch, id);
}

/// Which controllers play, and whose they are.
void Swap::tellControllers() {
  int theirs = 0, all = 0;
  for (const PatchNode& n : out_.patch.nodes)
    if (const NodeType* t = registry_.find(n.type); t && rangeOf(n, *t)) ++all;
  for (const auto& [from, id] : copies_) {
    const PatchNode* n = out_.patch.find(id);
    const NodeType* t = n ? registry_.find(n->type) : nullptr;
    if (!t || !rangeOf(*n, *t)) continue;
    ++theirs;
    note("The controller of \"" + b_.name + "\" came along as \"" + named(out_.patch, id) +
         (all > 1 ? "\"; both controllers run." : "\" and is the only one left."));
  }
  out_.otherPlays = theirs > 0 && theirs == all;
}

/// Error: names the one of the two that has to be trained.
Result<void> Swap::checkLearned() const {
  for (const std::string& id : untrainedNodes(out_.patch, registry_)) {
    const bool theirs = std::any_of(copies_.begin(), copies_.end(), [&id](const auto& c) { return c.second == id; });
    const std::string& name = (theirs ? b_ : a_).name;
    return Error{"\"" + name + "\" has not learned anything yet, so no part of it can be played; train \"" + name +
                 "\" first (tonewright train)."};
  }
  return {};
}

Result<Swapped> Swap::finish(bool onlyRoom) {
  prune();
  if (auto learned = checkLearned(); !learned && !onlyRoom) return learned.error();
  tellControllers();
  if (out_.otherPlays) out_.patch.description = b_.description;
  out_.patch.name = a_.name + " + " + b_.name;
  if (const auto plan = compilePlan(out_.patch, registry_, {.rate = out_.patch.rate}); !plan)
    return Error{"\"" + out_.patch.name + "\" cannot be played: " + plan.error().message};
  return std::move(out_);
}
}  // namespace parts

Result<Swapped> swapParts(const Patch& a, const Patch& b, const std::vector<Part>& list, const Registry& registry) {
  Swap swap(a, b, registry, asks(list, Part::encoder));
  // heads first: what they listen to is looked up in a
  for (const Part part : headParts(list))
    if (auto done = swap.takeHead(part); !done) return done.error();
  if (asks(list, Part::reverb))
    if (auto done = swap.takeReverb(); !done) return done.error();
  if (asks(list, Part::encoder))
    if (auto done = swap.takeEncoder(); !done) return done.error();
  return swap.finish(headParts(list).empty() && !asks(list, Part::encoder));
}

}  // namespace core
