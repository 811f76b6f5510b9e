// SPDX-License-Identifier: GPL-3.0-or-later
// Gates: signals that seldom move.
#pragma once

#include "core/dsp/wide.h"
#include "core/graph/node_views.h"

namespace core {

/// Whether a signal is `now` in all frames of a tick; most gates are in most ticks. Eight samples at a time.
template <int L>
inline bool holds(const AudioIn<L>& x, int tick, const Vec<L>& now) {
  alignas(32) Sample held[kWide];
  for (int l = 0; l < kWide; l += L) store<L>(held + l, now);
  constexpr int kChunks = kTick * L / kWide;
  for (int c = 0; c < kChunks; ++c)
    if (anySet(x.wide(tick * kChunks + c) != load<kWide>(held))) return false;
  return true;
}

}  // namespace core
