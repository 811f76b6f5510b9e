// SPDX-License-Identifier: GPL-3.0-or-later
// What a fit went through: the values it published, how far each was from the target. Bounded, so
// that a long fit of large tracks does not fill the memory.
#pragma once

#include <QString>
#include <cstddef>
#include <vector>

#include "ui/document.h"

namespace ui {

/// One published state of a fit.
struct FitMoment {
  QString stage;        ///< of the fit: "Coarse", "Fine", ...
  int step = 0;         ///< within the stage
  double seconds = 0;   ///< since the fit began
  double distance = 0;  ///< log-spectral, dB, the same measure in every stage
  PatchPointer patch;
};

class FitHistory {
 public:
  /// `most` moments and `bytes` of learned numbers are kept; when there are more, every second one
  /// between the first and the newest goes, so that the whole run stays covered.
  explicit FitHistory(std::size_t most = 240, std::size_t bytes = std::size_t{96} << 20) : most_(most), bytes_(bytes) {}

  void clear();
  void add(FitMoment moment);
  bool empty() const { return moments_.empty(); }
  int size() const { return static_cast<int>(moments_.size()); }
  const FitMoment& at(int index) const { return moments_[static_cast<std::size_t>(index)]; }
  const std::vector<FitMoment>& moments() const { return moments_; }
  /// Of the learned numbers kept, each shared tensor counted once.
  std::size_t bytes() const;

 private:
  void thin();

  std::size_t most_, bytes_;
  std::vector<FitMoment> moments_;
};

}  // namespace ui
