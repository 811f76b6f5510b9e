// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspector/inspector.h"

#include <QCheckBox>
#include <QGridLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QTimer>
#include <QToolButton>
#include <QVBoxLayout>

#include "core/graph/plan.h"
#include "ui/inspector/labels.h"
#include "ui/inspector/patch_page.h"
#include "ui/inspector/picture_view.h"
#include "ui/inspector/setting_editor.h"
#include "ui/inspector/tone_box.h"
#include "ui/midi_map.h"
#include "ui/theme.h"
#include "ui/widgets/knob.h"

namespace ui {

Inspector::Inspector(Document& document, NodePictures& pictures, MidiMap& midi, QWidget* parent)
    : QScrollArea(parent), document_(document), pictures_(pictures), midi_(midi) {
  setWidgetResizable(true);
  setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  setFrameShape(QFrame::NoFrame);
  setMinimumWidth(316);
  connect(&document_, &Document::structureChanged, this, &Inspector::rebuildLater);
  connect(&document_, &Document::depthChanged, this, &Inspector::rebuildLater);
  connect(&document_, &Document::valueChanged, this, [this](const QString& node, const QString&) {
    if (node.toStdString() == node_) readValues();
  });
  connect(&document_, &Document::detailsChanged, this, &Inspector::readFree);
  connect(&midi_, &MidiMap::learningChanged, this, [this] {
    for (const auto& [id, k] : knobs_) k->setLearning(midi_.learns(node_, id));
  });
  rebuild();
}

void Inspector::show(const std::string& node) {
  if (node == node_ && !pending_) return;
  node_ = node;
  rebuild();
}

Knob* Inspector::knob(const std::string& input) const {
  const auto at = knobs_.find(input);
  return at == knobs_.end() ? nullptr : at->second;
}

void Inspector::poll() {
  if (!toneBox_ || !toneBox_->isVisible()) return;
  const std::vector<float> heard = document_.engine().watched();
  if (heard.size() == 2) toneBox_->setPoint(static_cast<double>(heard[0]), static_cast<double>(heard[1]));
}

/// Not at once: the change may come from a widget that a rebuild would delete.
void Inspector::rebuildLater() {
  if (std::exchange(pending_, true)) return;
  QTimer::singleShot(0, this, [this] {
    if (pending_) rebuild();
  });
}

void Inspector::rebuild() {
  pending_ = false;
  knobs_.clear();
  toneBox_ = nullptr;
  const core::PatchNode* node = document_.patch().find(node_);
  const auto range = node ? toneRange(document_, node_) : std::nullopt;
  document_.engine().watch(range ? range->controller : std::string(), {"pitch", "loudness"});
  if (!node) {
    node_.clear();
    // the page keeps itself up to date: typing in it must not replace it
    if (!qobject_cast<PatchPage*>(widget())) setWidget(new PatchPage(document_));
    return;
  }
  auto* page = new QWidget;
  auto* layout = new QVBoxLayout(page);
  layout->setContentsMargins(16, 12, 16, 16);
  layout->setSpacing(8);
  if (range) toneBox_ = new ToneBox(*range, page);
  buildNode(*layout, *node);
  layout->addStretch();
  if (QWidget* old = takeWidget()) old->deleteLater();
  setWidget(page);
}

void Inspector::buildNode(QVBoxLayout& layout, const core::PatchNode& node) {
  const core::NodeType* type = document_.registry().find(node.type);
  const QString name = !node.label.empty() ? text(node.label) : type ? text(type->info.name) : text(node.type);
  buildTitle(layout, node, name, type);
  foreign_ = node.foreign;
  if (!type) {
    layout.addWidget(label(
        tr("This program has no node type \"%1\". Its values and cables are kept as they are.").arg(text(node.type)),
        "secondary"));
    return;
  }
  layout.addWidget(label(text(type->info.help), "secondary"));
  if (type->info.picture != core::Picture::none) {
    layout.addWidget(new PictureView(pictures_, node.id, categoryColour(type->info.category)));
    pictures_.request(document_.patch(), node.id);
  }
  if (toneBox_) layout.addWidget(toneBox_);
  buildKnobs(layout, node, *type);
  buildSettings(layout, node, *type);
  buildTensors(layout, node, *type);
  buildMidi(layout, node);
  buildCables(layout, node);
  layout.addWidget(label(tr("id %1").arg(text(node.id)), "secondary"));
}

void Inspector::buildTitle(QVBoxLayout& layout, const core::PatchNode& node, const QString& name, bool known) {
  auto* row = new QHBoxLayout;
  row->addWidget(label(name, "title"), 1);
  if (known) {
    auto* bypass = new QToolButton;
    bypass->setText(tr("bypass"));
    bypass->setCheckable(true);
    bypass->setChecked(node.bypassed);
    bypass->setToolTip(tr("Passes what comes in through to the output (M)"));
    connect(bypass, &QToolButton::clicked, this, [this, id = node.id](bool on) { document_.setBypassed({id}, on); });
    row->addWidget(bypass, 0, Qt::AlignTop);
  }
  layout.addLayout(row);
}

void Inspector::buildSettings(QVBoxLayout& layout, const core::PatchNode& node, const core::NodeType& type) {
  if (type.settings.empty()) return;
  layout.addSpacing(4);
  layout.addWidget(label(tr("Settings"), "heading"));
  auto* grid = new QGridLayout;
  grid->setColumnStretch(1, 1);
  int line = 0;
  for (const core::Setting& row : type.settings) {
    auto* name = new QLabel(text(row.name));
    name->setToolTip(text(row.help));
    grid->addWidget(name, line, 0);
    QWidget* editor = makeSettingEditor(document_, node, row);
    editor->setToolTip(text(row.help));
    editor->setAccessibleName(text(row.name));
    editor->setObjectName(text(row.id));
    grid->addWidget(editor, line++, 1);
  }
  layout.addLayout(grid);
}

namespace {
QString shapeText(const std::vector<int>& shape) {
  QStringList parts;
  for (const int d : shape) parts << QString::number(d);
  return parts.join(QStringLiteral(" x "));
}

/// Shapes of a node's tensors as the patch has them; empty when it does not compile.
std::vector<std::vector<int>> tensorShapes(const Document& document, const std::string& node) {
  std::vector<std::vector<int>> out;
  const auto plan = core::compilePlan(document.patch(), document.registry(), {.rate = document.patch().rate});
  const int at = plan ? plan->findNode(node) : -1;
  if (at >= 0)
    for (const core::TensorValue& t : plan->nodes[static_cast<std::size_t>(at)].tensors) out.push_back(t.shape);
  return out;
}
}  // namespace

void Inspector::buildTensors(QVBoxLayout& layout, const core::PatchNode& node, const core::NodeType& type) {
  if (type.tensors.empty()) return;
  layout.addSpacing(4);
  layout.addWidget(label(tr("Learned numbers"), "heading"));
  const auto shapes = tensorShapes(document_, node.id);
  for (std::size_t t = 0; t < type.tensors.size(); ++t) {
    const std::string id(type.tensors[t].id);
    auto* learn = new QCheckBox(tr("learn %1 (%2)%3")
                                    .arg(text(type.tensors[t].name), t < shapes.size() ? shapeText(shapes[t]) : tr("?"),
                                         node.tensors.contains(id) ? tr(", learned") : QString()));
    learn->setToolTip(text(type.tensors[t].help));
    learn->setChecked(node.free.contains(id));
    connect(learn, &QCheckBox::clicked, this, [this, n = node.id, id](bool on) { document_.setFree(n, id, on); });
    layout.addWidget(learn);
  }
}

void Inspector::buildCables(QVBoxLayout& layout, const core::PatchNode& node) {
  bool headed = false;
  for (const core::Cable& c : document_.patch().cables) {
    if (c.to != node.id) continue;
    if (!std::exchange(headed, true)) {
      layout.addSpacing(4);
      layout.addWidget(label(tr("Cables in"), "heading"));
    }
    auto* row = new QHBoxLayout;
    const core::NodeType* type = document_.typeOf(node.id);
    const int at = type ? type->inputIndex(c.input) : -1;
    core::Unit unit = core::Unit::none;
    if (at >= 0 && type->inputs[static_cast<std::size_t>(at)].isParameter()) {
      const core::Input& input = type->inputs[static_cast<std::size_t>(at)];
      unit = input.scale == core::Scale::log ? core::Unit::octaves : input.unit;
    }
    row->addWidget(label(tr("%1 from %2.%3").arg(text(c.input), text(c.from), text(c.output)), "secondary"), 1);
    auto* depth = new QLineEdit(text(core::formatValue(c.depth, unit)));
    depth->setFixedWidth(72);
    depth->setAccessibleName(tr("Depth of the cable from %1").arg(text(c.from)));
    connect(depth, &QLineEdit::editingFinished, this, [this, c, depth, unit] {
      const auto value = core::parseValue(depth->text().trimmed().toStdString(), unit);
      if (!value) return Q_EMIT said(text(value.error().message));
      if (depth->text() == text(core::formatValue(c.depth, unit))) return;
      document_.newGesture();
      document_.setDepth(c, *value);
    });
    auto* remove = new QToolButton;
    remove->setText(QStringLiteral("\u00d7"));
    remove->setProperty("role", "flat");
    remove->setToolTip(tr("Remove cable"));
    connect(remove, &QToolButton::clicked, this, [this, c] { document_.disconnectCables({c}); });
    row->addWidget(depth);
    row->addWidget(remove);
    layout.addLayout(row);
  }
}

void Inspector::readValues() {
  const core::PatchNode* node = document_.patch().find(node_);
  const core::NodeType* type = document_.typeOf(node_);
  if (!node || !type) return;
  for (const core::Input& row : type->inputs)
    if (Knob* k = knob(std::string(row.id))) k->setValue(core::knobValue(*node, row));
}

void Inspector::readFree() {
  const core::PatchNode* node = document_.patch().find(node_);
  if (!node) return;
  if (node->foreign != foreign_) rebuildLater();
  for (const auto& [id, k] : knobs_) k->setFree(node->free.contains(id));
}

}  // namespace ui
