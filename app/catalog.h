// SPDX-License-Identifier: GPL-3.0-or-later
// Where patches come from: files, and factory presets by id.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "presets/patch_file.h"

namespace app {

/// The folder of factory presets: beside the installed program, else the source tree's.
std::filesystem::path presetFolder();
/// The folder beside it: trained models, and the patches that training starts from.
std::filesystem::path modelFolder();

/// What loadPatch knows by id, by folder: factory presets, then trained models and what training starts from.
std::vector<presets::PresetInfo> allPresets();

/// Where a patch lies, by file path, factory preset id or the name of a shipped model. Error: names both ways.
core::Result<std::filesystem::path> findPatch(const std::string& pathOrId);
/// The patch that findPatch finds. Error: also what reading says.
core::Result<core::Patch> loadPatch(const std::string& pathOrId);

}  // namespace app
