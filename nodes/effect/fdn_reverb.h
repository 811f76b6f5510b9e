// SPDX-License-Identifier: GPL-3.0-or-later
// Reverb: sixteen delay lines of mutually prime lengths in a feedback network with a Householder
// matrix (lossless, every line feeds every other), a gain a line for the decay time and a one-pole
// low-pass a line for damping. J.-M. Jot, A. Chaigne, "Digital delay networks for designing artificial
// reverberators", 1991; gain 10^(-3 delay / T60). No line is shorter than a tick, so a tick's worth of
// every line can be read before any is written.
#pragma once

#include "core/dsp/math.h"
#include "core/dsp/wide.h"
#include "core/graph/scratch.h"

namespace nodes {

using namespace core;

struct FdnReverb {
  static constexpr NodeInfo info{.id = "effect.fdn",
                                 .name = "Reverb",
                                 .help = "Room made of sixteen delay lines that feed each other; stereo out.",
                                 .category = Category::effect,
                                 .picture = Picture::impulse,
                                 .backwardTicks = 8};
  enum InputRow { in, t60, damping, mix };
  static constexpr std::array inputs{Input{.id = "in",
                                           .name = "In",
                                           .help = "Mono or stereo; voices are mixed here.",
                                           .width = variableWidth('C'),
                                           .mixesVoices = true},
                                     Input{.id = "t60",
                                           .name = "Decay",
                                           .help = "Time in which low frequencies fall by 60 dB.",
                                           .unit = Unit::seconds,
                                           .min = 0.1,
                                           .max = 20,
                                           .def = 2,
                                           .scale = Scale::log,
                                           .rate = Rate::control},
                                     Input{.id = "damping",
                                           .name = "Damping",
                                           .help = "How much faster high frequencies fall.",
                                           .unit = Unit::ratio,
                                           .min = 0,
                                           .max = 0.98,
                                           .def = 0.3,
                                           .rate = Rate::control},
                                     Input{.id = "mix",
                                           .name = "Mix",
                                           .help = "0 % is dry only, 100 % reverb only.",
                                           .unit = Unit::ratio,
                                           .min = 0,
                                           .max = 1,
                                           .def = 0.3}};
  static constexpr std::array outputs{
      Output{.id = "out", .name = "Out", .help = "Dry signal and reverb, left and right.", .width = {2}}};
  enum SettingRow { size };
  static constexpr std::array settings{Setting{.id = "size",
                                               .name = "Size",
                                               .help = "Length of the delay lines; 100 % is 21 to 61 ms.",
                                               .unit = Unit::ratio,
                                               .min = 0.25,
                                               .max = 4,
                                               .def = 1}};
  static constexpr std::size_t kLines = 16;
  /// The sixteen signals written into the lines.
  static constexpr std::array histories{History{.id = "lines"}};
  /// Frames at 48 kHz.
  static constexpr std::array<int, kLines> kDelays{1031, 1153, 1277, 1409, 1543, 1667, 1787, 1907,
                                                   2039, 2161, 2281, 2411, 2539, 2663, 2789, 2917};
  static constexpr Sample kIn = static_cast<Sample>(0.5), kOut = static_cast<Sample>(0.25);
  static constexpr Sample kMirror = 2.0_s / kLines;

  static int delayOf(std::size_t line, const Setup& setup) {
    return std::max(kTick, static_cast<int>(std::lround(kDelays[line] * setup.number(size) * setup.rate / 48000)));
  }
  using Delays = std::array<int, kLines>;
  static Delays delaysOf(const Setup& setup) {
    Delays d;
    for (std::size_t i = 0; i < kLines; ++i) d[i] = delayOf(i, setup);
    return d;
  }
  static HistoryShape historyShape(int, const Setup& setup) {
    return {static_cast<int>(kLines), delayOf(kLines - 1, setup) + kTick};
  }

  template <int L>
  using Lines = std::array<Vec<L>, kLines>;
  /// The low-passes' memory.
  template <int L>
  struct State {
    Lines<L> low{};
  };

