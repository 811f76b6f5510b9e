// SPDX-License-Identifier: GPL-3.0-or-later
// A weight matrix times the features of one frame: what a neural layer costs live, and what the
// steps of a recurrent layer cost everywhere. Rows lie in panels of 24, [panel][input][row], so that a
// vector of weights serves every lane and weights are read one after the other. Every output is summed in
// the order of its inputs with one rounding a step, whatever the lane count and wherever the work is
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
  /// weights: rows x columns, row-major; rows that the last vector of the last panel lacks are zero.
  Panels(const Sample* weights, int rows, int columns) : Panels(rows, columns) {
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < columns; ++c) packed_[place(r, c)] = weights[r * columns + c];
  }
  /// The matrix with rows and columns changed over.
  Panels transposed() const {
    Panels t(columns_, rows_);
    for (int r = 0; r < rows_; ++r)
      for (int c = 0; c < columns_; ++c) t.packed_[t.place(c, r)] = packed_[place(r, c)];
    return t;
  }
  int rows() const { return rows_; }
  int columns() const { return columns_; }
  int panels() const { return (rows_ + kRows - 1) / kRows; }

  /// y[r] = bias[r] + sum of W[r][c] x[c] for the rows of panels [from, to). bias may be null.
  template <int L>
  void apply(int from, int to, const Sample* bias, std::span<const FeatureRun> x, const Features& y) const {
    int p = from;
    if constexpr (L == 1)
      for (; p + 3 <= to && vectorsOf(p + 2) == kVectors; p += 3) applyOne<3, kVectors>(p, bias, x, y);
    for (; p < to; ++p) {
      const int vectors = vectorsOf(p);
      if (vectors == 3) applyPanel<L, 3>(p, bias, x, y);
      if (vectors == 2) applyPanel<L, 2>(p, bias, x, y);
      if (vectors == 1) applyPanel<L, 1>(p, bias, x, y);
    }
  }

 private:
  static constexpr int kVectors = 3;  ///< of a panel; the last one may have less
  static constexpr int kRows = kVectors * kWide;

  Panels(int rows, int columns) : rows_(rows), columns_(columns) {
    packed_.resize(static_cast<std::size_t>((rows + kWide - 1) / kWide * kWide * columns));
  }
  int vectorsOf(int p) const { return std::min(kVectors, (rows_ - p * kRows + kWide - 1) / kWide); }
  std::size_t place(int row, int column) const {
    const int p = row / kRows;
    return static_cast<std::size_t>(p * kRows * columns_ + column * vectorsOf(p) * kWide + row % kRows);
  }
  const Sample* panel(int p) const { return &packed_[static_cast<std::size_t>(p * kRows * columns_)]; }
  /// Of the rows from `row` on.
  Wide biasOf(const Sample* bias, int row) const {
    if (bias && row + kWide <= rows_) return load<kWide>(bias + row);
    Wide b = splat<kWide>(0);
    for (int j = 0; bias && j < std::min(kWide, rows_ - row); ++j) b[j] = bias[row + j];
    return b;
  }
  template <int L, int Vectors>
  void applyPanel(int p, const Sample* bias, std::span<const FeatureRun> x, const Features& y) const {
    if constexpr (L == 1) {
      applyOne<1, Vectors>(p, bias, x, y);
    } else {
      applyTile<L, Vectors>(p, bias, x, y);
    }
  }

  /// Several lanes: a panel by four lanes at a time, the most sums that fit the registers; vectors of
  /// weights, for a lane's number fills a vector once for all of them. (Rows by lanes, eight sums of eight lanes,
  /// reached 67 to 83 of the 97 GFLOP/s of this.) Neither inlined nor with loops left to the compiler: GCC 12
  /// then stores all sums in every turn, which halves the speed or worse.
  template <int L, int Vectors>
  [[gnu::noinline]] void applyTile(int p, const Sample* bias, std::span<const FeatureRun> x, const Features& y) const {
    constexpr int kLanes = 4;
    alignas(32) Sample beyond[L];  // for rows that pad the last vector
    for (int first = 0; first < L; first += kLanes) {
      Wide sum[Vectors][kLanes];
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) {
        const Wide start = biasOf(bias, p * kRows + v * kWide);
#pragma GCC unroll 4
        for (int l = 0; l < kLanes; ++l) sum[v][l] = start;
      }
      const Sample* w = panel(p);
      for (const FeatureRun& run : x)
        for (int c = 0; c < run.count; ++c, w += Vectors * kWide) {
          const Sample* lanes = run.at.data + c * run.at.stride + first;
#pragma GCC unroll 4
          for (int l = 0; l < kLanes; ++l) {
            const Wide number = splat<kWide>(lanes[l]);
#pragma GCC unroll 4
            for (int v = 0; v < Vectors; ++v)
              sum[v][l] = multiplyAdd<kWide>(load<kWide>(w + v * kWide), number, sum[v][l]);
          }
        }
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) {
        Sample* rows[kWide];
#pragma GCC unroll 8
        for (int j = 0, row = p * kRows + v * kWide; j < kWide; ++j, ++row)
          rows[j] = row < rows_ ? y.data + row * y.stride : beyond;
        storeFourColumns(sum[v], rows, first);
      }
    }
  }

  /// One lane: several panels at a time, so that their sums hide each other's latency.
  template <int Group, int Vectors>
  void applyOne(int p, const Sample* bias, std::span<const FeatureRun> x, const Features& y) const {
    Wide sum[Group][Vectors];
    for (int g = 0; g < Group; ++g)
      for (int v = 0; v < Vectors; ++v) sum[g][v] = biasOf(bias, (p + g) * kRows + v * kWide);
    const Sample* w = panel(p);
    const std::ptrdiff_t next = kRows * columns_;  // to the next panel
    for (const FeatureRun& run : x)
      for (int c = 0; c < run.count; ++c, w += Vectors * kWide) {
        const Wide number = splat<kWide>(run.at.data[c * run.at.stride]);
#pragma GCC unroll 4
        for (int g = 0; g < Group; ++g)
#pragma GCC unroll 4
          for (int v = 0; v < Vectors; ++v)
            sum[g][v] = multiplyAdd<kWide>(load<kWide>(w + g * next + v * kWide), number, sum[g][v]);
      }
    alignas(32) Sample results[Group * Vectors * kWide];  // not one by one out of the sums: they would stay in memory
    for (int g = 0; g < Group; ++g)
      for (int v = 0; v < Vectors; ++v) store<kWide>(results + (g * Vectors + v) * kWide, sum[g][v]);
    for (int i = 0; i < std::min(Group * Vectors * kWide, rows_ - p * kRows); ++i)
      y.data[(p * kRows + i) * y.stride] = results[i];
  }

  int rows_ = 0, columns_ = 0;
  std::vector<Sample> packed_;
};

}  // namespace core
