// SPDX-License-Identifier: GPL-3.0-or-later
// Convolution with a long response at no latency: a direct head, then partitions that grow with
// their distance (W. G. Gardner, "Efficient convolution without input-output delay", 1995; G. Garcia,
// "Optimal filter partition for efficient convolution with short input/output delay", 2002).
// Partitions of B frames start 2 B into the response, so that the work on one block of input may be
// spread over the B frames that follow it. When what is computed depends on the absolute tick alone.
#pragma once

#include <complex>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/dsp/fft.h"
#include "core/graph/buffers.h"

namespace core {

/// A response cut up for convolution. Immutable once made; shared by all convolvers that use it.
class PartitionedResponse {
 public:
  explicit PartitionedResponse(std::span<const Sample> response);

  static constexpr int kHead = 256;  ///< taps summed directly
  static constexpr int kBins = 32;   ///< bins that lie together: [real x 32][imaginary x 32]

  struct Stage {
    int block = 0, offset = 0, partitions = 0;  ///< frames a partition, first tap, how many
    std::shared_ptr<const RealFft> fft;         ///< of 2 block frames
    std::vector<Sample> spectra;                ///< [group of bins][partition][2 kBins], 1 / (2 block) included

    int ticks() const { return block / kTick; }
    int groups() const { return block / kBins; }
  };
  const std::vector<Stage>& stages() const { return stages_; }
  const Sample* head() const { return head_.data(); }

 private:
  std::vector<Sample> head_;
  std::vector<Stage> stages_;
};

/// One signal on its way through a response; memory depends on the response's length alone, so
/// that the response may change while it runs.
class Convolver {
 public:
  explicit Convolver(const PartitionedResponse& response);
  void reset();
  /// The tick with that absolute number, in order: y = response * x. Allocates nothing.
  void run(const PartitionedResponse& response, std::int64_t tick, const Sample* x, Sample* y);

 private:
  struct Stage {
    AlignedArray<Sample> input;    ///< the block before and the one that fills
    AlignedArray<Sample> spectra;  ///< of past blocks: [group][slot][2 kBins]
    AlignedArray<std::complex<Sample>> product;
    AlignedArray<Sample> made, played;
  };
  void transform(const PartitionedResponse::Stage& plan, Stage& stage, std::int64_t slot);
  void multiply(const PartitionedResponse::Stage& plan, Stage& stage, std::int64_t slot, int group);

  AlignedArray<Sample> recent_;
  std::vector<Stage> stages_;
  AlignedArray<std::complex<Sample>> spectrum_;
  AlignedArray<Sample> time_;
};

/// Adjoint of y[n] = sum over j of response[j] x[n - j], for any number of signals and parts of them
/// that share the response: its transform is computed once, its gradient is summed as a spectrum. Signals come in
/// pairs, as the parts of complex numbers: the response is real, so that they stay apart, and a complex transform
/// takes half the time of two real ones. (A signal without a partner is the real part.)
class ConvolutionSweep {
 public:
  using Pair = std::complex<Sample>;
  /// Begins with a response; no part is longer than `frames`. Keeps its memory from call to call.
  void begin(std::span<const Sample> response, int frames);
  /// One part. dy: cotangent of y; past: x from response.size() - 1 frames before the part to its end;
  /// dPast: its cotangent, same frames, added to.
  void add(std::span<const Pair> dy, std::span<const Pair> past, std::span<Pair> dPast);
  /// Adds the gradient of the response over all parts.
  void end(std::span<Sample> dResponse);

 private:
  void transform(std::span<const Pair> x, AlignedArray<Pair>& to);

  std::shared_ptr<const ComplexFft> fft_;
  AlignedArray<Pair> time_, response_, cotangent_, product_, sum_;
};

}  // namespace core
