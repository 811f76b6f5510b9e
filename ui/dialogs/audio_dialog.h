// SPDX-License-Identifier: GPL-3.0-or-later
// Audio device, rate, buffer and MIDI input; works without any device.
#pragma once

#include <QDialog>

#include "ui/engine_control.h"

class QComboBox;
class QLabel;

namespace ui {

class AudioDialog : public QDialog {
  Q_OBJECT
 public:
  explicit AudioDialog(EngineControl& engine, QWidget* parent = nullptr);

  QComboBox *device, *rate, *buffer, *midi;

 private:
  void readRates();
  void apply();
  void readState();

  EngineControl& engine_;
  QLabel* state_;
};

}  // namespace ui
