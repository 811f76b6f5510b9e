// SPDX-License-Identifier: GPL-3.0-or-later
// A weight matrix times the features of one frame: what a neural layer costs live, and what the
// steps of a recurrent layer cost everywhere. Rows lie in panels of eight, [panel][input][8], so
// that a vector of weights serves every lane. Every output is summed in the
// order of its inputs with one rounding a step, whatever the lane count and wherever the work is
// cut: same bits. (A library packs the whole matrix at each call, which for one frame costs as much
// as the product; measured in this folder's README.)
#pragma once

#include <vector>

#include "core/dsp/wide.h"

namespace core {

/// Features of frames: feature f of lane l is at data + f stride + l. Frames follow each other by L.
struct Features {
  Sample* data = nullptr;
  std::ptrdiff_t stride = 0;
};

/// Several runs of features that act as one input.
struct FeatureRun {
  Features at;
  int count = 0;
};

class Panels {
 public:
  Panels() = default;
  /// weights: rows x columns, row-major; missing rows of the last panel are zero.
  Panels(const Sample* weights, int rows, int columns) : rows_(rows), columns_(columns) {
    packed_.resize(static_cast<std::size_t>(panels() * columns * kWide));
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < columns; ++c)
        packed_[static_cast<std::size_t>(((r / kWide) * columns + c) * kWide + r % kWide)] = weights[r * columns + c];
  }
  /// The matrix with rows and columns changed over.
  Panels transposed() const {
    Panels t;
    t.rows_ = columns_;
    t.columns_ = rows_;
    t.packed_.resize(static_cast<std::size_t>(t.panels() * t.columns_ * kWide));
    for (int r = 0; r < rows_; ++r)
      for (int c = 0; c < columns_; ++c)
        t.packed_[static_cast<std::size_t>(((c / kWide) * rows_ + r) * kWide + c % kWide)] =
            packed_[static_cast<std::size_t>(((r / kWide) * columns_ + c) * kWide + r % kWide)];
    return t;
  }
  int rows() const { return rows_; }
  int columns() const { return columns_; }
  int panels() const { return (rows_ + kWide - 1) / kWide; }

  /// y[r] = bias[r] + sum of W[r][c] x[c] for the rows of panels [from, to). bias may be null.
  template <int L>
  void apply(int from, int to, const Sample* bias, std::span<const FeatureRun> x, const Features& y) const {
    if constexpr (L == 1) {
      applyOne(from, to, bias, x, y);
    } else {
      int p = from;
      for (; p + 3 <= to; p += 3) applyTile<L, 3>(p, bias, x, y);
      if (to - p == 2) applyTile<L, 2>(p, bias, x, y);
      if (to - p == 1) applyTile<L, 1>(p, bias, x, y);
    }
  }

  /// dx[c] += sum over rows of W[r][c] dy[r]; both contiguous, [feature][lane]; dy padded to panels.
  template <int L>
  void applyTransposed(const Sample* dy, Sample* dx) const {
    for (int p = 0; p < panels(); ++p) {
      const Sample* w = panel(p);
      if constexpr (L == 1) {
        const Wide d = load<kWide>(dy + p * kWide);
        for (int c = 0; c < columns_; ++c) dx[c] += sumOf(load<kWide>(w + c * kWide) * d);
      } else {
        Vec<L> d[kWide];
        for (int j = 0; j < kWide; ++j) d[j] = load<L>(dy + (p * kWide + j) * L);
        for (int c = 0; c < columns_; ++c) {
          Vec<L> sum = load<L>(dx + c * L);
          for (int j = 0; j < kWide; ++j) sum = multiplyAdd<L>(splat<L>(w[c * kWide + j]), d[j], sum);
          store<L>(dx + c * L, sum);
        }
      }
    }
  }

 private:
  const Sample* panel(int p) const { return &packed_[static_cast<std::size_t>(p * columns_ * kWide)]; }
  Wide biasOf(const Sample* bias, int p) const {
    Wide b = splat<kWide>(0);
    for (int j = 0; bias && j < std::min(kWide, rows_ - p * kWide); ++j) b[j] = bias[p * kWide + j];
    return b;
  }

  /// Several lanes: `Group` panels by four lanes at a time, the most sums that fit the registers; vectors of
  /// weights, for a lane's number fills a vector once for all of them. (Rows by lanes, eight sums of eight lanes,
  /// reached 67 to 83 of the 97 GFLOP/s of this.) Neither inlined nor with loops left to the compiler: GCC 12
  /// then stores all sums in every turn, which halves the speed or worse.
  template <int L, int Group>
  [[gnu::noinline]] void applyTile(int p, const Sample* bias, std::span<const FeatureRun> x, const Features& y) const {
    constexpr int kLanes = 4;
    alignas(32) Sample beyond[L];  // for rows that pad the last panel
    for (int first = 0; first < L; first += kLanes) {
      Wide sum[Group][kLanes];
#pragma GCC unroll 4
      for (int g = 0; g < Group; ++g) {
        const Wide start = biasOf(bias, p + g);
#pragma GCC unroll 4
        for (int l = 0; l < kLanes; ++l) sum[g][l] = start;
      }
      const Sample* w = panel(p);
      for (const FeatureRun& run : x)
        for (int c = 0; c < run.count; ++c, w += kWide) {
          const Sample* lanes = run.at.data + c * run.at.stride + first;
#pragma GCC unroll 4
          for (int l = 0; l < kLanes; ++l) {
            const Wide v = splat<kWide>(lanes[l]);
#pragma GCC unroll 4
            for (int g = 0; g < Group; ++g)
              sum[g][l] = multiplyAdd<kWide>(load<kWide>(w + g * columns_ * kWide), v, sum[g][l]);
          }
        }
#pragma GCC unroll 4
      for (int g = 0; g < Group; ++g) {
        Sample* rows[kWide];
        for (int j = 0, row = (p + g) * kWide; j < kWide; ++j, ++row)
          rows[j] = row < rows_ ? y.data + row * y.stride : beyond;
        storeFourColumns(sum[g], rows, first);
      }
    }
  }

  /// One lane: `Group` panels at a time, so that their sums hide each other's latency.
  void applyOne(int from, int to, const Sample* bias, std::span<const FeatureRun> x, const Features& y) const {
    int p = from;
    for (; p + 8 <= to; p += 8) applyGroup<8>(p, bias, x, y);
    for (; p + 4 <= to; p += 4) applyGroup<4>(p, bias, x, y);
    for (; p < to; ++p) applyGroup<1>(p, bias, x, y);
  }
  template <int Group>
  void applyGroup(int p, const Sample* bias, std::span<const FeatureRun> x, const Features& y) const {
    Wide sum[Group];
    for (int g = 0; g < Group; ++g) sum[g] = biasOf(bias, p + g);
    const Sample* w = panel(p);
    for (const FeatureRun& run : x)
      for (int c = 0; c < run.count; ++c, w += kWide) {
        const Wide v = splat<kWide>(run.at.data[c * run.at.stride]);
        for (int g = 0; g < Group; ++g) sum[g] = multiplyAdd<kWide>(load<kWide>(w + g * columns_ * kWide), v, sum[g]);
      }
    alignas(32) Sample results[Group * kWide];  // not one by one out of the sums: they would stay in memory
    for (int g = 0; g < Group; ++g) store<kWide>(results + g * kWide, sum[g]);
    for (int i = 0; i < std::min(Group * kWide, rows_ - p * kWide); ++i)
      y.data[(p * kWide + i) * y.stride] = results[i];
  }

  int rows_ = 0, columns_ = 0;
  std::vector<Sample> packed_;
};

}  // namespace core
