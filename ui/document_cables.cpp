// SPDX-License-Identifier: GPL-3.0-or-later
// Edits that change the wiring: cables drawn, moved, cut; nodes put into cables and taken out.
#include <algorithm>

#include "core/graph/plan.h"
#include "ui/document.h"
#include "ui/theme.h"

namespace ui {
namespace {

std::string cableKey(const core::Cable& c) { return c.from + '.' + c.output + '>' + c.to + '.' + c.input; }
core::Cable* findCable(core::Patch& patch, const core::Cable& cable) {
  const auto at = std::find_if(patch.cables.begin(), patch.cables.end(),
                               [&cable](const core::Cable& c) { return sameEnds(c, cable); });
  return at == patch.cables.end() ? nullptr : &*at;
}

}  // namespace

namespace {
/// What feeds a node's first cabled input, wired to what its first cabled output feeds.
std::vector<core::Cable> bridges(const core::Patch& patch, const std::string& node) {
  std::vector<core::Cable> out;
  const core::Cable* feed = nullptr;
  for (const core::Cable& c : patch.cables)
    if (c.to == node && c.from != node && (!feed || c.input == "in")) feed = &c;
  if (!feed) return out;
  for (const core::Cable& c : patch.cables)
    if (c.from == node && c.to != node)
      out.push_back({feed->from, feed->output, c.to, c.input, c.depth, c.delayed, c.free});
  return out;
}
}  // namespace

void Document::removeNodes(const std::vector<std::string>& nodes, bool reconnect) {
  core::Patch next = *patch_;
  for (const std::string& id : nodes) {
    const auto wires = reconnect ? bridges(next, id) : std::vector<core::Cable>();
    std::erase_if(next.cables, [&id](const core::Cable& c) { return c.from == id || c.to == id; });
    std::erase_if(next.nodes, [&id](const core::PatchNode& n) { return n.id == id; });
    for (core::Cable c : wires) {
      c.delayed = core::closesCycle(next, c.from, c.to);
      if (!findCable(next, c) && core::checkCable(next, registry_, c)) next.cables.push_back(c);
    }
  }
  push(nodes.size() == 1 ? tr("Delete node") : tr("Delete %1 nodes").arg(nodes.size()), std::move(next));
}

core::Result<void> Document::connectCable(core::Cable cable, bool replace) {
  if (findCable(const_cast<core::Patch&>(*patch_), cable)) return core::Error{"These two are already connected."};
  core::Patch next = *patch_;
  if (replace)
    std::erase_if(next.cables, [&cable](const core::Cable& c) { return c.to == cable.to && c.input == cable.input; });
  if (auto fits = core::checkCable(next, registry_, cable); !fits) return fits;
  cable.delayed = core::closesCycle(next, cable.from, cable.to);
  next.cables.push_back(std::move(cable));
  push(tr("Connect"), std::move(next));
  return {};
}

core::Result<void> Document::moveCable(const core::Cable& old, core::Cable cable, bool replace) {
  if (sameEnds(old, cable)) return {};
  core::Patch next = *patch_;
  std::erase_if(next.cables, [&](const core::Cable& c) {
    return sameEnds(c, old) || sameEnds(c, cable) || (replace && c.to == cable.to && c.input == cable.input);
  });
  if (auto fits = core::checkCable(next, registry_, cable); !fits) return fits;
  cable.delayed = core::closesCycle(next, cable.from, cable.to);
  next.cables.push_back(std::move(cable));
  push(tr("Move cable"), std::move(next));
  return {};
}

core::Result<void> Document::moveSources(const std::vector<core::Cable>& cables, const std::string& node,
                                         const std::string& output) {
  core::Patch next = *patch_;
  for (const core::Cable& old : cables) {
    core::Cable moved = old;
    moved.from = node;
    moved.output = output;
    std::erase_if(next.cables, [&](const core::Cable& c) { return sameEnds(c, old) || sameEnds(c, moved); });
    if (auto fits = core::checkCable(next, registry_, moved); !fits) return fits;
    moved.delayed = core::closesCycle(next, moved.from, moved.to);
    next.cables.push_back(std::move(moved));
  }
  push(tr("Move %1 cables").arg(cables.size()), std::move(next));
  return {};
}

void Document::disconnectCables(const std::vector<core::Cable>& cables) {
  change(tr("Disconnect"), [&cables](core::Patch& p) {
    std::erase_if(p.cables, [&cables](const core::Cable& c) {
      return std::any_of(cables.begin(), cables.end(), [&c](const core::Cable& d) { return sameEnds(c, d); });
    });
  });
}

void Document::setDepth(const core::Cable& cable, double depth) {
  change(
      tr("Cable depth"),
      [&](core::Patch& p) {
        if (core::Cable* c = findCable(p, cable)) c->depth = depth;
      },
      "depth " + cableKey(cable));
}

namespace {
/// Puts `node` into a cable; depth and delay stay with the end they act on.
core::Result<void> putIntoCable(core::Patch& patch, const core::Registry& registry, const std::string& node,
                                const core::Cable& cable, const std::string& input, const std::string& output) {
  const core::Cable* found = findCable(patch, cable);
  if (!found) return core::Error{"The cable is gone."};
  const core::Cable old = *found;
  std::erase_if(patch.cables, [&cable](const core::Cable& c) { return sameEnds(c, cable); });
  for (const core::Cable& c : {core::Cable{old.from, old.output, node, input, 1, false, false},
                               core::Cable{node, output, old.to, old.input, old.depth, old.delayed, old.free}}) {
    if (auto fits = core::checkCable(patch, registry, c); !fits) return fits;
    patch.cables.push_back(c);
  }
  return {};
}
}  // namespace

core::Result<void> Document::insertNode(const std::string& node, QPointF at, const core::Cable& cable,
                                        const std::string& input, const std::string& output) {
  core::Patch next = *patch_;
  core::PatchNode* inserted = next.find(node);
  if (!inserted) return core::Error{"The node is gone."};
  inserted->x = at.x();
  inserted->y = at.y();
  if (auto done = putIntoCable(next, registry_, node, cable, input, output); !done) return done;
  push(tr("Insert into cable"), std::move(next));
  return {};
}

core::Result<std::string> Document::addIntoCable(std::string_view type, QPointF at, const core::Cable& cable,
                                                 const std::string& input, const std::string& output) {
  const core::NodeType* found = registry_.find(type);
  if (!found) return core::Error{"This program has no node type \"" + std::string(type) + "\"."};
  core::Patch next = *patch_;
  core::PatchNode node = core::makeNode(next, *found);
  node.x = at.x();
  node.y = at.y();
  const std::string id = node.id;
  next.nodes.push_back(std::move(node));
  if (auto done = putIntoCable(next, registry_, id, cable, input, output); !done) return done.error();
  push(tr("Insert %1").arg(text(found->info.name)), std::move(next));
  return id;
}

void Document::setCableFree(const core::Cable& cable, bool free) {
  change(free ? tr("Free for the fit") : tr("Lock for the fit"), [&](core::Patch& p) {
    if (core::Cable* c = findCable(p, cable)) c->free = free;
  });
}

}  // namespace ui
