// SPDX-License-Identifier: GPL-3.0-or-later
// Envelope: attack, decay, sustain, release. Sampled from segments in continuous time: where the
// attack ends between two frames, the decay gets the rest of that frame, so that the level has exact
// slopes against every time and a fit can move them.
// A new attack starts from the current level, so that a fast repetition does not click.
#pragma once

#include "core/dsp/gate.h"
#include "core/graph/scratch.h"
#include "nodes/envelope/adsr_curve.h"

namespace nodes {

using namespace core;

struct Adsr : AdsrCurve {
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
  static constexpr std::array settings{Setting{.id = "curve",
                                               .name = "Curve",
                                               .help = "Straight segments, or those of a charged capacitor.",
                                               .kind = SettingKind::choice,
                                               .def = linear,
                                               .choices = "linear|exponential"}};

  template <int L>
  struct Cotangent {
    Vec<L> level{}, from{};
  };

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
    Wide up[kChunks], down[kChunks], fall[kChunks], rest[kChunks];
    Wide perAttack[kChunks], perDecay[kChunks], perRelease[kChunks];
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

  /// Takes the gate of a frame in: what the edges change.
  template <int L>
  static void takeGate(State<L>& s, Vec<L> gateNow) {
    const Vec<L> zero{}, one = splat<L>(1);
    s.from = (s.gate > 0.5_s) & (gateNow <= 0.5_s) ? s.level : s.from;
    s.attacking = gateNow > 0.5_s ? (s.gate > 0.5_s ? s.attacking : one) : zero;
    s.gate = gateNow;
  }

  /// Frames [first, last) of a tick, in which no gate moves. visit(frame of the tick, count, level, state, changed)
  /// sees each state before its step, its level apart; count: as many frames are equal; changed: it differs
  /// from the frame before in more than the level.
  template <int L, int shape, class Visit>
  static void run(State<L>& s, const TickRates<L, shape>& rates, int first, int last, Visit visit) {
    const bool constant = rates.constant;
    Vec<L> y = s.level;
    Law<L> law = lawOf<L, shape>(s, rates[first]);
    bool rises = anySet(s.attacking > 0.5_s);
    if (constant && !rises && !anySet(follow<L, shape>(y, law) != y)) {  // at rest: sustained or silent
      return visit(first, last - first, y, s, true);
    }
    bool changed = true;
    for (int j = first; j < last; ++j) {
      visit(j, 1, y, s, changed);
      changed = false;
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
      changed = true;
    }
    s.level = y;
  }
  /// First frame from `from` on at which a gate differs from the state's, or kTick.
  template <int L>
  static int nextEdge(const AudioIn<L>& open, int tick, int from, const Vec<L>& now) {
    if (open.constant() && from > 0) return kTick;
    if (from == 0 && holds<L>(open, tick, now)) return kTick;
    int i = from;
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
      walk<L, shape>(s, open, rates, tick, [&](int first, int count, const Vec<L>& level, const State<L>&, bool) {
        for (int j = first; j < first + count; ++j) out.set(tick * kTick + j, level);
      });
    }
    state = s;
  }
  template <int L>
  static void forward(State<L>& state, const Block<L>& b) {
    b.setup().whole(curve) == linear ? render<L, linear>(state, b) : render<L, exponential>(state, b);
  }

