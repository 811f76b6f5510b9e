// SPDX-License-Identifier: GPL-3.0-or-later
// Executor: continuing from another plan after a live edit.
#include <cstring>

#include "core/graph/executor.h"

namespace core {
namespace {
std::size_t at(int i) { return static_cast<std::size_t>(i); }
}  // namespace

void Executor::linkPrevious(const Executor& old) {
  for (int s = 0; s < static_cast<int>(plan_.signals.size()); ++s) {
    const PlanSignal& mine = plan_.signals[at(s)];
    const PlanNode& node = plan_.nodes[at(mine.node)];
    if (!mine.keepsTick) continue;
    for (int o = 0; o < static_cast<int>(old.plan_.signals.size()); ++o) {
      const PlanSignal& theirs = old.plan_.signals[at(o)];
      if (old.plan_.nodes[at(theirs.node)].instance != node.instance || theirs.output != mine.output) continue;
      if (!theirs.keepsTick) continue;  // its buffer may have been used again; a new cable fades in from there
      const SignalBuffer &from = old.buffer(o), &to = buffer(s);
      for (int g = 0; g < domain(mine.voiced).groups; ++g)
        for (int c = 0; c < to.planes(); ++c)
          copies_.push_back({from.at(g, -1, c), to.at(g, -1, c), at(to.tickSize()), s});
    }
  }
  for (int p = 0; p < static_cast<int>(plan_.parameters.size()); ++p) {
    const PlanParameter& mine = plan_.parameters[at(p)];
    const PlanNode& node = plan_.nodes[at(mine.node)];
    const int o = old.plan_.findNode(node.id);
    if (o < 0 || old.plan_.nodes[at(o)].type != node.type) continue;
    const PlanInput& input = old.plan_.nodes[at(o)].inputs[at(mine.input)];
    if (mine.kind == PlanParameter::Kind::knob) {
      if (input.parameter >= 0) parameterLinks_.emplace_back(input.parameter, p);
      continue;
    }
    const PlanCable& cable = node.inputs[at(mine.input)].cables[at(mine.cable)];
    const PlanSignal& source = plan_.signals[at(cable.signal)];
    for (const PlanCable& c : input.cables) {
      const PlanSignal& theirs = old.plan_.signals[at(c.signal)];
      if (theirs.output == source.output && old.plan_.nodes[at(theirs.node)].id == plan_.nodes[at(source.node)].id)
        parameterLinks_.emplace_back(c.parameter, p);
    }
  }
}

void Executor::adopt(const Executor& old) {
  tick_ = old.tick_;
  events_ = old.events_;
  for (const Copy& c : copies_) {
    std::memcpy(c.to, c.from, c.count * sizeof(Sample));
    hasPrevious_[at(c.signal)] = 1;
  }
  for (const auto& [from, to] : parameterLinks_) {
    glide_[at(to)] = old.glide_[at(from)];
    packParameter(to);
    setParameter(to, static_cast<double>(values_[at(to)]));  // glides on from where it was
  }
  if (activeFrom_.size() == old.activeFrom_.size()) activeFrom_ = old.activeFrom_;
}

}  // namespace core
