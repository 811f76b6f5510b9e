// SPDX-License-Identifier: GPL-3.0-or-later
// A swap in progress: shared by swap.cpp (heads, rooms) and swap_encoder.cpp.
#pragma once

#include <algorithm>
#include <map>

#include "core/neural/parts_detail.h"

namespace core::parts {

/// A swap in progress: a patch that parts of b are taken into.
class Swap {
 public:
  /// takesEncoder: the encoder of b is asked for, so what listens in b may come along.
  Swap(const Patch& a, const Patch& b, const Registry& registry, bool takesEncoder)
      : a_(a), b_(b), registry_(registry), takesEncoder_(takesEncoder), listeningB_(listeningNodes(b, registry)) {
    out_.patch = a;
  }
  Result<void> takeHead(Part part);
  Result<void> takeReverb();
  Result<void> takeEncoder();
  /// onlyRoom: nothing that plays was asked for. Error: the result cannot be played.
  Result<Swapped> finish(bool onlyRoom);

 private:
  bool bendsHeard(const Patch& patch, const PatchNode& node) const;
  std::set<std::string> trunk(const std::string& head) const;
  std::string copy(const std::string& id);
  std::string labelOfCopy(const PatchNode& n) const;
  Result<void> takeTrunk(const std::string& head);
  Result<std::pair<std::string, std::string>> source(const Cable& c, const std::string& to);
  std::string bring(const std::string& id);
  std::optional<std::string> adapter(const std::string& controller);
  bool takeListening();
  Result<bool> takeLatents();
  void prune();
  void tellControllers();
  Result<void> checkLearned() const;
  void note(std::string sentence) { out_.notes.push_back(std::move(sentence)); }
  const NodeType* type(const Patch& patch, const std::string& id) const { return registry_.find(typeOf(patch, id)); }
  std::string named(const Patch& patch, const std::string& id) const {
    const PatchNode* n = patch.find(id);
    const NodeType* t = registry_.find(n->type);
    return n->label.empty() && t ? std::string(t->info.name) : n->label;
  }

  const Patch &a_, &b_;
  const Registry& registry_;
  bool takesEncoder_;
  std::set<std::string> listeningB_;
  std::map<std::string, std::string> copies_;    ///< node of b -> its copy
  std::set<std::string> wired_;                  ///< nodes of b whose cables have been copied
  std::map<std::string, std::string> adapters_;  ///< copied controller -> its adapter; empty: needs none
  Swapped out_;
};

}  // namespace core::parts
