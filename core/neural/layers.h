// SPDX-License-Identifier: GPL-3.0-or-later
// The parts of a network that are not products, for one frame: layer normalisation with leaky ReLU,
// the gates of a recurrent unit, and their adjoints. Features lie as in core/neural/panels.h.
#pragma once

#include "core/dsp/exp_sigmoid.h"
#include "core/neural/panels.h"

namespace core {

inline constexpr Sample kNormaliseEpsilon = static_cast<Sample>(1e-3), kLeak = static_cast<Sample>(0.2);

/// x: count lines of a linear layer's result; they become normalised. The line after them gets
/// 1 / deviation, the `count` lines after that leakyReLU(scale x + offset).
template <int L>
void normaliseFrame(int count, const Sample* scale, const Sample* offset, const Features& x) {
  const Sample part = 1.0_s / static_cast<Sample>(count);
  Vec<L> sum = splat<L>(0), squares = splat<L>(0);
  for (int i = 0; i < count; ++i) sum = sum + load<L>(x.data + i * x.stride);
  const Vec<L> mean = sum * part;
  for (int i = 0; i < count; ++i) {
    const Vec<L> d = load<L>(x.data + i * x.stride) - mean;
    squares = squares + d * d;
  }
  const Vec<L> inverse = 1.0_s / squareRoot<L>(squares * part + kNormaliseEpsilon);
  store<L>(x.data + count * x.stride, inverse);
  for (int i = 0; i < count; ++i) {
    const Vec<L> normal = (load<L>(x.data + i * x.stride) - mean) * inverse, y = scale[i] * normal + offset[i];
    store<L>(x.data + i * x.stride, normal);
    store<L>(x.data + (count + 1 + i) * x.stride, y < 0.0_s ? y * kLeak : y);
  }
}

/// Adjoint, in the same lines: reads the cotangents of the result, writes those of the linear
/// layer's result; adds to dWeights (scales, then offsets) unless null.
template <int L>
void sweepNormaliseFrame(int count, const Sample* scale, const Sample* offset, const Features& x, const Features& d,
                         Sample* dWeights) {
  const Sample part = 1.0_s / static_cast<Sample>(count);
  Vec<L> sum = splat<L>(0), moment = splat<L>(0);
  for (int i = 0; i < count; ++i) {
    const Vec<L> normal = load<L>(x.data + i * x.stride), y = scale[i] * normal + offset[i];
    const Vec<L> dResult = load<L>(d.data + (count + 1 + i) * d.stride);
    const Vec<L> dy = y < 0.0_s ? dResult * kLeak : dResult;
    if (dWeights)
      for (int l = 0; l < L; ++l) {
        dWeights[i] += lane<L>(dy * normal, l);
        dWeights[count + i] += lane<L>(dy, l);
      }
    const Vec<L> dNormal = dy * scale[i];
    store<L>(d.data + i * d.stride, dNormal);
    sum = sum + dNormal;
    moment = moment + dNormal * normal;
  }
  const Vec<L> inverse = load<L>(x.data + count * x.stride);
  for (int i = 0; i < count; ++i) {
    Sample* to = d.data + i * d.stride;
    store<L>(to, inverse * (load<L>(to) - part * (sum + load<L>(x.data + i * x.stride) * moment)));
  }
}

namespace detail {
/// Units side by side in one vector: eight units of one lane, or one unit of all lanes.
template <int L>
inline constexpr int kUnits = L == 1 ? kWide : 1;
template <int L>
using Units = std::conditional_t<L == 1, Wide, Vec<L> >;
template <int L>
[[gnu::always_inline]] inline Units<L> loadUnits(const Features& f, int unit, int most) {
  if constexpr (L == 1) {
    Wide v{};
    for (int j = 0; j < std::min(kWide, most - unit); ++j) v[j] = f.data[(unit + j) * f.stride];
    return v;
  } else {
    return load<L>(f.data + unit * f.stride);
  }
}
template <int L>
[[gnu::always_inline]] inline void storeUnits(const Features& f, int unit, int most, const Units<L>& v) {
  if constexpr (L == 1) {
    for (int j = 0; j < std::min(kWide, most - unit); ++j) f.data[(unit + j) * f.stride] = v[j];
  } else {
    store<L>(f.data + unit * f.stride, v);
  }
}
}  // namespace detail

/// One step of a gated recurrent unit. input: lines of W x + b for reset, update and candidate, which
/// become the gates' values; product: lines of U h + c likewise.
///   r = logistic(.), z = logistic(.), n = tanh(input + r product), h' = n + z (h - n)
template <int L>
void gateFrame(int units, const Features& input, const Features& product, const Features& before,
               const Features& after) {
  using detail::loadUnits;
  using detail::storeUnits;
  constexpr int kLanes = L == 1 ? kWide : L;
  const auto part = [units](const Features& f, int i) { return Features{f.data + i * units * f.stride, f.stride}; };
  for (int u = 0; u < units; u += detail::kUnits<L>) {
    const auto at = [&](const Features& f, int i) { return loadUnits<L>(part(f, i), u, units); };
    const auto r = logistic<kLanes>(at(input, 0) + at(product, 0));
    const auto z = logistic<kLanes>(at(input, 1) + at(product, 1));
    const auto n = tanh<kLanes>(at(input, 2) + r * at(product, 2));
    const auto h = loadUnits<L>(before, u, units);
    storeUnits<L>(part(input, 0), u, units, r);
    storeUnits<L>(part(input, 1), u, units, z);
    storeUnits<L>(part(input, 2), u, units, n);
    storeUnits<L>(after, u, units, n + z * (h - n));
  }
}

/// Adjoint of `gateFrame`. dAfter: from the layers that read the state; carry ([unit][lane]): from
/// the next frame on entry, what reaches the state before past the product on exit. Writes dInput
/// (strided) and dProduct ([row][lane]).
template <int L>
void sweepGateFrame(int units, const Features& gates, const Features& product, const Features& before,
                    const Features& dAfter, Sample* carry, const Features& dInput, Sample* dProduct) {
  for (int u = 0; u < units; ++u) {
    const auto at = [&](const Features& f, int i) { return load<L>(f.data + (i * units + u) * f.stride); };
    const Vec<L> r = at(gates, 0), z = at(gates, 1), n = at(gates, 2), p = at(product, 2);
    const Vec<L> d = load<L>(dAfter.data + u * dAfter.stride) + load<L>(carry + u * L);
    const Vec<L> dn = d * (1.0_s - z) * (1.0_s - n * n);
    const Vec<L> dz = d * (load<L>(before.data + u * before.stride) - n) * z * (1.0_s - z);
    const Vec<L> dr = dn * p * r * (1.0_s - r);
    const std::array<Vec<L>, 3> out{dr, dz, dn};
    for (int i = 0; i < 3; ++i) {
      store<L>(dInput.data + (i * units + u) * dInput.stride, out[static_cast<std::size_t>(i)]);
      store<L>(dProduct + (i * units + u) * L, i == 2 ? dn * r : out[static_cast<std::size_t>(i)]);
    }
    store<L>(carry + u * L, d * z);
  }
}

}  // namespace core
