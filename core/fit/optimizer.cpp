// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/fit/optimizer.h"

#include <algorithm>
#include <cmath>

namespace core {

bool Adam::step(std::span<double> x, std::span<const double> gradient, std::span<const double> rate, double scale) {
  if (!std::all_of(gradient.begin(), gradient.end(), [](double g) { return std::isfinite(g); })) return false;
  ++count_;
  const double biasFirst = 1 - std::pow(options_.first, count_), biasSecond = 1 - std::pow(options_.second, count_);
  for (std::size_t i = 0; i < x.size(); ++i) {
    mean_[i] += (1 - options_.first) * (gradient[i] - mean_[i]);
    square_[i] += (1 - options_.second) * (gradient[i] * gradient[i] - square_[i]);
    if (square_[i] == 0) continue;  // dead so far
    x[i] -= rate[i] * scale * (mean_[i] / biasFirst) / (std::sqrt(square_[i] / biasSecond) + options_.epsilon);
  }
  return true;
}

void Adam::restart() {
  std::fill(mean_.begin(), mean_.end(), 0.0);
  std::fill(square_.begin(), square_.end(), 0.0);
  count_ = 0;
}

}  // namespace core
