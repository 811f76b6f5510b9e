// SPDX-License-Identifier: GPL-3.0-or-later
// Two-pole resonant filter with four responses at once: state-variable filter with trapezoidal
// integrators, cutoff and Q moving every sample.
// Formulas and names: A. Simper (Cytomic), "Solving the continuous SVF equations using trapezoidal
// integration", 2013: g = tan(pi cutoff / rate), k = 1 / Q, a = 1 / (1 + g (g + k)).
#pragma once

#include "core/dsp/math.h"
#include "core/dsp/wide.h"
#include "core/graph/scratch.h"

namespace nodes {

using namespace core;

struct Svf {
  static constexpr NodeInfo info{
      .id = "filter.svf",
      .name = "State-variable filter",
      .help = "Two-pole resonant filter with low-pass, band-pass, high-pass and notch outputs.",
      .category = Category::filter,
      .picture = Picture::response};
  enum InputRow { in, cutoff, q };
  static constexpr std::array inputs{Input{.id = "in", .name = "In", .help = "Signal to filter."},
                                     Input{.id = "cutoff",
                                           .name = "Cutoff",
                                           .help = "Corner frequency; cables move it in octaves.",
                                           .unit = Unit::hertz,
                                           .min = 20,
                                           .max = 20000,
                                           .def = 1000,
                                           .scale = Scale::log},
                                     Input{.id = "q",
                                           .name = "Q",
                                           .help = "Cutoff over bandwidth; 0.707 is flat, high values ring.",
                                           .min = 0.5,
                                           .max = 20,
                                           .def = 0.7071,
                                           .scale = Scale::log}};
  enum OutputRow { low, band, high, notch };
  static constexpr std::array outputs{
      Output{.id = "low", .name = "Low", .help = "Low-pass, 12 dB an octave."},
      Output{.id = "band", .name = "Band", .help = "Band-pass, gain Q at the cutoff."},
      Output{.id = "high", .name = "High", .help = "High-pass, 12 dB an octave."},
      Output{.id = "notch", .name = "Notch", .help = "Low plus high: the cutoff is removed."}};

  template <int L>
  struct State {
    Vec<L> s1{}, s2{};
  };

  /// The coefficients of one frame; they depend on the controls alone, so they are computed for
  /// eight samples at a time whatever the lane count. m = 2a - 1, b2 = 2ag, b3 = 2ag^2 by sine and
  /// cosine of pi cutoff / rate instead of their quotient g, which takes one division.
  template <int L>
  struct Coefficients {
    Vec<L> k, sine, cosine, twice, m, b2, b3;
    Coefficients(Vec<L> cutoffHz, Vec<L> perQ, Sample perRate) : k(perQ) {
      const Vec<L> half = cutoffHz * (0.5_s * perRate);  // in cycles
      sine = sinQuarterCycle<L>(half);
      cosine = sinQuarterCycle<L>(0.25_s - half);
      const Vec<L> square = cosine * cosine;
      twice = 2.0_s / multiplyAdd<L>(sine, multiplyAdd<L>(k, cosine, sine), square);
      m = multiplyAdd<L>(square, twice, splat<L>(-1.0_s));
      const Vec<L> b = sine * twice;
      b2 = b * cosine;
      b3 = b * sine;
    }
    Vec<L> g() const { return sine / cosine; }
    Vec<L> a() const { return 0.5_s * twice * cosine * cosine; }
  };

  /// The only copy of the recurrence. With v3 = x - s2, v1 = a (s1 + g v3), v2 = s2 + g v1 the new
  /// states 2 v1 - s1 and 2 v2 - s2 are written out, so that a frame waits for three operations
  /// instead of eight; the outputs are the means of old and new state.
  template <int L>
  static Vec<L> step(State<L>& s, Vec<L> x, Vec<L> m, Vec<L> b2, Vec<L> b3) {
    const Vec<L> v3 = x - s.s2;
    s = {multiplyAdd<L>(b2, v3, m * s.s1), multiplyAdd<L>(b3, v3, multiplyAdd<L>(b2, s.s1, s.s2))};
    return v3;
  }

