// SPDX-License-Identifier: GPL-3.0-or-later
// Plays a sound file, from its start or each time the gate opens, at any speed. Between samples it
// is a Catmull-Rom cubic, whose slope is continuous, so that the speed has exact gradients.
#pragma once

#include "core/dsp/math.h"
#include "core/file/audio_file.h"
#include "core/graph/node.h"
#include "core/graph/scratch.h"

namespace nodes {

using namespace core;

struct AudioFile {
  static constexpr NodeInfo info{.id = "source.audio-file",
                                 .name = "Audio file",
                                 .help = "Plays a sound file; a gate starts it again.",
                                 .category = Category::source,
                                 .picture = Picture::wave};
  enum InputRow { gate, speed, level };
  static constexpr std::array inputs{
      Input{.id = "gate",
            .name = "Gate",
            .help = "Plays from the start when it opens; without a cable the file starts with the patch.",
            .def = 1,
            .differentiable = false},
      Input{.id = "speed",
            .name = "Speed",
            .help = "Playing speed; cables move it in octaves, so a pitch cable of depth 1 transposes from C4.",
            .unit = Unit::ratio,
            .min = 0.25,
            .max = 4,
            .def = 1,
            .scale = Scale::log},
      Input{.id = "level",
            .name = "Level",
            .help = "Level of the sound.",
            .unit = Unit::decibels,
            .min = -60,
            .max = 24,
            .def = 0}};
  static constexpr std::array outputs{
      Output{.id = "left", .name = "Left", .help = "First channel of the file."},
      Output{.id = "right", .name = "Right", .help = "Second channel; a mono file plays on both."}};
  enum SettingRow { file, end };
  enum End { stop, loop };
  static constexpr std::array settings{
      Setting{.id = "file", .name = "File", .help = "The sound file; none is silence.", .kind = SettingKind::file},
      Setting{.id = "end",
              .name = "At the end",
              .help = "Stop, or start over without a gap.",
              .kind = SettingKind::choice,
              .def = stop,
              .choices = "stop|loop"}};

  /// The file at the patch's rate with one sample before and three after it: silence, or the loop's other end.
  struct Prepared {
    std::array<std::vector<Sample>, 2> samples;
    Integer frames = 0;
  };
  static Result<Prepared> prepare(const Setup& setup) {
    Prepared made;
    if (setup.text(file).empty()) return made;
    auto read = readAudio(setup.text(file));
    if (!read) return read.error();
    const AudioData audio = resample(*read, setup.rate);
    const std::size_t frames = audio.frames();
    made.frames = static_cast<Integer>(frames);
    for (std::size_t c = 0; c < 2; ++c) {
      const auto& from = audio.channels[std::min(c, audio.channels.size() - 1)];
      auto& to = made.samples[c];
      to.assign(frames + 4, 0);
      std::copy(from.begin(), from.end(), to.begin() + 1);
      if (setup.whole(end) != loop || frames == 0) continue;
      to[0] = to[frames];
      for (std::size_t i = 0; i < 3; ++i) to[frames + 1 + i] = to[1 + i % frames];
    }
    return made;
  }

  /// Position of the next frame: whole samples and the rest; running: 1 from the first gate on.
  template <int L>
  struct State {
    VecInt<L> whole{};
    Vec<L> rest{}, running{}, gate{};
  };
  template <int L>
  struct Cotangent {
    Vec<L> position{};
  };

  /// Where one lane reads at one frame.
  struct Place {
    Integer whole;
    Sample rest;
    bool sounds, restarts;
  };
  template <int L>
  static Place advance(State<L>& s, const Block<L>& b, int i, int l, const Prepared& p) {
    auto* whole = reinterpret_cast<Integer*>(&s.whole) + l;
    auto* rest = reinterpret_cast<Sample*>(&s.rest) + l;
    auto* running = reinterpret_cast<Sample*>(&s.running) + l;
    auto* last = reinterpret_cast<Sample*>(&s.gate) + l;
    const Sample now = lane<L>(b.audio(gate)[i], l);
    const bool restarts = *last <= 0.5_s && now > 0.5_s;
    if (restarts) {
      *whole = 0;
      *rest = 0;
      *running = 1;
    }
    *last = now;
    const Place place{*whole, *rest, *running > 0.5_s && *whole < p.frames, restarts};
    if (place.sounds) {
      const Sample next = *rest + lane<L>(b.audio(speed)[i], l);
      const auto steps = static_cast<Integer>(next);
      *whole += steps;
      *rest = next - static_cast<Sample>(steps);
      if (b.setup().whole(end) == loop) *whole %= p.frames;
    }
    return place;
  }

