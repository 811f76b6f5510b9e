// SPDX-License-Identifier: GPL-3.0-or-later
// A patch at another sample rate, so that it sounds as before up to the lower half of the two.
#pragma once

#include <functional>
#include <memory>

#include "core/graph/patch.h"
#include "core/graph/registry.h"
#include "core/graph/result.h"

namespace core {

/// Lowest and highest rate of a patch, Hz.
inline constexpr double kLowestRate = 8000, kHighestRate = 192000;

/// Resamples the impulse responses, and lets harmonics and noise bands end where they did (settings marked
/// halfRateAtZero). Error: a rate that is out of range, or noise bands that would lie above half of it.
Result<void> setPatchRate(Patch& patch, const Registry& registry, double rate);

/// A response as long in seconds and as loud at another rate.
using BlobPointer = std::shared_ptr<const Blob>;
BlobPointer responseAtRate(const Blob& response, double from, double to);

/// The same for one node of a patch; driven: a cable leads to it. True when it had a response to resample, which
/// `resampled` does (none: responseAtRate).
bool setNodeRate(PatchNode& node, const NodeType& type, double from, double to, bool driven,
                 const std::function<BlobPointer(const BlobPointer&)>& resampled = {});

}  // namespace core
