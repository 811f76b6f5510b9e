// SPDX-License-Identifier: GPL-3.0-or-later
// White noise without memory: a hash of the absolute frame, so that any block, order or checkpoint
// gives the same samples. Mixing function: "lowbias32", C. Wellons, hash-prospector (public domain).
#pragma once

#include <cstdint>

#include "core/graph/sample.h"

namespace core {

[[gnu::always_inline]] inline std::uint32_t mixBits(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352dU;
  x ^= x >> 15;
  x *= 0x846ca68bU;
  return x ^ (x >> 16);
}

/// What tells one stream of noise from another; `page` is the upper half of the frame number.
inline std::uint32_t noiseKey(std::uint32_t seed, std::uint32_t voice, std::uint32_t page) {
  return mixBits(seed + 0x9e3779b9U * mixBits(voice + 0x85ebca6bU * mixBits(page + 1)));
}

/// `count` frames of noise, uniform in [-1, 1), from an absolute frame on; the frames lie in one
/// page of 2^32.
inline void whiteNoise(std::uint32_t seed, int voice, std::int64_t frame, int count, Sample* out) {
  const std::uint32_t key = noiseKey(seed, static_cast<std::uint32_t>(voice), static_cast<std::uint32_t>(frame >> 32));
  const auto first = static_cast<std::uint32_t>(frame);
  for (int i = 0; i < count; ++i) {
    const std::uint32_t bits = mixBits((first + static_cast<std::uint32_t>(i)) ^ key);
    out[i] = static_cast<Sample>(static_cast<std::int32_t>(bits)) * (1.0_s / 2147483648.0_s);
  }
}

}  // namespace core
