// SPDX-License-Identifier: GPL-3.0-or-later
// Taking what listens, and what gives z, from one instrument into another.
#include <cstdio>

#include "core/neural/swap_detail.h"

namespace core::parts {
namespace {
constexpr double kOtherSpread = 1.5;  // from here on z is scaled

/// Nodes whose z something in the patch reads.
std::set<std::string> readLatents(const Patch& patch) {
  std::set<std::string> ids;
  for (const Cable& c : patch.cables)
    if (c.output == "z" && c.input == "z") ids.insert(c.from);
  return ids;
}
double settingOf(const Patch& patch, const Registry& registry, const std::string& id, const char* setting) {
  const PatchNode* n = patch.find(id);
  const NodeType* t = n ? registry.find(n->type) : nullptr;
  const int s = t ? t->settingIndex(setting) : -1;
  if (s < 0) return 0;
  const auto given = n->settings.find(setting);
  return given == n->settings.end() ? t->settings[static_cast<std::size_t>(s)].def : given->second.number;
}
}  // namespace

/// Copies a listening node of b and what it hears by; a's own audio input stands for b's.
std::string Swap::bring(const std::string& id) {
  if (const auto at = copies_.find(id); at != copies_.end()) return at->second;
  const std::string copied = copy(id);
  for (const Cable& c : b_.cables) {
    if (c.to != id) continue;
    Cable cable = c;
    cable.to = copied;
    cable.from.clear();
    if (const NodeType* t = type(b_, c.from); t && t->info.usesExternal)
      for (const PatchNode& n : out_.patch.nodes)
        if (n.type == typeOf(b_, c.from)) cable.from = n.id;
    if (cable.from.empty()) cable.from = bring(c.from);
    out_.patch.cables.push_back(cable);
  }
  note("\"" + named(b_, id) + "\" of \"" + b_.name + "\" came along as \"" + named(out_.patch, copied) + "\".");
  return copied;
}

/// What a hears by takes the settings of its like in b.
bool Swap::takeListening() {
  bool any = false;
  const std::set<std::string> latents = latentNodes(b_, registry_);
  std::set<std::string> forLatents;  // comes along with what gives z, where it is needed
  for (const Cable& c : b_.cables)
    if (listeningB_.contains(c.from) && latents.contains(c.to)) forLatents.insert(c.from);
  for (const PatchNode& n : b_.nodes) {
    const NodeType* t = registry_.find(n.type);
    if (!listeningB_.contains(n.id) || !t || t->info.usesExternal || forLatents.contains(n.id)) continue;
    const auto at = std::find_if(out_.patch.nodes.begin(), out_.patch.nodes.end(),
                                 [&](const PatchNode& mine) { return mine.type == n.type; });
    if (at == out_.patch.nodes.end()) {
      note("\"" + named(b_, n.id) + "\" of \"" + b_.name + "\" was left out: nothing in \"" + a_.name + "\" hears it.");
      continue;
    }
    any = true;
    at->settings = n.settings;
    at->values = n.values;
    at->tensors = n.tensors;
  }
  return any;
}

/// What gives z in b, and all before it, takes the place of what gives z in a. False: one of them has none.
Result<bool> Swap::takeLatents() {
  // whether it is read in b is no matter: an encoder that was taken out alone has nobody who does
  const std::set<std::string> old = readLatents(a_), fresh = latentNodes(b_, registry_);
  if (fresh.empty()) return false;
  const std::string& id = *fresh.begin();
  if (old.empty()) {
    note("\"" + named(b_, id) + "\" of \"" + b_.name + "\" was left out: nothing in \"" + a_.name + "\" reads z.");
    return false;
  }
  const double sizeA = settingOf(a_, registry_, *old.begin(), "z"), sizeB = settingOf(b_, registry_, id, "z");
  char text[300];
  if (sizeA != sizeB) {
    std::snprintf(text, sizeof text,
                  "The z of \"%s\" has %.0f numbers, that of \"%s\" %.0f; an encoder fits only a decoder of its size.",
                  a_.name.c_str(), sizeA, b_.name.c_str(), sizeB);
    return Error{text};
  }
  if (auto done = takeTrunk(id); !done) return done.error();
  const double spreadA = settingOf(a_, registry_, *old.begin(), "z-spread"),
               spreadB = settingOf(b_, registry_, id, "z-spread");
  const double scale = spreadA > 0 && spreadB > 0 ? spreadA / spreadB : 1;
  const bool scales = std::max(scale, 1 / scale) > kOtherSpread;
  for (Cable& c : out_.patch.cables)
    if (c.output == "z" && old.contains(c.from)) {
      c.from = copies_[id];
      if (scales) c.depth *= scale;
    }
  if (scales) {
    std::snprintf(text, sizeof text,
                  "The z of \"%s\" spreads by %.3g, that of \"%s\" by %.3g: the depth of the cables from \"%s\" (%.3g) "
                  "brings it there.",
                  b_.name.c_str(), spreadB, a_.name.c_str(), spreadA, named(out_.patch, copies_[id]).c_str(), scale);
    note(text);
  }
  note("\"" + named(b_, id) + "\" came along as \"" + named(out_.patch, copies_[id]) + "\". The z of \"" + b_.name +
       "\" was learned with another decoder, so the same timbre may be other numbers to that of \"" + a_.name + "\".");
  return true;
}

Result<void> Swap::takeEncoder() {
  const bool listening = takeListening();
  const auto latents = takeLatents();
  if (!latents) return latents.error();
  if (!listening && !*latents) return Error{"\"" + b_.name + "\" has no encoder that \"" + a_.name + "\" could use."};
  return {};
}

}  // namespace core::parts
