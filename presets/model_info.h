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

/// core::swapParts; the result names the licences and credits of both, and what the decoder that plays
/// was trained on.
core::Result<core::Swapped> swapModels(const core::Patch& a, const core::Patch& b, const std::vector<core::Part>& parts,
                                       const core::Registry& registry);

}  // namespace presets
