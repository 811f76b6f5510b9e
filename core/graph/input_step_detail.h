// SPDX-License-Identifier: GPL-3.0-or-later
// What the two halves of InputStep, forward and adjoint, share.
#pragma once

#include <algorithm>

#include "core/dsp/wide.h"
#include "core/graph/input_step.h"

namespace core {

/// Weight of a tick's own control value at frame i of the ramp from the previous one.
constexpr Sample rampWeight(int i) { return static_cast<Sample>(i + 1) / kTick; }

/// The lanes of a group as often as eight samples hold them.
template <int L>
inline Wide repeated(const Vec<L>& lanes) {
  if constexpr (L == kWide) {
    return lanes;
  } else if constexpr (L == 1) {
    return splat<kWide>(lanes);
  } else {
    Wide out;
    for (int i = 0; i < kWide; ++i) out[i] = lanes[i % L];
    return out;
  }
}

struct InputStep::Target {
  const PlanInput& in;
  int group;
  bool voiced;
  const Domain& domain;
  const Domain& mono;
  Range limits;
  /// Lane l of this group that carries sound; padding lanes do not.
  int validLanes() const { return std::min(domain.group, domain.lanes() - group * domain.group); }
};

}  // namespace core
