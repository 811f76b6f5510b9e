// SPDX-License-Identifier: GPL-3.0-or-later
// What nodes on the frame clock share: the straight line from frame to frame that their outputs
// follow, and running a network a share of a frame at a time.
#pragma once

#include <algorithm>
#include <array>
#include <span>

#include "core/graph/node.h"
#include "core/neural/frame_clock.h"
#include "core/neural/sequence_net.h"

namespace core {

/// The frames between which an output lies at a tick. Where a frame is a tick its result is that tick's; elsewhere it
/// is there in the middle of the frame (FrameClock::doneTick), and reached from then on until the next one's is.
struct FrameRamp {
  std::int64_t before = 0, after = 0;
  Sample weight = 1;  ///< of `after`

  FrameRamp() = default;
  FrameRamp(const FrameClock& clock, std::int64_t tick) {
    after = before = clock.frameOf(tick);
    if (clock.everyTick()) return;
    if (tick < clock.doneTick(after)) --after;
    before = after - 1;
    const std::int64_t from = clock.doneTick(after), to = clock.doneTick(after + 1);
    weight = static_cast<Sample>(tick - from + 1) / static_cast<Sample>(to - from);
  }
  template <int L>
  Vec<L> read(const HistoryRing<L>& y, int line) const {
    const Vec<L> old = y.read(line, before);
    return before == after ? old : old + weight * (y.read(line, after) - old);
  }
  /// Adjoint of `read`.
  template <int L>
  void add(const HistoryRing<L>& dy, int line, const Vec<L>& d) const {
    if (before != after) dy.add(line, before, d * (1.0_s - weight));
    dy.add(line, after, d * weight);
  }
};

/// Calls f(tick of the run, ramps of the ticks from there on) for a few ticks of a run at a time: a line's frames lie
/// together and the lines of one frame pages apart, so that nodes do a line's ticks together.
template <class F>
void overRamps(const FrameClock& clock, std::int64_t firstTick, int ticks, F f) {
  std::array<FrameRamp, 8> ramps;
  for (int t = 0, count = 0; t < ticks; t += count) {
    count = std::min(static_cast<int>(ramps.size()), ticks - t);
    for (int i = 0; i < count; ++i) ramps[static_cast<std::size_t>(i)] = FrameRamp(clock, firstTick + t + i);
    f(t, std::span<const FrameRamp>(ramps).first(static_cast<std::size_t>(count)));
  }
}

/// Frames whose first tick lies in a run of ticks. In a sweep back over such a run they have all
/// their cotangents: only later ticks read them.
struct BegunFrames {
  std::int64_t first = 0;
  int count = 0;

  BegunFrames(const FrameClock& clock, std::int64_t firstTick, int ticks) {
    first = clock.begins(firstTick) ? clock.frameOf(firstTick) : clock.frameOf(firstTick) + 1;
    count = static_cast<int>(clock.frameOf(firstTick + ticks - 1) - first + 1);
  }
};

/// Runs a network on the frame clock over a block. read(tick of the block, frame) writes a frame's
/// inputs; finish(frame, count) is called when the outputs of so many frames are complete; write(tick of the block,
/// ramps) for each run of ticks, after that.
template <int L, class Read, class Finish, class Write>
void runOnClock(const Block<L>& b, const SequenceNet& net, const NetMemory<L>& m, Read read, Finish finish,
                Write write) {
  const FrameClock clock(static_cast<double>(b.rate()));
  const std::int64_t first = b.firstFrame() / kTick;
  if (clock.everyTick()) {
    for (int t = 0; t < b.ticks(); ++t) read(t, first + t);
    net.run<L>(m, first, b.ticks());
    overRamps(clock, first, b.ticks(), [&](int t, std::span<const FrameRamp> ramps) {
      finish(first + t, static_cast<int>(ramps.size()));
      write(t, ramps);
    });
    return;
  }
  for (int t = 0; t < b.ticks(); ++t) {
    const std::int64_t tick = first + t, frame = clock.frameOf(tick);
    // this tick's share of its frame's work
    if (clock.begins(tick)) read(t, frame);
    const double from = clock.begins(tick) ? 0 : clock.workDone(tick - 1), to = clock.workDone(tick);
    if (from < 1) net.runPart<L>(m, frame, from, to);
    if (from < 1 && to == 1) finish(frame, 1);
    const FrameRamp ramp(clock, tick);
    write(t, std::span<const FrameRamp>(&ramp, 1));
  }
}

}  // namespace core
