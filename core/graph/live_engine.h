// SPDX-License-Identifier: GPL-3.0-or-later
// The live engine without a sound card: edits and notes go in on the UI thread, blocks of any
// length come out on the audio thread, and neither ever waits for the other.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/graph/registry.h"
#include "core/graph/tick_engine.h"

namespace core {

/// Levels and load since the last look; each number is right by itself.
struct EngineMeters {
  float peak[2] = {0, 0};
  float load = 0, worst = 0;  ///< parts of the deadline
  int voicesHeld = 0;
  std::int64_t frames = 0;  ///< heard so far
};

class LiveEngine {
 public:
  explicit LiveEngine(const Registry& registry);
  ~LiveEngine();
  LiveEngine(const LiveEngine&) = delete;
  LiveEngine& operator=(const LiveEngine&) = delete;

  // ---- [ui-thread] ----

  /// Makes `patch` what plays; wiring that changed cross-fades. Error: why it cannot be played
  /// (the one before goes on).
  Result<void> setPatch(const Patch& patch);
  /// Moves a knob or a depth of the patch that plays.
  void setKnob(const std::string& node, const std::string& input, double value);
  void setDepth(const Cable& cable, double depth);
  void play(const PlayerEvent& event);
  void playPhrase(const std::vector<Note>& phrase);
  void stopPhrase();
  /// Copies a signal for a scope; an empty node: none.
  void probe(const std::string& node, const std::string& output);
  /// Looks at narrow control inputs of a node, as it hears them (knob and cables summed; of several
  /// voices the first). Sends no plan, so that selecting a node may call it. An empty node: none.
  void watch(const std::string& node, const std::vector<std::string>& inputs);
  /// Their newest values, in that order; empty while there are none.
  std::vector<float> watched() const;
  /// Frees what the audio thread has done with and finishes transitions. Call about 30 times a
  /// second, and before waiting for a transition.
  void collect();
  bool inTransition() const { return transition_ || !pending_.empty(); }
  EngineMeters meters();
  /// Non-finite samples stopped, and time in nanoseconds a tick, by node of the plan that plays.
  struct NodeMeter {
    std::string node;
    int faults;
    float nanoseconds;
  };
  std::vector<NodeMeter> nodeMeters() const;
  /// The newest probe samples (kTick of them, or none yet), and the newest heard blocks since the
  /// last call (interleaved stereo).
  std::vector<float> probeSamples();
  void takeHeard(std::vector<float>& interleaved);
  /// How many plans were sent so far: selecting and moving must not change it.
  int plansSent() const { return static_cast<int>(log_.plans.size()); }
  /// The log so far; complete once the audio thread rests or collect was called after it.
  const EngineLog& log() const { return log_; }
  /// Whether the log lost entries (the queue was full).
  bool logComplete() const { return !logLost_.load(); }
  const Patch& playing() const { return patch_; }

  // ---- [midi-thread] ----

  /// Never waits; what does not fit (4096 events unheard) is dropped and all keys are let go.
  void playFromMidi(const PlayerEvent& event);

  // ---- [audio-thread] ----

  /// Any number of frames. Inputs may be null. No allocation, lock or file call.
  void process(const float* const input[2], float* const output[2], int frames);
  /// The rate of the patch that sounds now, Hz: what process plays at.
  double rate() const { return engine_.executor() ? engine_.executor()->plan().rate : 48000; }
  /// Frames by which the audio input is late: 0 while host buffers are whole ticks, else one tick.
  int inputLatency() const { return inputLatency_.load(); }

 private:
  struct Shared;  ///< queues
  /// Inputs that are looked at, as an executor's plan has them.
  struct Watch {
    explicit Watch(std::vector<PlanInput> wanted) : inputs(std::move(wanted)), values(inputs.size()) {}
    std::vector<PlanInput> inputs;
    std::vector<std::atomic<float>> values;
    std::atomic<bool> seen{false};  ///< values were written
  };
  /// An executor that was sent, and what is seen of its nodes while it plays.
  struct Sent {
    explicit Sent(std::unique_ptr<Executor> executor);
    std::unique_ptr<Executor> executor;
    std::vector<std::atomic<int>> faults;
    std::vector<std::atomic<float>> nanoseconds;
    std::deque<Watch> watches;           ///< the newest last; addresses stay valid
    std::atomic<Watch*> watch{nullptr};  ///< what the audio thread writes to
  };
  struct Message {
    EngineCommand command;
    Sent* sent = nullptr;
    const std::vector<PlayerEvent>* phrase = nullptr;
  };
  void send(const EngineCommand& command, Sent* sent = nullptr, const std::vector<PlayerEvent>* phrase = nullptr);
  void flush();
  Result<std::unique_ptr<Executor>> make(Plan plan);
  /// Signals that control inputs read get buffers of their own (a few numbers each), so that any of
  /// them can be looked at when the tick is over.
  static void keepControls(Plan& plan);
  void startWatching(Sent& sent) const;
  void publishWatched(Watch& watch) const;
  void sendPlan(std::unique_ptr<Executor> executor);
  PlanOptions options(const Patch& patch) const;
  void drain();
  void publish();
  void tick(const float* left, const float* right);

  const Registry& registry_;
  StateStore store_;
  Patch patch_;
  std::unique_ptr<Plan> plan_;                ///< of patch_, without fades
  std::vector<std::unique_ptr<Sent>> alive_;  ///< sent and not yet returned; the newest last
  std::deque<Message> unsent_;                ///< does not fit the queue yet
  Executor* newest_ = nullptr;
  std::unique_ptr<Executor> final_;  ///< follows the transition
  std::vector<Patch> pending_;       ///< at most one: set while in transition
  bool transition_ = false;
  std::deque<std::vector<PlayerEvent>> phrases_;  ///< addresses stay valid
  EngineLog log_;
  std::string probeNode_, probeOutput_, watchNode_;
  std::vector<std::string> watchInputs_;
  std::vector<float> probed_;

  std::unique_ptr<Shared> shared_;
  std::atomic<bool> logLost_{false}, midiLost_{false}, probing_{false};
  std::atomic<int> inputLatency_{0};

  // audio thread's own
  TickEngine engine_;
  Sent* playing_ = nullptr;
  AlignedArray<Sample> probeBuffer_{kTick};
  float outBlock_[2][kTick] = {};
  float late_[2][kTick] = {}, lateNow_[2][kTick] = {};
  Sample inBlock_[2][kTick] = {};
  int outLeft_ = 0, inFilled_ = 0;
  std::atomic<float> peak_[2] = {0.0F, 0.0F};
  std::atomic<float> load_{0}, worst_{0};
  std::atomic<int> held_{0};
  std::atomic<float> outGain_{1};
  std::atomic<const Executor*> fadesDone_{nullptr};
  std::atomic<std::int64_t> frames_{0};
};

}  // namespace core
