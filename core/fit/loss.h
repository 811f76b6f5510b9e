// SPDX-License-Identifier: GPL-3.0-or-later
// Distance of a sound from a target over short-time spectra of several sizes, with its exact adjoint.
// Magnitudes are divided by the window's coherent gain, so that a sinusoid of amplitude a has the
// magnitude a whatever the size, and epsilon is an amplitude: l = ln(m^2 + epsilon^2) / 2.
//   smooth: mean (l - l target)^2.
//   robust: mean |l - l target| + linear size / 4 mean |m - m target|; size / 4 is the gain of an
//           unscaled Hann transform, in which the linear term is usually stated.
// Means are over frames and bins of each size, and then over the sizes. Both can be given a loudness
// term: weight x mean over frames of |L - L target|, L = ln(mean over bins of A-weighted magnitudes).
#pragma once

#include <span>
#include <stop_token>
#include <vector>
#include <xtensor/xtensor.hpp>

#include "core/graph/sample.h"

namespace core {

enum class LossKind { smooth, robust };

struct LossOptions {
  LossKind kind = LossKind::smooth;
  std::vector<int> sizes;  ///< window lengths in samples, even
  double epsilon = 1e-3;   ///< amplitude, 1 = full scale
  double linear = 0.3;     ///< weight of the linear term of `robust`
  int threads = 1;         ///< 1 or 2; the result does not depend on it
  double loudness = 0;     ///< weight of the loudness term; 0: none
  double rate = 48000;     ///< Hz, for the A-weighting
};

/// Window sizes for a rate and a pitch: 128 to 4096 at 48 kHz in steps of two, scaled with the rate,
/// without those shorter than three periods of `f0` (0: keep all), which see phase and not spectrum.
std::vector<int> lossSizes(double rate, double f0);

/// Immutable once built: one target serves many candidates, in several threads.
class SpectralLoss {
 public:
  SpectralLoss(std::span<const Sample> target, const LossOptions& options, const std::stop_token& stop = {});

  const LossOptions& options() const { return options_; }
  std::size_t frames() const { return length_; }
  /// x is as long as the target. NaN when `stop` was requested meanwhile.
  double value(std::span<const Sample> x, const std::stop_token& stop = {}) const;
  /// The same, and d value / d x into `d`.
  double gradient(std::span<const Sample> x, std::span<Sample> d, const std::stop_token& stop = {}) const;

 private:
  struct Weights;
  static std::shared_ptr<const Weights> sharedWeights(int size, double rate);
  /// Spectra of one size.
  struct Scale {
    int size = 0, hop = 0, frames = 0, bins = 0, row = 0;  ///< row: bins padded to whole vectors
    xt::xtensor<Sample, 2> magnitudes;                     ///< of the target, [frame][row]
    std::shared_ptr<const Weights> weights;
    std::vector<double> levels;  ///< of the target, by frame
  };
  struct Frames;
  void transform(const Scale& s, std::span<const Sample> x, int frame, Frames& pair) const;
  void addBack(const Scale& s, int frame, Frames& pair, std::span<Sample> d) const;
  double scaleLoss(const Scale& s, std::span<const Sample> x, std::span<Sample> d, const std::stop_token& stop) const;
  double level(const Scale& s, const Frames& pair, int which, Sample* magnitudes) const;
  double rowLoss(const Scale& s, int frame, Frames& pair, int which, Sample weight) const;

  LossOptions options_;
  std::size_t length_ = 0;
  std::vector<Scale> scales_;
};

}  // namespace core
