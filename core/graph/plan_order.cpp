// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/graph/plan_order.h"

#include <algorithm>

namespace core {
namespace {

using Adjacency = std::vector<std::vector<int>>;

/// Tarjan's algorithm with an explicit stack (a patch may be a chain of thousands of nodes).
/// Returns the component of each node; components are numbered in reverse topological order.
class Components {
 public:
  explicit Components(const Adjacency& next)
      : next_(next), index_(next.size(), -1), low_(next.size(), 0), component(next.size(), -1) {
    for (int v = 0; v < static_cast<int>(next.size()); ++v)
      if (index_[at(v)] < 0) visit(v);
  }

 private:
  static std::size_t at(int v) { return static_cast<std::size_t>(v); }
  struct Frame {
    int node;
    std::size_t child;
  };

  void open(int v) {
    index_[at(v)] = low_[at(v)] = counter_++;
    stack_.push_back(v);
    frames_.push_back({v, 0});
  }
  void close(int v) {
    if (low_[at(v)] == index_[at(v)]) {
      int member;
      do {
        member = stack_.back();
        stack_.pop_back();
        component[at(member)] = count;
      } while (member != v);
      ++count;
    }
    frames_.pop_back();
    if (!frames_.empty()) low_[at(frames_.back().node)] = std::min(low_[at(frames_.back().node)], low_[at(v)]);
  }
  void visit(int root) {
    open(root);
    while (!frames_.empty()) {
      Frame& f = frames_.back();
      if (f.child == next_[at(f.node)].size()) {
        close(f.node);
        continue;
      }
      const int to = next_[at(f.node)][f.child++];
      if (index_[at(to)] < 0)
        open(to);
      else if (component[at(to)] < 0)
        low_[at(f.node)] = std::min(low_[at(f.node)], index_[at(to)]);
    }
  }

  const Adjacency& next_;
  std::vector<int> index_, low_, stack_;
  std::vector<Frame> frames_;
  int counter_ = 0;

 public:
  std::vector<int> component;
  int count = 0;
};

/// Kahn's algorithm inside one component over the edges without delay. Lowest number first, so that
/// the order of unrelated nodes is that of the patch.
bool sortMembers(std::vector<int>& members, const Adjacency& direct, const std::vector<int>& component,
                 std::vector<int>& waiting) {
  std::vector<int> ready, order;
  for (const int v : members)
    if (waiting[static_cast<std::size_t>(v)] == 0) ready.push_back(v);
  std::sort(ready.begin(), ready.end(), std::greater<>());
  while (!ready.empty()) {
    const int v = ready.back();
    ready.pop_back();
    order.push_back(v);
    for (const int to : direct[static_cast<std::size_t>(v)])
      if (component[static_cast<std::size_t>(to)] == component[static_cast<std::size_t>(v)] &&
          --waiting[static_cast<std::size_t>(to)] == 0)
        ready.insert(std::lower_bound(ready.begin(), ready.end(), to, std::greater<>()), to);
  }
  const bool complete = order.size() == members.size();
  if (complete) members = std::move(order);
  return complete;
}

}  // namespace

std::vector<Island> orderIslands(int nodes, const std::vector<OrderEdge>& edges, int& stuck) {
  const auto n = static_cast<std::size_t>(nodes);
  Adjacency all(n), direct(n);
  for (const OrderEdge& e : edges) {
    all[static_cast<std::size_t>(e.from)].push_back(e.to);
    if (!e.delayed) direct[static_cast<std::size_t>(e.from)].push_back(e.to);
  }
  // Tarjan numbers components in reverse topological order, so walking nodes backwards keeps
  // unrelated nodes in patch order
  const Components scc(all);
  std::vector<int> waiting(n, 0);
  std::vector<Island> islands(static_cast<std::size_t>(scc.count));
  for (const OrderEdge& e : edges) {
    const int from = scc.component[static_cast<std::size_t>(e.from)];
    if (from != scc.component[static_cast<std::size_t>(e.to)]) continue;
    islands[static_cast<std::size_t>(scc.count - 1 - from)].cyclic = true;
    if (!e.delayed) ++waiting[static_cast<std::size_t>(e.to)];
  }
  for (int v = 0; v < nodes; ++v)
    islands[static_cast<std::size_t>(scc.count - 1 - scc.component[static_cast<std::size_t>(v)])].nodes.push_back(v);
  for (Island& island : islands) {
    if (sortMembers(island.nodes, direct, scc.component, waiting)) continue;
    for (std::size_t i = edges.size(); i-- > 0;)  // the newest cable of the cycle is the one to name
      if (!edges[i].delayed && waiting[static_cast<std::size_t>(edges[i].to)] > 0 &&
          scc.component[static_cast<std::size_t>(edges[i].from)] ==
              scc.component[static_cast<std::size_t>(edges[i].to)]) {
        stuck = static_cast<int>(i);
        return {};
      }
  }
  stuck = -1;
  return islands;
}

}  // namespace core
