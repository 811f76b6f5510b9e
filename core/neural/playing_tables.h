// SPDX-License-Identifier: GPL-3.0-or-later
// How an instrument is played, as tables that training writes and a node reads back: how loud its
// notes are by pitch and touch, and how they begin and end. Reading with its adjoint.
#pragma once

#include <algorithm>
#include <array>

#include "core/graph/sample.h"

namespace core {

/// Pitches of the tables: semitones from three octaves below C4 to four above.
inline constexpr int kTablePitches = 85;
inline constexpr Sample kTableLowest = -3;  ///< octaves from C4
/// Loudness of sustained frames by rank: softest, a quarter, the middle, three quarters, loudest.
inline constexpr int kTableQuantiles = 5;
inline constexpr std::array<double, kTableQuantiles> kTableRanks{0.02, 0.25, 0.5, 0.75, 0.98};
/// Contours: decibels against the sustained (attack) or the last (release) loudness, 250 a second, 300 ms.
inline constexpr int kContourFrames = 76;
inline constexpr double kContourRate = 250;

/// The tensors' names; training writes them into every node that has them.
inline constexpr const char* kQuantilesTensor = "loudness-quantiles";  ///< [pitch][rank], dB
inline constexpr const char* kCorrectionTensor = "level-correction";   ///< [pitch], dB
inline constexpr const char* kAttackTensor = "attack-contour";         ///< [frame], dB
inline constexpr const char* kReleaseTensor = "release-contour";       ///< [frame], dB

/// A place between two entries of a row that is straight between them and constant outside.
struct TablePlace {
  int first = 0;
  Sample weight = 0;   ///< of entry first + 1
  bool inside = true;  ///< moves with what is looked up

  TablePlace(Sample at, int entries) {
    const Sample last = static_cast<Sample>(entries - 1);
    inside = at > 0 && at < last;
    const Sample held = std::clamp(at, 0.0_s, last);
    first = std::min(static_cast<int>(held), entries - 2);
    weight = held - static_cast<Sample>(first);
  }
  static TablePlace pitch(Sample octaves) { return {(octaves - kTableLowest) * 12.0_s, kTablePitches}; }
  Sample read(const Sample* row, int stride = 1) const { return row[first * stride] + weight * slope(row, stride); }
  /// d read / d place, where `inside`.
  Sample slope(const Sample* row, int stride = 1) const { return row[(first + 1) * stride] - row[first * stride]; }
  /// Adds to the gradient of a row what a read of it got.
  void add(Sample* row, Sample d, int stride = 1) const {
    if (!row) return;
    row[first * stride] += d * (1.0_s - weight);
    row[(first + 1) * stride] += d * weight;
  }
};

/// Loudness (dB) at a pitch and a rank, bilinear; its slopes.
struct TableLoudness {
  TablePlace pitch, rank;
  Sample value, perOctave, perRank;

  /// rank: 0 the softest that was heard at this pitch, 1 the loudest.
  TableLoudness(const Sample* table, const TablePlace& at, Sample rankOf)
      : pitch(at), rank(rankOf * static_cast<Sample>(kTableQuantiles - 1), kTableQuantiles) {
    const Sample* row = table + pitch.first * kTableQuantiles;
    const Sample low = rank.read(row), high = rank.read(row + kTableQuantiles);
    const Sample lowSlope = rank.slope(row), highSlope = rank.slope(row + kTableQuantiles);
    value = low + pitch.weight * (high - low);
    perOctave = pitch.inside ? 12.0_s * (high - low) : 0.0_s;
    perRank = rank.inside
                  ? static_cast<Sample>(kTableQuantiles - 1) * (lowSlope + pitch.weight * (highSlope - lowSlope))
                  : 0.0_s;
  }
  void add(Sample* table, Sample d) const {
    if (!table) return;
    Sample* row = table + pitch.first * kTableQuantiles;
    rank.add(row, d * (1.0_s - pitch.weight));
    rank.add(row + kTableQuantiles, d * pitch.weight);
  }
};

}  // namespace core
