// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/graph/live_engine.h"

#include <readerwriterqueue/readerwritercircularbuffer.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/graph/bypass.h"
#include "core/graph/realtime.h"
#include "core/graph/transition.h"

namespace core {
namespace {
struct HeardBlock {
  float samples[2 * kTick];
};
struct ProbedBlock {
  Sample samples[kTick];
};
constexpr std::size_t kQueue = 4096;
constexpr int kMostPlayed = 256;  ///< a tick; the tick engine takes twice as many, the phrase's included
constexpr int kWatchTicks = 8;    ///< node meters are copied out every so many ticks
/// The ring of fixed size: it never allocates after its making, and its plain acquire and release
/// are what ThreadSanitizer understands (the growing queue of the same library uses bare fences).
template <typename T>
using Ring = moodycamel::BlockingReaderWriterCircularBuffer<T>;
constexpr std::size_t kMostLogged = 200000;  ///< entries kept; then the oldest half of a session is enough
}  // namespace

struct LiveEngine::Shared {
  Ring<Message> toAudio{kQueue};
  Ring<PlayerEvent> midi{kQueue};
  Ring<Executor*> retired{256};
  Ring<LogEntry> log{kQueue * 4};
  Ring<HeardBlock> heard{2048};
  Ring<ProbedBlock> probed{64};
};

LiveEngine::Sent::Sent(std::unique_ptr<Executor> e)
    : executor(std::move(e)), faults(executor->plan().nodes.size()), nanoseconds(faults.size()) {}

LiveEngine::LiveEngine(const Registry& registry) : registry_(registry), shared_(std::make_unique<Shared>()) {}

LiveEngine::~LiveEngine() = default;

void LiveEngine::send(const EngineCommand& command, Sent* sent, const std::vector<PlayerEvent>* phrase) {
  unsent_.push_back({command, sent, phrase});
  flush();
}

/// The ring is full only while nobody calls process: what does not fit waits here, in order.
void LiveEngine::flush() {
  while (!unsent_.empty() && shared_->toAudio.try_enqueue(unsent_.front())) unsent_.pop_front();
}

Result<std::unique_ptr<Executor>> LiveEngine::make(Plan plan) {
  keepControls(plan);
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
  alive_.push_back(std::make_unique<Sent>(std::move(executor)));
  startWatching(*alive_.back());
  send({EngineCommand::Type::plan, static_cast<int>(log_.plans.size()) - 1, 0, {}}, alive_.back().get());
}

PlanOptions LiveEngine::options(const Patch& patch) const {
  PlanOptions o;
  o.rate = patch.rate;
  o.reuseBuffers = true;
  return o;
}

Result<void> LiveEngine::setPatch(const Patch& wanted) {
  collect();
  const Patch patch = withoutBypassed(wanted, registry_);  // transitions compare cables as they run
  if (transition_) {                                       // one edit after the other: the newest waits
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
void LiveEngine::playFromMidi(const PlayerEvent& event) {
  if (!shared_->midi.try_enqueue(event)) midiLost_ = true;
}

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
  probing_ = !node.empty();
  if (!newest_ || transition_) return;
  // the same plan again: nothing changes but what is watched
  if (auto made = make(*plan_)) sendPlan(std::move(*made));
}

void LiveEngine::collect() {
  flush();
  Executor* done = nullptr;
  while (shared_->retired.try_dequeue(done))
    std::erase_if(alive_, [done](const auto& e) { return e->executor.get() == done; });
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
  const Sent& sent = *alive_.back();
  for (std::size_t n = 0; n < sent.faults.size(); ++n)
    out.push_back({newest_->plan().nodes[n].id, sent.faults[n].load(), sent.nanoseconds[n].load()});
  return out;
}

std::vector<float> LiveEngine::probeSamples() {
  ProbedBlock block;
  while (shared_->probed.try_dequeue(block)) probed_.assign(block.samples, block.samples + kTick);
  return probed_;
}

void LiveEngine::takeHeard(std::vector<float>& interleaved) {
  interleaved.clear();
  HeardBlock block;
  while (shared_->heard.try_dequeue(block))
    interleaved.insert(interleaved.end(), block.samples, block.samples + 2 * kTick);
}

// ---- audio thread -------------------------------------------------------------------------------

/// Takes what came in, at most kMostPlayed notes a tick: the rest plays a tick later, none is lost.
void LiveEngine::drain() {
  int played = 0;
  const auto apply = [&](const Message& m) {
    if (!shared_->log.try_enqueue({engine_.tick(), m.command})) logLost_ = true;
    if (m.command.type == EngineCommand::Type::player) ++played;
    if (m.sent) playing_ = m.sent;
    Executor* old = engine_.apply(m.command, m.sent ? m.sent->executor.get() : nullptr, m.phrase);
    if (old) shared_->retired.try_enqueue(old);
  };
  Message m;
  while (played < kMostPlayed && shared_->toAudio.try_dequeue(m)) apply(m);
  PlayerEvent e;
  while (played < kMostPlayed && shared_->midi.try_dequeue(e))
    apply({{EngineCommand::Type::player, 0, 0, e}, nullptr, nullptr});
  // among the lost ones may have been note-offs: no key may hang
  if (played < kMostPlayed && midiLost_.exchange(false))
    apply({{EngineCommand::Type::player, 0, 0, {0, PlayerEvent::Type::panic, 0, 0}}, nullptr, nullptr});
}

/// What the window looks at, copied to where it may be read while this thread goes on.
void LiveEngine::publish() {
  if (probing_.load(std::memory_order_relaxed)) {
    ProbedBlock block;
    std::copy(probeBuffer_.data(), probeBuffer_.data() + kTick, block.samples);
    shared_->probed.try_enqueue(block);  // full: nobody looks
  }
  if (!playing_ || engine_.tick() % kWatchTicks != 0) return;
  if (Watch* watch = playing_->watch.load(std::memory_order_acquire)) publishWatched(*watch);
  for (std::size_t n = 0; n < playing_->faults.size(); ++n) {
    playing_->faults[n].store(playing_->executor->faults()[n], std::memory_order_relaxed);
    playing_->nanoseconds[n].store(playing_->executor->profile()[n], std::memory_order_relaxed);
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
  publish();
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
  const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const auto part = static_cast<float>(took * rate() / std::max(frames, 1));
  load_.store(load_.load() + 0.02F * (part - load_.load()));
  if (part > worst_.load()) worst_.store(part);
}

}  // namespace core
