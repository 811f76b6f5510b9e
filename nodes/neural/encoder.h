// SPDX-License-Identifier: GPL-3.0-or-later
// z encoder: what a sound's timbre is beside its pitch and loudness, as a small vector z that a
// controller plays again. The encoder of J. Engel et al., "DDSP", 2020: coefficients from the MFCC
// node are normalised, go through a gated recurrent unit and a dense layer. The paper normalises over
// the time of a clip, which a live sound has not got: here by mean and spread over the training
// sounds. It computes 250 frames a second, as the controller does.
#pragma once

#include "core/neural/frame_ramp.h"
#include "nodes/neural/network_settings.h"

namespace nodes {

using namespace core;

struct NeuralEncoder {
  static constexpr NodeInfo info{.id = "neural.encoder",
                                 .name = "z encoder",
                                 .help = "Hears a timbre as a few numbers, as it has learned to.",
                                 .category = Category::neural,
                                 .picture = Picture::bars,
                                 .backwardTicks = 64};
  enum InputRow { mfcc };
  static constexpr std::array inputs{Input{.id = "mfcc",
                                           .name = "MFCC",
                                           .help = "Coefficients from the MFCC node.",
                                           .rate = Rate::control,
                                           .width = variableWidth('C')}};
  enum OutputRow { z };
  static constexpr std::array outputs{Output{.id = "z",
                                             .name = "z",
                                             .help = "The timbre, for a controller.",
                                             .rate = Rate::control,
                                             .width = variableWidth('Z')}};
  enum SettingRow { count, latent, level, recurrent, dense, before, after, zSpread, seed };
  static constexpr std::array settings{Setting{.id = "coefficients",
                                               .name = "Coefficients",
                                               .help = "How many coefficients come in.",
                                               .min = 2,
                                               .max = 64,
                                               .def = 30,
                                               .whole = true,
                                               .bindsWidth = 'C'},
                                       kLatentSize,
                                       Setting{.id = "level",
                                               .name = "Level",
                                               .help = "Whether z may depend on the first coefficient, the level.",
                                               .kind = SettingKind::choice,
                                               .def = 0,
                                               .choices = "off|on"},
                                       kRecurrentUnits,
                                       kDenseUnits,
                                       Setting{.id = "before",
                                               .name = "Layers before",
                                               .help = "Dense layers before the recurrent one.",
                                               .min = 0,
                                               .max = 4,
                                               .def = 0,
                                               .whole = true},
                                       Setting{.id = "after",
                                               .name = "Layers after",
                                               .help = "Dense layers between the recurrent one and z.",
                                               .min = 0,
                                               .max = 4,
                                               .def = 0,
                                               .whole = true},
                                       Setting{.id = "z-spread",
                                               .name = "Spread of z",
                                               .help = "How far z lies from its mean over the training sounds.",
                                               .min = 1e-4,
                                               .max = 1000,
                                               .def = 1},
                                       Setting{.id = "seed",
                                               .name = "Seed",
                                               .help = "Another number starts training from other weights.",
                                               .kind = SettingKind::seed,
                                               .min = 0,
                                               .max = 1e9,
                                               .def = 1,
                                               .whole = true}};
  enum TensorRow { weights, statistics };
  static constexpr std::array tensors{
      Tensor{.id = "weights", .name = "Weights", .help = "All layers of the network, one after the other."},
      Tensor{.id = "mfcc-statistics",
             .name = "Statistics",
             .help = "Mean and spread of every coefficient over the training sounds."}};
  enum HistoryRow { activations, hidden, values };
  static constexpr std::array histories{History{.id = "activations"}, History{.id = "hidden"}, History{.id = "values"}};
  static constexpr Sample kLeastSpread = static_cast<Sample>(1e-3);

  /// The first coefficient that is read.
  static int skipped(const Setup& s) { return s.whole(level) ? 0 : 1; }
  static NetShape shape(const Setup& s) {
    return {{s.whole(count) - skipped(s)},
            s.whole(dense),
            s.whole(before),
            s.whole(recurrent),
            s.whole(after),
            s.whole(latent)};
  }
  static std::vector<int> tensorShape(int row, const Setup& s) {
    if (row == statistics) return {2, s.whole(count)};
    return {SequenceNet(shape(s)).weightCount()};
  }
  /// Statistics of no sound in particular: decibels around the middle of their range.
  static void tensorDefault(int row, const Setup& s, std::span<Sample> out) {
    if (row == weights) return SequenceNet(shape(s)).initialise(out, static_cast<unsigned>(s.number(seed)));
    const auto n = static_cast<std::size_t>(s.whole(count));
    for (std::size_t k = 0; k < n; ++k) {
      out[k] = k ? 0.0_s : -60.0_s;
      out[n + k] = k ? 5.0_s : 20.0_s;
    }
  }
  static HistoryShape historyShape(int row, const Setup& s) {
    const int lines = row == activations ? SequenceNet(shape(s)).activationLines()
                      : row == hidden    ? s.whole(recurrent)
                                         : s.whole(latent);
    return {lines, 3, true, row != activations};
  }
  using Prepared = SequenceNet;
  static Result<Prepared> prepare(const Setup& s) {
    SequenceNet net(shape(s));
    net.pack(s.tensors[weights].data.data());
    return net;
  }

