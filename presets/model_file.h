// SPDX-License-Identifier: GPL-3.0-or-later
// Trained models on disk: a *.safetensors file (the format of Hugging Face: header length, JSON
// header, little-endian data) whose tensors are those of a patch, and whose metadata is the patch
// itself and what it was trained on. Any reader of the format finds the weights; this program finds
// the whole instrument.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "presets/model_info.h"

namespace presets {

struct Model {
  core::Patch patch;  ///< in a file only `info` says where it comes from
  ModelInfo info;
};

inline constexpr const char* kModelEnding = ".safetensors";
/// Error: the name does not end as a model's.
core::Result<void> checkModelName(const std::filesystem::path& path);

/// Bytes of a model file. Tensor NODE.ROW is the tensor ROW of NODE.
std::string writeModelBytes(const Model& model);
/// Error: one sentence saying what is wrong: not such a file, cut off, damaged (checksums of the tensors
/// and of what the metadata say; files without the latter are read), tensors that overlap, do not fill their
/// shape or belong to no node, bytes that belong to no tensor, numbers that are not finite, made by a newer program.
core::Result<Model> readModelBytes(const std::string& bytes);

core::Result<Model> readModel(const std::filesystem::path& path);

/// Parts of a model, and what they are parts of.
struct ModelParts {
  Model model;  ///< of core::extractParts; where it comes from is said as of the whole
  core::ParameterCount whole;
};
/// Reads the header and the numbers of those parts, nothing else. All that readModel refuses of a header is refused,
/// also what is of other parts, and so is a file that is cut off behind them; numbers of other parts may be
/// damaged. Error: also the lack of a part.
core::Result<ModelParts> readModelParts(const std::filesystem::path& path, const std::vector<core::Part>& parts,
                                        const core::Registry& registry);

/// Written whole or not at all. Error: also a patch too large for a header.
core::Result<void> writeModel(const Model& model, const std::filesystem::path& path);

/// Named arrays of doubles in the same container: what training needs to go on.
core::Result<void> writeArrays(const std::vector<std::pair<std::string, std::vector<double>>>& arrays,
                               const std::filesystem::path& path);
core::Result<std::vector<std::pair<std::string, std::vector<double>>>> readArrays(const std::filesystem::path& path);

}  // namespace presets
