// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/widgets/knob.h"

#include <QContextMenuEvent>
#include <QCursor>
#include <QDateTime>
#include <QKeyEvent>
#include <QLineEdit>
#include <QMouseEvent>
#include <QPainter>
#include <algorithm>
#include <cmath>

#include "ui/theme.h"

namespace ui {
namespace {
constexpr double kTravelPixels = 180;  ///< of a drag over the whole range
constexpr double kFine = 0.1, kFinest = 0.01;
constexpr double kStep = 0.02;                   ///< of a key or a wheel notch
constexpr int kArcStart = 225, kArcSpan = -270;  ///< degrees
constexpr qint64 kOneGestureMs = 1000;

double fineness(Qt::KeyboardModifiers m) {
  if (!(m & Qt::ShiftModifier)) return 1;
  return m & Qt::ControlModifier ? kFinest : kFine;
}
}  // namespace

Knob::Knob(Row row, QWidget* parent) : QWidget(parent), row_(std::move(row)), value_(row_.def) {
  setFocusPolicy(Qt::StrongFocus);
  setAccessibleName(row_.name);
  setToolTip(row_.help + QStringLiteral("\n") +
             tr("Drag up or down (Shift: fine, Ctrl+Shift: finest), type after Enter or on the value, double-click to "
                "reset, right-click for more."));
  setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
  setValue(row_.def);
}

void Knob::setValue(double plain) {
  value_ = plain;
  if (!dragging_) travel_ = row_.range.normalise(plain);
  setAccessibleDescription(text(core::formatValue(value_, row_.unit)));
  update();
}

void Knob::setFree(bool free) {
  hasDot_ = true;
  free_ = free;
  update();
}
void Knob::setModulated(bool modulated) {
  modulated_ = modulated;
  update();
}

void Knob::setLearning(bool learning) {
  learning_ = learning;
  update();
}
QString Knob::valueText() const { return text(core::formatValue(value_, row_.unit)); }
QString Knob::defaultText() const { return text(core::formatValue(row_.def, row_.unit)); }

void Knob::setAsOneStep(double plain) {
  Q_EMIT gestureStarted();
  setValue(plain);
  Q_EMIT turned(value_);
  Q_EMIT gestureStarted();
}

QRect Knob::dialRect() const { return {width() / 2 - 26, 6, 52, 52}; }
QRect Knob::dotRect() const { return {width() - 20, 2, 16, 16}; }
QRect Knob::valueRect() const { return {4, height() - 26, width() - 8, 22}; }

void Knob::paintDial(QPainter& p) const {
  const Theme& t = theme();
  const QRectF arc = QRectF(dialRect()).adjusted(5, 5, -5, -5);
  p.setPen(QPen(t.line, 5, Qt::SolidLine, Qt::FlatCap));
  p.drawArc(arc, kArcStart * 16, kArcSpan * 16);
  const double u = row_.range.normalise(value_);
  const double zero =
      row_.range.min < 0 && row_.range.max > 0 ? row_.range.normalise(0) : 0;  // bipolar: from the middle
  p.setPen(QPen(t.accent, 5, Qt::SolidLine, Qt::FlatCap));
  p.drawArc(arc, static_cast<int>((kArcStart + kArcSpan * zero) * 16), static_cast<int>(kArcSpan * (u - zero) * 16));
  if (modulated_) {
    p.setPen(QPen(t.control, 2, Qt::SolidLine, Qt::FlatCap));
    p.drawArc(arc.adjusted(-4.5, -4.5, 4.5, 4.5), kArcStart * 16, kArcSpan * 16);
  }
  p.setPen(Qt::NoPen);
  p.setBrush(underMouse() || dragging_ ? t.line : t.node);
  p.drawEllipse(arc.adjusted(6, 6, -6, -6));
  const double angle = (kArcStart + kArcSpan * u) * M_PI / 180;
  const QPointF direction(std::cos(angle), -std::sin(angle));
  p.setPen(QPen(t.text, 2, Qt::SolidLine, Qt::RoundCap));
  p.drawLine(arc.center() + direction * 4, arc.center() + direction * 12);
}

void Knob::paintEvent(QPaintEvent*) {
  const Theme& t = theme();
  QPainter p(this);
  p.setRenderHint(QPainter::Antialiasing);
  if (hasFocus()) {
    p.setPen(QPen(t.accent, 1));
    p.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5);
  }
  paintDial(p);
  if (hasDot_) {
    const QRectF dot = QRectF(dotRect()).adjusted(3, 3, -3, -3);
    p.setPen(QPen(free_ ? t.good : t.secondary, 1.5));
    p.setBrush(free_ ? QBrush(t.good) : QBrush(Qt::NoBrush));
    p.drawEllipse(dot);
  }
  QFont font = this->font();
  font.setPixelSize(12);
  p.setFont(font);
  p.setPen(t.text);
  const QRect name(0, height() - 46, width(), 18);
  p.drawText(name, Qt::AlignCenter, p.fontMetrics().elidedText(row_.name, Qt::ElideRight, width() - 2));
  p.setPen(QPen(learning_ ? t.accent : t.line, 1));
  p.setBrush(t.field);
  p.drawRoundedRect(QRectF(valueRect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5);
  p.setPen(learning_ ? t.accent : t.text);
  p.drawText(valueRect(), Qt::AlignCenter, learning_ ? tr("move a CC") : valueText());
}

void Knob::mousePressEvent(QMouseEvent* e) {
  if (e->button() != Qt::LeftButton) return QWidget::mousePressEvent(e);
  if (hasDot_ && dotRect().contains(e->pos())) {
    Q_EMIT freeToggled(!free_);
    return;
  }
  if (valueRect().contains(e->pos())) {
    editText();
    return;
  }
  dragging_ = true;
  travel_ = row_.range.normalise(value_);
  last_ = e->position();
  grabbed_ = e->globalPosition().toPoint();
  setCursor(Qt::BlankCursor);
  Q_EMIT gestureStarted();
}

void Knob::mouseMoveEvent(QMouseEvent* e) {
  if (!dragging_) return;
  const double up = last_.y() - e->position().y();
  last_ = e->position();
  turnBy(up / kTravelPixels * fineness(e->modifiers()));
}

void Knob::mouseReleaseEvent(QMouseEvent* e) {
  if (e->button() != Qt::LeftButton || !dragging_) return;
  dragging_ = false;
  unsetCursor();
  if (e->globalPosition().toPoint() != grabbed_) QCursor::setPos(grabbed_);
  Q_EMIT gestureStarted();  // what comes next is another step
  update();
}

void Knob::mouseDoubleClickEvent(QMouseEvent* e) {
  if (!dialRect().contains(e->pos())) return mousePressEvent(e);
  reset();
}

void Knob::contextMenuEvent(QContextMenuEvent* e) {
  const bool mouse = e->reason() == QContextMenuEvent::Mouse;
  Q_EMIT menuWanted(mouse ? e->globalPos() : mapToGlobal(dialRect().center()));
}

void Knob::turnBy(double normalised) {
  travel_ = std::clamp(travel_ + normalised, -0.2, 1.2);
  const double plain = row_.range.plain(travel_);
  if (plain == value_) return;
  setValue(plain);
  Q_EMIT turned(plain);
}

void Knob::wheelEvent(QWheelEvent* e) {
  if (!wheel_ && !(e->modifiers() & Qt::AltModifier)) return e->ignore();
  const qint64 now = QDateTime::currentMSecsSinceEpoch();
  if (now - lastStep_ > kOneGestureMs) Q_EMIT gestureStarted();
  lastStep_ = now;
  // Alt swaps the wheel's axes on some systems
  const double notches = (e->angleDelta().y() + e->angleDelta().x()) / 120.0;
  travel_ = row_.range.normalise(value_);
  turnBy(notches * kStep * fineness(e->modifiers()));
  e->accept();
}

void Knob::keyPressEvent(QKeyEvent* e) {
  const int direction = e->key() == Qt::Key_Up || e->key() == Qt::Key_PageUp       ? 1
                        : e->key() == Qt::Key_Down || e->key() == Qt::Key_PageDown ? -1
                                                                                   : 0;
  if (direction) {
    const qint64 now = QDateTime::currentMSecsSinceEpoch();
    if (now - lastStep_ > kOneGestureMs) Q_EMIT gestureStarted();
    lastStep_ = now;
    const bool page = e->key() == Qt::Key_PageUp || e->key() == Qt::Key_PageDown;
    travel_ = row_.range.normalise(value_);
    turnBy(direction * kStep * (page ? 5 : 1) * fineness(e->modifiers()));
  } else if (e->key() == Qt::Key_Return || e->key() == Qt::Key_Enter) {
    editText();
  } else {
    QWidget::keyPressEvent(e);
  }
}

void Knob::editText() {
  if (!edit_) {
    edit_ = new QLineEdit(this);
    edit_->setAlignment(Qt::AlignCenter);
    edit_->setStyleSheet(QStringLiteral("padding: 0px 2px; font-size: 12px;"));
    edit_->setAccessibleName(tr("Value of %1").arg(row_.name));
    connect(edit_, &QLineEdit::returnPressed, this, [this] { finishText(); });
    connect(edit_, &QLineEdit::editingFinished, this, [this] { edit_->hide(); });
  }
  edit_->setGeometry(valueRect());
  edit_->setText(text(core::formatValue(value_, row_.unit)));
  edit_->selectAll();
  edit_->show();
  edit_->setFocus();
}

void Knob::finishText() {
  edit_->hide();
  setFocus();
  takeText(edit_->text());
}

void Knob::takeText(const QString& words) {
  const auto read = core::parseValue(words.trimmed().toStdString(), row_.unit);
  if (!read) {
    Q_EMIT refused(text(read.error().message));
    return;
  }
  setAsOneStep(row_.range.clamp(*read));
}

}  // namespace ui
