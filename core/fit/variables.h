// SPDX-License-Identifier: GPL-3.0-or-later
// The free numbers of a patch as one vector an optimiser can step on: knobs and depths normalised to
// their range, tensors as they are or by their logarithm.
#pragma once

#include <span>
#include <vector>

#include "core/fit/session.h"
#include "core/graph/gradient.h"

namespace core {

/// Depth with which a signal from 0 to 1 moves an input over its whole travel, in the input's own
/// sense: octaves on a log scale, else plain. 0 for an input without a range.
double depthTravel(const Input& row);

/// Elements up to which a tensor is solved for like knobs.
inline constexpr std::size_t kSmallTensor = 64;

/// One free variable and where its coordinates lie.
struct FitEntry {
  FitVariable variable;
  int parameter = -1;  ///< of the plan; -1 for a tensor
  TensorRef tensor;
  Range range;  ///< of a knob or depth
  Unit unit = Unit::none;
  bool pitch = false;     ///< moves frequencies: measured first, then polished with small steps
  double cents = 0;       ///< of a pitch knob: pitch over its whole travel
  bool circular = false;  ///< a phase over whole cycles: past its end it goes on at its beginning
  bool positive = false;  ///< a tensor of levels, stepped by its natural logarithm
  bool bent = false;      ///< a tensor of levels that the node itself bends (exp_sigmoid)
  std::size_t first = 0, count = 1;
  double rate = 0.02;  ///< step size of the optimiser in coordinates
  std::string name;    ///< "svf.cutoff"
};

class FitSpace {
 public:
  /// Error: a variable the plan does not have, by name; nothing free.
  static Result<FitSpace> create(const Plan& plan, const std::vector<FitVariable>& free);

  const std::vector<FitEntry>& entries() const { return entries_; }
  std::size_t size() const { return size_; }
  bool hasTensors() const;
  /// Whether there is a tensor too large to be solved for element by element.
  bool hasLargeTensors() const;
  bool hasScalars() const;
  GradientRequest request() const;
  /// Step size by coordinate.
  std::vector<double> rates() const;

  /// Coordinates of the plan's values.
  std::vector<double> read(const Plan& plan) const;
  /// Keeps knobs and depths inside their range, a little away from its ends; phases go round.
  void clamp(std::span<double> x) const;
  /// Sets the values in one clip (tensors: in all, where they are shared).
  void write(std::span<const double> x, Executor& executor, int clip) const;
  /// The knobs and depths alone; or one tensor alone.
  void writeScalars(std::span<const double> x, Executor& executor, int clip) const;
  void writeTensor(const FitEntry& entry, std::span<const double> x, Executor& executor, int clip) const;
  /// Puts the values into a patch of which the plan was compiled.
  void write(std::span<const double> x, Patch& patch) const;
  /// d loss / d coordinates of a clip, after Gradient::backward.
  void gather(const Gradient& gradient, std::span<const double> x, int clip, std::span<double> d) const;
  double plainValue(const FitEntry& entry, std::span<const double> x) const;

 private:
  std::vector<FitEntry> entries_;
  std::vector<std::vector<int>> shapes_;  ///< by entry; empty for scalars
  std::size_t size_ = 0;
};

}  // namespace core
