// SPDX-License-Identifier: GPL-3.0-or-later
// The report of a fit (JSON), and target and result as pictures (PNG).
#pragma once

#include <filesystem>
#include <string>

#include "core/analysis/compare.h"
#include "core/file/audio_file.h"
#include "core/fit/session.h"

namespace app {

/// JSON text: terms at start and end, each free input before and after with its unit, steps,
/// seconds, f0, warnings, and the measures of result against target.
std::string fitReport(const core::FitResult& result, const core::Comparison& comparison);

/// Spectrograms of target and result, one above the other, 0 to 12 kHz on a mel-like axis, 80 dB.
core::Result<void> writeSpectrograms(const std::filesystem::path& png, const core::AudioData& target,
                                     const core::AudioData& result);

}  // namespace app
