// SPDX-License-Identifier: GPL-3.0-or-later
// The means of a fit: candidates, descent, scans of times, phases and single values.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <thread>

#include "core/fit/optimizer.h"
#include "core/fit/runner.h"

namespace core {
namespace {
constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr int kPhases = 16;  ///< start phases tried in a cycle
constexpr double kOffsets[] = {-0.35, -0.2, -0.12, -0.07, -0.04, -0.02, -0.01, -0.004,
                               0.004, 0.01, 0.02,  0.04,  0.07,  0.12,  0.2,   0.35};  ///< of a knob's travel
constexpr double kPitchOffset = 150;                                                   ///< cents: the same of a pitch
constexpr double kPitchSpread = 2;                                                     ///< cents
constexpr double kSearchShare = 0.04;                                                  ///< of the budget
constexpr std::size_t kPool = 8;                                                       ///< candidates kept

std::size_t at(int i) { return static_cast<std::size_t>(i); }
int workers() { return std::thread::hardware_concurrency() > 1 ? 2 : 1; }
}  // namespace

LossOptions FitRunner::lossOptions(LossKind kind, double epsilon) const {
  LossOptions o;
  o.kind = kind;
  o.sizes = lossSizes(patch_.rate, analysis_.f0);
  o.epsilon = epsilon;
  o.threads = workers();
  return o;
}

/// Building a loss transforms the whole target: work as long as a step.
SpectralLoss FitRunner::makeLoss(const LossOptions& options) {
  std::optional<SpectralLoss> made;
  during([&] { made.emplace(target_, options, stop_); });
  return std::move(*made);
}

/// Every other window size, which is fine enough for least squares and half the work. Up to a ceiling in
/// Hz; 0: all of it.
LogSpectralResidual FitRunner::makeResidual(double epsilon, double bend, double ceiling) {
  ResidualOptions o;
  const std::vector<int> sizes = lossSizes(patch_.rate, analysis_.f0);
  for (std::size_t i = sizes.size(); i > 0; i -= std::min<std::size_t>(2, i)) o.sizes.push_back(sizes[i - 1]);
  o.epsilon = epsilon;
  o.bend = bend;
  if (ceiling > 0) o.highest = std::min(0.5, ceiling / patch_.rate);
  o.threads = workers();
  std::optional<LogSpectralResidual> made;
  during([&] { made.emplace(target_, o, stop_); });
  return std::move(*made);
}

double FitRunner::render(const Values& x, std::vector<Sample>& out) {
  space_->write(x, gradient_->executor(), 0);
  gradient_->executor().setEvents(events_);
  gradient_->forward(stop_);
  out.resize(target_.size());
  double sum = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int f = static_cast<int>(i);
    out[i] = 0.5_s * (gradient_->output(0, 0, f) + gradient_->output(1, 0, f));
    sum += static_cast<double>(out[i]) * static_cast<double>(out[i]);
  }
  return std::sqrt(sum / static_cast<double>(out.size()));
}

/// Loss of one set of values, and with `d` its derivative by the coordinates.
double FitRunner::evaluate(const Values& x, const SpectralLoss& loss, std::span<double> d) {
  double value = 0;
  during([&] {
    std::vector<Sample> sound, cotangent(target_.size());
    render(x, sound);
    value = loss.gradient(sound, cotangent, stop_);
    if (d.empty()) return;
    for (Sample& v : cotangent) v *= 0.5_s;
    gradient_->setCotangent(0, 0, cotangent);
    gradient_->setCotangent(1, 0, cotangent);
    gradient_->backward(stop_);
    space_->gather(*gradient_, x, 0, d);
  });
  return stopped() ? std::numeric_limits<double>::quiet_NaN() : value;
}

/// Sets the loss that decides, and remembers what a cancelled run gives back: the best by it.
void FitRunner::keep(Candidate& found) {
  found.loss = evaluate(found.x, *fine_, {});
  if (!std::isfinite(found.loss)) found.loss = kNever;
  if (found.loss < kept_.loss || !std::isfinite(kept_.loss)) kept_ = found;
}

/// Half of the candidates lie close to the start, half far; pitches stay near what was measured.
/// The first batch also holds the start itself and its octaves.
std::vector<FitRunner::Values> FitRunner::scatter(const Values& start, int batch) {
  std::normal_distribution<double> gauss;
  std::vector<Values> all;
  const int count = lanes_->size();
  for (int i = 0; i < count && !stopped(); ++i) {
    Values x = start;
    const double spread = i % 2 ? 0.06 : 0.25;
    for (const FitEntry& e : space_->entries()) {
      if (e.parameter < 0) continue;
      const double move = gauss(random_) * (e.pitch ? kPitchSpread / e.cents : spread);
      double u = x[e.first] + move;
      if (!e.circular && u < 0) u = -u;  // reflected, so that candidates do not pile up at an end
      if (!e.circular && u > 1) u = 2 - u;
      x[e.first] = u;
    }
    if (batch == 0 && i == 0) x = start;
    if (batch == 0 && (i == 1 || i == 2)) {
      x = start;
      shiftPitch(x, i == 1 ? 2 : 0.5);
    }
    space_->clamp(x);
    all.push_back(std::move(x));
  }
  return all;
}

