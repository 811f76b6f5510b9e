// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/file/patch_rate.h"

#include <algorithm>
#include <cmath>

#include "core/file/audio_file.h"
#include "core/graph/executor.h"

namespace core {

BlobPointer responseAtRate(const Blob& response, double from, double to) {
  AudioData at = resample({from, {response.data}}, to);
  // a sum over more taps of the same response is louder
  for (float& x : at.channels[0]) x *= static_cast<float>(from / to);
  const double seconds = static_cast<double>(response.data.size()) / from;
  at.channels[0].resize(static_cast<std::size_t>(std::max(1L, std::lround(seconds * to))));
  const int taps = static_cast<int>(at.channels[0].size());
  return std::make_shared<const Blob>(Blob{{taps}, std::move(at.channels[0])});
}

bool setNodeRate(PatchNode& node, const NodeType& type, double from, double to, bool driven,
                 const std::function<BlobPointer(const BlobPointer&)>& resampled) {
  if (from == to) return false;
  bool any = false;
  for (auto& [row, blob] : node.tensors)
    if (const int i = type.tensorIndex(row); i >= 0 && type.tensors[static_cast<std::size_t>(i)].isResponse) {
      blob = resampled ? resampled(blob) : responseAtRate(*blob, from, to);
      any = true;
    }
  for (const Setting& s : type.settings) {
    if (!s.halfRateAtZero || !driven) continue;
    double& end = node.settings[std::string(s.id)].number;
    if (end == 0) end = from / 2;
    if (end == to / 2) end = 0;  // back where it was made
  }
  return any;
}

Result<void> setPatchRate(Patch& patch, const Registry& registry, double rate) {
  if (!(rate >= kLowestRate && rate <= kHighestRate))
    return Error{"A patch plays at 8 to 192 kHz; choose a rate in between."};
  if (rate == patch.rate) return {};
  Patch changed = patch;
  changed.rate = rate;
  for (PatchNode& n : changed.nodes) {
    const bool driven =
        std::any_of(patch.cables.begin(), patch.cables.end(), [&](const Cable& c) { return c.to == n.id; });
    if (const NodeType* type = registry.find(n.type)) setNodeRate(n, *type, patch.rate, rate, driven);
  }
  // what cannot be at that rate (noise bands above it) says so when it is made ready to play
  auto plan = compilePlan(changed, registry, {.rate = rate});
  if (!plan) return plan.error();
  if (const auto made = Executor::create(std::move(*plan), {}); !made) return made.error();
  patch = std::move(changed);
  return {};
}

}  // namespace core
