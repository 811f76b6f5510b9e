// SPDX-License-Identifier: GPL-3.0-or-later
// The rate at which a patch is played on a device.
#pragma once

#include <map>

#include "core/file/patch_rate.h"

namespace app {

/// A patch of at most half the device's rate (a model of 16 kHz) is played at the device's: its ticks are shorter then
/// and no adapter stands between, which keeps sound waiting both ways (`tst_live_latency` measures it). Any other
/// is played at its own, sample for sample as it is rendered, and so is one with feedback, whose cables carry a tick
/// of delay. Hz.
double playingRate(const core::Patch& patch, double deviceRate);

/// Patches at the rate that they are played at. A response that was resampled for one patch is the same object in the
/// next, or every edit would be another response to the engine. [ui-thread]
class PlayingRate {
 public:
  explicit PlayingRate(const core::Registry& registry) : registry_(registry) {}
  /// It sounds as the patch does (core::setNodeRate).
  core::Patch at(const core::Patch& patch, double rate);

 private:
  const core::Registry& registry_;
  double from_ = 0, to_ = 0;
  std::map<core::BlobPointer, core::BlobPointer> resampled_;  ///< those of the patch before
};

}  // namespace app
