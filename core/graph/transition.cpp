// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/graph/transition.h"

#include <algorithm>
#include <set>

namespace core {
namespace {

/// Stale nodes keep running under this name until they are faded out. Ids of patches hold no space.
std::string staleId(const std::string& id) { return "before " + id; }

std::uint64_t instanceOf(const Plan& plan, const std::string& id) {
  const int n = plan.findNode(id);
  return n < 0 ? 0 : plan.nodes[static_cast<std::size_t>(n)].instance;
}

bool sameWire(const Cable& a, const Cable& b) {
  return a.from == b.from && a.output == b.output && a.to == b.to && a.input == b.input && a.delayed == b.delayed;
}

bool has(const std::vector<Cable>& cables, const Cable& wanted) {
  return std::any_of(cables.begin(), cables.end(), [&](const Cable& c) { return sameWire(c, wanted); });
}

}  // namespace

std::optional<Plan> makeTransition(const Patch& oldPatch, const Plan& before, const Patch& newPatch, const Plan& after,
                                   const Registry& registry, const PlanOptions& options) {
  if (before.voices != after.voices || before.rate != after.rate) return std::nullopt;
  Patch both = newPatch;
  PlanOptions fading = options;
  std::set<std::string> stale, fresh;
  for (const PatchNode& n : oldPatch.nodes)
    if (instanceOf(before, n.id) && instanceOf(before, n.id) != instanceOf(after, n.id)) {
      stale.insert(n.id);
      both.nodes.push_back(n);
      both.nodes.back().id = staleId(n.id);
    }
  for (const PatchNode& n : newPatch.nodes)
    if (instanceOf(before, n.id) != instanceOf(after, n.id)) fresh.insert(n.id);

  for (const Cable& c : newPatch.cables) {
    // a node that starts now needs no fade at its inputs; its own output fades in further down
    const bool isNew = !fresh.contains(c.to) && (fresh.contains(c.from) || !has(oldPatch.cables, c));
    fading.fades.push_back(isNew ? Fade::in : Fade::none);
  }
  for (const Cable& c : oldPatch.cables) {
    if (!instanceOf(before, c.from) || !instanceOf(before, c.to)) continue;
    const bool intoStale = stale.contains(c.to);
    if (!intoStale && !stale.contains(c.from) && has(newPatch.cables, c)) continue;  // stays
    Cable old = c;
    if (stale.contains(c.from)) old.from = staleId(c.from);
    if (intoStale) old.to = staleId(c.to);
    both.cables.push_back(old);
    fading.fades.push_back(intoStale ? Fade::none : Fade::out);
  }
  auto plan = compilePlan(both, registry, fading);
  if (!plan) return std::nullopt;
  for (PlanNode& n : plan->nodes) {
    const bool isStale = n.id.starts_with("before ");
    const std::uint64_t wanted = isStale ? instanceOf(before, n.id.substr(7)) : instanceOf(after, n.id);
    if (isStale)
      n.instance = wanted;
    else if (n.instance != wanted)
      return std::nullopt;  // both wirings together changed a width
  }
  return std::move(*plan);
}

}  // namespace core
