// SPDX-License-Identifier: GPL-3.0-or-later
// How late what a patch hears of a sound reaches its controller. Measured by a tone that moves in pitch
// and level at once, with the patch's own listening nodes, so that no figure stands beside them.
#pragma once

#include <algorithm>

#include "core/graph/patch.h"

namespace core {

/// Time from the middle of a move of the sound until the feature has gone half of its way, s: mean over moves up
/// and down, 30 ms long.
struct FeatureLags {
  double pitch = 0;     ///< of a whole tone
  double loudness = 0;  ///< of 6 dB

  /// Of what is known last: a controller cannot play earlier without guessing.
  double most() const { return std::max(pitch, loudness); }
};

/// Of what the patch's controller is given (behind a conditioner). The tone lies in the trained range
/// of pitch: low notes are known later than high ones. A model that was trained in a room hears it there, where
/// what was played before rings on. Error: the controller does not follow the
/// pitch and loudness of an audio input.
Result<FeatureLags> measureLags(const Patch& patch, const Registry& registry);

}  // namespace core
