// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/graph/voices.h"

#include <algorithm>
#include <cmath>

namespace core {

int VoiceAllocator::held() const {
  return static_cast<int>(
      std::count_if(voices_.begin(), voices_.begin() + count_, [](const Voice& v) { return v.gate; }));
}

int VoiceAllocator::choose() const {
  int best = 0;
  const auto rank = [](const Voice& v) { return std::pair(v.gate, v.since); };  // silent before held, oldest first
  for (int v = 1; v < count_; ++v)
    if (rank(voices_[static_cast<std::size_t>(v)]) < rank(voices_[static_cast<std::size_t>(best)])) best = v;
  return best;
}

void VoiceAllocator::noteOn(const PlayerEvent& e, std::vector<VoiceEvent>& out) {
  if (count_ == 1 && stacked_ < static_cast<int>(stack_.size()))
    stack_[static_cast<std::size_t>(stacked_++)] = {e.key, e.value};
  const int chosen = choose();
  voices_[static_cast<std::size_t>(chosen)] = {e.key, true, true, ++clock_};
  out.push_back({e.frame, VoiceEvent::Type::noteOn, chosen, static_cast<Sample>(e.key), static_cast<Sample>(e.value)});
}

void VoiceAllocator::noteOff(const PlayerEvent& e, std::vector<VoiceEvent>& out) {
  if (count_ == 1) {
    const auto end =
        std::remove_if(stack_.begin(), stack_.begin() + stacked_, [&e](const auto& s) { return s.first == e.key; });
    stacked_ = static_cast<int>(end - stack_.begin());
    Voice& v = voices_[0];
    if (v.down && v.key == e.key && stacked_ > 0) {  // back to the key that is still held
      const auto [key, velocity] = stack_[static_cast<std::size_t>(stacked_ - 1)];
      v.key = key;
      out.push_back({e.frame, VoiceEvent::Type::noteOn, 0, static_cast<Sample>(key), static_cast<Sample>(velocity)});
      return;
    }
  }
  for (int i = 0; i < count_; ++i) {
    Voice& v = voices_[static_cast<std::size_t>(i)];
    if (!v.down || v.key != e.key) continue;
    v.down = false;
    if (sustain_) continue;
    v.gate = false;
    v.since = ++clock_;
    out.push_back({e.frame, VoiceEvent::Type::noteOff, i, 0, 0});
  }
}

void VoiceAllocator::take(const PlayerEvent& e, std::vector<VoiceEvent>& out) {
  switch (e.type) {
    case PlayerEvent::Type::noteOn:
      return noteOn(e, out);
    case PlayerEvent::Type::noteOff:
      return noteOff(e, out);
    case PlayerEvent::Type::sustain:
      sustain_ = e.value >= 0.5F;
      if (sustain_) return;
      for (int i = 0; i < count_; ++i) {
        Voice& v = voices_[static_cast<std::size_t>(i)];
        if (!v.gate || v.down) continue;
        v.gate = false;
        v.since = ++clock_;
        out.push_back({e.frame, VoiceEvent::Type::noteOff, i, 0, 0});
      }
      return;
    case PlayerEvent::Type::bend:
      out.push_back({e.frame, VoiceEvent::Type::bend, -1, static_cast<Sample>(e.value), 0});
      return;
    case PlayerEvent::Type::pressure:
      out.push_back({e.frame, VoiceEvent::Type::pressure, -1, static_cast<Sample>(e.value), 0});
      return;
    case PlayerEvent::Type::expression:
      out.push_back({e.frame, VoiceEvent::Type::expression, -1, static_cast<Sample>(e.value), 0});
      return;
    case PlayerEvent::Type::panic:
      for (Voice& v : voices_) v.down = v.gate = false;
      stacked_ = 0;
      sustain_ = false;
      out.push_back({e.frame, VoiceEvent::Type::panic, -1, 0, 0});
      return;
  }
}

std::vector<VoiceEvent> allocate(std::span<const PlayerEvent> events, int voices) {
  VoiceAllocator allocator(voices);
  std::vector<VoiceEvent> out;
  for (const PlayerEvent& e : events) allocator.take(e, out);
  return out;
}

std::vector<PlayerEvent> playerEvents(std::span<const Note> phrase, double rate) {
  std::vector<PlayerEvent> out;
  for (const Note& n : phrase) {
    const auto frame = [rate](double seconds) {
      return static_cast<std::int64_t>(std::llround(std::max(0.0, seconds) * rate));
    };
    const std::int64_t on = frame(n.start), off = std::max(on + 1, frame(n.start + n.length));
    const auto key = static_cast<float>(n.pitch);
    out.push_back({on, PlayerEvent::Type::noteOn, key, static_cast<float>(n.velocity)});
    out.push_back({off, PlayerEvent::Type::noteOff, key, 0});
  }
  std::stable_sort(out.begin(), out.end(), [](const PlayerEvent& a, const PlayerEvent& b) {
    const auto order = [](const PlayerEvent& e) {
      return std::pair(e.frame, e.type == PlayerEvent::Type::noteOff ? 0 : 1);
    };
    return order(a) < order(b);
  });
  return out;
}

}  // namespace core
