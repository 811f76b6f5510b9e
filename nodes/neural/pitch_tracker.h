// SPDX-License-Identifier: GPL-3.0-or-later
// Pitch tracker: the pitch of a single voice as it arrives, 250 times a second. Where no pitch is heard
// the last one is held, so that an oscillator that follows it does not jump.
#pragma once

#include <optional>

#include "core/dsp/late_reverb.h"
#include "core/dsp/pitch_estimator.h"
#include "core/dsp/wide.h"
#include "core/neural/frame_clock.h"

namespace nodes {

using namespace core;

struct PitchTracker {
  static constexpr NodeInfo info{.id = "neural.pitch",
                                 .name = "Pitch tracker",
                                 .help = "Follows the pitch of a single voice or instrument.",
                                 .category = Category::neural,
                                 .picture = Picture::bars};
  enum InputRow { in };
  static constexpr std::array inputs{
      Input{.id = "in", .name = "In", .help = "The sound to follow.", .differentiable = false}};
  enum OutputRow { pitch, confidence };
  static constexpr std::array outputs{Output{.id = "pitch",
                                             .name = "Pitch",
                                             .help = "Octaves from C4, held where no pitch is heard.",
                                             .rate = Rate::control},
                                      Output{.id = "confidence",
                                             .name = "Confidence",
                                             .help = "How periodic the sound is, 0 to 1.",
                                             .rate = Rate::control}};
  enum SettingRow { lowest, highest, threshold, decay };
  static constexpr std::array settings{Setting{.id = "lowest",
                                               .name = "Lowest",
                                               .help = "Lowest pitch looked for; a higher one answers sooner.",
                                               .unit = Unit::hertz,
                                               .min = 30,
                                               .max = 500,
                                               .def = 60},
                                       Setting{.id = "highest",
                                               .name = "Highest",
                                               .help = "Highest pitch looked for.",
                                               .unit = Unit::hertz,
                                               .min = 500,
                                               .max = 4000,
                                               .def = 2200},
                                       Setting{.id = "threshold",
                                               .name = "Threshold",
                                               .help = "Confidence below which the last pitch is held.",
                                               .min = 0,
                                               .max = 1,
                                               .def = 0.8},
                                       Setting{.id = "decay",
                                               .name = "Room",
                                               .help = "How long the room rings that is listened to, so that what "
                                                       "rings on is not taken for a note. Training hears it.",
                                               .unit = Unit::seconds,
                                               .min = 0,
                                               .max = 10,
                                               .def = 0}};
  /// The sound, and by frame what was found: see TrackLine.
  enum HistoryRow { past, track };
  static constexpr std::array histories{History{.id = "past"}, History{.id = "track"}};
  enum TrackLine { heldPitch, heldConfidence, pending, pendingCount, trackLines };
  /// Frames a leap of more than half an octave must last before it is believed.
  static constexpr Sample kLeap = 0.5_s, kLeapFrames = 3;
  /// In a room two notes are heard at once. What rings on is suppressed; of what is left of it, what repeats in both
  /// is a common multiple of their periods: a leap down to a multiple of the period that was held lasts longer
  /// before it is believed. And they blur each other: less confidence is enough.
  static constexpr Sample kFarDown = static_cast<Sample>(0.9), kFarDownFrames = 20, kRoomThreshold = 0.6_s;
  /// A way (its square; octaves, confidence) that is no glide: a new note is told at once, not over its first frame,
  /// from where the one before has left the pitch.
  static constexpr std::array<Sample, 2> kAtOnce{static_cast<Sample>(1.0 / 144), static_cast<Sample>(0.04)};
  static constexpr Sample kMultiple = static_cast<Sample>(0.03);  ///< part of itself a multiple may be away
  static constexpr Sample kSteadyCents = 10, kLeastPart = static_cast<Sample>(0.1);

  struct Prepared {
    PitchEstimator estimator;
    std::optional<LateReverbSuppressor> room;  ///< where one is known

    /// Samples that a frame looks at.
    int span() const { return room ? std::max(room->span(), estimator.span()) : estimator.span(); }
  };
  static Prepared estimators(const Setup& s) {
    Prepared p{PitchEstimator(s.rate, s.number(lowest), s.number(highest)), {}};
    if (s.number(decay) > 0) p.room.emplace(s.rate, s.number(decay));
    return p;
  }
  static Result<Prepared> prepare(const Setup& s) { return estimators(s); }
  static HistoryShape historyShape(int row, const Setup& s) {
    if (row == past) return {1, estimators(s).span() + kTick, false, false};
    return {trackLines, 3, true, false};
  }
  /// Scratch only: nothing in it outlives a frame.
  struct Work {
    PitchEstimator::Scratch scratch;
    LateReverbSuppressor::Scratch room;
    std::vector<Sample> samples;
    void reset() {}
  };
  static std::shared_ptr<void> makeWork(const Setup&, const Prepared& p) {
    Work work{p.estimator.makeScratch(), {}, std::vector<Sample>(static_cast<std::size_t>(p.span()))};
    if (p.room) work.room = p.room->makeScratch();
    return std::make_shared<Work>(std::move(work));
  }

