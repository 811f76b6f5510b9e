// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/train_form.h"

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
#include <QSignalBlocker>
#include <QSpinBox>
#include <QStandardPaths>
#include <algorithm>

#include "core/file/recordings.h"
#include "core/neural/background.h"
#include "core/neural/sizes.h"
#include "presets/feature_store.h"
#include "presets/patch_file.h"
#include "ui/browser/browser.h"
#include "ui/theme.h"

namespace ui {
namespace {
constexpr int kDecoder = 0, kThisPatch = 1;
const QString kFolderKey = QStringLiteral("trainFolder"), kModelKey = QStringLiteral("modelFolder");

QHBoxLayout* inRow(std::initializer_list<QWidget*> widgets) {
  auto* box = new QHBoxLayout;
  box->setSpacing(6);
  for (QWidget* w : widgets) box->addWidget(w);
  return box;
}
}  // namespace

bool canTrain(const core::Patch& patch, const core::Registry& registry) {
  const auto any = [&](const auto& is) { return std::any_of(patch.nodes.begin(), patch.nodes.end(), is); };
  return core::hasNetwork(patch, registry) && any([](const core::PatchNode& n) { return !n.free.empty(); }) &&
         any([&](const core::PatchNode& n) {
           const core::NodeType* type = registry.find(n.type);
           return type && type->info.usesExternal;
         });
}

TrainForm::TrainForm(Document& document, std::filesystem::path decoder, QWidget* parent)
    : QWidget(parent),
      document_(document),
      decoder_(std::move(decoder)),
      folder_(new QLineEdit),
      model_(new QLineEdit),
      heldOut_(new QLineEdit),
      credits_(new QLineEdit),
      start_(new QComboBox),
      size_(new QComboBox),
      rate_(new QComboBox),
      licence_(new QComboBox),
      minutes_(new QDoubleSpinBox),
      threads_(new QSpinBox),
      seed_(new QSpinBox) {
  fillChoices();
  build();
  connect(&document_, &Document::structureChanged, this, &TrainForm::readPatch);
  connect(&document_, &Document::detailsChanged, this, &TrainForm::readPatch);
  connect(start_, &QComboBox::activated, this, [this] {
    startChosen_ = true;
    size_->setCurrentIndex(fromThisPatch() ? size_->count() - 1 : 0);
    rate_->setCurrentIndex(fromThisPatch() ? rate_->count() - 1 : 0);
  });
  for (QLineEdit* e : {folder_, model_}) connect(e, &QLineEdit::textChanged, this, &TrainForm::changed);
  readPatch();
}

void TrainForm::fillChoices() {
  start_->addItem(tr("Neural decoder, untrained"));
  start_->addItem(QString());
  for (const char* size : core::kSizeNames)
    size_->addItem(qstrcmp(size, "patch") == 0 ? tr("as it is") : QString::fromLatin1(size), QString::fromLatin1(size));
  size_->setToolTip(
      tr("Of the network: tiny has 0.2 million weights and plays at a fiftieth of a core, full 6 million."));
  rate_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
  rate_->setMinimumContentsLength(12);
  start_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
  start_->setMinimumContentsLength(12);
  rate_->addItem(tr("16 kHz: sounds end at 8 kHz"), 16000.0);
  rate_->addItem(tr("44.1 kHz: full band, slower"), 44100.0);
  rate_->addItem(tr("48 kHz: full band, slower"), 48000.0);
  rate_->addItem(tr("as it is"), 0.0);
  licence_->setEditable(true);
  licence_->addItems(
      {QString(), QStringLiteral("CC0-1.0"), QStringLiteral("CC-BY-4.0"), QStringLiteral("CC-BY-SA-4.0")});
  minutes_->setRange(0.1, 10000);
  minutes_->setDecimals(1);
  minutes_->setValue(30);
  minutes_->setSuffix(tr(" min"));
  threads_->setRange(1, 64);
  threads_->setValue(core::backgroundThreads());
  threads_->setToolTip(tr("At low priority; one core is left to the sound."));
  seed_->setRange(0, 1000000);
  seed_->setValue(1);
  seed_->setToolTip(tr("Another seed starts from other weights."));
}

QWidget* TrainForm::placeRow(QLineEdit* path, const QString& what, void (TrainForm::*choose)()) {
  auto* row = new QWidget;
  auto* button = new QPushButton(QStringLiteral("..."));
  button->setFixedWidth(32);
  button->setToolTip(tr("Choose"));
  button->setAccessibleName(tr("Choose: %1").arg(what));
  path->setAccessibleName(what);
  auto* layout = inRow({path, button});
  layout->setContentsMargins(0, 0, 0, 0);
  row->setLayout(layout);
  connect(button, &QPushButton::clicked, this, choose);
  return row;
}

void TrainForm::build() {
  folder_->setPlaceholderText(tr("drop a folder of recordings here"));
  heldOut_->setPlaceholderText(tr("every tenth take"));
  heldOut_->setToolTip(
      tr("Takes or files that are not learned from but judged by, with commas: notes.wav#3, song.wav"));
  model_->setPlaceholderText(tr("name.safetensors"));
  credits_->setPlaceholderText(tr("who is to be named"));
  auto* grid = new QGridLayout(this);
  grid->setContentsMargins(0, 0, 0, 0);
  grid->setHorizontalSpacing(8);
  grid->setVerticalSpacing(6);
  grid->setColumnStretch(1, 4);
  grid->setColumnStretch(4, 3);
  grid->setColumnMinimumWidth(2, 12);
  const auto add = [&](int row, int column, const QString& name, QWidget* field) {
    auto* label = new QLabel(name);
    label->setProperty("role", "secondary");
    label->setBuddy(field);
    if (field->accessibleName().isEmpty()) field->setAccessibleName(name);
    grid->addWidget(label, row, column);
    grid->addWidget(field, row, column + 1);
  };
  add(0, 0, tr("Recordings"), placeRow(folder_, tr("Recordings"), &TrainForm::chooseFolder));
  add(1, 0, tr("Hold out"), heldOut_);
  add(2, 0, tr("Start from"), start_);
  add(3, 0, tr("Model"), placeRow(model_, tr("Model"), &TrainForm::chooseModel));
  add(4, 0, tr("Credits"), credits_);
  const auto pair = [](QWidget* first, const QString& name, QWidget* second) {
    auto* box = new QWidget;
    auto* label = new QLabel(name);
    label->setProperty("role", "secondary");
    second->setAccessibleName(name);
    auto* layout = inRow({first, label, second});
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setStretch(0, 1);
    layout->setStretch(2, 1);
    box->setLayout(layout);
    return box;
  };
  minutes_->setAccessibleName(tr("Time"));
  threads_->setAccessibleName(tr("Threads"));
  add(0, 3, tr("Rate"), rate_);
  add(1, 3, tr("Size"), size_);
  add(2, 3, tr("Time"), minutes_);
  add(3, 3, tr("Threads"), pair(threads_, tr("Seed"), seed_));
  add(4, 3, tr("Licence"), licence_);
}

/// The open patch is offered when it has something to train, and taken unless the user chose or has named what is
/// to be made.
void TrainForm::readPatch() {
  const bool can = canTrain(document_.patch(), document_.registry());
  start_->setItemText(kThisPatch, can ? tr("This patch: %1").arg(document_.title())
                                      : tr("This patch (nothing in it listens and learns)"));
  start_->setItemData(kThisPatch, can ? QVariant() : QVariant(0), Qt::UserRole - 1);  // greyed out
  const double rate = document_.patch().rate;
  const QString band = bandNote(rate);
  rate_->setItemText(rate_->count() - 1,
                     tr("as it is (%1)").arg(band.isEmpty() ? text(core::formatValue(rate, core::Unit::hertz)) : band));
  const bool chosen = startChosen_ || (!folder().isEmpty() && !model().isEmpty());
  if (chosen && (can || start_->currentIndex() == kDecoder)) return;
  const int wanted = can ? kThisPatch : kDecoder;
  if (start_->currentIndex() == wanted) return;
  start_->setCurrentIndex(wanted);
  size_->setCurrentIndex(can ? size_->count() - 1 : 0);
  rate_->setCurrentIndex(can ? rate_->count() - 1 : 0);
}

bool TrainForm::fromThisPatch() const { return start_->currentIndex() == kThisPatch; }

void TrainForm::setFolder(const QString& path) {
  folder_->setText(path);
  const QFileInfo info(path);
  if (!model_->text().isEmpty() || path.isEmpty()) return;
  QString place =
      QSettings().value(kModelKey, QStandardPaths::writableLocation(QStandardPaths::DocumentsLocation)).toString();
  if (!QFileInfo(place).isDir()) place = info.path();
  setModel(QDir(place).filePath((info.isDir() ? info.fileName() : info.completeBaseName()) +
                                QLatin1String(presets::kModelEnding)));
}
QString TrainForm::folder() const { return folder_->text().trimmed(); }
void TrainForm::setModel(const QString& path) { model_->setText(path); }
QString TrainForm::model() const {
  QString path = model_->text().trimmed();
  const QLatin1String ending(presets::kModelEnding);
  if (!path.isEmpty() && !path.endsWith(ending)) path += ending;  // "sax 1.2" has none
  return path;
}

bool TrainForm::canResume() const {
  const std::filesystem::path path = model().toStdString();
  std::error_code code;
  return !path.empty() && std::filesystem::exists(path, code) &&
         std::filesystem::exists(presets::statePath(path), code);
}

void TrainForm::chooseFolder() {
  const QString start = folder().isEmpty() ? QSettings().value(kFolderKey).toString() : folder();
  const QString path = QFileDialog::getExistingDirectory(this, tr("Folder of recordings"), start);
  if (path.isEmpty()) return;
  QSettings().setValue(kFolderKey, path);
  setFolder(path);
}

void TrainForm::chooseModel() {
  QString path = QFileDialog::getSaveFileName(this, tr("Model"), model(), tr("Models (*.safetensors)"), nullptr,
                                              QFileDialog::DontConfirmOverwrite);
  if (path.isEmpty()) return;
  QSettings().setValue(kModelKey, QFileInfo(path).path());
  setModel(path);
  setModel(model());
}

core::Result<core::Patch> TrainForm::patch() const {
  auto patch = fromThisPatch() ? core::Result<core::Patch>(document_.patch()) : presets::readPatch(decoder_);
  if (!patch) return patch;
  if (const double rate = rate_->currentData().toDouble(); rate > 0) patch->rate = rate;
  const auto sized = core::applySize(*patch, document_.registry(), size_->currentData().toString().toStdString());
  if (!sized) return sized.error();
  return patch;
}

core::Result<presets::TrainJob> TrainForm::job(bool resume) const {
  presets::TrainJob job;
  if (folder().isEmpty()) return core::Error{"Choose a folder of recordings first, or drop it here."};
  if (model().isEmpty()) return core::Error{"Name the model that is to be made."};
  auto files = core::findRecordings(folder().toStdString());
  if (!files) return files.error();
  job.files = std::move(*files);
  if (QFileInfo(folder()).isDir()) job.data.root = folder().toStdString();
  job.model = model().toStdString();
  job.resume = resume;
  job.features = presets::featureFolder();
  if (!resume) {
    auto from = patch();
    if (!from) return from.error();
    job.patch = std::move(*from);
    job.patch.name = QFileInfo(model()).completeBaseName().toStdString();
  }
  job.info.licence = licence_->currentText().trimmed().toStdString();
  job.info.credits = credits_->text().trimmed().toStdString();
  job.data.validate = core::splitNames(heldOut_->text().toStdString(), job.files, job.data.root);
  job.data.seed = job.options.seed = static_cast<unsigned>(seed_->value());
  job.options.minutes = minutes_->value();
  job.options.threads = threads_->value();
  return job;
}

}  // namespace ui
