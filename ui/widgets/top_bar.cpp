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

/// As wide as its longest words, so that nothing beside it moves when they change.
QLabel* figure(const QString& longest, const QString& name) {
  auto* l = new QLabel;
  l->setProperty("role", "secondary");
  l->ensurePolished();
  l->setFixedWidth(l->fontMetrics().horizontalAdvance(longest) + 2);
  l->setAccessibleName(name);
  return l;
}

constexpr int kLeastTitle = 72, kDotRoom = 18, kDeviceWidth = 172;

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
      voices_(figure(tr("00 / 00 voices"), tr("Voices"))),
      loudness_(figure(tr("-00.0 LUFS"), tr("Loudness"))),
      load_(figure(tr("CPU 00.0 % \u00b7 worst 000 %"), tr("Processor load"))),
      dropouts_(figure(tr("999+ dropouts"), tr("Dropouts"))),
      meter_(new LevelMeter),
      undo_(button(tr("Undo"), "flat")),
      redo_(button(tr("Redo"), "flat")),
      play_(button(tr("Play"), "primary")),
      device_(button({}, "flat")) {
  setFixedHeight(44);
  name_->setProperty("role", "title");
  name_->setTextFormat(Qt::RichText);
  name_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);  // the window gives it room, not its words
  name_->setMinimumWidth(kLeastTitle);
  for (QPushButton* b : {undo_, redo_}) b->setFixedWidth(b->sizeHint().width());
  play_->setFixedWidth(72);
  play_->setToolTip(tr("Play the patch's phrase (Ctrl+Space)"));
  device_->setFixedWidth(kDeviceWidth);
  auto* layout = new QHBoxLayout(this);
  layout->setContentsMargins(16, 0, 12, 0);
  layout->setSpacing(8);
  layout->addWidget(name_, 3);  // most of what is free: names matter more than a gap
  layout->addWidget(undo_);
  layout->addWidget(redo_);
  layout->addSpacing(8);
  layout->addWidget(play_);
  layout->addWidget(voices_);
  layout->addStretch(1);
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
  const int room = std::max(kLeastTitle, name_->width()) - (dot.isEmpty() ? 0 : kDotRoom);
  name_->setText(name_->fontMetrics().elidedText(document_.title(), Qt::ElideRight, room).toHtmlEscaped() + dot);
  name_->setAccessibleName(document_.dirty() ? tr("%1, not saved").arg(document_.title()) : document_.title());
  const QString place = document_.path().isEmpty() ? tr("Not saved in a file yet") : document_.path();
  name_->setToolTip(document_.title() + QLatin1Char('\n') + place);
}

void TopBar::resizeEvent(QResizeEvent* e) {
  QWidget::resizeEvent(e);
  readDocument();  // the title has another width now
}

void TopBar::setStatus(const EngineStatus& s) {
  meter_->setPeaks(s.peak[0], s.peak[1]);
  setWords(voices_, tr("%1 / %2 voices").arg(s.voicesHeld).arg(s.voices));
  setWords(loudness_, s.loudness > -70 ? tr("%1 LUFS").arg(static_cast<double>(s.loudness), 0, 'f', 1) : tr("-- LUFS"));
  setWords(load_, tr("CPU %1 \u00b7 worst %2").arg(percent(s.load), percent(s.worst)));
  setWords(dropouts_, s.dropouts == 0     ? QString()
                      : s.dropouts == 1   ? tr("1 dropout")
                      : s.dropouts < 1000 ? tr("%1 dropouts").arg(s.dropouts)
                                          : tr("999+ dropouts"));
  const QString device = s.running ? s.device : tr("no device");
  const QString clock =
      s.running ? tr(" \u00b7 %1 kHz \u00b7 %2").arg(s.rate / 1000, 0, 'g', 4).arg(s.buffer) : QString();
  device_->setToolTip(device + clock + QLatin1Char('\n') + tr("Audio and MIDI settings"));
  const QFontMetrics font = device_->fontMetrics();  // rate and buffer are said whole
  const QString shown =
      font.elidedText(device, Qt::ElideRight, kDeviceWidth - 24 - font.horizontalAdvance(clock)) + clock;
  if (device_->text() != shown) device_->setText(shown);
}

}  // namespace ui
