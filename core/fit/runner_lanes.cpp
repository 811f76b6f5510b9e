// SPDX-License-Identifier: GPL-3.0-or-later
// Candidates side by side in lanes: judged as they are, or as probes of a least-squares step.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/fit/runner.h"

namespace core {
namespace {
constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr double kProbe = 3e-3, kStep = 0.25, kProbeCents = 0.25, kStepCents = 15, kProbeLevel = 0.02, kStepLevel = 1;
constexpr double kDampings[] = {1e-3, 1e-2, 0.1, 1, 10, 100, 1e3, 1e4};  ///< tried around the last that helped
constexpr double kLengths[] = {1, 1.7};  ///< of the step: where the valley bends slowly, farther is better
constexpr double kEnough = 2e-3;         ///< of the loss: less won three times in a row ends a solve

std::size_t at(int i) { return static_cast<std::size_t>(i); }
}  // namespace

std::vector<LaneBank::Set> FitRunner::sets(const std::vector<Candidate>& candidates) {
  std::vector<LaneBank::Set> all;
  all.reserve(candidates.size());
  for (const Candidate& c : candidates) all.emplace_back(c.x);
  return all;
}

/// Renders the candidates side by side and sets their losses.
void FitRunner::judge(std::vector<Candidate>& candidates, const LossOf& loss) {
  during([&] {
    const std::vector<LaneBank::Set> all = sets(candidates);
    const auto sounds = lanes_->render(all, events_, static_cast<int>(target_.size()), stop_);
    inTwo([&](std::size_t first) {
      for (std::size_t c = first; c < candidates.size(); c += 2) candidates[c].loss = loss(sounds[c]);
    });
  });
  for (Candidate& c : candidates)
    if (stopped() || !std::isfinite(c.loss)) c.loss = kNever;
}

/// Knobs, depths and the elements of small tensors; or pitch knobs alone.
std::vector<FitRunner::Coordinate> FitRunner::coordinates(bool pitchesOnly) const {
  std::vector<Coordinate> all;
  for (const FitEntry& e : space_->entries()) {
    if (pitchesOnly && !(e.pitch && e.parameter >= 0)) continue;
    if (e.parameter >= 0) {
      all.push_back(e.pitch ? Coordinate{e.first, kProbeCents / e.cents, kStepCents / e.cents}
                            : Coordinate{e.first, kProbe, kStep});
      continue;
    }
    const NodeType& type = *gradient_->executor().plan().nodes[at(e.tensor.node)].type;
    const bool perLane = type.tensors[at(e.tensor.tensor)].sharing == Sharing::perLane;
    if (!perLane || e.count > kSmallTensor) continue;
    for (std::size_t i = 0; i < e.count; ++i) {
      // levels by their logarithm, other values by their usual size
      const double size = e.positive ? 1 : e.bent ? 0.5 : e.rate / 3e-4;
      all.push_back({e.first + i, kProbeLevel * size, kStepLevel * size});
    }
  }
  return all;
}

/// Points that different dampings lead to from x.
std::vector<FitRunner::Candidate> FitRunner::trials(const Values& x, const NormalEquations& equations,
                                                    const std::vector<Coordinate>& moved, double damping) const {
  // a value at its end that wants to go further stays there, and the others are solved without it
  Values inside = x;
  for (std::size_t j = 0; j < moved.size(); ++j)
    inside[moved[j].at] -= equations.slope[j] > 0 ? moved[j].probe : -moved[j].probe;
  space_->clamp(inside);
  std::vector<bool> fixed(moved.size());
  for (std::size_t j = 0; j < moved.size(); ++j) fixed[j] = inside[moved[j].at] == x[moved[j].at];
  std::vector<Candidate> tried;
  for (const double length : kLengths)
    for (std::size_t i = 0; i < std::size(kDampings) && tried.size() < at(lanes_->size()) && !stopped(); ++i) {
      const std::vector<double> step = dampedStep(equations, damping * kDampings[i], fixed);
      if (step.empty()) continue;
      Candidate c{x, damping * kDampings[i]};
      for (std::size_t j = 0; j < moved.size(); ++j)
        c.x[moved[j].at] += std::clamp(length * step[j], -moved[j].most, moved[j].most);
      space_->clamp(c.x);
      tried.push_back(std::move(c));
    }
  return tried;
}

/// Damped Gauss-Newton. The Jacobian comes from lanes: every coordinate is moved a little in a lane of
/// its own, so that it costs about two renders and needs no adjoint.
FitRunner::Candidate FitRunner::solve(Candidate from, const LogSpectralResidual& loss, const Until& until, int rounds,
                                      bool pitchesOnly) {
  const std::vector<Coordinate> moved = coordinates(pitchesOnly);
  if (!lanes_ || moved.empty() || over(until)) return from;
  const auto value = [&](std::span<const Sample> sound) { return loss.value(sound, stop_); };
  double damping = 1e-2;
  Candidate best{from.x, kNever};
  for (int round = 0, weak = 0; round < rounds && weak < 3 && !over(until); ++round) {
    NormalEquations equations;
    during([&] {
      std::vector<Candidate> all{best};
      std::vector<double> steps;
      all.reserve(moved.size() + 1);
      steps.reserve(moved.size());
      for (const Coordinate& c : moved) {
        if (stopped()) return;  // with tracks a copy is megabytes
        all.push_back(best);
        const double step = best.x[c.at] < 0.5 ? c.probe : -c.probe;  // away from the nearer end
        all.back().x[c.at] += step;
        steps.push_back(step);
      }
      const auto sounds = lanes_->render(sets(all), events_, static_cast<int>(target_.size()), stop_);
      if (!stopped()) equations = loss.equations(sounds[0], {&sounds[1], moved.size()}, steps, stop_);
    });
    if (stopped() || !std::isfinite(equations.value)) break;
    best.loss = equations.value;
    std::vector<Candidate> tried = trials(best.x, equations, moved, damping);
    if (tried.empty()) break;
    std::vector<double> dampings;
    dampings.reserve(tried.size());
    for (const Candidate& c : tried) dampings.push_back(c.loss);
    judge(tried, value);
    if (stopped()) break;
    const auto found = std::min_element(tried.begin(), tried.end(),
                                        [](const Candidate& a, const Candidate& b) { return a.loss < b.loss; });
    if (!pitchesOnly) {  // those are short, and see a part of the spectrum only
      ++state_.step;
      result_.curve.push_back(std::min(found->loss, best.loss));
      state_.loss = state_.best = result_.curve.back();
    }
    damping = dampings[at(static_cast<int>(found - tried.begin()))];
    weak = found->loss < (1 - kEnough) * best.loss ? 0 : weak + 1;
    if (!(found->loss < best.loss)) {
      damping *= 1e3;
      continue;
    }
    damping = std::clamp(damping, 1e-6, 1e4);
    best = *found;
    report(&best.x);
  }
  return best;
}

}  // namespace core
