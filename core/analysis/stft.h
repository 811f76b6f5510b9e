// SPDX-License-Identifier: GPL-3.0-or-later
// Short-time spectra of a recording, for measuring (losses with an adjoint live in core/fit).
#pragma once

#include <span>
#include <vector>
#include <xtensor/xtensor.hpp>

namespace core {

/// Periodic Hann window.
std::vector<double> hannWindow(int size);

/// Magnitudes |X| by frame and bin.
struct Spectrogram {
  int frames = 0, bins = 0;
  xt::xtensor<double, 2> values;  ///< [frame][bin]

  std::span<const double> row(int frame) const {
    return {&values(static_cast<std::size_t>(frame), 0), static_cast<std::size_t>(bins)};
  }
};

/// Frames are centred at multiples of `hop` (zeros outside the signal): 1 + x.size() / hop of them.
/// Hann window, not normalised.
Spectrogram spectrogram(std::span<const double> x, int size, int hop);

}  // namespace core
