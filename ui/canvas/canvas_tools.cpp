// SPDX-License-Identifier: GPL-3.0-or-later
// Tools of the canvas beside the plain mouse: the knife, finding and walking, bypass, folding,
// copies that keep their inputs.
#include <QGraphicsPathItem>
#include <algorithm>
#include <cmath>

#include "ui/canvas/canvas.h"
#include "ui/canvas/find_popup.h"
#include "ui/node_extras.h"

namespace ui {
namespace {
std::vector<std::string> listOf(const std::set<std::string>& s) { return {s.begin(), s.end()}; }
}  // namespace

// ---- the knife -----------------------------------------------------------------------------------

void Canvas::startKnife() {
  drag_ = Drag::knife;
  cut_ = QPolygonF{mapToScene(pressed_)};
  knife_ = scene_.addPath({});
  QPen pen(theme().bad, 1.5, Qt::DashLine);
  pen.setCosmetic(true);
  knife_->setPen(pen);
  knife_->setZValue(10);
  viewport()->setCursor(Qt::CrossCursor);
}

void Canvas::moveKnife(QPoint view) {
  cut_ << mapToScene(view);
  QPainterPath path;
  path.addPolygon(cut_);
  knife_->setPath(path);
  for (CableItem* c : cables_) c->setHovered(c->crosses(cut_));
}

void Canvas::endKnife(bool cuts) {
  delete std::exchange(knife_, nullptr);
  drag_ = Drag::none;
  viewport()->unsetCursor();
  std::vector<core::Cable> gone;
  for (CableItem* c : cables_) {
    c->setHovered(false);
    if (c->crosses(cut_)) gone.push_back(c->cable());
  }
  cut_.clear();
  if (cuts && !gone.empty()) document_.disconnectCables(gone);
}

// ---- finding and walking ---------------------------------------------------------------------------

void Canvas::openFind() {
  if (!find_) {
    find_ = new FindPopup(document_, this);
    connect(find_, &FindPopup::chosen, this, [this](const QString& node) { jumpTo(node.toStdString()); });
  }
  find_->open();
}

void Canvas::jumpTo(const std::string& node) {
  const NodeItem* item = nodeItem(node);
  if (!item) return;
  select({node});
  if (zoom() < 0.5) frameSelected();
  ensureVisible(item, 48, 48);
}

/// Along the cables: right to what the node feeds, left to what feeds it; up and down through the
/// nodes that share a neighbour with it.
void Canvas::walk(int key) {
  if (selected_.size() != 1) return;
  const std::string& here = *selected_.begin();
  const auto& cables = document_.patch().cables;
  std::set<std::string> goals;
  for (const core::Cable& c : cables) {
    if (key == Qt::Key_Right && c.from == here) goals.insert(c.to);
    if (key == Qt::Key_Left && c.to == here) goals.insert(c.from);
    if (key != Qt::Key_Up && key != Qt::Key_Down) continue;
    for (const core::Cable& d : cables) {
      if (c.from == here && d.to == c.to) goals.insert(d.from);
      if (c.to == here && d.from == c.from) goals.insert(d.to);
    }
  }
  goals.erase(here);
  const NodeItem *from = nodeItem(here), *best = nullptr;
  for (const std::string& id : goals) {
    const NodeItem* item = nodeItem(id);
    if (!item || (key == Qt::Key_Up && item->y() >= from->y()) || (key == Qt::Key_Down && item->y() <= from->y()))
      continue;
    if (!best || std::fabs(item->y() - from->y()) < std::fabs(best->y() - from->y())) best = item;
  }
  if (best) jumpTo(best->id());
}

// ---- bypass, folding, copies -------------------------------------------------------------------------

void Canvas::bypassSelection() {
  if (selected_.empty()) return;
  const bool any = std::any_of(selected_.begin(), selected_.end(),
                               [this](const std::string& id) { return !document_.patch().find(id)->bypassed; });
  document_.setBypassed(listOf(selected_), any);
}

void Canvas::collapseSelection() {
  if (selected_.empty()) return;
  const bool any = std::any_of(selected_.begin(), selected_.end(),
                               [this](const std::string& id) { return !isCollapsed(*document_.patch().find(id)); });
  document_.setCollapsedNodes(listOf(selected_), any);
}

void Canvas::duplicate(bool keepInputs) {
  if (!selected_.empty()) duplicateAt(listOf(selected_), QPointF(kCopyOffset, kCopyOffset), keepInputs);
}

void Canvas::duplicateAt(const std::vector<std::string>& nodes, QPointF by, bool keepInputs) {
  const core::Patch part = subPatch(document_.patch(), nodes);
  QPointF middle;
  for (const core::PatchNode& n : part.nodes) middle += QPointF(n.x, n.y) / static_cast<double>(part.nodes.size());
  std::vector<core::Cable> incoming;
  const auto inside = [&part](const std::string& id) { return part.find(id) != nullptr; };
  for (const core::Cable& c : document_.patch().cables)
    if (keepInputs && inside(c.to) && !inside(c.from)) incoming.push_back(c);
  const auto ids = document_.paste(part, middle + by, incoming);
  select({ids.begin(), ids.end()});
}

}  // namespace ui
