// SPDX-License-Identifier: GPL-3.0-or-later
// Notes -> voices: which lane plays which note, live and from a phrase, by the same allocator.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/graph/node.h"
#include "core/graph/patch.h"

namespace core {

inline constexpr int kMaxVoices = 16;

/// What a player does, before a voice is chosen.
struct PlayerEvent {
  enum class Type : std::uint8_t { noteOn, noteOff, sustain, bend, pressure, expression, panic };
  std::int64_t frame = 0;
  Type type = Type::noteOn;
  float key = 60;   ///< MIDI note number; which note a noteOff ends. Fractions keep their own key.
  float value = 0;  ///< noteOn: velocity 0-1; sustain: 0 or 1; bend: octaves; pressure, expression: 0-1
};

/// Gives notes to voices. A free voice first (longest silent), else the oldest released one, else
/// the oldest held one is stolen. With one voice the last key held has priority, and releasing it
/// returns to the key before. Neither allocates nor locks. [audio-thread]
class VoiceAllocator {
 public:
  explicit VoiceAllocator(int voices) : count_(voices) {}

  /// Turns one player event into at most kMaxVoices + 1 voice events, appended to `out`, which must
  /// have the capacity.
  void take(const PlayerEvent& event, std::vector<VoiceEvent>& out);
  /// Voices whose key (or the pedal) holds them.
  int held() const;
  bool holds(int voice) const { return voices_[static_cast<std::size_t>(voice)].gate; }

 private:
  struct Voice {
    float key = -1;
    bool down = false;  ///< the key is held
    bool gate = false;  ///< the key or the pedal holds it
    std::uint64_t since = 0;
  };
  int choose() const;
  void noteOn(const PlayerEvent& e, std::vector<VoiceEvent>& out);
  void noteOff(const PlayerEvent& e, std::vector<VoiceEvent>& out);

  std::array<Voice, kMaxVoices> voices_{};
  std::array<std::pair<float, float>, 32> stack_{};  ///< keys held with one voice: (key, velocity)
  int stacked_ = 0;
  int count_;
  bool sustain_ = false;
  std::uint64_t clock_ = 0;
};

/// Voice events of player events (sorted by frame), voices as given.
std::vector<VoiceEvent> allocate(std::span<const PlayerEvent> events, int voices);

/// A phrase as player events at a rate, sorted; offs before ons of the same frame.
std::vector<PlayerEvent> playerEvents(std::span<const Note> phrase, double rate);

}  // namespace core
