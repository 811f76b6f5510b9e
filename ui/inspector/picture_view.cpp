// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspector/picture_view.h"

#include <QPainter>
#include <cmath>

#include "ui/theme.h"

namespace ui {
namespace {

void paintEdges(QPainter& p, const QRectF& area, const core::PictureCurve& c) {
  const bool frequency = c.kind == core::Picture::response || c.kind == core::Picture::spectrum;
  const auto label = [&](double x, const QString& words, Qt::Alignment where) {
    p.drawText(QRectF(x - 60, area.bottom() + 1, 120, 14), where | Qt::AlignVCenter, words);
  };
  if (frequency) {
    for (const double hz : {100.0, 1000.0, 10000.0})
      label(area.left() + area.width() * std::log(hz / c.from) / std::log(c.to / c.from),
            text(core::formatValue(hz, core::Unit::hertz)), Qt::AlignHCenter);
    return;
  }
  const core::Unit unit = c.kind == core::Picture::bars ? core::Unit::none : core::Unit::seconds;
  label(area.left() + 60, text(core::formatValue(c.from, unit)), Qt::AlignLeft);
  label(area.right() - 60, text(core::formatValue(c.to, unit)), Qt::AlignRight);
}

}  // namespace

PictureView::PictureView(const NodePictures& pictures, std::string node, QColor colour, QWidget* parent)
    : QWidget(parent), pictures_(pictures), node_(std::move(node)), colour_(colour) {
  setFixedHeight(112);
  setAccessibleName(tr("Picture of the node"));
  connect(&pictures_, &NodePictures::ready, this, [this](const QString& id) {
    if (id.toStdString() == node_) update();
  });
}

void PictureView::paintEvent(QPaintEvent*) {
  const Theme& t = theme();
  QPainter p(this);
  p.setRenderHint(QPainter::Antialiasing);
  p.setPen(QPen(t.line, 1));
  p.setBrush(t.ground);
  p.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5);
  const core::PictureCurve* curve = pictures_.find(node_);
  if (!curve) return;
  const QRectF area = QRectF(rect()).adjusted(8, 8, -8, -18);
  if (curve->low < 0 && curve->high > 0) {
    const double zero = area.bottom() + area.height() * static_cast<double>(curve->low / (curve->high - curve->low));
    p.setPen(QPen(t.line, 1));
    p.drawLine(QPointF(area.left(), zero), QPointF(area.right(), zero));
  }
  paintCurve(p, area, *curve, colour_);
  QFont font = this->font();
  font.setPixelSize(10);
  p.setFont(font);
  p.setPen(t.secondary);
  paintEdges(p, area, *curve);
}

}  // namespace ui
