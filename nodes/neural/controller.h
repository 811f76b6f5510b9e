// SPDX-License-Identifier: GPL-3.0-or-later
// Neural controller: the decoder of a DDSP autoencoder (J. Engel et al., "DDSP: Differentiable Digital
// Signal Processing", 2020). Pitch, loudness and whatever else conditions it go in; the level and
// the harmonics of a harmonic oscillator and the bands of filtered noise come out.
//
// It computes 250 frames a second whatever the sample rate. Where a frame is a tick (16 kHz) its
// result is that tick's. Elsewhere the work of a frame is spread over its ticks, so that no block
// pays for a whole inference, and the result is reached in a straight line over the next frame.
#pragma once

#include "core/dsp/exp_sigmoid.h"
#include "core/neural/frame_ramp.h"
#include "nodes/neural/network_settings.h"

namespace nodes {

using namespace core;

struct NeuralController {
  static constexpr NodeInfo info{.id = "neural.controller",
                                 .name = "Neural controller",
                                 .help = "Plays harmonics and noise from pitch and loudness as it has learned to.",
                                 .category = Category::neural,
                                 .picture = Picture::bars,
                                 .backwardTicks = 250};  // a second at 16 kHz: long products cost a library less
  enum InputRow { pitch, loudness, velocity, z };
  static constexpr std::array inputs{Input{.id = "pitch",
                                           .name = "Pitch",
                                           .help = "Octaves from C4, as the note input and the pitch tracker give it.",
                                           .rate = Rate::control},
                                     Input{.id = "loudness",
                                           .name = "Loudness",
                                           .help = "Decibels, as the loudness node measures them.",
                                           .def = -60,
                                           .rate = Rate::control},
                                     Input{.id = "velocity",
                                           .name = "Velocity",
                                           .help = "0 to 1, read when the setting Velocity is on.",
                                           .rate = Rate::control},
                                     Input{.id = "z",
                                           .name = "z",
                                           .help = "A latent vector from an encoder or an embedding.",
                                           .rate = Rate::control,
                                           .width = variableWidth('Z')}};
  enum OutputRow { amplitude, harmonics, magnitudes };
  static constexpr std::array outputs{
      Output{.id = "amplitude", .name = "Amplitude", .help = "Level of the harmonics together.", .rate = Rate::control},
      Output{.id = "harmonics",
             .name = "Harmonics",
             .help = "Level of each harmonic before they are normalised.",
             .rate = Rate::control,
             .width = variableWidth('K')},
      Output{.id = "magnitudes",
             .name = "Magnitudes",
             .help = "Gain of each band of noise.",
             .rate = Rate::control,
             .width = variableWidth('M')}};
  enum SettingRow {
    count,
    bands,
    latent,
    withVelocity,
    recurrent,
    dense,
    before,
    after,
    noiseBias,
    pitchMean,
    pitchSpread,
    loudnessMean,
    loudnessSpread,
    clamp,
    pitchLow,
    pitchHigh,
    loudnessLow,
    loudnessHigh,
    seed
  };
  static constexpr std::array settings{Setting{.id = "harmonics",
                                               .name = "Harmonics",
                                               .help = "How many harmonics it controls.",
                                               .min = 1,
                                               .max = 128,
                                               .def = 60,
                                               .whole = true,
                                               .bindsWidth = 'K'},
                                       Setting{.id = "bands",
                                               .name = "Noise bands",
                                               .help = "How many bands of noise it controls.",
                                               .min = 3,
                                               .max = 129,
                                               .def = 65,
                                               .whole = true,
                                               .bindsWidth = 'M'},
                                       Setting{.id = "z",
                                               .name = "Size of z",
                                               .help = "Numbers in the latent vector; 0: it is not read.",
                                               .min = 0,
                                               .max = 64,
                                               .def = 0,
                                               .whole = true,
                                               .bindsWidth = 'Z'},
                                       Setting{.id = "velocity",
                                               .name = "Velocity",
                                               .help = "Whether the network reads the velocity.",
                                               .kind = SettingKind::choice,
                                               .def = 0,
                                               .choices = "off|on"},
                                       kRecurrentUnits,
                                       kDenseUnits,
                                       Setting{.id = "before",
                                               .name = "Layers before",
                                               .help = "Dense layers on each input.",
                                               .min = 0,
                                               .max = 4,
                                               .def = 1,
                                               .whole = true},
                                       Setting{.id = "after",
                                               .name = "Layers after",
                                               .help = "Dense layers after the recurrent one.",
                                               .min = 0,
                                               .max = 4,
                                               .def = 1,
                                               .whole = true},
                                       Setting{.id = "noise-bias",
                                               .name = "Noise bias",
                                               .help = "Added before the noise levels are bent: -5 starts quiet.",
                                               .min = -12,
                                               .max = 5,
                                               .def = -5},
                                       Setting{.id = "pitch-mean",
                                               .name = "Mean pitch",
                                               .help = "Of the training sounds, in octaves from C4.",
                                               .min = -6,
                                               .max = 6,
                                               .def = 0},
                                       Setting{.id = "pitch-spread",
                                               .name = "Spread of pitch",
                                               .help = "Standard deviation in training, in octaves.",
                                               .min = 0.01,
                                               .max = 6,
                                               .def = 1},
                                       Setting{.id = "loudness-mean",
                                               .name = "Mean loudness",
                                               .help = "Of the training sounds, in decibels.",
                                               .min = -120,
                                               .max = 20,
                                               .def = -40},
                                       Setting{.id = "loudness-spread",
                                               .name = "Spread of loudness",
                                               .help = "Standard deviation in training, in decibels.",
                                               .min = 0.1,
                                               .max = 60,
                                               .def = 20},
                                       Setting{.id = "clamp",
                                               .name = "Keep to range",
                                               .help = "Holds pitch and loudness inside the trained range.",
                                               .kind = SettingKind::choice,
                                               .def = 0,
                                               .choices = "off|on"},
                                       Setting{.id = "pitch-low",
                                               .name = "Lowest pitch",
                                               .help = "Of the trained range, in octaves from C4.",
                                               .min = -6,
                                               .max = 6,
                                               .def = -3},
                                       Setting{.id = "pitch-high",
                                               .name = "Highest pitch",
                                               .help = "Of the trained range, in octaves from C4.",
                                               .min = -6,
                                               .max = 6,
                                               .def = 4},
                                       Setting{.id = "loudness-low",
                                               .name = "Lowest loudness",
                                               .help = "Of the trained range, in decibels.",
                                               .min = -120,
                                               .max = 20,
                                               .def = -100},
                                       Setting{.id = "loudness-high",
                                               .name = "Highest loudness",
                                               .help = "Of the trained range, in decibels.",
                                               .min = -120,
                                               .max = 20,
                                               .def = 0},
                                       Setting{.id = "seed",
                                               .name = "Seed",
                                               .help = "Another number starts training from other weights.",
                                               .kind = SettingKind::seed,
                                               .min = 0,
                                               .max = 1e9,
                                               .def = 1,
                                               .whole = true}};
  static constexpr std::array tensors{
      Tensor{.id = "weights", .name = "Weights", .help = "All layers of the network, one after the other."}};
  enum HistoryRow { activations, hidden, levels };
  static constexpr std::array histories{History{.id = "activations"}, History{.id = "hidden"}, History{.id = "levels"}};

