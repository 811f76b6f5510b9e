// SPDX-License-Identifier: GPL-3.0-or-later
// Cables on the mouse: drawing, picking up, snapping, dropping, and the popup that completes one.
#include <algorithm>

#include "core/graph/plan.h"
#include "ui/canvas/add_popup.h"
#include "ui/canvas/canvas.h"

namespace ui {
namespace {
constexpr double kSnapReach = 16;    ///< px on the screen
constexpr double kInsertReach = 28;  ///< scene units from a node's middle to the cable it goes into

core::Cable cableBetween(const Port& a, const Port& b) {
  const Port &from = a.output ? a : b, &to = a.output ? b : a;
  core::Cable c;
  c.from = from.node;
  c.output = from.id;
  c.to = to.node;
  c.input = to.id;
  return c;
}

/// Whether two rows may go together as far as the tables tell (widths set by cables are checked
/// when the cable is dropped).
bool rowsFit(const core::Output& out, const core::Input& in) {
  return out.width.variable || in.width.variable || out.width.size == in.width.size || out.width.size == 1;
}
}  // namespace

std::optional<core::Cable> Canvas::topCable(const Port& port) const {
  const auto& cables = document_.patch().cables;
  const auto at = std::find_if(cables.rbegin(), cables.rend(), [&port](const core::Cable& c) {
    return port.output ? c.from == port.node && c.output == port.id : c.to == port.node && c.input == port.id;
  });
  return at == cables.rend() ? std::nullopt : std::optional(*at);
}

void Canvas::pressPort(const Port& port, Qt::KeyboardModifiers modifiers) {
  const auto top = topCable(port);
  if (modifiers & Qt::ShiftModifier && top) return document_.disconnectCables({*top});
  if (!port.output && top) {
    // Ctrl leaves the cable where it is and pulls a copy from the same output
    const Port source{top->from, top->output, true};
    startPull(source, modifiers & Qt::ControlModifier ? std::nullopt : top);
  } else if (port.output && top && modifiers & Qt::ControlModifier) {
    // all its cables move to another output
    std::vector<core::Cable> all;
    for (const core::Cable& c : document_.patch().cables)
      if (c.from == port.node && c.output == port.id) all.push_back(c);
    startPull({top->to, top->input, false}, top, std::move(all));
  } else {
    startPull(port, {});
  }
  movePull(pressed_);
}

void Canvas::startPull(const Port& fixed, std::optional<core::Cable> old, std::vector<core::Cable> all) {
  drag_ = Drag::cable;
  pull_ = Pull{fixed, std::move(old), std::move(all), false};
  const NodeItem* item = nodeItem(fixed.node);
  pullCable_ = std::make_unique<CableItem>();
  pullCable_->setCable({}, item->portKind(fixed.output, fixed.id));
  pullCable_->setZValue(5);
  scene_.addItem(pullCable_.get());
  if (pull_->old && pull_->all.empty())
    if (CableItem* c = cableItem(*pull_->old)) c->setVisible(false);
  for (const auto& entry : nodes_)
    entry.second->dimPorts([this](const Port& p) { return p == pull_->fixed || mayJoin(pull_->fixed, p); });
}

bool Canvas::mayJoin(const Port& a, const Port& b) const {
  if (a.output == b.output) return false;
  const Port &from = a.output ? a : b, &to = a.output ? b : a;
  const core::NodeType *source = document_.typeOf(from.node), *target = document_.typeOf(to.node);
  if (!source || !target) return false;
  const int out = source->outputIndex(from.id), in = target->inputIndex(to.id);
  return out >= 0 && in >= 0 &&
         rowsFit(source->outputs[static_cast<std::size_t>(out)], target->inputs[static_cast<std::size_t>(in)]);
}

/// The port a cable would go to: the nearest one, else the best of the node under the mouse.
std::optional<Port> Canvas::pullTarget(QPoint view) const {
  const bool wanted = !pull_->fixed.output;
  if (auto port = portAt(view, kSnapReach, wanted); port && *port != pull_->fixed) return port;
  const NodeItem* node = nodeAt(view);
  if (!node || node->id() == pull_->fixed.node) return {};
  std::optional<Port> occupied;
  for (const NodeItem::Row& row : node->rows(wanted)) {
    const Port port{node->id(), row.id, wanted};
    if (!mayJoin(pull_->fixed, port)) continue;
    if (!row.connected || wanted) return port;
    if (!occupied) occupied = port;
  }
  return occupied;
}

void Canvas::movePull(QPoint view) {
  const auto target = pullTarget(view);
  const QPointF fixed = nodeItem(pull_->fixed.node)->portPosition(pull_->fixed.output, pull_->fixed.id);
  QPointF free = mapToScene(view);
  for (const auto& [id, item] : nodes_) item->setTarget(target && target->node == id ? &*target : nullptr);
  viewport()->setCursor(target && !mayJoin(pull_->fixed, *target) ? Qt::ForbiddenCursor : Qt::ArrowCursor);
  if (target) free = nodeItem(target->node)->portPosition(target->output, target->id);
  if (pull_->fixed.output)
    pullCable_->setEnds(fixed, free);
  else
    pullCable_->setEnds(free, fixed);
}

void Canvas::dropPull() {
  pull_.reset();
  pullCable_.reset();
  drag_ = Drag::none;
  viewport()->unsetCursor();
  for (const auto& entry : nodes_) {
    entry.second->dimPorts({});
    entry.second->setTarget(nullptr);
  }
  for (CableItem* c : cables_) c->setVisible(true);
}

void Canvas::endPull(QPoint view, bool sum) {
  const Pull pull = *pull_;
  const auto target = pullTarget(view);
  const bool overNode = nodeAt(view) != nullptr;
  dropPull();
  if (!pull.all.empty()) {
    if (!target) return;
    if (const auto done = document_.moveSources(pull.all, target->node, target->id); !done)
      showRefusal(text(done.error().message), view);
    return;
  }
  if (!target) {
    if (pull.old && !overNode)
      document_.disconnectCables({*pull.old});  // pulled out of its input
    else if (!overNode)
      openAddPopup(mapToScene(view), pull.fixed);
    return;
  }
  core::Cable cable = cableBetween(pull.fixed, *target);
  core::Result<void> done;
  if (pull.old) {
    cable.depth = pull.old->depth;
    cable.free = pull.old->free;
    done = document_.moveCable(*pull.old, cable, !sum);
  } else {
    done = document_.connectCable(cable, !sum);
  }
  if (!done) showRefusal(text(done.error().message), view);
}

// ---- the popup -----------------------------------------------------------------------------------

namespace {
/// The first row of `type` that the pulled port can be wired to, or an empty id.
std::string fittingRow(const core::NodeType& type, const Port& pulled, const core::NodeType& other) {
  if (pulled.output) {
    const core::Output& out = other.outputs[static_cast<std::size_t>(other.outputIndex(pulled.id))];
    const bool control = outputKind(other, out) == SignalKind::control;
    const core::Input* best = nullptr;
    for (const core::Input& in : type.inputs) {
      if (!rowsFit(out, in)) continue;
      // a control cable looks for a knob or a gate, a sound for a signal input
      const bool right = (inputKind(type, in) == SignalKind::control) == control;
      if (!best || (right && (inputKind(type, *best) == SignalKind::control) != control)) best = &in;
    }
    return best ? std::string(best->id) : std::string();
  }
  const core::Input& in = other.inputs[static_cast<std::size_t>(other.inputIndex(pulled.id))];
  for (const core::Output& out : type.outputs)
    if (rowsFit(out, in)) return std::string(out.id);
  return {};
}
}  // namespace

/// A node without cables that is dropped on one goes into it.
bool Canvas::insertIntoCable(const NodeItem& node) {
  const core::NodeType* type = document_.typeOf(node.id());
  if (!type || type->outputs.empty()) return false;
  const auto& cables = document_.patch().cables;
  if (std::any_of(cables.begin(), cables.end(),
                  [&](const auto& c) { return c.from == node.id() || c.to == node.id(); }))
    return false;
  const QPointF middle = node.pos() + node.body().center();
  for (const CableItem* item : cables_) {
    if (item->distance(middle) > kInsertReach) continue;
    const core::Cable cable = item->cable();
    const core::NodeType *source = document_.typeOf(cable.from), *goal = document_.typeOf(cable.to);
    if (!source || !goal) continue;
    const std::string input = fittingRow(*type, {cable.from, cable.output, true}, *source);
    const std::string output = fittingRow(*type, {cable.to, cable.input, false}, *goal);
    if (input.empty() || output.empty()) continue;
    if (document_.insertNode(node.id(), node.pos(), cable, input, output)) return true;
  }
  return false;
}

void Canvas::openInsertPopup(QPointF scene, const core::Cable& cable) {
  const core::NodeType *source = document_.typeOf(cable.from), *goal = document_.typeOf(cable.to);
  if (!source || !goal) return;
  const auto rowsOf = [=](const core::NodeType& type) {
    return std::pair(fittingRow(type, {cable.from, cable.output, true}, *source),
                     fittingRow(type, {cable.to, cable.input, false}, *goal));
  };
  disconnect(popup_, &AddPopup::chosen, this, nullptr);
  connect(popup_, &AddPopup::chosen, this, [=, this](const QString& type) {
    setFocus();
    const auto [input, output] = rowsOf(*document_.registry().find(type.toStdString()));
    const auto id = document_.addIntoCable(type.toStdString(), freeSpot(scene - QPointF(84, 40)), cable, input, output);
    if (!id) return showRefusal(text(id.error().message), mapFromScene(scene));
    select({*id});
  });
  popup_->open(mapFromScene(scene), [rowsOf](const core::NodeType& type) {
    const auto [input, output] = rowsOf(type);
    return !input.empty() && !output.empty();
  });
}

void Canvas::openAddPopup(QPointF scene, std::optional<Port> pulled) {
  const core::NodeType* other = pulled ? document_.typeOf(pulled->node) : nullptr;
  if (!other) pulled.reset();
  disconnect(popup_, &AddPopup::chosen, this, nullptr);
  connect(popup_, &AddPopup::chosen, this, [this, scene, pulled, other](const QString& type) {
    setFocus();
    std::optional<core::Cable> wire;
    const core::NodeType* added = document_.registry().find(type.toStdString());
    if (pulled && added) {
      Port there;
      there.id = fittingRow(*added, *pulled, *other);
      there.output = !pulled->output;
      wire = cableBetween(*pulled, there);
    }
    const QPointF at = pulled && !pulled->output ? scene - QPointF(176, 0) : scene;
    const auto id = document_.addNode(type.toStdString(), freeSpot(at), wire);
    if (!id) return showRefusal(text(id.error().message), mapFromScene(scene));
    select({*id});
  });
  std::function<bool(const core::NodeType&)> fits;
  if (pulled) fits = [pulled, other](const core::NodeType& type) { return !fittingRow(type, *pulled, *other).empty(); };
  popup_->open(mapFromScene(scene), std::move(fits));
}

}  // namespace ui
