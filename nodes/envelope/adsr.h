// SPDX-License-Identifier: GPL-3.0-or-later
// Envelope: attack, decay, sustain, release. Sampled from segments in continuous time: where the
// attack ends between two frames, the decay gets the rest of that frame, so that the level has exact
// slopes against every time and a fit can move them.
// linear: attack of slope 1 / attack up to 1, decay from 1 to the sustain level in `decay`, release
// from the current level to 0 in `release`.
// exponential: attack towards 1.2 that passes 1 after `attack` (from 0); decay and release cover
// 99.9 % (60 dB) of their way in their time.
// A new attack starts from the current level, so that a fast repetition does not click.
#pragma once

#include "core/dsp/math.h"
#include "core/graph/node.h"
#include "core/graph/scratch.h"

namespace nodes {

using namespace core;

struct Adsr {
  static constexpr NodeInfo info{
      .id = "envelope.adsr",
      .name = "ADSR",
      .help = "Envelope: rises when the gate opens, rests at the sustain level, falls when it closes.",
      .category = Category::envelope,
      .picture = Picture::envelope};
  enum InputRow { gate, attack, decay, sustain, release };
  static constexpr std::array inputs{
      Input{.id = "gate", .name = "Gate", .help = "Opens and closes the envelope.", .differentiable = false},
      Input{.id = "attack",
            .name = "Attack",
            .help = "Time from silence to the peak.",
            .unit = Unit::seconds,
            .min = 0.001,
            .max = 10,
            .def = 0.01,
            .scale = Scale::log},
      Input{.id = "decay",
            .name = "Decay",
            .help = "Time from the peak to the sustain level.",
            .unit = Unit::seconds,
            .min = 0.001,
            .max = 10,
            .def = 0.2,
            .scale = Scale::log},
      Input{.id = "sustain",
            .name = "Sustain",
            .help = "Level while the gate stays open.",
            .unit = Unit::ratio,
            .min = 0,
            .max = 1,
            .def = 0.6},
      Input{.id = "release",
            .name = "Release",
            .help = "Time to silence after the gate has closed.",
            .unit = Unit::seconds,
            .min = 0.001,
            .max = 10,
            .def = 0.3,
            .scale = Scale::log}};
  static constexpr std::array outputs{Output{.id = "out", .name = "Out", .help = "The envelope, 0 to 1."}};
  enum SettingRow { curve };
  enum Curve { linear, exponential };
  static constexpr std::array settings{Setting{.id = "curve",
                                               .name = "Curve",
                                               .help = "Straight segments, or those of a charged capacitor.",
                                               .kind = SettingKind::choice,
                                               .def = linear,
                                               .choices = "linear|exponential"}};

  static constexpr Sample kAim = static_cast<Sample>(1.2);                 ///< where an exponential attack tends to
  static constexpr Sample kRise = static_cast<Sample>(2.584962500721156);  ///< log2(1.2 / 0.2)
  static constexpr Sample kFall = static_cast<Sample>(9.965784284662087);  ///< log2(1000)
  static constexpr Sample kLn2 = std::numbers::ln2_v<Sample>;

  template <int L>
  struct State {
    Vec<L> level{}, from{};      ///< from: level at which a linear release began
    Vec<L> attacking{}, gate{};  ///< 1 or 0
  };
  template <int L>
  struct Cotangent {
    Vec<L> level{}, from{};
  };

  /// Per frame: linear: level gained or lost; exponential: factor of the distance to the aim.
  template <int L>
  struct Rates {
    Vec<L> up, down, fall, rest;
  };
  template <int L, int shape>
  static Rates<L> ratesOf(Vec<L> a, Vec<L> d, Vec<L> s, Vec<L> r, Sample frame) {
    if constexpr (shape == linear)
      return {frame / a, (1.0_s - s) * (frame / d), frame / r, s};
    else
      return {exp2<L>(-kRise * (frame / a)), exp2<L>(-kFall * (frame / d)), exp2<L>(-kFall * (frame / r)), s};
  }

  /// Rates of one tick, [frame][lane].
  template <int L, int shape>
  struct TickRates {
    alignas(32) Sample up[kTick * L], down[kTick * L], fall[kTick * L], rest[kTick * L];

    Rates<L> operator[](int i) const {
      return {load<L>(up + i * L), load<L>(down + i * L), load<L>(fall + i * L), load<L>(rest + i * L)};
    }
    void compute(const Block<L>& b, int tick) {
      const auto a = b.audio(attack), d = b.audio(decay), s = b.audio(sustain), r = b.audio(release);
      if (tick > 0 && a.constant() && d.constant() && s.constant() && r.constant()) return;  // as for tick 0
      constexpr int kChunks = kTick * L / kWide;
      for (int i = 0; i < kChunks; ++i) {
        const int at = tick * kChunks + i;
        const auto rates = ratesOf<kWide, shape>(a.wide(at), d.wide(at), s.wide(at), r.wide(at), 1.0_s / b.rate());
        store<kWide>(up + i * kWide, rates.up);
        store<kWide>(down + i * kWide, rates.down);
        store<kWide>(fall + i * kWide, rates.fall);
        store<kWide>(rest + i * kWide, rates.rest);
      }
    }
  };

