// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/swap_dialog.h"

#include <QCheckBox>
#include <QComboBox>
#include <QFileDialog>
#include <QFileInfo>
#include <QFormLayout>
#include <QLabel>
#include <QLocale>
#include <QPushButton>
#include <QSignalBlocker>
#include <QVBoxLayout>
#include <algorithm>

#include "presets/model_info.h"
#include "presets/parts_file.h"
#include "ui/theme.h"

namespace ui {
namespace {
const QString kThisPatch = QStringLiteral("this"), kOther = QStringLiteral("other");

QString partHelp(core::Part part) {
  switch (part) {
    case core::Part::harmonic:
      return QObject::tr("Harmonics: its tone");
    case core::Part::noise:
      return QObject::tr("Noise: its breath, bow, hammer");
    case core::Part::reverb:
      return QObject::tr("Reverb: its room");
    case core::Part::decoder:
      return QObject::tr("Decoder: tone and noise, and how they move");
    default:
      return QObject::tr("Encoder: how it listens");
  }
}
QString count(std::size_t n) { return QLocale(QLocale::English).toString(static_cast<qulonglong>(n)); }
/// Licence and credits of a patch.
QString sourceOf(const core::Patch& patch) {
  const presets::ModelInfo info = presets::infoOf(patch);
  QStringList source;
  for (const std::string* s : {&info.licence, &info.credits})
    if (!s->empty()) source << text(*s);
  return source.join(QStringLiteral("; "));
}
}  // namespace

std::vector<presets::PresetInfo> knownModels(const std::vector<presets::PresetInfo>& models,
                                             const std::vector<presets::PresetInfo>& presets) {
  std::vector<presets::PresetInfo> all;
  for (const auto* list : {&models, &presets})
    std::copy_if(list->begin(), list->end(), std::back_inserter(all), [](const auto& m) { return m.isModel(); });
  return all;
}

SwapDialog::SwapDialog(Document& document, std::vector<presets::PresetInfo> models, QWidget* parent)
    : QDialog(parent),
      document_(document),
      models_(std::move(models)),
      a_(new QComboBox),
      b_(new QComboBox),
      cost_(new QLabel),
      notes_(new QLabel),
      make_(new QPushButton(tr("Make patch"))) {
  setWindowTitle(tr("Swap parts"));
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    parts_[i] = new QCheckBox(partHelp(static_cast<core::Part>(i)));
    connect(parts_[i], &QCheckBox::toggled, this, &SwapDialog::update);
  }
  fill(a_, true);
  fill(b_, false);
  preselectOther();
  build();
  for (QComboBox* box : {a_, b_}) connect(box, &QComboBox::activated, this, [this, box] { chosen(box); });
  connect(make_, &QPushButton::clicked, this, &QDialog::accept);
  update();
}

void SwapDialog::build() {
  setMinimumWidth(540);
  a_->setAccessibleName(tr("Model that is kept"));
  b_->setAccessibleName(tr("Model that parts are taken from"));
  for (QLabel* l : {cost_, notes_}) {
    l->setWordWrap(true);
    l->setTextFormat(Qt::PlainText);
  }
  notes_->setProperty("role", "secondary");
  notes_->setMinimumHeight(64);
  notes_->setAlignment(Qt::AlignTop);
  make_->setProperty("role", "primary");
  make_->setDefault(true);
  auto* form = new QFormLayout;
  form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
  form->addRow(tr("Keep"), a_);
  form->addRow(tr("Take from"), b_);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(16, 16, 16, 16);
  layout->setSpacing(8);
  layout->addLayout(form);
  layout->addSpacing(4);
  for (QCheckBox* part : parts_) layout->addWidget(part);
  layout->addSpacing(4);
  layout->addWidget(cost_);
  layout->addWidget(notes_, 1);
  auto* close = new QPushButton(tr("Cancel"));
  connect(close, &QPushButton::clicked, this, &QDialog::reject);
  auto* buttons = new QHBoxLayout;
  buttons->addStretch();
  buttons->addWidget(close);
  buttons->addWidget(make_);
  layout->addLayout(buttons);
}

