// SPDX-License-Identifier: GPL-3.0-or-later
// Keeping items in step with the document, looking around, painting the ground.
#include "ui/canvas/canvas.h"

#include <QLabel>
#include <QLineEdit>
#include <QNativeGestureEvent>
#include <QPainter>
#include <QScrollBar>
#include <QTimer>
#include <QWheelEvent>
#include <algorithm>
#include <cmath>

#include "ui/canvas/add_popup.h"
#include "ui/canvas/cable_scope.h"
#include "ui/canvas/depth_editor.h"

namespace ui {
namespace {
constexpr double kLeastZoom = 0.1, kMostZoom = 4, kZoomStep = 1.2;
constexpr double kGrid = 24;
constexpr double kWorld = 32000;
}  // namespace

Canvas::Canvas(Document& document, NodePictures& pictures, QWidget* parent)
    : QGraphicsView(parent), document_(document), pictures_(pictures) {
  setScene(&scene_);
  scene_.setSceneRect(-kWorld, -kWorld, 2 * kWorld, 2 * kWorld);
  scene_.setItemIndexMethod(QGraphicsScene::NoIndex);
  setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  setViewportUpdateMode(QGraphicsView::SmartViewportUpdate);
  setOptimizationFlag(QGraphicsView::DontSavePainterState, false);
  setTransformationAnchor(QGraphicsView::NoAnchor);
  setResizeAnchor(QGraphicsView::NoAnchor);
  setFrameShape(QFrame::NoFrame);
  setMouseTracking(true);
  viewport()->setMouseTracking(true);
  setAcceptDrops(true);
  setFocusPolicy(Qt::StrongFocus);
  setAccessibleName(tr("Patch"));
  popup_ = new AddPopup(document_.registry(), this);
  depth_ = new DepthEditor(document_, this);
  scope_ = new CableScope(viewport());
  refusal_ = new QLabel(viewport());
  refusal_->setProperty("role", "notice");
  refusal_->setWordWrap(true);
  refusal_->hide();
  connect(depth_, &DepthEditor::said, this, &Canvas::said);
  connect(&document_, &Document::structureChanged, this, &Canvas::sync);
  connect(&document_, &Document::depthChanged, this, &Canvas::syncCables);
  connect(&document_, &Document::detailsChanged, this, [this] {
    if (synced_ == document_.snapshot()) return;  // a change of structure has just brought all up to date
    synced_ = document_.snapshot();
    for (const auto& entry : nodes_) entry.second->refresh();
    syncCables();
  });
  connect(&document_, &Document::valueChanged, this, [this](const QString& node, const QString&) {
    if (NodeItem* item = nodeItem(node.toStdString())) item->refreshValues();
    pictures_.request(document_.patch(), node.toStdString());
    restOfPictures_.start();  // those further down follow when the knob rests
  });
  restOfPictures_.setSingleShot(true);
  restOfPictures_.setInterval(250);
  connect(&restOfPictures_, &QTimer::timeout, this, &Canvas::refreshPictures);
  connect(&document_, &Document::depthChanged, &restOfPictures_, qOverload<>(&QTimer::start));
  connect(&document_, &Document::positionsChanged, this, [this] {
    for (const core::PatchNode& n : document_.patch().nodes)
      if (NodeItem* item = nodeItem(n.id)) item->setPos(n.x, n.y);
    placeCables();
  });
  connect(&pictures_, &NodePictures::ready, this, [this](const QString& node) {
    if (NodeItem* item = nodeItem(node.toStdString())) item->update();
  });
  edge_.setInterval(16);
  connect(&edge_, &QTimer::timeout, this, &Canvas::scrollAtEdge);
  sync();
}

Canvas::~Canvas() { pullCable_.reset(); }

NodeItem* Canvas::nodeItem(std::string_view id) const {
  const auto at = nodes_.find(id);
  return at == nodes_.end() ? nullptr : at->second;
}

CableItem* Canvas::cableItem(const core::Cable& cable) const {
  const auto at =
      std::find_if(cables_.begin(), cables_.end(), [&](const CableItem* c) { return sameEnds(c->cable(), cable); });
  return at == cables_.end() ? nullptr : *at;
}

void Canvas::refreshPictures() {
  for (const auto& entry : nodes_) pictures_.request(document_.patch(), entry.first);
}

/// After a change of structure: items of nodes that stay are kept.
void Canvas::sync() {
  synced_ = document_.snapshot();
  const core::Patch& patch = *synced_;
  for (auto at = nodes_.begin(); at != nodes_.end();) {
    if (patch.find(at->first)) {
      ++at;
      continue;
    }
    delete at->second;
    at = nodes_.erase(at);
  }
  pictures_.keepOnly(patch);
  for (const core::PatchNode& n : patch.nodes) {
    auto& item = nodes_[n.id];
    if (!item)
      scene_.addItem(item = new NodeItem(document_, pictures_, n.id));
    else
      item->refresh();
  }
  refreshPictures();
  std::erase_if(selected_, [&patch](const std::string& id) { return !patch.find(id); });
  syncCables();
  updateLooks();
  Q_EMIT selectionChanged();
}

void Canvas::syncCables() {
  const auto& cables = document_.patch().cables;
  while (cables_.size() > cables.size()) {
    delete cables_.back();
    cables_.pop_back();
  }
  while (cables_.size() < cables.size()) {
    cables_.push_back(new CableItem);
    scene_.addItem(cables_.back());
  }
  for (std::size_t i = 0; i < cables.size(); ++i) {
    const NodeItem* from = nodeItem(cables[i].from);
    cables_[i]->setCable(cables[i], from ? from->portKind(true, cables[i].output) : SignalKind::audio);
    cables_[i]->setSelectedLook(selectedCable_ && sameEnds(*selectedCable_, cables[i]));
    cables_[i]->setVisible(true);
  }
  if (selectedCable_ && !cableItem(*selectedCable_)) selectedCable_.reset();
  placeCables();
}

void Canvas::placeCables() {
  for (CableItem* c : cables_) {
    const NodeItem *from = nodeItem(c->cable().from), *to = nodeItem(c->cable().to);
    if (!from || !to) continue;
    const double below = std::max(from->pos().y() + from->body().bottom(), to->pos().y() + to->body().bottom()) + 20;
    c->setEnds(from->portPosition(true, c->cable().output), to->portPosition(false, c->cable().input), below);
  }
}

void Canvas::updateLooks() {
  for (const auto& [id, item] : nodes_) item->setSelectedLook(selected_.contains(id));
  for (CableItem* c : cables_) c->setSelectedLook(selectedCable_ && sameEnds(*selectedCable_, c->cable()));
}

void Canvas::select(const std::set<std::string>& nodes) {
  selected_ = nodes;
  selectedCable_.reset();
  updateLooks();
  describeSelection();
  Q_EMIT selectionChanged();
}

/// The canvas is one widget to a screen reader: it says what is selected and what feeds it.
void Canvas::describeSelection() {
  QString words = tr("%n nodes selected", "", static_cast<int>(selected_.size()));
  if (selected_.size() == 1) {
    const core::NodeType* type = document_.typeOf(*selected_.begin());
    words = type ? text(type->info.name) : text(*selected_.begin());
    for (const core::Cable& c : document_.patch().cables) {
      if (c.to == *selected_.begin()) words += tr(", %1 from %2 %3").arg(text(c.input), text(c.from), text(c.output));
      if (c.from == *selected_.begin()) words += tr(", %1 to %2 %3").arg(text(c.output), text(c.to), text(c.input));
    }
  }
  setAccessibleDescription(words);
}

/// Tab walks the nodes from left to right, then leaves the canvas.
bool Canvas::focusNextPrevChild(bool next) {
  std::vector<NodeItem*> order;
  for (const auto& entry : nodes_) order.push_back(entry.second);
  std::sort(order.begin(), order.end(),
            [](const NodeItem* a, const NodeItem* b) { return std::pair(a->x(), a->y()) < std::pair(b->x(), b->y()); });
  if (!next) std::reverse(order.begin(), order.end());
  const auto at =
      selected_.size() == 1 ? std::find(order.begin(), order.end(), nodeItem(*selected_.begin())) : order.end();
  const auto goal = at == order.end() ? order.begin() : std::next(at);
  if (!hasFocus() || goal == order.end()) {
    if (hasFocus()) select({});
    return QGraphicsView::focusNextPrevChild(next);
  }
  select({(*goal)->id()});
  ensureVisible(*goal, 24, 24);
  return true;
}

void Canvas::selectAll() {
  std::set<std::string> all;
  for (const auto& entry : nodes_) all.insert(entry.first);
  select(all);
}

void Canvas::setStatus(const std::vector<NodeStatus>& status) {
  for (const NodeStatus& s : status)
    if (NodeItem* item = nodeItem(s.node.toStdString())) item->setStatus(s.load, s.faults);
}

void Canvas::refreshTheme() {
  for (const auto& entry : nodes_) entry.second->refresh();
  viewport()->update();
}

QPoint Canvas::portOnView(const Port& port) const {
  const NodeItem* item = nodeItem(port.node);
  return item ? mapFromScene(item->portPosition(port.output, port.id)) : QPoint();
}

// ---- view --------------------------------------------------------------------------------------

void Canvas::zoomBy(double factor, QPointF at) {
  const double target = std::clamp(zoom() * factor, kLeastZoom, kMostZoom);
  const QPointF before = mapToScene(at.toPoint());
  scale(target / zoom(), target / zoom());
  const QPointF shift = mapFromScene(before) - at.toPoint();
  horizontalScrollBar()->setValue(horizontalScrollBar()->value() + static_cast<int>(shift.x()));
  verticalScrollBar()->setValue(verticalScrollBar()->value() + static_cast<int>(shift.y()));
}

void Canvas::resetZoom() { zoomBy(1 / zoom(), viewport()->rect().center()); }

void Canvas::frameAll() {
  QRectF box;
  for (const auto& entry : nodes_) box |= entry.second->sceneBoundingRect();
  resetTransform();
  if (box.isEmpty()) return centerOn(0, 0);
  box.adjust(-32, -32, 32, 32);
  const double fit = std::min(viewport()->width() / box.width(), viewport()->height() / box.height());
  const double zoom = std::clamp(fit, kLeastZoom, 1.0);
  scale(zoom, zoom);
  centerOn(box.center());
}

void Canvas::frameSelected() {
  if (selected_.empty()) return frameAll();
  QRectF box;
  for (const std::string& id : selected_) box |= nodeItem(id)->sceneBoundingRect();
  box.adjust(-64, -64, 64, 64);
  const double fit = std::min(viewport()->width() / box.width(), viewport()->height() / box.height());
  resetTransform();
  const double zoom = std::clamp(fit, kLeastZoom, 1.5);
  scale(zoom, zoom);
  centerOn(box.center());
}

void Canvas::wheelEvent(QWheelEvent* e) {
  const bool touchpad = e->device() && e->device()->type() == QInputDevice::DeviceType::TouchPad;
  if (e->modifiers() & Qt::ShiftModifier) {
    const int step = e->angleDelta().x() ? e->angleDelta().x() : e->angleDelta().y();
    horizontalScrollBar()->setValue(horizontalScrollBar()->value() - step);
  } else if (touchpad && !(e->modifiers() & Qt::ControlModifier)) {
    horizontalScrollBar()->setValue(horizontalScrollBar()->value() - e->pixelDelta().x());
    verticalScrollBar()->setValue(verticalScrollBar()->value() - e->pixelDelta().y());
  } else {
    zoomBy(std::pow(kZoomStep, e->angleDelta().y() / 120.0), e->position());
  }
  e->accept();
}

void Canvas::drawBackground(QPainter* p, const QRectF& area) {
  p->fillRect(area, theme().ground);
  if (zoom() < 0.6) return;
  p->setRenderHint(QPainter::Antialiasing, false);
  QPen pen(theme().node, 2);
  pen.setCosmetic(true);
  p->setPen(pen);
  QPolygonF dots;
  for (double x = std::ceil(area.left() / kGrid) * kGrid; x < area.right(); x += kGrid)
    for (double y = std::ceil(area.top() / kGrid) * kGrid; y < area.bottom(); y += kGrid) dots << QPointF(x, y);
  p->drawPoints(dots);
}

bool Canvas::viewportEvent(QEvent* e) {
  if (e->type() == QEvent::Resize && !viewFramed_ && !nodes_.empty()) {
    viewFramed_ = true;  // the first time there is a size to frame into
    QTimer::singleShot(0, this, &Canvas::frameAll);
  }
  if (e->type() == QEvent::NativeGesture) {  // two fingers apart on a touchpad
    const auto* gesture = static_cast<QNativeGestureEvent*>(e);
    if (gesture->gestureType() == Qt::ZoomNativeGesture) {
      zoomBy(1 + gesture->value(), gesture->position());
      return true;
    }
  }
  return QGraphicsView::viewportEvent(e);
}

void Canvas::showRefusal(const QString& sentence, QPoint view) {
  refusal_->setText(sentence);
  refusal_->setFixedWidth(std::min(320, viewport()->width() - 16));
  refusal_->adjustSize();
  refusal_->move(std::clamp(view.x() + 12, 4, std::max(4, viewport()->width() - refusal_->width() - 4)),
                 std::clamp(view.y() + 12, 4, std::max(4, viewport()->height() - refusal_->height() - 4)));
  refusal_->show();
  refusal_->raise();
  Q_EMIT said(sentence);
  QTimer::singleShot(6000, refusal_, &QWidget::hide);
}

QString Canvas::refusal() const { return refusal_->isHidden() ? QString() : refusal_->text(); }

void Canvas::hover(QPoint view) {
  const CableItem* under = portAt(view, 10) || nodeAt(view) ? nullptr : cableAt(view);
  const bool same = under ? hovered_ && sameEnds(*hovered_, under->cable()) : !hovered_;
  for (CableItem* c : cables_) c->setHovered(c == under);
  if (under) scope_->move(std::min(view.x() + 14, viewport()->width() - scope_->width()), view.y() + 14);
  if (same) return;
  hovered_ = under ? std::optional(under->cable()) : std::nullopt;
  if (hovered_) {
    document_.engine().probe(hovered_->from, hovered_->output);
    const NodeItem* from = nodeItem(hovered_->from);
    scope_->setColour(signalColour(from ? from->portKind(true, hovered_->output) : SignalKind::audio));
    scope_->setSamples({});
  }
  scope_->setVisible(hovered_.has_value());
}

void Canvas::pollScope() {
  if (hovered_ && scope_->isVisible()) scope_->setSamples(document_.engine().probeSamples());
}

void Canvas::leaveEvent(QEvent* e) {
  hovered_.reset();
  scope_->hide();
  for (CableItem* c : cables_) c->setHovered(false);
  QGraphicsView::leaveEvent(e);
}

}  // namespace ui
