// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/transfer_form.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDir>
#include <QDoubleSpinBox>
#include <QFileDialog>
#include <QFileInfo>
#include <QGridLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSettings>
#include <QStandardPaths>

#include "ui/theme.h"

namespace ui {
namespace {
const QString kFolderKey = QStringLiteral("transferFolder");
constexpr int kMostOctaves = 4;
constexpr int kFieldColumns = 3;

QLabel* nameOf(QWidget* field, const QString& name) {
  auto* label = new QLabel(name);
  label->setProperty("role", "secondary");
  label->setBuddy(field);
  field->setAccessibleName(name);
  return label;
}
QDoubleSpinBox* shareBox(double value, const QString& help) {
  auto* box = new QDoubleSpinBox;
  box->setRange(0, 1);
  box->setSingleStep(0.05);
  box->setValue(value);
  box->setToolTip(help);
  return box;
}
}  // namespace

TransferForm::TransferForm(QWidget* parent)
    : QWidget(parent),
      model_(new QLabel),
      source_(new QLineEdit),
      output_(new QLineEdit),
      octave_(new QComboBox),
      autotune_(shareBox(0, tr("How far to draw the pitch to the key that fits"))),
      wet_(shareBox(1, tr("1: the instrument alone, 0: the recording alone"))),
      match_(new QCheckBox(tr("Match loudness"))),
      gate_(new QCheckBox(tr("Gate silence"))),
      dry_(new QCheckBox(tr("Leave the room out"))) {
  auto* grid = new QGridLayout(this);
  grid->setContentsMargins(0, 0, 0, 0);
  grid->setHorizontalSpacing(8);
  grid->setVerticalSpacing(8);
  grid->setColumnStretch(1, 1);
  buildPlaces(grid);
  buildOptions(grid);
  for (QCheckBox* b : {match_, gate_, dry_}) connect(b, &QCheckBox::toggled, this, &TransferForm::optionsChanged);
  for (QDoubleSpinBox* b : {autotune_, wet_})
    connect(b, &QDoubleSpinBox::valueChanged, this, &TransferForm::optionsChanged);
  connect(octave_, &QComboBox::currentIndexChanged, this, &TransferForm::optionsChanged);
  connect(source_, &QLineEdit::editingFinished, this, [this] {
    if (source() != opened_) Q_EMIT sourceChosen(source());
  });
}

void TransferForm::buildPlaces(QGridLayout* grid) {
  model_->setWordWrap(true);
  model_->setMinimumHeight(36);  // two lines: nothing moves when it says what is missing
  model_->setAlignment(Qt::AlignTop);
  model_->setTextFormat(Qt::PlainText);
  source_->setPlaceholderText(tr("drop a recording of one voice or instrument here"));
  output_->setPlaceholderText(tr("name.wav, .flac, .ogg or .mp3"));
  grid->addWidget(nameOf(model_, tr("Model")), 0, 0, Qt::AlignTop);
  grid->addWidget(model_, 0, 1, 1, kFieldColumns);
  const auto place = [&](int row, const QString& name, QLineEdit* path, void (TransferForm::*choose)()) {
    auto* button = new QPushButton(tr("Choose..."));
    button->setAccessibleName(tr("Choose: %1").arg(name));
    path->setAcceptDrops(false);  // the dialog takes files; a field would take their address as text
    connect(button, &QPushButton::clicked, this, choose);
    grid->addWidget(nameOf(path, name), row, 0);
    grid->addWidget(path, row, 1, 1, kFieldColumns - 1);
    grid->addWidget(button, row, kFieldColumns);
    choosers_.push_back(button);
  };
  place(1, tr("Recording"), source_, &TransferForm::chooseSource);
  place(2, tr("Result"), output_, &TransferForm::chooseOutput);
}

void TransferForm::buildOptions(QGridLayout* grid) {
  octave_->addItem(tr("auto: into the trained range"));
  for (int n = kMostOctaves; n >= -kMostOctaves; --n)
    octave_->addItem(n == 0 ? tr("0: as it is") : QStringLiteral("%1%2").arg(n > 0 ? "+" : "").arg(n), n);
  octave_->setCurrentIndex(octave_->findData(0));
  octave_->setToolTip(tr("Shift in octaves, or auto: into the trained range"));
  octave_->setMaxVisibleItems(2 * kMostOctaves + 2);
  match_->setToolTip(tr("Bring the loudness into the trained range"));
  gate_->setToolTip(tr("Silence what is quiet or has no pitch"));
  dry_->setToolTip(tr("Leave the learned room out"));
  const auto row = [&](int at, const QString& name, QWidget* field, QCheckBox* box) {
    grid->addWidget(nameOf(field, name), at, 0);
    grid->addWidget(field, at, 1);
    grid->addWidget(box, at, 2, 1, 2);
  };
  grid->setRowMinimumHeight(3, 8);
  row(4, tr("Octave"), octave_, match_);
  row(5, tr("Autotune"), autotune_, gate_);
  row(6, tr("Wet"), wet_, dry_);
  grid->setRowStretch(7, 1);
}

core::TransferOptions TransferForm::options() const {
  core::TransferOptions o;
  const QVariant octave = octave_->currentData();
  o.octaveAuto = !octave.isValid();
  if (octave.isValid()) o.octave = octave.toDouble();
  o.matchLoudness = match_->isChecked();
  o.autotune = autotune_->value();
  o.gate = gate_->isChecked();
  o.wet = wet_->value();
  o.noReverb = hasRoom_ && dry_->isChecked();
  return o;
}

void TransferForm::setModel(const QString& words, const QString& title, bool usable, bool hasRoom) {
  model_->setText(words);
  setRole(*model_, usable ? "" : "warning");
  title_ = title;
  hasRoom_ = hasRoom;
  dry_->setEnabled(hasRoom);
  propose();
}
QString TransferForm::model() const { return model_->text(); }

void TransferForm::setSource(const QString& path) {
  opened_ = path;
  if (QFileInfo(path).isFile()) QSettings().setValue(kFolderKey, QFileInfo(path).absolutePath());
  source_->setText(path);
  propose();
}
QString TransferForm::source() const { return source_->text().trimmed(); }

/// "<recording> by <model>.wav" beside the recording.
void TransferForm::propose() {
  if (opened_.isEmpty() || (!output().isEmpty() && output() != proposed_)) return;
  const QFileInfo from(opened_);
  QString title = title_;
  title.replace(QLatin1Char('/'), QLatin1Char('-'));
  proposed_ = from.dir().filePath(tr("%1 by %2.wav").arg(from.completeBaseName(), title));
  output_->setText(proposed_);
}

void TransferForm::setOutput(const QString& path) { output_->setText(path); }
QString TransferForm::output() const {
  QString path = output_->text().trimmed();
  if (!path.isEmpty() && QFileInfo(path).suffix().isEmpty()) path += QStringLiteral(".wav");
  return path;
}

void TransferForm::setBusy(bool busy) {
  for (QWidget* w : choosers_) w->setEnabled(!busy);
  for (QLineEdit* e : {source_, output_}) e->setReadOnly(busy);
  for (QWidget* w : std::initializer_list<QWidget*>{octave_, autotune_, wet_, match_, gate_}) w->setEnabled(!busy);
  dry_->setEnabled(!busy && hasRoom_);
}

void TransferForm::chooseSource() {
  const QString last =
      QSettings().value(kFolderKey, QStandardPaths::writableLocation(QStandardPaths::MusicLocation)).toString();
  const QString path = QFileDialog::getOpenFileName(this, tr("Recording to transfer"), last,
                                                    tr("Sound (*.wav *.flac *.ogg *.mp3 *.aif *.aiff)"));
  if (!path.isEmpty()) Q_EMIT sourceChosen(path);
}

void TransferForm::chooseOutput() {
  const QString path =
      QFileDialog::getSaveFileName(this, tr("Result of the transfer"), output(), tr("Sound (*.wav *.flac *.ogg *.mp3)"),
                                   nullptr, QFileDialog::DontConfirmOverwrite);
  if (path.isEmpty()) return;  // whether it may be replaced is asked once, before it is
  setOutput(path);
  setOutput(output());
}

}  // namespace ui
