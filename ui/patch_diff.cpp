// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/patch_diff.h"

namespace ui {
namespace {

/// Notes what differs in one node; false when the two are different nodes altogether.
bool diffNode(const core::PatchNode& a, const core::PatchNode& b, PatchDiff& out) {
  if (a.id != b.id || a.type != b.type || a.settings != b.settings || a.tensors != b.tensors ||
      a.bypassed != b.bypassed)
    return false;
  if (a.x != b.x || a.y != b.y) out.positions = true;
  if (a.label != b.label || a.free != b.free || a.foreign != b.foreign) out.details = true;
  if (a.values == b.values) return true;
  for (const auto& [input, value] : b.values)
    if (const auto old = a.values.find(input); old == a.values.end() || old->second != value)
      out.values.emplace_back(b.id, input);
  for (const auto& entry : a.values)
    if (!b.values.contains(entry.first)) out.values.emplace_back(b.id, entry.first);
  return true;
}

}  // namespace

bool sameEnds(const core::Cable& a, const core::Cable& b) {
  return a.from == b.from && a.output == b.output && a.to == b.to && a.input == b.input;
}

PatchDiff diffPatches(const core::Patch& before, const core::Patch& after) {
  PatchDiff out;
  out.structure = before.nodes.size() != after.nodes.size() || before.cables.size() != after.cables.size() ||
                  before.voices != after.voices || before.rate != after.rate;
  for (std::size_t i = 0; i < after.nodes.size() && !out.structure; ++i)
    out.structure = !diffNode(before.nodes[i], after.nodes[i], out);
  for (std::size_t i = 0; i < after.cables.size() && !out.structure; ++i) {
    const core::Cable &a = before.cables[i], &b = after.cables[i];
    out.structure = !sameEnds(a, b) || a.delayed != b.delayed;
    if (a.depth != b.depth) out.depths.push_back(b);
    if (a.free != b.free) out.details = true;
  }
  out.phrase = before.phrase != after.phrase;
  if (out.structure || out.phrase || before.name != after.name || before.description != after.description ||
      before.author != after.author || before.tags != after.tags)
    out.details = true;
  return out;
}

}  // namespace ui
