// SPDX-License-Identifier: GPL-3.0-or-later
// Mixes two signals: a level each and a balance of constant power (quarter wave law).
#pragma once

#include "core/dsp/math.h"
#include "core/graph/node.h"

namespace nodes {

using namespace core;

struct Mix {
  static constexpr NodeInfo info{.id = "structure.mix",
                                 .name = "Mix",
                                 .help = "Mixes two signals by level and by a balance that keeps the power.",
                                 .category = Category::structure,
                                 .picture = Picture::wave};
  enum InputRow { a, b, balance, levelA, levelB };
  static constexpr std::array inputs{
      Input{.id = "a", .name = "A", .help = "First signal.", .width = variableWidth('C')},
      Input{.id = "b", .name = "B", .help = "Second signal.", .width = variableWidth('C')},
      Input{.id = "balance",
            .name = "Balance",
            .help = "0 % is A only, 100 % is B only, 50 % is both at -3 dB.",
            .unit = Unit::ratio,
            .min = 0,
            .max = 1,
            .def = 0.5},
      Input{.id = "level-a",
            .name = "Level A",
            .help = "Level of the first signal.",
            .unit = Unit::decibels,
            .min = -60,
            .max = 12,
            .def = 0},
      Input{.id = "level-b",
            .name = "Level B",
            .help = "Level of the second signal.",
            .unit = Unit::decibels,
            .min = -60,
            .max = 12,
            .def = 0}};
  static constexpr std::array outputs{
      Output{.id = "out", .name = "Out", .help = "The mixture.", .width = variableWidth('C')}};

  using W = Vec<kWide>;
  struct Factors {
    W cosine, sine, a, b;  ///< of the balance; levels
  };
  /// cos and sin of a quarter turn x balance: powers add up to 1 and the slope is finite at the ends.
  static Factors factors(W m, W dbA, W dbB) {
    return {cosCycles<kWide>(0.25_s * m), sinCycles<kWide>(0.25_s * m), fromDecibels<kWide>(dbA),
            fromDecibels<kWide>(dbB)};
  }
  template <int L>
  static Factors factorsAt(const Block<L>& block, int i) {
    return factors(block.audio(balance).wide(i), block.audio(levelA).wide(i), block.audio(levelB).wide(i));
  }
  template <int L>
  static bool constant(const Block<L>& block) {
    return block.audio(balance).constant() && block.audio(levelA).constant() && block.audio(levelB).constant();
  }

  template <int L>
  static void forward(const Block<L>& block) {
    const bool still = constant(block);
    Factors f = factorsAt(block, 0);
    for (int i = 0; i < block.chunks(); ++i) {
      if (!still) f = factorsAt(block, i);
      const W byA = f.cosine * f.a, byB = f.sine * f.b;
      for (int c = 0; c < block.inputWidth(a); ++c)
        block.out(0, c).setWide(i, byA * block.audio(a, c).wide(i) + byB * block.audio(b, c).wide(i));
    }
  }

  template <int L>
  static void backward(const Block<L>& block, const Grad<L>& grad) {
    const auto dBalance = grad.in(balance), dLevelA = grad.in(levelA), dLevelB = grad.in(levelB);
    const bool still = constant(block);
    Factors f = factorsAt(block, 0);
    for (int i = 0; i < block.chunks(); ++i) {
      if (!still) f = factorsAt(block, i);
      W sumA{}, sumB{};  // of dOut x signal x level
      for (int c = 0; c < block.inputWidth(a); ++c) {
        const W dOut = grad.out(0, c).wide(i);
        sumA = sumA + dOut * block.audio(a, c).wide(i) * f.a;
        sumB = sumB + dOut * block.audio(b, c).wide(i) * f.b;
        if (const auto dA = grad.in(a, c)) dA.addWide(i, f.cosine * f.a * dOut);
        if (const auto dB = grad.in(b, c)) dB.addWide(i, f.sine * f.b * dOut);
      }
      if (dBalance) dBalance.addWide(i, (f.cosine * sumB - f.sine * sumA) * (0.5_s * std::numbers::pi_v<Sample>));
      if (dLevelA) dLevelA.addWide(i, f.cosine * sumA * kDecibelSlope);
      if (dLevelB) dLevelB.addWide(i, f.sine * sumB * kDecibelSlope);
    }
  }
};

}  // namespace nodes
