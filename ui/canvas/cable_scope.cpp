// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/canvas/cable_scope.h"

#include <QPainter>
#include <algorithm>
#include <cmath>

#include "ui/theme.h"

namespace ui {

CableScope::CableScope(QWidget* parent) : QWidget(parent) {
  setFixedSize(148, 64);
  setAttribute(Qt::WA_TransparentForMouseEvents);
  hide();
}

void CableScope::setSamples(std::vector<float> samples) {
  samples_ = std::move(samples);
  update();
}

void CableScope::paintEvent(QPaintEvent*) {
  const Theme& t = theme();
  QPainter p(this);
  p.setRenderHint(QPainter::Antialiasing);
  p.setPen(QPen(colour_, 1));
  p.setBrush(t.node);
  p.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5);
  float peak = 0;
  for (const float v : samples_) peak = std::max(peak, std::fabs(v));
  const QRectF area(8, 6, width() - 16.0, height() - 26.0);
  QPolygonF line;
  const double scale = peak > 1e-6F ? 1 / static_cast<double>(peak) : 0;
  const auto last = static_cast<double>(std::max<std::size_t>(samples_.size(), 2) - 1);
  for (std::size_t i = 0; i < samples_.size(); ++i)
    line << QPointF(area.left() + area.width() * static_cast<double>(i) / last,
                    area.center().y() - 0.5 * area.height() * scale * static_cast<double>(samples_[i]));
  p.setPen(QPen(colour_, 1.4));
  p.drawPolyline(line);
  QFont font = this->font();
  font.setPixelSize(10);
  p.setFont(font);
  p.setPen(t.secondary);
  const QString level = peak > 1e-5F ? tr("peak %1 (%2 dB)")
                                           .arg(static_cast<double>(peak), 0, 'g', 3)
                                           .arg(20 * std::log10(static_cast<double>(peak)), 0, 'f', 1)
                                     : tr("silent");
  p.drawText(QRect(8, height() - 18, width() - 16, 14), Qt::AlignLeft | Qt::AlignVCenter, level);
}

}  // namespace ui
