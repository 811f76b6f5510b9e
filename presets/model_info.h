// SPDX-License-Identifier: GPL-3.0-or-later
// What a model says of itself beside its patch, and how that stays with the patch: as the object "model"
// among its fields, through the studio, a .json file and back into a model.
#pragma once

#include <string>
#include <vector>

#include "core/neural/parts.h"

namespace presets {

/// Free text and lists; all of it is kept.
struct ModelInfo {
  std::string licence, credits;
  std::vector<std::string> trained, validated;  ///< takes
  std::string training;                         ///< one line: minutes, steps, seed, losses
  std::vector<std::string> instruments = {};    ///< in the order that an embedding has them
  bool operator==(const ModelInfo&) const = default;
};

/// Of the model that a patch was loaded from, or made of; empty for a patch of no model.
ModelInfo infoOf(const core::Patch& patch);
/// An empty info takes away what the patch says.
void setInfo(core::Patch& patch, const ModelInfo& info);

/// Whether any node holds learned numbers.
bool hasLearned(const core::Patch& patch);
/// Licence and credits of both, what both say once.
void addOrigin(ModelInfo& info, const ModelInfo& of);

/// The same for what a training starts from: of weights that state no licence the info says so beside that of the
/// recordings, and the other way round.
void addStart(ModelInfo& info, const core::Patch& from);

/// To be called before nodes of `part` go into `patch`: where they have learned anything, the patch then names
/// the licences and credits of both, and keeps its own takes unless it had learned nothing. Where only one of them
/// states a licence, the patch says that the other's is not stated. Nodes of the patch itself change nothing.
void takeInfo(core::Patch& patch, const core::Patch& part);

/// core::swapParts; the result names the licences and credits of both, and what the decoder that plays
/// was trained on. A licence that only one of them states holds for what is of that one: of the rest the result
/// says that it is not stated.
core::Result<core::Swapped> swapModels(const core::Patch& a, const core::Patch& b, const std::vector<core::Part>& parts,
                                       const core::Registry& registry);

}  // namespace presets