  /// more: another output than low is read.
  template <int L, bool more>
  static void render(State<L>& state, const Block<L>& b) {
    const auto x = b.audio(in), hz = b.audio(cutoff), quality = b.audio(q);
    const auto lowOut = b.out(low), bandOut = b.out(band), highOut = b.out(high), notchOut = b.out(notch);
    const bool hasBand = b.reads(band), hasHigh = b.reads(high), hasNotch = b.reads(notch);
    const bool moves = !hz.constant() || !quality.constant();
    const int chunks = b.chunks();
    const Sample perRate = 1.0_s / b.rate();
    State<L> s = state;
    Vec<kWide> perQ = 1.0_s / quality.wide(0);
    Coefficients<kWide> c(hz.wide(0), perQ, perRate);
    for (int i = 0, j = 0; i < chunks; ++i) {  // only the recurrence is serial; it hides the rest
      if (moves) {
        if (!quality.constant()) perQ = 1.0_s / quality.wide(i);
        c = Coefficients<kWide>(hz.wide(i), perQ, perRate);
      }
      for (int l = 0; l < kWide; l += L, ++j) {
        const State<L> before = s;
        const Vec<L> now = x[j];
        step<L>(s, now, part<L>(c.m, l), part<L>(c.b2, l), part<L>(c.b3, l));
        const Vec<L> v2 = 0.5_s * (before.s2 + s.s2);
        lowOut.set(j, v2);
        if constexpr (more) {
          const Vec<L> v1 = 0.5_s * (before.s1 + s.s1), rest = now - part<L>(c.k, l) * v1;
          if (hasBand) bandOut.set(j, v1);
          if (hasNotch) notchOut.set(j, rest);
          if (hasHigh) highOut.set(j, rest - v2);
        }
      }
    }
    state = s;
  }
  template <int L>
  static void forward(State<L>& state, const Block<L>& b) {
    b.reads(band) || b.reads(high) || b.reads(notch) ? render<L, true>(state, b) : render<L, false>(state, b);
  }

  /// Coefficients of one tick for the sweep back, [frame][lane].
  template <int L>
  struct TickCoefficients {
    alignas(32) Sample g[kTick * L], k[kTick * L], a[kTick * L], m[kTick * L], b2[kTick * L], b3[kTick * L];

    void compute(const AudioIn<L>& cutoffHz, const AudioIn<L>& quality, int tick, Sample perRate) {
      if (cutoffHz.constant() && quality.constant() && tick > 0) return;  // as computed for tick 0
      constexpr int kChunks = kTick * L / kWide;
      Vec<kWide> perQ = 1.0_s / quality.wide(tick * kChunks);
      for (int i = 0; i < kChunks; ++i) {
        if (!quality.constant()) perQ = 1.0_s / quality.wide(tick * kChunks + i);
        const Coefficients<kWide> c(cutoffHz.wide(tick * kChunks + i), perQ, perRate);
        store<kWide>(g + i * kWide, c.g());
        store<kWide>(k + i * kWide, c.k);
        store<kWide>(a + i * kWide, c.a());
        store<kWide>(m + i * kWide, c.m);
        store<kWide>(b2 + i * kWide, c.b2);
        store<kWide>(b3 + i * kWide, c.b3);
      }
    }
    Vec<L> advance(State<L>& s, Vec<L> x, int i) const {
      return step<L>(s, x, load<L>(m + i * L), load<L>(b2 + i * L), load<L>(b3 + i * L));
    }
  };

  // VJP. start: state when the block began. d: cotangent of the state after it, on exit before it.
  template <int L>
  static void backward(const State<L>& start, State<L>& d, const Block<L>& b, const Grad<L>& grad) {
    const auto x = b.audio(in), hz = b.audio(cutoff), quality = b.audio(q);
    auto& all = threadScratch<std::array<TickCoefficients<L>, info.backwardTicks>>();
    auto& steps = threadScratch<std::array<TickSteps<L>, info.backwardTicks>>();
    const bool constant = hz.constant() && quality.constant();
    const auto at = [constant](int tick) { return static_cast<std::size_t>(constant ? 0 : tick); };
    State<L> s = start;
    for (int tick = 0; tick < b.ticks(); ++tick) {
      auto& c = all[at(tick)];
      auto& t = steps[static_cast<std::size_t>(tick)];
      c.compute(hz, quality, tick, 1.0_s / b.rate());
      for (int j = 0; j < kTick; ++j) {
        const Vec<L> before = s.s1;
        store<L>(t.v3 + j * L, c.advance(s, x[tick * kTick + j], j));
        store<L>(t.v1 + j * L, 0.5_s * (before + s.s1));
      }
    }
    for (int tick = b.ticks(); tick-- > 0;)
      sweepTick<L>(all[at(tick)], steps[static_cast<std::size_t>(tick)], d, b, grad, tick);
  }

