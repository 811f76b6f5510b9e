// SPDX-License-Identifier: GPL-3.0-or-later
// Additive oscillator: up to 128 harmonics of one fundamental, their levels moved by a control signal.
// Formulas: J. Engel et al., "DDSP: Differentiable Digital Signal Processing", 2020, with three
// differences: amplitudes cross over linearly, the fundamental is never sampled more coarsely than
// the sound, and harmonics fade out smoothly below the Nyquist frequency instead of being cut there,
// so that the gradient with respect to the fundamental is that of the sound.
#pragma once

#include "core/dsp/harmonics.h"
#include "core/graph/scratch.h"

namespace nodes {

using namespace core;

struct HarmonicOscillator {
  static constexpr NodeInfo info{.id = "source.harmonic",
                                 .name = "Harmonic oscillator",
                                 .help = "Sum of harmonics whose levels are a control signal.",
                                 .category = Category::source,
                                 .picture = Picture::bars};
  enum InputRow { f0, amplitude, harmonics, phase, gate };
  static constexpr std::array inputs{
      Input{.id = "f0",
            .name = "Pitch",
            .help = "Frequency of the first harmonic; cables move it in octaves.",
            .unit = Unit::hertz,
            .min = 1,
            .max = 20000,
            .def = kC4Hz,
            .scale = Scale::log},
      Input{.id = "amplitude",
            .name = "Amplitude",
            .help = "Level of the whole sum, 0 or more.",
            .def = 1,
            .rate = Rate::control},
      Input{.id = "harmonics",
            .name = "Harmonics",
            .help = "Level of each harmonic, 0 or more.",
            .def = 1,
            .rate = Rate::control,
            .width = variableWidth('K')},
      Input{.id = "phase",
            .name = "Phase",
            .help = "Added to the phase of the first harmonic.",
            .unit = Unit::cycles,
            .min = -1,
            .max = 1,
            .def = 0},
      Input{.id = "gate", .name = "Gate", .help = "Starts the phase again when it rises.", .differentiable = false}};
  static constexpr std::array outputs{Output{.id = "out", .name = "Out", .help = "The sum of the harmonics."}};
  enum SettingRow { count, normalise, top };
  static constexpr std::array settings{
      Setting{.id = "harmonics",
              .name = "Harmonics",
              .help = "How many harmonics there are.",
              .min = 1,
              .max = kMostHarmonics,
              .def = 60,
              .whole = true,
              .bindsWidth = 'K'},
      Setting{.id = "normalise",
              .name = "Normalise",
              .help = "Divides the levels by their sum, so that the amplitude alone sets the level.",
              .kind = SettingKind::choice,
              .def = 1,
              .choices = "off|on"},
      Setting{
          .id = "top",
          .name = "Top",
          .help = "Harmonics end here; 0: at half the sample rate. What was learned at another sample rate ends there.",
          .unit = Unit::hertz,
          .min = 0,
          .max = 96000,
          .def = 0,
          .halfRateAtZero = true}};

  /// What a tick hands to the next one: levels ramp from these.
  template <int L>
  struct State {
    Vec<L> phase{}, gate{}, primed{}, amplitude{};
    std::array<Vec<L>, kHarmonicRow> levels{};
  };

  using Row = std::array<Sample, kHarmonicRow>;
  static constexpr Sample kFade = 20;  ///< harmonics fade out over the last twentieth below the end
  static constexpr Sample kFloor = static_cast<Sample>(1e-7);

  /// Where the last harmonic has faded out, Hz.
  static Sample end(const Setup& setup) {
    const double half = setup.rate / 2, set = setup.number(top);
    return static_cast<Sample>(set > 0 ? std::min(set, half) : half);
  }
  /// Vectors in a row of levels.
  static int steps(const Setup& setup) { return (setup.whole(count) + 7) / 8; }

