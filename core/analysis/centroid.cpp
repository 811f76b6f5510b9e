// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/centroid.h"

#include <algorithm>
#include <vector>

#include "core/analysis/compare.h"
#include "core/analysis/stft.h"

namespace core {

double spectralCentroid(const AudioData& audio, double rate) {
  constexpr int kSize = 2048, kHop = 512;
  constexpr double kUnderLoudest = 1e-4;  // power: 40 dB
  const Spectrogram s = spectrogram(monoAt(audio, rate), kSize, kHop);
  std::vector<double> power, centroid;
  for (int f = 0; f < s.frames; ++f) {
    double sum = 0, moment = 0, square = 0;
    for (int k = 0; k < s.bins; ++k) {
      const double x = s.row(f)[k];
      sum += x;
      moment += x * k;
      square += x * x;
    }
    power.push_back(square);
    centroid.push_back(sum > 0 ? moment / sum * rate / kSize : 0);
  }
  const double loudest = power.empty() ? 0 : *std::max_element(power.begin(), power.end());
  double sum = 0, count = 0;
  for (std::size_t f = 0; f < power.size(); ++f)
    if (loudest > 0 && power[f] >= kUnderLoudest * loudest) {
      sum += centroid[f];
      ++count;
    }
  return count > 0 ? sum / count : 0;
}

}  // namespace core
