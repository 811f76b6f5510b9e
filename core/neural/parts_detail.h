// SPDX-License-Identifier: GPL-3.0-or-later
// Shared by what finds, takes out and swaps parts: nodes of a part, what leads to them, changing a patch.
#pragma once

#include <functional>
#include <optional>
#include <set>

#include "core/neural/parts.h"

namespace core::parts {

/// Types that this room puts into patches by itself.
inline constexpr const char* kConditioner = "neural.conditioner";
inline constexpr const char* kGain = "effect.gain";
inline constexpr const char* kAudioInput = "source.audio-input";
inline constexpr const char* kOutput = "structure.output";
inline constexpr const char* kDelay = "effect.delay";
inline constexpr const char* kTrack = "control.track";  ///< whose tensor and settings it writes
/// Label of a conditioner that maps one instrument's range to another's.
inline constexpr const char* kAdapter = "Adapter";

/// Audio inputs, and what turns their sound into control signals and does nothing else.
std::set<std::string> listeningNodes(const Patch& patch, const Registry& registry);
/// harmonic, noise and reverb by what the type has; false for the others, which are made of several.
bool isPart(const NodeType& type, Part part);
std::vector<std::string> nodesOf(const Patch& patch, const Registry& registry, Part part);
bool asks(const std::vector<Part>& list, Part part);
/// harmonic and noise, where they or the decoder, which is both, are asked for.
std::vector<Part> headParts(const std::vector<Part>& list);
/// nodesOf a part that is to be taken. Error: there are none.
Result<std::vector<std::string>> nodesToTake(const Patch& patch, const Registry& registry, Part part);
/// What gives z: encoders and embeddings.
std::set<std::string> latentNodes(const Patch& patch, const Registry& registry);
/// `ends` and all that leads to them by cables. Where `stops` says so it ends, and leaves that node out.
std::set<std::string> leadingTo(const Patch& patch, std::set<std::string> ends,
                                const std::function<bool(const std::string&)>& stops = {});
/// With its cables.
void removeNode(Patch& patch, const std::string& id);
/// Removes a node; what its input `in` was given goes where it led.
void bridgeNode(Patch& patch, const std::string& id);
/// Null when the type is not known. Valid until nodes are added.
PatchNode* addNode(Patch& patch, const Registry& registry, const char* type, double x, double y);
std::string typeOf(const Patch& patch, const std::string& id);
std::optional<TrainedRange> rangeOf(const PatchNode& node, const NodeType& type);

}  // namespace core::parts