  /// What the controls of a tick make of each line: low = in x + keep low.
  template <int L>
  struct Gains {
    Lines<L> decay, in;
    Vec<L> keep;
  };
  static constexpr Sample kSixtyDecibels = static_cast<Sample>(-9.965784284662087);  ///< log2 of 1/1000
  template <int L>
  static Gains<L> gains(const Block<L>& b, const Delays& delays, int tick) {
    Gains<L> g;
    g.keep = b.control(damping)(tick);
    const Vec<L> octaves = kSixtyDecibels / (b.rate() * b.control(t60)(tick));
    if constexpr (L == 1) {  // eight lines at a time; the arithmetic of a line is the same
      for (std::size_t i = 0; i < kLines; i += kWide) {
        Wide frames;
        for (std::size_t j = 0; j < kWide; ++j) frames[j] = static_cast<Sample>(delays[i + j]);
        const Wide decay = exp2<kWide>(octaves * frames);
        store<kWide>(&g.decay[i], decay);
        store<kWide>(&g.in[i], decay * (1.0_s - g.keep));
      }
    } else {
      for (std::size_t i = 0; i < kLines; ++i) {
        g.decay[i] = exp2<L>(octaves * splat<L>(static_cast<Sample>(delays[i])));
        g.in[i] = g.decay[i] * (1.0_s - g.keep);
      }
    }
    return g;
  }

  /// A tick of all lines, [line][frame][lane].
  template <int L>
  using Signals = std::array<std::array<Sample, kTick * L>, kLines>;

  template <class Row>
  using Rows = std::array<Row*, kLines>;
  /// What leaves the lines' ends in the tick that starts at `frame`: where it lies, or in `copies` for a
  /// line that wraps.
  template <int L>
  static Rows<const Sample> lineEnds(const HistoryRing<L>& ring, const Delays& delays, std::int64_t frame,
                                     Signals<L>& copies) {
    Rows<const Sample> rows;
    for (std::size_t i = 0; i < kLines; ++i) {
      const int line = static_cast<int>(i);
      const std::int64_t first = frame - delays[i];
      rows[i] = ring.at(line, first);
      if (ring.at(line, first + kTick - 1) - rows[i] == (kTick - 1) * L) continue;
      for (int j = 0; j < kTick; ++j) store<L>(&copies[i][static_cast<std::size_t>(j * L)], ring.read(line, first + j));
      rows[i] = copies[i].data();
    }
    return rows;
  }

  /// The low-passes over one tick. One lane: lines side by side, so that eight recursions run in one
  /// vector; the arithmetic of a line is the same. x may be y.
  template <int L>
  static void lowPass(Lines<L>& low, const Gains<L>& g, const Rows<const Sample>& x, Signals<L>& y) {
    if constexpr (L == 1) {
      Rows<Sample> to;
      for (std::size_t i = 0; i < kLines; ++i) to[i] = y[i].data();
      for (std::size_t half = 0; half < kLines; half += kWide) {
        Wide last = load<kWide>(&low[half]);
        const Wide in = load<kWide>(&g.in[half]), keep = splat<kWide>(g.keep);
        for (std::ptrdiff_t i = 0; i < kTick; i += kWide) {
          std::array<Wide, 8> v;
          loadColumns(&x[half], i, v);
          for (Wide& frame : v) frame = last = multiplyAdd<kWide>(keep, last, in * frame);
          storeColumns(v, &to[half], i);
        }
        store<kWide>(&low[half], last);
      }
    } else {
      for (std::size_t line = 0; line < kLines; line += 4)
        for (std::size_t i = 0; i < kTick; ++i)
          for (std::size_t j = line; j < line + 4; ++j) {
            low[j] = multiplyAdd<L>(g.keep, low[j], g.in[j] * load<L>(x[j] + i * L));
            store<L>(&y[j][i * L], low[j]);
          }
    }
  }

  /// Sums of the lines: all, and with the signs of the left and the right output.
  struct Sums {
    Wide all, left, right;
  };
  template <class Row>
  static Sums sums(const Row& rows, std::size_t at) {
    Wide part[4];
    for (std::size_t p = 0; p < 4; ++p)  // lines p, p + 4, p + 8, p + 12 have equal signs
      part[p] = (load<kWide>(&rows[p][at]) + load<kWide>(&rows[p + 4][at])) +
                (load<kWide>(&rows[p + 8][at]) + load<kWide>(&rows[p + 12][at]));
    return {(part[0] + part[1]) + (part[2] + part[3]), (part[0] + part[1]) - (part[2] + part[3]),
            (part[0] - part[1]) + (part[2] - part[3])};
  }
  static constexpr Sample leftSign(std::size_t line) { return line % 4 < 2 ? 1 : -1; }
  static constexpr Sample rightSign(std::size_t line) { return line % 2 == 0 ? 1 : -1; }