  template <int L>
  static NetMemory<L> memoryOf(const Block<L>& b) {
    return {b.history(activations), b.history(hidden), b.tensor(weights)};
  }
  /// Mean and spread of coefficient k.
  template <int L>
  static std::pair<Sample, Sample> statisticsOf(const Block<L>& b, int k) {
    const Sample* s = b.tensor(statistics);
    return {s[k], maximum(s[b.setup().whole(count) + k], kLeastSpread)};
  }

  template <int L>
  static void forward(const Block<L>& b) {
    const auto& net = b.template prepared<Prepared>();
    const int first = skipped(b.setup()), last = b.setup().whole(count), size = b.setup().whole(latent);
    const auto frameLines = b.history(activations), y = b.history(values);
    runOnClock<L>(
        b, net, memoryOf(b),
        [&](int tick, std::int64_t frame) {
          for (int k = first; k < last; ++k) {
            const auto [mean, spread] = statisticsOf(b, k);
            frameLines.write(k - first, frame, (b.control(mfcc)(tick, k) - mean) / spread);
          }
        },
        [&](std::int64_t frame, int frames) {
          for (int i = 0; i < size; ++i)
            for (int f = 0; f < frames; ++f) y.write(i, frame + f, frameLines.read(net.outputLine() + i, frame + f));
        },
        [&](int tick, std::span<const FrameRamp> ramps) {
          for (int i = 0; i < size; ++i)
            for (int t = tick; const FrameRamp& ramp : ramps) b.controlOut(z).set(t++, i, ramp.read<L>(y, i));
        });
  }

  template <int L>
  static void backward(const Block<L>& b, const Grad<L>& grad) {
    const FrameClock clock(static_cast<double>(b.rate()));
    const std::int64_t firstTick = b.firstFrame() / kTick;
    const int size = b.setup().whole(latent);
    overRamps(clock, firstTick, b.ticks(), [&](int tick, std::span<const FrameRamp> ramps) {
      for (int i = 0; i < size; ++i)
        for (int t = tick; const FrameRamp& ramp : ramps)
          ramp.add<L>(grad.history(values), i, grad.controlOut(z)(t++, i));
    });
    const BegunFrames begun(clock, firstTick, b.ticks());
    if (begun.count > 0) sweepFrames(b, grad, clock, begun);
  }
  template <int L>
  static void sweepFrames(const Block<L>& b, const Grad<L>& grad, const FrameClock& clock, const BegunFrames& begun) {
    const auto& net = b.template prepared<Prepared>();
    const int size = b.setup().whole(latent), columns = begun.count * L, first = skipped(b.setup()),
              last = b.setup().whole(count);
    std::vector<Sample> dOut(static_cast<std::size_t>(size * columns)),
        dIn(static_cast<std::size_t>((last - first) * columns));
    for (int i = 0; i < size; ++i)
      for (int f = 0; f < begun.count; ++f)
        store<L>(&dOut[static_cast<std::size_t>(i * columns + f * L)], grad.history(values).read(i, begun.first + f));
    net.template sweep<L>(memoryOf(b), grad.history(hidden), begun.first, begun.count, dOut.data(), dIn.data(),
                          grad.tensor(weights));
    const auto to = grad.controlIn(mfcc);
    Sample* dStatistics = grad.tensor(statistics);
    for (int k = first; k < last; ++k) {
      const auto [mean, spread] = statisticsOf(b, k);
      const Sample given = b.tensor(statistics)[last + k];
      for (int f = 0; f < begun.count; ++f) {  // normal = (x - mean) / spread
        const std::int64_t frame = begun.first + f;
        const Vec<L> dx = load<L>(&dIn[static_cast<std::size_t>((k - first) * columns + f * L)]) / spread;
        if (to) to.add(static_cast<int>(clock.firstTick(frame) - b.firstFrame() / kTick), k, dx);
        if (!dStatistics) continue;
        const Vec<L> dSpread = -dx * b.history(activations).read(k - first, frame);
        for (int l = 0; l < L; ++l) {
          dStatistics[k] -= lane<L>(dx, l);
          if (given > kLeastSpread) dStatistics[last + k] += lane<L>(dSpread, l);
        }
      }
    }
  }
};

}  // namespace nodes
