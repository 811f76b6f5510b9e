// SPDX-License-Identifier: GPL-3.0-or-later
// Elementary functions for node kernels: the same arithmetic in a vector body, a tail and a single
// lane, so that splitting a block or adding lanes changes no bit (libm and libmvec differ by 1e-7).
// Polynomials: interpolated at Chebyshev nodes; errors measured over the whole range;
// tst_math guards them. The double build calls the C library lane by lane instead.
#pragma once

#include <immintrin.h>

#include <cmath>
#include <numbers>

#include "core/graph/sample.h"

namespace core {

/// a b + c, rounded once in float, lane by lane the same as for a single lane; the double build,
/// which checks gradients only, rounds twice.
template <int L>
[[gnu::always_inline]] inline Vec<L> multiplyAdd(Vec<L> a, Vec<L> b, Vec<L> c) {
#ifdef TONEWRIGHT_DOUBLE
  return a * b + c;
#else
  if constexpr (L == 1) {
    return __builtin_fmaf(a, b, c);
  } else if constexpr (L == 4) {
    return std::bit_cast<Vec<4> >(
        _mm_fmadd_ps(std::bit_cast<__m128>(a), std::bit_cast<__m128>(b), std::bit_cast<__m128>(c)));
  } else {
    return std::bit_cast<Vec<8> >(
        _mm256_fmadd_ps(std::bit_cast<__m256>(a), std::bit_cast<__m256>(b), std::bit_cast<__m256>(c)));
  }
#endif
}

/// A polynomial by Horner's rule, its highest coefficient first.
template <int L, class... Lower>
[[gnu::always_inline]] inline Vec<L> polynomial(Vec<L> x, Sample highest, Lower... lower) {
  Vec<L> p = splat<L>(highest);
  ((p = multiplyAdd<L>(p, x, splat<L>(lower))), ...);
  return p;
}

#ifdef TONEWRIGHT_DOUBLE

namespace detail {
template <int L, class F>
inline Vec<L> perLane(Vec<L> x, F f) {
  if constexpr (L == 1) {
    return f(x);
  } else {
    for (int l = 0; l < L; ++l) x[l] = f(x[l]);
    return x;
  }
}
}  // namespace detail

template <int L>
inline Vec<L> sinCycles(Vec<L> x) {
  return detail::perLane<L>(x, [](double v) { return std::sin(2 * std::numbers::pi * (v - std::nearbyint(v))); });
}
template <int L>
inline Vec<L> sinQuarterCycle(Vec<L> x) {
  return detail::perLane<L>(x, [](double v) { return std::sin(2 * std::numbers::pi * v); });
}
template <int L>
inline Vec<L> cosCycles(Vec<L> x) {
  return detail::perLane<L>(x, [](double v) { return std::cos(2 * std::numbers::pi * (v - std::nearbyint(v))); });
}
template <int L>
inline Vec<L> tanPi(Vec<L> x) {
  return detail::perLane<L>(x, [](double v) { return std::tan(std::numbers::pi * v); });
}
template <int L>
inline Vec<L> exp2(Vec<L> x) {
  return detail::perLane<L>(x, [](double v) { return std::exp2(v); });
}
template <int L>
inline Vec<L> log2(Vec<L> x) {
  return detail::perLane<L>(x, [](double v) { return std::log2(v); });
}
template <int L>
inline Vec<L> squareRoot(Vec<L> x) {
  return detail::perLane<L>(x, [](double v) { return std::sqrt(v); });
}
template <int L>
inline Vec<L> roundNearest(Vec<L> x) {
  return detail::perLane<L>(x, [](double v) { return std::nearbyint(v); });
}

#else

/// Nearest whole number for |x| < 2^22.
template <int L>
[[gnu::always_inline]] inline Vec<L> roundNearest(Vec<L> x) {
  const Vec<L> magic = splat<L>(12582912.0_s);  // 1.5 * 2^23: adding it leaves no bits below 1
  return (x + magic) - magic;
}

/// sin(2 pi x) for |x| <= 1/4, error <= 1.6e-7.
template <int L>
[[gnu::always_inline]] inline Vec<L> sinQuarterCycle(Vec<L> x) {
  const Vec<L> u = x * x;
  return x * polynomial<L>(u, 39.7598267_s, -76.5811691_s, 81.602478_s, -41.3416824_s, 6.28318548_s);
}

/// sin(2 pi x): the sine of a phase in cycles, |x| < 2^22; error <= 1.4e-7.
template <int L>
[[gnu::always_inline]] inline Vec<L> sinCycles(Vec<L> x) {
  const Vec<L> r = x - roundNearest<L>(x);
  const Vec<L> folded = r > 0.25_s ? 0.5_s - r : (r < -0.25_s ? -0.5_s - r : r);
  return sinQuarterCycle<L>(folded);
}

/// cos(2 pi x), |x| < 2^22; error <= 1.4e-7.
template <int L>
[[gnu::always_inline]] inline Vec<L> cosCycles(Vec<L> x) {
  const Vec<L> r = x - roundNearest<L>(x);
  return sinQuarterCycle<L>(0.25_s - (r < 0.0_s ? -r : r));
}

/// tan(pi x) for 0 <= x <= 0.49.
template <int L>
[[gnu::always_inline]] inline Vec<L> tanPi(Vec<L> x) {
  const Vec<L> half = 0.5_s * x;
  return sinQuarterCycle<L>(half) / sinQuarterCycle<L>(0.25_s - half);
}

/// 2^x for -126 <= x <= 126 (clamped outside); relative error <= 8e-8.
template <int L>
[[gnu::always_inline]] inline Vec<L> exp2(Vec<L> x) {
  x = minimum(maximum(x, splat<L>(-126.0_s)), splat<L>(126.0_s));
  const Vec<L> whole = roundNearest<L>(x);
  const Vec<L> f = x - whole;
  const Vec<L> p = polynomial<L>(f, 0.000154614449_s, 0.0013400428_s, 0.00961805694_s, 0.0555032715_s, 0.240226507_s,
                                 0.693147182_s, 1.0_s);
  const VecInt<L> exponent = (toInteger<L>(whole) + 127) << 23;
  return p * fromBits<L>(exponent);
}

/// Base-2 logarithm for normal x > 0.
template <int L>
[[gnu::always_inline]] inline Vec<L> log2(Vec<L> x) {
  // x = m 2^e with m in [sqrt(1/2), sqrt 2); log2 m by the odd series in (m - 1) / (m + 1)
  const VecInt<L> bits = bitsOf<L>(x) - 0x3f3504f3;  // sqrt(1/2)
  const VecInt<L> exponent = bits >> 23;
  const Vec<L> m = fromBits<L>((bits & 0x007fffff) + 0x3f3504f3);
  const Vec<L> s = (m - 1.0_s) / (m + 1.0_s);
  const Vec<L> u = s * s;
  const Vec<L> p = polynomial<L>(u, 0.32059889797_s, 0.41219858311_s, 0.57707801636_s, 0.96179669393_s,
                                 2.88539008178_s);  // 2 / (k ln 2), k = 9, 7, 5, 3, 1
  return multiplyAdd<L>(p, s, toSample<L>(exponent));
}

template <int L>
[[gnu::always_inline]] inline Vec<L> squareRoot(Vec<L> x) {
  if constexpr (L == 1) {
    return __builtin_sqrtf(x);
  } else if constexpr (L == 4) {
    return std::bit_cast<Vec<4> >(_mm_sqrt_ps(std::bit_cast<__m128>(x)));
  } else {
    return std::bit_cast<Vec<8> >(_mm256_sqrt_ps(std::bit_cast<__m256>(x)));
  }
}

#endif

/// Hyperbolic tangent.
template <int L>
[[gnu::always_inline]] inline Vec<L> tanh(Vec<L> x) {
  // 1 - 2 / (e^2x + 1); near 0 that loses relative accuracy, where the odd series takes over
  const Vec<L> e = exp2<L>(2.885390081777927_s * x);
  const Vec<L> far = 1.0_s - 2.0_s / (e + 1.0_s);
#ifdef TONEWRIGHT_DOUBLE
  return far;
#else
  const Vec<L> u = x * x;
  const Vec<L> near = x * (1.0_s + u * (-0.333333333_s + u * (0.133333333_s - 0.053968254_s * u)));
  return u < 0.01_s ? near : far;
#endif
}

/// Decibels to a linear amplitude: 10^(dB / 20).
template <int L>
[[gnu::always_inline]] inline Vec<L> fromDecibels(Vec<L> db) {
  return exp2<L>(db * 0.16609640474436813_s);
}
/// d fromDecibels(db) / d db = amplitude * this.
inline constexpr Sample kDecibelSlope = static_cast<Sample>(0.11512925464970229);

}  // namespace core
