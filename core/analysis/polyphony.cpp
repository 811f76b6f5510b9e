// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/polyphony.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/analysis/peaks.h"
#include "core/analysis/quantile.h"
#include "core/analysis/stft.h"

namespace core {
namespace {
constexpr double kWindow = 0.15, kHop = 0.064;            // s; windows are the next power of two long
constexpr double kLoud = 20, kTonal = 0.5;                // dB under the loudest moment; share of power in peaks
constexpr double kLowestPitch = 25, kHighestPeak = 5000;  // Hz
constexpr int kPartials = 12;                             // higher ones say little: stiff strings leave the series
constexpr double kSame = 0.03;                            // of a frequency: the same note
// the second series: against the first, the weight of its own partials and the level of its loudest
constexpr double kSecondWeight = 0.15, kSecondUnder = 15;
constexpr double kAbsent = 0.8;  // what an absent partial costs, of a usual one's weight
// a note that rings on, or has not begun, lies so many dB under what it has within so many s before and after
constexpr double kDrop = 3, kBefore = 1.0, kAfter = 0.4;
/// Recordings of one voice reach 0.07 in a lively room, of two mostly 0.14 and more; a loud echo counts as a voice.
constexpr double kSeveral = 0.12;
constexpr int kFewestMoments = 4;

/// A harmonic series in a moment's peaks.
struct Series {
  double f0 = 0, weight = 0;         ///< Hz (0: none); how much speaks for it
  std::vector<std::size_t> members;  ///< indices of the peaks that are its partials, the loudest of each
};

/// Amplitudes are compressed, so that one loud partial does not decide.
double weightOf(const SpectralPeak& p) { return std::pow(p.power, 0.25); }

/// Which partial of f0 a peak is; 0: none. Stiff strings are sharp.
int partialOf(double hertz, double f0, double binHertz) {
  const double k = std::round(hertz / f0), off = hertz / f0 - k;
  if (k < 1 || k > kPartials) return 0;
  const double within = std::max(std::min(kSame * k, 0.12), std::min(1.2 * binHertz / f0, 0.2));
  return off > -within && off < within + 2e-4 * k * k * k ? static_cast<int>(k) : 0;
}

/// Whether two pitches are an octave, a twelfth ... apart: where the odd partials are weak, the first series may be
/// an octave too high, and the second its own lower octave.
bool inUnison(double a, double b) {
  const double ratio = std::max(a / b, b / a);
  return std::abs(ratio - std::round(ratio)) < 0.04 * ratio;
}

/// The series of f0 among the peaks that are not `taken`. Partials that are taken speak neither for nor against it.
Series seriesOf(const std::vector<SpectralPeak>& peaks, const std::vector<bool>& taken, double f0, double binHertz) {
  struct Partial {
    double weight = 0;
    std::size_t peak = 0;
    bool shared = false;
  };
  std::array<Partial, kPartials + 1> partials;
  int last = 0;
  for (std::size_t i = 0; i < peaks.size(); ++i) {
    const int k = partialOf(peaks[i].hertz, f0, binHertz);
    if (k == 0) continue;
    Partial& p = partials[static_cast<std::size_t>(k)];
    p.shared = p.shared || taken[i];
    if (taken[i] || weightOf(peaks[i]) <= p.weight) continue;
    p.weight = weightOf(peaks[i]);
    p.peak = i;
    last = std::max(last, k);
  }
  Series s{f0, 0, {}};
  double sum = 0, absent = 0;
  for (std::size_t k = 1; k <= static_cast<std::size_t>(last); ++k) {
    sum += partials[k].weight;
    if (partials[k].weight > 0)
      s.members.push_back(partials[k].peak);
    else
      absent += partials[k].shared ? 0 : 1;
  }
  if (last > 0) s.weight = sum - kAbsent * absent * sum / static_cast<double>(s.members.size());
  return s;
}

/// The series that most speaks for, one of whose lowest `lowest` partials is a peak that is not taken.
Series bestSeries(const std::vector<SpectralPeak>& peaks, const std::vector<bool>& taken, double binHertz, int lowest,
                  double notInUnisonWith) {
  Series best;
  for (std::size_t i = 0; i < peaks.size(); ++i)
    for (int n = 1; n <= lowest && !taken[i] && peaks[i].hertz / n >= kLowestPitch; ++n) {
      if (notInUnisonWith > 0 && inUnison(peaks[i].hertz / n, notInUnisonWith)) continue;
      Series s = seriesOf(peaks, taken, peaks[i].hertz / n, binHertz);
      if (s.weight > best.weight) best = std::move(s);
    }
  return best;
}

/// Whether two series are one of a common root, whose other partials are there too.
bool isOneSeries(const std::vector<SpectralPeak>& peaks, double a, double b, double binHertz) {
  for (int p = 2; p <= 4; ++p) {
    const double root = a / p, multiple = std::round(b / root);
    const int q = static_cast<int>(multiple);
    if (std::abs(b / root - multiple) > kSame * multiple || std::gcd(p, q) != 1) continue;
    const auto others = std::count_if(peaks.begin(), peaks.end(), [&](const SpectralPeak& peak) {
      const int k = partialOf(peak.hertz, root, binHertz);
      return k > 0 && std::gcd(k, p * q) == 1;
    });
    if (others >= 2) return true;
  }
  return false;
}

/// Two notes at a moment, and the bins of the second one's own partials.
struct Pair {
  double first = 0, second = 0;  ///< Hz; 0: there are not two
  std::vector<std::size_t> bins;

