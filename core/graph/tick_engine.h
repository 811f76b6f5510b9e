// SPDX-License-Identifier: GPL-3.0-or-later
// The part of the live engine that makes sound, one tick after the other, from commands. Replaying
// its log offline gives the same samples, because it is the same object that runs.
#pragma once

#include <memory>
#include <vector>

#include "core/graph/executor.h"
#include "core/graph/voices.h"

namespace core {

/// What may happen between two ticks.
struct EngineCommand {
  enum class Type : std::uint8_t { plan, parameter, player, phrase, stopPhrase, duck };
  Type type = Type::player;
  int index = 0;       ///< plan, phrase: number in the log's list; parameter: its index in the plan
  double value = 0;    ///< parameter: the new value; duck: 1 out, 0 in
  PlayerEvent player;  ///< its frame is an offset into the tick
};

struct LogEntry {
  std::int64_t tick = 0;
  EngineCommand command;
};

/// Runs executors by commands. apply and runTick: [audio-thread], no allocation.
class TickEngine {
 public:
  TickEngine();

  /// Carries out a command at the start of the next tick. `executor` and `phrase` are what `index`
  /// stands for; they must outlive their use. Returns the executor that is no longer used, or null.
  Executor* apply(const EngineCommand& command, Executor* executor, const std::vector<PlayerEvent>* phrase);

  /// One tick: kTick frames of input (null: silence) to kTick frames of both outputs.
  void runTick(const Sample* inputLeft, const Sample* inputRight, float* left, float* right);

  std::int64_t tick() const { return tick_; }
  Executor* executor() const { return executor_; }
  int voicesHeld() const { return allocator_.held(); }
  float gain() const { return gain_; }
  bool phrasePlaying() const { return phrase_ != nullptr; }

 private:
  void collectEvents();
  void putVoicesToSleep();

  Executor* executor_ = nullptr;
  VoiceAllocator allocator_{1};
  int voices_ = 1;
  std::int64_t tick_ = 0;
  std::vector<PlayerEvent> waiting_;
  std::vector<VoiceEvent> events_;
  const std::vector<PlayerEvent>* phrase_ = nullptr;
  std::size_t phraseNext_ = 0;
  std::int64_t phraseStart_ = 0;
  std::vector<int> quietTicks_;
  int sleepAfter_ = 0;
  float gain_ = 1, gainTarget_ = 1;
};

/// Everything the engine did, and what it needs to do it again.
struct EngineLog {
  std::vector<Plan> plans;
  std::vector<std::vector<PlayerEvent>> phrases;
  std::vector<LogEntry> entries;
};

/// Plays a log offline from tick 0: `ticks` ticks of both channels.
Result<std::vector<std::vector<float>>> replay(const EngineLog& log, std::int64_t ticks);

/// Options of every live executor.
ExecutorOptions liveOptions(StateStore* store);

}  // namespace core
