// SPDX-License-Identifier: GPL-3.0-or-later
// Looking at control inputs while they play.
#include "core/graph/live_engine.h"

namespace core {

void LiveEngine::keepControls(Plan& plan) {
  std::vector<bool> own(plan.signals.size());
  for (const PlanNode& node : plan.nodes)
    for (const PlanInput& input : node.inputs) {
      if (input.row->rate != Rate::control || input.width != 1) continue;
      for (const PlanCable& c : input.cables) {
        const auto s = static_cast<std::size_t>(c.signal);
        if (!own[s]) plan.signals[s].slot = plan.slots++;
        own[s] = true;
      }
    }
}

void LiveEngine::startWatching(Sent& sent) const {
  const Plan& plan = sent.executor->plan();
  std::vector<PlanInput> inputs;
  if (const int n = plan.findNode(watchNode_); n >= 0) {
    const PlanNode& node = plan.nodes[static_cast<std::size_t>(n)];
    for (const std::string& id : watchInputs_)
      if (const int i = node.type->inputIndex(id); i >= 0) inputs.push_back(node.inputs[static_cast<std::size_t>(i)]);
  }
  const bool any = !inputs.empty();
  sent.watches.emplace_back(std::move(inputs));
  sent.watch.store(any ? &sent.watches.back() : nullptr, std::memory_order_release);
}

void LiveEngine::watch(const std::string& node, const std::vector<std::string>& inputs) {
  if (node == watchNode_ && inputs == watchInputs_) return;
  watchNode_ = node;
  watchInputs_ = inputs;
  for (const auto& sent : alive_) startWatching(*sent);
}

std::vector<float> LiveEngine::watched() const {
  const Watch* watch = alive_.empty() ? nullptr : alive_.back()->watch.load();
  if (!watch || !watch->seen.load(std::memory_order_acquire)) return {};
  std::vector<float> out;
  for (const auto& v : watch->values) out.push_back(v.load(std::memory_order_relaxed));
  return out;
}

/// The inputs that are watched, at the end of the tick, of lane 0.
void LiveEngine::publishWatched(Watch& watch) const {
  const Executor& e = *playing_->executor;
  for (std::size_t i = 0; i < watch.inputs.size(); ++i) {
    const PlanInput& input = watch.inputs[i];
    Sample v = input.parameter >= 0 ? static_cast<Sample>(e.parameter(input.parameter))
               : input.usesDefault  ? static_cast<Sample>(input.row->def)
                                    : 0.0_s;
    for (const PlanCable& c : input.cables) {
      const SignalView from = e.signal(c.signal);
      const bool audio = e.plan().signals[static_cast<std::size_t>(c.signal)].rate == Rate::audio;
      v += static_cast<Sample>(e.parameter(c.parameter)) * from.data[audio ? (kTick - 1) * from.step : 0];
    }
    watch.values[i].store(static_cast<float>(v), std::memory_order_relaxed);
  }
  watch.seen.store(true, std::memory_order_release);
}

}  // namespace core
