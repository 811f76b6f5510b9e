// SPDX-License-Identifier: GPL-3.0-or-later
// The threads of a training: each has a Batch of its own, and its share of the clips.
#pragma once

#include "core/neural/batch.h"

namespace core {

class Workers {
 public:
  /// Error: what Batch::create says.
  static Result<Workers> create(const FrontCut& cut, const Registry& registry, const Batch::Options& options,
                                int threads);

  const std::vector<Learnable>& learnables() const { return batches_[0]->learnables(); }
  int ticks() const { return batches_[0]->ticks(); }
  Batch& first() { return *batches_[0]; }
  std::size_t clips() const;  ///< of a step: as many as all lanes take

  /// Mean loss of the clips of a step with these values, and its gradient into `d`, which is as long. Each step number
  /// has noises of its own.
  double step(const Dataset& data, std::span<const double> values, std::span<const Slice> clips, int step,
              std::vector<double>& d, const std::stop_token& stop);
  /// Mean loss of so many clips (at most clips()); the noise is always the same.
  double judge(const Dataset& data, std::span<const double> values, std::span<const Slice> clips,
               const std::stop_token& stop);

 private:
  std::vector<std::unique_ptr<Batch>> batches_;
};

}  // namespace core
