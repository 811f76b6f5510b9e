// SPDX-License-Identifier: GPL-3.0-or-later
// Models and the rooms of their recordings: how long these ring is heard, told to what listens and to responses that
// are learned, and asked again of the model.
#pragma once

#include <optional>

#include "core/neural/dataset.h"

namespace core {

/// Reverberation time of what is trained on, s; 0: none is heard (core/analysis/decay.h).
double recordedDecay(const Dataset& data, double rate);
/// Tells nodes of the front that listen in rooms, unless they were told. Returns whether any was.
bool tellListeners(Patch& patch, const FrontCut& cut, const Registry& registry, double decaySeconds);
/// Responses that start from nothing step as a room does that rings for so long: learned by a usual one's shape,
/// they kept its length whatever the room.
void shapeRooms(Patch& patch, const Registry& registry, double decaySeconds);

/// The setting that says how long the room rings, of a type that is one or listens in one ("decay"); -1: none.
int decayRow(const NodeType& type);
/// The rooms that a model was trained in as a patch of their own: what comes in passes through the reverbs whose
/// decay was heard in the recordings, and what follows them. nullopt: there are none.
std::optional<Patch> trainedRoom(const Patch& patch, const Registry& registry);

}  // namespace core
