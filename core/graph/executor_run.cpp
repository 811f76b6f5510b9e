// SPDX-License-Identifier: GPL-3.0-or-later
// Executor: running a plan.
#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/dsp/math.h"
#include "core/graph/executor.h"
#include "core/graph/input_step.h"

namespace core {
namespace {
/// A glide covers this part of the remaining way in each tick: 63 % in 7.5 ticks, 10 ms at 48 kHz.
constexpr Sample kGlide = static_cast<Sample>(0.125);

std::size_t at(int i) { return static_cast<std::size_t>(i); }
}  // namespace

void Executor::prepareRamps() {
  for (const int p : rampList_) {
    const std::size_t first = packedAt_[at(p)];
    const Domain& d = domainOf(plan_.parameters[at(p)].node);
    std::memcpy(&rampFrom_[first], &packed_[first], at(d.group * d.groups) * sizeof(Sample));
    for (int c = 0; c < options_.clips; ++c) {
      Sample& now = glide_[at(p * options_.clips + c)];
      const Sample target = values_[at(p * options_.clips + c)];
      const Sample way = target - now;
      now = std::fabs(way) <= 1e-4_s * std::fabs(target) + 1e-7_s ? target : now + kGlide * way;
    }
    packParameter(p);
  }
}

void Executor::finishRamps() {
  std::erase_if(rampList_, [this](int p) {
    for (int c = 0; c < options_.clips; ++c)
      if (glide_[at(p * options_.clips + c)] != values_[at(p * options_.clips + c)]) return false;
    ramping_[at(p)] = 0;
    return true;
  });
}

void Executor::run(int ticks) {
  if (!rampList_.empty()) prepareRamps();
  for (const VoiceEvent& e : eventsBetween(tick_ * kTick, (tick_ + ticks) * kTick))
    if (e.type == VoiceEvent::Type::noteOn)
      for (int lane = e.voice; lane < voiced_.lanes(); lane += voiced_.voices)
        activeFrom_[at(lane / voiced_.group)] = std::min(activeFrom_[at(lane / voiced_.group)], e.frame / kTick);
  for (const Island& island : plan_.islands) {
    if (island.cyclic) {
      for (int t = 0; t < ticks; ++t)
        for (const int n : island.nodes)
          for (int g = 0; g < domainOf(n).groups; ++g) runNode(n, g, t, 1);
      for (const int n : island.nodes) copyProbe(n, ticks);
    } else {
      const int n = island.nodes[0];
      const auto start = profiling_ ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point{};
      for (int g = 0; g < domainOf(n).groups; ++g) runNode(n, g, 0, ticks);
      if (profiling_)
        profile_[at(n)] = std::chrono::duration<float, std::nano>(std::chrono::steady_clock::now() - start).count();
      copyProbe(n, ticks);
    }
  }
  finishStretch(ticks);
}

void Executor::copyProbe(int node, int ticks) const {
  if (!probeTo_ || probe_ < 0 || plan_.signals[at(probe_)].node != node) return;
  const PlanSignal& s = plan_.signals[at(probe_)];
  const SignalBuffer& b = buffer(probe_);
  const int lanes = domain(s.voiced).group, count = s.rate == Rate::audio ? kTick : 1;
  for (int t = 0; t < ticks; ++t)
    for (int i = 0; i < count; ++i) probeTo_[t * count + i] = b.at(0, t)[i * lanes];
}

float Executor::groupPeak(int group) const {
  float peak = 0;
  for (const int s : mixed_) {
    const SignalBuffer& b = buffer(s);
    for (int c = 0; c < b.planes(); ++c)
      for (int i = 0; i < b.tickSize(); ++i) peak = std::max(peak, static_cast<float>(std::fabs(b.at(group, 0, c)[i])));
  }
  return peak;
}

std::int64_t Executor::longestVoicedMemory() const {
  std::int64_t longest = 0;
  for (std::size_t n = 0; n < plan_.nodes.size(); ++n)
    if (plan_.nodes[n].voiced)
      for (const HistoryBuffer& h : memory_[n]->histories) longest = std::max(longest, h.span * h.entryFrames);
  return longest;
}

void Executor::finishStretch(int ticks) {
  for (std::size_t s = 0; s < plan_.signals.size(); ++s)
    if (plan_.signals[s].keepsTick) {
      buffer(static_cast<int>(s)).keepLast(ticks - 1);
      hasPrevious_[s] = 1;
    }
  tick_ += ticks;
  if (hasFades_) fadeTick_ = std::min(fadeTick_ + ticks, kFadeTicks);
  if (!rampList_.empty()) finishRamps();
}

BlockData Executor::blockData(int node, int group, int from, int ticks) {
  const Domain& d = domainOf(node);
  const NodeMemory& m = *memory_[at(node)];
  BlockData b;
  b.ticks = ticks;
  b.rate = plan_.rate;
  b.firstFrame = (tick_ + from) * kTick;
  b.inputs = inputViews_.data();
  b.outputs = outputViews_.data();
  b.histories = historyViews_.data();
  const PlanNode& n = plan_.nodes[at(node)];
  for (int o = 0; o < static_cast<int>(n.type->outputs.size()); ++o)
    if (!isRead(n.firstSignal + o)) b.unread |= 1U << o;
  for (std::size_t k = 0; k < n.tensors.size(); ++k) {
    const auto& packed = tensorData_[at(node)][k];  // empty: shared by all groups
    tensorViews_[k] =
        packed.size() ? packed.data() + at(group * d.group) * n.tensors[k].data.size() : n.tensors[k].data.data();
  }
  b.tensors = tensorViews_.data();
  b.setup = &setups_[at(node)];
  b.prepared = prepared_[at(node)].get();
  b.work = m.work.empty() ? nullptr : m.work[at(group)].get();
  if (n.type->info.startsVoices) b.events = eventsBetween(b.firstFrame, b.firstFrame + ticks * kTick);
  b.firstLane = group * d.group;
  b.voices = d.voices;
  for (std::size_t c = 0; c < 2; ++c) b.external[c] = external_[c] ? external_[c] + from * kTick : nullptr;
  b.limiter = options_.limiter;
  return b;
}

void Executor::runNode(int node, int group, int from, int ticks) {
  const PlanNode& n = plan_.nodes[at(node)];
  const Kernel& kernel = kernelOf(node);
  NodeMemory& m = *memory_[at(node)];
  const InputStep step(*this);
  int first = from;
  if (n.voiced) {  // a group that has not been played yet is silent and stays at its reset state
    const std::int64_t active = activeFrom_[at(group)];
    first = active == kAsleep ? from + ticks
                              : static_cast<int>(std::clamp<std::int64_t>(active - tick_, from, from + ticks));
  }
  for (int t = from; t < from + ticks;) {
    const bool silent = t < first;
    const int count = silent ? first - t : std::min(chunkTicks(node), from + ticks - t);
    for (std::size_t o = 0; o < n.type->outputs.size(); ++o) {
      const SignalBuffer& b = buffer(n.firstSignal + static_cast<int>(o));
      if (silent) b.zero(group, t, count);
      outputViews_[o] = b.view(group, t);
    }
    if (!silent) {
      Sample* scratch = scratch_.data();
      for (std::size_t i = 0; i < n.inputs.size(); ++i)
        new (&inputViews_[i]) SignalView(step.compose(node, static_cast<int>(i), group, t, count, scratch));  // no copy
      for (std::size_t h = 0; h < m.histories.size(); ++h) historyViews_[h] = m.histories[h].view(group);
      kernel.forward(m.state.data() + at(group) * kernel.stateBytes, blockData(node, group, t, count));
      guard(node, group, t, count);
    }
    t += count;
  }
}

/// A non-finite sample ends where it was made: the node is silenced for the block, reset, counted.
void Executor::guard(int node, int group, int from, int ticks) {
  const PlanNode& n = plan_.nodes[at(node)];
  constexpr int kSums = 8;
  Vec<kWide> sums[kSums] = {};  // x * 0 is 0 for a finite x and NaN otherwise
  const Vec<kWide> zero = splat<kWide>(0);
  for (std::size_t o = 0; o < n.type->outputs.size(); ++o) {
    const int signal = n.firstSignal + static_cast<int>(o);
    if (!isRead(signal)) continue;
    const SignalBuffer& b = buffer(signal);
    const int count = b.tickSize() * ticks;
    for (int c = 0; c < b.planes(); ++c) {
      const Sample* x = b.at(group, from, c);
      int i = 0;
      for (; i + kSums * kWide <= count; i += kSums * kWide)
        for (int k = 0; k < kSums; ++k) sums[k] = multiplyAdd<kWide>(load<kWide>(x + i + k * kWide), zero, sums[k]);
      for (; i < count; i += kWide) sums[0] = multiplyAdd<kWide>(load<kWide>(x + i), zero, sums[0]);
    }
  }
  Vec<kWide> sum = zero;
  for (const Vec<kWide>& s : sums) sum = sum + s;
  bool finite = true;
  for (int l = 0; l < kWide; ++l) finite = finite && sum[l] == 0;
  if (finite) return;
  ++faults_[at(node)];
  for (std::size_t o = 0; o < n.type->outputs.size(); ++o)
    buffer(n.firstSignal + static_cast<int>(o)).zero(group, from, ticks);
  resetNode(node, group);
}

const Sample* Executor::output(int channel, int group) const {
  if (plan_.outputNode < 0) return nullptr;
  return buffer(plan_.nodes[at(plan_.outputNode)].firstSignal + channel).at(group, 0);
}

}  // namespace core
