// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/dsp/fft.h"

#include <fftw3.h>

#include <mutex>
#include <vector>

namespace core {
namespace {
#ifdef TONEWRIGHT_DOUBLE
using Plan = fftw_plan;
using Complex = fftw_complex;
constexpr auto kPlanForward = fftw_plan_dft_r2c_1d;
constexpr auto kPlanInverse = fftw_plan_dft_c2r_1d;
constexpr auto kForward = fftw_execute_dft_r2c;
constexpr auto kInverse = fftw_execute_dft_c2r;
constexpr auto kDestroy = fftw_destroy_plan;
#else
using Plan = fftwf_plan;
using Complex = fftwf_complex;
constexpr auto kPlanForward = fftwf_plan_dft_r2c_1d;
constexpr auto kPlanInverse = fftwf_plan_dft_c2r_1d;
constexpr auto kForward = fftwf_execute_dft_r2c;
constexpr auto kInverse = fftwf_execute_dft_c2r;
constexpr auto kDestroy = fftwf_destroy_plan;
#endif
std::mutex planning;  // FFTW's planner is not thread safe; executing is
}  // namespace

struct RealFft::Plans {
  Plan forward = nullptr, inverse = nullptr;
  ~Plans() {
    const std::scoped_lock lock(planning);
    if (forward) kDestroy(forward);
    if (inverse) kDestroy(inverse);
  }
};

RealFft::RealFft(int size) : plans_(std::make_unique<Plans>()), size_(size) {
  std::vector<Sample> real(static_cast<std::size_t>(size));
  std::vector<std::complex<Sample>> spectrum(static_cast<std::size_t>(bins()));
  auto* c = reinterpret_cast<Complex*>(spectrum.data());
  const std::scoped_lock lock(planning);
  plans_->forward = kPlanForward(size, real.data(), c, FFTW_ESTIMATE | FFTW_UNALIGNED | FFTW_PRESERVE_INPUT);
  plans_->inverse = kPlanInverse(size, c, real.data(), FFTW_ESTIMATE | FFTW_UNALIGNED | FFTW_DESTROY_INPUT);
}
RealFft::~RealFft() = default;
RealFft::RealFft(RealFft&&) noexcept = default;
RealFft& RealFft::operator=(RealFft&&) noexcept = default;

void RealFft::forward(const Sample* in, std::complex<Sample>* out) const {
  kForward(plans_->forward, const_cast<Sample*>(in), reinterpret_cast<Complex*>(out));
}
void RealFft::inverse(std::complex<Sample>* in, Sample* out) const {
  kInverse(plans_->inverse, reinterpret_cast<Complex*>(in), out);
}

}  // namespace core