  /// Whether none of harmonics 1 ... 8 m + 8 fades; x: first harmonic / end.
  static bool isWhole(int m, Sample x) { return kFade - kFade * x * static_cast<Sample>(8 * m + 8) >= 1; }
  /// How loud harmonics 8 m + 1 ... 8 m + 8 are, and the slope of that.
  struct Fade {
    Wide weight, slope;
  };
  static Fade fade(int m, Sample x) {
    if (isWhole(m, x)) return {splat<kWide>(1), splat<kWide>(0)};
    const Wide k = Wide{1, 2, 3, 4, 5, 6, 7, 8} + splat<kWide>(static_cast<Sample>(8 * m));
    const Wide u = minimum(maximum(kFade - kFade * x * k, splat<kWide>(0)), splat<kWide>(1));
    return {u * u * (3.0_s - 2.0_s * u), -kFade * 6.0_s * u * (1.0_s - u) * k};
  }
  /// Adjoint of one row of `rows`: adds to dRaw and dAmp, returns d / dx.
  static Sample heardBack(const Row& raw, Sample amp, Sample x, Sample norm, const Setup& setup, const Row& dOut,
                          Row& dRaw, Sample& dAmp) {
    Wide products = splat<kWide>(0), dx = splat<kWide>(0);
    for (int m = 0; m < steps(setup); ++m) {
      const std::size_t k = static_cast<std::size_t>(8 * m);
      products = products + load<kWide>(&dOut[k]) * load<kWide>(&raw[k]) * fade(m, x).weight;
    }
    const Sample product = sumOf(products);
    dAmp += norm * product;
    const Sample dSum = setup.whole(normalise) ? -norm * norm * amp * product : 0.0_s;
    for (int m = 0; m < steps(setup); ++m) {
      const std::size_t k = static_cast<std::size_t>(8 * m);
      const Wide q = load<kWide>(&raw[k]);
      const Wide d = load<kWide>(&dOut[k]) * (amp * norm) + (q < 0.0_s ? splat<kWide>(-dSum) : splat<kWide>(dSum));
      const Fade f = fade(m, x);
      store<kWide>(&dRaw[k], load<kWide>(&dRaw[k]) + d * f.weight);
      dx = dx + d * q * f.slope;
    }
    return sumOf(dx);
  }

  /// Everything one tick of one lane is made of.
  struct Tick {
    Row raw[2]{};  ///< levels as given: of the tick before, of this one
    Sample amp[2]{}, norm[2]{};
    Row from{}, way{};  ///< levels as heard at the tick's start, and what they change by
    Sample top = 0;     ///< highest fundamental of the tick / Nyquist
  };

  template <int L>
  static void rawRow(const Block<L>& b, int tick, int l, Row& row, Sample& amp) {
    const auto levels = b.control(harmonics);
    const Sample* from = levels.data + tick * levels.step + l;
    for (int k = 0; k < b.setup().whole(count); ++k) row[static_cast<std::size_t>(k)] = from[k * levels.channel];
    amp = lane<L>(b.control(amplitude)(tick), l);
  }
  template <int L>
  static void makeTick(const State<L>& start, const Block<L>& b, int tick, int l, const Sample* hz, Tick& t) {
    rawRow<L>(b, tick, l, t.raw[1], t.amp[1]);
    if (tick > 0) {
      rawRow<L>(b, tick - 1, l, t.raw[0], t.amp[0]);
    } else if (lane<L>(start.primed, l) != 0) {
      for (int k = 0; k < 8 * steps(b.setup()); ++k)
        t.raw[0][static_cast<std::size_t>(k)] = lane<L>(start.levels[static_cast<std::size_t>(k)], l);
      t.amp[0] = lane<L>(start.amplitude, l);
    } else {
      t.raw[0] = t.raw[1];
      t.amp[0] = t.amp[1];
    }
    Wide most = load<kWide>(hz);
    for (int i = kWide; i < kTick; i += kWide) most = maximum(most, load<kWide>(hz + i));
    Sample highest = most[0];
    for (int i = 1; i < kWide; ++i) highest = maximum(highest, most[i]);
    t.top = highest * (1.0_s / end(b.setup()));
    isWhole(steps(b.setup()) - 1, t.top) ? rows<true>(b.setup(), t) : rows<false>(b.setup(), t);
  }
  /// From the rows as given to those as heard, `from` and `way`: faded, normalised when asked, times the
  /// amplitude. whole: no harmonic fades; the bits are the same.
  template <bool whole>
  static void rows(const Setup& setup, Tick& t) {
    const auto faded = [&t](int side, int m) {
      const Wide q = load<kWide>(&t.raw[side][static_cast<std::size_t>(8 * m)]);
      if constexpr (whole)
        return q;
      else
        return q * fade(m, t.top).weight;
    };
    Wide gain[2];
    for (int side = 0; side < 2; ++side) {
      Wide sum = splat<kWide>(0);
      for (int m = 0; m < steps(setup); ++m) {
        const Wide y = faded(side, m);
        sum = sum + (y < 0.0_s ? -y : y);
      }
      t.norm[side] = setup.whole(normalise) ? 1.0_s / (sumOf(sum) + kFloor) : 1.0_s;
      gain[side] = splat<kWide>(t.amp[side] * t.norm[side]);
    }
    for (int m = 0; m < steps(setup); ++m) {
      const auto k = static_cast<std::size_t>(8 * m);
      const Wide from = faded(0, m) * gain[0];
      store<kWide>(&t.from[k], from);
      store<kWide>(&t.way[k], faded(1, m) * gain[1] - from);
    }
  }

