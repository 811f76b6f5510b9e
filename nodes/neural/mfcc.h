// SPDX-License-Identifier: GPL-3.0-or-later
// MFCC: the timbre of a sound as it arrives, as mel-frequency cepstral coefficients (S. Davis and P.
// Mermelstein, 1980), 250 times a second: what the z encoder of a DDSP autoencoder hears (J. Engel et
// al., 2020: 30 coefficients of 128 bands from 20 Hz to 8 kHz). Causal: the window ends now.
//
// Coefficient 0 is the mean level of the bands in decibels, coefficient k the amplitude in decibels of
// the k-th cosine over them; a louder copy of a sound differs in coefficient 0 alone. Where a frame
// spans several ticks its transform is the work of the first, its coefficients that of the others.
#pragma once

#include <complex>

#include "core/dsp/fft.h"
#include "core/dsp/math.h"
#include "core/dsp/mel.h"
#include "core/graph/buffers.h"
#include "core/neural/frame_ramp.h"

namespace nodes {

using namespace core;

struct Mfcc {
  static constexpr NodeInfo info{.id = "neural.mfcc",
                                 .name = "MFCC",
                                 .help = "Measures the timbre of a sound, for an encoder.",
                                 .category = Category::neural,
                                 .picture = Picture::bars,
                                 .backwardTicks = 64};
  enum InputRow { in };
  static constexpr std::array inputs{Input{.id = "in", .name = "In", .help = "The sound to measure."}};
  enum OutputRow { mfcc };
  static constexpr std::array outputs{Output{.id = "mfcc",
                                             .name = "MFCC",
                                             .help = "Coefficients in decibels; the first is the mean level.",
                                             .rate = Rate::control,
                                             .width = variableWidth('C')}};
  enum SettingRow { count, bands, window, lowest, highest };
  static constexpr std::array settings{Setting{.id = "coefficients",
                                               .name = "Coefficients",
                                               .help = "How many coefficients it gives.",
                                               .min = 2,
                                               .max = 64,
                                               .def = 30,
                                               .whole = true,
                                               .bindsWidth = 'C'},
                                       Setting{.id = "bands",
                                               .name = "Bands",
                                               .help = "Mel bands whose levels the coefficients describe.",
                                               .min = 16,
                                               .max = 256,
                                               .def = 128,
                                               .whole = true},
                                       Setting{.id = "window",
                                               .name = "Window",
                                               .help = "Length of sound that is heard at once.",
                                               .unit = Unit::seconds,
                                               .min = 0.004,
                                               .max = 0.2,
                                               .def = 0.064},
                                       Setting{.id = "lowest",
                                               .name = "Lowest",
                                               .help = "Where the lowest band begins.",
                                               .unit = Unit::hertz,
                                               .min = 10,
                                               .max = 1000,
                                               .def = 20},
                                       Setting{.id = "highest",
                                               .name = "Highest",
                                               .help = "Where the highest band ends, at most half the sample rate.",
                                               .unit = Unit::hertz,
                                               .min = 2000,
                                               .max = 20000,
                                               .def = 8000}};
  /// The sound; by frame the level of every band, and the coefficients.
  enum HistoryRow { past, levels, coefficients };
  static constexpr std::array histories{History{.id = "past"}, History{.id = "levels"}, History{.id = "coefficients"}};

  static constexpr Sample kFloor = static_cast<Sample>(1e-10);                  ///< power: -100 dB
  static constexpr Sample kDecibels = static_cast<Sample>(3.0102999566398120);  ///< 10 log10 2

  static int span(const Setup& s) { return static_cast<int>(std::lround(s.number(window) * s.rate)); }
  static HistoryShape historyShape(int row, const Setup& s) {
    if (row == past) return {1, span(s) + kTick, false, true};
    if (row == levels) return {s.whole(bands), 3, true, false};
    return {s.whole(count), 3, true, true};
  }

