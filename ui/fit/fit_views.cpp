// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/fit/fit_views.h"

#include <QPainter>
#include <algorithm>

#include "core/graph/units.h"
#include "ui/theme.h"

namespace ui {
namespace {
constexpr int kWave = 26;
}

void paintViewFrame(QPainter& p, const QWidget& w, const QString& title) {
  const Theme& t = theme();
  p.setRenderHint(QPainter::Antialiasing);
  p.setPen(QPen(t.line, 1));
  p.setBrush(t.field);
  p.drawRoundedRect(QRectF(w.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5);
  QFont font = w.font();
  font.setPixelSize(11);
  p.setFont(font);
  p.setPen(t.secondary);
  p.drawText(QRect(8, 2, w.width() - 16, kViewTitle - 2), Qt::AlignVCenter | Qt::AlignLeft,
             p.fontMetrics().elidedText(title, Qt::ElideRight, w.width() - 16));
}

SpectrogramView::SpectrogramView(const QString& title, QWidget* parent) : QWidget(parent), title_(title) {
  setMinimumSize(128, 96);
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
  paintViewFrame(p, *this, title_);
  const QRect area = rect().adjusted(4, kViewTitle, -4, -4);
  if (image_.isNull()) {
    p.drawText(area, Qt::AlignCenter | Qt::TextWordWrap, hint_);
    return;
  }
  const int wave = outline_.empty() ? 0 : kWave;
  if (seconds_ > 0)
    p.drawText(QRect(8, 2, width() - 16, kViewTitle - 2), Qt::AlignVCenter | Qt::AlignRight,
               text(core::formatValue(seconds_, core::Unit::seconds)));
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
}

}  // namespace ui
