// SPDX-License-Identifier: GPL-3.0-or-later
// The knobs of a node, their menu and the MIDI controllers that turn them.
#include <QApplication>
#include <QClipboard>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QMenu>
#include <QToolButton>
#include <QVBoxLayout>

#include "ui/inspector/inspector.h"
#include "ui/inspector/labels.h"
#include "ui/midi_map.h"
#include "ui/theme.h"
#include "ui/widgets/knob.h"

namespace ui {

void Inspector::buildKnobs(QVBoxLayout& layout, const core::PatchNode& node, const core::NodeType& type) {
  auto* grid = new QGridLayout;
  grid->setSpacing(4);
  int count = 0;
  for (const core::Input& row : type.inputs) {
    if (!row.isParameter()) continue;
    const std::string id(row.id);
    auto* knob = new Knob({text(row.name), text(row.help), row.unit, row.range(), row.def});
    knob->setObjectName(text(row.id));
    knob->setValue(core::knobValue(node, row));
    knob->setFree(node.free.contains(id));
    bool modulated = false;
    for (const core::Cable& c : document_.patch().cables) modulated = modulated || (c.to == node.id && c.input == id);
    knob->setModulated(modulated);
    connect(knob, &Knob::gestureStarted, &document_, &Document::newGesture);
    connect(knob, &Knob::turned, this, [this, n = node.id, id](double v) { document_.setKnob(n, id, v); });
    connect(knob, &Knob::freeToggled, this, [this, n = node.id, id](bool free) { document_.setFree(n, id, free); });
    connect(knob, &Knob::refused, this, &Inspector::said);
    connect(knob, &Knob::menuWanted, this, [this, id](QPoint at) { showKnobMenu(id, at); });
    knob->setLearning(midi_.learns(node.id, id));
    grid->addWidget(knob, count / 3, count % 3, Qt::AlignHCenter);
    knobs_[id] = knob;
    ++count;
  }
  for (int c = 0; c < 3; ++c) grid->setColumnStretch(c, 1);
  if (count == 0) {
    delete grid;
    return;
  }
  layout.addLayout(grid);
  layout.addWidget(label(tr("A filled green dot: a fit may change it."), "secondary"));
}

void Inspector::showKnobMenu(const std::string& input, QPoint at) {
  Knob* k = knob(input);
  if (!k) return;
  auto* menu = new QMenu(this);
  menu->setAttribute(Qt::WA_DeleteOnClose);
  menu->addAction(tr("Type a value..."), k, &Knob::editText);
  menu->addAction(tr("Reset to %1").arg(k->defaultText()), k, &Knob::reset);
  menu->addAction(tr("Copy value"), k, [k] { QApplication::clipboard()->setText(k->valueText()); });
  menu->addAction(tr("Paste value"), k, [k] { k->takeText(QApplication::clipboard()->text()); });
  menu->addSeparator();
  QAction* free = menu->addAction(tr("Free for the fit"));
  free->setCheckable(true);
  free->setChecked(k->isFree());
  connect(free, &QAction::triggered, k, &Knob::freeToggled);
  menu->addSeparator();
  if (midi_.learns(node_, input))
    menu->addAction(tr("Stop learning"), &midi_, &MidiMap::cancelLearning);
  else
    menu->addAction(tr("Learn a MIDI controller"), this, [this, n = node_, input] { midi_.learn(n, input); });
  const core::PatchNode* node = document_.patch().find(node_);
  const auto controls = node ? midiControls(*node) : std::map<std::string, MidiControl>();
  if (const auto mapped = controls.find(input); mapped != controls.end())
    menu->addAction(tr("Forget %1").arg(midiName(mapped->second)), this,
                    [this, n = node_, input] { midi_.forget(n, input); });
  menu->popup(at);
}

/// The controllers that turn this node's knobs.
void Inspector::buildMidi(QVBoxLayout& layout, const core::PatchNode& node) {
  const auto controls = midiControls(node);
  if (controls.empty()) return;
  layout.addSpacing(4);
  layout.addWidget(label(tr("MIDI"), "heading"));
  const core::NodeType* type = document_.typeOf(node.id);
  for (const auto& [input, control] : controls) {
    const int at = type ? type->inputIndex(input) : -1;
    const QString name = at >= 0 ? text(type->inputs[static_cast<std::size_t>(at)].name) : text(input);
    auto* row = new QHBoxLayout;
    row->addWidget(label(tr("%1 \u2190 %2 (soft take-over)").arg(name, midiName(control)), "secondary"), 1);
    auto* remove = new QToolButton;
    remove->setText(QStringLiteral("\u00d7"));
    remove->setProperty("role", "flat");
    remove->setToolTip(tr("Forget the controller"));
    remove->setAccessibleName(tr("Forget the controller of %1").arg(name));
    remove->setObjectName(QStringLiteral("forget-") + text(input));
    connect(remove, &QToolButton::clicked, this, [this, n = node.id, i = input] { midi_.forget(n, i); });
    row->addWidget(remove);
    layout.addLayout(row);
  }
}

}  // namespace ui
