// SPDX-License-Identifier: GPL-3.0-or-later
// Band-limited steps: what replaces the jumps and corners of a waveform within four samples of them.
// The step is the integral of a pulse h(t), a cosine sum over |t| < 4 samples that meets zero at the
// ends with its slope, so that everything made of it is smooth in t and its derivatives are exact.
// The weights are a linear-programme (minimax) design: within 0.45 dB up to 1/3 of the sample rate,
// at least 70 dB down from 2/3 on, falling further with frequency. After E. Brandt, "Hard sync without aliasing", 2001.
#pragma once

#include <array>

#include "core/dsp/math.h"

namespace core {

namespace detail {
inline constexpr int kBlepTerms = 6;
/// h(t) = (1 + sum alpha_k cos(pi k t / 4)) / 8; the last weight makes h(4) zero.
constexpr std::array<double, kBlepTerms + 1> blepWeights() {
  std::array<double, kBlepTerms + 1> a{
      1, 1.944621010825097, 2.1016517898790417, 1.597352617984939, 0.45666826279758654, 0.01698969379439981, 0};
  for (int k = 0; k < kBlepTerms; ++k)
    a[kBlepTerms] += k % 2 ? a[static_cast<std::size_t>(k)] : -a[static_cast<std::size_t>(k)];
  return a;
}
using BlepPolynomial = std::array<Sample, kBlepTerms + 1>;

/// Coefficients, by powers of cos x, of sum w_k cos(k x), or of sum w_k sin(k x) / sin x.
constexpr BlepPolynomial chebyshevSum(const std::array<double, kBlepTerms + 1>& w, bool sines) {
  constexpr std::size_t n = kBlepTerms + 1;
  // T_0 = 1, T_1 = c; the sines' U_(k-1): U_(-1) = 0, U_0 = 1; both f_(k+1) = 2 c f_k - f_(k-1)
  std::array<double, n> before{}, now{}, sum{};
  before[0] = sines ? 0 : 1;
  now[sines ? 0 : 1] = 1;
  for (std::size_t p = 0; p < n; ++p) sum[p] = w[0] * before[p] + w[1] * now[p];
  for (std::size_t k = 2; k < n; ++k) {
    std::array<double, n> next{};
    for (std::size_t p = 0; p < n; ++p) next[p] = (p > 0 ? 2 * now[p - 1] : 0.0) - before[p];
    before = now;
    now = next;
    for (std::size_t p = 0; p < n; ++p) sum[p] += w[k] * now[p];
  }
  BlepPolynomial out{};
  for (std::size_t p = 0; p < n; ++p) out[p] = static_cast<Sample>(sum[p]);
  return out;
}
constexpr BlepPolynomial pulsePolynomial() {
  auto w = blepWeights();
  for (double& x : w) x /= 8;
  return chebyshevSum(w, false);
}
constexpr BlepPolynomial stepPolynomial() {
  auto w = blepWeights();
  w[0] = 0;
  for (int k = 1; k <= kBlepTerms; ++k) w[static_cast<std::size_t>(k)] /= 2 * std::numbers::pi * k;
  return chebyshevSum(w, true);
}
constexpr BlepPolynomial rampPolynomial() {
  auto w = blepWeights();
  w[0] = 1;
  for (int k = 1; k <= kBlepTerms; ++k) {
    double& x = w[static_cast<std::size_t>(k)];
    x *= -2 / (std::numbers::pi * std::numbers::pi * k * k);
    w[0] -= k % 2 ? -x : x;  // so that the sum over k of w_k cos(pi k) is 1
  }
  return chebyshevSum(w, false);
}
template <int L>
[[gnu::always_inline]] inline Vec<L> evaluate(const BlepPolynomial& p, Vec<L> c) {
  Vec<L> y = splat<L>(p[kBlepTerms]);
  for (int k = kBlepTerms - 1; k >= 0; --k) y = multiplyAdd<L>(y, c, splat<L>(p[static_cast<std::size_t>(k)]));
  return y;
}
/// Sine and cosine of pi t / 4 for |t| <= 4, by those of half the angle, whose range needs no folding.
template <int L>
struct BlepAngle {
  Vec<L> sine, cosine;
  [[gnu::always_inline]] explicit BlepAngle(Vec<L> t) {
    const Vec<L> x = t * 0.0625_s;
    const Vec<L> half = sinQuarterCycle<L>(x);
    sine = 2.0_s * half * sinQuarterCycle<L>(0.25_s - (x < 0.0_s ? -x : x));
    cosine = multiplyAdd<L>(-2.0_s * half, half, splat<L>(1.0_s));
  }
};
inline constexpr BlepPolynomial kPulse = pulsePolynomial(), kStep = stepPolynomial(), kRamp = rampPolynomial();
}  // namespace detail

/// Samples on either side of a jump that its band-limited form reaches.
inline constexpr Sample kBlepReach = 4;

/// h(t) for |t| <= 4 samples: the slope of the band-limited step.
template <int L>
[[gnu::always_inline]] inline Vec<L> blepPulse(Vec<L> t) {
  return detail::evaluate<L>(detail::kPulse, detail::BlepAngle<L>(t).cosine);
}

/// The band-limited unit step less 1/2, odd in t, for |t| <= 4 samples: -1/2 at -4, 0 at 0, 1/2 at 4.
template <int L>
[[gnu::always_inline]] inline Vec<L> blepStep(Vec<L> t) {
  const detail::BlepAngle<L> a(t);
  return multiplyAdd<L>(a.sine, detail::evaluate<L>(detail::kStep, a.cosine), t * 0.125_s);
}

/// The band-limited form of |t| / 2, even in t, for |t| <= 4 samples: 2 at both ends.
template <int L>
[[gnu::always_inline]] inline Vec<L> blepCorner(Vec<L> t) {
  return multiplyAdd<L>(t * 0.0625_s, t, detail::evaluate<L>(detail::kRamp, detail::BlepAngle<L>(t).cosine));
}

}  // namespace core
