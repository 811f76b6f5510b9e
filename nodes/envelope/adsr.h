// SPDX-License-Identifier: GPL-3.0-or-later
// Envelope: attack, decay, sustain, release. Sampled from segments in continuous time: where the
// attack ends between two frames, the decay gets the rest of that frame, so that the level has exact
// slopes against every time and a fit can move them.
// linear: attack of slope 1 / attack up to 1, decay from 1 to the sustain level in `decay`, release from the current
// level to 0. exponential: attack towards 1.2 that passes 1 after `attack` (from 0); decay and release cover 60 dB.
// A new attack starts from the current level, so that a fast repetition does not click.
#pragma once

#include "core/dsp/math.h"
#include "core/dsp/wide.h"
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
  /// a, d, r: inverses of the times.
  template <int L, int shape>
  static Rates<L> ratesOf(Vec<L> a, Vec<L> d, Vec<L> s, Vec<L> r, Sample frame) {
    if constexpr (shape == linear)
      return {frame * a, (1.0_s - s) * (frame * d), frame * r, s};
    else
      return {exp2<L>(-kRise * (frame * a)), exp2<L>(-kFall * (frame * d)), exp2<L>(-kFall * (frame * r)), s};
  }

  template <int L>
  static bool still(const Block<L>& b) {
    for (const InputRow row : {attack, decay, sustain, release})
      if (!b.audio(row).constant()) return false;
    return true;
  }

  /// Rates of one tick and the inverse times they came from: [frame][lane], or of one frame for all
  /// when nothing moves them.
  template <int L, int shape>
  struct TickRates {
    static constexpr int kChunks = kTick * L / kWide;
    alignas(32) Wide up[kChunks], down[kChunks], fall[kChunks], rest[kChunks];
    alignas(32) Wide perAttack[kChunks], perDecay[kChunks], perRelease[kChunks];
    bool constant = false;

    int place(int chunk) const { return constant ? 0 : chunk; }
    Rates<kWide> wide(int chunk) const {
      const int i = place(chunk);
      return {up[i], down[i], fall[i], rest[i]};
    }
    Rates<L> operator[](int frame) const {
      const Rates<kWide> k = wide(frame * L / kWide);
      const int first = frame * L % kWide;
      return {part<L>(k.up, first), part<L>(k.down, first), part<L>(k.fall, first), part<L>(k.rest, first)};
    }
    void compute(const Block<L>& b, int tick, bool still) {
      const auto a = b.audio(attack), d = b.audio(decay), s = b.audio(sustain), r = b.audio(release);
      constant = still;
      for (int i = 0; i < (still ? 1 : kChunks); ++i) {
        const int at = tick * kChunks + i;
        perAttack[i] = 1.0_s / a.wide(at);
        perDecay[i] = 1.0_s / d.wide(at);
        perRelease[i] = 1.0_s / r.wide(at);
        const auto k = ratesOf<kWide, shape>(perAttack[i], perDecay[i], s.wide(at), perRelease[i], 1.0_s / b.rate());
        up[i] = k.up;
        down[i] = k.down;
        fall[i] = k.fall;
        rest[i] = k.rest;
      }
    }
  };

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

  /// Takes the gate of a frame in: what the edges change.
  template <int L>
  static void takeGate(State<L>& s, Vec<L> gateNow) {
    const Vec<L> zero{}, one = splat<L>(1);
    s.from = (s.gate > 0.5_s) & (gateNow <= 0.5_s) ? s.level : s.from;
    s.attacking = gateNow > 0.5_s ? (s.gate > 0.5_s ? s.attacking : one) : zero;
    s.gate = gateNow;
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

  /// Frames [first, last) of a tick, in which no gate moves. visit(frame of the tick, level, state) sees
  /// each state before its step, its level apart.
  template <int L, int shape, class Visit>
  static void run(State<L>& s, const TickRates<L, shape>& rates, int first, int last, Visit visit) {
    const bool constant = rates.constant;
    Vec<L> y = s.level;
    Law<L> law = lawOf<L, shape>(s, rates[first]);
    bool rises = anySet(s.attacking > 0.5_s);
    if (constant && !rises && !anySet(follow<L, shape>(y, law) != y)) {  // at rest: sustained or silent
      for (int j = first; j < last; ++j) visit(j, y, s);
      return;
    }
    for (int j = first; j < last; ++j) {
      visit(j, y, s);
      if (!constant) law = lawOf<L, shape>(s, rates[j]);
      const Vec<L> before = y;
      y = follow<L, shape>(y, law);
      if (!rises) continue;
      const auto passes = (s.attacking > 0.5_s) & (y >= 1.0_s);
      if (!anySet(passes)) continue;
      const Rates<L> k = rates[j];
      y = passes ? passed<L, shape>(leftOver<L, shape>(before, k), k) : y;
      s.attacking = passes ? Vec<L>{} : s.attacking;
      law = lawOf<L, shape>(s, k);
      rises = anySet(s.attacking > 0.5_s);
    }
    s.level = y;
  }
  /// First frame from `from` on at which a gate differs from the state's, or kTick.
  template <int L>
  static int nextEdge(const AudioIn<L>& open, int tick, int from, const Vec<L>& now) {
    if (open.constant() && from > 0) return kTick;
    int i = from;
    if (i == 0) {  // most ticks have none: eight samples at a time
      alignas(32) Sample held[kWide];
      for (int l = 0; l < kWide; l += L) store<L>(held + l, now);
      constexpr int kChunks = kTick * L / kWide;
      int c = 0;
      while (c < kChunks && !anySet(open.wide(tick * kChunks + c) != load<kWide>(held))) ++c;
      if (c == kChunks) return kTick;
      i = c * kWide / L;
    }
    while (i < kTick && !anySet(open[tick * kTick + i] != now)) ++i;
    return i;
  }
  /// One tick, edge by edge.
  template <int L, int shape, class Visit>
  static void walk(State<L>& s, const AudioIn<L>& open, const TickRates<L, shape>& rates, int tick, Visit visit) {
    int edge = nextEdge<L>(open, tick, 0, s.gate);
    if (edge > 0) run<L, shape>(s, rates, 0, edge, visit);
    while (edge < kTick) {
      takeGate<L>(s, open[tick * kTick + edge]);
      const int next = nextEdge<L>(open, tick, edge + 1, s.gate);
      run<L, shape>(s, rates, edge, next, visit);
      edge = next;
    }
  }

  template <int L, int shape>
  static void render(State<L>& state, const Block<L>& b) {
    const auto open = b.audio(gate);
    const auto out = b.out(0);
    State<L> s = state;
    TickRates<L, shape> rates;
    const bool constant = still<L>(b);
    for (int tick = 0; tick < b.ticks(); ++tick) {
      if (tick == 0 || !constant) rates.compute(b, tick, constant);
      walk<L, shape>(s, open, rates, tick,
                     [&](int j, const Vec<L>& level, const State<L>&) { out.set(tick * kTick + j, level); });
    }
    state = s;
  }
  template <int L>
  static void forward(State<L>& state, const Block<L>& b) {
    b.setup().whole(curve) == linear ? render<L, linear>(state, b) : render<L, exponential>(state, b);
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

  /// A tick in the sweep back, [frame][lane]: the states (after the gate, before the step) and then what
  /// the level after each frame depends on, `closes` 1 where the gate closes.
  template <int L>
  struct TickSlopes {
    using Row = std::array<Sample, kTick * L>;
    alignas(32) Row level, from, attacking, gate, closes;
    alignas(32) Row dLevel, dFrom, dUp, dDown, dFall, dRest;
  };
  template <int L, int shape>
  static void slopesOf(const TickRates<L, shape>& rates, TickSlopes<L>& t) {
    for (int i = 0; i < kTick * L; i += kWide) {
      const auto get = [i](const auto& row) { return load<kWide>(&row[0] + i); };
      const State<kWide> s{get(t.level), get(t.from), get(t.attacking), get(t.gate)};
      const auto k = rates.wide(i / kWide);
      const auto g = shape == linear ? linearSlopes<kWide>(s, k) : exponentialSlopes<kWide>(s, k);
      const Wide values[] = {g.level, g.from, g.up, g.down, g.fall, g.rest};
      typename TickSlopes<L>::Row* rows[] = {&t.dLevel, &t.dFrom, &t.dUp, &t.dDown, &t.dFall, &t.dRest};
      for (std::size_t r = 0; r < std::size(rows); ++r) store<kWide>(rows[r]->data() + i, values[r]);
    }
  }
  /// The recurrence backward; `after` gets the cotangent of the level after each frame.
  template <int L>
  static void sweep(const TickSlopes<L>& t, const AudioIn<L>& dOut, int tick, Cotangent<L>& d, Sample* after) {
    Vec<L> level = d.level, from = d.from;  // not in memory: the chain of a frame is short
    for (int j = kTick; j-- > 0;) {
      const auto get = [j](const auto& row) { return load<L>(&row[0] + j * L); };
      store<L>(after + j * L, level);
      const Vec<L> dFrom = multiplyAdd<L>(get(t.dFrom), level, from), closes = get(t.closes);
      level = multiplyAdd<L>(get(t.dLevel), level, dOut[tick * kTick + j]) + closes * dFrom;
      from = dFrom - closes * dFrom;
    }
    d = {level, from};
  }

  template <int L, int shape>
  static void adjoint(const State<L>& start, Cotangent<L>& d, const Block<L>& b, const Grad<L>& grad) {
    auto& all = threadScratch<std::array<TickSlopes<L>, info.backwardTicks>>();
    auto& rates = threadScratch<std::array<TickRates<L, shape>, info.backwardTicks>>();
    const bool constant = still<L>(b);
    const auto ratesAt = [&](int tick) -> auto& { return rates[static_cast<std::size_t>(constant ? 0 : tick)]; };
    State<L> s = start;
    for (int tick = 0; tick < b.ticks(); ++tick) {
      if (tick == 0 || !constant) ratesAt(tick).compute(b, tick, constant);
      TickSlopes<L>& t = all[static_cast<std::size_t>(tick)];
      Vec<L> before = s.gate;
      walk<L, shape>(s, b.audio(gate), ratesAt(tick), tick, [&](int j, const Vec<L>& level, const State<L>& at) {
        const auto put = [j](auto& row, const Vec<L>& v) { store<L>(&row[0] + j * L, v); };
        put(t.level, level);
        put(t.from, at.from);
        put(t.attacking, at.attacking);
        put(t.gate, at.gate);
        put(t.closes, (before > 0.5_s) & (at.gate <= 0.5_s) ? splat<L>(1) : Vec<L>{});
        before = at.gate;
      });
      slopesOf<L, shape>(ratesAt(tick), t);
    }
    const auto dAttack = grad.in(attack), dDecay = grad.in(decay), dSustain = grad.in(sustain),
               dRelease = grad.in(release);
    const Sample frame = 1.0_s / b.rate();
    alignas(32) Sample after[kTick * L];
    for (int tick = b.ticks(); tick-- > 0;) {
      const TickSlopes<L>& t = all[static_cast<std::size_t>(tick)];
      const TickRates<L, shape>& k = ratesAt(tick);
      sweep<L>(t, grad.out(0), tick, d, after);
      for (int i = 0; i < kTick * L; i += kWide) {
        const auto get = [i](const auto& row) { return load<kWide>(&row[0] + i); };
        const int r = k.place(i / kWide);
        const Wide dy = load<kWide>(after + i), pa = k.perAttack[r], pd = k.perDecay[r], pr = k.perRelease[r];
        const Wide up = dy * get(t.dUp) * k.up[r], down = dy * get(t.dDown) * k.down[r],
                   fall = dy * get(t.dFall) * k.fall[r], rest = dy * get(t.dRest);
        const int to = (tick * kTick * L + i) / kWide;
        constexpr bool straight = shape == linear;
        if (dAttack) dAttack.addWide(to, straight ? -up * pa : up * (kLn2 * kRise * frame) * (pa * pa));
        if (dDecay) dDecay.addWide(to, straight ? -down * pd : down * (kLn2 * kFall * frame) * (pd * pd));
        if (dSustain) dSustain.addWide(to, straight ? rest - dy * get(t.dDown) * (frame * pd) : rest);
        if (dRelease) dRelease.addWide(to, straight ? -fall * pr : fall * (kLn2 * kFall * frame) * (pr * pr));
      }
    }
  }
  template <int L>
  static void backward(const State<L>& start, Cotangent<L>& d, const Block<L>& b, const Grad<L>& grad) {
    const bool straight = b.setup().whole(curve) == linear;
    straight ? adjoint<L, linear>(start, d, b, grad) : adjoint<L, exponential>(start, d, b, grad);
  }
};

}  // namespace nodes
