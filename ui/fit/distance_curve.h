// SPDX-License-Identifier: GPL-3.0-or-later
// How the distance to the target fell while a fit ran: dB over seconds, from where it started to now.
#pragma once

#include <QWidget>

#include "ui/fit/fit_history.h"

namespace ui {

class DistanceCurve : public QWidget {
  Q_OBJECT
 public:
  explicit DistanceCurve(QWidget* parent = nullptr);
  void setHistory(const FitHistory& history);
  /// The moment that is heard; -1: none.
  void setMarked(int moment);
  int marked() const { return marked_; }
  std::size_t count() const { return points_.size(); }
  /// Where a moment is drawn, for tests and the mouse.
  QPointF pointAt(int moment) const;
  QSize sizeHint() const override { return {210, 140}; }

 Q_SIGNALS:
  void picked(int moment);

 protected:
  void paintEvent(QPaintEvent*) override;
  void mousePressEvent(QMouseEvent*) override;
  void mouseMoveEvent(QMouseEvent*) override;

 private:
  QRectF area() const;
  void paintAxes(QPainter& p) const;

  std::vector<QPointF> points_;  ///< (s, dB)
  double longest_ = 1, top_ = 1;
  int marked_ = -1;
};

/// The next of 1, 1.5, 2, 3, 4, 6, 8, 10, ... at or above a positive number: the top of an axis.
double axisTop(double value);

}  // namespace ui
