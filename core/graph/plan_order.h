// SPDX-License-Identifier: GPL-3.0-or-later
// Order of execution: strongly connected components (Tarjan 1972), each in an order that respects
// the cables without delay.
#pragma once

#include <vector>

#include "core/graph/plan.h"

namespace core {

struct OrderEdge {
  int from = 0, to = 0;
  bool delayed = false;
};

/// Islands in running order. On a cycle of edges without delay, `stuck` receives one edge of it
/// (its index) and the result is empty.
std::vector<Island> orderIslands(int nodes, const std::vector<OrderEdge>& edges, int& stuck);

}  // namespace core
