// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/dsp/fft.h"

#include <fftw3.h>

#include <map>
#include <mutex>

#include "core/graph/buffers.h"

namespace core {
namespace {
/// FFTW's names, which differ by number type.
template <class T>
struct Library;
template <>
struct Library<float> {
  using Plan = fftwf_plan;
  using Complex = fftwf_complex;
  static constexpr auto kPlanForward = fftwf_plan_dft_r2c_1d;
  static constexpr auto kPlanInverse = fftwf_plan_dft_c2r_1d;
  static constexpr auto kForward = fftwf_execute_dft_r2c;
  static constexpr auto kInverse = fftwf_execute_dft_c2r;
  static constexpr auto kDestroy = fftwf_destroy_plan;
};
template <>
struct Library<double> {
  using Plan = fftw_plan;
  using Complex = fftw_complex;
  static constexpr auto kPlanForward = fftw_plan_dft_r2c_1d;
  static constexpr auto kPlanInverse = fftw_plan_dft_c2r_1d;
  static constexpr auto kForward = fftw_execute_dft_r2c;
  static constexpr auto kInverse = fftw_execute_dft_c2r;
  static constexpr auto kDestroy = fftw_destroy_plan;
};
std::mutex planning;  // FFTW's planner is not thread safe; executing is
}  // namespace

template <class T>
struct FftOf<T>::Plans {
  typename Library<T>::Plan forward = nullptr, inverse = nullptr;
  ~Plans() {
    const std::scoped_lock lock(planning);
    if (forward) Library<T>::kDestroy(forward);
    if (inverse) Library<T>::kDestroy(inverse);
  }
};

template <class T>
FftOf<T>::FftOf(int size, FftArrays arrays) : plans_(std::make_unique<Plans>()), size_(size) {
  const AlignedArray<T> real(static_cast<std::size_t>(size)), spectrum(static_cast<std::size_t>(2 * bins()));
  auto* c = reinterpret_cast<typename Library<T>::Complex*>(spectrum.data());
  const unsigned flags = FFTW_ESTIMATE | (arrays == FftArrays::anywhere ? FFTW_UNALIGNED : 0U);
  const std::scoped_lock lock(planning);
  plans_->forward = Library<T>::kPlanForward(size, real.data(), c, flags | FFTW_PRESERVE_INPUT);
  plans_->inverse = Library<T>::kPlanInverse(size, c, real.data(), flags | FFTW_DESTROY_INPUT);
}
template <class T>
FftOf<T>::~FftOf() = default;
template <class T>
FftOf<T>::FftOf(FftOf&&) noexcept = default;
template <class T>
FftOf<T>& FftOf<T>::operator=(FftOf&&) noexcept = default;

template <class T>
void FftOf<T>::forward(const T* in, std::complex<T>* out) const {
  Library<T>::kForward(plans_->forward, const_cast<T*>(in), reinterpret_cast<typename Library<T>::Complex*>(out));
}
template <class T>
void FftOf<T>::inverse(std::complex<T>* in, T* out) const {
  Library<T>::kInverse(plans_->inverse, reinterpret_cast<typename Library<T>::Complex*>(in), out);
}

template class FftOf<float>;
template class FftOf<double>;

std::shared_ptr<const RealFft> sharedFft(int size) {
  static std::mutex guard;
  static std::map<int, std::shared_ptr<const RealFft>> made;
  const std::scoped_lock lock(guard);
  auto& fft = made[size];
  if (!fft) fft = std::make_shared<const RealFft>(size, FftArrays::aligned);
  return fft;
}

}  // namespace core
