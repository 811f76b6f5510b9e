// SPDX-License-Identifier: GPL-3.0-or-later
// One cable: its line style tells what it carries, a small clock that it delays by one tick.
#pragma once

#include <QGraphicsItem>
#include <QPainterPath>

#include "core/graph/patch.h"
#include "ui/theme.h"

namespace ui {

class CableItem : public QGraphicsItem {
 public:
  enum { Type = UserType + 2 };
  int type() const override { return Type; }

  explicit CableItem(core::Cable cable = {});

  const core::Cable& cable() const { return cable_; }
  void setCable(const core::Cable& cable, SignalKind kind);
  /// `below`: a scene height under the nodes, where a cable that runs back to the left passes.
  void setEnds(QPointF from, QPointF to, double below = -1e9);
  void setSelectedLook(bool selected);
  void setHovered(bool hovered);
  /// Distance of a scene point from the curve, in scene units.
  double distance(QPointF scene) const;
  /// Whether the line of a knife goes through it.
  bool crosses(const QPolygonF& cut) const;
  QPointF middle() const { return path_.pointAtPercent(0.5); }

  QRectF boundingRect() const override { return box_; }
  void paint(QPainter* p, const QStyleOptionGraphicsItem*, QWidget*) override;

 private:
  void paintMarks(QPainter& p) const;

  core::Cable cable_;
  SignalKind kind_ = SignalKind::audio;
  QPainterPath path_;
  QPolygonF line_;  ///< the curve in straight pieces, for picking
  QRectF box_;
  bool selected_ = false, hovered_ = false;
};

}  // namespace ui
