// SPDX-License-Identifier: GPL-3.0-or-later
// Two thin peak bars with falling peaks; repaints only itself.
#pragma once

#include <QWidget>

namespace ui {

class LevelMeter : public QWidget {
  Q_OBJECT
 public:
  explicit LevelMeter(QWidget* parent = nullptr);
  /// Linear peaks since the last call; falls 20 dB a second when called 30 times a second.
  void setPeaks(float left, float right);
  QSize sizeHint() const override { return {140, 16}; }

 protected:
  void paintEvent(QPaintEvent*) override;

 private:
  float shown_[2] = {-100, -100};  ///< dBFS
  float held_[2] = {-100, -100};
};

}  // namespace ui