  /// Means of the first state before and after each frame, and its v3; [frame][lane].
  template <int L>
  struct TickSteps {
    alignas(32) Sample v1[kTick * L], v3[kTick * L];
  };

  /// The adjoint of a tick. With v1 = a u, u = s1 + g v3 and v2 = s2 + g v1 a frame's cotangents are
  /// to2 = into2 + 2 d2, to1 = into1 + 2 d1 + g to2, u = a to1, and before it d1' = u - d1,
  /// d2' = to2 - d2 - g u. Written out as in `step`, with c1 = a (into1 + g into2) and c2 = into2 - g c1,
  /// only the recurrence in d1 and d2 is serial.
  template <int L>
  static void sweepTick(const TickCoefficients<L>& c, const TickSteps<L>& t, State<L>& d, const Block<L>& b,
                        const Grad<L>& grad, int tick) {
    constexpr int kChunks = kTick * L / kWide;
    const auto dLow = grad.out(low), dBand = grad.out(band), dHigh = grad.out(high), dNotch = grad.out(notch);
    const bool more = grad.wants(band) || grad.wants(high) || grad.wants(notch);
    alignas(32) Sample sums[kTick * L], into1[kTick * L], into2[kTick * L], c1[kTick * L], c2[kTick * L];
    alignas(32) Sample after1[kTick * L], after2[kTick * L];
    for (int j = 0; j < kChunks; ++j) {
      const int i = tick * kChunks + j, w = j * kWide;
      Vec<kWide> sum{}, to1{}, to2 = dLow.wide(i);
      if (more) {
        const Vec<kWide> yHigh = dHigh.wide(i);
        sum = yHigh + dNotch.wide(i);  // high = x - k v1 - v2, notch = x - k v1
        to2 = to2 - yHigh;
        to1 = dBand.wide(i) - load<kWide>(c.k + w) * sum;
      }
      const Vec<kWide> g = load<kWide>(c.g + w), first = load<kWide>(c.a + w) * multiplyAdd<kWide>(g, to2, to1);
      store<kWide>(sums + w, sum);
      store<kWide>(into1 + w, to1);
      store<kWide>(into2 + w, to2);
      store<kWide>(c1 + w, first);
      store<kWide>(c2 + w, to2 - g * first);
    }
    Vec<L> d1 = d.s1, d2 = d.s2;  // not in memory: the chain of a frame is short
    for (int j = kTick * L - L; j >= 0; j -= L) {
      store<L>(after1 + j, d1);
      store<L>(after2 + j, d2);
      const Vec<L> b2 = load<L>(c.b2 + j), b3 = load<L>(c.b3 + j), was1 = d1;
      d1 = multiplyAdd<L>(load<L>(c.m + j), d1, multiplyAdd<L>(b2, d2, load<L>(c1 + j)));
      d2 = d2 + multiplyAdd<L>(-b3, d2, multiplyAdd<L>(-b2, was1, load<L>(c2 + j)));
    }
    d = {d1, d2};
    const auto dIn = grad.in(in), dCutoff = grad.in(cutoff), dQ = grad.in(q);
    const Sample slope = std::numbers::pi_v<Sample> / b.rate();
    for (int j = 0; j < kChunks; ++j) {
      const int i = tick * kChunks + j, w = j * kWide;
      const auto get = [w](const Sample* row) { return load<kWide>(row + w); };
      const Vec<kWide> g = get(c.g), k = get(c.k), v1 = get(t.v1), to2 = get(into2) + 2.0_s * get(after2);
      const Vec<kWide> u = get(c.a) * multiplyAdd<kWide>(g, to2, get(into1) + 2.0_s * get(after1));
      const Vec<kWide> dDenominator = -v1 * u;
      if (dIn) dIn.addWide(i, g * u + get(sums));
      if (dCutoff) {
        const Vec<kWide> dg = v1 * to2 + get(t.v3) * u + (2.0_s * g + k) * dDenominator;  // 1 + g (g + k)
        dCutoff.addWide(i, dg * (1.0_s + g * g) * slope);                                 // g = tan(pi cutoff / rate)
      }
      if (dQ) dQ.addWide(i, -k * k * (g * dDenominator - v1 * get(sums)));  // k = 1 / Q
    }
  }
};

}  // namespace nodes
