// SPDX-License-Identifier: GPL-3.0-or-later
// How the player of the recordings plays: loudness of sustained notes by pitch, how notes begin and
// end. See playing_tables.h for what reads it.
#pragma once

#include <optional>

#include "core/neural/dataset.h"

namespace core {

struct PlayingTables {
  std::vector<float> quantiles;    ///< [pitch][rank], dB
  std::vector<float> attack;       ///< [frame], dB against the sustained loudness
  std::vector<float> release;      ///< [frame], dB against the loudness at the end
  double lowest = 0, highest = 0;  ///< octaves from C4: pitches that were sustained
};

/// Over the training takes (copies at other pitches apart).
/// Quantiles: of frames whose pitch and level are steady, gathered a semitone each way, further where
/// few were played; pitches outside get those of the nearest inside. Smoothed over pitch.
/// Attack: the median over takes from where their loudness passes 30 dB below its sustain.
/// Release: the median from the last frame within 3 dB of how loud the take was before its end.
/// Nothing when no feature goes to an input `pitch` or `loudness`, or nothing was sustained.
std::optional<PlayingTables> measurePlaying(const FrontCut& cut, const Dataset& data);

/// Into the tensors of those names of every node that has them; the level correction becomes zero.
/// Returns how many nodes that were.
int writePlaying(Patch& patch, const PlayingTables& tables, const Registry& registry);

}  // namespace core
