// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/dsp/fft.h"

#include <fftw3.h>

#include <functional>
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
  [[maybe_unused]] static constexpr auto kPlanComplex = fftwf_plan_dft_1d;
  [[maybe_unused]] static constexpr auto kComplex = fftwf_execute_dft;
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
  [[maybe_unused]] static constexpr auto kPlanComplex = fftw_plan_dft_1d;
  [[maybe_unused]] static constexpr auto kComplex = fftw_execute_dft;
  static constexpr auto kDestroy = fftw_destroy_plan;
};
std::mutex planning;  // FFTW's planner is not thread safe; executing is

template <class T>
struct PlanPair {
  typename Library<T>::Plan forward = nullptr, inverse = nullptr;
  ~PlanPair() {
    const std::scoped_lock lock(planning);
    if (forward) Library<T>::kDestroy(forward);
    if (inverse) Library<T>::kDestroy(inverse);
  }
};
}  // namespace

template <class T>
struct FftOf<T>::Plans : PlanPair<T> {};

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

struct ComplexFft::Plans : PlanPair<Sample> {};

ComplexFft::ComplexFft(int size) : plans_(std::make_unique<Plans>()), size_(size) {
  const AlignedArray<std::complex<Sample>> from(static_cast<std::size_t>(size)), to(from.size());
  auto* in = reinterpret_cast<Library<Sample>::Complex*>(from.data());
  auto* out = reinterpret_cast<Library<Sample>::Complex*>(to.data());
  const std::scoped_lock lock(planning);
  plans_->forward = Library<Sample>::kPlanComplex(size, in, out, FFTW_FORWARD, FFTW_ESTIMATE | FFTW_PRESERVE_INPUT);
  plans_->inverse = Library<Sample>::kPlanComplex(size, in, out, FFTW_BACKWARD, FFTW_ESTIMATE | FFTW_PRESERVE_INPUT);
}
ComplexFft::~ComplexFft() = default;

namespace {
void runComplex(Library<Sample>::Plan plan, const std::complex<Sample>* in, std::complex<Sample>* out) {
  using Complex = Library<Sample>::Complex;
  Library<Sample>::kComplex(plan, reinterpret_cast<Complex*>(const_cast<std::complex<Sample>*>(in)),
                            reinterpret_cast<Complex*>(out));
}

template <class Fft>
std::shared_ptr<const Fft> once(int size, const std::function<std::shared_ptr<const Fft>()>& make) {
  static std::mutex guard;
  static std::map<int, std::shared_ptr<const Fft>> made;
  const std::scoped_lock lock(guard);
  auto& fft = made[size];
  if (!fft) fft = make();
  return fft;
}
}  // namespace

void ComplexFft::forward(const std::complex<Sample>* in, std::complex<Sample>* out) const {
  runComplex(plans_->forward, in, out);
}
void ComplexFft::inverse(const std::complex<Sample>* in, std::complex<Sample>* out) const {
  runComplex(plans_->inverse, in, out);
}

std::shared_ptr<const RealFft> sharedFft(int size) {
  return once<RealFft>(size, [size] { return std::make_shared<const RealFft>(size, FftArrays::aligned); });
}
std::shared_ptr<const ComplexFft> sharedComplexFft(int size) {
  return once<ComplexFft>(size, [size] { return std::make_shared<const ComplexFft>(size); });
}

}  // namespace core
