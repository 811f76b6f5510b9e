// SPDX-License-Identifier: GPL-3.0-or-later
// Oscillator: sine, and saw, square and triangle without audible aliases. Each sample is a function
// of the phase and of its increment at that frame alone: the plain waveform with its jumps and
// corners replaced by band-limited ones (core/dsp/blep.h), so that derivatives are exact.
#pragma once

#include <limits>

#include "core/dsp/blep.h"
#include "core/dsp/gate.h"
#include "core/dsp/wide.h"
#include "core/graph/scratch.h"

namespace nodes {

using namespace core;

struct Oscillator {
  static constexpr NodeInfo info{.id = "source.oscillator",
                                 .name = "Oscillator",
                                 .help = "Sine, saw, square or triangle with frequency modulation.",
                                 .category = Category::source,
                                 .picture = Picture::wave};
  enum InputRow { f0, width, phase, fm, gate };
  static constexpr std::array inputs{
      Input{.id = "f0",
            .name = "Frequency",
            .help = "Pitch of the tone; cables move it in octaves, so a pitch cable has depth 1.",
            .unit = Unit::hertz,
            .min = 1,
            .max = 20000,
            .def = kC4Hz,
            .scale = Scale::log},
      Input{.id = "width",
            .name = "Pulse width",
            .help = "Part of each cycle that the square is up; other waveforms ignore it.",
            .unit = Unit::ratio,
            .min = 0.05,
            .max = 0.95,
            .def = 0.5},
      Input{.id = "phase",
            .name = "Phase",
            .help = "Where in its cycle the wave starts; cables make it phase modulation.",
            .unit = Unit::cycles,
            .min = 0,
            .max = 1,
            .def = 0},
      Input{.id = "fm",
            .name = "FM",
            .help = "Frequency modulation as a part of the frequency: 1 doubles it, below -1 it runs backwards."},
      Input{.id = "gate",
            .name = "Gate",
            .help = "Restarts the wave at its phase when it opens; runs free when nothing is connected.",
            .differentiable = false}};
  static constexpr std::array outputs{Output{.id = "out", .name = "Out", .help = "The wave, between about -1 and 1."}};
  enum SettingRow { waveform };
  enum Waveform { sine, saw, square, triangle };
  static constexpr std::array settings{Setting{.id = "waveform",
                                               .name = "Waveform",
                                               .help = "Shape of the wave.",
                                               .kind = SettingKind::choice,
                                               .def = saw,
                                               .choices = "sine|saw|square|triangle"}};

  /// Phases are fixed-point: one cycle is the whole range of Integer, so they wrap by themselves.
  template <int L>
  struct State {
    VecInt<L> phase{};
    Vec<L> gate{};
  };
  template <int L>
  struct Cotangent {
    Vec<L> phase{};
  };

  using W = Vec<kWide>;
  using WInt = VecInt<kWide>;
  static constexpr Sample kCycle = sizeof(Sample) == 4 ? 4294967296.0_s : 18446744073709551616.0_s;
  /// Added by ^: half a cycle further is the other sign.
  static constexpr Integer kHalfCycle = std::numeric_limits<Integer>::min();
  /// Cycles a frame are kept below half a cycle, and their size above this, where a jump has no width.
  static constexpr Sample kMostStep = 0.495_s, kLeastStep = 0.000001_s;

  static WInt toFixed(W cycles) { return toInteger<kWide>(cycles * kCycle); }  // |cycles| < 1/2
  static W toCycles(WInt fixed) { return toSample<kWide>(fixed) * (1.0_s / kCycle); }
  static W magnitude(W x) { return x < 0.0_s ? -x : x; }

  /// What a frame's wave depends on besides the phase: size of the step in cycles and its inverse.
  struct Step {
    W size, inverse;
    explicit Step(W signedStep)
        : size(maximum(magnitude(signedStep), splat<kWide>(kLeastStep))), inverse(1.0_s / size) {}
  };

  /// A wave's value and its slopes against phase, step size and pulse width.
  struct Slopes {
    W phase{}, step{}, width{};
  };

