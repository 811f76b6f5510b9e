// SPDX-License-Identifier: GPL-3.0-or-later
// What a kernel sees of a block, typed by its lane count: inputs, outputs, cotangents, hidden outputs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/graph/node_tables.h"

namespace core {

/// An audio signal, readable frame by frame or in wide chunks of kWide contiguous samples.
template <int L>
struct AudioIn {
  const Sample* data;
  std::ptrdiff_t step;

  bool constant() const { return step == 0; }
  Vec<L> operator[](int frame) const { return load<L>(data + frame * step); }
  /// Samples [8 chunk, 8 chunk + 8) of the flattened [frame][lane] array; frames * L / 8 chunks.
  Vec<kWide> wide(int chunk) const {
    if (step != 0) return load<kWide>(data + chunk * kWide);
    if constexpr (L == 1) {
      return splat<kWide>(*data);
    } else if constexpr (L == kWide) {
      return load<kWide>(data);
    } else {
      Vec<kWide> v;
      for (int i = 0; i < kWide; ++i) v[i] = data[i % L];
      return v;
    }
  }
};

/// A place to write an output, frame by frame.
template <int L>
struct AudioOut {
  Sample* data;

  void set(int frame, const Vec<L>& v) const { store<L>(data + frame * L, v); }
  void setWide(int chunk, const Vec<kWide>& v) const { store<kWide>(data + chunk * kWide, v); }
};

/// A place to add the cotangent of an input to, frame by frame. A knob that no cable moves is the same in all
/// frames: what is added for it piles up in one tick, which stays in the cache.
template <int L>
class AudioCotangent {
 public:
  AudioCotangent(Sample* data, bool still) : data_(data), mask_(still ? kTick * L - 1 : -1) {}

  explicit operator bool() const { return data_ != nullptr; }
  /// Whether all frames are added up, so that their sum may be added in any of them.
  bool still() const { return mask_ != -1; }
  Sample* at(int frame) const { return data_ + (frame * L & mask_); }
  void add(int frame, const Vec<L>& v) const { store<L>(at(frame), load<L>(at(frame)) + v); }
  void addWide(int chunk, const Vec<kWide>& v) const {
    Sample* to = data_ + (chunk * kWide & mask_);
    store<kWide>(to, load<kWide>(to) + v);
  }

 private:
  Sample* data_;
  int mask_;
};

/// A control signal: one row of `width` values a tick.
template <int L>
struct ControlIn {
  const Sample* data;
  std::ptrdiff_t step, channel;

  bool constant() const { return step == 0; }
  Vec<L> operator()(int tick, int element = 0) const { return load<L>(data + tick * step + element * channel); }
};
template <int L>
struct ControlOut {
  Sample* data;
  std::ptrdiff_t step, channel;

  explicit operator bool() const { return data != nullptr; }
  void set(int tick, int element, const Vec<L>& v) const { store<L>(data + tick * step + element * channel, v); }
  void add(int tick, int element, const Vec<L>& v) const {
    Sample* at = data + tick * step + element * channel;
    store<L>(at, load<L>(at) + v);
  }
};

/// The written past of a hidden output.
template <int L>
struct HistoryRing {
  HistoryView view;

  Sample* at(int line, std::int64_t frame) const {
    return view.data + line * view.lineStride + (frame & view.mask) * L;
  }
  /// Frames before the first one read as zero (the ring starts cleared).
  Vec<L> read(int line, std::int64_t frame) const { return load<L>(at(line, frame)); }
  void write(int line, std::int64_t frame, const Vec<L>& v) const { store<L>(at(line, frame), v); }
  void add(int line, std::int64_t frame, const Vec<L>& v) const { store<L>(at(line, frame), read(line, frame) + v); }
};

/// What forward and backward see: `ticks` whole ticks of inputs and outputs of one lane group.
template <int L>
class Block {
 public:
  explicit Block(const BlockData& data) : d_(data) {}

