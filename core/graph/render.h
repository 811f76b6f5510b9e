// SPDX-License-Identifier: GPL-3.0-or-later
// Offline rendering of a patch: what `tonewright render`, exports, preset levels and fits play.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "core/graph/executor.h"
#include "core/graph/voices.h"

namespace core {

struct RenderOptions {
  /// Length; absent: the phrase (or notes) and then until the sound is under -80 dBFS, at most
  /// `tailSeconds` more, then a 50 ms fade.
  std::optional<double> seconds = {};
  double tailSeconds = 30;
  std::optional<std::vector<PlayerEvent>> events = {};  ///< absent: the patch's phrase
  std::vector<float> external[2] = {};                  ///< audio input at the patch's rate; empty: silence
  bool limiter = false;
  int stretchTicks = 16;                              ///< the result does not depend on it
  std::function<bool(double seconds)> progress = {};  ///< called now and then; false cancels
};

/// Stereo float32 at the patch's rate.
struct Rendering {
  double rate = 48000;
  std::vector<float> channels[2];
  std::vector<std::pair<std::string, int>> faults;  ///< nodes that made non-finite samples
};

/// Renders a patch. Error: what compilePlan or a node's preparation says, or "Cancelled.".
Result<Rendering> render(const Patch& patch, const Registry& registry, const RenderOptions& options = {});

}  // namespace core