  /// Catmull-Rom cubic through x[0] ... x[3], r of the way from x[1] to x[2]; and its slope.
  static Sample cubic(const Sample* x, Sample r) {
    return x[1] +
           0.5_s * r *
               (x[2] - x[0] +
                r * (2.0_s * x[0] - 5.0_s * x[1] + 4.0_s * x[2] - x[3] + r * (3.0_s * (x[1] - x[2]) + x[3] - x[0])));
  }
  static Sample cubicSlope(const Sample* x, Sample r) {
    return 0.5_s * (x[2] - x[0]) +
           r * (2.0_s * x[0] - 5.0_s * x[1] + 4.0_s * x[2] - x[3] + 1.5_s * r * (3.0_s * (x[1] - x[2]) + x[3] - x[0]));
  }

  template <int L>
  static void forward(State<L>& s, const Block<L>& b) {
    const auto& p = b.template prepared<Prepared>();
    const auto db = b.audio(level);
    Vec<L> gain = fromDecibels<L>(db[0]);
    for (int i = 0; i < b.frames(); ++i) {
      Vec<L> left{}, right{};
      for (int l = 0; l < L; ++l) {
        const Place at = advance<L>(s, b, i, l, p);
        if (!at.sounds) continue;
        reinterpret_cast<Sample*>(&left)[l] = cubic(&p.samples[0][static_cast<std::size_t>(at.whole)], at.rest);
        reinterpret_cast<Sample*>(&right)[l] = cubic(&p.samples[1][static_cast<std::size_t>(at.whole)], at.rest);
      }
      if (!db.constant()) gain = fromDecibels<L>(db[i]);
      b.out(0).set(i, gain * left);
      b.out(1).set(i, gain * right);
    }
  }

  template <int L>
  static void backward(const State<L>& start, Cotangent<L>& d, const Block<L>& b, const Grad<L>& grad) {
    auto& places = threadScratch<std::array<std::array<Place, L>, info.backwardTicks * kTick>>();
    const auto& p = b.template prepared<Prepared>();
    State<L> s = start;
    for (int i = 0; i < b.frames(); ++i)
      for (int l = 0; l < L; ++l)
        places[static_cast<std::size_t>(i)][static_cast<std::size_t>(l)] = advance<L>(s, b, i, l, p);
    const auto db = b.audio(level);
    const auto dSpeed = grad.in(speed), dLevel = grad.in(level);
    for (int i = b.frames(); i-- > 0;) {
      const Vec<L> gain = fromDecibels<L>(db[i]);
      Vec<L> value{}, moved{}, own{};  // value and slope x cotangents; the speed's share
      for (int l = 0; l < L; ++l) {
        const Place at = places[static_cast<std::size_t>(i)][static_cast<std::size_t>(l)];
        auto* later = reinterpret_cast<Sample*>(&d.position) + l;
        if (at.sounds) {
          reinterpret_cast<Sample*>(&own)[l] = *later;
          for (int c = 0; c < 2; ++c) {
            const Sample* x = &p.samples[static_cast<std::size_t>(c)][static_cast<std::size_t>(at.whole)];
            const Sample dOut = lane<L>(grad.out(c)[i], l);
            reinterpret_cast<Sample*>(&value)[l] += dOut * cubic(x, at.rest);
            reinterpret_cast<Sample*>(&moved)[l] += dOut * cubicSlope(x, at.rest);
          }
        }
        *later = at.restarts ? 0.0_s : *later + lane<L>(gain, l) * lane<L>(moved, l);
      }
      if (dSpeed) dSpeed.add(i, own);
      if (dLevel) dLevel.add(i, gain * value * kDecibelSlope);
    }
  }
};

}  // namespace nodes
