// SPDX-License-Identifier: GPL-3.0-or-later
// What a channel message of MIDI means to a player, whether it comes from a keyboard or a file.
#pragma once

#include <vector>

#include "core/graph/voices.h"

namespace core {

inline constexpr double kBendSemitones = 2;  ///< each way at full deflection

/// status: its upper four bits count, the channel does not; first, second: the data bytes. Notes, sustain pedal
/// (controller 64), expression (11), reset of all controllers (121), all sound or notes off (120, 123), channel
/// pressure, bend. Empty for other messages. Frames are 0.
std::vector<PlayerEvent> playerEventsOf(unsigned status, unsigned first, unsigned second);

}  // namespace core
