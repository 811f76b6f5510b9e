// SPDX-License-Identifier: GPL-3.0-or-later
// Low-frequency oscillator for modulation: plain shapes, no band limit. Jumps (saw, square, random)
// have no slope against rate and phase; what lies between them has.
#pragma once

#include "core/dsp/math.h"
#include "core/graph/node.h"
#include "core/graph/scratch.h"

namespace nodes {

using namespace core;

struct Lfo {
  static constexpr NodeInfo info{.id = "envelope.lfo",
                                 .name = "LFO",
                                 .help = "Slow oscillator for vibrato, tremolo and sweeps; the cable sets how deep.",
                                 .category = Category::envelope,
                                 .picture = Picture::wave};
  enum InputRow { rate, phase, gate };
  static constexpr std::array inputs{
      Input{.id = "rate",
            .name = "Rate",
            .help = "Cycles a second.",
            .unit = Unit::hertz,
            .min = 0.01,
            .max = 50,
            .def = 4,
            .scale = Scale::log},
      Input{.id = "phase",
            .name = "Phase",
            .help = "Where in its cycle the wave starts.",
            .unit = Unit::cycles,
            .min = 0,
            .max = 1,
            .def = 0},
      Input{.id = "gate",
            .name = "Gate",
            .help = "Restarts the wave when it opens; runs free when nothing is connected.",
            .differentiable = false}};
  static constexpr std::array outputs{Output{.id = "out", .name = "Out", .help = "The wave, -1 to 1."}};
  enum SettingRow { shape, seed };
  enum Shape { sine, triangle, saw, square, random };
  static constexpr std::array settings{Setting{.id = "shape",
                                               .name = "Shape",
                                               .help = "Shape of the wave; random holds a new value each cycle.",
                                               .kind = SettingKind::choice,
                                               .def = sine,
                                               .choices = "sine|triangle|saw|square|random"},
                                       Setting{.id = "seed",
                                               .name = "Seed",
                                               .help = "Chooses the values of the random shape.",
                                               .kind = SettingKind::seed,
                                               .min = 0,
                                               .max = 65535,
                                               .def = 1,
                                               .whole = true}};

  /// Fixed point: one cycle is the whole range of Integer; `cycle` counts cycles and restarts.
  template <int L>
  struct State {
    VecInt<L> phase{}, cycle{};
    Vec<L> gate{};
  };
  template <int L>
  struct Cotangent {
    Vec<L> phase{};
  };
  using Unsigned = std::make_unsigned_t<Integer>;
  static constexpr Sample kCycle = sizeof(Sample) == 4 ? 4294967296.0_s : 18446744073709551616.0_s;

  static Sample held(std::uint32_t key, std::uint32_t cycle) {  // "lowbias32" hash by C. Wellons, 2018
    std::uint32_t x = key + cycle * 0x9e3779b9U;
    x = (x ^ (x >> 16)) * 0x7feb352dU;
    x = (x ^ (x >> 15)) * 0x846ca68bU;
    return static_cast<Sample>(static_cast<std::int32_t>(x ^ (x >> 16))) * (1.0_s / 2147483648.0_s);
  }

  /// Phases (offset included), restarts and cycle counts of one tick, [frame][lane].
  template <int L>
  struct Tick {
    alignas(64) Sample cycles[kTick * L];  ///< -1/2 to 1/2
    alignas(64) Integer count[kTick * L];
    bool restarts[kTick * L];

    void compute(State<L>& s, const Block<L>& b, int tick) {
      const auto hz = b.audio(rate), offset = b.audio(phase), open = b.audio(gate);
      const Sample perFrame = kCycle / b.rate();
      for (int l = 0; l < L; ++l) {
        auto at = static_cast<Unsigned>(reinterpret_cast<const Integer*>(&s.phase)[l]);
        auto turns = static_cast<Unsigned>(reinterpret_cast<const Integer*>(&s.cycle)[l]);
        Sample last = lane<L>(s.gate, l);
        for (int j = 0; j < kTick; ++j) {
          const int i = tick * kTick + j;
          const Sample now = open.data[i * open.step + l];
          const bool again = last <= 0.5_s && now > 0.5_s;
          last = now;
          if (again) {
            at = 0;
            ++turns;
          }
          const auto moved =
              static_cast<Unsigned>(static_cast<Integer>((offset.data[i * offset.step + l] - 0.5_s) * kCycle)) +
              (Unsigned{1} << (sizeof(Unsigned) * 8 - 1));
          const Unsigned sum = at + moved;
          cycles[j * L + l] = static_cast<Sample>(static_cast<Integer>(sum)) * (1.0_s / kCycle);
          count[j * L + l] = static_cast<Integer>(turns + (sum < at ? 1U : 0U));
          restarts[j * L + l] = again;
          const Unsigned next = at + static_cast<Unsigned>(static_cast<Integer>(hz.data[i * hz.step + l] * perFrame));
          turns += next < at ? 1U : 0U;
          at = next;
        }
        reinterpret_cast<Integer*>(&s.phase)[l] = static_cast<Integer>(at);
        reinterpret_cast<Integer*>(&s.cycle)[l] = static_cast<Integer>(turns);
        reinterpret_cast<Sample*>(&s.gate)[l] = last;
      }
    }
  };