  template <class Mask>
  static bool any(const Mask& mask) {
    if constexpr (std::is_arithmetic_v<Mask>) {
      return mask;
    } else {
      auto all = mask[0];
      for (std::size_t i = 1; i < sizeof mask / sizeof mask[0]; ++i) all |= mask[i];
      return all != 0;
    }
  }

  /// Which segment a frame is in, after its gate edge: rise, or pass (the attack ends inside the frame), or sink.
  template <int L, int shape>
  static Vec<L> risen(Vec<L> y, const Rates<L>& k) {
    if constexpr (shape == linear)
      return y + k.up;
    else
      return kAim - (kAim - y) * k.up;
  }
  /// Part of a frame that is left when the attack passes 1.
  template <int L, int shape>
  static Vec<L> leftOver(Vec<L> y, const Rates<L>& k) {
    if constexpr (shape == linear)
      return 1.0_s + (y - 1.0_s) / k.up;
    else
      return 1.0_s + log2<L>((kAim - y) * (1.0_s / (kAim - 1.0_s))) / log2<L>(k.up);
  }
  /// Level after a part of a frame of decay from 1.
  template <int L, int shape>
  static Vec<L> passed(Vec<L> part, const Rates<L>& k) {
    if constexpr (shape == linear)
      return maximum(1.0_s - part * k.down, k.rest);
    else
      return k.rest + (1.0_s - k.rest) * exp2<L>(part * log2<L>(k.down));
  }

  /// Takes the gate of a frame in: what the edges change.
  template <int L>
  static void takeGate(State<L>& s, Vec<L> gateNow) {
    const Vec<L> zero{}, one = splat<L>(1);
    s.from = (s.gate > 0.5_s) & (gateNow <= 0.5_s) ? s.level : s.from;
    s.attacking = gateNow > 0.5_s ? (s.gate > 0.5_s ? s.attacking : one) : zero;
    s.gate = gateNow;
  }
  /// Moves on to the next frame.
  template <int L, int shape>
  static void step(State<L>& s, const Rates<L>& k) {
    const Vec<L> y = s.level, zero{};
    const Vec<L> up = risen<L, shape>(y, k);
    Vec<L> down, out;
    if constexpr (shape == linear) {
      down = maximum(y - k.down, k.rest);
      out = maximum(y - s.from * k.fall, zero);
    } else {
      down = k.rest + (y - k.rest) * k.down;
      out = y * k.fall;
    }
    s.level = s.gate > 0.5_s ? (s.attacking > 0.5_s ? up : down) : out;
    const auto passes = (s.attacking > 0.5_s) & (up >= 1.0_s);
    if (any(passes)) {
      s.level = passes ? passed<L, shape>(leftOver<L, shape>(y, k), k) : s.level;
      s.attacking = passes ? zero : s.attacking;
    }
  }

  template <int L, int shape>
  static void render(State<L>& state, const Block<L>& b) {
    const auto open = b.audio(gate);
    const auto out = b.out(0);
    State<L> s = state;
    TickRates<L, shape> rates;
    for (int tick = 0; tick < b.ticks(); ++tick) {
      rates.compute(b, tick);
      for (int j = 0; j < kTick; ++j) {
        takeGate<L>(s, open[tick * kTick + j]);
        out.set(tick * kTick + j, s.level);
        step<L, shape>(s, rates[j]);
      }
    }
    state = s;
  }
  template <int L>
  static void forward(State<L>& state, const Block<L>& b) {
    if (b.setup().whole(curve) == linear)
      render<L, linear>(state, b);
    else
      render<L, exponential>(state, b);
  }

