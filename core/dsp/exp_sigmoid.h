// SPDX-License-Identifier: GPL-3.0-or-later
// exp_sigmoid of J. Engel et al., "DDSP: Differentiable Digital Signal Processing", 2020: bends any
// number to a level between 1e-7 and 2, nearly exponential below.
#pragma once

#include "core/dsp/math.h"

namespace core {

/// 1 / (1 + e^-x).
template <int L>
[[gnu::always_inline]] inline Vec<L> logistic(Vec<L> x) {
  return 1.0_s / (1.0_s + exp2<L>(-std::numbers::log2e_v<Sample> * x));
}

/// 2 logistic(x)^(ln 10) + 1e-7.
template <int L>
inline Vec<L> expSigmoid(Vec<L> x) {
  return 2.0_s * exp2<L>(std::numbers::ln10_v<Sample> * log2<L>(logistic<L>(x))) + 0.0000001_s;
}

/// d expSigmoid(x) / d x.
template <int L>
inline Vec<L> expSigmoidSlope(Vec<L> x) {
  constexpr Sample kLn10 = std::numbers::ln10_v<Sample>;
  const Vec<L> s = logistic<L>(x);
  return 2.0_s * kLn10 * (1.0_s - s) * exp2<L>(kLn10 * log2<L>(s));
}

}  // namespace core