/// Forward only: many candidates, the best first. Beside large tensors, which start from what was
/// measured, knobs are tried only shortly.
std::vector<FitRunner::Candidate> FitRunner::search(const std::vector<Values>& starts) {
  if (!lanes_ || stopped()) return {{starts[0], kNever}};
  state_.stage = "Searching";
  const SpectralLoss loss = makeLoss(lossOptions(LossKind::smooth, 1e-3));
  const auto value = [&](std::span<const Sample> sound) { return loss.value(sound, stop_); };
  const Until until = part(kSearchShare);
  const int most = options_.steps > 0 ? std::max(1, until.steps / 8) : 64;
  std::vector<Candidate> found;
  for (int batch = 0; batch < most && !stopped(); ++batch) {
    if (options_.steps == 0 && batch > 0 && elapsed() > until.seconds) break;
    std::vector<Candidate> candidates;
    for (Values& x : scatter(starts[at(batch) % starts.size()], batch)) candidates.push_back({std::move(x), 0});
    judge(candidates, value);
    for (Candidate& c : candidates) found.push_back(std::move(c));
    std::stable_sort(found.begin(), found.end(),
                     [](const Candidate& a, const Candidate& b) { return a.loss < b.loss; });
    if (found.size() > kPool) found.resize(kPool);
    state_.loss = state_.best = found.front().loss;
    report(&found.front().x);
  }
  if (found.empty()) found.push_back({starts[0], kNever});
  return found;
}

/// A value that nothing answers to at first may lie on a flat spot: it is moved once.
void FitRunner::wakeDead(Values& x, const Values& d, std::vector<int>& zeros) const {
  for (std::size_t i = 0; i < space_->entries().size(); ++i) {
    const FitEntry& e = space_->entries()[i];
    if (e.parameter < 0 || std::abs(d[e.first]) > 1e-12) continue;
    if (++zeros[i] == 3) x[e.first] += x[e.first] < 0.5 ? 0.05 : -0.05;
  }
}

FitRunner::Candidate FitRunner::descend(Candidate from, const SpectralLoss& loss, const Until& until, double scale) {
  Values x = from.x, d(space_->size()), rates = space_->rates();
  Candidate best{from.x, kNever};
  Adam adam(x.size());
  std::vector<int> zeros(space_->entries().size(), 0);
  const double begin = elapsed();
  const int first = state_.step;
  const bool bySteps = options_.steps > 0;
  while (!over(until)) {
    const double done = bySteps ? static_cast<double>(state_.step - first) / std::max(1, until.steps - first)
                                : (elapsed() - begin) / std::max(1e-3, until.seconds - begin);
    const double value = evaluate(x, loss, d);
    if (stopped()) break;
    ++state_.step;
    state_.loss = value;
    result_.curve.push_back(value);
    if (std::isfinite(value) && value < best.loss) {
      best = {x, value};
      if (&loss == fine_.get() && value < kept_.loss) kept_ = best;
    } else if (!std::isfinite(value)) {
      x = best.x;  // back to where it was finite, more slowly
      scale *= 0.5;
      adam.restart();
      continue;
    }
    state_.best = best.loss;
    report(&best.x);
    if (stopped()) break;
    adam.step(x, d, rates, scale * (0.02 + 0.98 * 0.5 * (1 + std::cos(3.14159265358979 * std::min(1.0, done)))));
    wakeDead(x, d, zeros);
    space_->clamp(x);
  }
  return best;
}

/// Start phases cannot be descended to from far away: each is tried all around, one after another.
/// Other values are tried some way off, in case the descent ended on the wrong side of a hill.
FitRunner::Candidate FitRunner::scanValues(Candidate from, const LossOf& value, bool phasesOnly) {
  if (!lanes_ || stopped()) return from;
  if (!phasesOnly) state_.stage = "Phase";
  const int clips = lanes_->size();
  std::vector<Candidate> own{from};
  judge(own, value);
  for (const FitEntry& e : space_->entries()) {
    if (e.parameter < 0) continue;
    const bool phase = e.unit == Unit::cycles;
    if (phasesOnly && !phase) continue;
    const double cycle = 1 / (e.range.max - e.range.min);
    const int count = phase ? kPhases : static_cast<int>(std::size(kOffsets));
    for (int batch = 0; batch < count && !stopped(); batch += clips) {
      std::vector<Candidate> tried;
      for (int i = batch; i < std::min(batch + clips, count); ++i) {
        tried.push_back(own.front());
        double& u = tried.back().x[e.first];
        u += phase ? cycle * i / kPhases : e.pitch ? kOffsets[i] * kPitchOffset / e.cents : kOffsets[i];
        if (phase && u > 1) u -= cycle;
        space_->clamp(tried.back().x);
      }
      judge(tried, value);
      for (const Candidate& c : tried)
        if (c.loss < own.front().loss) own.front() = c;
    }
  }
  return own.front();
}

/// Onset and release were measured to a few milliseconds; here they are moved as long as the loss
/// falls, by ever smaller steps.
FitRunner::Candidate FitRunner::scanTimes(Candidate from, const SpectralLoss& loss) {
  if (options_.keepPhrase || patch_.phrase.size() != 1 || ticks_ * kTick > 10 * patch_.rate) return from;
  state_.stage = "Phase";
  std::vector<Sample> sound;
  const auto lossAt = [&](const Note& note) {
    patch_.phrase = {note};
    playPhrase();
    return evaluate(from.x, loss, {});
  };
  Note best = patch_.phrase[0];
  from.loss = lossAt(best);
  for (const double step : {3e-3, 1e-3, 3e-4, 1e-4, 3e-5})
    for (const bool start : {true, false})
      for (const double sign : {1.0, -1.0})
        for (int moves = 0; moves < 4 && !stopped(); ++moves) {
          Note tried = best;
          if (start) {
            tried.start = std::max(0.0, tried.start + sign * step);
            tried.length = std::max(0.01, tried.length - sign * step);  // the release stays where it is
          } else {
            tried.length = std::max(0.01, tried.length + sign * step);
          }
          const double value = lossAt(tried);
          if (!(value < from.loss)) break;
          from.loss = value;
          best = tried;
        }
  lossAt(best);
  return from;
}

}  // namespace core
