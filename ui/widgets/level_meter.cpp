// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/widgets/level_meter.h"

#include <QPainter>
#include <algorithm>
#include <cmath>

#include "ui/theme.h"

namespace ui {
namespace {
constexpr float kFloor = -60, kFall = 20.0F / 30, kHeldFall = 6.0F / 30;
double part(float db) { return std::clamp(static_cast<double>((db - kFloor) / -kFloor), 0.0, 1.0); }
}  // namespace

LevelMeter::LevelMeter(QWidget* parent) : QWidget(parent) {
  setMinimumWidth(84);  // on small screens
  setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
  setMaximumWidth(sizeHint().width());
  setAccessibleName(tr("Output level"));
}

void LevelMeter::setPeaks(float left, float right) {
  const float peaks[2] = {left, right};
  bool changed = false;
  for (int c = 0; c < 2; ++c) {
    const float db = peaks[c] > 0 ? 20 * std::log10(peaks[c]) : kFloor;
    const float shown = std::max({db, shown_[c] - kFall, kFloor}), held = std::max({db, held_[c] - kHeldFall, kFloor});
    changed = changed || shown != shown_[c] || held != held_[c];
    shown_[c] = shown;
    held_[c] = held;
  }
  if (changed) update();
}

void LevelMeter::paintEvent(QPaintEvent*) {
  const Theme& t = theme();
  QPainter p(this);
  for (int c = 0; c < 2; ++c) {
    const QRectF bar(0, 2 + 7 * c, width(), 5);
    p.fillRect(bar, t.line);
    const QColor colour = held_[c] >= 0 ? t.bad : held_[c] > -3 ? t.warn : t.good;
    p.fillRect(QRectF(bar.left(), bar.top(), bar.width() * part(shown_[c]), bar.height()), colour);
    if (held_[c] > kFloor) p.fillRect(QRectF(bar.width() * part(held_[c]) - 2, bar.top(), 2, bar.height()), t.text);
  }
}

}  // namespace ui
