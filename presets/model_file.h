// SPDX-License-Identifier: GPL-3.0-or-later
// Trained models on disk: a *.safetensors file (the format of Hugging Face: header length, JSON
// header, little-endian data) whose tensors are those of a patch, and whose metadata is the patch
// itself and what it was trained on. Any reader of the format finds the weights; this program finds
// the whole instrument.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/graph/patch.h"

namespace presets {

/// What a model says of itself beside its patch. Free text and lists; all of it is kept.
struct ModelInfo {
  std::string licence, credits;
  std::vector<std::string> trained, validated;  ///< takes
  std::string training;                         ///< one line: minutes, steps, seed, losses
  std::vector<std::string> instruments = {};    ///< in the order that an embedding has them
};

struct Model {
  core::Patch patch;
  ModelInfo info;
};

inline constexpr const char* kModelEnding = ".safetensors";

/// Bytes of a model file. Tensor NODE.ROW is the tensor ROW of NODE.
std::string writeModelBytes(const Model& model);
/// Error: one sentence saying what is wrong: not such a file, cut off, damaged (checksum), tensors
/// that overlap or do not fill their shape, numbers that are not finite, made by a newer program.
core::Result<Model> readModelBytes(const std::string& bytes);

core::Result<Model> readModel(const std::filesystem::path& path);
/// Written whole or not at all.
core::Result<void> writeModel(const Model& model, const std::filesystem::path& path);

/// Named arrays of doubles in the same container: what training needs to go on.
core::Result<void> writeArrays(const std::vector<std::pair<std::string, std::vector<double>>>& arrays,
                               const std::filesystem::path& path);
core::Result<std::vector<std::pair<std::string, std::vector<double>>>> readArrays(const std::filesystem::path& path);

}  // namespace presets