  using W = Vec<kWide>;
  static W value(int wave, W q) {
    const W one = splat<kWide>(1.0_s);
    switch (wave) {
      case sine:
        return minimum(maximum(sinCycles<kWide>(q), -one), one);  // rounded, its peak is 1.0000001
      case triangle:
        return q < -0.25_s ? -2.0_s - 4.0_s * q : (q > 0.25_s ? 2.0_s - 4.0_s * q : 4.0_s * q);
      case saw:
        return 2.0_s * q;
      default:
        return q < 0.0_s ? -one : one;
    }
  }
  static W slope(int wave, W q) {
    const W four = splat<kWide>(4.0_s);
    switch (wave) {
      case sine:
        return 2.0_s * std::numbers::pi_v<Sample> * cosCycles<kWide>(q);
      case triangle:
        return q < -0.25_s ? -four : (q > 0.25_s ? -four : four);
      case saw:
        return splat<kWide>(2.0_s);
      default:
        return W{};
    }
  }

  template <int L>
  static void forward(State<L>& state, const Block<L>& b) {
    constexpr int kChunks = kTick * L / kWide;
    const int wave = b.setup().whole(shape);
    Tick<L> t;
    for (int tick = 0; tick < b.ticks(); ++tick) {
      t.compute(state, b, tick);
      for (int i = 0; i < kChunks; ++i) {
        W y;
        if (wave == random) {
          for (int e = 0; e < kWide; ++e) {
            const auto key = static_cast<std::uint32_t>(b.setup().whole(seed)) * 0x85ebca6bU +
                             static_cast<std::uint32_t>(b.voiceOf((i * kWide + e) % L)) * 0xc2b2ae35U;
            y[e] = held(key, static_cast<std::uint32_t>(t.count[i * kWide + e]));
          }
        } else {
          y = value(wave, load<kWide>(t.cycles + i * kWide));
        }
        b.out(0).setWide(tick * kChunks + i, y);
      }
    }
  }

  template <int L>
  static void backward(const State<L>& start, Cotangent<L>& d, const Block<L>& b, const Grad<L>& grad) {
    auto& all = threadScratch<std::array<Tick<L>, info.backwardTicks>>();
    const int wave = b.setup().whole(shape);
    State<L> state = start;
    for (int tick = 0; tick < b.ticks(); ++tick) {
      auto& t = all[static_cast<std::size_t>(tick)];
      t.compute(state, b, tick);
      for (int i = 0; i < kTick * L / kWide; ++i)  // the phases are not needed any more: slopes take their place
        store<kWide>(t.cycles + i * kWide, slope(wave, load<kWide>(t.cycles + i * kWide)));
    }
    const auto dOut = grad.out(0);
    const auto dRate = grad.in(rate), dPhase = grad.in(phase);
    const Sample perFrame = 1.0_s / b.rate();
    Vec<L> sum = d.phase;
    for (int i = b.frames(); i-- > 0;) {
      const auto& t = all[static_cast<std::size_t>(i / kTick)];
      const int j = i % kTick;
      const Vec<L> dp = load<L>(t.cycles + j * L) * dOut[i];
      if (dRate) dRate.add(i, sum * perFrame);
      if (dPhase) dPhase.add(i, dp);
      sum = sum + dp;
      for (int l = 0; l < L; ++l)
        if (t.restarts[j * L + l]) reinterpret_cast<Sample*>(&sum)[l] = 0;
    }
    d.phase = sum;
  }
};

}  // namespace nodes
