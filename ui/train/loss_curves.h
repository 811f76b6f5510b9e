// SPDX-License-Identifier: GPL-3.0-or-later
// How the loss fell while a model was trained, on what it learns from and on what is held out: over
// time, on a logarithmic axis.
#pragma once

#include <QWidget>
#include <vector>

#include "core/neural/trainer.h"

namespace ui {

/// 1, 2 and 5 times powers of ten that lie in a range, at most so many; for a logarithmic axis.
std::vector<double> logTicks(double low, double high, int most = 6);

class LossCurves : public QWidget {
  Q_OBJECT
 public:
  explicit LossCurves(QWidget* parent = nullptr);
  /// `now`: the loss while there is no point yet, with its time; 0: none.
  void setCurve(std::vector<core::TrainPoint> curve, double nowSeconds = 0, double now = 0);
  const std::vector<core::TrainPoint>& curve() const { return curve_; }
  /// Where a loss at a time is drawn.
  QPointF pointAt(double seconds, double loss) const;
  QSize sizeHint() const override { return {420, 150}; }

 protected:
  void paintEvent(QPaintEvent*) override;

 private:
  QRectF area() const;
  void fitAxes();
  void paintAxes(QPainter& p) const;
  void paintLegend(QPainter& p, const QRectF& row) const;
  const core::TrainPoint* best() const;

  std::vector<core::TrainPoint> curve_;
  double nowSeconds_ = 0, now_ = 0;
  double low_ = 1, high_ = 10, longest_ = 1;
};

}  // namespace ui
