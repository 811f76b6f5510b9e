// SPDX-License-Identifier: GPL-3.0-or-later
// Standard MIDI files (format 0 and 1) as player events. Format: MIDI 1.0 detailed specification,
// Standard MIDI Files 1.0.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "core/graph/result.h"
#include "core/graph/voices.h"

namespace core {

/// Reads a MIDI file: notes, pedal (controller 64), expression (11), bend (two semitones each way), channel pressure,
/// all-sound-off, of all channels and tracks, timed by the tempo map. Sorted by frame at `rate`; offs
/// come before ons of the same frame. A file that breaks off is read as far as it goes. Error: not a
/// MIDI file, one that cannot be opened, longer than a day, or without a note.
Result<std::vector<PlayerEvent>> readMidi(const std::filesystem::path& path, double rate);

/// The same from memory; `name` is what messages call it.
Result<std::vector<PlayerEvent>> parseMidi(std::span<const std::uint8_t> bytes, double rate, const std::string& name);

}  // namespace core
