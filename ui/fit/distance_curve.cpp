// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/fit/distance_curve.h"

#include <QMouseEvent>
#include <QPainter>
#include <algorithm>
#include <cmath>

#include "ui/fit/fit_views.h"
#include "ui/theme.h"

namespace ui {

double axisTop(double value) {
  if (!(value > 0) || !std::isfinite(value)) return 1;
  const double decade = std::pow(10, std::floor(std::log10(value)));
  for (const double step : {1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0})
    if (value <= step * decade * (1 + 1e-9)) return step * decade;
  return 10 * decade;
}

DistanceCurve::DistanceCurve(QWidget* parent) : QWidget(parent) {
  setMinimumSize(128, 96);
  setAccessibleName(tr("Distance over time"));
  setToolTip(
      tr("Log-spectral distance to the target while the fit ran, in dB; lower is closer. Click to hear a moment."));
}

void DistanceCurve::setHistory(const FitHistory& history) {
  points_.clear();
  double most = 0, longest = 0;
  for (const FitMoment& m : history.moments()) {
    points_.emplace_back(m.seconds, m.distance);
    most = std::max(most, m.distance);
    longest = std::max(longest, m.seconds);
  }
  top_ = axisTop(most);
  longest_ = std::max(longest, 0.5);
  marked_ = std::min(marked_, static_cast<int>(points_.size()) - 1);
  setAccessibleDescription(
      points_.empty()
          ? QString()
          : tr("from %1 dB to %2 dB").arg(points_.front().y(), 0, 'f', 1).arg(points_.back().y(), 0, 'f', 1));
  update();
}

void DistanceCurve::setMarked(int moment) {
  if (moment == marked_) return;
  marked_ = moment;
  update();
}

QRectF DistanceCurve::area() const { return QRectF(rect()).adjusted(28, kViewTitle + 6, -10, -20); }

QPointF DistanceCurve::pointAt(int moment) const {
  const QRectF a = area();
  const QPointF& p = points_[static_cast<std::size_t>(moment)];
  return {a.left() + a.width() * p.x() / longest_, a.bottom() - a.height() * std::min(1.0, p.y() / top_)};
}

void DistanceCurve::paintAxes(QPainter& p) const {
  const Theme& t = theme();
  const QRectF a = area();
  p.setPen(QPen(t.line, 1));
  for (const double part : {0.0, 0.5, 1.0}) {
    const double y = a.bottom() - part * a.height();
    p.setPen(QPen(t.line, 1, part == 0 ? Qt::SolidLine : Qt::DotLine));
    p.drawLine(QPointF(a.left(), y), QPointF(a.right(), y));
    p.setPen(t.secondary);
    p.drawText(QRectF(0, y - 7, a.left() - 4, 14), Qt::AlignRight | Qt::AlignVCenter, QString::number(part * top_));
  }
  const QRectF below(a.left(), a.bottom() + 3, a.width(), 14);
  p.drawText(below, Qt::AlignLeft | Qt::AlignVCenter, QStringLiteral("0"));
  p.drawText(below, Qt::AlignRight | Qt::AlignVCenter, tr("%1 s").arg(longest_, 0, 'f', longest_ < 10 ? 1 : 0));
}

void DistanceCurve::paintEvent(QPaintEvent*) {
  const Theme& t = theme();
  QPainter p(this);
  paintViewFrame(p, *this, tr("Distance, dB"));
  if (points_.empty()) return;
  QFont small = font();
  small.setPixelSize(10);
  p.setFont(small);
  paintAxes(p);
  QPolygonF line;
  for (int i = 0; i < static_cast<int>(points_.size()); ++i) line << pointAt(i);
  const auto best = std::min_element(points_.begin(), points_.end(),
                                     [](const QPointF& a, const QPointF& b) { return a.y() < b.y(); });
  const double lowest = pointAt(static_cast<int>(best - points_.begin())).y();
  p.setPen(QPen(t.good, 1, Qt::DashLine));
  p.drawLine(QPointF(area().left(), lowest), QPointF(area().right(), lowest));
  p.setPen(QPen(t.accent, 2));
  p.setBrush(Qt::NoBrush);
  if (line.size() > 1) p.drawPolyline(line);
  p.setPen(Qt::NoPen);
  p.setBrush(t.accent);
  p.drawEllipse(line.front(), 3, 3);
  p.setPen(t.secondary);
  const QRectF start(line.front().x() + 5, std::max(line.front().y() - 8, kViewTitle + 2.0), 70, 14);
  p.drawText(start, Qt::AlignLeft | Qt::AlignVCenter, tr("start %1").arg(points_.front().y(), 0, 'f', 1));
  if (marked_ < 0) return;
  p.setPen(QPen(t.text, 1.5));
  p.setBrush(t.accent);
  p.drawEllipse(pointAt(marked_), 4.5, 4.5);
}

void DistanceCurve::mousePressEvent(QMouseEvent* e) { mouseMoveEvent(e); }

void DistanceCurve::mouseMoveEvent(QMouseEvent* e) {
  if (points_.empty() || !(e->buttons() & Qt::LeftButton)) return;
  int nearest = 0;
  for (int i = 1; i < static_cast<int>(points_.size()); ++i)
    if (std::fabs(pointAt(i).x() - e->position().x()) <= std::fabs(pointAt(nearest).x() - e->position().x()))
      nearest = i;
  Q_EMIT picked(nearest);
}

}  // namespace ui
