// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/file/midi_message.h"

namespace core {
namespace {
using Type = PlayerEvent::Type;
enum Controller : unsigned { expression = 11, sustain = 64, soundOff = 120, reset = 121, notesOff = 123 };

std::vector<PlayerEvent> controlled(unsigned controller, unsigned value) {
  switch (controller) {
    case expression:
      return {{0, Type::expression, 0, static_cast<float>(value) / 127.0F}};
    case sustain:
      return {{0, Type::sustain, 0, value >= 64 ? 1.0F : 0.0F}};
    case reset:
      return {{0, Type::sustain, 0, 0}, {0, Type::bend, 0, 0}, {0, Type::pressure, 0, 0}, {0, Type::expression, 0, 1}};
    case soundOff:
    case notesOff:
      return {{0, Type::panic, 0, 0}};
    default:
      return {};
  }
}
}  // namespace

std::vector<PlayerEvent> playerEventsOf(unsigned status, unsigned first, unsigned second) {
  const unsigned a = first & 0x7f, b = second & 0x7f;
  const auto key = static_cast<float>(a);
  switch (status & 0xf0) {
    case 0x80:
      return {{0, Type::noteOff, key, 0}};
    case 0x90:
      return {{0, b ? Type::noteOn : Type::noteOff, key, static_cast<float>(b) / 127.0F}};
    case 0xb0:
      return controlled(a, b);
    case 0xd0:
      return {{0, Type::pressure, 0, static_cast<float>(a) / 127.0F}};
    case 0xe0: {
      const double bend = (static_cast<int>(b << 7 | a) - 8192) / 8192.0;
      return {{0, Type::bend, 0, static_cast<float>(bend * kBendSemitones / 12)}};
    }
    default:
      return {};
  }
}

}  // namespace core
