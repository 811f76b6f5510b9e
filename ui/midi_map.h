// SPDX-License-Identifier: GPL-3.0-or-later
// MIDI controllers that turn knobs: learnt by moving one, kept in the patch with the node, with soft
// take-over: a controller moves a knob only once it has met its value, so that nothing jumps.
#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <map>
#include <optional>

#include "ui/document.h"

namespace ui {

/// Where a knob is driven from.
struct MidiControl {
  int controller = 0;  ///< 0 to 119
  int channel = 1;     ///< 1 to 16
  bool operator==(const MidiControl&) const = default;
};

/// "CC 74, channel 1".
QString midiName(const MidiControl& control);
/// The controllers of a node's knobs, by input.
std::map<std::string, MidiControl> midiControls(const core::PatchNode& node);

class MidiMap : public QObject {
  Q_OBJECT
 public:
  MidiMap(Document& document, EngineControl& engine, QObject* parent = nullptr);

  /// The next controller that moves turns this knob from then on.
  void learn(const std::string& node, const std::string& input);
  void cancelLearning();
  bool learning() const { return learning_.has_value(); }
  bool learns(const std::string& node, const std::string& input) const { return learning_ == std::pair(node, input); }
  /// One undo step each.
  void assign(const std::string& node, const std::string& input, const MidiControl& control);
  void forget(const std::string& node, const std::string& input);

 Q_SIGNALS:
  void learningChanged();
  void said(const QString& sentence);

 private:
  using Target = std::pair<std::string, std::string>;
  /// How a controller and a knob stand to each other; normalised values.
  struct Follow {
    std::optional<double> last;     ///< of the controller
    std::optional<double> written;  ///< by us to the knob; another value: someone else turned it
  };
  void moved(int channel, int controller, double value);
  void drive(const core::PatchNode& node, const std::string& input, double value);

  Document& document_;
  std::optional<Target> learning_;
  std::map<Target, Follow> follow_;
  QElapsedTimer sinceMove_;
};

}  // namespace ui
