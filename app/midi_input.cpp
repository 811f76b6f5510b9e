// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/midi_input.h"

#include <rtmidi/RtMidi.h>

#include <algorithm>
#include <array>

#include "core/file/midi_message.h"

namespace app {
namespace {

std::string apiPrefix(RtMidi::Api api) { return api == RtMidi::UNIX_JACK ? "JACK: " : "ALSA: "; }

std::vector<RtMidi::Api> apis() {
  std::vector<RtMidi::Api> compiled, out;
  RtMidi::getCompiledApi(compiled);
  for (const auto api : {RtMidi::UNIX_JACK, RtMidi::LINUX_ALSA})
    if (std::find(compiled.begin(), compiled.end(), api) != compiled.end()) out.push_back(api);
  return out;
}

void quiet(RtMidiError::Type, const std::string&, void*) {}

std::unique_ptr<RtMidiIn> makeInput(RtMidi::Api api) {
  try {
    auto in = std::make_unique<RtMidiIn>(api, "Tonewright");
    in->setErrorCallback(&quiet);
    return in;
  } catch (const RtMidiError&) {
    return nullptr;
  }
}

}  // namespace

struct MidiInput::Port {
  std::unique_ptr<RtMidiIn> in;
  const MidiInput* owner;
  std::string name;

  static void received(double, std::vector<unsigned char>* message, void* self) {
    if (!message) return;
    const MidiInput& to = *static_cast<Port*>(self)->owner;
    for (const core::PlayerEvent& e : fromMidi(*message)) to.play_(e);
    if (const auto move = controllerFromMidi(*message)) to.move_(*move);
  }
};

std::vector<core::PlayerEvent> fromMidi(const std::vector<unsigned char>& m) {
  if (m.size() < 2) return {};
  return core::playerEventsOf(m[0], m[1], m.size() > 2 ? m[2] : 0U);
}

std::optional<ControllerMove> controllerFromMidi(const std::vector<unsigned char>& m) {
  if (m.size() < 3 || (m[0] & 0xf0) != 0xb0) return {};
  const int controller = m[1] & 0x7f;
  constexpr std::array kReserved{0, 6, 32, 38, 64, 96, 97, 98, 99, 100, 101};
  if (controller >= 120 || std::find(kReserved.begin(), kReserved.end(), controller) != kReserved.end()) return {};
  return ControllerMove{(m[0] & 0x0f) + 1, controller, (m[2] & 0x7f) / 127.0};
}

MidiInput::MidiInput(std::function<void(const core::PlayerEvent&)> play,
                     std::function<void(const ControllerMove&)> move)
    : play_(std::move(play)), move_(std::move(move)) {}
MidiInput::~MidiInput() = default;

std::vector<std::string> MidiInput::ports() {
  std::vector<std::string> out;
  for (const auto api : apis())
    if (auto in = makeInput(api))
      for (unsigned i = 0; i < in->getPortCount(); ++i) out.push_back(apiPrefix(api) + in->getPortName(i));
  return out;
}

core::Result<void> MidiInput::open(const std::string& port) {
  input_.reset();
  wanted_ = port == "none" ? "" : port;
  if (wanted_.empty()) return {};
  for (const auto api : apis()) {
    auto in = makeInput(api);
    if (!in) continue;
    for (unsigned i = 0; i < in->getPortCount(); ++i) {
      if (apiPrefix(api) + in->getPortName(i) != wanted_) continue;
      auto made = std::make_unique<Port>();
      made->owner = this;
      made->name = wanted_;
      in->setCallback(&Port::received, made.get());
      try {
        in->openPort(i, "in");
      } catch (const RtMidiError&) {
        continue;
      }
      made->in = std::move(in);
      input_ = std::move(made);
      return {};
    }
  }
  return core::Error{"The MIDI input \"" + wanted_ +
                     "\" is not there; it is connected when it appears, or choose another."};
}

void MidiInput::poll() {
  if (wanted_.empty()) return;
  const auto now = ports();
  const bool present = std::find(now.begin(), now.end(), wanted_) != now.end();
  if (!present) input_.reset();
  if (present && !input_) (void)open(wanted_);
}

}  // namespace app
