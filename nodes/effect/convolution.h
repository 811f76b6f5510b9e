// SPDX-License-Identifier: GPL-3.0-or-later
// Convolution reverb: the sound of a room, an instrument's body or a loudspeaker as a response that
// can be loaded or learned. No latency; see core/dsp/partitioned.h for how.
#pragma once

#include <filesystem>

#include "core/dsp/math.h"
#include "core/dsp/partitioned.h"
#include "core/dsp/white_noise.h"
#include "core/dsp/wide.h"
#include "core/file/audio_file.h"
#include "core/graph/scratch.h"

namespace nodes {

using namespace core;

struct Convolution {
  static constexpr NodeInfo info{.id = "effect.convolution",
                                 .name = "Convolution",
                                 .help = "Plays the signal through a recorded or learned impulse response.",
                                 .category = Category::effect,
                                 .picture = Picture::impulse,
                                 .keepOutputs = true,
                                 .backwardTicks = 0};
  enum InputRow { in, wet };
  static constexpr std::array inputs{Input{.id = "in",
                                           .name = "In",
                                           .help = "Signal to convolve; voices are mixed here.",
                                           .width = variableWidth('C'),
                                           .mixesVoices = true},
                                     Input{.id = "wet",
                                           .name = "Wet",
                                           .help = "Level of the convolved signal.",
                                           .unit = Unit::decibels,
                                           .min = -60,
                                           .max = 12,
                                           .def = -10}};
  static constexpr std::array outputs{
      Output{.id = "out", .name = "Out", .help = "Dry and convolved signal.", .width = variableWidth('C')}};
  enum SettingRow { length, dry, file, decay };
  static constexpr std::array settings{
      Setting{.id = "length",
              .name = "Length",
              .help = "Length of the response.",
              .unit = Unit::seconds,
              .min = 0.01,
              .max = 10,
              .def = 1},
      Setting{.id = "dry",
              .name = "Dry",
              .help = "Whether the signal itself is heard too.",
              .kind = SettingKind::choice,
              .def = 1,
              .choices = "off|on"},
      Setting{.id = "file",
              .name = "File",
              .help = "A recording of the response, cut to the length; none: noise that dies away.",
              .kind = SettingKind::file},
      Setting{
          .id = "decay",
          .name = "Decay",
          .help = "Time in which the noise dies away by 60 dB; 0: its length. Training takes it from the recordings.",
          .unit = Unit::seconds,
          .min = 0,
          .max = 10}};
  static constexpr std::array tensors{
      Tensor{.id = "response",
             .name = "Response",
             .help = "The impulse response, one number a frame; its energy starts at 1.",
             .isResponse = true}};
  /// The input, for the sweep back.
  static constexpr std::array histories{History{.id = "past"}};

  static int taps(const Setup& setup) {
    return std::max(1, static_cast<int>(std::lround(setup.number(length) * setup.rate)));
  }
  static std::vector<int> tensorShape(int, const Setup& setup) { return {taps(setup)}; }
  static HistoryShape historyShape(int, const Setup& setup) { return {setup.inputWidths[in], taps(setup)}; }

  /// The file, or noise that falls by 60 dB over the decay; energy 1 in both cases.
  static void tensorDefault(int, const Setup& setup, std::span<Sample> out) {
    std::fill(out.begin(), out.end(), 0.0_s);
    bool read = false;
    if (!setup.text(file).empty())
      if (const auto audio = readAudio(setup.text(file), 60)) {
        const std::vector<float> mono = resample(*audio, setup.rate).folded();
        for (std::size_t i = 0; i < std::min(mono.size(), out.size()); ++i) out[i] = static_cast<Sample>(mono[i]);
        read = true;
      }
    if (!read) {
      whiteNoise(1, 0, 0, static_cast<int>(out.size()), out.data());
      const double frames =
          setup.number(decay) > 0 ? setup.number(decay) * setup.rate : static_cast<double>(out.size());
      for (std::size_t i = 0; i < out.size(); ++i)
        out[i] *= static_cast<Sample>(std::pow(10.0, -3.0 * static_cast<double>(i) / frames));
    }
    double energy = 0;
    for (const Sample x : out) energy += static_cast<double>(x) * static_cast<double>(x);
    const auto scale = static_cast<Sample>(energy > 0 ? 1 / std::sqrt(energy) : 0);
    for (Sample& x : out) x *= scale;
  }

  using Prepared = PartitionedResponse;
  static Result<Prepared> prepare(const Setup& setup) {
    const std::string& path = setup.text(file);
    if (!path.empty() && !std::filesystem::is_regular_file(path))
      return Error{"There is no impulse response at \"" + path + "\"; choose another file, or none."};
    return Prepared(setup.tensors[0].data);
  }
  struct Work {
    std::vector<Convolver> convolvers;  ///< [lane][channel]
    void reset() {
      for (Convolver& c : convolvers) c.reset();
    }
  };
  static std::shared_ptr<void> makeWork(const Setup& setup, const Prepared& prepared) {
    auto work = std::make_shared<Work>();
    for (int i = 0; i < setup.lanes * setup.inputWidths[in]; ++i) work->convolvers.emplace_back(prepared);
    return work;
  }

