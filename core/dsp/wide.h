// SPDX-License-Identifier: GPL-3.0-or-later
// Kernels over eight samples at a time that several nodes share: transposition, a block of an FIR,
// and moving one lane in and out of a lane group.
#pragma once

#include <immintrin.h>

#include "core/dsp/math.h"
#include "core/graph/node.h"

namespace core {

using Wide = Vec<kWide>;

/// Whether a comparison of vectors holds in any lane (one lane: the comparison itself).
template <class Mask>
[[gnu::always_inline]] inline bool anySet(const Mask& mask) {
  if constexpr (std::is_arithmetic_v<Mask>) {
    return mask;
  } else {
    using Part = std::conditional_t<sizeof(Mask) == sizeof(__m128i), __m128i, __m256i>;
    std::array<Part, sizeof(Mask) / sizeof(Part)> parts;  // NOLINT(bugprone-sizeof-expression): vectors
    std::memcpy(&parts, &mask, sizeof mask);
    if constexpr (sizeof(Part) == sizeof(__m128i)) {
      return !_mm_testz_si128(parts[0], parts[0]);
    } else {
      for (std::size_t i = 1; i < parts.size(); ++i) parts[0] = _mm256_or_si256(parts[0], parts[i]);
      return !_mm256_testz_si256(parts[0], parts[0]);
    }
  }
}

/// L elements of eight from `first` on: the lanes of one frame.
template <int L>
[[gnu::always_inline]] inline Vec<L> part(const Wide& v, int first) {
  if constexpr (L == kWide) {
    return v;
  } else {
    Vec<L> lanes;
    std::memcpy(&lanes, reinterpret_cast<const char*>(&v) + first * static_cast<int>(sizeof(Sample)), sizeof lanes);
    return lanes;
  }
}

/// Reads eight frames of eight rows as eight vectors of one frame each. Halves are put together by the
/// loads, so that a third of a transposition's shuffles is saved.
[[gnu::always_inline]] inline void loadColumns(const Sample* const* rows, std::ptrdiff_t from, std::array<Wide, 8>& v) {
  std::array<Wide, 8> a, b;
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t h = 0; h < 2; ++h)
      a[i + 4 * h] = __builtin_shufflevector(load<4>(rows[i] + from + 4 * h), load<4>(rows[i + 4] + from + 4 * h), 0, 1,
                                             2, 3, 4, 5, 6, 7);
  for (std::size_t h = 0; h < 8; h += 4) {
    for (std::size_t i = 0; i < 2; ++i) {  // pairs
      b[h + 2 * i] = __builtin_shufflevector(a[h + 2 * i], a[h + 2 * i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
      b[h + 2 * i + 1] = __builtin_shufflevector(a[h + 2 * i], a[h + 2 * i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (std::size_t i = 0; i < 2; ++i) {  // quadruples
      v[h + 2 * i] = __builtin_shufflevector(b[h + i], b[h + i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      v[h + 2 * i + 1] = __builtin_shufflevector(b[h + i], b[h + i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
}
/// The way back of four frames: vectors of one frame each to four frames of eight rows.
[[gnu::always_inline]] inline void storeFourColumns(const Wide* v, Sample* const* rows, std::ptrdiff_t to) {
  std::array<Wide, 4> a, b;
  for (std::size_t i = 0; i < 2; ++i) {
    a[2 * i] = __builtin_shufflevector(v[2 * i], v[2 * i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    a[2 * i + 1] = __builtin_shufflevector(v[2 * i], v[2 * i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (std::size_t i = 0; i < 2; ++i) {
    b[2 * i] = __builtin_shufflevector(a[i], a[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
    b[2 * i + 1] = __builtin_shufflevector(a[i], a[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
  }
  for (std::size_t i = 0; i < 4; ++i) {
    store<4>(rows[i] + to, __builtin_shufflevector(b[i], b[i], 0, 1, 2, 3));
    store<4>(rows[i + 4] + to, __builtin_shufflevector(b[i], b[i], 4, 5, 6, 7));
  }
}
/// The way back: eight vectors of one frame each to eight frames of eight rows.
[[gnu::always_inline]] inline void storeColumns(const std::array<Wide, 8>& v, Sample* const* rows, std::ptrdiff_t to) {
  storeFourColumns(v.data(), rows, to);
  storeFourColumns(&v[4], rows, to + 4);
}

/// Sum of the eight elements, in a fixed order.
[[gnu::always_inline]] inline Sample sumOf(const Wide& v) {
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

inline constexpr int kFirTaps = 32;
/// y[n] += sum over i < kFirTaps of c[i] x[n - i] for the samples of vectors [from, to) of a tick. Taps 8
/// apart share the samples they meet, so that loads do not limit it.
template <int from, int to>
inline void addFirPart(const Sample* c, const Sample* x, Sample* y) {
  constexpr int kTaps = kFirTaps / kWide;
  Wide sum[to - from];
  for (int v = from; v < to; ++v) sum[v - from] = load<kWide>(y + v * kWide);
  for (int i = 0; i < kWide; ++i) {
    Wide k[kTaps];
    for (int j = 0; j < kTaps; ++j) k[j] = splat<kWide>(c[i + j * kWide]);
#pragma GCC unroll 16
    for (int m = from + 1 - kTaps; m < to; ++m) {
      const Wide s = load<kWide>(x + m * kWide - i);
#pragma GCC unroll 4
      for (int j = 0; j < kTaps; ++j)
        if (m + j >= from && m + j < to) sum[m + j - from] = multiplyAdd<kWide>(k[j], s, sum[m + j - from]);
    }
  }
  for (int v = from; v < to; ++v) store<kWide>(y + v * kWide, sum[v - from]);
}
/// One tick of an FIR: y[n] += sum over i < count of c[i] x[n - i], n = 0 ... kTick - 1; count is a
/// multiple of kFirTaps, and x is read from x[1 - count] on.
inline void addFirTick(const Sample* c, int count, const Sample* x, Sample* y) {
  for (int first = 0; first < count; first += kFirTaps) addFirPart<0, kTick / kWide>(c + first, x - first, y);
}
/// The same for kTick taps where x is zero before its first sample, or from x[1] on.
inline void addFirStart(const Sample* c, const Sample* x, Sample* y) {
  addFirPart<0, 8>(c, x, y);
  addFirPart<4, 8>(c + kFirTaps, x - kFirTaps, y);
}
inline void addFirEnd(const Sample* c, const Sample* x, Sample* y) {
  addFirPart<0, 4>(c, x, y);
  addFirPart<0, 8>(c + kFirTaps, x - kFirTaps, y);
}
static_assert(kTick == 2 * kFirTaps && kTick == 8 * kWide);

/// `count` frames of one lane of an audio signal from `frame` on, side by side; `temporary` holds
/// them when they do not lie so already.
template <int L>
inline const Sample* laneOf(const AudioIn<L>& x, int lane, int frame, int count, Sample* temporary) {
  if (L == 1 && !x.constant()) return x.data + frame;
  for (int i = 0; i < count; ++i) temporary[i] = x.data[(frame + i) * x.step + lane];
  return temporary;
}
/// The same of a hidden output's line, from an absolute frame on.
template <int L>
inline const Sample* laneOf(const HistoryRing<L>& x, int line, int lane, std::int64_t frame, int count,
                            Sample* temporary) {
  const Sample* from = x.at(line, frame);
  if (L == 1 && x.at(line, frame + count - 1) - from == count - 1) return from;
  for (int i = 0; i < count; ++i) temporary[i] = x.at(line, frame + i)[lane];
  return temporary;
}
/// Writes `count` samples of an output into one lane; adds them to a cotangent.
template <int L>
inline void setLane(const AudioOut<L>& to, int lane, int frame, int count, const Sample* from) {
  for (int i = 0; i < count; ++i) to.data[(frame + i) * L + lane] = from[i];
}
template <int L>
inline void addLane(const AudioCotangent<L>& to, int lane, int frame, int count, const Sample* from) {
  for (int i = 0; i < count; ++i) to.at(frame + i)[lane] += from[i];
}

}  // namespace core
