// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/graph/live_engine.h"

#include <readerwriterqueue/readerwriterqueue.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/graph/bypass.h"
#include "core/graph/realtime.h"
#include "core/graph/transition.h"

namespace core {
namespace {
struct Message {
  EngineCommand command;
  Executor* executor = nullptr;
  const std::vector<PlayerEvent>* phrase = nullptr;
};
struct HeardBlock {
  float samples[2 * kTick];
};
constexpr std::size_t kQueue = 4096;
constexpr std::size_t kMostLogged = 200000;  ///< entries kept; then the oldest half of a session is enough
}  // namespace

struct LiveEngine::Shared {
  moodycamel::ReaderWriterQueue<Message> toAudio{kQueue};
  moodycamel::ReaderWriterQueue<PlayerEvent> midi{kQueue};
  moodycamel::ReaderWriterQueue<Executor*> retired{256};
  moodycamel::ReaderWriterQueue<LogEntry> log{kQueue * 4};
  moodycamel::ReaderWriterQueue<HeardBlock> heard{2048};
};

LiveEngine::LiveEngine(const Registry& registry)
    : registry_(registry), probeBuffer_(kTick), shared_(std::make_unique<Shared>()) {}

LiveEngine::~LiveEngine() = default;

void LiveEngine::send(const EngineCommand& command, Executor* executor, const std::vector<PlayerEvent>* phrase) {
  shared_->toAudio.enqueue({command, executor, phrase});
}

Result<std::unique_ptr<Executor>> LiveEngine::make(Plan plan) {
  auto made = Executor::create(std::move(plan), liveOptions(&store_));
  if (!made) return made.error();
  if (newest_) (*made)->linkPrevious(*newest_);
  return made;
}

void LiveEngine::sendPlan(std::unique_ptr<Executor> executor) {
  const Plan& plan = executor->plan();
  if (const int n = plan.findNode(probeNode_); n >= 0)
    if (const int o = plan.nodes[static_cast<std::size_t>(n)].type->outputIndex(probeOutput_); o >= 0)
      executor->setProbe(plan.nodes[static_cast<std::size_t>(n)].firstSignal + o, probeBuffer_.data());
  executor->profileNext(true);
  newest_ = executor.get();
  log_.plans.push_back(plan);
  alive_.push_back(std::move(executor));
  send({EngineCommand::Type::plan, static_cast<int>(log_.plans.size()) - 1, 0, {}}, newest_);
}

PlanOptions LiveEngine::options(const Patch& patch) const {
  PlanOptions o;
  o.rate = rate_ > 0 ? rate_ : patch.rate;
  o.reuseBuffers = true;
  return o;
}

void LiveEngine::setRate(double rate) {
  if (rate == rate_) return;
  rate_ = rate;
  if (plan_) (void)setPatch(patch_);
}

Result<void> LiveEngine::setPatch(const Patch& wanted) {
  collect();
  const Patch patch = withoutBypassed(wanted, registry_);  // transitions compare cables as they run
  if (transition_) {  // one edit after the other: the newest waits
    auto trial = compilePlan(patch, registry_, options(patch));
    if (!trial) return trial.error();
    pending_.assign(1, patch);
    return {};
  }
  const PlanOptions options = this->options(patch);
  auto compiled = compilePlan(patch, registry_, options);
  if (!compiled) return compiled.error();
  Plan after = std::move(*compiled);
  if (!plan_) {
    auto made = make(after);
    if (!made) return made.error();
    sendPlan(std::move(*made));
  } else {
    auto both = makeTransition(patch_, *plan_, patch, after, registry_, options);
    if (both) {
      auto made = make(std::move(*both));
      if (!made) return made.error();
      sendPlan(std::move(*made));
    } else {
      auto made = make(after);
      if (!made) return made.error();
      final_ = std::move(*made);
      send({EngineCommand::Type::duck, 0, 1, {}});
    }
    transition_ = true;
  }
  patch_ = patch;
  plan_ = std::make_unique<Plan>(std::move(after));
  return {};
}

void LiveEngine::setKnob(const std::string& node, const std::string& input, double value) {
  for (Patch* p : {&patch_, pending_.empty() ? nullptr : &pending_[0]})
    if (p)
      if (PatchNode* n = p->find(node)) n->values[input] = value;
  if (!newest_) return;
  if (plan_)
    if (const int own = plan_->findKnob(node, input); own >= 0)
      plan_->parameters[static_cast<std::size_t>(own)].value = value;
  if (final_)  // still ours: it is sent when the old sound has faded out
    if (const int p = final_->plan().findKnob(node, input); p >= 0) final_->setParameter(p, value);
  if (const int p = newest_->plan().findKnob(node, input); p >= 0) send({EngineCommand::Type::parameter, p, value, {}});
}

void LiveEngine::setDepth(const Cable& cable, double depth) {
  Patch changed = pending_.empty() ? patch_ : pending_[0];
  for (Cable& c : changed.cables)
    if (c.from == cable.from && c.output == cable.output && c.to == cable.to && c.input == cable.input) c.depth = depth;
  const int p = newest_ && pending_.empty() ? newest_->plan().findDepth(cable) : -1;
  // a cable read in place (depth one) has no depth to move: it needs another plan
  if (p < 0 || !newest_->plan().parameters[static_cast<std::size_t>(p)].adjustable || !pending_.empty()) {
    (void)setPatch(changed);
    return;
  }
  patch_ = std::move(changed);
  if (const int own = plan_->findDepth(cable); own >= 0) plan_->parameters[static_cast<std::size_t>(own)].value = depth;
  send({EngineCommand::Type::parameter, p, depth, {}});
}

void LiveEngine::play(const PlayerEvent& event) { send({EngineCommand::Type::player, 0, 0, event}); }
void LiveEngine::playFromMidi(const PlayerEvent& event) { shared_->midi.enqueue(event); }

void LiveEngine::playPhrase(const std::vector<Note>& phrase) {
  phrases_.push_back(playerEvents(phrase, options(patch_).rate));
  log_.phrases.push_back(phrases_.back());
  send({EngineCommand::Type::phrase, static_cast<int>(log_.phrases.size()) - 1, 0, {}}, nullptr, &phrases_.back());
}
void LiveEngine::stopPhrase() { send({EngineCommand::Type::stopPhrase, 0, 0, {}}); }

void LiveEngine::probe(const std::string& node, const std::string& output) {
  if (node == probeNode_ && output == probeOutput_) return;
  probeNode_ = node;
  probeOutput_ = output;
  probeBuffer_.clear();
  if (!newest_ || transition_) return;
  // the same plan again: nothing changes but what is watched
  if (auto made = make(*plan_)) sendPlan(std::move(*made));
}

void LiveEngine::collect() {
  Executor* done = nullptr;
  while (shared_->retired.try_dequeue(done)) std::erase_if(alive_, [done](const auto& e) { return e.get() == done; });
  LogEntry entry;
  while (shared_->log.try_dequeue(entry))
    if (log_.entries.size() < kMostLogged)
      log_.entries.push_back(entry);
    else
      logLost_ = true;
  if (!transition_) return;
  // the transition is over when the plan that fades is the only one left and its fades are done
  if (final_) {
    if (outGain_.load() > 0) return;
    sendPlan(std::move(final_));
    send({EngineCommand::Type::duck, 0, 0, {}});
    transition_ = false;
  } else if (alive_.size() == 1 && fadesDone_.load() == newest_) {
    if (auto made = make(*plan_)) sendPlan(std::move(*made));
    transition_ = false;
  }
  if (!transition_ && !pending_.empty()) {
    const Patch next = std::move(pending_[0]);
    pending_.clear();
    (void)setPatch(next);
  }
}

EngineMeters LiveEngine::meters() {
  EngineMeters m;
  for (int c = 0; c < 2; ++c) m.peak[c] = peak_[c].exchange(0);
  m.load = load_.load();
  m.worst = worst_.exchange(0);
  m.voicesHeld = held_.load();
  m.frames = frames_.load();
  return m;
}

std::vector<LiveEngine::NodeMeter> LiveEngine::nodeMeters() const {
  std::vector<NodeMeter> out;
  if (!newest_) return out;
  for (std::size_t n = 0; n < newest_->plan().nodes.size(); ++n)
    out.push_back({newest_->plan().nodes[n].id, newest_->faults()[n], newest_->profile()[n]});
  return out;
}

std::vector<float> LiveEngine::probeSamples() const { return {probeBuffer_.data(), probeBuffer_.data() + kTick}; }

void LiveEngine::takeHeard(std::vector<float>& interleaved) {
  interleaved.clear();
  HeardBlock block;
  while (shared_->heard.try_dequeue(block))
    interleaved.insert(interleaved.end(), block.samples, block.samples + 2 * kTick);
}

// ---- audio thread -------------------------------------------------------------------------------

void LiveEngine::drain() {
  Message m;
  const auto note = [this](const EngineCommand& c) {
    if (!shared_->log.try_enqueue({engine_.tick(), c})) logLost_ = true;
  };
  while (shared_->toAudio.try_dequeue(m)) {
    note(m.command);
    if (Executor* old = engine_.apply(m.command, m.executor, m.phrase)) shared_->retired.try_enqueue(old);
  }
  PlayerEvent e;
  while (shared_->midi.try_dequeue(e)) {
    const EngineCommand c{EngineCommand::Type::player, 0, 0, e};
    note(c);
    engine_.apply(c, nullptr, nullptr);
  }
}

void LiveEngine::tick(const float* left, const float* right) {
  drain();
  for (int i = 0; i < kTick; ++i) {
    inBlock_[0][i] = left ? static_cast<Sample>(left[i]) : 0;
    inBlock_[1][i] = right ? static_cast<Sample>(right[i]) : 0;
  }
  engine_.runTick(inBlock_[0], inBlock_[1], outBlock_[0], outBlock_[1]);
  HeardBlock heard;
  for (int c = 0; c < 2; ++c) {
    float peak = peak_[c].load();
    for (int i = 0; i < kTick; ++i) {
      peak = std::max(peak, std::fabs(outBlock_[c][i]));
      heard.samples[2 * i + c] = outBlock_[c][i];
    }
    peak_[c].store(peak);
  }
  shared_->heard.try_enqueue(heard);  // full: nobody looks
  held_.store(engine_.voicesHeld());
  outGain_.store(engine_.gain());
  if (engine_.executor() && !engine_.executor()->fading()) fadesDone_.store(engine_.executor());
}

void LiveEngine::process(const float* const input[2], float* const output[2], int frames) {
  const DenormalsOff denormals;
  const auto start = std::chrono::steady_clock::now();
  const bool whole = frames % kTick == 0 && outLeft_ == 0 && inFilled_ == 0;
  if (whole) {
    inputLatency_.store(0);
    for (int at = 0; at < frames; at += kTick) {
      tick(input && input[0] ? input[0] + at : nullptr, input && input[1] ? input[1] + at : nullptr);
      for (int c = 0; c < 2; ++c) std::copy(outBlock_[c], outBlock_[c] + kTick, output[c] + at);
    }
  } else {
    // frames are handed out from the last tick; the input of a tick is what came while the one
    // before was handed out
    inputLatency_.store(kTick);
    for (int i = 0; i < frames; ++i) {
      if (outLeft_ == 0) {
        std::copy(&late_[0][0], &late_[0][0] + 2 * kTick, &lateNow_[0][0]);
        tick(lateNow_[0], lateNow_[1]);
        outLeft_ = kTick;
        inFilled_ = 0;
      }
      for (int c = 0; c < 2; ++c) {
        late_[c][inFilled_] = input && input[c] ? input[c][i] : 0.0F;
        output[c][i] = outBlock_[c][kTick - outLeft_];
      }
      ++inFilled_;
      --outLeft_;
    }
    if (outLeft_ == 0) inFilled_ = 0;
  }
  frames_.fetch_add(frames);
  const double rate = engine_.executor() ? engine_.executor()->plan().rate : 48000;
  const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const auto part = static_cast<float>(took * rate / std::max(frames, 1));
  load_.store(load_.load() + 0.02F * (part - load_.load()));
  if (part > worst_.load()) worst_.store(part);
}

}  // namespace core
