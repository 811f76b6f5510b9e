// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/canvas/depth_editor.h"

#include <QCheckBox>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSignalBlocker>
#include <QSlider>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "ui/theme.h"

namespace ui {
namespace {
constexpr int kSliderSteps = 1000;
}

DepthEditor::DepthEditor(Document& document, QWidget* parent)
    : QFrame(parent),
      document_(document),
      title_(new QLabel),
      edit_(new QLineEdit),
      slider_(new QSlider(Qt::Horizontal)),
      free_(new QCheckBox(tr("A fit may change it"))) {
  setProperty("role", "popup");
  setFixedWidth(232);
  title_->setProperty("role", "heading");
  edit_->setFixedWidth(84);
  edit_->setAccessibleName(tr("Cable depth"));
  slider_->setAccessibleName(tr("Cable depth"));
  slider_->setRange(-kSliderSteps, kSliderSteps);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(12, 8, 12, 12);
  layout->addWidget(title_);
  auto* row = new QHBoxLayout;
  row->addWidget(slider_);
  row->addWidget(edit_);
  layout->addLayout(row);
  layout->addWidget(free_);
  auto* remove = new QPushButton(tr("Remove cable"));
  layout->addWidget(remove);
  connect(edit_, &QLineEdit::returnPressed, this, &DepthEditor::apply);
  connect(slider_, &QSlider::sliderPressed, this, [this] { document_.newGesture(); });
  connect(slider_, &QSlider::valueChanged, this, [this](int v) {
    // cubic: fine near zero, up to 8 octaves or 8 times
    const double u = v / static_cast<double>(kSliderSteps);
    document_.setDepth(cable_, 8 * u * u * u);
  });
  connect(slider_, &QSlider::sliderReleased, this, [this] { document_.newGesture(); });
  connect(free_, &QCheckBox::clicked, this, [this](bool on) { document_.setCableFree(cable_, on); });
  connect(remove, &QPushButton::clicked, this, [this] {
    hide();
    document_.disconnectCables({cable_});
  });
  connect(&document_, &Document::depthChanged, this, &DepthEditor::read);
  connect(&document_, &Document::detailsChanged, this, &DepthEditor::read);
  connect(&document_, &Document::structureChanged, this, [this] {
    if (!current()) hide();
  });
  hide();
}

const core::Cable* DepthEditor::current() const {
  const auto& cables = document_.patch().cables;
  const auto at = std::find_if(cables.begin(), cables.end(), [this](const auto& c) { return sameEnds(c, cable_); });
  return at == cables.end() ? nullptr : &*at;
}

/// Octaves on a log scale, the input's own unit on a linear one, a factor on a plain signal.
core::Unit DepthEditor::unit() const {
  const core::NodeType* type = document_.typeOf(cable_.to);
  const int row = type ? type->inputIndex(cable_.input) : -1;
  if (row < 0 || !type->inputs[static_cast<std::size_t>(row)].isParameter()) return core::Unit::none;
  const core::Input& input = type->inputs[static_cast<std::size_t>(row)];
  return input.scale == core::Scale::log ? core::Unit::octaves : input.unit;
}

void DepthEditor::open(const core::Cable& cable, QPoint at) {
  cable_ = cable;
  document_.newGesture();
  title_->setText(
      tr("%1 to %2%3").arg(text(cable.output), text(cable.input), cable.delayed ? tr(", one tick late") : QString()));
  read();
  adjustSize();
  move(std::clamp(at.x(), 4, std::max(4, parentWidget()->width() - width() - 4)),
       std::clamp(at.y(), 4, std::max(4, parentWidget()->height() - height() - 4)));
  show();
  raise();
  edit_->setFocus();
  edit_->selectAll();
}

void DepthEditor::read() {
  const core::Cable* c = current();
  if (!c) return;
  const QSignalBlocker block(slider_);
  slider_->setValue(static_cast<int>(std::lround(kSliderSteps * std::cbrt(std::clamp(c->depth / 8, -1.0, 1.0)))));
  edit_->setText(text(core::formatValue(c->depth, unit())));
  free_->setChecked(c->free);
}

void DepthEditor::apply() {
  const auto value = core::parseValue(edit_->text().trimmed().toStdString(), unit());
  if (!value) {
    Q_EMIT said(text(value.error().message));
    return;
  }
  document_.newGesture();
  document_.setDepth(cable_, *value);
  document_.newGesture();
  hide();
  parentWidget()->setFocus();
}

void DepthEditor::keyPressEvent(QKeyEvent* e) {
  if (e->key() != Qt::Key_Escape) return QFrame::keyPressEvent(e);
  hide();
  parentWidget()->setFocus();
}

}  // namespace ui
