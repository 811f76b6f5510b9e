// SPDX-License-Identifier: GPL-3.0-or-later
// Keys on the canvas, the clipboard, renaming.
#include <QApplication>
#include <QClipboard>
#include <QKeyEvent>
#include <QLineEdit>
#include <QMimeData>
#include <algorithm>

#include "presets/patch_file.h"
#include "ui/canvas/add_popup.h"
#include "ui/canvas/canvas.h"
#include "ui/canvas/depth_editor.h"

namespace ui {
namespace {
constexpr auto kBlobMime = "application/x-tonewright-blobs";
constexpr double kGridStep = 8;
constexpr qint64 kOneNudgeMs = 1000;

std::vector<std::string> listOf(const std::set<std::string>& s) { return {s.begin(), s.end()}; }
}  // namespace

void Canvas::addNode(const std::string& type, QPointF scene) {
  if (const auto id = document_.addNode(type, freeSpot(scene))) select({*id});
}

void Canvas::removeSelection(bool reconnect) {
  if (selectedCable_) {
    document_.disconnectCables({*selectedCable_});
  } else if (!selected_.empty()) {
    document_.removeNodes(listOf(selected_), reconnect);
  }
}

void Canvas::copy() const {
  if (selected_.empty()) return;
  const auto written = presets::writeText(subPatch(document_.patch(), listOf(selected_)));
  auto* data = new QMimeData;
  data->setText(text(written.json));
  data->setData(QLatin1String(kBlobMime), QByteArray::fromStdString(written.blobs));
  QApplication::clipboard()->setMimeData(data);
}

void Canvas::cut() {
  copy();
  removeSelection();
}

/// Never exactly over another node.
QPointF Canvas::freeSpot(QPointF at) const {
  at = QPointF(std::round(at.x() / kGridStep) * kGridStep, std::round(at.y() / kGridStep) * kGridStep);
  const auto taken = [this](QPointF p) {
    return std::any_of(nodes_.begin(), nodes_.end(),
                       [p](const auto& entry) { return (entry.second->pos() - p).manhattanLength() < kCopyOffset; });
  };
  while (taken(at)) at += QPointF(kCopyOffset, kCopyOffset);
  return at;
}

void Canvas::paste() {
  const QMimeData* data = QApplication::clipboard()->mimeData();
  if (!data || !data->hasText()) return;
  const auto part = presets::readText(data->text().toStdString(), data->data(QLatin1String(kBlobMime)).toStdString());
  if (!part) {
    showRefusal(tr("The clipboard holds no nodes: %1").arg(text(part.error().message)), last_);
    return;
  }
  if (part->nodes.empty()) return;
  const QPoint mouse = viewport()->mapFromGlobal(QCursor::pos());
  QPointF at = mapToScene(viewport()->rect().contains(mouse) ? mouse : viewport()->rect().center());
  QPointF middle;
  for (const core::PatchNode& n : part->nodes) middle += QPointF(n.x, n.y) / static_cast<double>(part->nodes.size());
  const QPointF first(part->nodes[0].x, part->nodes[0].y);
  at = freeSpot(at + first - middle) - (first - middle);
  const auto ids = document_.paste(*part, at);
  select({ids.begin(), ids.end()});
}

/// Wires two selected nodes, left to right, by their first ports that fit.
void Canvas::connectSelected() {
  if (selected_.size() != 2) return;
  const NodeItem *a = nodeItem(*selected_.begin()), *b = nodeItem(*std::next(selected_.begin()));
  if (a->pos().x() > b->pos().x()) std::swap(a, b);
  for (const NodeItem::Row& out : a->rows(true))
    for (const NodeItem::Row& in : b->rows(false)) {
      if (in.connected || !mayJoin({a->id(), out.id, true}, {b->id(), in.id, false})) continue;
      core::Cable cable;
      cable.from = a->id();
      cable.output = out.id;
      cable.to = b->id();
      cable.input = in.id;
      if (const auto done = document_.connectCable(cable, false); !done) showRefusal(text(done.error().message), last_);
      return;
    }
}

/// Nudges in quick succession are one step.
void Canvas::nudge(QPointF by) {
  std::map<std::string, QPointF> to;
  std::string key = "nudge";
  for (const std::string& id : selected_) {
    to[id] = nodeItem(id)->pos() + by;
    key += ' ' + id;
  }
  if (!nudged_.isValid() || nudged_.elapsed() > kOneNudgeMs) document_.newGesture();
  nudged_.start();
  document_.moveNodes(to, key);
}

void Canvas::renameNode(const std::string& node) {
  const NodeItem* item = nodeItem(node);
  if (!item) return;
  if (!titleEdit_) {
    titleEdit_ = new QLineEdit(this);
    titleEdit_->setAccessibleName(tr("Name of the node"));
    connect(titleEdit_, &QLineEdit::editingFinished, titleEdit_, &QWidget::hide);
  }
  disconnect(titleEdit_, &QLineEdit::returnPressed, this, nullptr);
  connect(titleEdit_, &QLineEdit::returnPressed, this, [this, node] {
    document_.renameNode(node, titleEdit_->text().trimmed());
    setFocus();
  });
  const core::PatchNode* n = document_.patch().find(node);
  const core::NodeType* type = document_.typeOf(node);
  titleEdit_->setPlaceholderText(type ? text(type->info.name) : QString());
  titleEdit_->setText(text(n->label));
  const QRectF at = mapFromScene(item->titleRect().translated(item->pos())).boundingRect();
  titleEdit_->setGeometry(static_cast<int>(at.x()), static_cast<int>(at.y()),
                          std::max(140, static_cast<int>(at.width())), 26);
  titleEdit_->show();
  titleEdit_->selectAll();
  titleEdit_->setFocus();
}

// ---- keys ----------------------------------------------------------------------------------------

namespace {
QPointF arrow(int key) {
  switch (key) {
    case Qt::Key_Left:
      return {-1, 0};
    case Qt::Key_Right:
      return {1, 0};
    case Qt::Key_Up:
      return {0, -1};
    case Qt::Key_Down:
      return {0, 1};
    default:
      return {};
  }
}
}  // namespace

void Canvas::keyPressEvent(QKeyEvent* e) {
  const bool control = e->modifiers() & Qt::ControlModifier, shift = e->modifiers() & Qt::ShiftModifier;
  if (const QPointF direction = arrow(e->key()); !direction.isNull()) {
    if (e->modifiers() & Qt::AltModifier) return walk(e->key());
    if (!selected_.empty()) return nudge(direction * (shift ? 1 : control ? 4 * kGridStep : kGridStep));
    return QGraphicsView::keyPressEvent(e);
  }
  const QPoint mouse = viewport()->mapFromGlobal(QCursor::pos());
  const QPointF cursor = mapToScene(viewport()->rect().contains(mouse) ? mouse : viewport()->rect().center());
  switch (e->key()) {
    case Qt::Key_Delete:
    case Qt::Key_Backspace:
      return removeSelection(control);
    case Qt::Key_Return:
    case Qt::Key_Enter:
      if (selected_.empty())
        openAddPopup(cursor);
      else
        Q_EMIT controlsWanted();
      return;
    case Qt::Key_A:
      if (control) return selectAll();
      if (shift) return openAddPopup(cursor);
      break;
    case Qt::Key_F:
      return control ? openFind() : frameSelected();
    case Qt::Key_D:
      if (control) return duplicate(shift);
      break;
    case Qt::Key_M:
      if (!control) return bypassSelection();
      break;
    case Qt::Key_H:
      if (!control) return collapseSelection();
      break;
    case Qt::Key_K:
      if (control) return connectSelected();
      break;
    case Qt::Key_0:
      if (control) return resetZoom();
      break;
    case Qt::Key_Home:
      return frameAll();
    case Qt::Key_F2:
      if (selected_.size() == 1) renameNode(*selected_.begin());
      return;
    case Qt::Key_Space:
      space_ = true;
      if (!e->isAutoRepeat()) viewport()->setCursor(Qt::OpenHandCursor);
      return;
    case Qt::Key_Escape:
      if (drag_ != Drag::none || pull_) return cancelDrag();
      depth_->hide();
      popup_->hide();
      return select({});
    default:
      break;
  }
  e->ignore();
}

void Canvas::keyReleaseEvent(QKeyEvent* e) {
  if (e->key() != Qt::Key_Space || e->isAutoRepeat()) return QGraphicsView::keyReleaseEvent(e);
  space_ = false;
  viewport()->unsetCursor();
}

}  // namespace ui
