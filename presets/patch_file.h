// SPDX-License-Identifier: GPL-3.0-or-later
// Patches on disk: JSON (schema "tonewright-patch", version 1) with a sidecar
// NAME.blobs for tensors: little-endian float32 with a checksum each. Written whole or not at all. Patches end
// in .json, models in .safetensors, in large or small letters.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/graph/patch.h"

namespace presets {

/// Patch -> JSON text, and the bytes of its blob file (empty when it has no tensors).
struct PatchText {
  std::string json;
  std::string blobs;
};
PatchText writeText(const core::Patch& patch);
/// JSON text -> patch. `blobs`: the blob file's bytes. Error: one sentence. Damaged or missing
/// blobs, duplicate ids and wrong versions are errors; unknown nodes and fields are kept.
core::Result<core::Patch> readText(const std::string& json, const std::string& blobs);

/// Reads a patch file and its blobs, or the patch of a model file (model_file.h), which then says itself where
/// it comes from (model_info.h).
core::Result<core::Patch> readPatch(const std::filesystem::path& path);
/// Whether a name ends as a patch or a model does; a name with .json added where it does not.
bool isPatchPath(const std::filesystem::path& path);
std::filesystem::path patchPath(const std::filesystem::path& path);
/// Error: the name ends neither as a patch's nor as a model's.
core::Result<void> checkPatchName(const std::filesystem::path& path);
/// Whether a patch could be written there, without touching what is there. Error: also what checkPatchName says.
core::Result<void> checkPatchPlace(const std::filesystem::path& path);
/// Writes under temporary names, then renames (blobs first), so that an earlier file stays whole. A model file
/// says what the patch says of its origin, never what an earlier file there said.
core::Result<void> writePatch(const core::Patch& patch, const std::filesystem::path& path);

/// A factory preset: its id is the file's name without ending.
struct PresetInfo {
  std::string id, name, description;
  std::vector<std::string> tags;
  std::filesystem::path path;
  double rate = 48000;               ///< of the patch, Hz
  std::string licence{}, credits{};  ///< of a model, or of a patch made of one
  bool isModel() const;              ///< a model file
};
/// Where factory presets lie: beside the installed program or in the source tree.
std::vector<PresetInfo> factoryPresets(const std::filesystem::path& folder);

}  // namespace presets
