// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/neural/instruments.h"

#include <algorithm>
#include <set>

namespace core {

std::string instrumentOf(const std::string& recording) {
  const auto slash = recording.find('/');
  return slash == std::string::npos ? std::string() : recording.substr(0, slash);
}

std::vector<std::string> instrumentsOf(const std::vector<std::string>& recordings) {
  std::set<std::string> names;
  for (const std::string& r : recordings) names.insert(instrumentOf(r));
  return {names.begin(), names.end()};
}

double instrumentPosition(int index, int count) { return count > 1 ? static_cast<double>(index) / (count - 1) : 0; }

std::vector<std::string> instrumentNodes(const Patch& patch, const Registry& registry) {
  std::vector<std::string> ids;
  for (const PatchNode& n : patch.nodes)
    if (const NodeType* t = registry.find(n.type);
        t && t->inputIndex("instrument") >= 0 && t->settingIndex("instruments") >= 0)
      ids.push_back(n.id);
  return ids;
}

void setInstruments(Patch& patch, const Registry& registry, int count) {
  for (const std::string& id : instrumentNodes(patch, registry)) {
    PatchNode& n = *patch.find(id);
    n.settings["instruments"] = {static_cast<double>(count), ""};
    std::erase_if(n.tensors, [count](const auto& t) { return t.second->shape[0] != count; });
  }
}

Patch asInstrument(Patch patch, const Registry& registry, const std::string& recording,
                   const std::vector<std::string>& instruments) {
  const auto at = std::find(instruments.begin(), instruments.end(), instrumentOf(recording));
  const double position =
      instrumentPosition(static_cast<int>(at - instruments.begin()), static_cast<int>(instruments.size()));
  for (const std::string& id : instrumentNodes(patch, registry)) patch.find(id)->values["instrument"] = position;
  return patch;
}

}  // namespace core