  template <int L>
  static void forward(State<L>& s, const Block<L>& b) {
    const auto ring = b.history(0);
    const auto left = b.audio(in, 0), right = b.audio(in, b.inputWidth(in) - 1), wet = b.audio(mix);
    const Delays delays = delaysOf(b.setup());
    const bool constant = b.control(t60).constant() && b.control(damping).constant();
    Gains<L> g;
    alignas(32) Signals<L> y, wrapping;
    for (int tick = 0; tick < b.ticks(); ++tick) {
      const std::int64_t frame = b.firstFrame() + tick * kTick;
      if (tick == 0 || !constant) g = gains<L>(b, delays, tick);
      lowPass<L>(s.low, g, lineEnds<L>(ring, delays, frame, wrapping), y);
      Sample* lines[kLines];
      for (std::size_t i = 0; i < kLines; ++i) lines[i] = writable<L>(ring, i, frame);
      for (int c = 0; c < kTick * L / kWide; ++c) {
        const int chunk = tick * (kTick * L / kWide) + c;
        const std::size_t at = static_cast<std::size_t>(c * kWide);
        const Sums sum = sums(y, at);
        const Wide fromLeft = kIn * left.wide(chunk) - kMirror * sum.all,
                   fromRight = kIn * right.wide(chunk) - kMirror * sum.all;
        for (std::size_t i = 0; i < kLines; ++i)
          store<kWide>(lines[i] + at, load<kWide>(&y[i][at]) + (i % 2 ? fromRight : fromLeft));
        const Wide m = wet.wide(chunk), dry = 1.0_s - m;
        b.out(0, 0).setWide(chunk, dry * left.wide(chunk) + m * (kOut * sum.left));
        b.out(0, 1).setWide(chunk, dry * right.wide(chunk) + m * (kOut * sum.right));
      }
    }
  }
  /// A tick of a line to write: ticks never wrap, as a ring is a whole number of ticks long.
  template <int L>
  static Sample* writable(const HistoryRing<L>& ring, std::size_t line, std::int64_t frame) {
    return ring.at(static_cast<int>(line), frame);
  }

  template <int L>
  static void backward(const State<L>& start, State<L>& d, const Block<L>& b, const Grad<L>& grad) {
    auto& read = threadScratch<std::array<Rows<const Sample>, info.backwardTicks>>();
    auto& passed = threadScratch<std::array<Signals<L>, info.backwardTicks>>();
    auto& before = threadScratch<std::array<Lines<L>, info.backwardTicks>>();
    const Delays delays = delaysOf(b.setup());
    Lines<L> low = start.low;
    for (int tick = 0; tick < b.ticks(); ++tick) {
      const auto t = static_cast<std::size_t>(tick);
      before[t] = low;
      // with a tape nothing wraps
      read[t] = lineEnds<L>(b.history(0), delays, b.firstFrame() + tick * kTick, passed[t]);
      lowPass<L>(low, gains<L>(b, delays, tick), read[t], passed[t]);
    }
    alignas(32) Signals<L> dy;
    for (int tick = b.ticks(); tick-- > 0;) {
      const auto t = static_cast<std::size_t>(tick);
      spread<L>(b, grad, tick, passed[t], dy);
      sweepLowPass<L>(d.low, before[t], read[t], passed[t], delays, b, grad, tick, dy);
    }
  }

  /// Adjoint of everything behind the low-passes: cotangents of their outputs, of the input and the mix.
  template <int L>
  static void spread(const Block<L>& b, const Grad<L>& grad, int tick, const Signals<L>& y, Signals<L>& dy) {
    const int channels = b.inputWidth(in);
    const auto left = b.audio(in, 0), right = b.audio(in, channels - 1), wet = b.audio(mix);
    const auto dLeftOut = grad.out(0, 0), dRightOut = grad.out(0, 1);
    const auto dLeftIn = grad.in(in, 0), dRightIn = grad.in(in, channels - 1), dMix = grad.in(mix);
    const std::int64_t frame = b.firstFrame() + tick * kTick;
    const Sample* lines[kLines];
    for (std::size_t i = 0; i < kLines; ++i) lines[i] = writable<L>(grad.history(0), i, frame);
    for (int c = 0; c < kTick * L / kWide; ++c) {
      const int chunk = tick * (kTick * L / kWide) + c;
      const std::size_t at = static_cast<std::size_t>(c * kWide);
      Wide even = splat<kWide>(0), odd = even;  // cotangents of all that is written from left and right
      for (std::size_t i = 0; i < kLines; i += 2) {
        even = even + load<kWide>(lines[i] + at);
        odd = odd + load<kWide>(lines[i + 1] + at);
      }
      const Wide m = wet.wide(chunk), dl = dLeftOut.wide(chunk), dr = dRightOut.wide(chunk);
      const Wide common = kMirror * (even + odd), dSumLeft = kOut * m * dl, dSumRight = kOut * m * dr;
      for (std::size_t i = 0; i < kLines; ++i)
        store<kWide>(&dy[i][at],
                     load<kWide>(lines[i] + at) - common + leftSign(i) * dSumLeft + rightSign(i) * dSumRight);
      if (dLeftIn) dLeftIn.addWide(chunk, kIn * even + (1.0_s - m) * dl);
      if (dRightIn) dRightIn.addWide(chunk, kIn * odd + (1.0_s - m) * dr);
      if (!dMix) continue;
      const Sums sum = sums(y, at);
      dMix.addWide(chunk, dl * (kOut * sum.left - left.wide(chunk)) + dr * (kOut * sum.right - right.wide(chunk)));
    }
  }

