// SPDX-License-Identifier: GPL-3.0-or-later
// Adam (Kingma and Ba, ICLR 2015) over a vector of numbers, each with its own step size.
#pragma once

#include <span>
#include <vector>

namespace core {

struct AdamOptions {
  double first = 0.9, second = 0.99;  ///< decay of the moments
  double epsilon = 1e-12;
};

/// Steps against a gradient. A gradient that is not finite anywhere is skipped as a whole; an entry
/// whose gradient has been zero so far does not move.
class Adam {
 public:
  Adam(std::size_t size, const AdamOptions& options = {}) : options_(options), mean_(size, 0), square_(size, 0) {}

  /// x -= rate[i] scale m / sqrt(v). Returns false when the step was skipped.
  bool step(std::span<double> x, std::span<const double> gradient, std::span<const double> rate, double scale);
  /// Forgets its moments.
  void restart();
  /// Its moments, and going on from them after `count` steps.
  void save(std::vector<double>& mean, std::vector<double>& square) const {
    mean = mean_;
    square = square_;
  }
  void restore(std::span<const double> mean, std::span<const double> square, int count) {
    mean_.assign(mean.begin(), mean.end());
    square_.assign(square.begin(), square.end());
    count_ = count;
  }

 private:
  AdamOptions options_;
  std::vector<double> mean_, square_;
  int count_ = 0;
};

}  // namespace core
