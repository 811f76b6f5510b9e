// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspector/patch_page.h"

#include <QFormLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QTableWidget>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "ui/theme.h"

namespace ui {
namespace {

constexpr int kMostVoices = 16;

QString noteText(double pitch) {
  const double whole = std::round(pitch);
  return std::fabs(pitch - whole) < 1e-6 ? text(core::noteName(static_cast<int>(whole)))
                                         : QString::number(pitch, 'f', 2);
}

QString joined(const std::vector<std::string>& tags) {
  QStringList list;
  for (const std::string& t : tags) list << text(t);
  return list.join(QStringLiteral(", "));
}

/// Reads one cell into a note; a sentence when it cannot be.
core::Result<void> setField(core::Note& note, int column, const std::string& typed) {
  const auto value = column == 0 ? core::parseNote(typed)
                                 : core::parseValue(typed, column == 3 ? core::Unit::ratio : core::Unit::seconds);
  if (!value) return value.error();
  if (column == 0) note.pitch = *value;
  if (column == 1) note.start = std::clamp(*value, 0.0, 3600.0);
  if (column == 2) note.length = std::clamp(*value, 0.001, 3600.0);
  if (column == 3) note.velocity = std::clamp(*value, 0.0, 1.0);
  return {};
}

}  // namespace

PatchPage::PatchPage(Document& document, QWidget* parent)
    : QWidget(parent),
      document_(document),
      name_(new QLineEdit),
      tags_(new QLineEdit),
      description_(new QPlainTextEdit),
      voices_(new QSpinBox),
      phrase_(new QTableWidget(0, 4)) {
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(16, 12, 16, 16);
  layout->setSpacing(8);
  auto* title = new QLabel(tr("Patch"));
  title->setProperty("role", "title");
  layout->addWidget(title);
  auto* form = new QFormLayout;
  form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
  form->addRow(tr("Name"), name_);
  form->addRow(tr("Tags"), tags_);
  form->addRow(tr("Voices"), voices_);
  layout->addLayout(form);
  layout->addWidget(new QLabel(tr("Description")));
  description_->setFixedHeight(72);
  description_->setTabChangesFocus(true);
  layout->addWidget(description_);
  auto* heading = new QLabel(tr("Phrase: what Play, exports and fits play"));
  heading->setProperty("role", "heading");
  layout->addWidget(heading);
  phrase_->setHorizontalHeaderLabels({tr("Note"), tr("Start"), tr("Length"), tr("Velocity")});
  phrase_->horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
  phrase_->verticalHeader()->hide();
  phrase_->setAccessibleName(tr("Notes of the phrase"));
  phrase_->setMinimumHeight(160);
  layout->addWidget(phrase_);
  auto* row = new QHBoxLayout;
  auto* add = new QPushButton(tr("Add note"));
  auto* remove = new QPushButton(tr("Remove"));
  row->addWidget(add);
  row->addWidget(remove);
  row->addStretch();
  layout->addLayout(row);
  layout->addStretch();
  voices_->setRange(1, kMostVoices);
  name_->setAccessibleName(tr("Name of the patch"));
  tags_->setAccessibleName(tr("Tags"));
  voices_->setAccessibleName(tr("Voices"));
  description_->setAccessibleName(tr("Description"));
  connect(name_, &QLineEdit::textEdited, this, [this](const QString& s) {
    document_.change(
        tr("Patch name"), [&s](core::Patch& p) { p.name = s.toStdString(); }, "name");
  });
  connect(tags_, &QLineEdit::editingFinished, this, [this] {
    std::vector<std::string> tags;
    for (const QString& t : tags_->text().split(QLatin1Char(','), Qt::SkipEmptyParts))
      if (!t.trimmed().isEmpty()) tags.push_back(t.trimmed().toStdString());
    document_.change(tr("Tags"), [&tags](core::Patch& p) { p.tags = tags; });
  });
  connect(description_, &QPlainTextEdit::textChanged, this, [this] {
    if (reading_) return;
    const std::string words = description_->toPlainText().toStdString();
    document_.change(
        tr("Description"), [&words](core::Patch& p) { p.description = words; }, "description");
  });
  connect(voices_, &QSpinBox::valueChanged, this, [this](int v) {
    if (!reading_) document_.change(tr("Voices"), [v](core::Patch& p) { p.voices = v; });
  });
  connect(phrase_, &QTableWidget::cellChanged, this, &PatchPage::writeCell);
  connect(add, &QPushButton::clicked, this, &PatchPage::addNote);
  connect(remove, &QPushButton::clicked, this, &PatchPage::removeNote);
  connect(&document_, &Document::detailsChanged, this, &PatchPage::read);
  read();
}

void PatchPage::read() {
  reading_ = true;
  const core::Patch& p = document_.patch();
  if (name_->text() != text(p.name)) name_->setText(text(p.name));
  if (!tags_->hasFocus()) tags_->setText(joined(p.tags));
  if (description_->toPlainText() != text(p.description)) description_->setPlainText(text(p.description));
  voices_->setValue(p.voices);
  readPhrase();
  reading_ = false;
}

void PatchPage::readPhrase() {
  const auto& notes = document_.patch().phrase;
  phrase_->setRowCount(static_cast<int>(notes.size()));
  for (int r = 0; r < phrase_->rowCount(); ++r) {
    const core::Note& n = notes[static_cast<std::size_t>(r)];
    const QString cells[] = {noteText(n.pitch), text(core::formatValue(n.start, core::Unit::seconds)),
                             text(core::formatValue(n.length, core::Unit::seconds)),
                             text(core::formatValue(n.velocity, core::Unit::ratio))};
    for (int c = 0; c < 4; ++c) {
      if (!phrase_->item(r, c)) phrase_->setItem(r, c, new QTableWidgetItem);
      phrase_->item(r, c)->setText(cells[c]);
    }
  }
}

void PatchPage::writeCell(int row, int column) {
  if (reading_) return;
  core::Note note = document_.patch().phrase[static_cast<std::size_t>(row)];
  const auto done = setField(note, column, phrase_->item(row, column)->text().trimmed().toStdString());
  if (done) {
    document_.change(tr("Phrase"), [&](core::Patch& p) { p.phrase[static_cast<std::size_t>(row)] = note; });
  } else {
    Q_EMIT document_.failed(text(done.error().message));
  }
  read();
}

void PatchPage::addNote() {
  document_.change(tr("Add note"), [](core::Patch& p) {
    core::Note note = p.phrase.empty() ? core::Note{} : p.phrase.back();
    if (!p.phrase.empty()) note.start += note.length;
    p.phrase.push_back(note);
  });
}

void PatchPage::removeNote() {
  const int row = phrase_->currentRow() < 0 ? phrase_->rowCount() - 1 : phrase_->currentRow();
  if (row < 0) return;
  document_.change(tr("Remove note"), [row](core::Patch& p) { p.phrase.erase(p.phrase.begin() + row); });
}

}  // namespace ui
