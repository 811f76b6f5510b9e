// SPDX-License-Identifier: GPL-3.0-or-later
// Layers with a handful of inputs (a pitch, a loudness), over many frames: their products are one pass
// over the outputs, of which a library would make several. Sums run in the order of core/neural/panels.h:
// same bits.
#pragma once

#include "core/neural/panels.h"

namespace core {

/// Most inputs of a narrow layer.
inline constexpr int kNarrow = 4;

namespace detail {
/// part.operator()<W>(i) for vectors of W numbers from `i` on until `count` are done.
template <class Part>
[[gnu::always_inline]] inline void inVectors(int count, Part part) {
  int i = 0;
  for (; i + kWide <= count; i += kWide) part.template operator()<kWide>(i);
  for (; i < count; ++i) part.template operator()<1>(i);
}

/// The sums that vectors of W numbers go into.
template <int W>
Vec<W>* sumsOf(Wide* wide, Sample* rest) {
  if constexpr (W == 1) {
    return rest;
  } else {
    return wide;
  }
}

template <int N>
void applyNarrow(int rows, int columns, const Sample* weights, const Sample* bias, const Features& x,
                 const Features& y) {
  for (int r = 0; r < rows; ++r) {
    const Sample* w = weights + r * N;
    inVectors(columns, [&]<int W>(int i) {
      Vec<W> sum = splat<W>(bias[r]);
#pragma GCC unroll 4
      for (int c = 0; c < N; ++c) sum = multiplyAdd<W>(splat<W>(w[c]), load<W>(x.data + c * x.stride + i), sum);
      store<W>(y.data + r * y.stride + i, sum);
    });
  }
}

template <int N>
void sweepNarrow(int rows, int columns, const Sample* weights, const Features& x, const Features& dy,
                 const Features& dx, Sample* dWeights, Sample* dBias) {
  for (int r = 0; r < rows; ++r) {
    const Sample *w = weights + r * N, *d = dy.data + r * dy.stride;
    Wide sums[N + 1]{};
    Sample rest[N + 1]{};
    inVectors(columns, [&]<int W>(int i) {
      Vec<W>* s = sumsOf<W>(sums, rest);
      const Vec<W> v = load<W>(d + i);
      s[N] = s[N] + v;
#pragma GCC unroll 4
      for (int c = 0; c < N; ++c) {
        s[c] = multiplyAdd<W>(v, load<W>(x.data + c * x.stride + i), s[c]);
        Sample* to = dx.data + c * dx.stride + i;
        store<W>(to, multiplyAdd<W>(splat<W>(w[c]), v, load<W>(to)));
      }
    });
    if (!dWeights) continue;
    for (int c = 0; c < N; ++c) dWeights[r * N + c] += sumOf(sums[c]) + rest[c];
    dBias[r] += sumOf(sums[N]) + rest[N];
  }
}

/// call.operator()<N>() with N = inputs.
template <class Call>
void withInputs(int inputs, Call call) {
  if (inputs == 1) call.template operator()<1>();
  if (inputs == 2) call.template operator()<2>();
  if (inputs == 3) call.template operator()<3>();
  if (inputs == 4) call.template operator()<4>();
}
}  // namespace detail

/// y[r][i] = bias[r] + sum over c of weights[r][c] x[c][i], i < columns. weights: rows x inputs, row-major;
/// 1 <= inputs <= kNarrow.
inline void applyNarrow(int rows, int inputs, int columns, const Sample* weights, const Sample* bias, const Features& x,
                        const Features& y) {
  detail::withInputs(inputs, [&]<int N>() { detail::applyNarrow<N>(rows, columns, weights, bias, x, y); });
}

/// Its adjoint: adds to dx, dWeights and dBias (the latter two may be null).
inline void sweepNarrow(int rows, int inputs, int columns, const Sample* weights, const Features& x, const Features& dy,
                        const Features& dx, Sample* dWeights, Sample* dBias) {
  detail::withInputs(inputs,
                     [&]<int N>() { detail::sweepNarrow<N>(rows, columns, weights, x, dy, dx, dWeights, dBias); });
}

}  // namespace core
