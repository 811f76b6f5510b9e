// SPDX-License-Identifier: GPL-3.0-or-later
// The stages of a fit: candidates in lanes, coarse descent, fine descent, start phases.
#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>

#include "core/fit/optimizer.h"
#include "core/fit/runner.h"

namespace core {
namespace {
constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr int kPhases = 16;                                                        ///< start phases tried in a cycle
constexpr double kOffsets[] = {-0.2, -0.12, -0.07, -0.03, 0.03, 0.07, 0.12, 0.2};  ///< of a knob's travel

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

/// Loss of one set of values, and with `d` its derivative by the coordinates.
double FitRunner::evaluate(const Values& x, const SpectralLoss& loss, std::span<double> d) {
  std::vector<Sample> sound, cotangent(target_.size());
  render(x, sound);
  report();
  if (d.empty()) return loss.gradient(sound, cotangent, stop_);
  const double value = loss.gradient(sound, cotangent, stop_);
  report();
  for (Sample& v : cotangent) v *= 0.5_s;
  gradient_->setCotangent(0, 0, cotangent);
  gradient_->setCotangent(1, 0, cotangent);
  gradient_->backward(stop_);
  report();
  space_->gather(*gradient_, x, 0, d);
  return stopped() ? std::numeric_limits<double>::quiet_NaN() : value;
}

/// Half of the candidates lie close to the start, half far; pitches stay near what was measured.
/// The first batch also holds the start itself and its octaves.
std::vector<FitRunner::Values> FitRunner::scatter(const Values& start, int batch) {
  std::normal_distribution<double> gauss;
  std::vector<Values> all;
  const int count = lanes_->options().clips;
  for (int i = 0; i < count; ++i) {
    Values x = start;
    const double spread = i % 2 ? 0.06 : 0.25;
    for (const FitEntry& e : space_->entries()) {
      if (e.parameter < 0) continue;
      const double move = gauss(random_) * (e.pitch ? 2e-4 : spread);
      double u = x[e.first] + move;
      if (u < 0) u = -u;  // reflected, so that candidates do not pile up at an end
      if (u > 1) u = 2 - u;
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

/// Renders the candidates side by side and sets their losses.
void FitRunner::judge(std::vector<Candidate>& candidates, const SpectralLoss& loss) {
  Executor& e = *lanes_;
  const int clips = e.options().clips, group = e.domain(false).group;
  for (int c = 0; c < clips; ++c) space_->write(candidates[std::min(at(c), candidates.size() - 1)].x, e, c);
  e.reset();
  e.setEvents(events_);
  std::vector<std::vector<Sample>> sounds(candidates.size(), std::vector<Sample>(target_.size()));
  for (int t = 0; t < ticks_ && !stopped(); t += e.options().stretchTicks) {
    const int ticks = std::min(e.options().stretchTicks, ticks_ - t);
    e.run(ticks);
    for (std::size_t c = 0; c < candidates.size(); ++c) {
      const int lane = static_cast<int>(c) % group;
      const Sample *left = e.output(0, static_cast<int>(c) / group), *right = e.output(1, static_cast<int>(c) / group);
      for (int i = 0; i < ticks * kTick; ++i)
        sounds[c][at(t * kTick + i)] = 0.5_s * (left[i * group + lane] + right[i * group + lane]);
    }
    report();
  }
  const auto work = [&](std::size_t first) {
    for (std::size_t c = first; c < candidates.size(); c += at(workers())) {
      candidates[c].loss = loss.value(sounds[c], stop_);
      if (first == 0) report();
    }
  };
  {
    std::jthread helper;
    if (workers() > 1) helper = std::jthread([&work] { work(1); });
    work(0);
  }
  for (Candidate& c : candidates)
    if (!std::isfinite(c.loss)) c.loss = kNever;
}

/// Forward only: many candidates, the best first.
std::vector<FitRunner::Candidate> FitRunner::search(const Values& start) {
  // tracks start from what was measured, moment by moment; scattering knobs around that finds nothing
  if (!lanes_ || space_->hasTensors()) return {{start, 0}};
  state_.stage = "Searching";
  const SpectralLoss loss(target_, lossOptions(LossKind::smooth, 1e-3), stop_);
  const Until until = part(0.15);
  const int most = options_.steps > 0 ? std::max(1, until.steps / 8) : 64;
  std::vector<Candidate> found;
  for (int batch = 0; batch < most && !stopped(); ++batch) {
    if (options_.steps == 0 && batch > 0 && elapsed() > until.seconds) break;
    std::vector<Candidate> candidates;
    for (Values& x : scatter(start, batch)) candidates.push_back({std::move(x), 0});
    judge(candidates, loss);
    for (Candidate& c : candidates) found.push_back(std::move(c));
    std::stable_sort(found.begin(), found.end(),
                     [](const Candidate& a, const Candidate& b) { return a.loss < b.loss; });
    if (found.size() > 8) found.resize(8);
    state_.loss = state_.best = found.front().loss;
    report(&found.front().x);
  }
  if (found.empty()) found.push_back({start, kNever});
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
  while (!stopped() && (bySteps ? state_.step < until.steps : elapsed() < until.seconds)) {
    const double done = bySteps ? static_cast<double>(state_.step - first) / std::max(1, until.steps - first)
                                : (elapsed() - begin) / std::max(1e-3, until.seconds - begin);
    const double value = evaluate(x, loss, d);
    if (stopped()) break;
    ++state_.step;
    state_.loss = value;
    result_.curve.push_back(value);
    if (std::isfinite(value) && value < best.loss) {
      best = {x, value};
    } else if (!std::isfinite(value)) {
      x = best.x;  // back to where it was finite, more slowly
      scale *= 0.5;
      adam.restart();
      continue;
    }
    state_.best = best.loss;
    report(&best.x);
    adam.step(x, d, rates, scale * (0.02 + 0.98 * 0.5 * (1 + std::cos(3.14159265358979 * std::min(1.0, done)))));
    wakeDead(x, d, zeros);
    space_->clamp(x);
  }
  return best;
}

/// Start phases cannot be descended to from far away: each is tried all around, one after another.
/// Other values are tried some way off, in case the descent ended on the wrong side of a hill.
FitRunner::Candidate FitRunner::scanValues(Candidate from, const SpectralLoss& loss) {
  if (!lanes_) return from;
  state_.stage = "Phase";
  const int clips = lanes_->options().clips;
  std::vector<Candidate> own{from};
  judge(own, loss);
  for (const FitEntry& e : space_->entries()) {
    if (e.parameter < 0 || e.pitch) continue;
    const bool phase = e.unit == Unit::cycles;
    const double cycle = 1 / (e.range.max - e.range.min);
    const int count = phase ? kPhases : static_cast<int>(std::size(kOffsets));
    for (int batch = 0; batch < count && !stopped(); batch += clips) {
      std::vector<Candidate> tried;
      for (int i = batch; i < std::min(batch + clips, count); ++i) {
        tried.push_back(own.front());
        double& u = tried.back().x[e.first];
        u += phase ? cycle * i / kPhases : kOffsets[i];
        if (phase && u > 1) u -= cycle;
        space_->clamp(tried.back().x);
      }
      judge(tried, loss);
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
    events_ = allocate(playerEvents(patch_.phrase, patch_.rate), gradient_->executor().plan().voices);
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

FitRunner::Candidate FitRunner::refine(std::vector<Candidate> found, const Values& start) {
  const bool tensors = space_->hasTensors();
  const double loud = std::max(analysis_.peak, 1e-3);
  Candidate best = found.front();
  {
    state_.stage = "Coarse";
    const SpectralLoss smooth(target_, lossOptions(LossKind::smooth, 1e-3), stop_);
    const std::size_t count = tensors ? 1 : std::min<std::size_t>(3, found.size());
    if (count > 1) found[count - 1].x = start;  // the analysed start always takes part
    best.loss = kNever;
    for (std::size_t i = 0; i < count && !stopped(); ++i) {
      const double share =
          (tensors ? 0.0 : 0.15) + (tensors ? 0.06 : 0.3) * static_cast<double>(i + 1) / static_cast<double>(count);
      Candidate c = descend(found[i], smooth, part(share), 1);
      if (c.loss < best.loss) best = std::move(c);
    }
  }
  if (stopped()) return best;
  {
    state_.stage = "Fine";
    const SpectralLoss robust(target_, lossOptions(LossKind::robust, 1e-4 * loud), stop_);
    best = descend(best, robust, part(tensors ? 0.35 : 0.75), tensors ? 1 : 0.5);
    for (const double share : {0.87, 0.97}) {
      if (tensors || stopped() || (options_.steps == 0 && elapsed() > part(share).seconds)) continue;
      best = scanValues(scanTimes(best, robust), robust);
      state_.stage = "Fine";
      best = descend(best, robust, part(share), 0.25);
    }
  }
  if (tensors && !stopped()) {  // down to the recording's own noise floor
    const SpectralLoss last(target_, lossOptions(LossKind::robust, std::max(1e-6, 0.02 * analysis_.noiseFloor)), stop_);
    best = descend(best, last, part(0.97), 0.5);
  }
  return best;
}

}  // namespace core
