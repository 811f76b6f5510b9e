// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>

#include "core/graph/render.h"
#include "core/neural/instrument_patch.h"

namespace core {
namespace {
constexpr double kHeldSeconds = 1, kSilentAfter = 0.5, kHeardSeconds = 1.9;
constexpr double kSilence = -81;             // dBFS; asked is -80, the phrase is levelled after this
constexpr double kStep = 6, kFastest = 300;  // dB a second

/// The loudest sample from half a second after the end of a key at full velocity on, dBFS.
Result<double> leftOf(const Patch& patch, const Registry& registry, int key) {
  Patch one = patch;
  one.phrase = {{static_cast<double>(key), 0, kHeldSeconds, 1}};
  RenderOptions options;
  options.seconds = kHeardSeconds;
  const auto sound = render(one, registry, options);
  if (!sound) return sound.error();
  float most = 1e-12F;
  for (const auto& channel : sound->channels)
    for (auto i = static_cast<std::size_t>((kHeldSeconds + kSilentAfter) * sound->rate); i < channel.size(); ++i)
      most = std::max(most, std::fabs(channel[i]));
  return 20 * std::log10(static_cast<double>(most));
}

/// Learned responses dying away faster by so many decibels a second.
Patch faded(const Patch& patch, const Registry& registry, double decibels) {
  Patch out = patch;
  for (PatchNode& n : out.nodes) {
    const NodeType* type = registry.find(n.type);
    for (const Tensor& t : type ? type->tensors : std::span<const Tensor>{}) {
      const auto at = n.tensors.find(std::string(t.id));
      if (!t.isResponse || at == n.tensors.end()) continue;
      Blob blob = *at->second;
      for (std::size_t i = 0; i < blob.data.size(); ++i)
        blob.data[i] *= static_cast<float>(std::pow(10, -decibels / 20 * static_cast<double>(i) / patch.rate));
      at->second = std::make_shared<const Blob>(std::move(blob));
    }
  }
  return out;
}
}  // namespace

Result<Settled> settle(Patch& patch, const Registry& registry, int lowest, int highest,
                       const std::function<bool(double)>& progress) {
  std::vector<int> ringing;
  for (int key = lowest; key <= highest; ++key) ringing.push_back(key);
  for (double decibels = 0; decibels <= kFastest; decibels += kStep) {
    const Patch tried = faded(patch, registry, decibels);
    // from the first that still rings: a key that is silent stays so when the room dies away faster
    while (!ringing.empty()) {
      if (progress && !progress(1 - static_cast<double>(ringing.size()) / (highest - lowest + 1)))
        return Error{"Cancelled."};
      const auto left = leftOf(tried, registry, ringing.back());
      if (!left) return left.error();
      if (*left > kSilence) break;
      ringing.pop_back();
    }
    if (!ringing.empty()) continue;
    if (decibels > 0) patch = tried;
    return Settled{decibels, -1};
  }
  return Settled{0, ringing.back()};
}

}  // namespace core
