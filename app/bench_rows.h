// SPDX-License-Identifier: GPL-3.0-or-later
// The rows of `bench`: ours and, where the other program is installed, theirs in turns.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/graph/registry.h"

namespace app {

/// One measured figure: medians of five and their spread (largest less smallest, as a part of the
/// median). `ratio`: how many times better ours is. Peer, ratio and spreads are 0 where nothing was
/// measured.
struct BenchRow {
  std::string name;
  double ours = 0;
  std::string unit;
  double peer = 0, ratio = 0;
  std::string peerName = {};
  double spread = 0, peerSpread = 0;
};

struct BenchOptions {
  std::string only;   ///< rows whose name begins so; empty: all
  bool peers = true;  ///< run other programs too
};

/// Measures on one processor, the other programs too. `show` gets each row when it is known.
void measureRows(const core::Registry& registry, const BenchOptions& options,
                 const std::function<void(const BenchRow&)>& show);

}  // namespace app
