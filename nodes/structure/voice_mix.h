// SPDX-License-Identifier: GPL-3.0-or-later
// Where voices become one signal, so that what follows runs once and not once a voice.
#pragma once

#include "core/dsp/math.h"
#include "core/graph/node.h"

namespace nodes {

using namespace core;

struct VoiceMix {
  static constexpr NodeInfo info{.id = "structure.voice-mix",
                                 .name = "Voice mix",
                                 .help = "Adds up all voices; effects behind it run once for all of them.",
                                 .category = Category::structure,
                                 .picture = Picture::wave};
  enum InputRow { in, gain };
  static constexpr std::array inputs{
      Input{.id = "in", .name = "In", .help = "Voices to add up.", .width = variableWidth('C'), .mixesVoices = true},
      Input{.id = "gain",
            .name = "Gain",
            .help = "Level of the sum; lower it when many voices sound together.",
            .unit = Unit::decibels,
            .min = -60,
            .max = 12,
            .def = 0,
            .mixesVoices = true}};
  static constexpr std::array outputs{
      Output{.id = "out", .name = "Out", .help = "The sum of the voices.", .width = variableWidth('C')}};

  template <int L>
  static void forward(const Block<L>& b) {
    const auto db = b.audio(gain);
    Vec<kWide> amplitude = fromDecibels<kWide>(db.wide(0));
    for (int i = 0; i < b.chunks(); ++i) {
      if (!db.constant()) amplitude = fromDecibels<kWide>(db.wide(i));
      for (int c = 0; c < b.inputWidth(in); ++c) b.out(0, c).setWide(i, amplitude * b.audio(in, c).wide(i));
    }
  }

  template <int L>
  static void backward(const Block<L>& b, const Grad<L>& grad) {
    const auto db = b.audio(gain);
    const auto dGain = grad.in(gain);
    for (int i = 0; i < b.chunks(); ++i) {
      const Vec<kWide> amplitude = fromDecibels<kWide>(db.wide(i));
      for (int c = 0; c < b.inputWidth(in); ++c) {
        const Vec<kWide> dOut = grad.out(0, c).wide(i);
        if (const auto dIn = grad.in(in, c)) dIn.addWide(i, amplitude * dOut);
        if (dGain) dGain.addWide(i, amplitude * dOut * b.audio(in, c).wide(i) * kDecibelSlope);
      }
    }
  }
};

}  // namespace nodes
