// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/graph/bypass.h"

#include <algorithm>

namespace core {
namespace {

/// The same width, or one value that is spread.
bool passes(const Width& in, const Width& out) {
  if (!in.variable && in.size == 1) return true;
  return in.variable == out.variable && (in.variable || in.size == out.size);
}

/// Takes one node out of the path; later ones see the cables this one leaves.
void routeAround(Patch& patch, const PatchNode& node, const NodeType& type) {
  const auto path = bypassPath(type);
  std::vector<Cable> feeds, kept;
  for (const Cable& c : patch.cables)
    if (path && c.to == node.id && c.input == type.inputs[static_cast<std::size_t>(path->first)].id) feeds.push_back(c);
  for (const Cable& c : patch.cables) {
    if (c.from != node.id) {
      kept.push_back(c);
      continue;
    }
    if (!path || c.output != type.outputs[static_cast<std::size_t>(path->second)].id) continue;
    for (const Cable& f : feeds) {
      if (f.from == node.id) continue;  // its own feedback
      kept.push_back({f.from, f.output, c.to, c.input, f.depth * c.depth, f.delayed || c.delayed, false});
    }
  }
  patch.cables = std::move(kept);
}

}  // namespace

std::optional<std::pair<int, int>> bypassPath(const NodeType& type) {
  const Category c = type.info.category;
  if (c == Category::source || c == Category::envelope || c == Category::control) return {};
  for (std::size_t i = 0; i < type.inputs.size(); ++i) {
    const Input& in = type.inputs[i];
    if (in.isParameter() || in.rate != Rate::audio || !in.differentiable) continue;
    for (std::size_t o = 0; o < type.outputs.size(); ++o)
      if (type.outputs[o].rate == Rate::audio && passes(in.width, type.outputs[o].width))
        return std::pair(static_cast<int>(i), static_cast<int>(o));
    return {};
  }
  return {};
}

Patch withoutBypassed(const Patch& patch, const Registry& registry) {
  Patch out = patch;
  for (const PatchNode& n : patch.nodes) {
    if (!n.bypassed) continue;
    if (const NodeType* type = registry.find(n.type)) routeAround(out, n, *type);
    out.find(n.id)->bypassed = false;
  }
  return out;
}

}  // namespace core
