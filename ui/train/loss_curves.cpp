// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/loss_curves.h"

#include <QPainter>
#include <algorithm>
#include <cmath>

#include "ui/fit/fit_views.h"
#include "ui/theme.h"

namespace ui {
namespace {
constexpr double kRoom = 1.12;      ///< above and below the curves, as a factor
constexpr double kLeastSpan = 1.6;  ///< from bottom to top, so that there is a number to read

QString duration(double seconds) {
  return seconds < 100 ? QObject::tr("%1 s").arg(seconds, 0, 'f', seconds < 10 ? 1 : 0)
                       : QObject::tr("%1 min").arg(seconds / 60, 0, 'f', seconds < 600 ? 1 : 0);
}
}  // namespace

std::vector<double> logTicks(double low, double high, int most) {
  std::vector<double> all;
  if (!(low > 0) || !(high > low)) return all;
  const int first = static_cast<int>(std::floor(std::log10(low))), last = static_cast<int>(std::ceil(std::log10(high)));
  for (int decade = first; decade <= last; ++decade)
    for (const double digit : {1.0, 1.5, 2.0, 3.0, 5.0, 7.0})
      if (const double v = digit * std::pow(10, decade); v >= low * (1 - 1e-9) && v <= high * (1 + 1e-9))
        all.push_back(v);
  while (static_cast<int>(all.size()) > most) {  // every second one, decades last
    std::vector<double> half;
    for (std::size_t i = 0; i < all.size(); i += 2) half.push_back(all[i]);
    all = std::move(half);
  }
  return all;
}

LossCurves::LossCurves(QWidget* parent) : QWidget(parent) {
  setMinimumSize(200, 110);
  setAccessibleName(tr("Loss over time"));
  setToolTip(
      tr("The loss (six spectral scales and loudness) on what is learned from and on the held-out takes; lower is "
         "better. When the held-out curve turns up, the model learns its recordings by heart."));
}

void LossCurves::setCurve(std::vector<core::TrainPoint> curve, double nowSeconds, double now) {
  curve_ = std::move(curve);
  nowSeconds_ = nowSeconds;
  now_ = now;
  fitAxes();
  if (!curve_.empty())
    setAccessibleDescription(tr("training %1, held out %2 after %3")
                                 .arg(curve_.back().loss, 0, 'g', 3)
                                 .arg(curve_.back().validation, 0, 'g', 3)
                                 .arg(duration(curve_.back().seconds)));
  update();
}

void LossCurves::fitAxes() {
  double low = HUGE_VAL, high = 0;
  longest_ = std::max(1.0, nowSeconds_);
  const auto include = [&](double v) {
    if (!(v > 0) || !std::isfinite(v)) return;
    low = std::min(low, v);
    high = std::max(high, v);
  };
  for (const core::TrainPoint& p : curve_) {
    include(p.loss);
    include(p.validation);
    longest_ = std::max(longest_, p.seconds);
  }
  include(now_);
  if (high <= 0) low = 1, high = 10;
  const double narrow = std::sqrt(std::max(1.0, kLeastSpan * low / high));
  low_ = low / (kRoom * narrow);
  high_ = high * kRoom * narrow;
}

QRectF LossCurves::area() const { return QRectF(rect()).adjusted(36, kViewTitle + 6, -12, -20); }

QPointF LossCurves::pointAt(double seconds, double loss) const {
  const QRectF a = area();
  const double u = std::log(std::clamp(loss, low_, high_) / low_) / std::log(high_ / low_);
  return {a.left() + a.width() * std::clamp(seconds / longest_, 0.0, 1.0), a.bottom() - a.height() * u};
}

void LossCurves::paintAxes(QPainter& p) const {
  const Theme& t = theme();
  const QRectF a = area();
  for (const double v : logTicks(low_, high_)) {
    const double y = pointAt(0, v).y();
    p.setPen(QPen(t.line, 1, Qt::DotLine));
    p.drawLine(QPointF(a.left(), y), QPointF(a.right(), y));
    p.setPen(t.secondary);
    p.drawText(QRectF(0, y - 7, a.left() - 5, 14), Qt::AlignRight | Qt::AlignVCenter, QString::number(v, 'g', 3));
  }
  p.setPen(QPen(t.line, 1));
  p.drawLine(a.bottomLeft(), a.bottomRight());
  p.setPen(t.secondary);
  const QRectF below(a.left(), a.bottom() + 3, a.width(), 14);
  p.drawText(below, Qt::AlignLeft | Qt::AlignVCenter, QStringLiteral("0"));
  p.drawText(below, Qt::AlignRight | Qt::AlignVCenter, duration(longest_));
}

/// Told apart by line and dots as much as by colour.
void LossCurves::paintLegend(QPainter& p, const QRectF& row) const {
  const Theme& t = theme();
  double right = row.right();
  const auto entry = [&](const QString& words, const QColor& colour, bool dots) {
    const double width = p.fontMetrics().horizontalAdvance(words);
    p.setPen(t.secondary);
    p.drawText(QRectF(right - width, row.top(), width, row.height()), Qt::AlignVCenter, words);
    const QPointF from(right - width - 28, row.center().y()), to(right - width - 6, row.center().y());
    p.setPen(QPen(colour, 2, dots ? Qt::DashLine : Qt::SolidLine));
    p.drawLine(from, to);
    if (dots) {
      p.setPen(Qt::NoPen);
      p.setBrush(colour);
      p.drawEllipse((from + to) / 2, 3, 3);
    }
    right -= width + 42;
  };
  const core::TrainPoint* kept = best();
  entry(kept ? tr("held out, best %1").arg(kept->validation, 0, 'f', 2) : tr("held out"), t.vector, true);
  entry(tr("training"), t.accent, false);
}

/// What is kept: the least on the held-out takes.
const core::TrainPoint* LossCurves::best() const {
  const core::TrainPoint* best = nullptr;
  for (const core::TrainPoint& q : curve_)
    if (q.validation > 0 && (!best || q.validation < best->validation)) best = &q;
  return best;
}

void LossCurves::paintEvent(QPaintEvent*) {
  const Theme& t = theme();
  QPainter p(this);
  paintViewFrame(p, *this, tr("Loss"));
  if (curve_.empty() && now_ <= 0) {
    p.drawText(rect().adjusted(24, kViewTitle, -24, -4), Qt::AlignCenter | Qt::TextWordWrap,
               tr("How the loss falls, on the recordings and on takes that are held out"));
    return;
  }
  QFont small = font();
  small.setPixelSize(10);
  p.setFont(small);
  paintLegend(p, QRectF(8, 2, width() - 16.0, kViewTitle - 2.0));
  paintAxes(p);
  QPolygonF trained, heldOut;
  for (const core::TrainPoint& q : curve_) {
    if (q.loss > 0) trained << pointAt(q.seconds, q.loss);
    if (q.validation > 0) heldOut << pointAt(q.seconds, q.validation);
  }
  if (now_ > 0) trained << pointAt(nowSeconds_, now_);
  p.setBrush(Qt::NoBrush);
  p.setPen(QPen(t.accent, 2));
  p.drawPolyline(trained);
  p.setPen(QPen(t.vector, 2, Qt::DashLine));
  p.drawPolyline(heldOut);
  p.setPen(Qt::NoPen);
  p.setBrush(t.vector);
  if (heldOut.size() <= 60)
    for (const QPointF& at : heldOut) p.drawEllipse(at, 2.5, 2.5);
  p.setBrush(t.accent);
  if (!trained.isEmpty()) p.drawEllipse(trained.back(), 3, 3);
  if (const core::TrainPoint* kept = best()) {
    p.setPen(QPen(t.good, 2));
    p.setBrush(Qt::NoBrush);
    p.drawEllipse(pointAt(kept->seconds, kept->validation), 6, 6);
  }
}

}  // namespace ui