void SwapDialog::fill(QComboBox* box, bool withThisPatch) {
  if (withThisPatch) box->addItem(tr("This patch: %1").arg(document_.title()), kThisPatch);
  for (const presets::PresetInfo& m : models_) box->addItem(text(m.name), QString::fromStdString(m.path.string()));
  box->addItem(tr("Other model..."), kOther);
}

/// The first that is not the patch itself, opened as a file or from the browser.
void SwapDialog::preselectOther() {
  for (std::size_t i = 0; i < models_.size(); ++i) {
    const bool same = QString::fromStdString(models_[i].path.string()) == document_.path() ||
                      models_[i].name == document_.patch().name;
    if (!same) return b_->setCurrentIndex(static_cast<int>(i));
  }
}

void SwapDialog::chosen(QComboBox* box) {
  if (box->currentData().toString() == kOther) {
    const QString path =
        QFileDialog::getOpenFileName(this, tr("Model"), QString(), tr("Models and patches (*.safetensors *.json)"));
    const QSignalBlocker quiet(box);
    if (path.isEmpty()) {
      box->setCurrentIndex(0);
    } else {
      box->insertItem(box->count() - 1, QFileInfo(path).completeBaseName(), path);
      box->setCurrentIndex(box->count() - 2);
    }
  }
  update();
}

core::Result<core::Patch> SwapDialog::side(const QComboBox* box, const std::vector<core::Part>& parts) const {
  const QString path = box->currentData().toString();
  if (path == kThisPatch) return document_.patch();
  if (path == kOther) return core::Error{"Choose a model to take from."};
  if (parts.empty()) return presets::readPatch(path.toStdString());
  auto read = presets::readParts(path.toStdString(), parts, document_.registry());
  if (!read) return read.error();
  return std::move(read->patch);
}

QString SwapDialog::cost() const { return cost_->text(); }
QString SwapDialog::notes() const { return notes_->text(); }

/// Swaps as ticked, to know what it costs before it is made.
void SwapDialog::update() {
  result_.reset();
  make_->setEnabled(false);
  cost_->clear();
  std::vector<core::Part> parts;
  QStringList names;
  for (std::size_t i = 0; i < parts_.size(); ++i)
    if (parts_[i]->isChecked()) {
      parts.push_back(static_cast<core::Part>(i));
      names << QString::fromLatin1(core::kPartNames[i]);
    }
  if (parts.empty()) return notes_->setText(tr("Tick the parts to take; the rest stays as it is."));
  const auto a = side(a_), b = side(b_, parts);
  if (!a || !b) return notes_->setText(text((a ? b : a).error().message));
  auto swapped = presets::swapModels(*a, *b, parts, document_.registry());
  if (!swapped) return notes_->setText(text(swapped.error().message));
  const std::size_t before = core::countParameters(*a, document_.registry()).all;
  const std::size_t after = core::countParameters(swapped->patch, document_.registry()).all;
  cost_->setText(
      tr("Cost: %1 learned numbers instead of %2, %3 times as many.")
          .arg(count(after), count(before))
          .arg(static_cast<double>(after) / static_cast<double>(std::max<std::size_t>(before, 1)), 0, 'f', 2));
  QStringList lines;
  for (const std::string& n : swapped->notes) lines << text(n);
  notes_->setText(lines.join(QLatin1Char('\n')));
  // who is to be named is read by people, too
  const QString ofA = sourceOf(*a), ofB = sourceOf(*b);
  const QString from = tr("Of %1: %2%3.")
                           .arg(text(b->name), names.join(QStringLiteral(", ")),
                                ofB.isEmpty() ? QString() : QStringLiteral(" (%1)").arg(ofB));
  QStringList says{text(swapped->patch.description), ofA.isEmpty() ? QString() : QStringLiteral("(%1)").arg(ofA), from};
  says.removeAll(QString());
  swapped->patch.description = says.join(QLatin1Char(' ')).toStdString();
  result_ = std::move(swapped->patch);
  make_->setEnabled(true);
}

}  // namespace ui
