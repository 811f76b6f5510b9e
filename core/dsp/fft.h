// SPDX-License-Identifier: GPL-3.0-or-later
// Real FFT of one length, by FFTW. Planning is by estimate, so that the same length gives the same
// bits in every process.
#pragma once

#include <complex>
#include <memory>

#include "core/graph/sample.h"

namespace core {

/// Where the arrays given to a transform start.
enum class FftArrays {
  anywhere,  ///< no alignment needed
  aligned    ///< at multiples of 64 bytes, as AlignedArray: vector instructions, about three times faster
};

/// Forward: X[k] = sum x[n] e^(-2 pi i k n / size), k = 0 ... size / 2. Inverse is unnormalised:
/// inverse(forward(x)) = size x. One object may be used by several threads at once, each with its
/// own arrays.
template <class T>
class FftOf {
 public:
  explicit FftOf(int size, FftArrays arrays = FftArrays::anywhere);
  ~FftOf();
  FftOf(FftOf&&) noexcept;
  FftOf& operator=(FftOf&&) noexcept;

  int size() const { return size_; }
  int bins() const { return size_ / 2 + 1; }
  /// Does not change the input.
  void forward(const T* in, std::complex<T>* out) const;
  /// Destroys the input.
  void inverse(std::complex<T>* in, T* out) const;

 private:
  struct Plans;
  std::unique_ptr<Plans> plans_;
  int size_ = 0;
};
extern template class FftOf<float>;
extern template class FftOf<double>;

/// The FFT of signals.
using RealFft = FftOf<Sample>;
/// The FFT of measurements, whose floors lie under the rounding of float.
using ExactFft = FftOf<double>;

/// A transform of that length on aligned arrays, planned once in the process. From any thread.
std::shared_ptr<const RealFft> sharedFft(int size);

/// The FFT of complex signals on aligned arrays, unnormalised both ways: X[k] = sum x[n] e^(-+2 pi i k n / size).
/// Two real signals as the parts of a complex one take half the time of two real transforms.
class ComplexFft {
 public:
  explicit ComplexFft(int size);
  ~ComplexFft();
  ComplexFft(const ComplexFft&) = delete;
  ComplexFft& operator=(const ComplexFft&) = delete;

  int size() const { return size_; }
  /// Neither changes the input; from any thread.
  void forward(const std::complex<Sample>* in, std::complex<Sample>* out) const;
  void inverse(const std::complex<Sample>* in, std::complex<Sample>* out) const;

 private:
  struct Plans;
  std::unique_ptr<Plans> plans_;
  int size_ = 0;
};

/// As sharedFft.
std::shared_ptr<const ComplexFft> sharedComplexFft(int size);

}  // namespace core
