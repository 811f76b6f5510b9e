// SPDX-License-Identifier: GPL-3.0-or-later
// Shared by parts.cpp and swap.cpp: finding nodes of a part, changing a patch.
#pragma once

#include <optional>
#include <set>

#include "core/neural/parts.h"

namespace core::parts {

/// Types that this room puts into patches by itself.
inline constexpr const char* kConditioner = "neural.conditioner";
inline constexpr const char* kGain = "effect.gain";
inline constexpr const char* kDelay = "effect.delay";
inline constexpr const char* kTrack = "control.track";  ///< whose tensor and settings it writes
/// Label of a conditioner that maps one instrument's range to another's.
inline constexpr const char* kAdapter = "Adapter";

/// Audio inputs, and what turns their sound into control signals and does nothing else.
std::set<std::string> listeningNodes(const Patch& patch, const Registry& registry);
/// harmonic, noise and reverb by what the type has; false for the others, which are made of several.
bool isPart(const NodeType& type, Part part);
std::vector<std::string> nodesOf(const Patch& patch, const Registry& registry, Part part);
/// With its cables.
void removeNode(Patch& patch, const std::string& id);
/// Null when the type is not known. Valid until nodes are added.
PatchNode* addNode(Patch& patch, const Registry& registry, const char* type, double x, double y);
std::string typeOf(const Patch& patch, const std::string& id);
std::optional<TrainedRange> rangeOf(const PatchNode& node, const NodeType& type);

}  // namespace core::parts