  /// Saw that jumps down by 2 at u = 0 (u: cycles from the jump, -1/2 to 1/2), zero half a cycle away.
  template <bool withSlopes>
  static W sawAround(W u, const Step& s, Slopes& slopes) {
    const W half = u < 0.0_s ? splat<kWide>(-0.5_s) : splat<kWide>(0.5_s), zero{};
    const W t = u * s.inverse;
    const WInt near = magnitude(t) < kBlepReach;
    W jump = half, pulse{}, moment{};
    if (anySet(near)) {
      jump = near ? blepStep<kWide>(t) : half;
      if constexpr (withSlopes) {
        pulse = near ? blepPulse<kWide>(t) : zero;
        moment = pulse * t;
      }
    }
    for (int j = 1; anySet(s.size * 8.0_s > static_cast<Sample>(2 * j - 1)); ++j)  // neighbours at high pitches
      for (const Sample away : {static_cast<Sample>(-j), static_cast<Sample>(j)}) {
        const W ta = t + away * s.inverse;
        const WInt close = magnitude(ta) < kBlepReach;
        jump = jump + (close ? blepStep<kWide>(ta) - (away < 0 ? -0.5_s : 0.5_s) : zero);
        if constexpr (withSlopes) {
          const W h = close ? blepPulse<kWide>(ta) : zero;
          pulse = pulse + h;
          moment = moment + h * ta;
        }
      }
    if constexpr (withSlopes) {
      slopes.phase = 2.0_s - 2.0_s * s.inverse * pulse;
      slopes.step = 2.0_s * s.inverse * moment;
    }
    return 2.0_s * u - 2.0_s * jump;
  }

  /// Triangle with its upper corner at v = 0 (cycles, -1/2 to 1/2), its lower one half a cycle away.
  template <bool withSlopes>
  static W triangleAround(W v, const Step& s, Slopes& slopes) {
    const W size = magnitude(v), zero{}, one = splat<kWide>(1.0_s);
    const WInt upper = size < 0.25_s;
    const W side = upper ? one : -one, e = upper ? size : 0.5_s - size;  // cycles to the nearest corner
    const W t = e * s.inverse;
    const WInt near = t < kBlepReach;
    W corner = t * 0.5_s, turn = splat<kWide>(0.5_s);  // band-limited |t| / 2 and its slope
    if (anySet(near)) {
      corner = near ? blepCorner<kWide>(t) : corner;
      if constexpr (withSlopes) turn = near ? blepStep<kWide>(t) : turn;
    }
    W moment = turn * t;
    for (int j = 1; anySet(s.size * 16.0_s > static_cast<Sample>(2 * j - 1));
         ++j)  // corners take turns every half cycle
      for (const Sample away : {static_cast<Sample>(-j), static_cast<Sample>(j)}) {
        const Sample sign = j % 2 ? -1.0_s : 1.0_s, half = away < 0 ? -0.5_s : 0.5_s;
        const W ta = t + away * 0.5_s * s.inverse;
        const WInt close = magnitude(ta) < kBlepReach;
        corner = corner + sign * (close ? blepCorner<kWide>(ta) - half * ta : zero);
        if constexpr (withSlopes) {
          const W r = close ? blepStep<kWide>(ta) - half : zero;
          turn = turn + sign * r;
          moment = moment + sign * (r * ta);
        }
      }
    if constexpr (withSlopes) {
      const W toward = v < 0.0_s ? -one : one;  // d size / d v; e runs against size below, where side is -1
      slopes.phase = -8.0_s * turn * toward;
      slopes.step = -8.0_s * side * (corner - moment);
    }
    return side * (1.0_s - 8.0_s * s.size * corner);
  }

  /// The wave of eight phases; all waveforms rise through zero at phase 0 (the square jumps up).
  template <int wave, bool withSlopes>
  static W value(WInt at, const Step& s, W pulse, Slopes& slopes) {
    if constexpr (wave == sine) {
      const W cycles = toCycles(at);
      if constexpr (withSlopes) slopes.phase = 2.0_s * std::numbers::pi_v<Sample> * cosCycles<kWide>(cycles);
      return sinCycles<kWide>(cycles);
    } else if constexpr (wave == saw) {
      return sawAround<withSlopes>(toCycles(at ^ kHalfCycle), s, slopes);
    } else if constexpr (wave == square) {  // no direct current: the mean is zero at every width
      Slopes down;
      const W rising = sawAround<withSlopes>(toCycles(at), s, slopes);
      const W falling =
          sawAround<withSlopes>(toCycles(wrapped<kWide>(at, toFixed(0.5_s - pulse)) ^ kHalfCycle), s, down);
      slopes = {down.phase - slopes.phase, down.step - slopes.step, -down.phase};
      return falling - rising;
    } else {
      return triangleAround<withSlopes>(toCycles(wrapped<kWide>(at, WInt{} + kHalfCycle / 2)), s, slopes);
    }
  }

