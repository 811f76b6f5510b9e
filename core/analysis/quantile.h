// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <vector>

namespace core {

/// The value below which the part `rank` (0 to 1) of the others lies; the lower of two neighbours. 0 for none.
template <class T>
T quantile(std::vector<T> values, double rank) {
  if (values.empty()) return T{};
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(rank * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace core
