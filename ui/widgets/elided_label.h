// SPDX-License-Identifier: GPL-3.0-or-later
// A line of text that ends in an ellipsis where its room does, and says all of it when pointed at.
#pragma once

#include <QEvent>
#include <QHelpEvent>
#include <QLabel>
#include <QPainter>
#include <QToolTip>

namespace ui {

class ElidedLabel : public QLabel {
 public:
  using QLabel::QLabel;

 protected:
  void paintEvent(QPaintEvent*) override {
    QPainter p(this);
    p.setPen(palette().color(foregroundRole()));
    p.drawText(contentsRect(), static_cast<int>(alignment()), shown());
  }
  bool event(QEvent* e) override {
    if (e->type() != QEvent::ToolTip || shown() == text()) return QLabel::event(e);
    QToolTip::showText(static_cast<QHelpEvent*>(e)->globalPos(), text(), this);
    return true;
  }

 private:
  QString shown() const { return fontMetrics().elidedText(text(), Qt::ElideRight, contentsRect().width()); }
};

}  // namespace ui
