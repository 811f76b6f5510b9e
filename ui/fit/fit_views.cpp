// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/fit/fit_views.h"

#include <QPainter>
#include <algorithm>
#include <cmath>

#include "core/graph/units.h"
#include "ui/theme.h"

namespace ui {
namespace {
constexpr int kTitle = 20, kWave = 26;

void paintFrame(QPainter& p, const QWidget& w, const QString& title) {
  const Theme& t = theme();
  p.setRenderHint(QPainter::Antialiasing);
  p.setPen(QPen(t.line, 1));
  p.setBrush(t.field);
  p.drawRoundedRect(QRectF(w.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5);
  QFont font = w.font();
  font.setPixelSize(11);
  p.setFont(font);
  p.setPen(t.secondary);
  p.drawText(QRect(8, 2, w.width() - 16, kTitle - 2), Qt::AlignVCenter | Qt::AlignLeft,
             p.fontMetrics().elidedText(title, Qt::ElideRight, w.width() - 16));
}
}  // namespace

SpectrogramView::SpectrogramView(const QString& title, QWidget* parent) : QWidget(parent), title_(title) {
  setMinimumSize(140, 96);
  setAccessibleName(title);
}

void SpectrogramView::setTitle(const QString& title) {
  title_ = title;
  update();
}
void SpectrogramView::setHint(const QString& hint) {
  hint_ = hint;
  update();
}
void SpectrogramView::show(const QImage& image, std::vector<float> outline, double seconds) {
  image_ = image;
  outline_ = std::move(outline);
  seconds_ = seconds;
  update();
}

void SpectrogramView::paintEvent(QPaintEvent*) {
  const Theme& t = theme();
  QPainter p(this);
  paintFrame(p, *this, title_);
  const QRect area = rect().adjusted(4, kTitle, -4, -4);
  if (image_.isNull()) {
    p.drawText(area, Qt::AlignCenter | Qt::TextWordWrap, hint_);
    return;
  }
  const int wave = outline_.empty() ? 0 : kWave;
  p.setRenderHint(QPainter::SmoothPixmapTransform);
  p.drawImage(area.adjusted(0, 0, 0, -wave), image_);
  if (!wave) return;
  const QRectF strip(area.left(), area.bottom() - wave + 3, area.width(), wave - 2);
  const double step = strip.width() / static_cast<double>(outline_.size());
  QPolygonF shape;
  for (const int side : {-1, 1})
    for (std::size_t i = 0; i < outline_.size(); ++i) {
      const std::size_t at = side < 0 ? i : outline_.size() - 1 - i;
      const double size = std::min(1.0, static_cast<double>(outline_[at]));
      shape << QPointF(strip.left() + (static_cast<double>(at) + 0.5) * step,
                       strip.center().y() + side * 0.5 * strip.height() * size);
    }
  p.setPen(Qt::NoPen);
  p.setBrush(t.structure);
  p.drawPolygon(shape);
  p.setPen(t.secondary);
  p.drawText(strip.adjusted(0, 0, -2, 0), Qt::AlignRight | Qt::AlignBottom,
             text(core::formatValue(seconds_, core::Unit::seconds)));
}

LossCurve::LossCurve(QWidget* parent) : QWidget(parent) {
  setMinimumSize(120, 96);
  setAccessibleName(tr("Distance by step"));
}
void LossCurve::clear() {
  curve_.clear();
  update();
}
void LossCurve::add(double loss) {
  if (std::isfinite(loss)) curve_.push_back(loss);
  update();
}
void LossCurve::paintEvent(QPaintEvent*) {
  const Theme& t = theme();
  QPainter p(this);
  paintFrame(p, *this, tr("Distance"));
  if (curve_.empty()) return;
  const QRectF area = QRectF(rect()).adjusted(8, kTitle + 4, -8, -8);
  const auto [least, most] = std::minmax_element(curve_.begin(), curve_.end());
  const double low = *least, span = std::max(*most - low, 1e-9);
  const auto y = [&](double v) { return area.bottom() - (v - low) / span * area.height(); };
  QPolygonF line;
  const double last = std::max<double>(1, static_cast<double>(curve_.size()) - 1);
  for (std::size_t i = 0; i < curve_.size(); ++i)
    line << QPointF(area.left() + area.width() * static_cast<double>(i) / last, y(curve_[i]));
  p.setPen(QPen(t.good, 1, Qt::DashLine));
  p.drawLine(QPointF(area.left(), y(low)), QPointF(area.right(), y(low)));
  p.setPen(QPen(t.accent, 2));
  if (line.size() == 1)
    p.drawEllipse(line[0], 2, 2);
  else
    p.drawPolyline(line);
}

}  // namespace ui