  /// Phases of a tick in cycles; the phase starts again where the gate rises. Returns whether it did.
  template <int L>
  static bool phases(const Block<L>& b, int tick, int l, const Sample* hz, Sample& at, Sample& gateBefore,
                     Sample* out) {
    alignas(32) Sample offset[kTick], gates[kTick];
    const Sample* added = laneOf<L>(b.audio(phase), l, tick * kTick, kTick, offset);
    bool again = false;
    if (!b.audio(gate).constant()) {
      const Sample* g = laneOf<L>(b.audio(gate), l, tick * kTick, kTick, gates);
      for (int i = 0; i < kTick; ++i) again = again || rises(g, i, gateBefore);
      if (again)
        for (int i = 0; i < kTick; ++i) {
          if (rises(g, i, gateBefore)) at = 0;
          out[i] = at + added[i];
          at += hz[i] / b.rate();
        }
      gateBefore = g[kTick - 1];
    }
    if (!again) {
      const Wide zero = splat<kWide>(0);
      for (int i = 0; i < kTick; i += kWide) {  // running sum by doubling
        Wide sum = load<kWide>(hz + i) * (1.0_s / b.rate());
        sum = sum + __builtin_shufflevector(zero, sum, 0, 8, 9, 10, 11, 12, 13, 14);
        sum = sum + __builtin_shufflevector(zero, sum, 0, 1, 8, 9, 10, 11, 12, 13);
        sum = sum + __builtin_shufflevector(zero, sum, 0, 1, 2, 3, 8, 9, 10, 11);
        const Wide before = __builtin_shufflevector(zero, sum, 0, 8, 9, 10, 11, 12, 13, 14);
        store<kWide>(out + i, splat<kWide>(at) + before + load<kWide>(added + i));
        at += sum[kWide - 1];
      }
    }
    at -= roundNearest<1>(at);
    return again;
  }
  static bool rises(const Sample* g, int i, Sample before) {
    return g[i] > 0.5_s && !((i > 0 ? g[i - 1] : before) > 0.5_s);
  }
  static Wide ramp(int i) {
    return (Wide{1, 2, 3, 4, 5, 6, 7, 8} + splat<kWide>(static_cast<Sample>(i))) * (1.0_s / kTick);
  }
  template <int L>
  static void forward(State<L>& s, const Block<L>& b) {
    alignas(32) Sample hzCopy[kTick], cycles[kTick], y[kTick];
    Tick t;
    for (int l = 0; l < L; ++l) {
      Sample at = lane<L>(s.phase, l), gateBefore = lane<L>(s.gate, l);
      for (int tick = 0; tick < b.ticks(); ++tick) {
        const Sample* hz = laneOf<L>(b.audio(f0), l, tick * kTick, kTick, hzCopy);
        makeTick<L>(s, b, tick, l, hz, t);
        phases<L>(b, tick, l, hz, at, gateBefore, cycles);
        for (int i = 0; i < kTick; i += kWide) {
          const auto [from, way] =
              sumHarmonics(load<kWide>(cycles + i), t.from.data(), t.way.data(), harmonicSteps(b.setup().whole(count)));
          store<kWide>(y + i, multiplyAdd<kWide>(ramp(i), way, from));
        }
        setLane<L>(b.out(0), l, tick * kTick, kTick, y);
      }
      setLane<L>(s.phase, l, at);
      setLane<L>(s.gate, l, gateBefore);
      setLane<L>(s.primed, l, 1);
      setLane<L>(s.amplitude, l, t.amp[1]);
      for (int k = 0; k < 8 * steps(b.setup()); ++k)
        setLane<L>(s.levels[static_cast<std::size_t>(k)], l, t.raw[1][static_cast<std::size_t>(k)]);
    }
  }

