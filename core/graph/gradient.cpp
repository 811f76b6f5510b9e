// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/graph/gradient.h"

#include <algorithm>
#include <cmath>

namespace core {
namespace {
std::size_t at(int i) { return static_cast<std::size_t>(i); }
/// Bytes of all signals of a plan over one tick, without cotangents.
std::size_t signalBytesPerTick(const Plan& plan, const Domain& mono, const Domain& voiced) {
  std::size_t bytes = 0;
  for (const PlanSignal& s : plan.signals) {
    const Domain& d = s.voiced ? voiced : mono;
    const int row = s.rate == Rate::audio ? kTick * s.width * d.group : (s.width * d.group + 7) / 8 * 8;
    bytes += at(row * d.groups) * sizeof(Sample);
  }
  return bytes;
}
constexpr int kShortestStretch = 64;
constexpr int kForwardTicks = 256;  ///< that a node runs before it looks whether the caller has given up
}  // namespace

int clipTicks(double seconds, double rate) {
  return std::max(1, static_cast<int>(std::ceil(seconds * rate / kTick - 1e-9)));
}

Result<std::unique_ptr<Gradient>> Gradient::create(Plan plan, const GradientRequest& request, int ticks,
                                                   const Options& options, const std::stop_token& stop) {
  std::unique_ptr<Gradient> g(new Gradient());
  g->request_ = request;
  g->ticks_ = ticks;
  const std::size_t perTick =
      2 * signalBytesPerTick(plan, Domain(options.clips, 1), Domain(options.clips, plan.voices)) + 1;
  g->stretch_ = options.stretchTicks > 0 ? options.stretchTicks
                                         : std::max(kShortestStretch, static_cast<int>(options.memoryLimit / perTick));
  g->stretch_ = std::min(g->stretch_, ticks);
  ExecutorOptions run;
  run.clips = options.clips;
  run.stretchTicks = g->stretch_;
  run.clipFrames = static_cast<std::int64_t>(ticks) * kTick;
  run.limiter = options.limiter;
  auto made = Executor::create(std::move(plan), run, stop);
  if (!made) return made.error();
  g->executor_ = std::move(*made);
  g->findActive();
  g->stop_ = stop;
  g->allocate();
  g->findSegments();
  if (stop.stop_requested()) return Error{"Cancelled."};
  return g;
}

/// A node takes part in the sweep when something asked for lies at or before it and it reaches the
/// output.
void Gradient::findActive() {
  const Plan& plan = executor_->plan_;
  const std::size_t nodes = plan.nodes.size();
  wantedParameter_.assign(plan.parameters.size(), 0);
  std::vector<std::uint8_t> moved(nodes, 0), heard(nodes, 0);
  for (const int p : request_.parameters) {
    wantedParameter_[at(p)] = 1;
    moved[at(plan.parameters[at(p)].node)] = 1;
  }
  for (const TensorRef& t : request_.tensors) moved[at(t.node)] = 1;
  if (plan.outputNode >= 0) heard[at(plan.outputNode)] = 1;
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t n = 0; n < nodes; ++n)
      for (const PlanInput& in : plan.nodes[n].inputs)
        for (const PlanCable& c : in.cables) {
          const std::size_t from = at(plan.signals[at(c.signal)].node);
          const bool spreads = moved[from] && !moved[n], reaches = heard[n] && !heard[from];
          if (spreads) moved[n] = 1;
          if (reaches) heard[from] = 1;
          changed = changed || spreads || reaches;
        }
  }
  active_.resize(nodes);
  for (std::size_t n = 0; n < nodes; ++n) active_[n] = moved[n] && heard[n];
  cyclic_.assign(nodes, 0);
  for (const Island& island : plan.islands)
    for (const int n : island.nodes) cyclic_[at(n)] = island.cyclic;
}

int Gradient::chunk(int node) const {
  if (cyclic_[at(node)]) return 1;
  const int own = executor_->plan_.nodes[at(node)].type->info.backwardTicks;
  return own == 0 ? stretch_ : std::min(own, stretch_);
}

