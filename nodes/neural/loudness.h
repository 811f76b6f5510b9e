// SPDX-License-Identifier: GPL-3.0-or-later
// Loudness of a sound as it arrives: A-weighted power (IEC 61672) under a short exponential window, in
// decibels. Causal, unlike the centred spectra that papers report, so that what a controller learns
// from is what it will hear. A full-scale sine of 1 kHz reads -3 dB.
#pragma once

#include "core/dsp/math.h"
#include "core/graph/node.h"
#include "core/graph/scratch.h"

namespace nodes {

using namespace core;

struct Loudness {
  static constexpr NodeInfo info{.id = "neural.loudness",
                                 .name = "Loudness",
                                 .help = "Measures how loud a sound is, as a control signal.",
                                 .category = Category::neural,
                                 .picture = Picture::bars};
  enum InputRow { in };
  static constexpr std::array inputs{Input{.id = "in", .name = "In", .help = "The sound to measure."}};
  enum OutputRow { loudness };
  static constexpr std::array outputs{Output{.id = "loudness",
                                             .name = "Loudness",
                                             .help = "A-weighted level in decibels, -100 in silence.",
                                             .rate = Rate::control}};
  enum SettingRow { window };
  static constexpr std::array settings{Setting{.id = "window",
                                               .name = "Window",
                                               .help = "Time over which the power is averaged.",
                                               .unit = Unit::seconds,
                                               .min = 0.001,
                                               .max = 0.1,
                                               .def = 0.006}};

  /// A-weighting is four high-pass and two low-pass sections of first order; two more low-pass
  /// sections average the power.
  static constexpr int kHigh = 4, kLow = 2, kAverage = 2, kSections = kHigh + kLow + kAverage;
  static constexpr std::array<double, kHigh + kLow> kCorners{20.598997, 20.598997, 107.65265,
                                                             737.86223, 12194.217, 12194.217};
  static constexpr Sample kFloor = static_cast<Sample>(1e-10);

  template <int L>
  struct State {
    std::array<Vec<L>, kSections> s{};
  };
  struct Prepared {
    std::array<Sample, kSections> g{};  ///< G = g / (1 + g) of each section's integrator
    int low = kLow;                     ///< low-pass sections in circuit: none whose corner nears Nyquist
    Sample gain = 1;                    ///< makes 1 kHz 0 dB
  };
  static Result<Prepared> prepare(const Setup& setup) {
    Prepared p;
    const auto coefficient = [&](double hertz) {
      const double g = std::tan(std::numbers::pi * std::min(hertz, 0.49 * setup.rate) / setup.rate);
      return static_cast<Sample>(g / (1 + g));
    };
    if (kCorners.back() > 0.45 * setup.rate) p.low = 0;
    for (std::size_t i = 0; i < kCorners.size(); ++i) p.g[i] = coefficient(kCorners[i]);
    for (std::size_t i = kCorners.size(); i < kSections; ++i)
      p.g[i] = coefficient(1 / (2 * std::numbers::pi * setup.number(window)));
    double square = 1;  // |H|^2 at 1 kHz through the bilinear transform
    const double w = std::tan(std::numbers::pi * 1000 / setup.rate);
    for (int i = 0; i < kHigh + p.low; ++i) {
      const double big = static_cast<double>(p.g[static_cast<std::size_t>(i)]), g = big / (1 - big);
      square *= (i < kHigh ? w * w : g * g) / (w * w + g * g);
    }
    p.gain = static_cast<Sample>(1 / std::sqrt(square));
    return p;
  }
  static bool used(const Prepared& p, int section) { return section < kHigh + p.low || section >= kHigh + kLow; }

  /// One frame: returns the averaged power. `squared`: the weighted sample, for the adjoint.
  template <int L>
  static Vec<L> step(const Prepared& p, State<L>& st, Vec<L> x, Vec<L>& weighted) {
    for (int i = 0; i < kSections; ++i) {
      if (i == kHigh + kLow) {
        weighted = x * p.gain;
        x = weighted * weighted;
      }
      if (!used(p, i)) continue;
      Vec<L>& s = st.s[static_cast<std::size_t>(i)];
      const Vec<L> v = (x - s) * p.g[static_cast<std::size_t>(i)], low = s + v;
      s = low + v;
      x = i < kHigh ? x - low : low;
    }
    return x;
  }
  static constexpr Sample kDecibels = static_cast<Sample>(3.0102999566398120);  ///< 10 log10 2

  template <int L>
  static void forward(State<L>& state, const Block<L>& b) {
    const auto& p = b.template prepared<Prepared>();
    State<L> s = state;
    Vec<L> power{}, weighted{};
    for (int t = 0; t < b.ticks(); ++t) {
      for (int i = 0; i < kTick; ++i) power = step<L>(p, s, b.audio(in)[t * kTick + i], weighted);
      b.controlOut(loudness).set(t, 0, kDecibels * log2<L>(maximum(power, splat<L>(0)) + kFloor));
    }
    state = s;
  }

  template <int L>
  static void backward(const State<L>& start, State<L>& d, const Block<L>& b, const Grad<L>& grad) {
    const auto& p = b.template prepared<Prepared>();
    auto& weighted = threadScratch<std::array<Vec<L>, info.backwardTicks * kTick> >();
    std::array<Vec<L>, info.backwardTicks> powers;
    State<L> s = start;
    for (int i = 0; i < b.frames(); ++i)
      powers[static_cast<std::size_t>(i / kTick)] =
          step<L>(p, s, b.audio(in)[i], weighted[static_cast<std::size_t>(i)]);
    const auto dIn = grad.in(in);
    constexpr Sample slope = kDecibels * std::numbers::log2e_v<Sample>;
    for (int i = b.frames(); i-- > 0;) {
      Vec<L> dx = splat<L>(0);
      if (i % kTick == kTick - 1) {
        const Vec<L> power = powers[static_cast<std::size_t>(i / kTick)], zero = splat<L>(0);
        dx = power > 0.0_s ? grad.controlOut(loudness)(i / kTick) * slope / (power + kFloor) : zero;
      }
      for (int k = kSections; k-- > 0;) {
        if (used(p, k)) {  // low = s + v, s' = s + 2 v, v = G (x - s); high = x - low
          Vec<L>& ds = d.s[static_cast<std::size_t>(k)];
          const Vec<L> dLow = k < kHigh ? -dx : dx;
          const Vec<L> dv = (dLow + 2.0_s * ds) * p.g[static_cast<std::size_t>(k)];
          ds = ds + dLow - dv;
          dx = k < kHigh ? dx + dv : dv;
        }
        if (k == kHigh + kLow) dx = dx * 2.0_s * weighted[static_cast<std::size_t>(i)] * p.gain;
      }
      if (dIn) dIn.add(i, dx);
    }
  }
};

}  // namespace nodes