  /// Phases and signed steps of one tick, [frame][lane].
  template <int L>
  struct Tick {
    static constexpr int kChunks = kTick * L / kWide;
    alignas(64) Integer phase[kTick * L];
    alignas(64) Sample step[kTick * L];
    alignas(64) Integer fixedStep[kTick * L];
    AudioIn<L> start;
    int firstChunk;
    WInt steadyStart;

    /// Accumulates the phases of a tick; restarts where the gate opens.
    void compute(State<L>& s, const Block<L>& b, int tick) {
      const auto hz = b.audio(f0), modulation = b.audio(fm), open = b.audio(gate);
      start = b.audio(Oscillator::phase);
      firstChunk = tick * kChunks;
      steadyStart = startAt(0);
      if (tick == 0 || !hz.constant() || !modulation.constant()) {
        const Sample perFrame = 1.0_s / b.rate();
        for (int i = 0; i < kChunks; ++i) {
          const W asked = hz.wide(tick * kChunks + i) * (1.0_s + modulation.wide(tick * kChunks + i)) * perFrame;
          const W cycles = minimum(maximum(asked, splat<kWide>(-kMostStep)), splat<kWide>(kMostStep));
          const WInt fixed = toFixed(cycles);
          store<kWide>(step + i * kWide, cycles);
          std::memcpy(fixedStep + i * kWide, &fixed, sizeof fixed);
        }
      }
      VecInt<L> at = s.phase;
      Vec<L> last = s.gate;
      const bool still = open.constant();
      for (int i = 0; i < kTick; ++i) {
        if (!still || (tick == 0 && i == 0)) {
          const Vec<L> now = open[tick * kTick + i];
          at = rises<L>(last, now) ? VecInt<L>{} : at;
          last = now;
        }
        std::memcpy(phase + i * L, &at, sizeof at);
        VecInt<L> add;
        std::memcpy(&add, fixedStep + i * L, sizeof add);
        at = wrapped<L>(at, add);
      }
      s = {at, last};
    }
    /// The start phase is an offset, so that it can move.
    WInt startAt(int chunk) const { return toFixed(start.wide(firstChunk + chunk) - 0.5_s) ^ kHalfCycle; }
    WInt phases(int chunk) const {
      WInt v;
      std::memcpy(&v, phase + chunk * kWide, sizeof v);
      return wrapped<kWide>(v, start.constant() ? steadyStart : startAt(chunk));
    }
  };
  template <int L>
  static auto rises(Vec<L> before, Vec<L> now) {
    if constexpr (L == 1)
      return before <= 0.5_s && now > 0.5_s;
    else
      return (before <= 0.5_s) & (now > 0.5_s);
  }
  /// a + b around the cycle (unsigned: overflow is the wrap).
  template <int L>
  static VecInt<L> wrapped(VecInt<L> a, VecInt<L> b) {
    using Unsigned = typename detail::VecOf<std::make_unsigned_t<Integer>, L>::type;
    return std::bit_cast<VecInt<L>>(std::bit_cast<Unsigned>(a) + std::bit_cast<Unsigned>(b));
  }

  template <int L, int wave>
  static void render(State<L>& state, const Block<L>& b) {
    const auto pulse = b.audio(width), hz = b.audio(f0), modulation = b.audio(fm);
    const auto out = b.out(0);
    const bool constant = hz.constant() && modulation.constant();
    Tick<L> t;
    Slopes unused;
    constexpr int kChunks = Tick<L>::kChunks;
    for (int tick = 0; tick < b.ticks(); ++tick) {
      t.compute(state, b, tick);
      Step s(load<kWide>(t.step));
      for (int i = 0; i < kChunks; ++i) {
        if (!constant) s = Step(load<kWide>(t.step + i * kWide));
        const W y = value<wave, false>(t.phases(i), s, pulse.wide(tick * kChunks + i), unused);
        out.setWide(tick * kChunks + i, y);
      }
    }
  }
  template <int L>
  static void forward(State<L>& state, const Block<L>& b) {
    switch (b.setup().whole(waveform)) {
      case sine:
        return render<L, sine>(state, b);
      case saw:
        return render<L, saw>(state, b);
      case square:
        return render<L, square>(state, b);
      default:
        return render<L, triangle>(state, b);
    }
  }

