// SPDX-License-Identifier: GPL-3.0-or-later
// Sums of harmonics for eight frames at a time. sin(k x) follows sin((k + 6) x) = 2 cos(6 x) sin(k x)
// - sin((k - 6) x) (Chebyshev) in six chains, so that at most 22 steps pile up rounding: for 128
// harmonics the error of each stays near -100 dB of it. Three chains at a time fill both multipliers
// and just fit the registers.
#pragma once

#include "core/dsp/math.h"
#include "core/dsp/wide.h"

namespace core {

inline constexpr int kMostHarmonics = 128;
inline constexpr int kChains = 6;
/// Numbers in a row of amplitudes: whole steps of the chains and whole vectors, the rest zero.
inline constexpr int kHarmonicRow = 136;
constexpr int harmonicSteps(int harmonics) { return (harmonics + kChains - 1) / kChains; }

/// sin and cos of 0 x ... 6 x for x in cycles.
struct FirstHarmonics {
  std::array<Wide, kChains + 1> sine, cosine;

  [[gnu::always_inline]] explicit FirstHarmonics(Wide cycles) {
    sine[0] = splat<kWide>(0);
    cosine[0] = splat<kWide>(1);
    sine[1] = sinCycles<kWide>(cycles);
    cosine[1] = cosCycles<kWide>(cycles);
    for (std::size_t k = 2; k <= kChains; ++k) {  // angle sums of halves: three roundings deep at the most
      const std::size_t a = k / 2, b = k - a;
      sine[k] = multiplyAdd<kWide>(sine[a], cosine[b], cosine[a] * sine[b]);
      cosine[k] = multiplyAdd<kWide>(cosine[a], cosine[b], -sine[a] * sine[b]);
    }
  }
};

struct HarmonicSums {
  Wide first, second;
};

/// Three chains of sines and what they add up to.
struct ChainSums {
  Wide now[3], before[3], first[3], second[3];

  /// Adds harmonics k + 1, k + 2, k + 3 and moves on; the roles of u and v then change.
  [[gnu::always_inline]] void step(Wide* u, Wide* v, Wide twice, const Sample* a, const Sample* b) {
    for (std::size_t c = 0; c < 3; ++c) {
      first[c] = multiplyAdd<kWide>(splat<kWide>(a[c]), u[c], first[c]);
      second[c] = multiplyAdd<kWide>(splat<kWide>(b[c]), u[c], second[c]);
      v[c] = multiplyAdd<kWide>(twice, u[c], -v[c]);
    }
  }
};

/// Sum of first[k - 1] sin(k x) and of second[k - 1] sin(k x), k = 1 ... 6 steps.
inline HarmonicSums sumHarmonics(Wide cycles, const Sample* first, const Sample* second, int steps) {
  const FirstHarmonics start(cycles);
  const Wide twice = 2.0_s * start.cosine[kChains];
  HarmonicSums total{splat<kWide>(0), splat<kWide>(0)};
  for (std::size_t j = 0; j < kChains; j += 3) {
    ChainSums s{};
    for (std::size_t c = 0; c < 3; ++c) {
      s.now[c] = start.sine[j + c + 1];
      s.before[c] = -start.sine[kChains - 1 - j - c];
    }
    const Sample *a = first + j, *b = second + j;
    for (int m = steps / 2; m > 0; --m, a += 2 * kChains, b += 2 * kChains) {
      s.step(s.now, s.before, twice, a, b);
      s.step(s.before, s.now, twice, a + kChains, b + kChains);
    }
    if (steps % 2) s.step(s.now, s.before, twice, a, b);
    total.first = total.first + ((s.first[0] + s.first[1]) + s.first[2]);
    total.second = total.second + ((s.second[0] + s.second[1]) + s.second[2]);
  }
  return total;
}

/// Adjoint of sumHarmonics for cotangents of both sums: adds d sum / d amplitude to the rows of eight
/// partial sums, and returns sum k first[k - 1] cos(k x) and the same of `second`. The rows given
/// are already multiplied by k.
inline HarmonicSums sweepHarmonics(Wide cycles, Wide dFirst, Wide dSecond, const Sample* first, const Sample* second,
                                   int steps, Wide* dFirstRow, Wide* dSecondRow) {
  const FirstHarmonics start(cycles);
  const Wide twice = 2.0_s * start.cosine[kChains];
  HarmonicSums total{splat<kWide>(0), splat<kWide>(0)};
  for (std::size_t j = 0; j < kChains; j += 2) {
    Wide sine[2], sineBefore[2], cosine[2], cosineBefore[2];
    for (std::size_t c = 0; c < 2; ++c) {
      sine[c] = start.sine[j + c + 1];
      sineBefore[c] = -start.sine[kChains - 1 - j - c];
      cosine[c] = start.cosine[j + c + 1];
      cosineBefore[c] = start.cosine[kChains - 1 - j - c];
    }
    for (int m = 0; m < steps; ++m)
      for (std::size_t c = 0; c < 2; ++c) {
        const std::size_t k = static_cast<std::size_t>(kChains * m) + j + c;
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

/// The part of sweepHarmonics that the amplitudes need, for two vectors of frames: where nobody asks for the
/// phases' cotangents. Each row is loaded and stored once for both.
inline void sweepAmplitudes(const std::array<Wide, 2>& cycles, const std::array<Wide, 2>& dFirst,
                            const std::array<Wide, 2>& dSecond, int steps, Wide* dFirstRow, Wide* dSecondRow) {
  const FirstHarmonics starts[2] = {FirstHarmonics(cycles[0]), FirstHarmonics(cycles[1])};
  const Wide twice[2] = {2.0_s * starts[0].cosine[kChains], 2.0_s * starts[1].cosine[kChains]};
  for (std::size_t j = 0; j < kChains; j += 2) {
    Wide now[2][2], before[2][2];  // [vector][chain]
    for (std::size_t i = 0; i < 2; ++i)
      for (std::size_t c = 0; c < 2; ++c) {
        now[i][c] = starts[i].sine[j + c + 1];
        before[i][c] = -starts[i].sine[kChains - 1 - j - c];
      }
    const auto step = [&](std::size_t k, Wide(&u)[2][2], Wide(&v)[2][2]) __attribute__((always_inline)) {
      for (std::size_t c = 0; c < 2; ++c) {
        Wide a = dFirstRow[k + c], b = dSecondRow[k + c];
        for (std::size_t i = 0; i < 2; ++i) {
          a = multiplyAdd<kWide>(dFirst[i], u[i][c], a);
          b = multiplyAdd<kWide>(dSecond[i], u[i][c], b);
          v[i][c] = multiplyAdd<kWide>(twice[i], u[i][c], -v[i][c]);
        }
        dFirstRow[k + c] = a;
        dSecondRow[k + c] = b;
      }
    };
    std::size_t k = j;
    for (int m = steps / 2; m > 0; --m, k += 2 * kChains) {
      step(k, now, before);
      step(k + kChains, before, now);
    }
    if (steps % 2) step(k, now, before);
  }
}

}  // namespace core