  /// Adjoint of `lowPass` up to its factors, in place: cotangents of the outputs become those of the memory.
  template <int L>
  static void lowPassBack(Lines<L>& carried, const Vec<L>& keep, Signals<L>& d) {
    if constexpr (L == 1) {
      Rows<Sample> rows;
      for (std::size_t i = 0; i < kLines; ++i) rows[i] = d[i].data();
      for (std::size_t half = 0; half < kLines; half += kWide) {
        Wide c = load<kWide>(&carried[half]);
        for (std::ptrdiff_t i = kTick - kWide; i >= 0; i -= kWide) {
          std::array<Wide, 8> v;
          loadColumns(&rows[half], i, v);
          for (std::size_t j = 8; j-- > 0;) {
            v[j] = v[j] + c;
            c = keep * v[j];
          }
          storeColumns(v, &rows[half], i);
        }
        store<kWide>(&carried[half], c);
      }
    } else {
      for (std::size_t line = 0; line < kLines; line += 4)
        for (std::size_t i = kTick; i-- > 0;)
          for (std::size_t j = line; j < line + 4; ++j) {
            const Vec<L> dLow = load<L>(&d[j][i * L]) + carried[j];
            store<L>(&d[j][i * L], dLow);
            carried[j] = keep * dLow;
          }
    }
  }
  /// Sums the elements of eight that belong to the same lane.
  template <int L>
  static Vec<L> byLane(const Wide& v) {
    if constexpr (L == kWide) {
      return v;
    } else if constexpr (L == 1) {
      return sumOf(v);
    } else {
      Vec<L> sum;
      for (int l = 0; l < L; ++l) sum[l] = v[l] + v[l + L];
      return sum;
    }
  }

  /// Adjoint of the low-passes and the reads: adds to the cotangents of the lines, of t60 and damping.
  template <int L>
  static void sweepLowPass(Lines<L>& d, const Lines<L>& before, const Rows<const Sample>& x, const Signals<L>& y,
                           const Delays& delays, const Block<L>& b, const Grad<L>& grad, int tick, Signals<L>& dy) {
    const Gains<L> g = gains<L>(b, delays, tick);
    const auto dLines = grad.history(0);
    lowPassBack<L>(d, g.keep, dy);
    Vec<L> dKeep = splat<L>(0), dOctaves = dKeep;
    for (std::size_t line = 0; line < kLines; ++line) {
      const std::int64_t frame = b.firstFrame() + tick * kTick - delays[line];
      Sample* to = dLines.at(static_cast<int>(line), frame);  // with a tape, frames lie side by side
      alignas(32) Sample factors[kWide], first[kWide];
      for (int l = 0; l < kWide; l += L) store<L>(factors + l, g.in[line]);
      store<L>(first, before[line]);
      std::copy_n(y[line].data(), kWide - L, first + L);
      const Wide factor = load<kWide>(factors);
      Wide inputs = splat<kWide>(0), memories = inputs;
      for (std::size_t i = 0; i < kTick * L; i += kWide) {
        const Wide dLow = load<kWide>(&dy[line][i]), lowBefore = load<kWide>(i > 0 ? &y[line][i - L] : first);
        store<kWide>(to + i, load<kWide>(to + i) + factor * dLow);
        inputs = inputs + dLow * load<kWide>(x[line] + i);
        memories = memories + dLow * lowBefore;
      }
      const Vec<L> dIn = byLane<L>(inputs);
      dKeep = dKeep + byLane<L>(memories) - dIn * g.decay[line];  // in = decay (1 - keep)
      dOctaves = dOctaves + dIn * g.in[line] * splat<L>(static_cast<Sample>(delays[line]));
    }
    if (const auto to = grad.controlIn(damping)) to.add(tick, 0, dKeep);
    const Vec<L> seconds = b.control(t60)(tick);  // decay = 2^(60 dB delay / (rate T60)), ln decay = ln 1/1000 ...
    const Vec<L> slope = std::numbers::ln2_v<Sample> * -kSixtyDecibels / (b.rate() * seconds * seconds);
    if (const auto to = grad.controlIn(t60)) to.add(tick, 0, dOctaves * slope);
  }
};

}  // namespace nodes
