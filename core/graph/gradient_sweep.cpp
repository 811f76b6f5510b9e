// SPDX-License-Identifier: GPL-3.0-or-later
// Gradient: the sweep back.
#include <algorithm>
#include <cstring>

#include "core/graph/gradient.h"

namespace core {
namespace {
std::size_t at(int i) { return static_cast<std::size_t>(i); }

/// A knob that no cable moves: its cotangent is wanted as a sum over the frames only.
bool isStill(const PlanInput& in) { return in.cables.empty() && in.row->rate == Rate::audio; }
/// Ticks that the cotangent of an input over `ticks` takes.
int cotangentTicks(const PlanInput& in, int ticks) { return isStill(in) ? 1 : ticks; }
}  // namespace

/// A node that is swept over the whole stretch at once stands alone.
void Gradient::findSegments() {
  const Plan& plan = executor_->plan_;
  std::vector<int> segmentOf(plan.nodes.size(), 0);
  bool apart = true;
  for (std::size_t i = 0; i < plan.islands.size(); ++i) {
    int most = 1;
    bool even = true;
    for (const int n : plan.islands[i].nodes)
      if (active_[at(n)]) {
        most = std::max(most, chunk(n));
        even = even && (cyclic_[at(n)] || plan.nodes[at(n)].type->info.backwardTicks > 0);
      }
    if (apart || !even) segments_.push_back({i, i, 1, {}});
    Segment& s = segments_.back();
    s.end = i + 1;
    s.window = std::max(s.window, most);
    apart = !even;
    for (const int n : plan.islands[i].nodes) segmentOf[at(n)] = static_cast<int>(segments_.size()) - 1;
  }
  for (Segment& s : segments_)  // chunks of different sizes must begin together
    for (std::size_t i = s.first; i < s.end; ++i)
      for (const int n : plan.islands[i].nodes)
        if (s.window % chunk(n) != 0) s.window = stretch_;
  std::vector<std::uint8_t> crosses(plan.signals.size(), 0);
  for (std::size_t n = 0; n < plan.nodes.size(); ++n)
    for (const PlanInput& in : plan.nodes[n].inputs)
      for (const PlanCable& c : in.cables)
        if (segmentOf[at(plan.signals[at(c.signal)].node)] != segmentOf[n]) crosses[at(c.signal)] = 1;
  for (int s = 0; s < static_cast<int>(plan.signals.size()); ++s)
    if (!cotangents_[at(s)].empty())
      (crosses[at(s)] ? crossing_ : segments_[at(segmentOf[at(plan.signals[at(s)].node)])].signals).push_back(s);
}

void Gradient::clearCotangents(const std::vector<int>& signals, int from, int to) {
  for (const int s : signals)
    for (int g = 0; g < executor_->domain(executor_->plan_.signals[at(s)].voiced).groups; ++g)
      cotangents_[at(s)].zero(g, from, to - from);
}

void Gradient::addOutputCotangents(int stretch, int from, int to) {
  const int first = executor_->plan_.nodes[at(executor_->plan_.outputNode)].firstSignal;
  for (int c = 0; c < 2; ++c)
    for (int g = 0; g < executor_->mono_.groups; ++g) {
      Sample* sum = cotangents_[at(first + c)].at(g, from);
      const Sample* d = outputCotangents_[c].at(g, stretch * stretch_ + from);
      for (int i = 0; i < (to - from) * kTick * lanes(); ++i) sum[i] += d[i];
    }
}

void Gradient::backward(const std::stop_token& stop) {
  stop_ = stop;
  Executor& e = *executor_;
  std::fill(parameterGradient_.begin(), parameterGradient_.end(), 0.0);
  for (auto& node : tensorGradient_)
    for (auto& t : node) t.clear();
  for (std::size_t n = 0; n < historyCotangents_.size(); ++n) {
    historyClearFrom_[n].clear();
    for (const HistoryBuffer& h : historyCotangents_[n])
      historyClearFrom_[n].insert(historyClearFrom_[n].end(), at(e.domainOf(static_cast<int>(n)).groups),
                                  h.span - h.front);
  }
  for (auto& s : stateCotangent_) s.clear();
  clearLastWindows(ticksOf(stretches() - 1));
  for (int s = stretches(); s-- > 0;) {
    if (inBuffers_ != s) {
      restoreStart(s);
      runStretch(s, true);
    }
    // the sweep composes inputs again, so it needs the tick before this stretch back
    if (checkpointed())
      restoreStart(s);
    else
      std::fill(e.hasPrevious_.begin(), e.hasPrevious_.end(), std::uint8_t{0});
    e.rewind(static_cast<std::int64_t>(s) * stretch_);
    if (!checkpointed())
      for (std::size_t i = 0; i < e.plan_.signals.size(); ++i)
        if (e.plan_.signals[i].keepsTick)
          for (int g = 0; g < e.domain(e.plan_.signals[i].voiced).groups; ++g)
            e.buffer(static_cast<int>(i)).zero(g, -1, 1);
    sweepStretch(s);
    if (s > 0) carryBack(ticksOf(s - 1));
  }
  inBuffers_ = -1;
}

/// A chunk that starts at `frame` adds to what its histories held up to `front` entries before it: the part
/// of that which no later chunk has cleared.
void Gradient::clearHistories(int node, int group, std::int64_t frame) {
  const int groups = executor_->domainOf(node).groups;
  for (std::size_t k = 0; k < historyCotangents_[at(node)].size(); ++k) {
    const HistoryBuffer& h = historyCotangents_[at(node)][k];
    std::int64_t& from = historyClearFrom_[at(node)][k * at(groups) + at(group)];
    const std::int64_t low = frame / h.entryFrames - h.front;
    if (low >= from) continue;
    const HistoryView v = h.view(group);
    for (int line = 0; line < h.lines; ++line)
      std::memset(v.data + line * v.lineStride + low * h.lanes, 0,
                  at(h.lanes) * static_cast<std::size_t>(from - low) * sizeof(Sample));
    from = low;
  }
}

/// Before a stretch of `ticks`: clears what its sweep does not clear on its way, and the tick before.
void Gradient::clearLastWindows(int ticks) {
  clearCotangents(crossing_, -1, ticks);
  for (const Segment& s : segments_) {
    clearCotangents(s.signals, -1, 0);
    clearCotangents(s.signals, (ticks - 1) / s.window * s.window, ticks);
  }
}

/// Between stretches only the cotangent of the tick before lives on: it becomes the last tick's.
void Gradient::carryBack(int ticks) {
  const Plan& plan = executor_->plan_;
  std::vector<AlignedArray<Sample>> carried(cotangents_.size());
  const auto move = [&](bool out) {
    for (std::size_t s = 0; s < cotangents_.size(); ++s) {
      const SignalBuffer& b = cotangents_[s];
      if (b.empty() || !plan.signals[s].keepsTick) continue;
      const int groups = executor_->domain(plan.signals[s].voiced).groups;
      if (out) carried[s] = AlignedArray<Sample>(at(b.tickSize() * b.planes() * groups));
      for (int g = 0, i = 0; g < groups; ++g)
        for (int c = 0; c < b.planes(); ++c, ++i) {
          Sample* kept = carried[s].data() + i * b.tickSize();
          std::memcpy(out ? kept : b.at(g, ticks - 1, c), out ? b.at(g, -1, c) : kept,
                      at(b.tickSize()) * sizeof(Sample));
        }
    }
  };
  move(true);
  clearLastWindows(ticks);
  move(false);
}

void Gradient::sweepStretch(int stretch) {
  Executor& e = *executor_;
  const int ticks = ticksOf(stretch), output = e.plan_.outputNode;
  if (output < 0 || !active_[at(output)]) return;
  for (std::size_t k = segments_.size(); k-- > 0;) {
    const Segment& segment = segments_[k];
    for (int t = (ticks - 1) / segment.window * segment.window; t >= 0; t -= segment.window) {
      if (t > 0) clearCotangents(segment.signals, t - segment.window, t);  // delayed cables reach back into it
      for (std::size_t i = segment.end; i-- > segment.first;)
        sweepIsland(e.plan_.islands[i], stretch, t, std::min(t + segment.window, ticks));
    }
  }
}

void Gradient::sweepIsland(const Island& island, int stretch, int from, int to) {
  const Executor& e = *executor_;
  if (std::find(island.nodes.begin(), island.nodes.end(), e.plan_.outputNode) != island.nodes.end())
    addOutputCotangents(stretch, from, to);
  const int step = island.cyclic ? 1 : to - from;
  for (int t = to - step; t >= from; t -= step)
    for (std::size_t k = island.nodes.size(); k-- > 0;)
      if (active_[at(island.nodes[k])])
        for (int g = 0; g < e.domainOf(island.nodes[k]).groups; ++g) sweepNode(island.nodes[k], g, t, step);
}

void Gradient::sweepNode(int node, int group, int from, int ticks) {
  Executor& e = *executor_;
  const PlanNode& n = e.plan_.nodes[at(node)];
  const Kernel& kernel = e.kernelOf(node);
  NodeMemory& m = *e.memory_[at(node)];
  const InputStep step(e);
  const Domain& d = e.domainOf(node);
  const InputCotangents into{&cotangents_, &parameterGradient_, &wantedParameter_};
  const int size = chunk(node);
  for (int t = from + (ticks - 1) / size * size; t >= from; t -= size) {
    if (stop_.stop_requested()) return;
    int start = t, count = std::min(size, from + ticks - t);
    if (n.voiced) {  // silent before the group's first note: no cotangent passes
      const std::int64_t active = e.activeFrom_[at(group)];
      if (active >= e.tick_ + t + count) continue;
      const int skip = static_cast<int>(std::max<std::int64_t>(0, active - (e.tick_ + t)));
      start += skip;
      count -= skip;
    }
    clearHistories(node, group, (e.tick_ + start) * kTick);
    Sample* scratch = e.scratch_.data();
    Sample* cotangent = inputCotangent_.data();
    for (std::size_t i = 0; i < n.inputs.size(); ++i) {
      const PlanInput& in = n.inputs[i];
      e.inputViews_[i] = step.compose(node, static_cast<int>(i), group, start, count, scratch);
      bool wanted = in.parameter >= 0 && wantedParameter_[at(in.parameter)];
      for (const PlanCable& c : in.cables)
        wanted = wanted || wantedParameter_[at(c.parameter)] || !cotangents_[at(c.signal)].empty();
      cotangentInputs_[i] = {};
      if (!wanted || !in.row->differentiable) continue;
      if (in.alias) {
        cotangentInputs_[i] = cotangents_[at(in.cables[0].signal)].view(group, start);
        if (e.plan_.signals[at(in.cables[0].signal)].width == 1) cotangentInputs_[i].channel = 0;
        continue;
      }
      const bool audio = in.row->rate == Rate::audio;
      const int row = audio ? kTick * d.group : (in.width * d.group + 7) / 8 * 8, rows = cotangentTicks(in, count);
      const std::size_t need = InputStep::scratchSize(in, d.group, rows);
      std::memset(cotangent, 0, need * sizeof(Sample));
      cotangentInputs_[i] = {cotangent,
                             !audio        ? row
                             : isStill(in) ? 0
                                           : d.group,
                             audio ? static_cast<std::ptrdiff_t>(rows) * row : d.group};
      cotangent += need;
    }
    for (std::size_t o = 0; o < n.type->outputs.size(); ++o) {
      const int signal = n.firstSignal + static_cast<int>(o);
      e.outputViews_[o] = e.buffer(signal).view(group, start);
      const SignalBuffer& cotangent = cotangents_[at(signal)];
      cotangentOutputs_[o] = cotangent.empty() ? SignalView{} : cotangent.view(group, start);
    }
    for (std::size_t h = 0; h < m.histories.size(); ++h) {
      e.historyViews_[h] = m.histories[h].view(group);
      cotangentHistories_[h] = historyCotangents_[at(node)][h].view(group);
    }
    for (std::size_t k = 0; k < n.tensors.size(); ++k) {
      const bool perLane = n.type->tensors[k].sharing == Sharing::perLane;
      Sample* base = tensorGradient_[at(node)][k].data();
      cotangentTensors_[k] = base && perLane ? base + at(group) * n.tensors[k].data.size() * at(d.group) : base;
    }
    const GradData grad{cotangentOutputs_.data(), cotangentInputs_.data(), cotangentHistories_.data(),
                        cotangentTensors_.data(), &stop_};
    kernel.backward(chunkStates_[at(node)].data() + at((t / size) * d.groups + group) * kernel.stateBytes,
                    stateCotangent_[at(node)].data() + at(group) * kernel.cotangentBytes,
                    e.blockData(node, group, start, count), grad);
    for (std::size_t i = 0; i < n.inputs.size(); ++i)
      if (cotangentInputs_[i].data && !n.inputs[i].alias)
        step.adjoint(node, static_cast<int>(i), group, start, cotangentTicks(n.inputs[i], count), e.inputViews_[i],
                     cotangentInputs_[i].data, into);
  }
}

std::vector<Sample> Gradient::tensor(int request, int clip) const {
  const TensorRef& t = request_.tensors[at(request)];
  const PlanNode& n = executor_->plan_.nodes[at(t.node)];
  const AlignedArray<Sample>& g = tensorGradient_[at(t.node)][at(t.tensor)];
  const std::size_t size = n.tensors[at(t.tensor)].data.size();
  std::vector<Sample> out(size, 0);
  if (n.type->tensors[at(t.tensor)].sharing == Sharing::shared) {
    std::copy(g.data(), g.data() + size, out.begin());
    return out;
  }
  const Domain& d = executor_->domainOf(t.node);
  for (int lane = 0; lane < d.lanes(); ++lane)
    if (d.clipOf(lane) == clip)
      for (std::size_t e = 0; e < size; ++e)
        out[e] += g[at(lane / d.group) * size * at(d.group) + e * at(d.group) + at(lane % d.group)];
  return out;
}

}  // namespace core
