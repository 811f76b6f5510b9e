// SPDX-License-Identifier: GPL-3.0-or-later
// Write then rename: a file is whole or it is the one from before.
#pragma once

#include <filesystem>
#include <string>

#include "core/graph/result.h"

namespace presets {

/// Writes `bytes` beside `path`, flushes it to disk, renames it onto `path`. Error: a sentence with
/// the path and the reason (full disk, no permission); nothing is left behind.
/// A link is followed; a place that is no ordinary file (a folder, a device) is refused.
core::Result<void> safeWrite(const std::filesystem::path& path, const std::string& bytes);

/// Whether a file could be written there, without touching what is there: before hours of work.
core::Result<void> checkPlace(const std::filesystem::path& path);

}  // namespace presets