  /// One tick backward, without the recurrence: slopes x cotangent of the output.
  template <int L>
  struct TickSlopes {
    alignas(64) Sample phase[kTick * L], step[kTick * L];
    alignas(64) Sample keep[kTick * L];  ///< 0 where the wave restarts, else 1
    bool restarts;                       ///< anywhere in the tick
  };
  template <int L, int wave>
  static void adjoint(const State<L>& start, Cotangent<L>& d, const Block<L>& b, const Grad<L>& grad) {
    constexpr int kChunks = Tick<L>::kChunks;
    auto& all = threadScratch<std::array<TickSlopes<L>, info.backwardTicks>>();
    const auto dOut = grad.out(0);
    const auto dWidth = grad.in(width);
    const auto pulse = b.audio(width);
    State<L> state = start;
    auto& t = threadScratch<Tick<L>>();
    for (int tick = 0; tick < b.ticks(); ++tick) {
      auto& into = all[static_cast<std::size_t>(tick)];
      into.restarts = markRestarts<L>(into.keep, state.gate, b, tick);
      t.compute(state, b, tick);
      for (int i = 0; i < kChunks; ++i) {
        const W signedStep = load<kWide>(t.step + i * kWide), one = splat<kWide>(1.0_s), zero{};
        Slopes slopes;
        value<wave, true>(t.phases(i), Step(signedStep), pulse.wide(tick * kChunks + i), slopes);
        const W dy = dOut.wide(tick * kChunks + i);
        const W sign = magnitude(signedStep) > kLeastStep ? (signedStep < 0.0_s ? -one : one) : zero;
        store<kWide>(into.phase + i * kWide, slopes.phase * dy);
        store<kWide>(into.step + i * kWide, slopes.step * sign * dy);
        if (dWidth && wave == square) dWidth.addWide(tick * kChunks + i, slopes.width * dy);
      }
    }
    accumulate<L>(all, d, b, grad);
  }

  /// Marks the frames of a tick; whether there are any.
  template <int L>
  static bool markRestarts(Sample* keep, Vec<L> last, const Block<L>& b, int tick) {
    const auto open = b.audio(gate);
    const Vec<L> zero{}, one = splat<L>(1);
    const bool still = open.constant();
    bool any = false;
    for (int i = 0; i < kTick * L; i += kWide) store<kWide>(keep + i, splat<kWide>(1));
    if (!still && holds<L>(open, tick, last)) return false;
    for (int i = 0; i < (still ? 1 : kTick); ++i) {
      const Vec<L> now = open[tick * kTick + i];
      const auto again = rises<L>(last, now);
      any = any || anySet(again);
      store<L>(keep + i * L, again ? zero : one);
      last = now;
    }
    return any;
  }

  /// phase[n + 1] = phase[n] + step[n], cut where the wave restarts; step = f0 (1 + fm) / rate.
  template <int L, class All>
  static void accumulate(const All& all, Cotangent<L>& d, const Block<L>& b, const Grad<L>& grad) {
    constexpr int kChunks = Tick<L>::kChunks;
    const auto hz = b.audio(f0), modulation = b.audio(fm);
    const auto dHz = grad.in(f0), dFm = grad.in(fm), dPhase = grad.in(phase);
    const Sample perFrame = 1.0_s / b.rate();
    const W zero{}, most = splat<kWide>(kMostStep);
    alignas(64) Sample sums[kTick * L];  // cotangent of the phase after each frame
    Vec<L> sum = d.phase;
    for (int tick = b.ticks(); tick-- > 0;) {
      const auto& t = all[static_cast<std::size_t>(tick)];
      for (int j = kTick * L - L; j >= 0; j -= L) {  // only this is serial
        store<L>(sums + j, sum);
        sum = sum + load<L>(t.phase + j);
        if (t.restarts) sum = sum * load<L>(t.keep + j);
      }
      for (int j = 0; j < kChunks; ++j) {
        const int i = tick * kChunks + j, w = j * kWide;
        const W f = hz.wide(i), ratio = 1.0_s + modulation.wide(i), asked = f * ratio * perFrame;
        W dStep = (load<kWide>(sums + w) + load<kWide>(t.step + w)) * perFrame;
        dStep = asked > most ? zero : (asked < -most ? zero : dStep);
        if (dHz) dHz.addWide(i, dStep * ratio);
        if (dFm) dFm.addWide(i, dStep * f);
        if (dPhase) dPhase.addWide(i, load<kWide>(t.phase + w));
      }
    }
    d.phase = sum;
  }

  template <int L>
  static void backward(const State<L>& start, Cotangent<L>& d, const Block<L>& b, const Grad<L>& grad) {
    switch (b.setup().whole(waveform)) {
      case sine:
        return adjoint<L, sine>(start, d, b, grad);
      case saw:
        return adjoint<L, saw>(start, d, b, grad);
      case square:
        return adjoint<L, square>(start, d, b, grad);
      default:
        return adjoint<L, triangle>(start, d, b, grad);
    }
  }
};

}  // namespace nodes
