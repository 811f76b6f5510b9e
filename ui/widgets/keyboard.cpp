// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/widgets/keyboard.h"

#include <QMouseEvent>
#include <QPainter>
#include <algorithm>
#include <array>

#include "core/graph/units.h"
#include "ui/theme.h"

namespace ui {
namespace {
constexpr std::array kBlack{false, true, false, true, false, false, true, false, true, false, true, false};
constexpr std::array kWhiteBefore{0, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6, 6};  ///< white keys below, in an octave

bool isBlack(int key) { return kBlack[static_cast<std::size_t>(key % 12)]; }
int whiteIndex(int key) { return key / 12 * 7 + kWhiteBefore[static_cast<std::size_t>(key % 12)]; }
}  // namespace

Keyboard::Keyboard(QWidget* parent) : QWidget(parent) {
  setMinimumHeight(48);
  setMaximumHeight(72);
  setAccessibleName(tr("Piano keyboard"));
}

QRectF Keyboard::keyRect(int key) const {
  const double white = width() / static_cast<double>(whiteIndex(kHighest) - whiteIndex(kLowest) + 1);
  const double x = (whiteIndex(key) - whiteIndex(kLowest)) * white;
  if (!isBlack(key)) return {x, 0, white, static_cast<double>(height())};
  return {x - 0.3 * white, 0, 0.6 * white, 0.6 * height()};
}

int Keyboard::keyAt(QPointF at) const {
  for (const bool black : {true, false})
    for (int key = kLowest; key <= kHighest; ++key)
      if (isBlack(key) == black && keyRect(key).contains(at)) return key;
  return -1;
}

void Keyboard::showKey(int key, bool down) {
  const bool changed = down ? shown_.insert(key).second : shown_.erase(key) > 0;
  if (changed) update(keyRect(key).toAlignedRect().adjusted(-1, 0, 1, 0));
}

void Keyboard::paintEvent(QPaintEvent* e) {
  const Theme& t = theme();
  QPainter p(this);
  p.setRenderHint(QPainter::Antialiasing);
  p.fillRect(e->rect(), t.ground);
  QFont font = this->font();
  font.setPixelSize(10);
  p.setFont(font);
  for (const bool black : {false, true})
    for (int key = kLowest; key <= kHighest; ++key) {
      const QRectF r = keyRect(key);
      if (isBlack(key) != black || !r.intersects(QRectF(e->rect()))) continue;
      const bool down = shown_.contains(key);
      p.setPen(QPen(QColor(0x14, 0x16, 0x1a), 1));
      p.setBrush(down ? t.accent : black ? QColor(0x17, 0x19, 0x1e) : QColor(0xe9, 0xec, 0xf2));
      p.drawRoundedRect(r.adjusted(0.5, -4, -0.5, -0.5), 3, 3);
      if (key % 12 != 0) continue;
      p.setPen(QColor(0x4a, 0x52, 0x60));
      p.drawText(r.adjusted(0, 0, 0, -3), Qt::AlignHCenter | Qt::AlignBottom, text(core::noteName(key)));
    }
}

void Keyboard::press(int key, float velocity) {
  if (key == held_) return;
  if (held_ >= 0) {
    showKey(held_, false);
    Q_EMIT released(held_);
  }
  held_ = key;
  if (key < 0) return;
  showKey(key, true);
  Q_EMIT pressed(key, velocity);
}

void Keyboard::mousePressEvent(QMouseEvent* e) {
  if (e->button() != Qt::LeftButton) return;
  mouseMoveEvent(e);
}
void Keyboard::mouseMoveEvent(QMouseEvent* e) {
  if (!(e->buttons() & Qt::LeftButton)) return;
  const int key = keyAt(e->position());
  // struck lower on the key is louder
  const double depth = key < 0 ? 0 : e->position().y() / keyRect(key).height();
  press(key, static_cast<float>(std::clamp(0.3 + 0.7 * depth, 0.05, 1.0)));
}
void Keyboard::mouseReleaseEvent(QMouseEvent* e) {
  if (e->button() == Qt::LeftButton) press(-1, 0);
}

int typedNote(int qtKey, int octave) {
  constexpr std::array kKeys{Qt::Key_A, Qt::Key_W, Qt::Key_S, Qt::Key_E, Qt::Key_D, Qt::Key_F, Qt::Key_T, Qt::Key_G,
                             Qt::Key_Y, Qt::Key_H, Qt::Key_U, Qt::Key_J, Qt::Key_K, Qt::Key_O, Qt::Key_L};
  const auto at = std::find(kKeys.begin(), kKeys.end(), qtKey);
  const int note = at == kKeys.end() ? -1 : 12 * (octave + 1) + static_cast<int>(at - kKeys.begin());
  return note > 127 ? -1 : note;
}

}  // namespace ui
