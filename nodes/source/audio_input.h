// SPDX-License-Identifier: GPL-3.0-or-later
// The sound card's input (or the sound given to a render) as a source.
#pragma once

#include "core/dsp/math.h"
#include "core/graph/node.h"

namespace nodes {

using namespace core;

struct AudioInput {
  static constexpr NodeInfo info{.id = "source.audio-input",
                                 .name = "Audio input",
                                 .help = "What comes in at the sound card: microphone, instrument, line.",
                                 .category = Category::source,
                                 .picture = Picture::wave,
                                 .usesExternal = true};
  static constexpr std::array inputs{Input{.id = "gain",
                                           .name = "Gain",
                                           .help = "Level of the input.",
                                           .unit = Unit::decibels,
                                           .min = -60,
                                           .max = 24,
                                           .def = 0}};
  static constexpr std::array outputs{
      Output{.id = "left", .name = "Left", .help = "First channel; silent while no input is open."},
      Output{.id = "right", .name = "Right", .help = "Second channel; silent while no input is open."}};

  /// Eight samples of the flattened [frame][lane] array: every lane hears the same input.
  template <int L>
  static Vec<kWide> wide(const Sample* source, int chunk) {
    if (!source) return Vec<kWide>{};
    if constexpr (L == 1) {
      return load<kWide>(source + chunk * kWide);
    } else {
      Vec<kWide> v;
      for (int i = 0; i < kWide; ++i) v[i] = source[(chunk * kWide + i) / L];
      return v;
    }
  }

  template <int L>
  static void forward(const Block<L>& b) {
    const auto db = b.audio(0);
    Vec<kWide> amplitude = fromDecibels<kWide>(db.wide(0));
    for (int i = 0; i < b.chunks(); ++i) {
      if (!db.constant()) amplitude = fromDecibels<kWide>(db.wide(i));
      for (int c = 0; c < 2; ++c) b.out(c).setWide(i, amplitude * wide<L>(b.external(c), i));
    }
  }

  template <int L>
  static void backward(const Block<L>& b, const Grad<L>& grad) {
    const auto db = b.audio(0), dLeft = grad.out(0), dRight = grad.out(1);
    const auto dGain = grad.in(0);
    if (!dGain) return;
    for (int i = 0; i < b.chunks(); ++i) {
      const Vec<kWide> sum = dLeft.wide(i) * wide<L>(b.external(0), i) + dRight.wide(i) * wide<L>(b.external(1), i);
      dGain.addWide(i, fromDecibels<kWide>(db.wide(i)) * sum * kDecibelSlope);
    }
  }
};

}  // namespace nodes
