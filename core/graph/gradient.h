// SPDX-License-Identifier: GPL-3.0-or-later
// Reverse mode over a plan: a tape around the executor. Forward runs the clip as render does;
// backward sweeps from the outputs' cotangents to the gradients of parameters and tensors.
#pragma once

#include <memory>
#include <stop_token>
#include <vector>

#include "core/graph/executor.h"
#include "core/graph/input_step.h"

namespace core {

/// A learnable tensor: node and row.
struct TensorRef {
  int node = 0, tensor = 0;
  bool operator==(const TensorRef&) const = default;
};

/// What gradients are asked for.
struct GradientRequest {
  std::vector<int> parameters;  ///< indices into Plan::parameters
  std::vector<TensorRef> tensors;
};

/// Memory of one clip: what forward left behind and backward needs. Signals are kept for the whole
/// clip when they fit `memoryLimit`; else the clip is cut into stretches, forward keeps the states
/// at their starts (checkpoints) and backward runs each stretch again before it sweeps it.
class Gradient {
 public:
  struct Options {
    int clips = 1;
    std::size_t memoryLimit = std::size_t{512} << 20;  ///< bytes of signals and their cotangents
    int stretchTicks = 0;                              ///< > 0: cut here whatever the memory (tests)
    bool limiter = false;
  };

  /// Error: as Executor::create.
  static Result<std::unique_ptr<Gradient>> create(Plan plan, const GradientRequest& request, int ticks,
                                                  const Options& options, const std::stop_token& stop = {});

  Executor& executor() { return *executor_; }
  const Executor& executor() const { return *executor_; }
  int ticks() const { return ticks_; }
  int frames() const { return ticks_ * kTick; }
  bool checkpointed() const { return stretches() > 1; }

  /// Renders the clip from frame 0 with the executor's present values, recording. A requested `stop`
  /// ends it early; what was computed then means nothing.
  void forward(const std::stop_token& stop = {});
  /// Output sample of the last forward.
  Sample output(int channel, int clip, int frame) const {
    return outputs_[channel].at(clip / lanes(), 0)[frame * lanes() + clip % lanes()];
  }
  /// Copies one channel of one clip out: frames() samples.
  void copyOutput(int channel, int clip, std::span<Sample> to) const;
  /// Where the caller puts d loss / d output, same indexing; cleared by forward.
  void setCotangent(int channel, int clip, std::span<const Sample> d);

  /// Sweeps back. Gradients of the last forward are then available.
  void backward(const std::stop_token& stop = {});
  double parameter(int parameter, int clip) const {
    return parameterGradient_[static_cast<std::size_t>(parameter * executor_->mono_.clips + clip)];
  }
  /// Gradient of a requested tensor (index in the request) for a clip (shared: summed over clips).
  std::vector<Sample> tensor(int request, int clip) const;

 private:
  Gradient() = default;
  void allocate();
  void findActive();
  int stretches() const { return (ticks_ + stretch_ - 1) / stretch_; }
  int ticksOf(int stretch) const { return std::min(stretch_, ticks_ - stretch * stretch_); }
  int lanes() const { return executor_->mono_.group; }
  void runStretch(int stretch, bool again);
  void runNodeRecording(int node, int group, int from, int ticks, bool again);
  void saveStart(int stretch);
  void restoreStart(int stretch);
  void sweepStretch(int stretch);
  void sweepNode(int node, int group, int from, int ticks);
  void carryBack(int ticks);
  int chunk(int node) const;
  void findSegments();
  void clearLastWindows(int ticks);
  void clearHistories(int node, int group, std::int64_t frame);
  void sweepIsland(const Island& island, int stretch, int from, int to);
  void clearCotangents(const std::vector<int>& signals, int from, int to);
  void addOutputCotangents(int stretch, int from, int to);

  /// Islands that are swept together, a window of ticks at a time, so that cotangents stay in the
  /// cache between the node that makes them and the one that takes them.
  struct Segment {
    std::size_t first = 0, end = 0;  ///< of the plan's islands
    int window = 1;                  ///< ticks; whole chunks of all its nodes
    std::vector<int> signals;        ///< whose cotangents only this segment touches
  };
  std::vector<Segment> segments_;
  std::vector<int> crossing_;  ///< signals whose cotangents pass from segment to segment

  std::unique_ptr<Executor> executor_;
  GradientRequest request_;
  std::stop_token stop_;
  int ticks_ = 0, stretch_ = 0, inBuffers_ = -1;
  SignalBuffer outputs_[2], outputCotangents_[2];
  std::vector<std::uint8_t> active_, cyclic_, wantedParameter_;

  std::vector<SignalBuffer> cotangents_;  ///< by signal; empty: not wanted
  std::vector<SignalBuffer> kept_;        ///< by signal: whole-clip outputs of keepOutputs nodes
  std::vector<double> parameterGradient_;
  std::vector<std::vector<AlignedArray<Sample>>> tensorGradient_;  ///< by node, tensor; empty: not wanted
  std::vector<std::vector<HistoryBuffer>> historyCotangents_;
  std::vector<std::vector<std::int64_t>> historyClearFrom_;  ///< by node: [history][group], an entry
  std::vector<AlignedArray<std::byte>> stateCotangent_;      ///< by node: [group][cotangentBytes]
  std::vector<AlignedArray<std::byte>> chunkStates_;         ///< by node: [chunk][group][stateBytes] of the stretch
  struct Start {
    std::vector<AlignedArray<std::byte>> states;  ///< by node
    std::vector<AlignedArray<Sample>> previous;   ///< by signal that keeps its tick
    std::vector<std::uint8_t> hasPrevious;
  };
  std::vector<Start> starts_;
  AlignedArray<Sample> inputCotangent_;
  std::vector<SignalView> cotangentInputs_, cotangentOutputs_;
  std::vector<HistoryView> cotangentHistories_;
  std::vector<Sample*> cotangentTensors_;
};

/// Ticks that cover a clip of some seconds.
int clipTicks(double seconds, double rate);

}  // namespace core