  /// Cotangents of a frame's rates.
  template <int L>
  struct Slopes {
    Vec<L> level{}, from{}, up{}, down{}, fall{}, rest{};
  };
  /// Adjoint of `step`: s is the state it started from, d the cotangent of the level after it.
  template <int L>
  static Slopes<L> linearSlopes(const State<L>& s, const Rates<L>& k, Vec<L> d) {
    const Vec<L> zero{}, y = s.level;
    const auto open = s.gate > 0.5_s, rising = s.attacking > 0.5_s;
    const Vec<L> dRise = rising ? (y + k.up >= 1.0_s ? zero : d) : zero, dPass = rising ? d - dRise : zero;
    const Vec<L> dSink = open ? (rising ? zero : d) : zero,
                 dOut = open ? zero : (y - s.from * k.fall > 0.0_s ? d : zero);
    const Vec<L> dMove = y - k.down > k.rest ? dSink : zero;
    Slopes<L> g{dRise + dMove + dOut, -k.fall * dOut, dRise, -dMove, -s.from * dOut, dSink - dMove};
    if (any(rising & (y + k.up >= 1.0_s))) {
      const Vec<L> part = leftOver<L, linear>(y, k);
      const Vec<L> free = 1.0_s - part * k.down > k.rest ? dPass : zero, dPart = -k.down * free;
      g.down = g.down - part * free;
      g.level = g.level + dPart / k.up;
      g.up = g.up + dPart * (1.0_s - part) / k.up;  // part = 1 + (y - 1) / up
      g.rest = g.rest + dPass - free;
    }
    return g;
  }
  template <int L>
  static Slopes<L> exponentialSlopes(const State<L>& s, const Rates<L>& k, Vec<L> d) {
    const Vec<L> zero{}, y = s.level;
    const auto open = s.gate > 0.5_s, rising = s.attacking > 0.5_s;
    const auto over = risen<L, exponential>(y, k) >= 1.0_s;
    const Vec<L> dRise = rising ? (over ? zero : d) : zero, dPass = rising ? d - dRise : zero;
    const Vec<L> dSink = open ? (rising ? zero : d) : zero, dOut = open ? zero : d;
    Slopes<L> g{k.up * dRise + k.down * dSink + k.fall * dOut,
                zero,
                (y - kAim) * dRise,
                (y - k.rest) * dSink,
                y * dOut,
                (1.0_s - k.down) * dSink};
    if (any(rising & over)) {  // rest + (1 - rest) down^part, part = 1 + log((aim - y) / (aim - 1)) / log(up)
      const Vec<L> part = leftOver<L, exponential>(y, k), logUp = log2<L>(k.up), logDown = log2<L>(k.down);
      const Vec<L> power = exp2<L>(part * logDown), dPower = (1.0_s - k.rest) * dPass;
      const Vec<L> dPart = dPower * power * logDown * kLn2;
      g.rest = g.rest + (1.0_s - power) * dPass;
      g.down = g.down + dPower * part * power / k.down;
      g.level = g.level - dPart / ((kAim - y) * kLn2 * logUp);
      g.up = g.up - dPart * (part - 1.0_s) / (logUp * kLn2 * k.up);
    }
    return g;
  }

  template <int L, int shape>
  static void adjoint(const State<L>& start, Cotangent<L>& d, const Block<L>& b, const Grad<L>& grad) {
    auto& states =
        threadScratch<std::array<State<L>, info.backwardTicks * kTick>>();  // after the gate, before the step
    auto& all = threadScratch<std::array<TickRates<L, shape>, info.backwardTicks>>();
    const auto open = b.audio(gate), a = b.audio(attack), dec = b.audio(decay), sus = b.audio(sustain),
               rel = b.audio(release);
    const bool still = a.constant() && dec.constant() && sus.constant() && rel.constant();
    State<L> s = start;
    for (int i = 0; i < b.frames(); ++i) {
      auto& rates = all[static_cast<std::size_t>(still ? 0 : i / kTick)];
      if (i % kTick == 0) rates.compute(b, i / kTick);
      takeGate<L>(s, open[i]);
      states[static_cast<std::size_t>(i)] = s;
      step<L, shape>(s, rates[i % kTick]);
    }
    const auto dOut = grad.out(0), dAttack = grad.in(attack), dDecay = grad.in(decay), dSustain = grad.in(sustain),
               dRelease = grad.in(release);
    const Sample frame = 1.0_s / b.rate();
    const Vec<L> zero{};
    for (int i = b.frames(); i-- > 0;) {
      const Rates<L> k = all[static_cast<std::size_t>(still ? 0 : i / kTick)][i % kTick];
      const State<L>& at = states[static_cast<std::size_t>(i)];
      Slopes<L> g;
      if constexpr (shape == linear)
        g = linearSlopes<L>(at, k, d.level);
      else
        g = exponentialSlopes<L>(at, k, d.level);
      const Vec<L> dUp = shape == linear ? -g.up * k.up / a[i] : g.up * k.up * (kLn2 * kRise * frame) / (a[i] * a[i]);
      const Vec<L> dDown =
          shape == linear ? -g.down * k.down / dec[i] : g.down * k.down * (kLn2 * kFall * frame) / (dec[i] * dec[i]);
      const Vec<L> dFall =
          shape == linear ? -g.fall * k.fall / rel[i] : g.fall * k.fall * (kLn2 * kFall * frame) / (rel[i] * rel[i]);
      if (dAttack) dAttack.add(i, dUp);
      if (dDecay) dDecay.add(i, dDown);
      if (dSustain) dSustain.add(i, shape == linear ? g.rest - g.down * frame / dec[i] : g.rest);
      if (dRelease) dRelease.add(i, dFall);
      const Vec<L> before = i > 0 ? states[static_cast<std::size_t>(i - 1)].gate : start.gate;
      const auto closes = (before > 0.5_s) & (at.gate <= 0.5_s);
      const Vec<L> dFrom = d.from + g.from;
      d = {dOut[i] + g.level + (closes ? dFrom : zero), closes ? zero : dFrom};
    }
  }
  template <int L>
  static void backward(const State<L>& start, Cotangent<L>& d, const Block<L>& b, const Grad<L>& grad) {
    if (b.setup().whole(curve) == linear)
      adjoint<L, linear>(start, d, b, grad);
    else
      adjoint<L, exponential>(start, d, b, grad);
  }
};

}  // namespace nodes
