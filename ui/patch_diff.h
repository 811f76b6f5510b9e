// SPDX-License-Identifier: GPL-3.0-or-later
// What changed between two patches, sorted by who must hear of it: a recompile, a knob, a redraw.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/graph/patch.h"

namespace ui {

struct PatchDiff {
  bool structure = false;  ///< nodes, cables, settings, tensors, voices, rate: the engine recompiles
  bool phrase = false;     ///< the engine needs it, the canvas does not
  bool positions = false;
  bool details = false;                                     ///< names, labels, tags, what is free in a fit
  std::vector<std::pair<std::string, std::string>> values;  ///< (node, input) of moved knobs
  std::vector<core::Cable> depths;                          ///< cables whose depth moved, as they are now
};

PatchDiff diffPatches(const core::Patch& before, const core::Patch& after);

/// The same two ports, whatever depth or delay.
bool sameEnds(const core::Cable& a, const core::Cable& b);

}  // namespace ui
