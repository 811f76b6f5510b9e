// SPDX-License-Identifier: GPL-3.0-or-later
// What is heard: level, stereo, and a safety limiter that is in circuit only when playing live or
// exporting to integers, never in a fit or a float file.
#pragma once

#include "core/dsp/math.h"
#include "core/graph/node.h"

namespace nodes {

using namespace core;

struct AudioOutput {
  static constexpr NodeInfo info{
      .id = "structure.output",
      .name = "Output",
      .help = "Sends the patch to the sound card and to exports; mono is heard on both sides.",
      .category = Category::structure,
      .picture = Picture::wave,
      .isOutput = true};
  enum InputRow { in, level };
  static constexpr std::array inputs{Input{.id = "in",
                                           .name = "In",
                                           .help = "Stereo or mono; voices are mixed here.",
                                           .width = {2},
                                           .mixesVoices = true},
                                     Input{.id = "level",
                                           .name = "Level",
                                           .help = "Output level.",
                                           .unit = Unit::decibels,
                                           .min = -60,
                                           .max = 12,
                                           .def = 0}};
  static constexpr std::array outputs{Output{.id = "left", .name = "Left", .help = "What the left speaker gets."},
                                      Output{.id = "right", .name = "Right", .help = "What the right speaker gets."}};

  /// Above this amplitude the limiter bends; below it, it changes nothing.
  static constexpr Sample kKnee = static_cast<Sample>(0.7);

  /// Identity up to the knee, then a smooth curve that never exceeds 1 (no look-ahead, no memory).
  template <int L>
  static Vec<L> limit(Vec<L> x) {
    const Vec<L> size = x < 0.0_s ? -x : x;
    const Vec<L> over = (size - kKnee) * (1.0_s / (1.0_s - kKnee));
    const Vec<L> bent = kKnee + (1.0_s - kKnee) * (over / (1.0_s + over));
    const Vec<L> limited = size > kKnee ? bent : size;
    return x < 0.0_s ? -limited : limited;
  }

  template <int L>
  static void forward(const Block<L>& b) {
    const auto db = b.audio(level);
    Vec<kWide> gain = fromDecibels<kWide>(db.wide(0));
    for (int i = 0; i < b.chunks(); ++i) {
      if (!db.constant()) gain = fromDecibels<kWide>(db.wide(i));
      for (int c = 0; c < 2; ++c) {
        const Vec<kWide> x = gain * b.audio(in, c).wide(i);
        b.out(c).setWide(i, b.limiter() ? limit<kWide>(x) : x);
      }
    }
  }

  template <int L>
  static void backward(const Block<L>& b, const Grad<L>& grad) {
    const auto db = b.audio(level);
    for (int c = 0; c < 2; ++c) {
      const auto x = b.audio(in, c);
      const auto dOut = grad.out(c);
      const auto dIn = grad.in(in, c), dLevel = grad.in(level);
      Vec<kWide> gain = fromDecibels<kWide>(db.wide(0));
      for (int i = 0; i < b.chunks(); ++i) {
        if (!db.constant()) gain = fromDecibels<kWide>(db.wide(i));
        const Vec<kWide> y = gain * x.wide(i);
        Vec<kWide> d = dOut.wide(i);
        if (b.limiter()) {  // bent = knee + (1 - knee) over / (1 + over)
          const Vec<kWide> size = y < 0.0_s ? -y : y;
          const Vec<kWide> slope = 1.0_s / (1.0_s + (size - kKnee) * (1.0_s / (1.0_s - kKnee)));
          d = size > kKnee ? d * slope * slope : d;
        }
        if (dIn) dIn.addWide(i, gain * d);
        if (dLevel) dLevel.addWide(i, y * d * kDecibelSlope);
      }
    }
  }
};

}  // namespace nodes