  /// A tick in the sweep back, [frame][lane]: what the level after each frame depends on, `closes` 1 where
  /// the gate closes. flat: all frames are as the first eight samples (sustained or silent).
  template <int L>
  struct TickSlopes {
    using Row = std::array<Sample, kTick * L>;
    alignas(32) Row closes, level, from, up, down, fall, rest;
    bool flat, closing;  ///< closing: some gate closes in the tick
  };
  /// Walks a tick and notes what the sweep needs.
  template <int L, int shape>
  static void record(State<L>& s, const AudioIn<L>& open, const TickRates<L, shape>& rates, int tick,
                     TickSlopes<L>& t) {
    alignas(32) typename TickSlopes<L>::Row level, from, attacking, gate;  // states after the gate, before the step
    Vec<L> before = s.gate;
    t.flat = false;
    walk<L, shape>(s, open, rates, tick, [&](int first, int count, const Vec<L>& y, const State<L>& at, bool changed) {
      t.flat = count == kTick && rates.constant;
      const int end = t.flat ? kWide / L : first + count;
      for (int j = first; j < end; ++j) store<L>(&level[0] + j * L, y);
      if (!changed) return;
      const int rest = t.flat ? end : kTick;  // of the tick, or until something changes again
      for (int j = first; j < rest; ++j) {
        const auto put = [j](auto& row, const Vec<L>& v) { store<L>(&row[0] + j * L, v); };
        put(from, at.from);
        put(attacking, at.attacking);
        put(gate, at.gate);
        put(t.closes, Vec<L>{});
      }
      store<L>(&t.closes[0] + first * L, (before > 0.5_s) & (at.gate <= 0.5_s) ? splat<L>(1) : Vec<L>{});
      before = at.gate;
    });
    t.closing = false;
    for (int i = 0; i < (t.flat ? kWide : kTick * L); i += kWide) {
      const auto get = [i](const auto& row) { return load<kWide>(&row[0] + i); };
      const auto put = [i](auto& row, const Wide& v) { store<kWide>(&row[0] + i, v); };
      t.closing = t.closing || anySet(get(t.closes) != 0.0_s);
      const State<kWide> state{get(level), get(from), get(attacking), get(gate)};
      const auto k = rates.wide(i / kWide);
      const auto g = shape == linear ? linearSlopes<kWide>(state, k) : exponentialSlopes<kWide>(state, k);
      put(t.level, g.level);
      put(t.from, g.from);
      put(t.up, g.up);
      put(t.down, g.down);
      put(t.fall, g.fall);
      put(t.rest, g.rest);
    }
  }
  /// The recurrence backward; `after` gets the cotangent of the level after each frame.
  template <int L>
  static void sweep(const TickSlopes<L>& t, const AudioIn<L>& dOut, int tick, Cotangent<L>& d, Sample* after) {
    Vec<L> level = d.level, from = d.from;  // not in memory: the chain of a frame is short
    const int step = t.flat ? 0 : L;
    if (t.flat && !anySet(load<L>(&t.level[0]) != 0.0_s) && !anySet(load<L>(&t.from[0]) != 0.0_s)) {  // forgets
      for (int j = 0; j + 1 < kTick; ++j) store<L>(after + j * L, dOut[tick * kTick + j + 1]);
      store<L>(after + (kTick - 1) * L, level);
      level = dOut[tick * kTick];
    } else if (!t.closing) {
      for (int j = kTick; j-- > 0;) {
        store<L>(after + j * L, level);
        from = multiplyAdd<L>(load<L>(&t.from[0] + j * step), level, from);
        level = multiplyAdd<L>(load<L>(&t.level[0] + j * step), level, dOut[tick * kTick + j]);
      }
    } else {
      for (int j = kTick; j-- > 0;) {
        const auto get = [j, step](const auto& row) { return load<L>(&row[0] + j * step); };
        store<L>(after + j * L, level);
        const Vec<L> dFrom = multiplyAdd<L>(get(t.from), level, from), closes = get(t.closes);
        level = multiplyAdd<L>(get(t.level), level, dOut[tick * kTick + j]) + closes * dFrom;
        from = dFrom - closes * dFrom;
      }
    }
    d = {level, from};
  }
  /// What the cotangents of a tick's levels make of those of the inputs.
  template <int L, int shape>
  static void addInputs(const TickSlopes<L>& t, const TickRates<L, shape>& k, const Sample* after, Sample frame,
                        const Grad<L>& grad, int tick) {
    const auto dAttack = grad.in(attack), dDecay = grad.in(decay), dSustain = grad.in(sustain),
               dRelease = grad.in(release);
    constexpr bool straight = shape == linear;
    const auto sums = [](const AudioCotangent<L>& d) { return !d || d.still(); };
    const bool summed = k.constant && sums(dAttack) && sums(dDecay) && sums(dSustain) && sums(dRelease);
    Wide ups{}, sinks{}, falls{}, rests{};
    for (int i = 0; i < kTick * L; i += kWide) {
      const auto get = [from = t.flat ? 0 : i](const auto& row) { return load<kWide>(&row[0] + from); };
      const Wide dy = load<kWide>(after + i);
      ups = multiplyAdd<kWide>(dy, get(t.up), ups);
      sinks = multiplyAdd<kWide>(dy, get(t.down), sinks);
      falls = multiplyAdd<kWide>(dy, get(t.fall), falls);
      rests = multiplyAdd<kWide>(dy, get(t.rest), rests);
      if (summed && i + kWide < kTick * L) continue;
      const int r = k.place(i / kWide), to = (tick * kTick * L + i) / kWide;
      const Wide pa = k.perAttack[r], pd = k.perDecay[r], pr = k.perRelease[r];
      const Wide up = ups * k.up[r], sink = sinks, down = sinks * k.down[r], fall = falls * k.fall[r], rest = rests;
      ups = sinks = falls = rests = Wide{};
      if (dAttack) dAttack.addWide(to, straight ? -up * pa : up * (kLn2 * kRise * frame) * (pa * pa));
      if (dDecay) dDecay.addWide(to, straight ? -down * pd : down * (kLn2 * kFall * frame) * (pd * pd));
      if (dSustain) dSustain.addWide(to, straight ? rest - sink * (frame * pd) : rest);
      if (dRelease) dRelease.addWide(to, straight ? -fall * pr : fall * (kLn2 * kFall * frame) * (pr * pr));
    }
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
      record<L, shape>(s, b.audio(gate), ratesAt(tick), tick, all[static_cast<std::size_t>(tick)]);
    }
    alignas(32) Sample after[kTick * L];
    for (int tick = b.ticks(); tick-- > 0;) {
      const TickSlopes<L>& t = all[static_cast<std::size_t>(tick)];
      sweep<L>(t, grad.out(0), tick, d, after);
      addInputs<L, shape>(t, ratesAt(tick), after, 1.0_s / b.rate(), grad, tick);
    }
  }
  template <int L>
  static void backward(const State<L>& start, Cotangent<L>& d, const Block<L>& b, const Grad<L>& grad) {
    const bool straight = b.setup().whole(curve) == linear;
    straight ? adjoint<L, linear>(start, d, b, grad) : adjoint<L, exponential>(start, d, b, grad);
  }
};

}  // namespace nodes
