// SPDX-License-Identifier: GPL-3.0-or-later
// Mel bands of a power spectrum and the cosine transform over them: the two fixed linear maps of
// mel-frequency cepstral coefficients (S. Davis and P. Mermelstein, 1980). Triangles evenly spaced on
// the mel scale of D. O'Shaughnessy, 1987: mel = 2595 log10(1 + f / 700).
#pragma once

#include <span>
#include <vector>

#include "core/graph/sample.h"

namespace core {

/// Triangular bands over the bins of an FFT. A bin counts by the part of a band's triangle that lies
/// over it, so that bands narrower than a bin are not empty and another FFT size changes little.
class MelBands {
 public:
  MelBands() = default;
  /// rate in Hz, size of the FFT; bands >= 1 from lowest to highest (Hz, held below rate / 2).
  MelBands(double rate, int size, int bands, double lowest, double highest);

  int bands() const { return static_cast<int>(first_.size()); }
  /// Bins that a band reads: those in [0, bins()).
  int bins() const { return bins_; }
  /// out[b] = sum of weight[b][k] power[k]; the weights of a band add up to at most its width in bins.
  void apply(const Sample* power, Sample* out) const;
  /// dPower[k] += sum over bands of weight[b][k] dBands[b].
  void applyTransposed(const Sample* dBands, Sample* dPower) const;

 private:
  int bins_ = 0;
  std::vector<int> first_, at_;  ///< by band: its first bin, where its weights start (one more at the end)
  std::vector<Sample> weights_;
};

/// The discrete cosine transform (type II), `coefficients` rows of `bands` numbers, row-major: row 0
/// takes the mean, row k the amplitude of the k-th cosine over the bands.
std::vector<Sample> cosineRows(int coefficients, int bands);

/// The smallest of 2^n, 3 2^n and 5 2^n (n >= 3) that is not less than `least`: sizes that are fast
/// to transform.
int fastFftSize(int least);

}  // namespace core
