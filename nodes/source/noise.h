// SPDX-License-Identifier: GPL-3.0-or-later
// White noise without memory: each sample is a hash of (seed, voice, absolute frame), so that it is
// the same in any split of the time, in any lane, and in every run of a fit.
// Mixer: C. Wellons' "lowbias32" integer hash (prospector, 2018).
#pragma once

#include "core/graph/node.h"

namespace nodes {

using namespace core;

struct Noise {
  static constexpr NodeInfo info{.id = "source.noise",
                                 .name = "Noise",
                                 .help = "White noise, evenly spread over -1 to 1; the same seed gives the same noise.",
                                 .category = Category::source,
                                 .picture = Picture::spectrum};
  static constexpr std::array<Input, 0> inputs{};
  static constexpr std::array outputs{Output{.id = "out", .name = "Out", .help = "The noise, at full level."}};
  static constexpr std::array settings{Setting{.id = "seed",
                                               .name = "Seed",
                                               .help = "Chooses one of many noises.",
                                               .kind = SettingKind::seed,
                                               .min = 0,
                                               .max = 65535,
                                               .def = 1,
                                               .whole = true}};

  using Hash [[gnu::vector_size(kWide * sizeof(std::uint32_t))]] = std::uint32_t;
  template <class U>
  static U mixed(U x) {
    x ^= x >> 16;
    x *= 0x7feb352dU;
    x ^= x >> 15;
    x *= 0x846ca68bU;
    return x ^ (x >> 16);
  }
  /// What a voice's hashes start from; the second word of the frame number is mixed in.
  static std::uint32_t key(const Setup& setup, int voice, std::int64_t frame) {
    const auto seed = static_cast<std::uint32_t>(setup.whole(0)), high = static_cast<std::uint32_t>(frame >> 32);
    return mixed(mixed(seed + 0x9e3779b9U) + static_cast<std::uint32_t>(voice) * 0x85ebca6bU + high);
  }

  template <int L>
  static void forward(const Block<L>& b) {
    Hash base, frame;  // of the eight samples of a chunk: kWide / L frames of L lanes
    const auto first = static_cast<std::uint32_t>(b.firstFrame());
    for (int i = 0; i < kWide; ++i) {
      base[i] = key(b.setup(), b.voiceOf(i % L), b.firstFrame());
      frame[i] = first + static_cast<std::uint32_t>(i / L);
    }
    for (int i = 0; i < b.chunks(); ++i) {
      const Hash h = mixed(mixed(frame) ^ base);
      frame += kWide / L;
      using Signed [[gnu::vector_size(kWide * sizeof(std::int32_t))]] = std::int32_t;
      const auto number = __builtin_convertvector(reinterpret_cast<const Signed&>(h), Vec<kWide>);
      b.out(0).setWide(i, number * (1.0_s / 2147483648.0_s));
    }
  }

  template <int L>
  static void backward(const Block<L>&, const Grad<L>&) {}
};

}  // namespace nodes