  struct Prepared {
    RealFft fft;
    MelBands mel;
    Panels cosines, cosinesBack;  ///< and with rows and columns changed over
    std::vector<Sample> window;
  };
  /// The window (Hann) is scaled so that a sine of amplitude A adds A^2 / 2 to the bands it lies in,
  /// whatever the sizes and the rate.
  static Result<Prepared> prepare(const Setup& s) {
    const int n = span(s), size = fastFftSize(n);
    std::vector<double> hann;
    double energy = 0;
    for (int i = 0; i < n; ++i) {
      hann.push_back(0.5 - 0.5 * std::cos(2 * std::numbers::pi * (i + 0.5) / n));
      energy += hann.back() * hann.back();
    }
    const double scale = std::sqrt(2 / (size * energy));
    std::vector<Sample> scaled;
    scaled.reserve(hann.size());
    for (const double w : hann) scaled.push_back(static_cast<Sample>(w * scale));
    const auto rows = cosineRows(s.whole(count), s.whole(bands));
    const Panels cosines(rows.data(), s.whole(count), s.whole(bands));
    return Prepared{RealFft(size, FftArrays::aligned),
                    MelBands(s.rate, size, s.whole(bands), s.number(lowest), s.number(highest)), cosines,
                    cosines.transposed(), std::move(scaled)};
  }
  /// Scratch only: nothing in it outlives a frame.
  struct Work {
    AlignedArray<Sample> samples;
    AlignedArray<std::complex<Sample>> spectrum;
    std::vector<Sample> power, bands;
    void reset() {}
  };
  static std::shared_ptr<void> makeWork(const Setup& s, const Prepared& p) {
    const auto bins = static_cast<std::size_t>(p.fft.bins());
    return std::make_shared<Work>(Work{AlignedArray<Sample>(static_cast<std::size_t>(p.fft.size())),
                                       AlignedArray<std::complex<Sample>>(bins), std::vector<Sample>(bins),
                                       std::vector<Sample>(static_cast<std::size_t>(s.whole(bands)))});
  }

  // ---- forward ------------------------------------------------------------------------------

  template <int L>
  static void forward(const Block<L>& b) {
    const FrameClock clock(static_cast<double>(b.rate()));
    for (int t = 0; t < b.ticks(); ++t) {
      const std::int64_t frame = b.firstFrame() + t * kTick, tick = frame / kTick;
      for (int i = 0; i < kTick; ++i) b.history(past).write(0, frame + i, b.audio(in)[t * kTick + i]);
      computePart(b, clock, tick);
      const FrameRamp ramp(clock, tick);
      for (int k = 0; k < b.setup().whole(count); ++k)
        b.controlOut(mfcc).set(t, k, ramp.read<L>(b.history(coefficients), k));
    }
  }
  /// The spectrum of lane l of the window that ends at `end`, in the scratch.
  template <int L>
  static void transform(const Block<L>& b, int l, std::int64_t end) {
    const auto& p = b.template prepared<Prepared>();
    auto& work = b.template work<Work>();
    const int n = static_cast<int>(p.window.size());
    const Sample* x = laneOf<L>(b.history(past), 0, l, end - n, n, work.samples.data());
    for (int i = 0; i < n; ++i)
      work.samples[static_cast<std::size_t>(i)] = x[i] * p.window[static_cast<std::size_t>(i)];
    std::fill(work.samples.data() + n, work.samples.data() + p.fft.size(), 0.0_s);
    p.fft.forward(work.samples.data(), work.spectrum.data());
  }
  static Features lines(const auto& history, std::int64_t frame) {
    return {history.at(0, frame), history.view.lineStride};
  }
  template <int L>
  static void computePart(const Block<L>& b, const FrameClock& clock, std::int64_t tick) {
    const auto& p = b.template prepared<Prepared>();
    const auto bandLevels = b.history(levels);
    const std::int64_t now = clock.frameOf(tick);
    const bool begins = clock.begins(tick);
    if (begins) {
      auto& work = b.template work<Work>();
      for (int l = 0; l < L; ++l) {
        transform(b, l, (tick + 1) * kTick);
        for (int k = 0; k < p.mel.bins(); ++k)
          work.power[static_cast<std::size_t>(k)] = std::norm(work.spectrum[static_cast<std::size_t>(k)]);
        p.mel.apply(work.power.data(), work.bands.data());
        for (int m = 0; m < p.mel.bands(); ++m) bandLevels.at(m, now)[l] = work.bands[static_cast<std::size_t>(m)];
      }
    }
    const double before = begins ? 0 : clock.workDone(tick - 1), to = clock.workDone(tick),
                 first = begins ? to : clock.workDone(clock.firstTick(now));
    if (begins ? to == 1 : before == first)
      for (int m = 0; m < p.mel.bands(); ++m)
        bandLevels.write(m, now, kDecibels * log2<L>(bandLevels.read(m, now) + kFloor));
    const auto panelAt = [&](double x) {
      if (x >= 1) return p.cosines.panels();
      return x <= first ? 0 : static_cast<int>((x - first) / (1 - first) * p.cosines.panels());
    };
    const FeatureRun x{lines(bandLevels, now), p.mel.bands()};
    p.cosines.template apply<L>(panelAt(before), panelAt(to), nullptr, std::span(&x, 1),
                                lines(b.history(coefficients), now));
  }

