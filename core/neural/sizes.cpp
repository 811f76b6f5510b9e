// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/neural/sizes.h"

#include <algorithm>

namespace core {
namespace {

/// `encoder`: recurrent units of the networks that give z, which say less than those that play.
struct Size {
  const char* name;
  double recurrent, dense, before, after, encoder;
};
constexpr Size kSizes[] = {{"tiny", 256, 64, 0, 0, 64}, {"small", 256, 128, 1, 1, 128}, {"full", 512, 512, 3, 3, 512}};

bool isNetwork(const PatchNode& n, const Registry& registry) {
  const NodeType* type = registry.find(n.type);
  return type && type->settingIndex("recurrent") >= 0;
}
}  // namespace

Result<void> applySize(Patch& patch, const Registry& registry, const std::string& name) {
  if (name == "patch") return {};
  const auto at = std::find_if(std::begin(kSizes), std::end(kSizes), [&](const Size& s) { return name == s.name; });
  if (at == std::end(kSizes)) return Error{"There is no size \"" + name + "\"; choose tiny, small, full or patch."};
  for (PatchNode& n : patch.nodes) {
    if (!isNetwork(n, registry)) continue;
    const NodeType& type = *registry.find(n.type);
    const bool encoder = type.outputIndex("z") >= 0;
    const std::pair<const char*, double> rows[] = {{"recurrent", encoder ? at->encoder : at->recurrent},
                                                   {"dense", at->dense},
                                                   {"before", encoder ? 0 : at->before},
                                                   {"after", encoder ? 0 : at->after}};
    for (const auto& [row, value] : rows)
      if (type.settingIndex(row) >= 0) n.settings[row] = {value, ""};
    n.tensors.clear();  // of another size
  }
  return {};
}

bool hasNetwork(const Patch& patch, const Registry& registry) {
  return std::any_of(patch.nodes.begin(), patch.nodes.end(),
                     [&](const PatchNode& n) { return isNetwork(n, registry); });
}

}  // namespace core
