// SPDX-License-Identifier: GPL-3.0-or-later
// A patch read without the numbers of its tensors, and those read one by one: for files of which only some
// are wanted. Implemented in patch_text.cpp, whose readText is both in one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/graph/patch.h"

namespace presets {

/// Where the numbers of a tensor lie.
struct TensorPlace {
  std::string where;       ///< for sentences: node and row
  std::vector<int> shape;  ///< their product is bytes / 4
  std::uint64_t offset = 0, bytes = 0;
  std::string checksum;
};

struct Outline {
  core::Patch patch;                           ///< tensors have their shapes and no numbers
  std::map<std::string, TensorPlace> tensors;  ///< by NODE.ROW; an id holds no dot
};

/// Error: as readText; also where a tensor does not lie within `size` bytes.
core::Result<Outline> readOutline(const std::string& json, std::uint64_t size);

/// The numbers of one tensor; bytes: those of its place. Error: they are damaged; names it.
core::Result<std::shared_ptr<const core::Blob>> readTensor(const TensorPlace& place, std::string_view bytes);

}  // namespace presets
