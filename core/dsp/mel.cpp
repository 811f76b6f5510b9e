// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/dsp/mel.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace core {
namespace {
double melOf(double hertz) { return 2595 * std::log10(1 + hertz / 700); }
double hertzOf(double mel) { return 700 * (std::pow(10, mel / 2595) - 1); }

/// Integral up to f of the triangle that rises from low to 1 at centre and falls to high.
double area(double f, double low, double centre, double high) {
  f = std::clamp(f, low, high);
  const double rise = std::min(f, centre) - low, rest = high - std::max(f, centre);
  const double whole = 0.5 * (high - low);
  return f <= centre ? rise * rise / (2 * (centre - low)) : whole - rest * rest / (2 * (high - centre));
}
}  // namespace

MelBands::MelBands(double rate, int size, int bands, double lowest, double highest) {
  const double bin = rate / size, top = std::min(highest, 0.5 * rate), bottom = std::min(lowest, 0.5 * top);
  const double from = melOf(bottom), step = (melOf(top) - from) / (bands + 1);
  for (int b = 0; b < bands; ++b) {
    const double low = hertzOf(from + b * step), centre = hertzOf(from + (b + 1) * step),
                 high = hertzOf(from + (b + 2) * step);
    // bin k reaches half a bin to both sides
    const int first = static_cast<int>(std::floor(low / bin + 0.5));
    const int last = std::min(static_cast<int>(std::ceil(high / bin - 0.5)), size / 2);
    first_.push_back(first);
    at_.push_back(static_cast<int>(weights_.size()));
    for (int k = first; k <= last; ++k)
      weights_.push_back(static_cast<Sample>(
          (area((k + 0.5) * bin, low, centre, high) - area((k - 0.5) * bin, low, centre, high)) / bin));
    bins_ = std::max(bins_, last + 1);
  }
  at_.push_back(static_cast<int>(weights_.size()));
}

void MelBands::apply(const Sample* power, Sample* out) const {
  for (std::size_t b = 0; b < first_.size(); ++b) {
    const Sample* x = power + first_[b] - at_[b];
    Sample sum = 0;
    for (int i = at_[b]; i < at_[b + 1]; ++i) sum += weights_[static_cast<std::size_t>(i)] * x[i];
    out[b] = sum;
  }
}

void MelBands::applyTransposed(const Sample* dBands, Sample* dPower) const {
  for (std::size_t b = 0; b < first_.size(); ++b) {
    Sample* to = dPower + first_[b] - at_[b];
    for (int i = at_[b]; i < at_[b + 1]; ++i) to[i] += weights_[static_cast<std::size_t>(i)] * dBands[b];
  }
}

std::vector<Sample> cosineRows(int coefficients, int bands) {
  std::vector<Sample> rows;
  for (int k = 0; k < coefficients; ++k)
    for (int b = 0; b < bands; ++b)
      rows.push_back(static_cast<Sample>((k ? 2.0 : 1.0) / bands * std::cos(std::numbers::pi * k * (b + 0.5) / bands)));
  return rows;
}

int fastFftSize(int least) {
  int best = 8;
  while (best < least) best *= 2;
  for (const int odd : {3, 5}) {
    int size = 8 * odd;
    while (size < least) size *= 2;
    best = std::min(best, size);
  }
  return best;
}

}  // namespace core
