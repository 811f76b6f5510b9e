// SPDX-License-Identifier: GPL-3.0-or-later
// The parts of a network that are not products, for one frame: layer normalisation with leaky ReLU,
// the gates of a recurrent unit, and their adjoints. Features lie as in core/neural/panels.h.
#pragma once

#include "core/dsp/exp_sigmoid.h"
#include "core/neural/panels.h"

namespace core {

inline constexpr Sample kNormaliseEpsilon = static_cast<Sample>(1e-3), kLeak = static_cast<Sample>(0.2);
/// Frames that are normalised side by side.
inline constexpr int kNormalised = 4;

/// x: count lines of a linear layer's result; they become normalised. The line after them gets
/// 1 / deviation, the lines of `result` leakyReLU(scale x + offset). F frames side by side: a line's
/// frames lie together, its neighbours pages away.
template <int L, int F>
void normaliseFrames(int count, const Sample* scale, const Sample* offset, const Features& x, const Features& result) {
  const Sample part = 1.0_s / static_cast<Sample>(count);
  const auto at = [&x](int line, int f) { return x.data + line * x.stride + f * L; };
  Vec<L> mean[F]{}, inverse[F]{};
  for (int i = 0; i < count; ++i)
    for (int f = 0; f < F; ++f) mean[f] = mean[f] + load<L>(at(i, f));
  for (int f = 0; f < F; ++f) mean[f] = mean[f] * part;
  for (int i = 0; i < count; ++i)
    for (int f = 0; f < F; ++f) {
      const Vec<L> d = load<L>(at(i, f)) - mean[f];
      inverse[f] = inverse[f] + d * d;
    }
  for (int f = 0; f < F; ++f) {
    inverse[f] = 1.0_s / squareRoot<L>(inverse[f] * part + kNormaliseEpsilon);
    store<L>(at(count, f), inverse[f]);
  }
  for (int i = 0; i < count; ++i)
    for (int f = 0; f < F; ++f) {
      const Vec<L> normal = (load<L>(at(i, f)) - mean[f]) * inverse[f], y = scale[i] * normal + offset[i];
      store<L>(at(i, f), normal);
      store<L>(result.data + i * result.stride + f * L, y < 0.0_s ? y * kLeak : y);
    }
}

/// Adjoint, in the same lines: reads the cotangents of the result, writes those (d) of the linear
/// layer's result; adds to dWeights (scales, then offsets, [number][lane]) unless null.
template <int L, int F>
void sweepNormaliseFrames(int count, const Sample* scale, const Sample* offset, const Features& x,
                          const Features& dResult, const Features& d, Sample* dWeights) {
  const Sample part = 1.0_s / static_cast<Sample>(count);
  const auto xAt = [&x](int line, int f) { return x.data + line * x.stride + f * L; };
  const auto dAt = [&d](int line, int f) { return d.data + line * d.stride + f * L; };
  Vec<L> sum[F]{}, moment[F]{};
  for (int i = 0; i < count; ++i) {
    Vec<L> dScale = splat<L>(0), dOffset = splat<L>(0);
    for (int f = 0; f < F; ++f) {
      const Vec<L> normal = load<L>(xAt(i, f)), y = scale[i] * normal + offset[i];
      const Vec<L> dTop = load<L>(dResult.data + i * dResult.stride + f * L), dy = y < 0.0_s ? dTop * kLeak : dTop;
      dScale = dScale + dy * normal;
      dOffset = dOffset + dy;
      const Vec<L> dNormal = dy * scale[i];
      store<L>(dAt(i, f), dNormal);
      sum[f] = sum[f] + dNormal;
      moment[f] = moment[f] + dNormal * normal;
    }
    if (dWeights) {
      Sample *s = dWeights + i * L, *o = dWeights + (count + i) * L;
      store<L>(s, load<L>(s) + dScale);
      store<L>(o, load<L>(o) + dOffset);
    }
  }
  for (int i = 0; i < count; ++i)
    for (int f = 0; f < F; ++f) {
      const Vec<L> inverse = load<L>(xAt(count, f));
      store<L>(dAt(i, f), inverse * (load<L>(dAt(i, f)) - part * (sum[f] + load<L>(xAt(i, f)) * moment[f])));
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

/// Adjoint of `gateFrame`. candidate: lines of the candidate's U h + c; dAfter: from the layers that read the
/// state; carry ([unit][lane]): from the next frame on entry, what reaches the state before past the product on
/// exit. Writes dInput (which may be `gates`) and dProduct ([row][lane]).
template <int L>
void sweepGateFrame(int units, const Features& gates, const Features& candidate, const Features& before,
                    const Features& dAfter, Sample* carry, const Features& dInput, Sample* dProduct) {
  for (int u = 0; u < units; ++u) {
    const auto at = [u](const Features& f) { return load<L>(f.data + u * f.stride); };
    const auto gate = [&](int i) { return load<L>(gates.data + (i * units + u) * gates.stride); };
    const Vec<L> r = gate(0), z = gate(1), n = gate(2);
    const Vec<L> d = at(dAfter) + load<L>(carry + u * L);
    const Vec<L> dn = d * (1.0_s - z) * (1.0_s - n * n);
    const Vec<L> dz = d * (at(before) - n) * z * (1.0_s - z);
    const Vec<L> dr = dn * at(candidate) * r * (1.0_s - r);
    // one by one: GCC 12 would take a loop over an array of them through memory
    const auto to = [&](int i) { return dInput.data + (i * units + u) * dInput.stride; };
    store<L>(to(0), dr);
    store<L>(to(1), dz);
    store<L>(to(2), dn);
    store<L>(dProduct + u * L, dr);
    store<L>(dProduct + (units + u) * L, dz);
    store<L>(dProduct + (2 * units + u) * L, dn * r);
    store<L>(carry + u * L, d * z);
  }
}

/// Lines of a few frames as one frame after the other, [frame][line][lane]. In a history a line's frames lie
/// together and the features of one frame pages apart: a loop over frames would miss every page every time.
template <int L>
class FrameTile {
 public:
  static constexpr int kFrames = 8;
  /// `frames`: at most so many at a time.
  explicit FrameTile(int lines, int frames = kFrames)
      : lines_(lines), data_(static_cast<std::size_t>(lines * frames * L)) {}

  Sample* frame(int f) { return &data_[static_cast<std::size_t>(f * lines_ * L)]; }
  Features at(int f, int line = 0) { return {frame(f) + line * L, L}; }
  /// Takes the first `lines` lines of `frames` frames, the first of which is `x`.
  void read(const Features& x, int lines, int frames, int to = 0) {
    for (int i = 0; i < lines; ++i)
      for (int f = 0; f < frames; ++f) store<L>(frame(to + f) + i * L, load<L>(x.data + i * x.stride + f * L));
  }
  /// Gives `lines` lines from `line` on back.
  void write(const Features& x, int line, int lines, int frames, int from = 0) {
    for (int i = 0; i < lines; ++i)
      for (int f = 0; f < frames; ++f)
        store<L>(x.data + i * x.stride + f * L, load<L>(frame(from + f) + (line + i) * L));
  }

 private:
  int lines_;
  std::vector<Sample> data_;
};

}  // namespace core
