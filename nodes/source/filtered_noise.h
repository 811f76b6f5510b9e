// SPDX-License-Identifier: GPL-3.0-or-later
// White noise through a filter drawn by a control signal: one magnitude a band from 0 Hz to the
// Nyquist frequency, a new filter every tick. As in J. Engel et al., "DDSP", 2020: the magnitudes
// become a linear-phase response of 2 (bands - 1) taps under a Hann window, and each tick of noise
// goes through its own filter, tails overlapping. The response is a product with a fixed matrix
// and the filter a direct sum: at these sizes both are faster than transforms.
#pragma once

#include "core/dsp/math.h"
#include "core/dsp/white_noise.h"
#include "core/dsp/wide.h"

namespace nodes {

using namespace core;

struct FilteredNoise {
  static constexpr NodeInfo info{.id = "source.filtered-noise",
                                 .name = "Filtered noise",
                                 .help = "Noise whose spectrum is a control signal, bands - 1 frames late.",
                                 .category = Category::source,
                                 .picture = Picture::spectrum};
  static constexpr int kMostBands = 129;
  static constexpr int kMostTaps = 2 * (kMostBands - 1);

  enum InputRow { magnitudes, level };
  static constexpr std::array inputs{Input{.id = "magnitudes",
                                           .name = "Magnitudes",
                                           .help = "Gain of each band, from 0 Hz to half the sample rate.",
                                           .def = 1,
                                           .rate = Rate::control,
                                           .width = variableWidth('M')},
                                     Input{.id = "level",
                                           .name = "Level",
                                           .help = "Level of the noise.",
                                           .unit = Unit::decibels,
                                           .min = -60,
                                           .max = 12,
                                           .def = 0}};
  static constexpr std::array outputs{Output{.id = "out", .name = "Out", .help = "The shaped noise."}};
  enum SettingRow { bands, seed };
  static constexpr std::array settings{Setting{.id = "bands",
                                               .name = "Bands",
                                               .help = "How many bands the spectrum has, evenly spaced.",
                                               .min = 3,
                                               .max = kMostBands,
                                               .def = 65,
                                               .whole = true,
                                               .bindsWidth = 'M'},
                                       Setting{.id = "seed",
                                               .name = "Seed",
                                               .help = "Another number is another noise.",
                                               .kind = SettingKind::seed,
                                               .min = 0,
                                               .max = 1e9,
                                               .def = 1,
                                               .whole = true}};

  /// What earlier ticks still have to sound.
  template <int L>
  struct State {
    std::array<Vec<L>, kMostTaps> tail{};
  };

  /// Magnitudes -> taps 0 ... bands - 1 of the response (symmetric around the last), window included:
  /// row k of `matrix`, `stride` long, belongs to magnitude k.
  struct Prepared {
    int stride = 0;
    std::vector<Sample> matrix;
  };
  static Result<Prepared> prepare(const Setup& setup) {
    const int m = setup.whole(bands), size = 2 * (m - 1);
    Prepared p;
    p.stride = (m + kWide - 1) / kWide * kWide;
    p.matrix.resize(static_cast<std::size_t>(m * p.stride));
    for (int k = 0; k < m; ++k)
      for (int tap = 0; tap < m; ++tap) {
        const double angle = 2 * std::numbers::pi * (m - 1 - tap) / size;  // from the centre of the response
        const double window = 0.5 + 0.5 * std::cos(angle), weight = (k == 0 || k == m - 1 ? 1.0 : 2.0) / size;
        p.matrix[static_cast<std::size_t>(k * p.stride + tap)] =
            static_cast<Sample>(window * weight * std::cos(k * angle));
      }
    return p;
  }

  /// A response with zeros around it, so that every output of a tick reads whole vectors.
  struct Response {
    static constexpr int kFront = kTick;
    alignas(32) Sample padded[kFront + kMostTaps + 2 * kTick + kWide]{};
    Sample* taps() { return padded + kFront; }
  };
  template <int L>
  static void respond(const Prepared& p, int m, const ControlIn<L>& rows, int tick, int l, Response& h) {
    const Sample* from = rows.data + tick * rows.step + l;
    constexpr int kRow = (kMostBands + kWide - 1) / kWide;
    alignas(32) Sample half[kRow * kWide];
    for (int v = 0; v < p.stride; v += 4 * kWide) {  // four vectors of taps at once
      const int most = std::min(4, (p.stride - v) / kWide);
      Wide sum[4] = {splat<kWide>(0), splat<kWide>(0), splat<kWide>(0), splat<kWide>(0)};
      for (int k = 0; k < m; ++k) {
        const Wide gain = splat<kWide>(from[k * rows.channel]);
        const Sample* row = &p.matrix[static_cast<std::size_t>(k * p.stride + v)];
        if (most == 4)
          for (int i = 0; i < 4; ++i) sum[i] = multiplyAdd<kWide>(gain, load<kWide>(row + i * kWide), sum[i]);
        else
          for (int i = 0; i < most; ++i) sum[i] = multiplyAdd<kWide>(gain, load<kWide>(row + i * kWide), sum[i]);
      }
      for (int i = 0; i < most; ++i) store<kWide>(half + v + i * kWide, sum[i]);
    }
    Sample* taps = h.taps();
    for (int i = 0; i < m; ++i) taps[i] = half[i];
    for (int i = 1; i < m - 1; ++i) taps[m - 1 + i] = half[m - 1 - i];
  }
  /// Frames after its tick in which a tick of noise is heard, in whole ticks.
  static int tailTicks(int m) { return (2 * (m - 1) + kTick - 1) / kTick; }
  template <int L>
  static void noise(const Block<L>& b, int tick, int l, Sample* x) {
    whiteNoise(static_cast<std::uint32_t>(b.setup().number(seed)), b.voiceOf(l), b.firstFrame() + tick * kTick, kTick,
               x);
  }

