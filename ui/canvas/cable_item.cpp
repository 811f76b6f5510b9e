// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/canvas/cable_item.h"

#include <QLineF>
#include <QPainter>
#include <QStyleOptionGraphicsItem>
#include <algorithm>
#include <cmath>

namespace ui {
namespace {
constexpr double kFar = 0.5;
constexpr int kPieces = 24;
constexpr double kBelow = 48, kTurn = 72;  ///< of a cable that runs back

double distanceToPiece(QPointF p, QPointF a, QPointF b) {
  const QPointF d = b - a;
  const double length = QPointF::dotProduct(d, d);
  const double u = length > 0 ? std::clamp(QPointF::dotProduct(p - a, d) / length, 0.0, 1.0) : 0;
  return QLineF(p, a + u * d).length();
}
}  // namespace

CableItem::CableItem(core::Cable cable) : cable_(std::move(cable)) { setZValue(0); }

void CableItem::setCable(const core::Cable& cable, SignalKind kind) {
  cable_ = cable;
  kind_ = kind;
  update();
}

void CableItem::setEnds(QPointF from, QPointF to, double below) {
  prepareGeometryChange();
  const double dx = to.x() - from.x();
  path_ = QPainterPath(from);
  if (dx > -24) {
    const double reach = std::max(32.0, dx / 2);
    path_.cubicTo(from + QPointF(reach, 0), to - QPointF(reach, 0), to);
  } else {  // back to the left: below the nodes, not behind them
    below = std::max({below, from.y() + kBelow, to.y() + kBelow});
    const QPointF middle((from.x() + to.x()) / 2, below);
    path_.cubicTo(from + QPointF(kTurn, 0), QPointF(from.x() + kTurn, below), middle);
    path_.cubicTo(QPointF(to.x() - kTurn, below), to - QPointF(kTurn, 0), to);
  }
  line_.clear();
  for (int i = 0; i <= kPieces; ++i) line_ << path_.pointAtPercent(i / static_cast<double>(kPieces));
  box_ = path_.controlPointRect().adjusted(-12, -12, 12, 12);
}

void CableItem::setSelectedLook(bool selected) {
  selected_ = selected;
  update();
}
void CableItem::setHovered(bool hovered) {
  if (hovered != hovered_) update();
  hovered_ = hovered;
}

double CableItem::distance(QPointF scene) const {
  double least = 1e9;
  for (int i = 1; i < line_.size(); ++i) least = std::min(least, distanceToPiece(scene, line_[i - 1], line_[i]));
  return least;
}

bool CableItem::crosses(const QPolygonF& cut) const {
  if (!isVisible() || !cut.boundingRect().adjusted(-1, -1, 1, 1).intersects(box_)) return false;
  for (int i = 1; i < cut.size(); ++i)
    for (int j = 1; j < line_.size(); ++j)
      if (QLineF(cut[i - 1], cut[i]).intersects(QLineF(line_[j - 1], line_[j]), nullptr) == QLineF::BoundedIntersection)
        return true;
  return false;
}

void CableItem::paint(QPainter* p, const QStyleOptionGraphicsItem*, QWidget*) {
  const double zoom = QStyleOptionGraphicsItem::levelOfDetailFromTransform(p->worldTransform());
  const QColor colour = signalColour(kind_);
  p->setBrush(Qt::NoBrush);
  if (zoom < kFar) {
    p->setRenderHint(QPainter::Antialiasing, false);
    QPen pen(selected_ ? theme().accent : colour, selected_ ? 2 : 1);
    pen.setCosmetic(true);
    p->setPen(pen);
    p->drawPolyline(line_);
    return;
  }
  p->setRenderHint(QPainter::Antialiasing);
  if (selected_) {
    p->setPen(QPen(theme().accent, 6.5, Qt::SolidLine, Qt::RoundCap));
    p->drawPath(path_);
  }
  const QColor shown = hovered_ ? colour.lighter(125) : colour;
  if (kind_ == SignalKind::vector) {  // a wide line with its middle taken out is a double line
    p->setPen(QPen(shown, 4.4));
    p->drawPath(path_);
    p->setPen(QPen(theme().ground, 1.6));
    p->drawPath(path_);
  } else {
    QPen pen(shown, hovered_ ? 3 : 2.4);
    if (kind_ == SignalKind::control) {
      pen.setDashPattern({0.01, 1.9});  // round dots
      pen.setCapStyle(Qt::RoundCap);
    }
    p->setPen(pen);
    p->drawPath(path_);
  }
  paintMarks(*p);
}

void CableItem::paintMarks(QPainter& p) const {
  const Theme& t = theme();
  const QPointF at = middle();
  if (cable_.delayed) {  // a clock face: one tick late
    p.setPen(QPen(t.text, 1.4));
    p.setBrush(t.ground);
    p.drawEllipse(at, 7, 7);
    p.drawLine(at, at + QPointF(0, -4.5));
    p.drawLine(at, at + QPointF(3, 1.5));
  } else if (cable_.depth != 1) {
    QFont font;
    font.setPixelSize(10);
    p.setFont(font);
    const QString label = QString::number(cable_.depth, 'g', 3);
    const QRectF box(at.x() - 16, at.y() - 7, 32, 14);
    p.setPen(Qt::NoPen);
    p.setBrush(t.ground);
    p.drawRoundedRect(box, 4, 4);
    p.setPen(t.secondary);
    p.drawText(box, Qt::AlignCenter, label);
  }
}

}  // namespace ui
