// SPDX-License-Identifier: GPL-3.0-or-later
// A dial for one parameter: value arc, name, editable value with its unit, and a dot that says
// whether a fit may change it.
#pragma once

#include <QPointF>
#include <QWidget>

#include "core/graph/units.h"

class QLineEdit;

namespace ui {

class Knob : public QWidget {
  Q_OBJECT
 public:
  struct Row {
    QString name, help;
    core::Unit unit = core::Unit::none;
    core::Range range;
    double def = 0;
  };
  explicit Knob(Row row, QWidget* parent = nullptr);

  double value() const { return value_; }
  /// Shows a value; emits nothing.
  void setValue(double plain);
  /// Shows the dot: filled green when a fit may change it, hollow when not. Without a call: no dot.
  void setFree(bool free);
  /// Cables add to this value: drawn as an outer arc in the control colour.
  void setModulated(bool modulated);
  /// Whether the wheel turns it without Alt.
  void setWheelEnabled(bool enabled) { wheel_ = enabled; }

  QSize sizeHint() const override { return {88, 108}; }
  QSize minimumSizeHint() const override { return sizeHint(); }
  /// Where the dial, the dot and the value box are drawn.
  QRect dialRect() const;
  QRect dotRect() const;
  QRect valueRect() const;
  /// A controller is being learnt for it: the value says so.
  void setLearning(bool learning);
  /// Opens the text field on the value.
  void editText();
  /// Back to the default, as one step.
  void reset() { setAsOneStep(row_.def); }
  /// The value as it is written, "1.2 kHz".
  QString valueText() const;
  QString defaultText() const;
  /// Takes a value as text, as one step; says why when it cannot be read.
  void takeText(const QString& words);
  bool isFree() const { return free_; }
  bool hasDot() const { return hasDot_; }

 Q_SIGNALS:
  void gestureStarted();
  void turned(double plain);
  void freeToggled(bool free);
  /// A typed text could not be read: why.
  void refused(const QString& sentence);
  /// Right click or the menu key: at a point of the screen.
  void menuWanted(QPoint at);

 protected:
  void paintEvent(QPaintEvent*) override;
  void mousePressEvent(QMouseEvent*) override;
  void mouseMoveEvent(QMouseEvent*) override;
  void mouseReleaseEvent(QMouseEvent*) override;
  void mouseDoubleClickEvent(QMouseEvent*) override;
  void wheelEvent(QWheelEvent*) override;
  void keyPressEvent(QKeyEvent*) override;
  void contextMenuEvent(QContextMenuEvent*) override;
  void enterEvent(QEnterEvent*) override { update(); }
  void leaveEvent(QEvent*) override { update(); }

 private:
  void turnBy(double normalised);
  void setAsOneStep(double plain);
  void finishText();
  void paintDial(QPainter& p) const;

  Row row_;
  double value_ = 0;
  double travel_ = 0;  ///< normalised, unclamped while dragging so that overshoot can come back
  bool hasDot_ = false, free_ = false, modulated_ = false, dragging_ = false, wheel_ = true, learning_ = false;
  QPointF last_;
  QPoint grabbed_;  ///< on the screen: the pointer comes back here
  QLineEdit* edit_ = nullptr;
  qint64 lastStep_ = 0;  ///< ms; wheel and key steps within a second are one gesture
};

}  // namespace ui
