// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspector/setting_editor.h"

#include <QComboBox>
#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLineEdit>
#include <QPushButton>
#include <QRandomGenerator>
#include <QSpinBox>
#include <QToolButton>

#include "ui/theme.h"

namespace ui {
namespace {

QWidget* choiceEditor(Document& document, const core::PatchNode& node, const core::Setting& row) {
  auto* box = new QComboBox;
  const QStringList choices = choicesOf(row);
  box->addItems(choices);
  const auto at = node.settings.find(std::string(row.id));
  box->setCurrentIndex(at == node.settings.end() ? static_cast<int>(row.def)
                                                 : static_cast<int>(choices.indexOf(text(at->second.text))));
  QObject::connect(box, &QComboBox::activated, &document, [&document, id = node.id, row, choices](int i) {
    document.setSetting(id, std::string(row.id), {static_cast<double>(i), choices.value(i).toStdString()});
  });
  return box;
}

double numberOf(const core::PatchNode& node, const core::Setting& row) {
  const auto at = node.settings.find(std::string(row.id));
  return at == node.settings.end() ? row.def : at->second.number;
}

QWidget* numberEditor(Document& document, const core::PatchNode& node, const core::Setting& row) {
  auto* edit = new QLineEdit(text(core::formatValue(numberOf(node, row), row.unit)));
  QObject::connect(edit, &QLineEdit::editingFinished, &document, [&document, edit, id = node.id, row] {
    const core::PatchNode* now = document.patch().find(id);
    if (!now) return;
    const double before = numberOf(*now, row);
    auto value = core::parseValue(edit->text().trimmed().toStdString(), row.unit);
    if (edit->text() == text(core::formatValue(before, row.unit))) return;
    if (!value) {
      edit->setText(text(core::formatValue(before, row.unit)));
      return Q_EMIT document.failed(text(value.error().message));
    }
    *value = std::clamp(row.whole ? std::round(*value) : *value, row.min, row.max);
    edit->setText(text(core::formatValue(*value, row.unit)));
    document.setSetting(id, std::string(row.id), {*value, {}});
  });
  return edit;
}

QWidget* seedEditor(Document& document, const core::PatchNode& node, const core::Setting& row) {
  auto* box = new QWidget;
  auto* layout = new QHBoxLayout(box);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->addWidget(numberEditor(document, node, row), 1);
  auto* roll = new QPushButton(QObject::tr("Roll"));
  QObject::connect(roll, &QPushButton::clicked, &document, [&document, id = node.id, row] {
    const double span = std::max(1.0, row.max - row.min);
    document.setSetting(id, std::string(row.id),
                        {row.min + std::floor(QRandomGenerator::global()->generateDouble() * span), {}});
  });
  layout->addWidget(roll);
  return box;
}

QWidget* fileEditor(Document& document, const core::PatchNode& node, const core::Setting& row) {
  const auto at = node.settings.find(std::string(row.id));
  const QString path = at == node.settings.end() ? QString() : text(at->second.text);
  auto* button = new QPushButton(path.isEmpty() ? QObject::tr("Choose a file...") : QFileInfo(path).fileName());
  button->setStatusTip(path);
  QObject::connect(button, &QPushButton::clicked, &document, [&document, button, path, id = node.id, row] {
    const QString chosen = QFileDialog::getOpenFileName(button->window(), text(row.name), path);
    if (!chosen.isEmpty()) document.setSetting(id, std::string(row.id), {0, chosen.toStdString()});
  });
  return button;
}

}  // namespace

QStringList choicesOf(const core::Setting& row) {
  return text(row.choices).split(QLatin1Char('|'), Qt::SkipEmptyParts);
}

QWidget* makeSettingEditor(Document& document, const core::PatchNode& node, const core::Setting& row) {
  switch (row.kind) {
    case core::SettingKind::choice:
      return choiceEditor(document, node, row);
    case core::SettingKind::seed:
      return seedEditor(document, node, row);
    case core::SettingKind::file:
      return fileEditor(document, node, row);
    case core::SettingKind::number:
      break;
  }
  return numberEditor(document, node, row);
}

}  // namespace ui
