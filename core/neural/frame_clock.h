// SPDX-License-Identifier: GPL-3.0-or-later
// The clock of nodes that compute less often than once a tick: frames of a fixed rate laid over the
// ticks of any sample rate. A frame belongs to the tick in which it begins; it spans that tick and
// those up to the next frame's first. Everything follows from the absolute tick, so that live,
// offline and split runs agree.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/graph/sample.h"

namespace core {

/// Frames a second of the neural nodes: the rate of the DDSP family (Engel et al., 2020).
inline constexpr double kNeuralFrameRate = 250;

class FrameClock {
 public:
  /// sampleRate in Hz. Never faster than one frame a tick (below 16 kHz frames are ticks).
  explicit FrameClock(double sampleRate, double frameRate = kNeuralFrameRate)
      : framesPerTick_(std::min(1.0, frameRate * kTick / sampleRate)) {}

  /// Whether every tick is a frame (16 kHz and below).
  bool everyTick() const { return framesPerTick_ == 1; }
  /// The frame that tick lies in; negative before tick 0.
  std::int64_t frameOf(std::int64_t tick) const {
    // the margin keeps whole quotients whole (tick 3 at 48 kHz begins frame 1)
    return static_cast<std::int64_t>(std::floor(static_cast<double>(tick) * framesPerTick_ + 1e-9));
  }
  /// The tick in which a frame begins.
  std::int64_t firstTick(std::int64_t frame) const {
    auto tick = static_cast<std::int64_t>(static_cast<double>(frame) / framesPerTick_);
    while (frameOf(tick) < frame) ++tick;
    while (tick > 0 && frameOf(tick - 1) >= frame) --tick;
    return tick;
  }
  bool begins(std::int64_t tick) const { return tick == 0 || frameOf(tick) != frameOf(tick - 1); }
  /// Part of its frame that is over at the tick's end: (k + 1) / ticks of the frame; 1 at its last.
  double progress(std::int64_t tick) const {
    const std::int64_t frame = frameOf(tick), first = firstTick(frame), next = firstTick(frame + 1);
    return static_cast<double>(tick - first + 1) / static_cast<double>(next - first);
  }

  /// The tick by whose end a frame's work is done: its middle one. It is spread over those up to there.
  std::int64_t doneTick(std::int64_t frame) const {
    const std::int64_t first = firstTick(frame);
    return first + (firstTick(frame + 1) - first) / 2;
  }
  /// Part of its frame's work that is done at the tick's end; 1 from doneTick on.
  double workDone(std::int64_t tick) const {
    const std::int64_t frame = frameOf(tick), first = firstTick(frame), ticks = doneTick(frame) - first + 1;
    return std::min(1.0, static_cast<double>(tick - first + 1) / static_cast<double>(ticks));
  }

 private:
  double framesPerTick_;
};

}  // namespace core
