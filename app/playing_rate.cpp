// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/playing_rate.h"

#include <algorithm>
#include <utility>

namespace app {

double playingRate(const core::Patch& patch, double deviceRate) {
  const bool feedback =
      std::any_of(patch.cables.begin(), patch.cables.end(), [](const core::Cable& c) { return c.delayed; });
  return 2 * patch.rate <= deviceRate && deviceRate <= core::kHighestRate && !feedback ? deviceRate : patch.rate;
}

core::Patch PlayingRate::at(const core::Patch& patch, double rate) {
  const bool same = from_ == patch.rate && to_ == rate;
  const auto before = std::exchange(resampled_, {});
  from_ = patch.rate;
  to_ = rate;
  if (rate == patch.rate) return patch;
  core::Patch out = patch;
  out.rate = rate;
  for (core::PatchNode& n : out.nodes) {
    const core::NodeType* type = registry_.find(n.type);
    if (!type) continue;
    const bool driven =
        std::any_of(patch.cables.begin(), patch.cables.end(), [&](const core::Cable& c) { return c.to == n.id; });
    core::setNodeRate(n, *type, patch.rate, rate, driven, [&](const core::BlobPointer& response) {
      const auto known = before.find(response);
      return resampled_[response] =
                 same && known != before.end() ? known->second : core::responseAtRate(*response, patch.rate, rate);
    });
  }
  return out;
}

}  // namespace app
