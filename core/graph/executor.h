// SPDX-License-Identifier: GPL-3.0-or-later
// Runs a plan: live one tick at a time, offline over long stretches, in a fit under a tape. The
// same code every time; who calls differs.
#pragma once

#include <limits>
#include <memory>
#include <stop_token>
#include <unordered_map>

#include "core/graph/buffers.h"
#include "core/graph/plan.h"

namespace core {

/// Node memories by instance, so that state outlives a plan. [ui-thread]
class StateStore {
 public:
  std::shared_ptr<NodeMemory> find(std::uint64_t instance) const {
    const auto at = memories_.find(instance);
    return at == memories_.end() ? nullptr : at->second.lock();
  }
  void keep(std::uint64_t instance, const std::shared_ptr<NodeMemory>& memory) { memories_[instance] = memory; }

 private:
  std::unordered_map<std::uint64_t, std::weak_ptr<NodeMemory>> memories_;
};

struct ExecutorOptions {
  int clips = 1;                 ///< lanes of the unvoiced part: candidates of a search, clips of a batch
  int stretchTicks = 16;         ///< most ticks of one run(); 1 when live
  std::int64_t clipFrames = -1;  ///< >= 0: histories keep the whole clip (a tape)
  bool limiter = false;          ///< safety limiter in circuit
  bool smoothing = false;        ///< parameter changes glide over about 10 ms (live)
  StateStore* store = nullptr;   ///< where node memories are shared, or null
};

/// Executes a plan. Construction allocates everything; run() neither allocates, locks nor throws.
/// Call setParameter, setTensor and reset only between runs, on the thread that runs.
class Executor {
 public:
  /// Error: what a node says when it cannot prepare (a missing file, say); "Cancelled." when `stop` was
  /// requested meanwhile (memory for a long clip takes a while to clear).
  static Result<std::unique_ptr<Executor>> create(Plan plan, const ExecutorOptions& options,
                                                  const std::stop_token& stop = {});

  const Plan& plan() const { return plan_; }
  const ExecutorOptions& options() const { return options_; }
  const Domain& domain(bool voiced) const { return voiced ? voiced_ : mono_; }
  std::int64_t tick() const { return tick_; }

  /// All notes of the clip, sorted by frame; for runs of known length. Kept by reference.
  void setEvents(std::span<const VoiceEvent> events);
  /// The notes of the next run only (live). Kept by reference until then.
  void feedEvents(std::span<const VoiceEvent> events) { events_ = events; }
  /// Audio input of the next run, one sample a frame, or null for silence.
  void setExternal(const Sample* left, const Sample* right) { external_ = {left, right}; }

  /// Sets a knob or depth in every clip; glides when smoothing is on.
  void setParameter(int parameter, double value);
  void setParameter(int parameter, int clip, double value);
  double parameter(int parameter, int clip = 0) const;
  /// Copies a tensor in (a per-lane tensor: into one clip, or all with clip < 0). Call prepareAgain after.
  void setTensor(int node, int tensor, int clip, std::span<const Sample> values);
  std::span<const Sample> tensor(int node, int tensor) const;
  /// Runs a node's `prepare` again after its shared tensors changed.
  Result<void> prepareAgain(int node);

  /// State, histories and feedback as at frame 0.
  void reset();
  /// Computes the next `ticks` (at most stretchTicks).
  void run(int ticks);
  /// Runs ticks [from, from + ticks) of the current stretch for one node and group, inputs included.
  void runNode(int node, int group, int from, int ticks);
  /// Makes the last tick of a stretch the tick before the next one.
  void finishStretch(int ticks);
  void rewind(std::int64_t tick) { tick_ = tick; }

  /// Output channel 0 or 1 of the last run; null without an output node. [frame][lane] of a group.
  const Sample* output(int channel, int group = 0) const;
  /// A signal (index into Plan::signals) of the last run; meaningful when buffers are not reused.
  SignalView signal(int signal, int group = 0) const { return buffer(signal).view(group, 0); }
  /// Adds to every seed setting as the patch gave it, so that noise differs from step to step of a
  /// training; nodes read their seed when they run.
  void offsetSeeds(unsigned by);

  /// Nodes that produced a non-finite sample (it was silenced and the node reset); counts since reset.
  std::span<const int> faults() const { return faults_; }
  /// Loudest sample a voice group brought to where voices are mixed, in the last run of one tick;
  /// for putting groups to sleep.
  float groupPeak(int group) const;
  /// Frames the longest history of a voiced node remembers.
  std::int64_t longestVoicedMemory() const;
  /// Stops computing a voice group until its next note-on, and resets it.
  void sleepGroup(int group);
  bool groupAsleep(int group) const { return activeFrom_[static_cast<std::size_t>(group)] > tick_; }

