// SPDX-License-Identifier: GPL-3.0-or-later
// The strip above the canvas: patch, undo, play, voices, level, load, device.
#pragma once

#include <QWidget>

#include "ui/document.h"

class QLabel;
class QPushButton;

namespace ui {

class LevelMeter;

class TopBar : public QWidget {
  Q_OBJECT
 public:
  explicit TopBar(Document& document, QWidget* parent = nullptr);

  void setStatus(const EngineStatus& status);
  QPushButton* playButton() const { return play_; }
  QPushButton* deviceButton() const { return device_; }

 Q_SIGNALS:
  void deviceClicked();

 protected:
  void resizeEvent(QResizeEvent*) override;

 private:
  void readDocument();

  Document& document_;
  QLabel *name_, *voices_, *loudness_, *load_, *dropouts_;
  LevelMeter* meter_;
  QPushButton *undo_, *redo_, *play_, *device_;
};

}  // namespace ui
