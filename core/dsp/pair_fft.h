// SPDX-License-Identifier: GPL-3.0-or-later
// The transforms of two real signals at once, as the parts of a complex one: half the time of two real
// transforms (64 frames: a fifth). With Z the transform of a + i b and * for conjugates,
//   A[k] = (Z[k] + Z*[size - k]) / 2,  B[k] = (Z[k] - Z*[size - k]) / 2i
// (W. H. Press et al., "Numerical Recipes", 3rd ed., 12.3.1).
#pragma once

#include "core/dsp/fft.h"
#include "core/graph/buffers.h"

namespace core {

/// Bins 0 ... size / 2 of two real signals, real and imaginary parts apart, padded with zeros to whole vectors.
struct PairSpectra {
  std::array<AlignedArray<Sample>, 2> re, im;
};

/// Used by one thread at a time: it owns what it works on.
class PairFft {
 public:
  /// size: even.
  explicit PairFft(int size);

  /// Where the signals go and come from: frame n of signal s is time()[2 n + s].
  Sample* time() const { return reinterpret_cast<Sample*>(time_.data()); }
  /// Bins of a row of the spectra: size / 2 + 1 and the padding.
  int row() const { return row_; }
  PairSpectra spectra() const;
  /// From time() to `to`, changing nothing else.
  void forward(PairSpectra& to);
  /// From half the bins of two Hermitian spectra to time(), unnormalised; imaginary parts of the first and the
  /// last bin must be zero.
  void inverse(const PairSpectra& from);

 private:
  std::shared_ptr<const ComplexFft> fft_;
  int row_ = 0;
  AlignedArray<std::complex<Sample>> time_, bins_;  ///< bins: with the first one again behind the last
};

}  // namespace core