  static int outputCount(const Setup& s) { return 1 + s.whole(count) + s.whole(bands); }
  static NetShape shape(const Setup& s) {
    NetShape n;
    n.inputs = {1, 1};
    if (s.whole(withVelocity)) n.inputs.push_back(1);
    if (s.whole(latent)) n.inputs.push_back(s.whole(latent));
    n.width = s.whole(dense);
    n.before = s.whole(before);
    n.recurrent = s.whole(recurrent);
    n.after = s.whole(after);
    n.outputs = outputCount(s);
    return n;
  }
  static std::vector<int> tensorShape(int, const Setup& s) { return {SequenceNet(shape(s)).weightCount()}; }
  static void tensorDefault(int, const Setup& s, std::span<Sample> out) {
    SequenceNet(shape(s)).initialise(out, static_cast<unsigned>(s.number(seed)));
  }
  /// Frames stay readable for two more, which the ramps between them need.
  static HistoryShape historyShape(int row, const Setup& s) {
    const int lines = row == activations ? SequenceNet(shape(s)).activationLines()
                      : row == hidden    ? s.whole(recurrent)
                                         : outputCount(s);
    return {lines, 3, true, row != activations};
  }

  /// How one number enters the network: (x - mean) slope, held inside a range when asked.
  struct Entry {
    int input = 0, element = 0;
    Sample mean = 0, slope = 1, low = -1000, high = 1000;
  };
  struct Prepared {
    SequenceNet net;
    std::vector<Entry> entries;  ///< by line of the network's inputs
  };
  static Result<Prepared> prepare(const Setup& s) {
    Prepared p{SequenceNet(shape(s)), {}};
    p.net.pack(s.tensors[0].data.data());
    const auto scaled = [&](int input, int mean, int spread, int low, int high) {
      Entry e{input, 0, static_cast<Sample>(s.number(mean)), static_cast<Sample>(1 / s.number(spread))};
      if (s.whole(clamp)) {
        e.low = static_cast<Sample>(s.number(low));
        e.high = static_cast<Sample>(s.number(high));
      }
      return e;
    };
    p.entries = {scaled(pitch, pitchMean, pitchSpread, pitchLow, pitchHigh),
                 scaled(loudness, loudnessMean, loudnessSpread, loudnessLow, loudnessHigh)};
    if (s.whole(withVelocity)) p.entries.push_back({velocity});
    for (int k = 0; k < s.whole(latent); ++k) p.entries.push_back({z, k});
    return p;
  }

  // ---- forward ------------------------------------------------------------------------------

