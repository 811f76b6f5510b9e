// SPDX-License-Identifier: GPL-3.0-or-later
// White noise through a filter drawn by a control signal: one magnitude a band from 0 Hz to the
// Nyquist frequency (or a lower end), a new filter every tick. As in J. Engel et al., "DDSP", 2020: the magnitudes
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
  static constexpr NodeInfo info{
      .id = "source.filtered-noise",
      .name = "Filtered noise",
      .help = "Noise whose spectrum is a control signal, late by half of its filter: bands - 1 frames.",
      .category = Category::source,
      .picture = Picture::spectrum};
  static constexpr int kMostBands = 129;
  static constexpr int kMostReach = 256;  ///< frames to each side of a response's middle
  static constexpr int kMostTaps = 2 * kMostReach;

  enum InputRow { magnitudes, level };
  static constexpr std::array inputs{Input{.id = "magnitudes",
                                           .name = "Magnitudes",
                                           .help = "Gain of each band, from 0 Hz to the top.",
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
  enum SettingRow { bands, seed, top };
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
                                               .whole = true},
                                       Setting{.id = "top",
                                               .name = "Top",
                                               .help = "Where the last band lies; 0: half the sample rate. What was "
                                                       "learned at another sample rate ends there.",
                                               .unit = Unit::hertz,
                                               .min = 0,
                                               .max = 96000,
                                               .def = 0,
                                               .halfRateAtZero = true}};

  /// What earlier ticks still have to sound.
  template <int L>
  struct State {
    std::array<Vec<L>, kMostTaps> tail{};
  };

  /// Frames from the middle of a response to its ends, r: bands - 1, and more where the top lies lower.
  static int reach(const Setup& setup) {
    const int last = setup.whole(bands) - 1;
    const double half = setup.rate / 2, end = setup.number(top);
    return end > 0 ? static_cast<int>(std::lround(last * half / end)) : last;
  }

  /// What magnitude k adds at distance i from the centre of the response, k pi i / r being the angle:
  /// row k of `matrix`, i <= r / 2. At r - i even rows add the same and odd rows its opposite, so half of
  /// the distances do. `window` is the Hann window by distance. Below half the sample rate the density of
  /// the noise stays: a filter that passes a part of the band passes a part of the power.
  static constexpr int kRow = (kMostReach + 2) / 2 + 7;  ///< whole vectors
  struct Prepared {
    int vectors = 0, row = 0, reach = 0;
    std::vector<Sample> matrix, window;
  };
  static Result<Prepared> prepare(const Setup& setup) {
    const int m = setup.whole(bands), last = reach(setup), near = last / 2 + 1;
    if (last < m - 1) return Error{"Its bands reach above half the sample rate; choose a higher rate, or a lower top."};
    if (last > kMostReach) return Error{"Its top is too low for so many bands; raise it, or take fewer bands."};
    Prepared p;
    p.reach = last;
    p.vectors = (near + kWide - 1) / kWide;
    p.row = p.vectors * kWide;
    p.matrix.resize(static_cast<std::size_t>(m * p.row));
    const double scale = std::sqrt(static_cast<double>(last) * (m - 1));
    for (int k = 0; k < m; ++k)
      for (int i = 0; i < near; ++i)
        p.matrix[static_cast<std::size_t>(k * p.row + i)] =
            static_cast<Sample>((k == 0 || k == m - 1 ? 0.5 : 1.0) / scale * std::cos(std::numbers::pi * k * i / last));
    for (int i = 0; i <= last; ++i)
      p.window.push_back(static_cast<Sample>(0.5 + 0.5 * std::cos(std::numbers::pi * i / last)));
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
    alignas(32) Sample even[kRow], odd[kRow];
    for (int v = 0; v < p.vectors; v += 5) {  // five vectors of each parity fit the registers
      const Sample* row = &p.matrix[static_cast<std::size_t>(v * kWide)];
      if (p.vectors - v >= 5)
        addRows<5>(from, rows.channel, m, row, p.row, even + v * kWide, odd + v * kWide);
      else
        for (int i = v; i < p.vectors; ++i, row += kWide)
          addRows<1>(from, rows.channel, m, row, p.row, even + i * kWide, odd + i * kWide);
    }
    const int last = p.reach;
    Sample* centre = h.taps() + last;
    for (int i = 0; i <= last / 2; ++i) {
      centre[i] = p.window[static_cast<std::size_t>(i)] * (even[i] + odd[i]);
      centre[-i] = centre[i];
    }
    for (int i = 1; i < last - last / 2; ++i) {  // the far half, but for its end, where the window is 0
      centre[last - i] = p.window[static_cast<std::size_t>(last - i)] * (even[i] - odd[i]);
      centre[i - last] = centre[last - i];
    }
  }
  template <int V>
  static void addRows(const Sample* gains, std::ptrdiff_t step, int m, const Sample* row, int length, Sample* even,
                      Sample* odd) {
    Wide sum[2][V];
    for (auto& parity : sum)
      for (Wide& v : parity) v = splat<kWide>(0);
    int k = 0;
    for (; k + 1 < m; k += 2, row += 2 * length)
      for (int parity = 0; parity < 2; ++parity) {
        const Wide gain = splat<kWide>(gains[(k + parity) * step]);
        for (int i = 0; i < V; ++i)
          sum[parity][i] = multiplyAdd<kWide>(gain, load<kWide>(row + parity * length + i * kWide), sum[parity][i]);
      }
    if (k < m)
      for (int i = 0; i < V; ++i)
        sum[0][i] = multiplyAdd<kWide>(splat<kWide>(gains[k * step]), load<kWide>(row + i * kWide), sum[0][i]);
    for (int i = 0; i < V; ++i) {
      store<kWide>(even + i * kWide, sum[0][i]);
      store<kWide>(odd + i * kWide, sum[1][i]);
    }
  }
  /// Adjoint of `respond`; dTaps like its taps.
  static void respondBack(const Prepared& p, int m, const Sample* dTaps, Sample* dRows, std::ptrdiff_t step) {
    const int last = p.reach;
    alignas(32) Sample dEven[kRow]{}, dOdd[kRow]{};
    const Sample* centre = dTaps + last;
    for (int i = 0; i <= last / 2; ++i) {
      const Sample d = p.window[static_cast<std::size_t>(i)] * (i ? centre[i] + centre[-i] : centre[0]);
      dEven[i] += d;
      dOdd[i] += d;
    }
    for (int i = 1; i < last - last / 2; ++i) {
      const Sample d = p.window[static_cast<std::size_t>(last - i)] * (centre[last - i] + centre[i - last]);
      dEven[i] += d;
      dOdd[i] -= d;
    }
    for (int k = 0; k < m; ++k) {
      const Sample *row = &p.matrix[static_cast<std::size_t>(k * p.row)], *d = k % 2 ? dOdd : dEven;
      Wide sum = splat<kWide>(0);
      for (int v = 0; v < p.vectors * kWide; v += kWide)
        sum = multiplyAdd<kWide>(load<kWide>(row + v), load<kWide>(d + v), sum);
      dRows[k * step] += sumOf(sum);
    }
  }
  /// Frames after its tick in which a tick of noise is heard, in whole ticks.
  static int tailTicks(const Prepared& p) { return (2 * p.reach + kTick - 1) / kTick; }
  template <int L>
  static void noise(const Block<L>& b, int tick, int l, Sample* x) {
    whiteNoise(static_cast<std::uint32_t>(b.setup().number(seed)), b.voiceOf(l), b.firstFrame() + tick * kTick, kTick,
               x);
  }

  template <int L>
  static void forward(State<L>& s, const Block<L>& b) {
    const auto& p = b.template prepared<Prepared>();
    const int m = b.setup().whole(bands), ticks = tailTicks(p);
    const auto db = b.audio(level);
    alignas(32) Sample x[kTick], y[kMostTaps + kTick], levels[kTick];
    Wide gain = splat<kWide>(0);
    Response h;
    for (int l = 0; l < L; ++l) {
      for (int i = 0; i < ticks * kTick; ++i) y[i] = lane<L>(s.tail[static_cast<std::size_t>(i)], l);
      for (int tick = 0; tick < b.ticks(); ++tick) {
        std::fill(y + ticks * kTick, y + (ticks + 1) * kTick, 0.0_s);
        respond<L>(p, m, b.control(magnitudes), tick, l, h);
        noise<L>(b, tick, l, x);
        addFirStart(x, h.taps(), y);
        for (int t = 1; t < ticks; ++t) addFirTick(x, kTick, h.taps() + t * kTick, y + t * kTick);
        addFirEnd(x, h.taps() + ticks * kTick, y + ticks * kTick);  // taps end at 2 reach <= ticks kTick
        const Sample* decibels = laneOf<L>(db, l, tick * kTick, kTick, levels);
        for (int i = 0; i < kTick; i += kWide) {
          if (i == 0 || !db.constant()) gain = fromDecibels<kWide>(load<kWide>(decibels + i));
          store<kWide>(levels + i, gain * load<kWide>(y + i));
        }
        setLane<L>(b.out(0), l, tick * kTick, kTick, levels);
        std::copy(y + kTick, y + (ticks + 1) * kTick, y);
      }
      for (int i = 0; i < ticks * kTick; ++i) {
        setLane<L>(s.tail[static_cast<std::size_t>(i)], l, y[i]);
      }
    }
  }

  template <int L>
  static void backward(const State<L>&, State<L>& d, const Block<L>& b, const Grad<L>& grad) {
    for (int l = 0; l < L; ++l) backLane<L>(d, b, grad, l);
    const auto dLevel = grad.in(level);
    if (!dLevel) return;
    for (int i = 0; i < b.chunks(); ++i)  // out = gain noise, so d out / d dB = slope out
      dLevel.addWide(i, grad.out(0).wide(i) * load<kWide>(b.out(0).data + i * kWide) * kDecibelSlope);
  }

  template <int L>
  static void backLane(State<L>& d, const Block<L>& b, const Grad<L>& grad, int l) {
    const auto& p = b.template prepared<Prepared>();
    const int m = b.setup().whole(bands), ticks = tailTicks(p);
    const auto dRows = grad.controlIn(magnitudes);
    const auto db = b.audio(level);
    Wide gain = splat<kWide>(0);
    alignas(32) Sample x[kTick], levels[kTick], reversed[kTick], dy[kMostTaps + 2 * kTick], dTaps[kMostTaps + kTick];
    for (int i = 0; i < ticks * kTick; ++i) dy[i] = lane<L>(d.tail[static_cast<std::size_t>(i)], l);
    for (int tick = b.ticks(); tick-- > 0;) {
      std::copy_backward(dy, dy + ticks * kTick, dy + (ticks + 1) * kTick);
      const Sample* dOut = laneOf<L>(grad.out(0), l, tick * kTick, kTick, x);
      const Sample* decibels = laneOf<L>(db, l, tick * kTick, kTick, levels);
      for (int i = 0; i < kTick; i += kWide) {
        if (i == 0 || !db.constant()) gain = fromDecibels<kWide>(load<kWide>(decibels + i));
        store<kWide>(dy + i, gain * load<kWide>(dOut + i));
      }
      if (!dRows) continue;
      noise<L>(b, tick, l, x);
      std::reverse_copy(x, x + kTick, reversed);
      std::fill(dTaps, dTaps + ticks * kTick, 0.0_s);
      std::fill(dy + (ticks + 1) * kTick, dy + (ticks + 2) * kTick, 0.0_s);
      // d tap j = sum over i of x[i] dy[i + j]
      for (int t = 0; t < ticks; ++t) addFirTick(reversed, kTick, dy + t * kTick + kTick - 1, dTaps + t * kTick);
      respondBack(p, m, dTaps, dRows.data + tick * dRows.step + l, dRows.channel);
    }
    for (int i = 0; i < ticks * kTick; ++i) {
      setLane<L>(d.tail[static_cast<std::size_t>(i)], l, dy[i]);
    }
  }
};

}  // namespace nodes
