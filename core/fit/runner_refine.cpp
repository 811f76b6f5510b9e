// SPDX-License-Identifier: GPL-3.0-or-later
// The order of a fit's stages: least squares from many starts, then descent and scans around the best.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/fit/runner.h"

namespace core {
namespace {
constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr double kBlunt = 1e-2, kSharp = 1e-3, kQuiet = 1e-4;                    ///< floors under the peak
constexpr double kShakes[] = {0.1, 0.05, 0.2}, kPitchShakes[] = {2, 10, 25, 5};  ///< the latter in cents
constexpr double kPromising = 1.5;                                               ///< times the lowest loss
constexpr double kFalling = 0.8;                                                 ///< times the loss some rounds ago
constexpr double kDone = 2e-3;                                                   ///< about 0.03 dB a bin
constexpr double kLowPartials = 6, kLowPitch = 200;                              ///< times the pitch; Hz
constexpr int kShort = 5, kLong = 12;                                            ///< rounds

std::size_t at(int i) { return static_cast<std::size_t>(i); }
}  // namespace

FitRunner::Candidate FitRunner::refine(std::vector<Candidate> found, const std::vector<Values>& starts) {
  if (stopped()) return {starts[0], kNever};
  Candidate best = found.front();
  if (space_->hasLargeTensors()) return refineTracks(std::move(best));
  best = explore(found, starts);
  const auto byFine = [this](std::span<const Sample> sound) { return fine_->value(sound, stop_); };
  if (stopped() || done(best)) return best;
  state_.stage = "Fine";
  best = descend(best, *fine_, part(0.82), 0.5);
  for (const double share : {0.89, 0.97}) {
    if (over(part(share)) || done(best)) continue;
    best = scanValues(scanTimes(best, *fine_), byFine, false);
    state_.stage = "Fine";
    // a phase or a moment that now fits lets the knobs move on
    best = better(best, solve(best, makeResidual(kQuiet * loud(), 0.3), part(share), kLong));
    best = descend(best, *fine_, part(share), 0.25);
  }
  return best;
}

/// Moves that no small step makes: two nodes of one type take each other's values (two filters that
/// have each other's part), or a modulation turns round, alone or with its knob mirrored (a pulse as wide as it
/// should be narrow sounds the same until its width moves).
std::vector<FitRunner::Exchange> FitRunner::exchanges() {
  std::vector<Exchange> all;
  const auto& entries = space_->entries();
  const auto isKnob = [](const FitEntry& e) { return e.variable.kind == FitVariable::Kind::knob; };
  for (std::size_t a = 0; a < patch_.nodes.size(); ++a)
    for (std::size_t b = a + 1; b < patch_.nodes.size(); ++b) {
      if (patch_.nodes[a].type != patch_.nodes[b].type) continue;
      Exchange pair;
      for (const FitEntry& first : entries)
        for (const FitEntry& second : entries)
          if (isKnob(first) && isKnob(second) && first.variable.node == patch_.nodes[a].id &&
              second.variable.node == patch_.nodes[b].id && first.variable.row == second.variable.row)
            pair.swapped.emplace_back(first.first, second.first);
      if (!pair.swapped.empty()) all.push_back(std::move(pair));
    }
  for (const FitEntry& depth : entries) {
    if (depth.variable.kind != FitVariable::Kind::depth) continue;
    all.push_back({{}, {depth.first}});
    for (const FitEntry& knob : entries)
      if (isKnob(knob) && knob.variable.node == depth.variable.cable.to &&
          knob.variable.row == depth.variable.cable.input)
        all.push_back({{}, {depth.first, knob.first}});
  }
  std::shuffle(all.begin(), all.end(), random_);
  return all;
}

/// Where the i-th further start of the exploration lies: in turn what the search found, the best so far
/// with an exchange, and somewhere near the best or around where the fit began.
FitRunner::Values FitRunner::startNumber(int i, const std::vector<Candidate>& found, const Values& best,
                                         const Values& start) {
  const std::size_t own = at(i / 3);
  if (i % 3 == 0 && own < found.size()) return found[own].x;
  const bool exchanged = i % 3 == 1 && !exchanges_.empty();
  Values x = exchanged || (i % 3 == 1 || own % 2 == 1) ? best : start;
  if (exchanged) {
    const Exchange& e = exchanges_[own % exchanges_.size()];
    for (const auto& [a, b] : e.swapped) std::swap(x[a], x[b]);
    for (const std::size_t m : e.mirrored) x[m] = 1 - x[m];  // the range of a depth is as wide below zero
    if (own < exchanges_.size()) return x;
  }
  const double spread = kShakes[own % std::size(kShakes)], cents = kPitchShakes[own % std::size(kPitchShakes)];
  std::normal_distribution<double> gauss;
  for (const FitEntry& e : space_->entries())
    if (e.parameter >= 0) x[e.first] += gauss(random_) * (e.pitch ? cents / e.cents : spread);
  space_->clamp(x);
  return x;
}

/// Least squares from many starts. Each gets a few rounds; those that are then not far above the best
/// go on. What comes out lowest by the loss that decides wins.
FitRunner::Candidate FitRunner::explore(const std::vector<Candidate>& found, const std::vector<Values>& starts) {
  const LogSpectralResidual blunt = makeResidual(kBlunt * loud(), 1), sharp = makeResidual(kSharp * loud(), 0.5);
  // the lowest partials answer to a knob over more of its travel than the high ones
  const LogSpectralResidual low = makeResidual(kSharp * loud(), 0.5, kLowPartials * std::max(analysis_.f0, kLowPitch));
  const Until until = part(0.7);
  const auto bySharp = [&](std::span<const Sample> sound) { return sharp.value(sound, stop_); };
  const bool phases = std::any_of(space_->entries().begin(), space_->entries().end(),
                                  [](const FitEntry& e) { return e.parameter >= 0 && e.unit == Unit::cycles; });
  const int given = static_cast<int>(starts.size());
  int winner = 0;  // of the given starts
  Candidate best{starts[0], kNever};
  double lowest = kNever;  // of the least squares
  state_.stage = "Coarse";
  exchanges_ = exchanges();
  for (int i = 0; !over(until) && !done(best) && (lanes_ || i == 0); ++i) {
    Candidate c{i < given ? starts[at(i)] : startNumber(i - given, found, best.x, starts[at(winner)]), kNever};
    const bool exchanged = i >= given && (i - given) % 3 == 1 && !exchanges_.empty();
    if (!exchanged) c = solve(std::move(c), i % 2 == 1 ? blunt : low, until, kShort);
    c = solve(std::move(c), sharp, until, kShort);
    if (phases && c.loss < kPromising * lowest)
      c = solve(scanValues(std::move(c), bySharp, true), sharp, until, kShort);
    if (i < given || (exchanged && c.loss < kPromising * lowest)) {
      c = solve(scanDetunes(std::move(c), bySharp, until), sharp, until, kShort);
      if (!over(until)) c = std::min(c, solve({scanPitch(c.x), kNever}, sharp, until, kShort), lower);
    }
    for (double before = kNever; c.loss < kPromising * lowest && c.loss < kFalling * before && !over(until);) {
      before = c.loss;
      c = solve(std::move(c), sharp, until, kLong);
    }
    lowest = std::min(lowest, c.loss);
    if (stopped() || c.loss > kPromising * lowest) continue;
    keep(c);
    if (c.loss >= best.loss) continue;
    if (i < given) winner = i;
    best = std::move(c);
  }
  if (!lanes_ || over(part(0.8))) return best;
  // the last decibels: down to 80 dB under the peak
  return better(best, solve(best, makeResidual(kQuiet * loud(), 0.3), part(0.8), kLong));
}

/// The one that is lower by the loss that decides, which `best` has and `c` is given.
FitRunner::Candidate FitRunner::better(const Candidate& best, Candidate c) {
  if (!stopped()) keep(c);
  return !stopped() && c.loss < best.loss ? c : best;
}

/// What is near enough to the target that nobody could hear or measure the rest.
bool FitRunner::done(const Candidate& c) const { return c.loss < kDone; }

/// Tensors start from measurements, so one descent over everything follows them; knobs beside them
/// are solved for first and last.
FitRunner::Candidate FitRunner::refineTracks(Candidate best) {
  state_.stage = "Coarse";
  {
    const LogSpectralResidual blunt = makeResidual(kBlunt * loud(), 1);
    best = solve(std::move(best), blunt, part(0.1), kShort);
  }
  {
    const SpectralLoss smooth = makeLoss(lossOptions(LossKind::smooth, 1e-3));
    best = descend(best, smooth, part(0.14), 1);
  }
  keep(best);
  state_.stage = "Fine";
  best = descend(best, *fine_, part(0.4), 1);
  if (stopped()) return best;
  // down to the recording's own noise floor
  const LossOptions floor = lossOptions(LossKind::robust, std::max(1e-6, 0.02 * analysis_.noiseFloor));
  fine_.reset();
  const SpectralLoss last = makeLoss(floor);
  Candidate found = descend(best, last, part(0.97), 0.5);
  if (!stopped()) return found;
  kept_.x = found.x;
  return found;
}

}  // namespace core