  template <int L>
  static NetMemory<L> memoryOf(const Block<L>& b) {
    return {b.history(activations), b.history(hidden), b.tensor(0)};
  }
  /// Takes the inputs at a tick's end into the network's frame.
  template <int L>
  static void readInputs(const Block<L>& b, int tick, std::int64_t frame) {
    const auto& entries = b.template prepared<Prepared>().entries;
    for (int line = 0; line < static_cast<int>(entries.size()); ++line) {
      const Entry& e = entries[static_cast<std::size_t>(line)];
      const Vec<L> x = b.control(e.input)(tick, e.element);
      const Vec<L> held = minimum(maximum(x, splat<L>(e.low)), splat<L>(e.high));
      b.history(activations).write(line, frame, (held - e.mean) * e.slope);
    }
  }
  /// What is added to output o before it is bent to a level.
  static Sample bias(const Setup& s, int o) {
    return o > s.whole(count) ? static_cast<Sample>(s.number(noiseBias)) : 0.0_s;
  }
  template <int L>
  static void bend(const Block<L>& b, std::int64_t first, int frames) {
    const int line = b.template prepared<Prepared>().net.outputLine(), n = outputCount(b.setup());
    const auto from = b.history(activations), to = b.history(levels);
    for (int o = 0; o < n; ++o) {
      const Sample shift = bias(b.setup(), o);
      for (int f = 0; f < frames; ++f) to.write(o, first + f, expSigmoid<L>(from.read(line + o, first + f) + shift));
    }
  }
  /// The output and element that number o of the network is.
  static std::pair<int, int> place(const Setup& s, int o) {
    const int harmonicsEnd = 1 + s.whole(count);
    if (o == 0) return {amplitude, 0};
    return o < harmonicsEnd ? std::pair{static_cast<int>(harmonics), o - 1}
                            : std::pair{static_cast<int>(magnitudes), o - harmonicsEnd};
  }

  template <int L>
  static void forward(const Block<L>& b) {
    const auto y = b.history(levels);
    runOnClock<L>(
        b, b.template prepared<Prepared>().net, memoryOf(b),
        [&](int tick, std::int64_t frame) { readInputs(b, tick, frame); },
        [&](std::int64_t frame, int frames) { bend(b, frame, frames); },
        [&](int tick, std::span<const FrameRamp> ramps) {
          for (int o = 0; o < outputCount(b.setup()); ++o) {
            const auto [output, element] = place(b.setup(), o);
            const auto to = b.controlOut(output);
            for (int t = tick; const FrameRamp& ramp : ramps) to.set(t++, element, ramp.read<L>(y, o));
          }
        });
  }

  // ---- backward -----------------------------------------------------------------------------

  template <int L>
  static void backward(const Block<L>& b, const Grad<L>& grad) {
    const FrameClock clock(static_cast<double>(b.rate()));
    const std::int64_t first = b.firstFrame() / kTick;
    const auto d = grad.history(levels);
    overRamps(clock, first, b.ticks(), [&](int tick, std::span<const FrameRamp> ramps) {
      for (int o = 0; o < outputCount(b.setup()); ++o) {
        const auto [output, element] = place(b.setup(), o);
        const auto from = grad.controlOut(output);
        for (int t = tick; const FrameRamp& ramp : ramps) ramp.add<L>(d, o, from(t++, element));
      }
    });
    const BegunFrames begun(clock, first, b.ticks());
    if (begun.count > 0) sweepFrames(b, grad, clock, begun.first, begun.count);
  }
  template <int L>
  static void sweepFrames(const Block<L>& b, const Grad<L>& grad, const FrameClock& clock, std::int64_t begin,
                          int frames) {
    const auto& p = b.template prepared<Prepared>();
    const int n = outputCount(b.setup()), columns = frames * L, line = p.net.outputLine();
    std::vector<Sample> dOut(static_cast<std::size_t>(n * columns)),
        dIn(p.entries.size() * static_cast<std::size_t>(columns));
    for (int o = 0; o < n; ++o)
      for (int f = 0; f < frames; ++f) {
        const Vec<L> raw = b.history(activations).read(line + o, begin + f) + bias(b.setup(), o);
        store<L>(&dOut[static_cast<std::size_t>(o * columns + f * L)],
                 grad.history(levels).read(o, begin + f) * expSigmoidSlope<L>(raw));
      }
    p.net.template sweep<L>(memoryOf(b), grad.history(hidden), begin, frames, dOut.data(), dIn.data(), grad.tensor(0));
    for (int i = 0; i < static_cast<int>(p.entries.size()); ++i) {
      const Entry& e = p.entries[static_cast<std::size_t>(i)];
      const auto to = grad.controlIn(e.input);
      if (!to) continue;
      for (int f = 0; f < frames; ++f) {
        const int tick = static_cast<int>(clock.firstTick(begin + f) - b.firstFrame() / kTick);
        const Vec<L> x = b.control(e.input)(tick, e.element), zero{};
        const Vec<L> dx = load<L>(&dIn[static_cast<std::size_t>(i * columns + f * L)]) * e.slope;
        to.add(tick, e.element, x < e.low ? zero : (x > e.high ? zero : dx));
      }
    }
  }
};

}  // namespace nodes
