// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/widgets/top_bar.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <cmath>

#include "ui/theme.h"
#include "ui/widgets/level_meter.h"

namespace ui {
namespace {

QLabel* figure(int width, const QString& name) {
  auto* l = new QLabel;
  l->setProperty("role", "secondary");
  l->setMinimumWidth(width);
  l->setAccessibleName(name);
  return l;
}

QPushButton* button(const QString& words, const char* role) {
  auto* b = new QPushButton(words);
  b->setProperty("role", role);
  return b;
}

/// Changes a label only when its words change: no repaint for nothing.
void setWords(QLabel* l, const QString& words) {
  if (l->text() != words) l->setText(words);
}

QString percent(float part) {
  return QString::number(std::min(static_cast<double>(part) * 100, 999.0), 'f', part < 0.0995F ? 1 : 0) +
         QStringLiteral(" %");
}

}  // namespace

TopBar::TopBar(Document& document, QWidget* parent)
    : QWidget(parent),
      document_(document),
      name_(new QLabel),
      voices_(figure(96, tr("Voices"))),
      loudness_(figure(76, tr("Loudness"))),
      load_(figure(150, tr("Processor load"))),
      dropouts_(figure(0, tr("Dropouts"))),
      meter_(new LevelMeter),
      undo_(button(tr("Undo"), "flat")),
      redo_(button(tr("Redo"), "flat")),
      play_(button(tr("Play"), "primary")),
      device_(button({}, "flat")) {
  setFixedHeight(44);
  name_->setProperty("role", "title");
  name_->setTextFormat(Qt::RichText);
  play_->setFixedWidth(72);
  play_->setToolTip(tr("Play the patch's phrase (Ctrl+Space)"));
  device_->setToolTip(tr("Audio and MIDI settings"));
  auto* layout = new QHBoxLayout(this);
  layout->setContentsMargins(16, 0, 12, 0);
  layout->setSpacing(12);
  layout->addWidget(name_);
  layout->addSpacing(8);
  layout->addWidget(undo_);
  layout->addWidget(redo_);
  layout->addStretch(2);
  layout->addWidget(play_);
  layout->addWidget(voices_);
  layout->addStretch(2);
  layout->addWidget(meter_);
  layout->addWidget(loudness_);
  layout->addWidget(load_);
  layout->addWidget(dropouts_);
  layout->addWidget(device_);
  QUndoStack* stack = &document_.undoStack();
  connect(undo_, &QPushButton::clicked, stack, &QUndoStack::undo);
  connect(redo_, &QPushButton::clicked, stack, &QUndoStack::redo);
  connect(stack, &QUndoStack::canUndoChanged, undo_, &QWidget::setEnabled);
  connect(stack, &QUndoStack::canRedoChanged, redo_, &QWidget::setEnabled);
  connect(stack, &QUndoStack::undoTextChanged, undo_, &QWidget::setToolTip);
  connect(stack, &QUndoStack::redoTextChanged, redo_, &QWidget::setToolTip);
  undo_->setEnabled(false);
  redo_->setEnabled(false);
  connect(device_, &QPushButton::clicked, this, &TopBar::deviceClicked);
  connect(&document_, &Document::detailsChanged, this, &TopBar::readDocument);
  connect(&document_, &Document::fileChanged, this, &TopBar::readDocument);
  readDocument();
}

void TopBar::readDocument() {
  const QString dot = document_.dirty()
                          ? QStringLiteral(" <span style=\"color:%1\">\u25cf</span>").arg(theme().warn.name())
                          : QString();
  name_->setText(document_.title().toHtmlEscaped() + dot);
  name_->setAccessibleName(document_.dirty() ? tr("%1, not saved").arg(document_.title()) : document_.title());
  name_->setToolTip(document_.path().isEmpty() ? tr("Not saved in a file yet") : document_.path());
}

void TopBar::setStatus(const EngineStatus& s) {
  meter_->setPeaks(s.peak[0], s.peak[1]);
  setWords(voices_, tr("%1 / %2 voices").arg(s.voicesHeld).arg(s.voices));
  setWords(loudness_, s.loudness > -70 ? tr("%1 LUFS").arg(static_cast<double>(s.loudness), 0, 'f', 1) : tr("-- LUFS"));
  setWords(load_, tr("CPU %1 \u00b7 worst %2").arg(percent(s.load), percent(s.worst)));
  setWords(dropouts_, s.dropouts > 0 ? tr("%1 dropouts").arg(s.dropouts) : QString());
  dropouts_->setVisible(s.dropouts > 0);
  const QString device =
      s.running ? tr("%1 \u00b7 %2 kHz \u00b7 %3").arg(s.device).arg(s.rate / 1000, 0, 'g', 4).arg(s.buffer)
                : tr("no device");
  if (device_->text() != device) device_->setText(device);
}

}  // namespace ui
