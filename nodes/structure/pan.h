// SPDX-License-Identifier: GPL-3.0-or-later
// Places a mono signal between the speakers at constant power (quarter wave law).
#pragma once

#include "core/dsp/math.h"
#include "core/graph/node.h"

namespace nodes {

using namespace core;

struct Pan {
  static constexpr NodeInfo info{.id = "structure.pan",
                                 .name = "Pan",
                                 .help = "Places a mono signal between left and right at constant power.",
                                 .category = Category::structure,
                                 .picture = Picture::wave};
  enum InputRow { in, position };
  static constexpr std::array inputs{Input{.id = "in", .name = "In", .help = "Mono signal to place."},
                                     Input{.id = "position",
                                           .name = "Position",
                                           .help = "-100 % is left, 0 % the middle, 100 % right.",
                                           .unit = Unit::ratio,
                                           .min = -1,
                                           .max = 1,
                                           .def = 0}};
  static constexpr std::array outputs{
      Output{.id = "out", .name = "Out", .help = "Left and right; in the middle each gets -3 dB.", .width = {2}}};

  /// The position in cycles of the quarter turn that left (cosine) and right (sine) are taken from.
  static Vec<kWide> turn(Vec<kWide> at) { return 0.125_s * (at + 1.0_s); }

  template <int L>
  static void forward(const Block<L>& b) {
    const auto x = b.audio(in), at = b.audio(position);
    Vec<kWide> left{}, right{};
    for (int i = 0; i < b.chunks(); ++i) {
      if (i == 0 || !at.constant()) {
        left = cosCycles<kWide>(turn(at.wide(i)));
        right = sinCycles<kWide>(turn(at.wide(i)));
      }
      b.out(0, 0).setWide(i, left * x.wide(i));
      b.out(0, 1).setWide(i, right * x.wide(i));
    }
  }

  template <int L>
  static void backward(const Block<L>& b, const Grad<L>& grad) {
    const auto x = b.audio(in), at = b.audio(position);
    const auto dLeft = grad.out(0, 0), dRight = grad.out(0, 1);
    const auto dIn = grad.in(in), dAt = grad.in(position);
    for (int i = 0; i < b.chunks(); ++i) {
      const Vec<kWide> left = cosCycles<kWide>(turn(at.wide(i))), right = sinCycles<kWide>(turn(at.wide(i)));
      const Vec<kWide> dl = dLeft.wide(i), dr = dRight.wide(i);
      if (dIn) dIn.addWide(i, left * dl + right * dr);
      if (dAt) dAt.addWide(i, (left * dr - right * dl) * x.wide(i) * (0.25_s * std::numbers::pi_v<Sample>));
    }
  }
};

}  // namespace nodes
