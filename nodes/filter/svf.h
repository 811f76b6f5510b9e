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
  /// eight samples at a time whatever the lane count.
  template <int L>
  struct Coefficients {
    Vec<L> g, k, a;
  };
  template <int L>
  static Coefficients<L> coefficients(Vec<L> cutoffHz, Vec<L> quality, Sample rate) {
    const Vec<L> g = tanPi<L>(cutoffHz * (1.0_s / rate));
    const Vec<L> k = 1.0_s / quality;
    return {g, k, 1.0_s / (1.0_s + g * (g + k))};
  }

  /// The only copy of the recurrence. With v3 = x - s2, v1 = a (s1 + g v3), v2 = s2 + g v1 the new
  /// states 2 v1 - s1 and 2 v2 - s2 are written out, so that a frame waits for three operations
  /// instead of eight; the outputs are the means of old and new state.
  template <int L>
  static Vec<L> step(State<L>& s, Vec<L> x, Vec<L> m, Vec<L> b2, Vec<L> b3) {
    const Vec<L> v3 = x - s.s2;
    s = {multiplyAdd<L>(b2, v3, m * s.s1), multiplyAdd<L>(b3, v3, multiplyAdd<L>(b2, s.s1, s.s2))};
    return v3;
  }

  /// Coefficients of one tick, [frame][lane]: g, k, a and m = 2a - 1, b2 = 2ag, b3 = 2ag^2.
  template <int L>
  struct TickCoefficients {
    alignas(32) Sample g[kTick * L], k[kTick * L], a[kTick * L], m[kTick * L], b2[kTick * L], b3[kTick * L];

    /// sweep: g and a too, which backward alone needs.
    template <bool sweep>
    void compute(const AudioIn<L>& cutoffHz, const AudioIn<L>& quality, int tick, Sample rate) {
      if (cutoffHz.constant() && quality.constant() && tick > 0) return;  // as computed for tick 0
      constexpr int kChunks = kTick * L / kWide;
      for (int i = 0; i < kChunks; ++i) {
        const auto c = coefficients<kWide>(cutoffHz.wide(tick * kChunks + i), quality.wide(tick * kChunks + i), rate);
        const Vec<kWide> twice = 2.0_s * c.a;
        if constexpr (sweep) {
          store<kWide>(g + i * kWide, c.g);
          store<kWide>(a + i * kWide, c.a);
        }
        store<kWide>(k + i * kWide, c.k);
        store<kWide>(m + i * kWide, twice - 1.0_s);
        store<kWide>(b2 + i * kWide, twice * c.g);
        store<kWide>(b3 + i * kWide, twice * c.g * c.g);
      }
    }
    Vec<L> advance(State<L>& s, Vec<L> x, int i) const {
      return step<L>(s, x, load<L>(m + i * L), load<L>(b2 + i * L), load<L>(b3 + i * L));
    }
  };

  template <int L>
  static void forward(State<L>& state, const Block<L>& b) {
    const auto x = b.audio(in), hz = b.audio(cutoff), quality = b.audio(q);
    const auto lowOut = b.out(low), bandOut = b.out(band), highOut = b.out(high), notchOut = b.out(notch);
    const bool hasBand = b.reads(band), hasHigh = b.reads(high), hasNotch = b.reads(notch);
    State<L> s = state;
    TickCoefficients<L> c;
    alignas(32) Sample s1[(kTick + 1) * L], s2[(kTick + 1) * L];  // before and after every frame
    constexpr int kChunks = kTick * L / kWide;
    for (int tick = 0; tick < b.ticks(); ++tick) {
      c.template compute<false>(hz, quality, tick, b.rate());
      store<L>(s1, s.s1);
      store<L>(s2, s.s2);
      for (int j = 0; j < kTick; ++j) {  // only the recurrence is serial
        c.advance(s, x[tick * kTick + j], j);
        store<L>(s1 + (j + 1) * L, s.s1);
        store<L>(s2 + (j + 1) * L, s.s2);
      }
      for (int j = 0; j < kChunks; ++j) {
        const int i = tick * kChunks + j;
        const auto mean = [j](const Sample* p) {
          return 0.5_s * (load<kWide>(p + j * kWide) + load<kWide>(p + j * kWide + L));
        };
        const Vec<kWide> v1 = mean(s1), v2 = mean(s2);
        const Vec<kWide> rest = x.wide(i) - load<kWide>(c.k + j * kWide) * v1;
        lowOut.setWide(i, v2);
        if (hasBand) bandOut.setWide(i, v1);
        if (hasNotch) notchOut.setWide(i, rest);
        if (hasHigh) highOut.setWide(i, rest - v2);
      }
    }
    state = s;
  }

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
      c.template compute<true>(hz, quality, tick, b.rate());
      for (int j = 0; j < kTick; ++j) {
        const State<L> before = s;
        store<L>(t.v3 + j * L, c.advance(s, x[tick * kTick + j], j));
        store<L>(t.v1 + j * L, 0.5_s * (before.s1 + s.s1));
        store<L>(t.v2 + j * L, 0.5_s * (before.s2 + s.s2));
      }
    }
    for (int tick = b.ticks(); tick-- > 0;)
      sweepTick<L>(all[at(tick)], steps[static_cast<std::size_t>(tick)], d, b, grad, tick);
  }

  /// Means of the states before and after each frame, and its v3; [frame][lane].
  template <int L>
  struct TickSteps {
    alignas(32) Sample v1[kTick * L], v2[kTick * L], v3[kTick * L];
  };

  /// The adjoint of a tick: what comes in from the outputs, the recurrence backward, what goes to the inputs.
  template <int L>
  static void sweepTick(const TickCoefficients<L>& c, const TickSteps<L>& t, State<L>& d, const Block<L>& b,
                        const Grad<L>& grad, int tick) {
    constexpr int kChunks = kTick * L / kWide;
    const auto dLow = grad.out(low), dBand = grad.out(band), dHigh = grad.out(high), dNotch = grad.out(notch);
    alignas(32) Sample sums[kTick * L], into1[kTick * L], into2[kTick * L], du[kTick * L], dv2[kTick * L];
    for (int j = 0; j < kChunks; ++j) {
      const int i = tick * kChunks + j, w = j * kWide;
      const Vec<kWide> yHigh = dHigh.wide(i), sum = yHigh + dNotch.wide(i);  // high = x - k v1 - v2, notch = x - k v1
      store<kWide>(sums + w, sum);
      store<kWide>(into2 + w, dLow.wide(i) - yHigh);
      store<kWide>(into1 + w, dBand.wide(i) - load<kWide>(c.k + w) * sum);
    }
    Vec<L> d1 = d.s1, d2 = d.s2;  // not in memory: the chain of a frame is short
    for (int j = kTick; j-- > 0;) {
      const Vec<L> g = load<L>(c.g + j * L);
      const Vec<L> to2 = load<L>(into2 + j * L) + 2.0_s * d2;
      const Vec<L> to1 = load<L>(into1 + j * L) + 2.0_s * d1 + g * to2;  // v2 = s2 + g v1
      const Vec<L> u = load<L>(c.a + j * L) * to1;                       // v1 = a u, u = s1 + g v3
      store<L>(dv2 + j * L, to2);
      store<L>(du + j * L, u);
      d1 = u - d1;
      d2 = to2 - d2 - g * u;
    }
    d = {d1, d2};
    const auto dIn = grad.in(in), dCutoff = grad.in(cutoff), dQ = grad.in(q);
    const Sample slope = std::numbers::pi_v<Sample> / b.rate();
    for (int j = 0; j < kChunks; ++j) {
      const int i = tick * kChunks + j, w = j * kWide;
      const auto get = [w](const Sample* row) { return load<kWide>(row + w); };
      const Vec<kWide> g = get(c.g), k = get(c.k), u = get(du), v1 = get(t.v1), dDenominator = -v1 * u;
      if (dIn) dIn.addWide(i, g * u + get(sums));
      if (dCutoff) {
        const Vec<kWide> dg = v1 * get(dv2) + get(t.v3) * u + (2.0_s * g + k) * dDenominator;  // 1 + g (g + k)
        dCutoff.addWide(i, dg * (1.0_s + g * g) * slope);  // g = tan(pi cutoff / rate)
      }
      if (dQ) dQ.addWide(i, -k * k * (g * dDenominator - v1 * get(sums)));  // k = 1 / Q
    }
  }
};

}  // namespace nodes
