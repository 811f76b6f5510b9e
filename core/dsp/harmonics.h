// SPDX-License-Identifier: GPL-3.0-or-later
// Sums of harmonics for eight frames at a time. sin(k x) follows sin((k + 8) x) = 2 cos(8 x) sin(k x)
// - sin((k - 8) x) (Chebyshev) in eight chains, so that at most 16 steps pile up rounding: for 128
// harmonics the error of each stays under -100 dB of it, and the steps of a chain never wait.
#pragma once

#include "core/dsp/math.h"
#include "core/dsp/wide.h"

namespace core {

inline constexpr int kMostHarmonics = 128;

/// sin and cos of 0 x ... 8 x for x in cycles.
struct FirstHarmonics {
  std::array<Wide, 9> sine, cosine;

  [[gnu::always_inline]] explicit FirstHarmonics(Wide cycles) {
    sine[0] = splat<kWide>(0);
    cosine[0] = splat<kWide>(1);
    sine[1] = sinCycles<kWide>(cycles);
    cosine[1] = cosCycles<kWide>(cycles);
    for (std::size_t k = 2; k < 9; ++k) {  // angle sums of halves: three roundings deep at the most
      const std::size_t a = k / 2, b = k - a;
      sine[k] = sine[a] * cosine[b] + cosine[a] * sine[b];
      cosine[k] = cosine[a] * cosine[b] - sine[a] * sine[b];
    }
  }
};

/// Sum of first[k - 1] sin(k x) and of second[k - 1] sin(k x), k = 1 ... 8 steps.
struct HarmonicSums {
  Wide first, second;
};
inline HarmonicSums sumHarmonics(Wide cycles, const Sample* first, const Sample* second, int steps) {
  const FirstHarmonics start(cycles);
  const Wide twice = 2.0_s * start.cosine[8];
  HarmonicSums total{splat<kWide>(0), splat<kWide>(0)};
  for (std::size_t j = 0; j < 8; j += 4) {  // four chains at once hide the latency and fit the registers
    Wide now[4], before[4], a[2] = {splat<kWide>(0), splat<kWide>(0)}, b[2] = {a[0], a[0]};
    for (std::size_t c = 0; c < 4; ++c) {
      now[c] = start.sine[j + c + 1];
      before[c] = -start.sine[7 - j - c];
    }
    for (int m = 0; m < steps; ++m)
      for (std::size_t c = 0; c < 4; ++c) {
        const std::size_t k = static_cast<std::size_t>(8 * m) + j + c;
        a[c / 2] = multiplyAdd<kWide>(splat<kWide>(first[k]), now[c], a[c / 2]);
        b[c / 2] = multiplyAdd<kWide>(splat<kWide>(second[k]), now[c], b[c / 2]);
        const Wide next = multiplyAdd<kWide>(twice, now[c], -before[c]);
        before[c] = now[c];
        now[c] = next;
      }
    total.first = total.first + (a[0] + a[1]);
    total.second = total.second + (b[0] + b[1]);
  }
  return total;
}

/// Adjoint of sumHarmonics for cotangents of both sums: adds d sum / d amplitude to the rows of eight
/// partial sums, and returns sum k first[k - 1] cos(k x) and the same of `second`. The rows given
/// are already multiplied by k.
inline HarmonicSums sweepHarmonics(Wide cycles, Wide dFirst, Wide dSecond, const Sample* first, const Sample* second,
                                   int steps, Wide* dFirstRow, Wide* dSecondRow) {
  const FirstHarmonics start(cycles);
  const Wide twice = 2.0_s * start.cosine[8];
  HarmonicSums total{splat<kWide>(0), splat<kWide>(0)};
  for (std::size_t j = 0; j < 8; j += 2) {
    Wide sine[2], sineBefore[2], cosine[2], cosineBefore[2];
    for (std::size_t c = 0; c < 2; ++c) {
      sine[c] = start.sine[j + c + 1];
      sineBefore[c] = -start.sine[7 - j - c];
      cosine[c] = start.cosine[j + c + 1];
      cosineBefore[c] = start.cosine[7 - j - c];
    }
    for (int m = 0; m < steps; ++m)
      for (std::size_t c = 0; c < 2; ++c) {
        const std::size_t k = static_cast<std::size_t>(8 * m) + j + c;
        dFirstRow[k] = multiplyAdd<kWide>(dFirst, sine[c], dFirstRow[k]);
        dSecondRow[k] = multiplyAdd<kWide>(dSecond, sine[c], dSecondRow[k]);
        total.first = multiplyAdd<kWide>(splat<kWide>(first[k]), cosine[c], total.first);
        total.second = multiplyAdd<kWide>(splat<kWide>(second[k]), cosine[c], total.second);
        const Wide nextSine = multiplyAdd<kWide>(twice, sine[c], -sineBefore[c]);
        const Wide nextCosine = multiplyAdd<kWide>(twice, cosine[c], -cosineBefore[c]);
        sineBefore[c] = sine[c];
        cosineBefore[c] = cosine[c];
        sine[c] = nextSine;
        cosine[c] = nextCosine;
      }
  }
  return total;
}

}  // namespace core