  // ---- backward -----------------------------------------------------------------------------

  template <int L>
  static void backward(const Block<L>& b, const Grad<L>& grad) {
    const FrameClock clock(static_cast<double>(b.rate()));
    const std::int64_t first = b.firstFrame() / kTick;
    const auto dIn = grad.in(in);
    if (!dIn) return;
    for (int t = 0; t < b.ticks(); ++t) {
      const FrameRamp ramp(clock, first + t);
      for (int k = 0; k < b.setup().whole(count); ++k)
        ramp.add<L>(grad.history(coefficients), k, grad.controlOut(mfcc)(t, k));
    }
    const BegunFrames begun(clock, first, b.ticks());
    for (int f = begun.count; f-- > 0;) sweepFrame(b, grad, clock, begun.first + f);
    for (int i = 0; i < b.frames(); ++i) dIn.add(i, grad.history(past).read(0, b.firstFrame() + i));
  }
  template <int L>
  static void sweepFrame(const Block<L>& b, const Grad<L>& grad, const FrameClock& clock, std::int64_t frame) {
    const auto& p = b.template prepared<Prepared>();
    auto& work = b.template work<Work>();
    const int m = p.mel.bands(), n = static_cast<int>(p.window.size());
    const std::int64_t end = (clock.firstTick(frame) + 1) * kTick;
    std::vector<Sample> dy(static_cast<std::size_t>(b.setup().whole(count) * L)),
        dBands(static_cast<std::size_t>(m * L));
    for (int k = 0; k < b.setup().whole(count); ++k)
      store<L>(&dy[static_cast<std::size_t>(k * L)], grad.history(coefficients).read(k, frame));
    const FeatureRun from{{dy.data(), L}, b.setup().whole(count)};
    p.cosinesBack.template apply<L>(0, p.cosinesBack.panels(), nullptr, {&from, 1}, {dBands.data(), L});
    for (int i = 0; i < m; ++i) {  // dB = kDecibels log2(power + floor)
      const Vec<L> whole = exp2<L>(b.history(levels).read(i, frame) * (1.0_s / kDecibels));
      Sample* d = &dBands[static_cast<std::size_t>(i * L)];
      store<L>(d, load<L>(d) * (kDecibels * std::numbers::log2e_v<Sample>) / whole);
    }
    for (int l = 0; l < L; ++l) {
      transform(b, l, end);
      for (int i = 0; i < m; ++i) work.bands[static_cast<std::size_t>(i)] = dBands[static_cast<std::size_t>(i * L + l)];
      std::fill(work.power.begin(), work.power.end(), 0.0_s);
      p.mel.applyTransposed(work.bands.data(), work.power.data());
      // power = |X|^2; the inverse transform counts every bin but the first and last twice
      const std::size_t last = work.power.size() - 1;
      for (std::size_t k = 0; k <= last; ++k) work.spectrum[k] *= work.power[k] * (k == 0 || k == last ? 2.0_s : 1.0_s);
      p.fft.inverse(work.spectrum.data(), work.samples.data());
      for (int i = 0; i < n; ++i)
        grad.history(past).at(0, end - n + i)[l] +=
            work.samples[static_cast<std::size_t>(i)] * p.window[static_cast<std::size_t>(i)];
    }
  }
};

}  // namespace nodes