  /// Continues from another executor that shares node memories: parameter glides, previous ticks.
  /// Copies prepared by linkPrevious run on the audio thread; the old executor must still live.
  void linkPrevious(const Executor& old);
  void adopt(const Executor& old);
  /// Ticks a fade takes: 6, that is 8 ms at 48 kHz.
  static constexpr int kFadeTicks = 6;
  bool fading() const { return hasFades_ && fadeTick_ < kFadeTicks; }

  /// Copies lane 0 of a signal's first channel or element into `to` in every run: kTick samples a
  /// tick (audio) or 1 (control). Null: no probe.
  void setProbe(int signal, Sample* to) {
    probe_ = signal;
    probeTo_ = to;
  }
  /// Nanoseconds each node took in the last profiled run.
  std::span<const float> profile() const { return profile_; }
  void profileNext(bool on) { profiling_ = on; }

 private:
  friend class InputStep;
  friend class Gradient;
  /// activeFrom_ of a voice group that waits for a note.
  static constexpr std::int64_t kAsleep = std::numeric_limits<std::int64_t>::max();
  Executor(Plan plan, const ExecutorOptions& options);

  Result<void> prepareNode(int node);
  void allocate(const std::stop_token& stop);
  void layoutParameters();
  void packParameter(int parameter);
  void resetNode(int node, int group);
  void prepareRamps();
  void finishRamps();
  void copyProbe(int node, int ticks) const;
  void guard(int node, int group, int from, int ticks);
  std::span<const VoiceEvent> eventsBetween(std::int64_t from, std::int64_t to) const;
  BlockData blockData(int node, int group, int from, int ticks);
  SignalBuffer& buffer(int signal) { return buffers_[static_cast<std::size_t>(slotOf(signal))]; }
  const SignalBuffer& buffer(int signal) const { return buffers_[static_cast<std::size_t>(slotOf(signal))]; }
  /// Somebody reads the signal: a cable, the sound card or the probe.
  bool isRead(int signal) const { return read_[static_cast<std::size_t>(signal)] || signal == probe_; }
  int slotOf(int signal) const { return plan_.signals[static_cast<std::size_t>(signal)].slot; }
  const Domain& domainOf(int node) const { return domain(plan_.nodes[static_cast<std::size_t>(node)].voiced); }
  const Kernel& kernelOf(int node) const {
    return plan_.nodes[static_cast<std::size_t>(node)]
        .type->kernels[static_cast<std::size_t>(kernelIndex(domainOf(node).group))];
  }
  /// Ticks one call of a kernel covers at the most.
  int chunkTicks(int node) const;

  Plan plan_;
  ExecutorOptions options_;
  Domain mono_, voiced_;
  std::int64_t tick_ = 0;
  std::vector<SignalBuffer> buffers_;
  std::vector<std::uint8_t> read_;         ///< by signal: a cable or the sound card reads it
  std::vector<std::uint8_t> hasPrevious_;  ///< by signal: a tick before the stretch exists
  std::vector<std::shared_ptr<NodeMemory>> memory_;
  /// By node. Not in its memory: an executor that is being made must not take from one that plays what it reads.
  std::vector<std::shared_ptr<const void>> prepared_;
  std::vector<Setup> setups_;
  unsigned seedOffset_ = 0;
  std::vector<std::vector<AlignedArray<Sample>>> tensorData_;  ///< per-lane tensors packed [group][element][lane]

  // parameters: values_ [parameter][clip]; packed_ lanes of the node's domain
  std::vector<Sample> values_, glide_;
  std::vector<std::size_t> packedAt_;
  AlignedArray<Sample> packed_, rampFrom_, defaults_;
  std::vector<std::size_t> defaultAt_;  ///< by [node][input] flattened
  std::vector<int> firstInput_;
  std::vector<std::uint8_t> ramping_;
  std::vector<int> rampList_;

  // scratch of the node that runs: composed inputs and views
  AlignedArray<Sample> scratch_;
  std::vector<SignalView> inputViews_, outputViews_;
  std::vector<HistoryView> historyViews_;
  std::vector<const Sample*> tensorViews_;

  std::span<const VoiceEvent> events_;
  std::array<const Sample*, 2> external_{};
  std::vector<std::int64_t> activeFrom_;
  std::vector<int> mixed_;  ///< voiced signals that are mixed down
  std::vector<int> faults_;
  int fadeTick_ = 0;
  bool hasFades_ = false;
  bool profiling_ = false;
  int probe_ = -1;
  Sample* probeTo_ = nullptr;
  std::vector<float> profile_;

  struct Copy {
    const Sample* from;
    Sample* to;
    std::size_t count;
    int signal;
  };
  std::vector<Copy> copies_;
  std::vector<std::pair<int, int>> parameterLinks_;  ///< (old, new)
};

}  // namespace core
