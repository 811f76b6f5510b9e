// SPDX-License-Identifier: GPL-3.0-or-later
// Echo: a delay line with feedback, its time moving every sample. Read between frames by cubic
// Lagrange interpolation (linear interpolation low-passes and biases a fit of the time; J. O. Smith,
// "Physical Audio Signal Processing", Lagrange interpolation).
#pragma once

#include "core/dsp/math.h"
#include "core/graph/node.h"

namespace nodes {

using namespace core;

struct Delay {
  static constexpr NodeInfo info{.id = "effect.delay",
                                 .name = "Delay",
                                 .help = "Echoes: delay line with feedback and mix.",
                                 .category = Category::effect,
                                 .picture = Picture::impulse};
  enum InputRow { in, time, feedback, mix };
  static constexpr std::array inputs{
      Input{.id = "in", .name = "In", .help = "Signal to repeat.", .width = variableWidth('C')},
      Input{.id = "time",
            .name = "Time",
            .help = "Time to the first echo, up to the longest delay.",
            .unit = Unit::seconds,
            .min = 0.0005,
            .max = 5,
            .def = 0.35,
            .scale = Scale::log},
      Input{.id = "feedback",
            .name = "Feedback",
            .help = "Gain of each further echo.",
            .unit = Unit::ratio,
            .min = -0.98,
            .max = 0.98,
            .def = 0.35},
      Input{.id = "mix",
            .name = "Mix",
            .help = "0 % is dry only, 100 % echoes only.",
            .unit = Unit::ratio,
            .min = 0,
            .max = 1,
            .def = 0.3}};
  static constexpr std::array outputs{
      Output{.id = "out", .name = "Out", .help = "Dry signal and echoes.", .width = variableWidth('C')}};
  enum SettingRow { longest };
  static constexpr std::array settings{Setting{.id = "longest",
                                               .name = "Longest delay",
                                               .help = "Memory to keep; the time is limited to it.",
                                               .unit = Unit::seconds,
                                               .min = 0.05,
                                               .max = 5,
                                               .def = 2}};
  /// The signal written into the line: in + feedback * delayed.
  static constexpr std::array histories{History{.id = "written"}};
  static HistoryShape historyShape(int, const Setup& setup) {
    return {setup.inputWidths[in], static_cast<std::int64_t>(setup.number(longest) * setup.rate) + 8};
  }

  /// Position of a read: whole frames back and the weights of frames n - whole + 1 ... n - whole - 2.
  template <int L>
  struct Tap {
    VecInt<L> whole;
    std::array<Vec<L>, 4> weight, slope;  ///< slope: d weight / d delay
    Vec<L> open;                          ///< 1 where the time is not clamped
  };
  template <int L>
  static Tap<L> tap(Vec<L> seconds, Sample rate, Sample most) {
    const Vec<L> asked = seconds * rate;
    const Vec<L> one = splat<L>(1), zero = splat<L>(0);
    // 2 frames at the least: the cubic reads one frame ahead of the delay
    const Vec<L> frames = minimum(maximum(asked, splat<L>(2)), splat<L>(most));
    Tap<L> t;
    t.whole = toInteger<L>(frames);
    const Vec<L> d = frames - toSample<L>(t.whole);  // in [0, 1), between n - whole and n - whole - 1
    t.weight = {-d * (d - 1.0_s) * (d - 2.0_s) * (1.0_s / 6.0_s), (d + 1.0_s) * (d - 1.0_s) * (d - 2.0_s) * 0.5_s,
                -(d + 1.0_s) * d * (d - 2.0_s) * 0.5_s, (d + 1.0_s) * d * (d - 1.0_s) * (1.0_s / 6.0_s)};
    t.slope = {-(3.0_s * d * d - 6.0_s * d + 2.0_s) * (1.0_s / 6.0_s), (3.0_s * d * d - 4.0_s * d - 1.0_s) * 0.5_s,
               -(3.0_s * d * d - 2.0_s * d - 2.0_s) * 0.5_s, (3.0_s * d * d - 1.0_s) * (1.0_s / 6.0_s)};
    t.open = asked > 2.0_s ? (asked < most ? one : zero) : zero;
    return t;
  }
  template <int L>
  static Vec<L> read(const HistoryRing<L>& ring, int line, std::int64_t frame, const Tap<L>& t, bool slope) {
    const auto& w = slope ? t.slope : t.weight;
    Vec<L> y = splat<L>(0);
    for (int k = 0; k < 4; ++k) {
      if constexpr (L == 1) {
        y += w[static_cast<std::size_t>(k)] * *ring.at(line, frame - t.whole + 1 - k);
      } else {
        Vec<L> x;
        for (int l = 0; l < L; ++l) x[l] = ring.at(line, frame - t.whole[l] + 1 - k)[l];
        y = y + w[static_cast<std::size_t>(k)] * x;
      }
    }
    return y;
  }
  static Sample most(const Setup& setup) { return static_cast<Sample>(setup.number(longest) * setup.rate); }

  template <int L>
  static void forward(const Block<L>& b) {
    const auto seconds = b.audio(time), gain = b.audio(feedback), wet = b.audio(mix);
    const auto written = b.history(0);
    Tap<L> t = tap<L>(seconds[0], b.rate(), most(b.setup()));
    for (int i = 0; i < b.frames(); ++i) {
      if (!seconds.constant()) t = tap<L>(seconds[i], b.rate(), most(b.setup()));
      for (int c = 0; c < b.inputWidth(in); ++c) {
        const Vec<L> x = b.audio(in, c)[i];
        const Vec<L> y = read<L>(written, c, b.firstFrame() + i, t, false);
        written.write(c, b.firstFrame() + i, x + gain[i] * y);
        b.out(0, c).set(i, x + wet[i] * (y - x));
      }
    }
  }

  template <int L>
  static void backward(const Block<L>& b, const Grad<L>& grad) {
    const auto seconds = b.audio(time), gain = b.audio(feedback), wet = b.audio(mix);
    const auto written = b.history(0), dWritten = grad.history(0);
    const auto dTime = grad.in(time), dGain = grad.in(feedback), dMix = grad.in(mix);
    for (int i = b.frames(); i-- > 0;) {
      const Tap<L> t = tap<L>(seconds[i], b.rate(), most(b.setup()));
      const std::int64_t frame = b.firstFrame() + i;
      for (int c = 0; c < b.inputWidth(in); ++c) {
        const Vec<L> x = b.audio(in, c)[i], y = read<L>(written, c, frame, t, false);
        const Vec<L> dOut = grad.out(0, c)[i];
        const Vec<L> dw = dWritten.read(c, frame);       // written = x + gain y
        const Vec<L> dy = gain[i] * dw + wet[i] * dOut;  // out = x + mix (y - x)
        for (int k = 0; k < 4; ++k) {
          const Vec<L> share = t.weight[static_cast<std::size_t>(k)] * dy;
          for (int l = 0; l < L; ++l) {
            Integer whole;
            if constexpr (L == 1)
              whole = t.whole;
            else
              whole = t.whole[l];
            dWritten.at(c, frame - whole + 1 - k)[l] += lane<L>(share, l);
          }
        }
        if (const auto dIn = grad.in(in, c)) dIn.add(i, dw + (1.0_s - wet[i]) * dOut);
        if (dGain) dGain.add(i, dw * y);
        if (dMix) dMix.add(i, dOut * (y - x));
        if (dTime) dTime.add(i, t.open * dy * read<L>(written, c, frame, t, true) * b.rate());
      }
    }
  }
};

}  // namespace nodes
