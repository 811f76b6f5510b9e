// SPDX-License-Identifier: GPL-3.0-or-later
// One number for several inputs: a macro knob, an offset.
#pragma once

#include "core/graph/node.h"

namespace nodes {

using namespace core;

struct Constant {
  static constexpr NodeInfo info{.id = "control.constant",
                                 .name = "Constant",
                                 .help = "One knob whose value may drive several inputs at once.",
                                 .category = Category::control};
  static constexpr std::array inputs{Input{.id = "value",
                                           .name = "Value",
                                           .help = "The number; cables into it are added.",
                                           .min = -10,
                                           .max = 10,
                                           .def = 0}};
  static constexpr std::array outputs{Output{.id = "out", .name = "Out", .help = "The value."}};

  template <int L>
  static void forward(const Block<L>& b) {
    for (int i = 0; i < b.chunks(); ++i) b.out(0).setWide(i, b.audio(0).wide(i));
  }

  template <int L>
  static void backward(const Block<L>& b, const Grad<L>& grad) {
    const auto dValue = grad.in(0);
    if (!dValue) return;
    for (int i = 0; i < b.chunks(); ++i) dValue.addWide(i, grad.out(0).wide(i));
  }
};

}  // namespace nodes
