// SPDX-License-Identifier: GPL-3.0-or-later
// MIDI in by RtMidi: notes, sustain pedal, bend, pressure, expression, all-notes-off, controllers. The only file pair
// that knows RtMidi. The API is always named: RtMidi's default constructor throws where ALSA is missing.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/graph/result.h"
#include "core/graph/voices.h"

namespace app {

/// One MIDI message as a player event; nothing for messages that are not played.
std::vector<core::PlayerEvent> fromMidi(const std::vector<unsigned char>& message);

/// A controller's new position.
struct ControllerMove {
  int channel = 1;     ///< 1 to 16
  int controller = 0;  ///< 0 to 119
  double value = 0;    ///< 0 to 1
};

/// The controller a message moves; nothing for other messages and for those with a fixed meaning
/// here or in the standard: sustain pedal (64), bank select (0, 32), parameter numbers (6, 38,
/// 96-101), channel mode (120-127). Expression (11) goes to the note input and may move a knob as well.
std::optional<ControllerMove> controllerFromMidi(const std::vector<unsigned char>& message);

class MidiInput {
 public:
  /// Both run in RtMidi's thread. [midi-thread]
  MidiInput(std::function<void(const core::PlayerEvent&)> play, std::function<void(const ControllerMove&)> move);
  ~MidiInput();
  MidiInput(const MidiInput&) = delete;
  MidiInput& operator=(const MidiInput&) = delete;

  /// Ports of all compiled APIs, "JACK: keyboard:out".
  static std::vector<std::string> ports();
  /// Opens a port by name; "none" or empty closes. Error: a sentence.
  core::Result<void> open(const std::string& port);
  /// Reconnects a port that went and came back; call every two seconds.
  void poll();
  const std::string& port() const { return wanted_; }
  bool connected() const { return input_ != nullptr; }

 private:
  struct Port;
  std::function<void(const core::PlayerEvent&)> play_;
  std::function<void(const ControllerMove&)> move_;
  std::unique_ptr<Port> input_;
  std::string wanted_;
};

}  // namespace app
