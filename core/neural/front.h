// SPDX-License-Identifier: GPL-3.0-or-later
// Cuts a patch where learning begins. The front are the nodes that listen to the audio input and
// have nothing to learn before them (pitch tracker, loudness, spectra): what they say of a recording
// is computed once. In the rest of the patch control tracks stand in their place, one a clip. Trainer,
// transfer and live play thus hear with the same nodes and settings.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/graph/executor.h"

namespace core {

/// A control signal that crosses the cut.
struct Feature {
  std::string node, output;  ///< of the front
  int width = 1;
  std::string track;                                        ///< the node of the rest that stands for it
  std::vector<std::pair<std::string, std::string>> inputs;  ///< (node, input) it goes to
};

struct FrontCut {
  Patch front;  ///< the listening nodes only
  Patch rest;   ///< everything else, tracks in place of features
  std::vector<Feature> features;
  std::string instrumentTrack = {};  ///< the node of the rest that says which instrument plays; empty: nobody asks
};

/// Cuts a patch for clips of so many ticks. Error: when nothing in it listens or learns, or a node
/// type that tracks need is not known.
Result<FrontCut> cutFront(const Patch& patch, const Registry& registry, int clipTicks);

/// What the front says of a sound, by feature: [tick][element], ticks = ceil(frames / kTick).
/// `progress` (0 to 1) may return false to cancel.
Result<std::vector<std::vector<float>>> listen(const FrontCut& cut, const Registry& registry,
                                               std::span<const float> sound,
                                               const std::function<bool(double)>& progress = {});

/// The same number for the same sound and listening nodes (types, settings, knobs, cables, rate), another
/// for any other.
std::uint64_t featureKey(const FrontCut& cut, std::span<const float> sound);

}  // namespace core