void Gradient::allocate() {
  const Plan& plan = executor_->plan_;
  for (int c = 0; c < 2; ++c) {
    outputs_[c] = SignalBuffer(Rate::audio, 1, executor_->mono_, ticks_);
    outputCotangents_[c] = SignalBuffer(Rate::audio, 1, executor_->mono_, ticks_);
  }
  cotangents_.resize(plan.signals.size());
  kept_.resize(plan.signals.size());
  for (std::size_t s = 0; s < plan.signals.size() && !stop_.stop_requested(); ++s) {
    const PlanSignal& signal = plan.signals[s];
    if (active_[at(signal.node)] && executor_->isRead(static_cast<int>(s)))
      cotangents_[s] = SignalBuffer(signal.rate, signal.width, executor_->domain(signal.voiced), stretch_);
    if (checkpointed() && plan.nodes[at(signal.node)].type->info.keepOutputs)
      kept_[s] = SignalBuffer(signal.rate, signal.width, executor_->domain(signal.voiced), ticks_);
  }
  parameterGradient_.assign(plan.parameters.size() * at(executor_->mono_.clips), 0);
  const std::size_t nodes = plan.nodes.size();
  tensorGradient_.resize(nodes);
  historyCotangents_.resize(nodes);
  historyClearFrom_.resize(nodes);
  stateCotangent_.resize(nodes);
  chunkStates_.resize(nodes);
  std::size_t inputs = 0, outputs = 0, histories = 0, tensors = 0, scratch = 0;
  for (int n = 0; n < static_cast<int>(nodes) && !stop_.stop_requested(); ++n) {
    const PlanNode& node = plan.nodes[at(n)];
    const Domain& d = executor_->domainOf(n);
    const Kernel& k = executor_->kernelOf(n);
    inputs = std::max(inputs, node.inputs.size());
    outputs = std::max(outputs, node.type->outputs.size());
    histories = std::max(histories, node.type->histories.size());
    tensors = std::max(tensors, node.tensors.size());
    tensorGradient_[at(n)].resize(node.tensors.size());
    if (!active_[at(n)]) continue;
    std::size_t need = 0;
    for (const PlanInput& in : node.inputs) need += InputStep::scratchSize(in, d.group, chunk(n)) + 8;
    scratch = std::max(scratch, need);
    stateCotangent_[at(n)] = AlignedArray<std::byte>(k.cotangentBytes * at(d.groups));
    const int chunks = (stretch_ + chunk(n) - 1) / chunk(n);
    chunkStates_[at(n)] = AlignedArray<std::byte>(k.stateBytes * at(d.groups) * at(chunks));
    for (int h = 0; h < static_cast<int>(node.type->histories.size()); ++h) {
      const HistoryShape shape = node.type->historyShape(h, executor_->setups_[at(n)]);
      const std::int64_t frames = shape.differentiable ? static_cast<std::int64_t>(ticks_) * kTick : 0;
      historyCotangents_[at(n)].emplace_back(shape, d, frames, 0);
    }
  }
  for (const TensorRef& t : request_.tensors) {
    const auto& node = plan.nodes[at(t.node)];
    const Domain& d = executor_->domainOf(t.node);
    const bool perLane = node.type->tensors[at(t.tensor)].sharing == Sharing::perLane;
    tensorGradient_[at(t.node)][at(t.tensor)] =
        AlignedArray<Sample>(node.tensors[at(t.tensor)].data.size() * (perLane ? at(d.group * d.groups) : 1));
  }
  inputCotangent_ = AlignedArray<Sample>(scratch);
  cotangentInputs_.resize(inputs);
  cotangentOutputs_.resize(outputs);
  cotangentHistories_.resize(histories);
  cotangentTensors_.resize(tensors);
  starts_.resize(at(stretches()));
}

// ---- forward ----------------------------------------------------------------------------------

void Gradient::forward(const std::stop_token& stop) {
  stop_ = stop;
  executor_->reset();
  for (auto& c : outputCotangents_) c.clear();
  for (int s = 0; s < stretches(); ++s) {
    saveStart(s);
    runStretch(s, false);
  }
}

void Gradient::saveStart(int stretch) {
  if (!checkpointed()) return;
  Start& start = starts_[at(stretch)];
  Executor& e = *executor_;
  if (start.states.empty()) {
    for (const auto& m : e.memory_) start.states.emplace_back(m->state.size());
    for (std::size_t s = 0; s < e.plan_.signals.size(); ++s) {
      const PlanSignal& signal = e.plan_.signals[s];
      const SignalBuffer& b = e.buffer(static_cast<int>(s));
      start.previous.emplace_back(signal.keepsTick ? at(b.tickSize() * b.planes() * e.domain(signal.voiced).groups)
                                                   : 0);
    }
  }
  for (std::size_t n = 0; n < start.states.size(); ++n)
    if (start.states[n].size()) std::memcpy(start.states[n].data(), e.memory_[n]->state.data(), start.states[n].size());
  start.hasPrevious = e.hasPrevious_;
  for (std::size_t s = 0; s < start.previous.size(); ++s) {
    if (start.previous[s].size() == 0) continue;
    const SignalBuffer& b = e.buffer(static_cast<int>(s));
    Sample* to = start.previous[s].data();
    for (int g = 0; g < e.domain(e.plan_.signals[s].voiced).groups; ++g)
      for (int c = 0; c < b.planes(); ++c, to += b.tickSize())
        std::memcpy(to, b.at(g, -1, c), at(b.tickSize()) * sizeof(Sample));
  }
}

