// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/audio_dialog.h"

#include <QComboBox>
#include <QDialogButtonBox>
#include <QFormLayout>
#include <QLabel>
#include <QPushButton>
#include <QTimer>
#include <QVBoxLayout>

namespace ui {

AudioDialog::AudioDialog(EngineControl& engine, QWidget* parent)
    : QDialog(parent),
      device(new QComboBox),
      rate(new QComboBox),
      buffer(new QComboBox),
      midi(new QComboBox),
      engine_(engine),
      state_(new QLabel) {
  setWindowTitle(tr("Audio and MIDI"));
  setMinimumWidth(440);
  auto* form = new QFormLayout;
  form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
  form->addRow(tr("Output device"), device);
  form->addRow(tr("Sample rate"), rate);
  form->addRow(tr("Buffer"), buffer);
  form->addRow(tr("MIDI input"), midi);
  const EngineStatus now = engine_.status();
  device->addItem(tr("No device (silent)"), QString());
  for (const QString& name : engine_.audioDevices()) device->addItem(name, name);
  device->setCurrentIndex(std::max(0, device->findData(now.device)));
  for (const int frames : {32, 64, 128, 256, 512, 1024, 2048}) buffer->addItem(tr("%1 frames").arg(frames), frames);
  buffer->setCurrentIndex(std::max(0, buffer->findData(now.buffer)));
  midi->addItem(tr("None"), QString());
  for (const QString& name : engine_.midiInputs()) midi->addItem(name, name);
  readRates();
  rate->setCurrentIndex(std::max(0, rate->findData(now.rate)));
  state_->setProperty("role", "secondary");
  state_->setWordWrap(true);
  auto* buttons = new QDialogButtonBox(QDialogButtonBox::Close);
  auto* use = buttons->addButton(tr("Use these"), QDialogButtonBox::ApplyRole);
  use->setProperty("role", "primary");
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(16, 16, 16, 16);
  layout->addLayout(form);
  layout->addWidget(state_);
  layout->addWidget(buttons);
  connect(device, &QComboBox::currentIndexChanged, this, &AudioDialog::readRates);
  connect(use, &QPushButton::clicked, this, &AudioDialog::apply);
  connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
  auto* timer = new QTimer(this);
  connect(timer, &QTimer::timeout, this, &AudioDialog::readState);
  timer->start(500);
  engine_.measureAnswer();
  readState();
}

void AudioDialog::readRates() {
  rate->clear();
  for (const double r : engine_.rates(device->currentData().toString())) rate->addItem(tr("%1 Hz").arg(r), r);
  rate->setEnabled(rate->count() > 0);
}

void AudioDialog::apply() {
  engine_.openDevice(device->currentData().toString(), rate->currentData().toDouble(), buffer->currentData().toInt());
  engine_.openMidi(midi->currentData().toString());
  engine_.measureAnswer();
  readState();
}

void AudioDialog::readState() {
  const EngineStatus s = engine_.status();
  QString words = !s.notice.isEmpty() ? s.notice
                  : s.running ? tr("%1 is playing, %2 ms from key to sound.").arg(s.device).arg(s.latencyMs, 0, 'f', 1)
                              : tr("No device is open; the patch keeps running silently.");
  if (s.running && s.answerMs > 0)
    words += QLatin1Char(' ') + tr("What comes in is followed %1 ms later, the beginning of a low note later still.")
                                    .arg(s.answerMs, 0, 'f', 0);
  if (state_->text() != words) state_->setText(words);
}

}  // namespace ui
