// SPDX-License-Identifier: GPL-3.0-or-later
// Pitch knobs: what a spectral loss does not lead to is tried out.
#include <algorithm>
#include <cmath>

#include "core/fit/runner.h"

namespace core {
namespace {
constexpr double kFarCents[] = {-60, -42, -27, -13, 13, 27, 42, 60}, kNearCents[] = {-9, -5, -2.5, -1, 1, 2.5, 5, 9},
                 kFineCents[] = {-0.8, -0.55, -0.35, -0.2, 0.2, 0.35, 0.55, 0.8};
constexpr double kDetune = 64;                       ///< cents, the farthest two pitches are moved apart
constexpr double kBands[] = {1, 2.5, 6, 20};         ///< ceilings of the spectra listened to, times the first
constexpr double kFirstBand = 2.5, kLowPitch = 120;  ///< times the pitch; Hz
constexpr double kFlat = 1e-2;                       ///< floor under the peak
constexpr std::size_t kTried = 3;                    ///< detunings followed further
constexpr int kRounds = 3;
}  // namespace

/// Pitch knobs tried around where they are, together and then each alone, far and then near: what a
/// pitch tracker says of a chord or of detuned oscillators is not exact, and a spectral loss leads
/// only over its last few cents.
FitRunner::Values FitRunner::scanPitch(Values x) {
  std::vector<const FitEntry*> pitches;
  for (const FitEntry& e : space_->entries())
    if (e.pitch && e.parameter >= 0) pitches.push_back(&e);
  if (!lanes_ || pitches.empty()) return x;
  const LogSpectralResidual loss = makePitchResidual(0.5 * patch_.rate);
  const auto value = [&](std::span<const Sample> sound) { return loss.value(sound, stop_); };
  std::vector<Candidate> best{{x, 0}};
  judge(best, value);
  const auto scan = [&](std::span<const double> cents, std::span<const FitEntry* const> moved) {
    std::vector<Candidate> tried;
    for (const double c : cents) {
      tried.push_back(best.front());
      for (const FitEntry* e : moved) tried.back().x[e->first] += c / e->cents;
      space_->clamp(tried.back().x);
    }
    judge(tried, value);
    for (Candidate& c : tried)
      if (c.loss < best.front().loss) best.front() = std::move(c);
  };
  for (const auto& cents : {kFarCents, kNearCents, kFineCents}) {
    const std::span<const double> offsets(cents, std::size(kFarCents));
    if (!stopped()) scan(offsets, pitches);
    for (std::size_t i = 0; pitches.size() > 1 && i < pitches.size() && !stopped(); ++i)
      scan(offsets, {&pitches[i], 1});
  }
  return best.front().x;
}

/// The lowest of the candidates that lie lower than both of their neighbours.
std::vector<FitRunner::Candidate> FitRunner::valleys(const std::vector<Candidate>& row) {
  std::vector<Candidate> found;
  for (std::size_t i = 0; i < row.size(); ++i)
    if ((i == 0 || row[i].loss <= row[i - 1].loss) && (i + 1 == row.size() || row[i].loss <= row[i + 1].loss))
      found.push_back(row[i]);
  std::stable_sort(found.begin(), found.end(), lower);
  if (found.size() > kTried) found.resize(kTried);
  return found;
}

/// Two tones close together beat, and the loss over their distance has a valley for every beat more or
/// less: at frequency f over a note of T seconds a cycle is 1731 / (f T) cents wide. So distances are
/// tried in steps that hit the valley of the lowest partials, and the best are followed by least
/// squares on the pitches alone under a rising ceiling, where each valley leads into the next.
FitRunner::Candidate FitRunner::scanDetunes(Candidate from, const LossOf& value, const Until& until) {
  std::vector<const FitEntry*> pitches;
  for (const FitEntry& e : space_->entries())
    if (e.pitch && e.parameter >= 0) pitches.push_back(&e);
  if (!lanes_ || pitches.empty() || over(until)) return from;
  double seconds = 0.1;
  for (const Note& n : patch_.phrase) seconds = std::max(seconds, n.length);
  const double first = kFirstBand * std::max(analysis_.f0, kLowPitch);
  const double step = std::clamp(0.25 * 1731 / (first * seconds), 0.4, 3.0);
  std::vector<LogSpectralResidual> bands;
  for (const double ceiling : kBands) bands.push_back(makePitchResidual(ceiling * first));
  const auto lowest = [&](std::span<const Sample> sound) { return bands[0].value(sound, stop_); };
  // a single pitch may beat with one that is locked
  const std::size_t apart = pitches.size() > 1 ? 1 : 0;
  for (std::size_t a = 0; a < pitches.size(); ++a)
    for (std::size_t b = a + apart; b < pitches.size() && !over(until); ++b) {
      std::vector<Candidate> found;
      for (double cents = -kDetune; cents <= kDetune && !over(until);) {
        std::vector<Candidate> tried;
        for (int i = 0; i < lanes_->size(); ++i, cents += step) {
          tried.push_back(from);
          // the two away from each other, or the one
          tried.back().x[pitches[a]->first] += cents / 2 / pitches[a]->cents;
          tried.back().x[pitches[b]->first] -= (a == b ? -cents : cents) / 2 / pitches[b]->cents;
          space_->clamp(tried.back().x);
        }
        judge(tried, lowest);
        for (Candidate& c : tried) found.push_back(std::move(c));
        report();
      }
      if (found.empty()) return from;
      found = valleys(found);
      for (Candidate& c : found) c = solve(std::move(c), bands[0], until, kRounds, true);
      judge(found, [&](std::span<const Sample> sound) { return bands[1].value(sound, stop_); });
      Candidate best = *std::min_element(found.begin(), found.end(), lower);
      for (const LogSpectralResidual& band : std::span(bands).subspan(1))
        best = solve(std::move(best), band, until, kRounds, true);
      found = {std::move(best)};
      found.push_back(from);
      judge(found, value);
      for (const Candidate& c : found)
        if (c.loss < from.loss) from = c;
    }
  return from;
}

/// Long windows alone, up to a ceiling in Hz.
LogSpectralResidual FitRunner::makePitchResidual(double ceiling) {
  ResidualOptions o;
  o.sizes = {lossSizes(patch_.rate, 0).back()};
  o.epsilon = kFlat * loud();
  o.bend = 0.5;
  o.highest = std::min(0.5, ceiling / patch_.rate);
  std::optional<LogSpectralResidual> made;
  during([&] { made.emplace(target_, o, stop_); });
  return std::move(*made);
}

}  // namespace core
