// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/graph/tick_engine.h"

#include <algorithm>
#include <cmath>

#include "core/graph/realtime.h"

namespace core {
namespace {
constexpr std::size_t kMostEvents = 512;  ///< player events in one tick; more are dropped
constexpr float kQuiet = 1e-6F;           ///< -120 dBFS: a released voice group under it may sleep
constexpr double kQuietSeconds = 0.5;
constexpr float kDuckStep = 1.0F / 6;  ///< a ticks's part of a duck: 8 ms at 48 kHz
}  // namespace

ExecutorOptions liveOptions(StateStore* store) {
  ExecutorOptions o;
  o.stretchTicks = 1;
  o.limiter = true;
  o.smoothing = true;
  o.store = store;
  return o;
}

TickEngine::TickEngine() {
  waiting_.reserve(kMostEvents);
  events_.reserve(kMostEvents * (kMaxVoices + 1));
  quietTicks_.assign(kMaxVoices, 0);
}

Executor* TickEngine::apply(const EngineCommand& command, Executor* executor, const std::vector<PlayerEvent>* phrase) {
  switch (command.type) {
    case EngineCommand::Type::plan: {
      Executor* old = executor_;
      executor_ = executor;
      if (old) executor_->adopt(*old);
      const int voices = executor_->plan().voices;
      if (voices != voices_) allocator_ = VoiceAllocator(voices);
      voices_ = voices;
      sleepAfter_ = static_cast<int>(
          (kQuietSeconds + static_cast<double>(executor_->longestVoicedMemory()) / executor_->plan().rate) *
          executor_->plan().rate / kTick);
      return old;
    }
    case EngineCommand::Type::parameter:
      if (executor_) executor_->setParameter(command.index, command.value);
      return nullptr;
    case EngineCommand::Type::player:
      if (waiting_.size() < kMostEvents) waiting_.push_back(command.player);
      return nullptr;
    case EngineCommand::Type::phrase:
      phrase_ = phrase;
      phraseNext_ = 0;
      phraseStart_ = tick_ * kTick;
      return nullptr;
    case EngineCommand::Type::stopPhrase:
      phrase_ = nullptr;
      if (waiting_.size() < kMostEvents) waiting_.push_back({0, PlayerEvent::Type::panic, 0, 0});
      return nullptr;
    case EngineCommand::Type::duck:
      gainTarget_ = command.value > 0 ? 0.0F : 1.0F;
      return nullptr;
  }
  return nullptr;
}

/// Player events of this tick, the phrase's included, become voice events at absolute frames of the
/// executor's clock.
void TickEngine::collectEvents() {
  const std::int64_t first = tick_ * kTick;
  if (phrase_)
    while (phraseNext_ < phrase_->size() && phraseStart_ + (*phrase_)[phraseNext_].frame < first + kTick) {
      PlayerEvent e = (*phrase_)[phraseNext_++];
      e.frame += phraseStart_ - first;
      if (waiting_.size() < kMostEvents) waiting_.push_back(e);
    }
  if (phrase_ && phraseNext_ == phrase_->size()) phrase_ = nullptr;
  // insertion sort: stable and without memory (std::stable_sort allocates)
  for (std::size_t i = 1; i < waiting_.size(); ++i)
    for (std::size_t k = i; k > 0 && waiting_[k].frame < waiting_[k - 1].frame; --k)
      std::swap(waiting_[k], waiting_[k - 1]);
  events_.clear();
  for (PlayerEvent& e : waiting_) {
    e.frame = std::clamp<std::int64_t>(e.frame, 0, kTick - 1) + executor_->tick() * kTick;
    allocator_.take(e, events_);
  }
  waiting_.clear();
  executor_->feedEvents(events_);
}

/// A voice group whose keys are up and whose sound has died stops being computed.
void TickEngine::putVoicesToSleep() {
  const Domain& d = executor_->domain(true);
  if (d.voices == 1) return;
  for (int g = 0; g < d.groups; ++g) {
    int& quiet = quietTicks_[static_cast<std::size_t>(g)];
    bool held = executor_->groupAsleep(g);
    for (int v = g * d.group; v < std::min((g + 1) * d.group, d.voices); ++v) held = held || allocator_.holds(v);
    quiet = held || executor_->groupPeak(g) > kQuiet ? 0 : quiet + 1;
    if (quiet <= sleepAfter_) continue;
    executor_->sleepGroup(g);
    quiet = 0;
  }
}

void TickEngine::runTick(const Sample* inputLeft, const Sample* inputRight, float* left, float* right) {
  float* out[2] = {left, right};
  if (!executor_) {
    std::fill(left, left + kTick, 0.0F);
    std::fill(right, right + kTick, 0.0F);
    ++tick_;
    return;
  }
  collectEvents();
  executor_->setExternal(inputLeft, inputRight);
  executor_->run(1);
  putVoicesToSleep();
  const float from = gain_, to = gain_ + std::clamp(gainTarget_ - gain_, -kDuckStep, kDuckStep);
  for (int c = 0; c < 2; ++c) {
    const Sample* y = executor_->output(c);
    for (int i = 0; i < kTick; ++i) {
      const float gain = from + (to - from) * static_cast<float>(i + 1) / kTick;
      out[c][i] = y ? static_cast<float>(y[i]) * gain : 0.0F;
    }
  }
  gain_ = to;
  ++tick_;
}

Result<std::vector<std::vector<float>>> replay(const EngineLog& log, std::int64_t ticks) {
  const DenormalsOff denormals;
  StateStore store;
  std::vector<std::unique_ptr<Executor>> executors;
  TickEngine engine;
  std::vector<std::vector<float>> out(2, std::vector<float>(static_cast<std::size_t>(ticks * kTick)));
  std::size_t next = 0;
  for (std::int64_t t = 0; t < ticks; ++t) {
    for (; next < log.entries.size() && log.entries[next].tick <= t; ++next) {
      const EngineCommand& c = log.entries[next].command;
      Executor* executor = nullptr;
      if (c.type == EngineCommand::Type::plan) {
        auto made = Executor::create(log.plans[static_cast<std::size_t>(c.index)], liveOptions(&store));
        if (!made) return made.error();
        if (engine.executor()) (*made)->linkPrevious(*engine.executor());
        executors.push_back(std::move(*made));
        executor = executors.back().get();
      }
      engine.apply(c, executor,
                   c.type == EngineCommand::Type::phrase ? &log.phrases[static_cast<std::size_t>(c.index)] : nullptr);
      if (executors.size() > 1 && executor) executors.erase(executors.begin());  // the one before is done
    }
    engine.runTick(nullptr, nullptr, &out[0][static_cast<std::size_t>(t * kTick)],
                   &out[1][static_cast<std::size_t>(t * kTick)]);
  }
  return out;
}

}  // namespace core
