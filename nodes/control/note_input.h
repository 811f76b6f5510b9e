// SPDX-License-Identifier: GPL-3.0-or-later
// Where notes enter the patch: keyboard, MIDI or phrase, one lane a voice, edges on their frame.
// Pitch is in octaves from C4 (as volts per octave), so that it adds up on any hertz input.
#pragma once

#include "core/dsp/math.h"
#include "core/graph/node.h"

namespace nodes {

using namespace core;

struct NoteInput {
  static constexpr NodeInfo info{
      .id = "control.note",
      .name = "Note input",
      .help = "Notes from the keyboard, MIDI or the phrase: gate, pitch, velocity, bend, pressure and expression.",
      .category = Category::control,
      .startsVoices = true};
  enum InputRow { tune };
  static constexpr std::array inputs{Input{.id = "tune",
                                           .name = "Tune",
                                           .help = "Shifts every note.",
                                           .unit = Unit::cents,
                                           .min = -1200,
                                           .max = 1200,
                                           .def = 0}};
  enum OutputRow { gate, pitch, velocity, bend, pressure, expression };
  static constexpr std::array outputs{
      Output{.id = "gate",
             .name = "Gate",
             .help = "1 while the key is held, one frame of 0 when a voice is struck again."},
      Output{.id = "pitch", .name = "Pitch", .help = "Octaves from C4, bend and tune included."},
      Output{.id = "velocity", .name = "Velocity", .help = "How hard the key was struck, 0 to 1."},
      Output{.id = "bend", .name = "Bend", .help = "Pitch bend in octaves."},
      Output{.id = "pressure", .name = "Pressure", .help = "Aftertouch, 0 to 1."},
      Output{.id = "expression", .name = "Expression", .help = "Controller 11, 0 to 1; 1 until it is moved."}};

  template <int L>
  struct State {
    Vec<L> gate{}, pitch{}, velocity{}, bend{}, pressure{}, expression = splat<L>(1);
  };

  /// Applies an event; true in `again` where a gate that was open must close for one frame.
  template <int L>
  static bool apply(State<L>& s, const VoiceEvent& e, const Block<L>& b) {
    bool again = false;
    for (int l = 0; l < L; ++l) {
      if (e.voice >= 0 && b.voiceOf(l) != e.voice) continue;
      switch (e.type) {
        case VoiceEvent::Type::noteOn:
          again = again || lane<L>(s.gate, l) > 0;
          setLane<L>(s.gate, l, lane<L>(s.gate, l) > 0 ? -1.0_s : 1.0_s);  // -1: closed for one frame
          setLane<L>(s.pitch, l, (e.value - 60.0_s) / 12.0_s);
          setLane<L>(s.velocity, l, e.velocity);
          break;
        case VoiceEvent::Type::noteOff:
        case VoiceEvent::Type::panic:
          setLane<L>(s.gate, l, 0);
          break;
        case VoiceEvent::Type::bend:
          setLane<L>(s.bend, l, e.value);
          break;
        case VoiceEvent::Type::pressure:
          setLane<L>(s.pressure, l, e.value);
          break;
        case VoiceEvent::Type::expression:
          setLane<L>(s.expression, l, e.value);
          break;
        case VoiceEvent::Type::reset:
          break;
      }
    }
    return again;
  }

  template <int L>
  static void forward(State<L>& s, const Block<L>& b) {
    std::size_t next = 0;
    const auto events = b.events();
    for (int i = 0; i < b.frames();) {
      bool again = false;
      for (; next < events.size() && events[next].frame <= b.firstFrame() + i; ++next)
        again = apply<L>(s, events[next], b) || again;
      int end = next < events.size() ? static_cast<int>(events[next].frame - b.firstFrame()) : b.frames();
      if (again) end = i + 1;
      write<L>(s, b, i, std::min(end, b.frames()));
      if (again) s.gate = s.gate < 0.0_s ? -s.gate : s.gate;
      i = std::min(end, b.frames());
    }
  }
  /// Frames [from, to): nothing happens in between.
  template <int L>
  static void write(const State<L>& s, const Block<L>& b, int from, int to) {
    const auto cents = b.audio(tune);
    const Vec<L> open = maximum(s.gate, splat<L>(0)), base = s.pitch + s.bend;
    const auto fill = [&](OutputRow row, const Vec<L>& v) {
      if (!b.reads(row)) return;
      const auto out = b.out(row);
      for (int i = from; i < to; ++i) out.set(i, v);
    };
    fill(gate, open);
    fill(velocity, s.velocity);
    fill(bend, s.bend);
    fill(pressure, s.pressure);
    fill(expression, s.expression);
    if (!b.reads(pitch)) return;
    const auto out = b.out(pitch);
    for (int i = from; i < to; ++i) out.set(i, base + cents[i] * (1.0_s / 1200.0_s));
  }

  template <int L>
  static void backward(const State<L>&, State<L>&, const Block<L>& b, const Grad<L>& grad) {
    const auto dTune = grad.in(tune);
    if (!dTune) return;
    for (int i = 0; i < b.frames(); ++i) dTune.add(i, grad.out(pitch)[i] * (1.0_s / 1200.0_s));
  }
};

}  // namespace nodes
