// SPDX-License-Identifier: GPL-3.0-or-later
// Amplifier: a gain in decibels and a multiplier that envelopes drive (VCA).
#pragma once

#include "core/dsp/math.h"
#include "core/graph/node.h"

namespace nodes {

using namespace core;

struct Gain {
  static constexpr NodeInfo info{.id = "effect.gain",
                                 .name = "Gain",
                                 .help = "Amplifier: gain in decibels times a level that an envelope may drive.",
                                 .category = Category::effect,
                                 .picture = Picture::wave};
  enum InputRow { in, level, gain };
  static constexpr std::array inputs{
      Input{.id = "in", .name = "In", .help = "Signal to amplify.", .width = variableWidth('C')},
      Input{.id = "level",
            .name = "Level",
            .help = "Multiplies the signal: connect an envelope; 1 when nothing is connected.",
            .def = 1},
      Input{.id = "gain",
            .name = "Gain",
            .help = "Amplification; 0 dB changes nothing.",
            .unit = Unit::decibels,
            .min = -60,
            .max = 24,
            .def = 0}};
  static constexpr std::array outputs{
      Output{.id = "out", .name = "Out", .help = "The amplified signal.", .width = variableWidth('C')}};

  template <int L>
  static void forward(const Block<L>& b) {
    const auto db = b.audio(gain), by = b.audio(level);
    constexpr int kChunks = kTick * L / kWide;
    Vec<kWide> amplitude = fromDecibels<kWide>(db.wide(0)), factors[kChunks];
    for (int first = 0; first < b.chunks(); first += kChunks) {
      for (int i = 0; i < kChunks; ++i) {
        if (!db.constant()) amplitude = fromDecibels<kWide>(db.wide(first + i));
        factors[i] = amplitude * by.wide(first + i);
      }
      for (int c = 0; c < b.inputWidth(in); ++c) {
        const auto x = b.audio(in, c);
        const auto y = b.out(0, c);
        for (int i = 0; i < kChunks; ++i) y.setWide(first + i, factors[i] * x.wide(first + i));
      }
    }
  }

  template <int L>
  static void backward(const Block<L>& b, const Grad<L>& grad) {
    const auto db = b.audio(gain), by = b.audio(level);
    const auto dGain = grad.in(gain), dLevel = grad.in(level);
    Vec<kWide> amplitude = fromDecibels<kWide>(db.wide(0));
    for (int i = 0; i < b.chunks(); ++i) {
      if (!db.constant()) amplitude = fromDecibels<kWide>(db.wide(i));
      const Vec<kWide> factor = amplitude * by.wide(i);
      Vec<kWide> sum{};  // of x dOut over the channels
      for (int c = 0; c < b.inputWidth(in); ++c) {
        const Vec<kWide> dOut = grad.out(0, c).wide(i);
        sum = sum + dOut * b.audio(in, c).wide(i);
        if (const auto dIn = grad.in(in, c)) dIn.addWide(i, factor * dOut);
      }
      if (dLevel) dLevel.addWide(i, amplitude * sum);
      if (dGain) dGain.addWide(i, factor * sum * kDecibelSlope);
    }
  }
};

}  // namespace nodes
