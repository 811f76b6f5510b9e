// SPDX-License-Identifier: GPL-3.0-or-later
// Memory that signals and states live in: aligned for vectors, cleared, never moved.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>

#include "core/graph/node.h"

namespace core {

/// A cleared array, aligned to 64 bytes.
template <class T>
class AlignedArray {
 public:
  AlignedArray() = default;
  explicit AlignedArray(std::size_t size) : size_(size) {
    if (size == 0) return;
    data_.reset(static_cast<T*>(::operator new (size * sizeof(T), std::align_val_t{64})));
    clear();
  }
  void clear() {
    if (size_) std::memset(static_cast<void*>(data_.get()), 0, size_ * sizeof(T));
  }
  T* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  T& operator[](std::size_t i) const { return data_.get()[i]; }

 private:
  struct Free {
    void operator()(T* p) const { ::operator delete (p, std::align_val_t{64}); }
  };
  std::unique_ptr<T, Free> data_;
  std::size_t size_ = 0;
};

/// How many lanes a part of the plan has, in groups of 1, 4 or 8. Lane = clip * voices + voice.
struct Domain {
  int clips = 1, voices = 1;
  int group = 1;  ///< lanes of one group, the kernel's L
  int groups = 1;

  Domain() = default;
  Domain(int clipCount, int voiceCount) : clips(clipCount), voices(voiceCount) {
    group = groupLanes(lanes());
    groups = (lanes() + group - 1) / group;
  }
  int lanes() const { return clips * voices; }
  /// Clip of a global lane; padding lanes repeat the last clip.
  int clipOf(int lane) const { return std::min(lane / voices, clips - 1); }
};

/// The samples of one signal over a stretch, and the tick before it (what delayed cables and ramps
/// read). Audio: [group][channel][tick][frame][lane]; control: [group][tick][element][lane], rows
/// padded to 8 samples.
class SignalBuffer {
 public:
  SignalBuffer() = default;
  SignalBuffer(Rate rate, int width, const Domain& domain, int ticks)
      : rate_(rate), width_(width), lanes_(domain.group), groups_(domain.groups), ticks_(ticks) {
    tickStride_ = rate == Rate::audio ? kTick * lanes_ : (width * lanes_ + 7) / 8 * 8;
    channelStride_ = rate == Rate::audio ? static_cast<std::ptrdiff_t>(tickStride_) * (ticks + 1) : lanes_;
    groupStride_ = static_cast<std::ptrdiff_t>(tickStride_) * (ticks + 1) * (rate == Rate::audio ? width : 1);
    samples_ = AlignedArray<Sample>(static_cast<std::size_t>(groupStride_ * groups_));
  }

  /// Where tick `tick` (-1 to ticks - 1) of a group starts.
  Sample* at(int group, int tick, int channel = 0) const {
    return samples_.data() + group * groupStride_ + channel * channelStride_ +
           static_cast<std::ptrdiff_t>(tick + 1) * tickStride_;
  }
  /// View of the ticks from `tick` on, as kernels read it.
  SignalView view(int group, int tick) const {
    return {at(group, tick), rate_ == Rate::audio ? lanes_ : tickStride_, channelStride_};
  }
  /// Channels (audio) or 1 (control), for loops over memory.
  int planes() const { return rate_ == Rate::audio ? width_ : 1; }
  int tickSize() const { return tickStride_; }
  int ticks() const { return ticks_; }
  bool empty() const { return samples_.size() == 0; }
  void clear() { samples_.clear(); }
  std::size_t bytes() const { return samples_.size() * sizeof(Sample); }

  /// Keeps tick `last` as the tick before the next stretch.
  void keepLast(int last) const {
    for (int g = 0; g < groups_; ++g)
      for (int c = 0; c < planes(); ++c)
        std::memcpy(at(g, -1, c), at(g, last, c), static_cast<std::size_t>(tickStride_) * sizeof(Sample));
  }
  void zero(int group, int tick, int count) const {
    for (int c = 0; c < planes(); ++c)
      std::memset(at(group, tick, c), 0,
                  static_cast<std::size_t>(tickStride_) * static_cast<std::size_t>(count) * sizeof(Sample));
  }

 private:
  Rate rate_ = Rate::audio;
  int width_ = 1, lanes_ = 1, groups_ = 1, ticks_ = 1;
  int tickStride_ = 0;
  std::ptrdiff_t channelStride_ = 0, groupStride_ = 0;
  AlignedArray<Sample> samples_;
};

/// Memory of a hidden output: a ring when live, the whole clip (mask -1, negative frames in front)
/// with a tape.
struct HistoryBuffer {
  AlignedArray<Sample> samples;
  std::int64_t mask = -1, front = 0, span = 0;
  int lines = 1, lanes = 1;
  int entryFrames = 1;  ///< kTick when it has an entry a tick

  HistoryBuffer() = default;
  /// clipFrames < 0: a ring that keeps shape.frames readable while `chunk` more are written.
  HistoryBuffer(const HistoryShape& shape, const Domain& domain, std::int64_t clipFrames, int chunk)
      : lines(shape.lines), lanes(domain.group), entryFrames(shape.perTick ? kTick : 1) {
    if (clipFrames >= 0) {
      front = shape.frames + kTick / entryFrames;
      span = front + clipFrames / entryFrames;
      if (span * lanes % 1024 == 0) ++span;  // lines a power of two apart would share their cache sets
    } else {
      span = 1;
      while (span < shape.frames + chunk / entryFrames + 1) span *= 2;
      mask = span - 1;
    }
    samples = AlignedArray<Sample>(static_cast<std::size_t>(span * lanes * lines * domain.groups));
  }
  HistoryView view(int group) const {
    return {samples.data() + (group * static_cast<std::int64_t>(lines) * span + front) * lanes, mask, span * lanes};
  }
};

/// What survives from plan to plan: the state of one node instance.
struct NodeMemory {
  AlignedArray<std::byte> state;  ///< [group][stateBytes]
  std::vector<HistoryBuffer> histories;
  std::vector<std::shared_ptr<void>> work;  ///< one a group
};

}  // namespace core
