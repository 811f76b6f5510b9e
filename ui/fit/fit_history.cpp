// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/fit/fit_history.h"

#include <set>

namespace ui {

void FitHistory::clear() { moments_.clear(); }

void FitHistory::add(FitMoment moment) {
  moments_.push_back(std::move(moment));
  while (moments_.size() > 3 && (moments_.size() > most_ || bytes() > bytes_)) thin();
}

std::size_t FitHistory::bytes() const {
  std::set<const core::Blob*> seen;
  std::size_t sum = 0;
  for (const FitMoment& m : moments_)
    for (const core::PatchNode& n : m.patch->nodes)
      for (const auto& [name, blob] : n.tensors)
        if (blob && seen.insert(blob.get()).second) sum += blob->data.size() * sizeof(float);
  return sum;
}

void FitHistory::thin() {
  std::vector<FitMoment> kept;
  for (std::size_t i = 0; i < moments_.size(); ++i)
    if (i % 2 == 0 || i + 1 == moments_.size()) kept.push_back(std::move(moments_[i]));
  moments_ = std::move(kept);
}

}  // namespace ui