  int ticks() const { return d_.ticks; }
  int frames() const { return d_.ticks * kTick; }
  /// Chunks of kWide samples in frames x lanes.
  int chunks() const { return frames() * L / kWide; }
  Sample rate() const { return static_cast<Sample>(d_.rate); }
  std::int64_t firstFrame() const { return d_.firstFrame; }
  const Setup& setup() const { return *d_.setup; }
  int inputWidth(int i) const { return d_.setup->inputWidths[static_cast<std::size_t>(i)]; }
  int outputWidth(int i) const { return d_.setup->outputWidths[static_cast<std::size_t>(i)]; }

  AudioIn<L> audio(int input, int channel = 0) const {
    const SignalView& v = d_.inputs[input];
    return {v.data + channel * v.channel, v.step};
  }
  ControlIn<L> control(int input) const {
    const SignalView& v = d_.inputs[input];
    return {v.data, v.step, v.channel};
  }
  AudioOut<L> out(int output, int channel = 0) const {
    const SignalView& v = d_.outputs[output];
    return {v.data + channel * v.channel};
  }
  ControlOut<L> controlOut(int output) const {
    const SignalView& v = d_.outputs[output];
    return {v.data, v.step, v.channel};
  }
  /// False when nobody reads that output: forward may leave it as it is.
  bool reads(int output) const { return (d_.unread >> output & 1U) == 0; }
  HistoryRing<L> history(int i) const { return {d_.histories[i]}; }
  /// A shared tensor's numbers, row-major; a per-lane tensor's element e of L lanes at e * L.
  const Sample* tensor(int i) const { return d_.tensors[i]; }
  template <class T>
  const T& prepared() const {
    return *static_cast<const T*>(d_.prepared);
  }
  template <class T>
  T& work() const {
    return *static_cast<T*>(d_.work);
  }
  std::span<const VoiceEvent> events() const { return d_.events; }
  /// Which voice runs in lane l of this group.
  int voiceOf(int l) const { return (d_.firstLane + l) % d_.voices; }
  const Sample* external(int channel) const { return d_.external[static_cast<std::size_t>(channel)]; }
  bool limiter() const { return d_.limiter; }

 private:
  const BlockData& d_;
};

/// Cotangents, in the same shapes: read those of the outputs, add to those of the inputs. `in` and
/// `controlIn` convert to false when nobody wants that cotangent.
template <int L>
class Grad {
 public:
  explicit Grad(const GradData& data) : d_(data) {}

  /// False when the loss does not depend on that output; its cotangent then reads as zero.
  bool wants(int output) const { return d_.outputs[output].data != nullptr; }
  AudioIn<L> out(int output, int channel = 0) const {
    const SignalView& v = d_.outputs[output];
    if (!v.data) return {kZeros.data(), 0};
    return {v.data + channel * v.channel, v.step};
  }
  ControlIn<L> controlOut(int output) const {
    const SignalView& v = d_.outputs[output];
    if (!v.data) return {kZeros.data(), 0, 0};
    return {v.data, v.step, v.channel};
  }
  AudioCotangent<L> in(int input, int channel = 0) const {
    const SignalView& v = d_.inputs[input];
    return {v.data ? v.data + channel * v.channel : nullptr, v.step == 0};
  }
  ControlOut<L> controlIn(int input) const {
    const SignalView& v = d_.inputs[input];
    return {v.data, v.step, v.channel};
  }
  HistoryRing<L> history(int i) const { return {d_.histories[i]}; }
  /// Where to add the gradient of a tensor (same layout), or null.
  Sample* tensor(int i) const { return d_.tensors[i]; }
  /// Whether the caller has given up: then backward may return at once.
  bool stopped() const { return d_.stop && d_.stop->stop_requested(); }

 private:
  static constexpr std::array<Sample, kMaxLanes> kZeros{};
  const GradData& d_;
};

}  // namespace core
