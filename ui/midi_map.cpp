// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/midi_map.h"

#include <cmath>

#include "ui/node_extras.h"
#include "ui/theme.h"

namespace ui {
namespace {
constexpr double kMeets = 1.5 / 127;  ///< this near, a controller has met the knob
constexpr double kSame = 1e-6;
constexpr qint64 kOneGestureMs = 1000;
const QString kKey = QStringLiteral("midi");
}  // namespace

QString midiName(const MidiControl& c) { return QObject::tr("CC %1, channel %2").arg(c.controller).arg(c.channel); }

std::map<std::string, MidiControl> midiControls(const core::PatchNode& node) {
  std::map<std::string, MidiControl> out;
  if (node.foreign.empty()) return out;
  const QJsonObject all = extras(node).value(kKey).toObject();
  for (auto at = all.begin(); at != all.end(); ++at) {
    const QJsonObject one = at.value().toObject();
    const MidiControl c{one.value(QStringLiteral("controller")).toInt(-1),
                        one.value(QStringLiteral("channel")).toInt()};
    if (c.controller >= 0 && c.controller < 120 && c.channel >= 1 && c.channel <= 16) out[at.key().toStdString()] = c;
  }
  return out;
}

MidiMap::MidiMap(Document& document, EngineControl& engine, QObject* parent) : QObject(parent), document_(document) {
  connect(&engine, &EngineControl::controllerMoved, this, &MidiMap::moved);
}

void MidiMap::learn(const std::string& node, const std::string& input) {
  learning_ = Target(node, input);
  Q_EMIT learningChanged();
  Q_EMIT said(tr("Move a controller to turn %1 with it; Esc ends without one.").arg(text(input)));
}

void MidiMap::cancelLearning() {
  if (!learning_) return;
  learning_.reset();
  Q_EMIT learningChanged();
}

void MidiMap::assign(const std::string& node, const std::string& input, const MidiControl& control) {
  document_.change(tr("Learn %1").arg(midiName(control)), [&](core::Patch& p) {
    core::PatchNode* n = p.find(node);
    if (!n) return;
    QJsonObject all = extras(*n).value(kKey).toObject();
    all.insert(text(input), QJsonObject{{QStringLiteral("controller"), control.controller},
                                        {QStringLiteral("channel"), control.channel}});
    setExtra(*n, kKey, all);
  });
}

void MidiMap::forget(const std::string& node, const std::string& input) {
  follow_.erase({node, input});
  document_.change(tr("Forget MIDI controller"), [&](core::Patch& p) {
    core::PatchNode* n = p.find(node);
    if (!n) return;
    QJsonObject all = extras(*n).value(kKey).toObject();
    all.remove(text(input));
    setExtra(*n, kKey, all.isEmpty() ? QJsonValue(QJsonValue::Undefined) : QJsonValue(all));
  });
}

void MidiMap::moved(int channel, int controller, double value) {
  if (learning_) {
    const auto [node, input] = *std::exchange(learning_, {});
    assign(node, input, {controller, channel});
    follow_[{node, input}] = {value, {}};  // the knob is met by moving on
    Q_EMIT learningChanged();
    Q_EMIT said(tr("%1 turns %2 once it has met its value.").arg(midiName({controller, channel}), text(input)));
    return;
  }
  const PatchPointer patch = document_.snapshot();
  for (const core::PatchNode& n : patch->nodes)
    for (const auto& [input, control] : midiControls(n))
      if (control == MidiControl{controller, channel}) drive(n, input, value);
}

void MidiMap::drive(const core::PatchNode& node, const std::string& input, double value) {
  const core::NodeType* type = document_.registry().find(node.type);
  const int row = type ? type->inputIndex(input) : -1;
  if (row < 0 || !type->inputs[static_cast<std::size_t>(row)].isParameter()) return;
  const core::Input& in = type->inputs[static_cast<std::size_t>(row)];
  const double now = in.range().normalise(core::knobValue(node, in));
  Follow& f = follow_[{node.id, input}];
  const bool ours = f.written && std::fabs(*f.written - now) < kSame;
  const bool crosses = f.last && (*f.last - now) * (value - now) <= 0;
  f.last = value;
  if (!ours && !crosses && std::fabs(value - now) > kMeets) return;
  if (!sinceMove_.isValid() || sinceMove_.elapsed() > kOneGestureMs) document_.newGesture();
  sinceMove_.start();
  document_.setKnob(node.id, input, in.range().plain(value));
  const core::PatchNode* after = document_.patch().find(node.id);
  f.written = in.range().normalise(core::knobValue(*after, in));
}

}  // namespace ui