  bool operator==(const Pair& other) const {
    const auto same = [](double a, double b) { return std::abs(a / b - 1) < kSame; };
    if (second == 0 || other.second == 0) return false;
    return (same(first, other.first) && same(second, other.second)) ||
           (same(first, other.second) && same(second, other.first));
  }
};
Pair pairOf(const std::vector<SpectralPeak>& peaks, double binHertz) {
  std::vector<bool> taken(peaks.size(), false);
  const Series first = bestSeries(peaks, taken, binHertz, 6, 0);
  if (first.f0 == 0) return {};
  for (std::size_t i = 0; i < peaks.size(); ++i)
    taken[i] = partialOf(peaks[i].hertz, first.f0, binHertz) > 0 || peaks[i].hertz > (kPartials + 0.5) * first.f0;
  const Series second = bestSeries(peaks, taken, binHertz, 3, first.f0);
  if (second.members.size() < 2 || second.weight < kSecondWeight * first.weight) return {};
  const auto loudest = [&](const Series& s) {
    double most = 0;
    for (const std::size_t i : s.members) most = std::max(most, peaks[i].power);
    return most;
  };
  if (loudest(second) < loudest(first) * std::pow(10, -kSecondUnder / 10)) return {};
  if (isOneSeries(peaks, first.f0, second.f0, binHertz)) return {};
  Pair pair{first.f0, second.f0, {}};
  for (const std::size_t i : second.members)
    pair.bins.push_back(static_cast<std::size_t>(std::lround(peaks[i].hertz / binHertz)));
  return pair;
}

/// Pairs by moment, and how many moments are loud and tonal.
struct Moments {
  std::vector<Pair> pairs;
  int tonal = 0;
};
Moments listenFor(const Spectrogram& s, double binHertz, const std::function<bool()>& stop) {
  std::vector<double> power;
  for (int t = 0; t < s.frames; ++t) {
    const auto row = s.row(t);
    power.push_back(std::inner_product(row.begin(), row.end(), row.begin(), 0.0));
  }
  const double least = *std::max_element(power.begin(), power.end()) * std::pow(10, -kLoud / 10);
  Moments m;
  m.pairs.resize(power.size());
  for (std::size_t t = 0; t < power.size() && !(stop && stop()); ++t) {
    if (power[t] < least || power[t] <= 0) continue;
    const SpectralPeaks found = findPeaks(s.row(static_cast<int>(t)), binHertz, kHighestPeak);
    if (found.share < kTonal) continue;
    ++m.tonal;
    m.pairs[t] = pairOf(found.peaks, binHertz);
  }
  return m;
}

/// dB by which the second note of moment t is softer than around it.
double dropAt(const Spectrogram& s, int t, const Pair& pair) {
  const auto level = [&s](int frame, std::size_t k) {
    const auto row = s.row(frame);
    return std::max({row[k - 1], row[k], row[k + 1]});
  };
  std::vector<double> drops;
  for (const std::size_t k : pair.bins) {
    double most = 0;
    for (int u = std::max(0, t - static_cast<int>(kBefore / kHop));
         u <= std::min(s.frames - 1, t + static_cast<int>(kAfter / kHop)); ++u)
      most = std::max(most, level(u, k));
    drops.push_back(20 * std::log10(most / level(t, k)));
  }
  return quantile(drops, 0.5);
}
}  // namespace

double polyphonicShare(std::span<const double> x, double rate, const std::function<bool()>& stop) {
  const int size = static_cast<int>(std::bit_ceil(static_cast<unsigned>(std::max(16.0, kWindow * rate))));
  const Spectrogram s = spectrogram(x, size, std::max(1, static_cast<int>(kHop * rate)));
  const Moments moments = listenFor(s, rate / size, stop);
  const std::vector<Pair>& pairs = moments.pairs;
  const int count = static_cast<int>(pairs.size()), hold = static_cast<int>(kBefore / kHop);
  const auto pairAt = [&pairs](int t) -> const Pair& { return pairs[static_cast<std::size_t>(t)]; };
  std::vector<bool> full(pairs.size(), false);  // the second note is as loud as it gets
  int several = 0;
  for (int t = 0; t < count; ++t) {
    const Pair& pair = pairAt(t);
    const auto same = [&](int u) {
      return u >= 0 && u < count && std::abs(pairAt(u).second / pair.second - 1) < kSame;
    };
    const bool lasts = pair.second > 0 && (same(t - 1) || same(t + 1));
    if (!lasts) continue;
    full[static_cast<std::size_t>(t)] = dropAt(s, t, pair) <= kDrop;
    // a chord that dies away was one when it was full; a note that rings on in a room was alone
    for (int u = std::max(0, t - hold); u <= t; ++u)
      if (full[static_cast<std::size_t>(u)] && pairAt(u) == pair) {
        ++several;
        break;
      }
  }
  return several >= kFewestMoments ? static_cast<double>(several) / moments.tonal : 0;
}

bool isPolyphonic(std::span<const double> x, double rate, const std::function<bool()>& stop) {
  return polyphonicShare(x, rate, stop) > kSeveral;
}

}  // namespace core
