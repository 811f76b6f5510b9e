// SPDX-License-Identifier: GPL-3.0-or-later
// From a patch to an audio file: render, normalise, resample, write. The window's export dialog and
// `tonewright render` are the same call.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "core/file/audio_file.h"
#include "core/graph/render.h"

namespace app {

enum class Normalise { none, peak, loudness };

struct ExportOptions {
  core::AudioFormat format = core::AudioFormat::wav16;
  double rate = 0;  ///< Hz; 0: the patch's
  Normalise normalise = Normalise::none;
  double level = -1;                          ///< dBFS of the peak, or LUFS
  core::RenderOptions render;                 ///< its progress and limiter are set by exportAudio
  std::function<bool(double)> progress = {};  ///< 0 to 1; false cancels
};

/// Renders and returns the finished sound. The limiter is in circuit for integer formats without
/// normalisation only.
core::Result<core::AudioData> renderForExport(const core::Patch& patch, const core::Registry& registry,
                                              const ExportOptions& options);

/// Renders and writes (under a temporary name, then renamed).
core::Result<void> exportAudio(const core::Patch& patch, const core::Registry& registry,
                               const std::filesystem::path& path, const ExportOptions& options);

}  // namespace app
