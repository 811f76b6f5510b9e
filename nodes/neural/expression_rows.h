// SPDX-License-Identifier: GPL-3.0-or-later
// What the expression node declares: its inputs, outputs, settings and tables with their defaults.
#pragma once

#include <cmath>

#include "core/graph/node.h"
#include "core/neural/playing_tables.h"

namespace nodes {

using namespace core;

struct ExpressionRows {
  static constexpr NodeInfo info{.id = "neural.expression",
                                 .name = "Expression",
                                 .help =
                                     "Turns notes into the pitch and loudness that a controller follows. Loudness "
                                     "stays in the trained range; a pitch outside it stays as it is played.",
                                 .category = Category::neural,
                                 .picture = Picture::bars};
  enum InputRow {
    gate,
    pitch,
    velocity,
    pressure,
    expression,
    touch,
    swell,
    fade,
    glide,
    attack,
    release,
    rate,
    depth,
    delay,
    onset,
    floor,
    inputCount
  };
  static constexpr std::array inputs{
      Input{.id = "gate", .name = "Gate", .help = "1 while the key is held.", .differentiable = false},
      Input{.id = "pitch", .name = "Pitch", .help = "Octaves from C4, bend included.", .rate = Rate::control},
      Input{.id = "velocity",
            .name = "Velocity",
            .help = "0 the softest, 1 the loudest that was heard at this pitch.",
            .def = 0.8,
            .rate = Rate::control},
      Input{.id = "pressure", .name = "Pressure", .help = "Aftertouch, 0 to 1.", .rate = Rate::control},
      Input{.id = "expression",
            .name = "Expression",
            .help = "Breath or pedal, 0 to 1: 1 as struck, less is softer.",
            .def = 1,
            .rate = Rate::control},
      Input{.id = "touch",
            .name = "Touch",
            .help = "How far velocity matters; at 0 every note is played as at 0.8.",
            .unit = Unit::ratio,
            .min = 0,
            .max = 1,
            .def = 1,
            .rate = Rate::control},
      Input{.id = "swell",
            .name = "Swell",
            .help = "What full pressure adds to the loudness.",
            .unit = Unit::decibels,
            .min = 0,
            .max = 24,
            .def = 9,
            .rate = Rate::control},
      Input{.id = "fade",
            .name = "Fade",
            .help = "What expression at 0 takes from the loudness; never below the softest of the recordings.",
            .unit = Unit::decibels,
            .min = 0,
            .max = 60,
            .def = 30,
            .rate = Rate::control},
      Input{.id = "glide",
            .name = "Glide",
            .help = "Time in which a slurred note reaches its pitch.",
            .unit = Unit::seconds,
            .min = 0.001,
            .max = 5,
            .def = 0.06,
            .scale = Scale::log,
            .rate = Rate::control},
      Input{.id = "attack",
            .name = "Attack",
            .help = "Length of the attack against the recordings'.",
            .unit = Unit::ratio,
            .min = 0.25,
            .max = 4,
            .def = 1,
            .scale = Scale::log,
            .rate = Rate::control},
      Input{.id = "release",
            .name = "Release",
            .help = "Length of the release against the recordings'.",
            .unit = Unit::ratio,
            .min = 0.25,
            .max = 4,
            .def = 1,
            .scale = Scale::log,
            .rate = Rate::control},
      Input{.id = "rate",
            .name = "Vibrato rate",
            .help = "Swings a second.",
            .unit = Unit::hertz,
            .min = 0.1,
            .max = 12,
            .def = 5.2,
            .scale = Scale::log,
            .rate = Rate::control},
      Input{.id = "depth",
            .name = "Vibrato depth",
            .help = "How far the pitch swings each way.",
            .unit = Unit::cents,
            .min = 0,
            .max = 100,
            .def = 14,
            .rate = Rate::control},
      Input{.id = "delay",
            .name = "Vibrato delay",
            .help = "Time from the attack until vibrato sets in; it goes on through slurs.",
            .unit = Unit::seconds,
            .min = 0,
            .max = 4,
            .def = 0.35,
            .rate = Rate::control},
      Input{.id = "onset",
            .name = "Vibrato onset",
            .help = "Time in which vibrato grows to its depth.",
            .unit = Unit::seconds,
            .min = 0.01,
            .max = 4,
            .def = 0.4,
            .scale = Scale::log,
            .rate = Rate::control},
      Input{.id = "floor",
            .name = "Floor",
            .help = "Loudness of silence.",
            .unit = Unit::decibels,
            .min = -120,
            .max = -40,
            .def = -100,
            .rate = Rate::control}};
  enum OutputRow { pitchOut, loudnessOut, open };
  static constexpr std::array outputs{
      Output{.id = "pitch",
             .name = "Pitch",
             .help = "Octaves from C4, glide and vibrato included.",
             .rate = Rate::control},
      Output{.id = "loudness", .name = "Loudness", .help = "Decibels.", .rate = Rate::control},
      Output{.id = "open",
             .name = "Open",
             .help = "0 at the floor and 1 from 12 dB above it, for the level of an amplifier.",
             .rate = Rate::control}};
  enum SettingRow { legato };
  static constexpr std::array settings{Setting{.id = "legato",
                                               .name = "Legato",
                                               .help = "On: a note struck while another is held is slurred. Off: every "
                                                       "note begins anew (for several voices).",
                                               .kind = SettingKind::choice,
                                               .def = 1,
                                               .choices = "off|on"}};
  enum TensorRow { quantiles, correction, attackContour, releaseContour };
  static constexpr std::array tensors{
      Tensor{.id = "loudness-quantiles", .name = "Loudness quantiles", .help = "Loudness by pitch and rank, dB."},
      Tensor{.id = "level-correction", .name = "Level correction", .help = "Added to the loudness by pitch, dB."},
      Tensor{.id = "attack-contour", .name = "Attack contour", .help = "Loudness against the sustained one, dB."},
      Tensor{.id = "release-contour", .name = "Release contour", .help = "Loudness against the last one, dB."}};
  static std::vector<int> tensorShape(int row, const Setup&) {
    if (row == quantiles) return {kTablePitches, kTableQuantiles};
    return {row == correction ? kTablePitches : kContourFrames};
  }
  /// Untrained: a wind instrument. Loudness as of a clarinet over its dynamic range, an attack of 60 ms,
  /// 300 dB a second on release.
  static void tensorDefault(int row, const Setup&, std::span<Sample> out) {
    constexpr std::array<Sample, kTableQuantiles> kLoudness{-42, -32, -25, -19, -13};
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto frame = static_cast<double>(i);
      out[i] = row == quantiles        ? kLoudness[i % kTableQuantiles]
               : row == attackContour  ? static_cast<Sample>(-30 * std::exp(-frame / (0.02 * kContourRate)))
               : row == releaseContour ? static_cast<Sample>(-300 * frame / kContourRate)
                                       : 0.0_s;
    }
  }
};

}  // namespace nodes
