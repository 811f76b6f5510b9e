// SPDX-License-Identifier: GPL-3.0-or-later
// A learnable track of control values over time: what a fit draws when a knob is not enough.
#pragma once

#include <cmath>

#include "core/dsp/exp_sigmoid.h"
#include "core/graph/node.h"

namespace nodes {

using namespace core;

struct ControlTrack {
  static constexpr NodeInfo info{
      .id = "control.track",
      .name = "Control track",
      .help = "Values over time that a fit can learn: a pitch curve, a loudness, a spectrum.",
      .category = Category::control,
      .picture = Picture::bars};
  static constexpr std::array<Input, 0> inputs{};
  static constexpr std::array outputs{Output{.id = "out",
                                             .name = "Out",
                                             .help = "The track at this time.",
                                             .rate = Rate::control,
                                             .width = variableWidth('K')}};
  enum SettingRow { width, frameRate, length, scale };
  enum ScaleChoice { plain, positive };
  static constexpr std::array settings{Setting{.id = "width",
                                               .name = "Width",
                                               .help = "Values side by side; 0 takes as many as the cable needs.",
                                               .min = 0,
                                               .max = 512,
                                               .def = 0,
                                               .whole = true,
                                               .bindsWidth = 'K'},
                                       Setting{.id = "frame-rate",
                                               .name = "Frame rate",
                                               .help = "Values a second; between them the track is straight.",
                                               .unit = Unit::hertz,
                                               .min = 1,
                                               .max = 1000,
                                               .def = 250},
                                       Setting{.id = "length",
                                               .name = "Length",
                                               .help = "Length of the track; afterwards its last value stays.",
                                               .unit = Unit::seconds,
                                               .min = 0.01,
                                               .max = 600,
                                               .def = 2},
                                       Setting{.id = "scale",
                                               .name = "Scale",
                                               .help = "Plain gives the values as they are (octaves from C4 for a "
                                                       "pitch); positive bends them to 0 ... 2 for levels.",
                                               .kind = SettingKind::choice,
                                               .def = plain,
                                               .choices = "plain|positive"}};
  static constexpr std::array tensors{
      Tensor{.id = "track", .name = "Track", .help = "The values, one row a frame.", .sharing = Sharing::perLane}};

  static int frames(const Setup& setup) {
    return static_cast<int>(std::ceil(setup.number(length) * setup.number(frameRate))) + 1;
  }
  static std::vector<int> tensorShape(int, const Setup& setup) { return {frames(setup), setup.outputWidths[0]}; }
  static void tensorDefault(int, const Setup&, std::span<Sample> values) {
    std::fill(values.begin(), values.end(), 0.0_s);
  }

  /// The two frames around the end of a tick and the weight of the second.
  struct Place {
    int first, second;
    Sample weight;
  };
  template <int L>
  static Place place(const Block<L>& b, int tick) {
    const int last = frames(b.setup()) - 1;
    // the tick's end, so that a row a tick is read exactly
    const double seconds = static_cast<double>(b.firstFrame() + (tick + 1) * kTick) / static_cast<double>(b.rate());
    const double at = std::min(seconds * b.setup().number(frameRate), static_cast<double>(last));
    const int first = std::min(static_cast<int>(at), last);
    return {first, std::min(first + 1, last), static_cast<Sample>(at - first)};
  }

  template <int choice, int L>
  static Vec<L> mapped(Vec<L> x) {
    return choice == plain ? x : expSigmoid<L>(x);
  }
  template <int choice, int L>
  static Vec<L> slope(Vec<L> x) {
    return choice == plain ? splat<L>(1.0_s) : expSigmoidSlope<L>(x);
  }

  /// Calls body(width, at) for stretches of `width` (kWide, then 1) of the numbers of a row.
  template <class Body>
  static void alongRow(int count, Body body) {
    int i = 0;
    for (; i + kWide <= count; i += kWide) body(std::integral_constant<int, kWide>(), i);
    for (; i < count; ++i) body(std::integral_constant<int, 1>(), i);
  }

  template <int L>
  static void forward(const Block<L>& b) {
    b.setup().whole(scale) == plain ? play<L, plain>(b) : play<L, positive>(b);
  }
  template <int L, int choice>
  static void play(const Block<L>& b) {
    const int row = b.outputWidth(0) * L;
    const auto out = b.controlOut(0);
    for (int tick = 0; tick < b.ticks(); ++tick) {
      const Place p = place(b, tick);
      const Sample *first = b.tensor(0) + p.first * row, *second = b.tensor(0) + p.second * row;
      Sample* to = out.data + tick * out.step;
      alongRow(row, [&](auto width, int i) {
        const auto before = mapped<choice, width()>(load<width()>(first + i));
        if (p.weight == 0) return store<width()>(to + i, before);  // every tick, when rows come one a tick
        const auto after = mapped<choice, width()>(load<width()>(second + i));
        store<width()>(to + i, before + p.weight * (after - before));
      });
    }
  }

  template <int L>
  static void backward(const Block<L>& b, const Grad<L>& grad) {
    if (!grad.tensor(0) || !grad.wants(0)) return;
    b.setup().whole(scale) == plain ? sweep<L, plain>(b, grad) : sweep<L, positive>(b, grad);
  }
  template <int L, int choice>
  static void sweep(const Block<L>& b, const Grad<L>& grad) {
    Sample* into = grad.tensor(0);
    const int row = b.outputWidth(0) * L;
    const auto dOut = grad.controlOut(0);
    for (int tick = 0; tick < b.ticks(); ++tick) {
      const Place p = place(b, tick);
      const Sample* d = dOut.data + tick * dOut.step;
      const auto add = [&](int frame, Sample weight) {
        if (weight == 0) return;
        const Sample* from = b.tensor(0) + frame * row;
        Sample* to = into + frame * row;
        alongRow(row, [&](auto width, int i) {
          const auto moved = weight * load<width()>(d + i) * slope<choice, width()>(load<width()>(from + i));
          store<width()>(to + i, load<width()>(to + i) + moved);
        });
      };
      add(p.first, 1.0_s - p.weight);
      add(p.second, p.weight);
    }
  }
};

}  // namespace nodes