void Gradient::restoreStart(int stretch) {
  const Start& start = starts_[at(stretch)];
  Executor& e = *executor_;
  e.rewind(static_cast<std::int64_t>(stretch) * stretch_);
  e.hasPrevious_ = start.hasPrevious;
  for (std::size_t n = 0; n < start.states.size(); ++n)
    if (start.states[n].size()) std::memcpy(e.memory_[n]->state.data(), start.states[n].data(), start.states[n].size());
  for (std::size_t s = 0; s < start.previous.size(); ++s) {
    if (start.previous[s].size() == 0) continue;
    const SignalBuffer& b = e.buffer(static_cast<int>(s));
    const Sample* from = start.previous[s].data();
    for (int g = 0; g < e.domain(e.plan_.signals[s].voiced).groups; ++g)
      for (int c = 0; c < b.planes(); ++c, from += b.tickSize())
        std::memcpy(b.at(g, -1, c), from, at(b.tickSize()) * sizeof(Sample));
  }
}

/// Runs one stretch and records the state at the start of every chunk. `again`: second run for the
/// sweep, in which nodes that keep their outputs are read instead of run.
void Gradient::runStretch(int stretch, bool again) {
  Executor& e = *executor_;
  const int ticks = ticksOf(stretch);
  for (const Island& island : e.plan_.islands) {
    const int step = island.cyclic ? 1 : ticks;
    for (int t = 0; t < ticks; t += step)
      for (const int n : island.nodes)
        for (int g = 0; g < e.domainOf(n).groups; ++g) runNodeRecording(n, g, t, step, again);
  }
  if (!again && e.plan_.outputNode >= 0)
    for (int c = 0; c < 2; ++c)
      for (int g = 0; g < e.mono_.groups; ++g)
        std::memcpy(outputs_[c].at(g, stretch * stretch_), e.output(c, g),
                    at(ticks) * at(kTick * lanes()) * sizeof(Sample));
  inBuffers_ = stretch;
  // the last stretch stays as it is for the sweep; an earlier one hands its last tick on
  e.finishStretch(ticks);
}

void Gradient::runNodeRecording(int node, int group, int from, int ticks, bool again) {
  Executor& e = *executor_;
  const PlanNode& n = e.plan_.nodes[at(node)];
  const std::size_t bytes = e.kernelOf(node).stateBytes;
  const int groups = e.domainOf(node).groups, size = chunk(node);
  const bool keeps = n.type->info.keepOutputs && checkpointed();
  const auto copyKept = [&](bool store) {
    for (int o = 0; o < static_cast<int>(n.type->outputs.size()); ++o) {
      const SignalBuffer &whole = kept_[at(n.firstSignal + o)], &part = e.buffer(n.firstSignal + o);
      for (int c = 0; c < part.planes(); ++c) {
        Sample* a = whole.at(group, static_cast<int>(e.tick_) + from, c);
        Sample* b = part.at(group, from, c);
        std::memcpy(store ? a : b, store ? b : a, at(part.tickSize()) * at(ticks) * sizeof(Sample));
      }
    }
  };
  if (keeps && again) return copyKept(false);
  for (int t = from; t < from + ticks; t += size) {
    if (stop_.stop_requested()) return;
    if (bytes && chunkStates_[at(node)].size())
      std::memcpy(chunkStates_[at(node)].data() + at((t / size) * groups + group) * bytes,
                  e.memory_[at(node)]->state.data() + at(group) * bytes, bytes);
    const int end = std::min(t + size, from + ticks);
    for (int part = t; part < end && !stop_.stop_requested(); part += kForwardTicks)
      e.runNode(node, group, part, std::min(kForwardTicks, end - part));
  }
  if (keeps) copyKept(true);
}

void Gradient::copyOutput(int channel, int clip, std::span<Sample> to) const {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] = output(channel, clip, static_cast<int>(i));
}

void Gradient::setCotangent(int channel, int clip, std::span<const Sample> d) {
  Sample* to = outputCotangents_[channel].at(clip / lanes(), 0) + clip % lanes();
  for (std::size_t i = 0; i < d.size(); ++i) to[i * at(lanes())] = d[i];
}

}  // namespace core
