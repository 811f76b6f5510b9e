// SPDX-License-Identifier: GPL-3.0-or-later
// One thread's share of a training step: clips in the lanes of a gradient, their loss, its adjoint.
#pragma once

#include "core/fit/loss.h"
#include "core/graph/gradient.h"
#include "core/neural/dataset.h"

namespace core {

/// The free tensors of a patch in one vector.
struct Learnable {
  std::string node, tensor;
  TensorRef at;
  std::vector<int> shape;
  std::size_t first = 0, count = 0;
  std::vector<double> start;  ///< values before training
  std::vector<double> rates;  ///< step size of each number relative to that of a usual weight
};
/// Those that `patch` frees and `plan` has. Error: none.
Result<std::vector<Learnable>> learnables(const Patch& patch, const Plan& plan);

class Batch {
 public:
  struct Options {
    int lanes = 8;
    double clipSeconds = 1.2, warmSeconds = 0.2;
  };
  static Result<std::unique_ptr<Batch>> create(const FrontCut& cut, const Registry& registry, const Options& options);

  const Plan& plan() const { return gradient_->executor().plan(); }
  const std::vector<Learnable>& learnables() const { return learnables_; }
  int ticks() const { return gradient_->ticks(); }
  int lanes() const { return options_.lanes; }

  void setValues(std::span<const double> values);
  /// Mean loss of the clips (at most `lanes`), and its gradient into `d` unless empty. `noise`:
  /// which of the many noises to play.
  double step(const Dataset& data, std::span<const Slice> clips, unsigned noise, std::span<double> d,
              const std::stop_token& stop);
  /// How far a control output lies from its mean over clips (root mean square over its elements).
  double spread(const Dataset& data, std::span<const Slice> clips, const std::string& node, const std::string& output,
                const std::stop_token& stop);

 private:
  Batch() = default;
  void placeClips(const Dataset& data, std::span<const Slice> clips);
  void placeClip(const Dataset& data, const Slice& slice, int lane);

  Options options_;
  const FrontCut* cut_ = nullptr;
  std::vector<Learnable> learnables_;
  std::unique_ptr<Gradient> gradient_;
  std::vector<int> tracks_;  ///< node of the plan by feature
  int instrumentTrack_ = -1;
  int warmFrames_ = 0;
};

}  // namespace core
