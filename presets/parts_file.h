// SPDX-License-Identifier: GPL-3.0-or-later
// Parts of an instrument (core/neural/parts.h) from whatever file holds it.
#pragma once

#include <filesystem>
#include <vector>

#include "core/neural/parts.h"

namespace presets {

struct PatchParts {
  core::Patch patch;           ///< of core::extractParts; says itself where it comes from
  core::ParameterCount whole;  ///< of what it is a part of
};
/// As readPatch, of the named parts only; of a model file no more than them is read (readModelParts). Error: also
/// the lack of a part.
core::Result<PatchParts> readParts(const std::filesystem::path& path, const std::vector<core::Part>& parts,
                                   const core::Registry& registry);

}  // namespace presets