  /// Adjoint of the sums of one tick: cotangents of the rows as heard and, unless null, of the phases.
  static void sweepTick(const Tick& t, const Sample* cycles, const Sample* dy, int blocks, Row* dHeard,
                        Sample* dPhase) {
    std::array<Wide, kHarmonicRow> first{}, second{};
    if (dPhase)
      sweepWithPhases(t, cycles, dy, blocks, first.data(), second.data(), dPhase);
    else
      for (int i = 0; i < kTick; i += 2 * kWide) {
        const Wide d[2] = {load<kWide>(dy + i), load<kWide>(dy + i + kWide)};
        sweepAmplitudes({load<kWide>(cycles + i), load<kWide>(cycles + i + kWide)}, {d[0], d[1]},
                        {d[0] * ramp(i), d[1] * ramp(i + kWide)}, blocks, first.data(), second.data());
      }
    for (std::size_t k = 0; k < static_cast<std::size_t>(kChains * blocks); ++k) {  // heard = from + ramp (to - from)
      const Sample a = sumOf(first[k]), c = sumOf(second[k]);
      dHeard[0][k] = a - c;
      dHeard[1][k] = c;
    }
  }
  static void sweepWithPhases(const Tick& t, const Sample* cycles, const Sample* dy, int blocks, Wide* first,
                              Wide* second, Sample* dPhase) {
    Row from, way;
    for (std::size_t k = 0; k < static_cast<std::size_t>(kChains * blocks); ++k) {
      from[k] = static_cast<Sample>(k + 1) * t.from[k];
      way[k] = static_cast<Sample>(k + 1) * t.way[k];
    }
    for (int i = 0; i < kTick; i += kWide) {
      const Wide d = load<kWide>(dy + i);
      const auto [p, q] =
          sweepHarmonics(load<kWide>(cycles + i), d, d * ramp(i), from.data(), way.data(), blocks, first, second);
      store<kWide>(dPhase + i, d * (p + ramp(i) * q) * (2.0_s * std::numbers::pi_v<Sample>));
    }
  }

  template <int L>
  static void backward(const State<L>& start, State<L>& d, const Block<L>& b, const Grad<L>& grad) {
    for (int l = 0; l < L; ++l) backLane<L>(start, d, b, grad, l);
  }

