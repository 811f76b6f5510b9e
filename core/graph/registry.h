// SPDX-License-Identifier: GPL-3.0-or-later
// The list of node types the program knows. A value passed by reference, never a global.
#pragma once

#include <algorithm>
#include <cassert>
#include <string_view>
#include <vector>

#include "core/graph/node.h"

namespace core {

class Registry {
 public:
  /// Adds a node type; ids are unique.
  void add(NodeType type) {
    assert(!find(type.info.id));
    types_.push_back(std::move(type));
  }
  /// The type with that id, or null.
  const NodeType* find(std::string_view id) const {
    const auto at = std::find_if(types_.begin(), types_.end(), [id](const NodeType& t) { return t.info.id == id; });
    return at == types_.end() ? nullptr : &*at;
  }
  /// All types, in the order of the browser. Pointers stay valid as long as nothing is added.
  const std::vector<NodeType>& types() const { return types_; }

 private:
  std::vector<NodeType> types_;
};

}  // namespace core
