// SPDX-License-Identifier: GPL-3.0-or-later
// The curves of an ADSR envelope: what one frame makes of its level, and the derivatives.
// linear: attack of slope 1 / attack up to 1, decay from 1 to the sustain level in `decay`, release from the current
// level to 0. exponential: attack towards 1.2 that passes 1 after `attack` (from 0); decay and release cover 60 dB.
#pragma once

#include "core/dsp/math.h"
#include "core/dsp/wide.h"

namespace nodes {

using namespace core;

struct AdsrCurve {
  enum Curve { linear, exponential };
  static constexpr Sample kAim = static_cast<Sample>(1.2);                 ///< where an exponential attack tends to
  static constexpr Sample kRise = static_cast<Sample>(2.584962500721156);  ///< log2(1.2 / 0.2)
  static constexpr Sample kFall = static_cast<Sample>(9.965784284662087);  ///< log2(1000)
  static constexpr Sample kLn2 = std::numbers::ln2_v<Sample>;

  template <int L>
  struct State {
    Vec<L> level{}, from{};      ///< from: level at which a linear release began
    Vec<L> attacking{}, gate{};  ///< 1 or 0
  };
  /// Per frame: linear: level gained or lost; exponential: factor of the distance to the aim.
  template <int L>
  struct Rates {
    Vec<L> up, down, fall, rest;
  };
  /// a, d, r: inverses of the times.
  template <int L, int shape>
  static Rates<L> ratesOf(Vec<L> a, Vec<L> d, Vec<L> s, Vec<L> r, Sample frame) {
    if constexpr (shape == linear)
      return {frame * a, (1.0_s - s) * (frame * d), frame * r, s};
    else
      return {exp2<L>(-kRise * (frame * a)), exp2<L>(-kFall * (frame * d)), exp2<L>(-kFall * (frame * r)), s};
  }

  /// Level after a frame of a full attack.
  template <int L, int shape>
  static Vec<L> risen(Vec<L> y, const Rates<L>& k) {
    if constexpr (shape == linear)
      return y + k.up;
    else
      return multiplyAdd<L>(y, k.up, kAim * (1.0_s - k.up));
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

  /// The law of a frame, one form for attack, decay and release, so that the recurrence is two
  /// operations long; linear: max(y + a, b), exponential: y a + b.
  template <int L>
  struct Law {
    Vec<L> a, b;
  };
  template <int L, int shape>
  static Law<L> lawOf(const State<L>& s, const Rates<L>& k) {
    const auto open = s.gate > 0.5_s, rising = s.attacking > 0.5_s;
    const Vec<L> zero{}, aim = splat<L>(kAim);
    if constexpr (shape == linear)
      return {open ? (rising ? k.up : -k.down) : -(s.from * k.fall), open ? (rising ? zero : k.rest) : zero};
    const Vec<L> factor = open ? (rising ? k.up : k.down) : k.fall;
    return {factor, (open ? (rising ? aim : k.rest) : zero) * (1.0_s - factor)};
  }
  template <int L, int shape>
  static Vec<L> follow(Vec<L> y, const Law<L>& law) {
    if constexpr (shape == linear)
      return maximum(y + law.a, law.b);
    else
      return multiplyAdd<L>(y, law.a, law.b);
  }

  /// What a frame's level after it depends on: its derivatives.
  template <int L>
  struct Slopes {
    Vec<L> level{}, from{}, up{}, down{}, fall{}, rest{};
  };
  /// s: the state a frame starts from, after its gate.
  template <int L>
  static Slopes<L> linearSlopes(const State<L>& s, const Rates<L>& k) {
    const Vec<L> zero{}, one = splat<L>(1), y = s.level;
    const auto open = s.gate > 0.5_s, rising = s.attacking > 0.5_s, over = y + k.up >= 1.0_s;
    const Vec<L> rise = rising ? (over ? zero : one) : zero, sink = open ? (rising ? zero : one) : zero;
    const Vec<L> out = open ? zero : (y - s.from * k.fall > 0.0_s ? one : zero);
    const Vec<L> move = y - k.down > k.rest ? sink : zero;
    Slopes<L> g{rise + move + out, -k.fall * out, rise, -move, -s.from * out, sink - move};
    if (anySet(rising & over)) {
      const Vec<L> pass = rising ? one - rise : zero, part = leftOver<L, linear>(y, k);
      const Vec<L> free = 1.0_s - part * k.down > k.rest ? pass : zero, dPart = -k.down * free;
      g.down = g.down - part * free;
      g.level = g.level + dPart / k.up;
      g.up = g.up + dPart * (1.0_s - part) / k.up;  // part = 1 + (y - 1) / up
      g.rest = g.rest + pass - free;
    }
    return g;
  }
  template <int L>
  static Slopes<L> exponentialSlopes(const State<L>& s, const Rates<L>& k) {
    const Vec<L> zero{}, one = splat<L>(1), y = s.level;
    const auto open = s.gate > 0.5_s, rising = s.attacking > 0.5_s, over = risen<L, exponential>(y, k) >= 1.0_s;
    const Vec<L> rise = rising ? (over ? zero : one) : zero, sink = open ? (rising ? zero : one) : zero,
                 out = open ? zero : one;
    Slopes<L> g{k.up * rise + k.down * sink + k.fall * out,
                zero,
                (y - kAim) * rise,
                (y - k.rest) * sink,
                y * out,
                (1.0_s - k.down) * sink};
    if (anySet(rising & over)) {  // rest + (1 - rest) down^part, part = 1 + log((aim - y) / (aim - 1)) / log(up)
      const Vec<L> pass = rising ? one - rise : zero;
      const Vec<L> part = leftOver<L, exponential>(y, k), logUp = log2<L>(k.up), logDown = log2<L>(k.down);
      const Vec<L> power = exp2<L>(part * logDown), dPower = (1.0_s - k.rest) * pass;
      const Vec<L> dPart = dPower * power * logDown * kLn2;
      g.rest = g.rest + (1.0_s - power) * pass;
      g.down = g.down + dPower * part * power / k.down;
      g.level = g.level - dPart / ((kAim - y) * kLn2 * logUp);
      g.up = g.up - dPart * (part - 1.0_s) / (logUp * kLn2 * k.up);
    }
    return g;
  }
};

}  // namespace nodes