  template <int L>
  static void backLane(const State<L>& start, State<L>& d, const Block<L>& b, const Grad<L>& grad, int l) {
    constexpr int kFrames = info.backwardTicks * kTick;
    auto& cycles = threadScratch<std::array<Sample, kFrames>>();
    auto& hzAll = threadScratch<std::array<Sample, kFrames>, 1>();
    Sample at = lane<L>(start.phase, l), gateBefore = lane<L>(start.gate, l);
    alignas(32) Sample temporary[kTick], dPhase[kTick], dHz[kTick];
    const bool moves = grad.in(f0) || grad.in(phase);  // else nobody asks for what only these need
    for (int tick = 0; tick < b.ticks(); ++tick) {
      const Sample* hz = laneOf<L>(b.audio(f0), l, tick * kTick, kTick, temporary);
      std::copy(hz, hz + kTick, &hzAll[static_cast<std::size_t>(tick * kTick)]);
      phases<L>(b, tick, l, hz, at, gateBefore, &cycles[static_cast<std::size_t>(tick * kTick)]);
    }
    Row carried{};  // cotangent of the levels as the next tick's starting point
    for (int k = 0; k < b.setup().whole(count); ++k)
      carried[static_cast<std::size_t>(k)] = lane<L>(d.levels[static_cast<std::size_t>(k)], l);
    Sample carriedAmp = lane<L>(d.amplitude, l), dAt = lane<L>(d.phase, l);
    for (int tick = b.ticks(); tick-- > 0;) {
      const auto first = static_cast<std::size_t>(tick * kTick);
      Tick t;
      makeTick<L>(start, b, tick, l, &hzAll[first], t);
      Row dHeard[2]{}, dRaw[2] = {{}, carried};
      Sample dAmp[2] = {0, carriedAmp}, dTop = 0;
      sweepTick(t, &cycles[first], laneOf<L>(grad.out(0), l, tick * kTick, kTick, temporary),
                harmonicSteps(b.setup().whole(count)), dHeard, moves ? dPhase : nullptr);
      for (int side = 0; side < 2; ++side)
        dTop +=
            heardBack(t.raw[side], t.amp[side], t.top, t.norm[side], b.setup(), dHeard[side], dRaw[side], dAmp[side]);
      if (tick == 0 && lane<L>(start.primed, l) == 0) {
        for (std::size_t k = 0; k < carried.size(); ++k) dRaw[1][k] += dRaw[0][k];
        dAmp[1] += dAmp[0];
        dRaw[0] = {};
        dAmp[0] = 0;
      }
      addControls<L>(grad, tick, l, b.setup().whole(count), dRaw[1], dAmp[1]);
      carried = dRaw[0];
      carriedAmp = dAmp[0];
      if (!moves) continue;
      sweepPhase<L>(start, b, tick, l, dPhase, dAt, dHz);
      const Sample* hz = &hzAll[first];
      dHz[std::max_element(hz, hz + kTick) - hz] += dTop * (1.0_s / end(b.setup()));
      if (const auto dF0 = grad.in(f0)) addLane<L>(dF0, l, tick * kTick, kTick, dHz);
      if (const auto dOffset = grad.in(phase)) addLane<L>(dOffset, l, tick * kTick, kTick, dPhase);
    }
    for (std::size_t k = 0; k < carried.size(); ++k) setLane<L>(d.levels[k], l, carried[k]);
    setLane<L>(d.amplitude, l, carriedAmp);
    setLane<L>(d.phase, l, dAt);
  }

  template <int L>
  static void addControls(const Grad<L>& grad, int tick, int l, int width, const Row& dRaw, Sample dAmp) {
    if (const auto to = grad.controlIn(harmonics))
      for (int k = 0; k < width; ++k) to.data[tick * to.step + k * to.channel + l] += dRaw[static_cast<std::size_t>(k)];
    if (const auto to = grad.controlIn(amplitude)) to.data[tick * to.step + l] += dAmp;
  }
  /// Cotangent of the frequency from those of the phases, last frame first; a restart cuts it.
  template <int L>
  static void sweepPhase(const State<L>& start, const Block<L>& b, int tick, int l, const Sample* dPhase, Sample& dAt,
                         Sample* dHz) {
    const auto gates = b.audio(gate);
    for (int i = kTick; i-- > 0;) {
      dHz[i] = dAt / b.rate();
      dAt += dPhase[i];
      const int frame = tick * kTick + i;
      const Sample before = frame > 0 ? lane<L>(gates[frame - 1], l) : lane<L>(start.gate, l);
      if (!gates.constant() && lane<L>(gates[frame], l) > 0.5_s && !(before > 0.5_s)) dAt = 0;
    }
  }
};

}  // namespace nodes
