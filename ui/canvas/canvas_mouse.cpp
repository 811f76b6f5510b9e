// SPDX-License-Identifier: GPL-3.0-or-later
// The mouse on the canvas: selecting, moving, panning, opening editors.
#include <QApplication>
#include <QGraphicsRectItem>
#include <QLabel>
#include <QMenu>
#include <QMimeData>
#include <QMouseEvent>
#include <QScrollBar>
#include <algorithm>
#include <cmath>

#include "ui/browser/browser.h"
#include "ui/canvas/add_popup.h"
#include "ui/canvas/canvas.h"
#include "ui/canvas/depth_editor.h"
#include "ui/node_extras.h"

namespace ui {
namespace {
constexpr int kClick = 4;         ///< px: less is a click, not a drag
constexpr double kPortReach = 9;  ///< px around a port that grab it
constexpr double kCableReach = 6;
constexpr int kEdge = 24;    ///< px from the border where dragging scrolls
constexpr double kSnap = 8;  ///< scene units nodes align to
}  // namespace

// ---- what lies under a point -------------------------------------------------------------------

std::optional<Port> Canvas::portAt(QPoint view, double radius, std::optional<bool> output) const {
  std::optional<Port> best;
  double least = radius;
  for (const auto& [id, item] : nodes_) {
    const QRectF near = mapFromScene(item->sceneBoundingRect()).boundingRect();
    if (!near.adjusted(-radius, -radius, radius, radius).contains(view)) continue;
    for (const bool side : {true, false}) {
      if (output && *output != side) continue;
      for (const NodeItem::Row& row : item->rows(side)) {
        const QPointF at = mapFromScene(item->portPosition(side, row.id));
        const double distance = std::hypot(at.x() - view.x(), at.y() - view.y());
        if (distance > least) continue;
        least = distance;
        best = Port{id, row.id, side};
      }
    }
  }
  return best;
}

NodeItem* Canvas::nodeAt(QPoint view) const {
  const QPointF at = mapToScene(view);
  NodeItem* best = nullptr;
  for (const auto& entry : nodes_)
    if (entry.second->body().translated(entry.second->pos()).contains(at) &&
        (!best || entry.second->zValue() >= best->zValue()))
      best = entry.second;
  return best;
}

CableItem* Canvas::cableAt(QPoint view) const {
  const QPointF at = mapToScene(view);
  CableItem* best = nullptr;
  double least = kCableReach / zoom();
  for (CableItem* c : cables_) {
    if (!c->boundingRect().contains(at)) continue;
    const double distance = c->distance(at);
    if (distance < least) {
      least = distance;
      best = c;
    }
  }
  return best;
}

// ---- press -------------------------------------------------------------------------------------

void Canvas::mousePressEvent(QMouseEvent* e) {
  pressed_ = last_ = e->pos();
  moved_ = false;
  clickedCable_.reset();
  popup_->hide();
  depth_->hide();
  refusal_->hide();
  if (e->button() == Qt::MiddleButton || e->button() == Qt::RightButton || space_) {
    drag_ = Drag::pan;
    if (e->button() != Qt::RightButton) viewport()->setCursor(Qt::ClosedHandCursor);
    return;
  }
  if (e->button() != Qt::LeftButton) return;
  setFocus();
  if (pull_ && pull_->armed) return endPull(e->pos(), e->modifiers() & Qt::ShiftModifier);
  if (e->modifiers() & Qt::ControlModifier && e->modifiers() & Qt::AltModifier) return startKnife();
  if (const auto port = portAt(e->pos(), kPortReach)) return pressPort(*port, e->modifiers());
  if (NodeItem* node = nodeAt(e->pos())) return pressNode(*node, e->modifiers());
  pressEmpty(e);
}

void Canvas::pressNode(NodeItem& node, Qt::KeyboardModifiers modifiers) {
  const std::string& id = node.id();
  control_ = modifiers & Qt::ControlModifier;
  if (modifiers & Qt::ShiftModifier) {
    auto next = selected_;
    next.insert(id);
    select(next);
  } else if (!selected_.contains(id) && !control_) {
    select({id});
  }
  drag_ = Drag::nodes;
  primary_ = id;
  grab_ = mapToScene(pressed_);
  origins_.clear();
  origins_[id] = node.pos();
  if (selected_.contains(id))
    for (const std::string& n : selected_) origins_[n] = nodeItem(n)->pos();
}

void Canvas::toggleSelected(const std::string& id) {
  auto next = selected_;
  if (!next.erase(id)) next.insert(id);
  select(next);
}

void Canvas::pressEmpty(QMouseEvent* e) {
  if (const CableItem* cable = cableAt(e->pos())) {
    select({});
    selectedCable_ = clickedCable_ = cable->cable();
    updateLooks();
    Q_EMIT selectionChanged();
    return;
  }
  if (!(e->modifiers() & (Qt::ShiftModifier | Qt::ControlModifier))) select({});
  drag_ = Drag::marquee;
  grab_ = mapToScene(pressed_);
  marquee_ = scene_.addRect(QRectF(mapToScene(pressed_), QSizeF()));
  QPen pen(theme().accent, 1);
  pen.setCosmetic(true);
  QColor fill = theme().accent;
  fill.setAlpha(30);
  marquee_->setPen(pen);
  marquee_->setBrush(fill);
  marquee_->setZValue(10);
}

// ---- move --------------------------------------------------------------------------------------

void Canvas::mouseMoveEvent(QMouseEvent* e) {
  const QPoint by = e->pos() - last_;
  last_ = e->pos();
  moved_ = moved_ || (e->pos() - pressed_).manhattanLength() >= kClick;
  switch (drag_) {
    case Drag::none:
      hover(e->pos());
      break;
    case Drag::pan:
      if (!moved_) break;
      horizontalScrollBar()->setValue(horizontalScrollBar()->value() - by.x());
      verticalScrollBar()->setValue(verticalScrollBar()->value() - by.y());
      break;
    default:
      dragTo(e->pos(), e->modifiers());
      if (moved_ && !edge_.isActive()) edge_.start();
  }
}

void Canvas::dragTo(QPoint view, Qt::KeyboardModifiers modifiers) {
  if (drag_ == Drag::marquee) marquee_->setRect(QRectF(grab_, mapToScene(view)).normalized());
  if (drag_ == Drag::nodes && moved_) moveDragged(view, modifiers & Qt::AltModifier);
  if (drag_ == Drag::cable) movePull(view);
  if (drag_ == Drag::knife) moveKnife(view);
}

/// Near the border the view follows, faster the further out the mouse is.
void Canvas::scrollAtEdge() {
  if (drag_ == Drag::none || drag_ == Drag::pan) return edge_.stop();
  const QRect inside = viewport()->rect().adjusted(kEdge, kEdge, -kEdge, -kEdge);
  const int right = std::max(0, last_.x() - inside.right()) - std::max(0, inside.left() - last_.x());
  const int down = std::max(0, last_.y() - inside.bottom()) - std::max(0, inside.top() - last_.y());
  if (!right && !down) return;
  horizontalScrollBar()->setValue(horizontalScrollBar()->value() + right / 2);
  verticalScrollBar()->setValue(verticalScrollBar()->value() + down / 2);
  dragTo(last_, {});
}

void Canvas::moveDragged(QPoint view, bool free) {
  QPointF to = origins_[primary_] + mapToScene(view) - grab_;
  if (!free) to = QPointF(std::round(to.x() / kSnap) * kSnap, std::round(to.y() / kSnap) * kSnap);
  const QPointF by = to - origins_[primary_];
  for (const auto& [id, origin] : origins_)
    if (NodeItem* item = nodeItem(id)) item->setPos(origin + by);
  if (control_) viewport()->setCursor(Qt::DragCopyCursor);
  placeCables();
}

// ---- release -----------------------------------------------------------------------------------

void Canvas::mouseReleaseEvent(QMouseEvent* e) {
  const Drag was = drag_;
  if (was == Drag::cable) {
    if (!moved_ && pull_ && !pull_->armed) {
      pull_->armed = true;  // a click on a port: the next click drops the cable
      return;
    }
    if (pull_ && e->button() == Qt::LeftButton && moved_) endPull(e->pos(), e->modifiers() & Qt::ShiftModifier);
    return;
  }
  drag_ = Drag::none;
  viewport()->unsetCursor();
  if (was == Drag::pan && e->button() == Qt::RightButton && !moved_) showMenu(e->pos());
  if (was == Drag::marquee) endMarquee(e->modifiers());
  if (was == Drag::knife) endKnife(true);
  if (was == Drag::nodes && moved_) endMove(!(e->modifiers() & Qt::AltModifier));
  if (was == Drag::nodes && !moved_ && control_) toggleSelected(primary_);
  if (clickedCable_ && !moved_) openDepthEditor(*clickedCable_);
}

void Canvas::endMarquee(Qt::KeyboardModifiers modifiers) {
  const QRectF area = marquee_->rect();
  delete marquee_;
  marquee_ = nullptr;
  if (!moved_) return;
  auto next = modifiers & (Qt::ShiftModifier | Qt::ControlModifier) ? selected_ : std::set<std::string>();
  for (const auto& [id, item] : nodes_) {
    if (!area.intersects(item->body().translated(item->pos()))) continue;
    if (modifiers & Qt::ControlModifier && selected_.contains(id))
      next.erase(id);
    else
      next.insert(id);
  }
  select(next);
}

/// What is being dragged goes back to where it was.
void Canvas::cancelDrag() {
  const Drag was = std::exchange(drag_, Drag::none);
  edge_.stop();
  viewport()->unsetCursor();
  if (pull_) dropPull();
  if (was == Drag::knife) endKnife(false);
  if (was == Drag::marquee) delete std::exchange(marquee_, nullptr);
  if (was == Drag::nodes) putBack();
}

void Canvas::putBack() {
  for (const auto& [id, origin] : origins_)
    if (NodeItem* item = nodeItem(id)) item->setPos(origin);
  placeCables();
}

void Canvas::endMove(bool mayInsert) {
  if (control_) {  // the dragged ones were a picture of the copies
    const QPointF by = nodeItem(primary_)->pos() - origins_[primary_];
    putBack();
    std::vector<std::string> nodes;
    for (const auto& entry : origins_) nodes.push_back(entry.first);
    return duplicateAt(nodes, by, false);
  }
  if (mayInsert && origins_.size() == 1 && insertIntoCable(*nodeItem(primary_))) return;
  std::map<std::string, QPointF> to;
  for (const auto& entry : origins_)
    if (const NodeItem* item = nodeItem(entry.first)) to[entry.first] = item->pos();
  document_.moveNodes(to);
}

void Canvas::mouseDoubleClickEvent(QMouseEvent* e) {
  if (e->button() != Qt::LeftButton) return;
  if (portAt(e->pos(), kPortReach)) return mousePressEvent(e);
  if (const NodeItem* node = nodeAt(e->pos())) {
    if (node->titleRect().translated(node->pos()).contains(mapToScene(e->pos()))) renameNode(node->id());
    return;
  }
  if (!cableAt(e->pos())) openAddPopup(mapToScene(e->pos()));
}

void Canvas::openDepthEditor(const core::Cable& cable) {
  const auto& cables = document_.patch().cables;
  const auto at = std::find_if(cables.begin(), cables.end(), [&](const core::Cable& c) { return sameEnds(c, cable); });
  if (at != cables.end()) depth_->open(*at, last_ + QPoint(12, 12));
}

void Canvas::showMenu(QPoint view) {
  auto* menu = new QMenu(this);
  menu->setAttribute(Qt::WA_DeleteOnClose);
  if (const auto port = portAt(view, kPortReach)) {
    if (const auto top = topCable(*port)) {
      menu->addAction(tr("Remove cable"), this, [this, top] { document_.disconnectCables({*top}); });
      menu->addAction(tr("Depth..."), this, [this, top] { openDepthEditor(*top); });
    }
    menu->addAction(tr("Add node here..."), this, [this, port, view] { openAddPopup(mapToScene(view), port); });
  } else if (const NodeItem* node = nodeAt(view)) {
    if (!selected_.contains(node->id())) select({node->id()});
    const core::PatchNode& n = *document_.patch().find(node->id());
    menu->addAction(tr("Rename\tF2"), this, [this, id = node->id()] { renameNode(id); });
    menu->addAction(n.bypassed ? tr("End bypass\tM") : tr("Bypass\tM"), this, [this] { bypassSelection(); });
    menu->addAction(isCollapsed(n) ? tr("Unfold\tH") : tr("Fold\tH"), this, [this] { collapseSelection(); });
    menu->addSeparator();
    menu->addAction(tr("Duplicate\tCtrl+D"), this, [this] { duplicate(); });
    menu->addAction(tr("Duplicate with its inputs\tCtrl+Shift+D"), this, [this] { duplicate(true); });
    menu->addAction(tr("Copy"), this, [this] { copy(); });
    menu->addAction(tr("Delete"), this, [this] { removeSelection(); });
    menu->addAction(tr("Delete and reconnect"), this, [this] { removeSelection(true); });
  } else if (const CableItem* cable = cableAt(view)) {
    menu->addAction(tr("Insert node..."), this,
                    [this, c = cable->cable(), view] { openInsertPopup(mapToScene(view), c); });
    menu->addAction(tr("Depth..."), this, [this, c = cable->cable()] { openDepthEditor(c); });
    menu->addAction(tr("Remove cable"), this, [this, c = cable->cable()] { document_.disconnectCables({c}); });
  } else {
    menu->addAction(tr("Add node..."), this, [this, view] { openAddPopup(mapToScene(view)); });
    menu->addAction(tr("Paste"), this, [this] { paste(); });
    menu->addAction(tr("Frame all"), this, [this] { frameAll(); });
  }
  menu->popup(viewport()->mapToGlobal(view));
}

// ---- nodes dragged out of the browser ------------------------------------------------------------

void Canvas::dragEnterEvent(QDragEnterEvent* e) {
  if (e->mimeData()->hasFormat(kNodeMime))
    e->acceptProposedAction();
  else
    e->ignore();
}
void Canvas::dragMoveEvent(QDragMoveEvent* e) {
  if (e->mimeData()->hasFormat(kNodeMime))
    e->acceptProposedAction();
  else
    e->ignore();
}
void Canvas::dropEvent(QDropEvent* e) {
  if (!e->mimeData()->hasFormat(kNodeMime)) return e->ignore();
  const QByteArray type = e->mimeData()->data(kNodeMime);
  e->acceptProposedAction();
  addNode(type.toStdString(), mapToScene(e->position().toPoint()));
}

}  // namespace ui
