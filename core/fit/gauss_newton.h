// SPDX-License-Identifier: GPL-3.0-or-later
// Least squares on logarithmic spectra: what a few moved values do to every bin of every frame, as
// normal equations, and the damped step from them (Levenberg, Marquardt; see Nocedal and Wright,
// "Numerical Optimization", chapter 10). Distances beyond `bend` count less than squared (Charbonnier's
// loss, by weights that are computed anew in every round), so that bins that cannot be reached do not
// decide.
#pragma once

#include <span>
#include <stop_token>
#include <vector>
#include <xtensor/xtensor.hpp>

#include "core/dsp/fft.h"
#include "core/graph/buffers.h"

namespace core {

/// A least-squares problem about a point: value of the loss, J^T W J and J^T W r.
struct NormalEquations {
  double value = 0;                ///< as LogSpectralResidual::value
  xt::xtensor<double, 2> squares;  ///< [coordinate][coordinate], symmetric
  xt::xtensor<double, 1> slope;    ///< half the loss's gradient
};

/// The step -(squares + damping diag(squares))^-1 slope. Coordinates that change nothing, and those
/// of which `fixed` says so, stay. Empty when the equations cannot be solved.
std::vector<double> dampedStep(const NormalEquations& equations, double damping, const std::vector<bool>& fixed);

struct ResidualOptions {
  std::vector<int> sizes;  ///< window lengths in samples, even; hop is half of them
  double epsilon = 1e-3;   ///< amplitude under which a bin counts as silent, 1 = full scale
  double bend = 1;         ///< nepers
  double highest = 0.5;    ///< frequency up to which bins count, as a part of the sample rate
  int threads = 1;         ///< 1 or 2; the result does not depend on it
};

/// Residual r = ln(m^2 + epsilon^2) / 2 - the same of the target, m as in SpectralLoss. Loss: the mean
/// over frames and bins, then over the sizes, of 2 bend^2 (sqrt(1 + (r / bend)^2) - 1), which is r^2
/// for small r. Immutable once built.
class LogSpectralResidual {
 public:
  LogSpectralResidual(std::span<const Sample> target, const ResidualOptions& options, const std::stop_token& stop = {});

  /// x is as long as the target. NaN when `stop` was requested meanwhile.
  double value(std::span<const Sample> x, const std::stop_token& stop = {}) const;
  /// Equations at the sound `base`. moved[j] is the sound with coordinate j moved by steps[j].
  NormalEquations equations(std::span<const Sample> base, std::span<const std::vector<Sample>> moved,
                            std::span<const double> steps, const std::stop_token& stop = {}) const;

 private:
  struct Scale {
    int size = 0, hop = 0, frames = 0;
    int bins = 0, row = 0;        ///< those that count; padded to whole vectors
    double share = 0;             ///< of one bin in the loss
    AlignedArray<Sample> window;  ///< Hann, divided by half its sum
    std::shared_ptr<const RealFft> fft;
    xt::xtensor<Sample, 2> target;  ///< [frame][row]
  };
  struct Scratch;
  void logRow(const Scale& s, std::span<const Sample> x, int frame, Scratch& scratch, Sample* to) const;
  double weigh(const Sample* residual, int count, Sample* weights) const;
  NormalEquations scaleEquations(const Scale& s, std::span<const Sample> base,
                                 std::span<const std::vector<Sample>> moved, std::span<const double> steps,
                                 const std::stop_token& stop) const;

  ResidualOptions options_;
  std::size_t length_ = 0;
  std::vector<Scale> scales_;
};

}  // namespace core
