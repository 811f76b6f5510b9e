// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps what a training's front has heard in its recordings, so that the next one on the same recordings
// begins at once.
#pragma once

#include <filesystem>

#include "core/neural/dataset.h"

namespace presets {

/// Under the user's cache ($XDG_CACHE_HOME, else ~/.cache); empty when there is neither.
std::filesystem::path featureFolder();

/// A memory that lies in `folder`, one file a recording and pitch; the ones not used for longest go when
/// it grows over `mostBytes`. What cannot be read or written is heard again: never an error. An empty folder:
/// no memory.
core::FeatureMemory featureStore(const std::filesystem::path& folder,
                                 std::uintmax_t mostBytes = std::uintmax_t{512} << 20);

}  // namespace presets
