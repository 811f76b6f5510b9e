// SPDX-License-Identifier: GPL-3.0-or-later
// The on-screen piano: plays with the mouse, shows what MIDI and the computer keyboard play.
#pragma once

#include <QWidget>
#include <set>

namespace ui {

class Keyboard : public QWidget {
  Q_OBJECT
 public:
  explicit Keyboard(QWidget* parent = nullptr);

  /// Shows a key as held or not, whoever plays it; emits nothing.
  void showKey(int key, bool down);
  bool isDown(int key) const { return shown_.contains(key); }
  /// The key under a point: MIDI number, or -1.
  int keyAt(QPointF at) const;
  QRectF keyRect(int key) const;
  static constexpr int kLowest = 36, kHighest = 96;  ///< C2 to C7

  QSize sizeHint() const override { return {700, 64}; }

 Q_SIGNALS:
  void pressed(int key, float velocity);
  void released(int key);

 protected:
  void paintEvent(QPaintEvent*) override;
  void mousePressEvent(QMouseEvent*) override;
  void mouseMoveEvent(QMouseEvent*) override;
  void mouseReleaseEvent(QMouseEvent*) override;

 private:
  void press(int key, float velocity);

  std::set<int> shown_;
  int held_ = -1;  ///< by the mouse
};

/// Key of a computer keyboard as a note: A = C, W = C sharp, ... ; -1 for other keys.
int typedNote(int qtKey, int octave);

}  // namespace ui