  template <int L>
  static void forward(const Block<L>& b) {
    const FrameClock clock(static_cast<double>(b.rate()));
    for (int t = 0; t < b.ticks(); ++t) {
      const std::int64_t frame = b.firstFrame() + t * kTick, tick = frame / kTick, now = clock.frameOf(tick);
      for (int i = 0; i < kTick; ++i) b.history(past).write(0, frame + i, b.audio(in)[t * kTick + i]);
      if (clock.begins(tick))
        for (int l = 0; l < L; ++l) follow(b, l, frame + kTick, now);
      const auto rows = b.history(track);
      const auto weight = static_cast<Sample>(clock.progress(tick));
      for (int o = 0; o < 2; ++o) {
        const Vec<L> after = rows.read(o, now), way = after - rows.read(o, now - 1);
        const Vec<L> part = way * way > kAtOnce[static_cast<std::size_t>(o)] ? splat<L>(1) : splat<L>(weight);
        b.controlOut(o).set(t, 0, after - (1.0_s - part) * way);
      }
    }
  }

  /// Whether the period of `octaves` is a multiple of that of `held`.
  static bool isMultiple(Sample held, Sample octaves) {
    const Sample times = std::exp2(held - octaves), whole = std::round(times);
    return held - octaves > kFarDown && std::fabs(times - whole) < kMultiple * whole;
  }

  /// Small differences from frame to frame are noise, which would colour every harmonic: they pass a
  /// low-pass; differences of a tenth of a semitone and more pass as they are.
  static Sample steadied(Sample held, Sample octaves) {
    const Sample way = octaves - held;
    return held + way * std::clamp(std::fabs(way) * (1200.0_s / kSteadyCents), kLeastPart, 1.0_s);
  }

  /// Estimates at `end` (an absolute frame) and decides what is held in the frame `now` of the track.
  template <int L>
  static void follow(const Block<L>& b, int l, std::int64_t end, std::int64_t now) {
    const auto& p = b.template prepared<Prepared>();
    auto& work = b.template work<Work>();
    std::span<const Sample> x{laneOf<L>(b.history(past), 0, l, end - p.span(), p.span(), work.samples.data()),
                              static_cast<std::size_t>(p.span())};
    if (p.room) x = p.room->suppress(x.last(static_cast<std::size_t>(p.room->span())), work.room);
    const PitchEstimate found =
        p.estimator.estimate(x.last(static_cast<std::size_t>(p.estimator.span())), work.scratch);
    const auto line = [&](int row, std::int64_t frame) -> Sample& { return b.history(track).at(row, frame)[l]; };
    const auto sure = static_cast<Sample>(std::clamp(found.confidence, 0.0, 1.0));
    Sample held = line(heldPitch, now - 1), waiting = line(pending, now - 1), count = line(pendingCount, now - 1);
    const bool room = p.room.has_value();
    const auto set = static_cast<Sample>(b.setup().number(threshold)),
               enough = room ? std::min(set, kRoomThreshold) : set;
    const bool fresh = line(heldConfidence, now - 1) < enough;
    if (found.hertz > 0 && sure >= enough) {
      const auto octaves = static_cast<Sample>(std::log2(found.hertz / kC4Hz));
      const bool near = std::fabs(octaves - held) < kLeap, doubtful = room && isMultiple(held, octaves);
      count = near ? 0.0_s : std::fabs(octaves - waiting) < kLeap ? count + 1.0_s : 1.0_s;
      waiting = octaves;
      if (near || (fresh && !doubtful) || count >= (doubtful ? kFarDownFrames : kLeapFrames)) {
        held = near && !fresh ? steadied(held, octaves) : octaves;
        count = 0;
      }
    }
    line(heldPitch, now) = held;
    line(heldConfidence, now) = sure;
    line(pending, now) = waiting;
    line(pendingCount, now) = count;
  }

  template <int L>
  static void backward(const Block<L>&, const Grad<L>&) {}  // an estimate has no derivative
};

}  // namespace nodes
