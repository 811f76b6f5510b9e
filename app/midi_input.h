// SPDX-License-Identifier: GPL-3.0-or-later
// MIDI in by RtMidi: notes, sustain pedal, bend, pressure, all-notes-off. The only file pair that
// knows RtMidi. The API is always named: RtMidi's default constructor throws where ALSA is missing.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/graph/result.h"
#include "core/graph/voices.h"

namespace app {

/// Bend range of the pitch wheel, semitones each way.
inline constexpr double kBendSemitones = 2;

/// One MIDI message as a player event; nothing for messages that are not played.
std::vector<core::PlayerEvent> fromMidi(const std::vector<unsigned char>& message);

class MidiInput {
 public:
  /// `play` runs in RtMidi's thread. [midi-thread]
  explicit MidiInput(std::function<void(const core::PlayerEvent&)> play);
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
  std::unique_ptr<Port> input_;
  std::string wanted_;
};

}  // namespace app
