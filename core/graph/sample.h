// SPDX-License-Identifier: GPL-3.0-or-later
// The number type of every signal, and short vectors of it: one element a lane.
#pragma once

#include <immintrin.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace core {

/// One number of a signal. float in the product; double in the second build of the same sources,
/// in which gradients are checked (a check in float cannot tell a small missing term from rounding).
#ifdef TONEWRIGHT_DOUBLE
using Sample = double;
using Integer = std::int64_t;
#else
using Sample = float;
using Integer = std::int32_t;  ///< same size as Sample, so that a lane of either has one width
#endif

/// Frames in a tick, the executor's unit of time: control signals have one value a tick, a cable
/// that closes a cycle delays by one tick.
inline constexpr int kTick = 64;

/// Lanes a kernel may be instantiated for. 16 lanes run as two groups of 8: measured per lane, 8
/// and 16 cost the same, and two groups can be skipped one by one.
inline constexpr int kMaxLanes = 8;

/// Elements in the vector that feed-forward passes use whatever the lane count.
inline constexpr int kWide = 8;

namespace detail {
template <class T, int L>
struct VecOf {
  typedef T type __attribute__((vector_size(L * sizeof(T)), may_alias));
};
template <class T>
struct VecOf<T, 1> {
  using type = T;
};
}  // namespace detail

/// L samples side by side, one a lane; arithmetic, comparison and ?: work element by element.
/// Vec<1> is Sample itself, so that one kernel source serves one lane and eight.
template <int L>
using Vec = typename detail::VecOf<Sample, L>::type;

/// L integers as wide as a Sample: fixed-point phases, random generators, bit patterns.
template <int L>
using VecInt = typename detail::VecOf<Integer, L>::type;

template <int L>
inline constexpr std::size_t kVecBytes = L * sizeof(Sample);

/// Loads L lanes from memory that need not be aligned.
template <int L>
[[gnu::always_inline]] inline Vec<L> load(const Sample* from) {
  Vec<L> v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

template <int L>
[[gnu::always_inline]] inline void store(Sample* to, const Vec<L>& v) {
  std::memcpy(to, &v, sizeof v);
}

/// The same sample in all lanes.
template <int L>
[[gnu::always_inline]] inline Vec<L> splat(Sample x) {
  if constexpr (L == 1) {
    return x;
  } else {
    return x - Vec<L>{};
  }
}

/// Reads lane l of a vector.
template <int L>
[[gnu::always_inline]] inline Sample lane(const Vec<L>& v, int l) {
  if constexpr (L == 1) {
    return v;
  } else {
    return v[l];
  }
}

/// Writes lane l of a vector.
template <int L>
[[gnu::always_inline]] inline void setLane(Vec<L>& v, int l, Sample x) {
  if constexpr (L == 1)
    v = x;
  else
    v[l] = x;
}

/// a < b ? a : b, which the compiler does not always see to be one instruction.
template <class V>
[[gnu::always_inline]] inline V minimum(V a, V b) {
#ifndef TONEWRIGHT_DOUBLE
  if constexpr (std::is_same_v<V, Vec<8>>)
    return std::bit_cast<V>(_mm256_min_ps(std::bit_cast<__m256>(a), std::bit_cast<__m256>(b)));
#endif
  return a < b ? a : b;
}
/// a > b ? a : b.
template <class V>
[[gnu::always_inline]] inline V maximum(V a, V b) {
#ifndef TONEWRIGHT_DOUBLE
  if constexpr (std::is_same_v<V, Vec<8>>)
    return std::bit_cast<V>(_mm256_max_ps(std::bit_cast<__m256>(a), std::bit_cast<__m256>(b)));
#endif
  return a > b ? a : b;
}

/// Sample -> integer towards zero, lane by lane. The value must fit.
template <int L>
[[gnu::always_inline]] inline VecInt<L> toInteger(Vec<L> v) {
  if constexpr (L == 1) {
    return static_cast<Integer>(v);
  } else {
    return __builtin_convertvector(v, VecInt<L>);
  }
}

template <int L>
[[gnu::always_inline]] inline Vec<L> toSample(VecInt<L> v) {
  if constexpr (L == 1) {
    return static_cast<Sample>(v);
  } else {
    return __builtin_convertvector(v, Vec<L>);
  }
}

/// The bit pattern of a vector, and back.
template <int L>
[[gnu::always_inline]] inline VecInt<L> bitsOf(Vec<L> v) {
  return std::bit_cast<VecInt<L>>(v);
}
template <int L>
[[gnu::always_inline]] inline Vec<L> fromBits(VecInt<L> v) {
  return std::bit_cast<Vec<L>>(v);
}

/// A literal of the build's own number type: 0.5_s never turns an expression into double.
consteval Sample operator""_s(long double x) { return static_cast<Sample>(x); }
consteval Sample operator""_s(unsigned long long x) { return static_cast<Sample>(x); }

}  // namespace core