  template <int L>
  static void forward(const Block<L>& b) {
    const auto& response = b.template prepared<Prepared>();
    const bool direct = b.setup().whole(dry) != 0;
    const int channels = b.inputWidth(in);
    alignas(32) Sample copy[kTick], decibels[kTick], y[kTick];
    for (int l = 0; l < L; ++l)
      for (int c = 0; c < channels; ++c) {
        Convolver& convolver = b.template work<Work>().convolvers[static_cast<std::size_t>(l * channels + c)];
        for (int tick = 0; tick < b.ticks(); ++tick) {
          const std::int64_t frame = b.firstFrame() + tick * kTick;
          const Sample* x = laneOf<L>(b.audio(in, c), l, tick * kTick, kTick, copy);
          const Sample* db = laneOf<L>(b.audio(wet), l, tick * kTick, kTick, decibels);
          Sample* past = b.history(0).at(c, frame);  // ticks never wrap: a ring is whole ticks long
          for (int i = 0; i < kTick; ++i) past[i * L + l] = x[i];
          convolver.run(response, frame / kTick, x, y);
          Wide gain = fromDecibels<kWide>(load<kWide>(db));
          for (int i = 0; i < kTick; i += kWide) {
            if (!b.audio(wet).constant()) gain = fromDecibels<kWide>(load<kWide>(db + i));
            const Wide mixed = gain * load<kWide>(y + i);
            store<kWide>(y + i, direct ? load<kWide>(x + i) + mixed : mixed);
          }
          setLane<L>(b.out(0, c), l, tick * kTick, kTick, y);
        }
      }
  }

  /// Kept from call to call: fresh memory of this size comes page by page from the kernel.
  struct Sweep {
    ConvolutionSweep convolution;
    std::vector<ConvolutionSweep::Pair> dy, past, dPast;
  };
  /// Frames of one part of the sweep, at least the response's: transforms much longer leave the cache.
  static constexpr int kPart = 1 << 16;

  template <int L>
  static void backward(const Block<L>& b, const Grad<L>& grad) {
    const int taps = Convolution::taps(b.setup());
    auto& s = threadScratch<Sweep>();
    s.dy.resize(static_cast<std::size_t>(b.frames()));
    s.past.resize(static_cast<std::size_t>(b.frames() + taps - 1));
    s.dPast.resize(s.past.size());
    const std::span<const Sample> response(b.tensor(0), static_cast<std::size_t>(taps));
    const int part = std::min(b.frames(), std::max(kPart, taps));
    s.convolution.begin(response, part);
    const int signals = L * b.inputWidth(in);  // every lane of every channel, two at a time
    for (int first = 0; first < signals; first += 2) {
      const int count = std::min(2, signals - first);
      std::fill(s.dPast.begin(), s.dPast.end(), ConvolutionSweep::Pair());
      if (count == 1) {
        std::fill(s.dy.begin(), s.dy.end(), ConvolutionSweep::Pair());
        std::fill(s.past.begin(), s.past.end(), ConvolutionSweep::Pair());
      }
      for (int which = 0; which < count; ++which) gather(b, grad, first + which, which, s);
      for (int from = 0; from < b.frames(); from += part) {
        if (grad.stopped()) return;
        const auto frames = static_cast<std::size_t>(std::min(part, b.frames() - from));
        const auto start = static_cast<std::size_t>(from), reach = frames + response.size() - 1;
        s.convolution.add(std::span(std::as_const(s.dy)).subspan(start, frames),
                          std::span(std::as_const(s.past)).subspan(start, reach),
                          std::span(s.dPast).subspan(start, reach));
      }
      for (int which = 0; which < count; ++which) spread(b, grad, first + which, which, s);
    }
    if (Sample* to = grad.tensor(0)) s.convolution.end({to, response.size()});
  }

 private:
  /// One part of each number of a pair, real (0) or imaginary (1), as an array of stride 2.
  static Sample* partOf(std::vector<ConvolutionSweep::Pair>& x, int which) {
    return reinterpret_cast<Sample*>(x.data()) + which;
  }
  /// The cotangent of the convolved signal in one lane and channel, and the input that made it.
  template <int L>
  static void gather(const Block<L>& b, const Grad<L>& grad, int signal, int which, Sweep& s) {
    const int l = signal % L, c = signal / L;
    const auto db = b.audio(wet);
    const auto dOut = grad.out(0, c);
    const std::int64_t first = b.firstFrame() - (taps(b.setup()) - 1);
    Sample *past = partOf(s.past, which), *dy = partOf(s.dy, which);
    for (std::size_t m = 0; m < s.past.size(); ++m)
      past[2 * m] = lane<L>(b.history(0).read(c, first + static_cast<std::int64_t>(m)), l);
    Sample gain = fromDecibels<1>(lane<L>(db[0], l));
    for (int i = 0; i < b.frames(); ++i) {
      if (!db.constant()) gain = fromDecibels<1>(lane<L>(db[i], l));
      dy[2 * i] = lane<L>(dOut[i], l) * gain;
    }
  }

  /// Hands the swept cotangents on: to the frames before the block, the input and the level.
  template <int L>
  static void spread(const Block<L>& b, const Grad<L>& grad, int signal, int which, Sweep& s) {
    const int l = signal % L, c = signal / L;
    const bool direct = b.setup().whole(dry) != 0;
    const int before = taps(b.setup()) - 1;
    const auto dOut = grad.out(0, c);
    const Sample* dPast = partOf(s.dPast, which);
    for (int m = 0; m < before; ++m) *(grad.history(0).at(c, b.firstFrame() - before + m) + l) += dPast[2 * m];
    if (const auto dIn = grad.in(in, c))
      for (int i = 0; i < b.frames(); ++i)
        dIn.at(i)[l] += dPast[2 * (before + i)] + (direct ? lane<L>(dOut[i], l) : 0.0_s) +
                        *(grad.history(0).at(c, b.firstFrame() + i) + l);
    if (const auto dWet = grad.in(wet))
      for (int i = 0; i < b.frames(); ++i) {
        const Sample x = lane<L>(b.audio(in, c)[i], l), y = b.out(0, c).data[i * L + l];
        dWet.at(i)[l] += (direct ? y - x : y) * lane<L>(dOut[i], l) * kDecibelSlope;
      }
  }
};

}  // namespace nodes
