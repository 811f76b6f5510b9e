// SPDX-License-Identifier: GPL-3.0-or-later
// The recordings in a folder and its sub-folders.
#pragma once

#include <filesystem>
#include <vector>

namespace core {

/// Files of sound in a folder, by name, or the one file that is named. Empty when there are none.
std::vector<std::filesystem::path> recordings(const std::filesystem::path& folder);

}  // namespace core
