// SPDX-License-Identifier: GPL-3.0-or-later
// How long a room rings, heard from what was played in it: R. Ratnam et al., "Blind estimation of
// reverberation time", J. Acoust. Soc. Am. 114, 2003, by straight lines through the free decays.
#pragma once

#include <span>
#include <vector>

namespace core {

/// A stretch in which a sound dies away without anything new.
struct FreeDecay {
  double start = 0;              ///< s
  double reverberationTime = 0;  ///< time in which it would fall by 60 dB, s
};

/// All that fall by 18 dB or more; the slope is that of the next 20 dB after the first 6.
std::vector<FreeDecay> freeDecays(std::span<const float> x, double rate);

/// Their lower quartile, because what plays dies away too, which makes decays longer, never shorter. 0 for fewer
/// than four decays: the recordings are dry, or say nothing of it.
double reverberationTime(const std::vector<FreeDecay>& decays);

}  // namespace core