  template <int L>
  static void forward(State<L>& s, const Block<L>& b) {
    const auto& p = b.template prepared<Prepared>();
    const int m = b.setup().whole(bands), ticks = tailTicks(m);
    const auto db = b.audio(level);
    alignas(32) Sample x[kTick], y[kMostTaps + kTick], levels[kTick];
    Response h;
    for (int l = 0; l < L; ++l) {
      for (int i = 0; i < kMostTaps; ++i) y[i] = lane<L>(s.tail[static_cast<std::size_t>(i)], l);
      for (int tick = 0; tick < b.ticks(); ++tick) {
        std::fill(y + ticks * kTick, y + (ticks + 1) * kTick, 0.0_s);
        respond<L>(p, m, b.control(magnitudes), tick, l, h);
        noise<L>(b, tick, l, x);
        for (int t = 0; t <= ticks; ++t) addFirTick(x, kTick, h.taps() + t * kTick, y + t * kTick);
        const Sample* decibels = laneOf<L>(db, l, tick * kTick, kTick, levels);
        for (int i = 0; i < kTick; i += kWide)
          store<kWide>(levels + i, fromDecibels<kWide>(load<kWide>(decibels + i)) * load<kWide>(y + i));
        setLane<L>(b.out(0), l, tick * kTick, kTick, levels);
        std::copy(y + kTick, y + (ticks + 1) * kTick, y);
      }
      for (int i = 0; i < ticks * kTick; ++i) {
        if constexpr (L == 1)
          s.tail[static_cast<std::size_t>(i)] = y[i];
        else
          s.tail[static_cast<std::size_t>(i)][l] = y[i];
      }
    }
  }

  template <int L>
  static void backward(const State<L>&, State<L>& d, const Block<L>& b, const Grad<L>& grad) {
    for (int l = 0; l < L; ++l) backLane<L>(d, b, grad, l);
    const auto dLevel = grad.in(level);
    if (!dLevel) return;
    for (int i = 0; i < b.frames(); ++i)  // out = gain noise, so d out / d dB = slope out
      dLevel.add(i, grad.out(0)[i] * load<L>(b.out(0).data + i * L) * kDecibelSlope);
  }

  template <int L>
  static void backLane(State<L>& d, const Block<L>& b, const Grad<L>& grad, int l) {
    const auto& p = b.template prepared<Prepared>();
    const int m = b.setup().whole(bands), ticks = tailTicks(m);
    const auto dRows = grad.controlIn(magnitudes);
    alignas(32) Sample x[kTick], reversed[kTick], dy[kMostTaps + 2 * kTick], dTaps[kMostTaps + kTick];
    for (int i = 0; i < kMostTaps; ++i) dy[i] = lane<L>(d.tail[static_cast<std::size_t>(i)], l);
    for (int tick = b.ticks(); tick-- > 0;) {
      std::copy_backward(dy, dy + ticks * kTick, dy + (ticks + 1) * kTick);
      for (int i = 0; i < kTick; ++i) {
        const int frame = tick * kTick + i;
        dy[i] = lane<L>(grad.out(0)[frame], l) * fromDecibels<1>(lane<L>(b.audio(level)[frame], l));
      }
      if (!dRows) continue;
      noise<L>(b, tick, l, x);
      std::reverse_copy(x, x + kTick, reversed);
      std::fill(dTaps, dTaps + ticks * kTick, 0.0_s);
      std::fill(dy + (ticks + 1) * kTick, dy + (ticks + 2) * kTick, 0.0_s);
      // d tap j = sum over i of x[i] dy[i + j]
      for (int t = 0; t < ticks; ++t) addFirTick(reversed, kTick, dy + t * kTick + kTick - 1, dTaps + t * kTick);
      for (int i = 1; i < m - 1; ++i) dTaps[m - 1 - i] += dTaps[m - 1 + i];
      std::fill(dTaps + m, dTaps + p.stride, 0.0_s);
      for (int k = 0; k < m; ++k) {
        const Sample* row = &p.matrix[static_cast<std::size_t>(k * p.stride)];
        Wide sum = splat<kWide>(0);
        for (int v = 0; v < p.stride; v += kWide)
          sum = multiplyAdd<kWide>(load<kWide>(row + v), load<kWide>(dTaps + v), sum);
        dRows.data[tick * dRows.step + k * dRows.channel + l] += sumOf(sum);
      }
    }
    for (int i = 0; i < ticks * kTick; ++i) {
      if constexpr (L == 1)
        d.tail[static_cast<std::size_t>(i)] = dy[i];
      else
        d.tail[static_cast<std::size_t>(i)][l] = dy[i];
    }
  }
};

}  // namespace nodes
