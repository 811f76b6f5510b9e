// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/fit/runner.h"

#include <algorithm>
#include <cmath>

#include "core/fit/initial.h"

namespace core {
namespace {
constexpr std::size_t kTapeBytes = std::size_t{400} << 20;
constexpr double kReportSeconds = 0.04, kPatchSeconds = 0.25;

double rms(std::span<const Sample> x) {
  double sum = 0;
  for (const Sample v : x) sum += static_cast<double>(v) * static_cast<double>(v);
  return x.empty() ? 0 : std::sqrt(sum / static_cast<double>(x.size()));
}
}  // namespace

FitRunner::FitRunner(const Patch& patch, const Registry& registry, const FitOptions& options,
                     const std::function<void(const FitProgress&)>& progress, const std::stop_token& stop)
    : patch_(patch),
      registry_(registry),
      options_(options),
      progress_(progress),
      stop_(stop),
      random_(options.seed),
      shown_(patch) {}

double FitRunner::elapsed() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}

/// Where a stage ends that may use the run up to a share of it.
FitRunner::Until FitRunner::part(double share) const {
  if (options_.steps > 0) return {std::max(1, static_cast<int>(std::lround(share * options_.steps))), 0};
  return {0, startAfter_ + share * std::max(0.0, options_.budgetSeconds - startAfter_)};
}

void FitRunner::report(const Values* best) {
  if (!progress_) return;
  const double now = elapsed();
  if (now - told_ < kReportSeconds) return;
  told_ = now;
  if (best && space_ && now - written_ > kPatchSeconds) {
    written_ = now;
    shown_ = patch_;
    space_->write(*best, shown_);
  }
  state_.patch = written_ >= 0 ? &shown_ : &patch_;
  state_.steps = options_.steps;
  state_.elapsed = now;
  state_.left = options_.steps > 0 ? 0 : std::max(0.0, options_.budgetSeconds - now);
  progress_(state_);
}

/// Resamples, folds and analyses the target.
void FitRunner::listen(const AudioData& target) {
  AudioData mono;
  mono.rate = target.rate;
  mono.channels = {target.folded()};
  const std::vector<float> x = resample(mono, patch_.rate).channels[0];
  const std::vector<double> exact(x.begin(), x.end());
  const auto tick = [this] {
    report();
    return stopped();
  };
  analysis_ = analyse(exact, patch_.rate, tick);
  ticks_ = clipTicks(static_cast<double>(x.size()) / patch_.rate, patch_.rate);
  target_.assign(x.begin(), x.end());
  target_.resize(static_cast<std::size_t>(ticks_ * kTick), 0);
  if (!options_.keepPhrase) writePhrase(patch_, analysis_, static_cast<double>(x.size()) / patch_.rate);
  result_.f0 = analysis_.f0;
  result_.onset = analysis_.onset;
  result_.seconds = static_cast<double>(x.size()) / patch_.rate;
  result_.warnings = analysis_.warnings;
}

/// Compiles the patch with exactly the asked-for values free, and makes the two executors.
Result<void> FitRunner::prepare() {
  if (options_.free.empty()) options_.free = declaredFree(patch_, registry_);
  Patch work = patch_;
  for (Cable& c : work.cables)
    c.free = std::any_of(options_.free.begin(), options_.free.end(), [&c](const FitVariable& v) {
      return v.kind == FitVariable::Kind::depth && v.cable.from == c.from && v.cable.output == c.output &&
             v.cable.to == c.to && v.cable.input == c.input;
    });
  auto plan = compilePlan(work, registry_, {.rate = patch_.rate});
  if (!plan) return plan.error();
  if (plan->outputNode < 0) return Error{"The patch has no output node; add one and connect it."};
  const auto tick = [this] {
    report();
    return stopped();
  };
  if (writeTracks(patch_, *plan, options_.free, analysis_, {target_.data(), target_.size()}, tick)) {
    for (std::size_t n = 0; n < patch_.nodes.size(); ++n) work.nodes[n].tensors = patch_.nodes[n].tensors;
    for (std::size_t n = 0; n < patch_.nodes.size(); ++n) work.nodes[n].settings = patch_.nodes[n].settings;
    plan = compilePlan(work, registry_, {.rate = patch_.rate});
    if (!plan) return plan.error();
  }
  auto space = FitSpace::create(*plan, options_.free);
  if (!space) return space.error();
  space_ = std::move(*space);
  events_ = allocate(playerEvents(patch_.phrase, patch_.rate), plan->voices);
  const bool longClip = ticks_ * kTick > 20 * patch_.rate;
  if (space_->hasScalars() && !space_->hasTensors()) {
    ExecutorOptions run;
    run.clips = longClip ? 4 : 8;
    run.stretchTicks = 16;
    auto lanes = Executor::create(*plan, run);
    if (!lanes) return lanes.error();
    lanes_ = std::move(*lanes);
  }
  auto gradient = Gradient::create(std::move(*plan), space_->request(), ticks_, {.memoryLimit = kTapeBytes});
  if (!gradient) return gradient.error();
  gradient_ = std::move(*gradient);
  return {};
}

double FitRunner::render(const Values& x, std::vector<Sample>& out) {
  space_->write(x, gradient_->executor(), 0);
  gradient_->executor().setEvents(events_);
  gradient_->forward(stop_);
  out.resize(target_.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int f = static_cast<int>(i);
    out[i] = 0.5_s * (gradient_->output(0, 0, f) + gradient_->output(1, 0, f));
  }
  return rms(out);
}

void FitRunner::tunePhrase(double ratio) {
  for (Note& n : patch_.phrase) n.pitch += 12 * std::log2(ratio);
  events_ = allocate(playerEvents(patch_.phrase, patch_.rate), gradient_->executor().plan().voices);
}

void FitRunner::shiftPitch(Values& x, double ratio) const {
  for (const FitEntry& e : space_->entries())
    if (e.pitch && e.parameter >= 0 && e.unit == Unit::hertz)
      x[e.first] = e.range.normalise(space_->plainValue(e, x) * ratio);
}

/// The given values, with pitch and level brought to the target's.
FitRunner::Values FitRunner::startValues(const Values& given) {
  Values x = given;
  space_->clamp(x);
  std::vector<Sample> sound;
  double level = render(x, sound);
  if (stopped() || !(level > 1e-7)) return x;
  const bool free = std::any_of(space_->entries().begin(), space_->entries().end(),
                                [](const FitEntry& e) { return e.pitch && e.parameter >= 0 && e.unit == Unit::hertz; });
  const bool tracked = std::any_of(space_->entries().begin(), space_->entries().end(),
                                   [](const FitEntry& e) { return e.pitch && e.parameter < 0; });
  if (analysis_.f0 > 0 && !tracked) {
    const auto part = std::min(sound.size(), static_cast<std::size_t>((analysis_.onset + 2) * patch_.rate));
    YinOptions options;
    options.stop = [this] { return stopped(); };
    const PitchTrack own = trackPitch(
        std::vector<double>(sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(part)), patch_.rate, options);
    const double ratio = own.voicedShare() > 0.1 ? analysis_.f0 / own.median() : 1;
    if (ratio > 0.25 && ratio < 4 && std::abs(ratio - 1) > 1e-5) {
      if (free)
        shiftPitch(x, ratio);
      else if (!options_.keepPhrase)
        tunePhrase(ratio);
      level = render(x, sound);
    }
  }
  // the last level in decibels that really moves the whole
  const double target = std::max(rms(target_), 1e-7);
  for (auto e = space_->entries().rbegin(); e != space_->entries().rend() && level > 0 && !stopped(); ++e) {
    if (e->parameter < 0 || e->unit != Unit::decibels || e->variable.kind != FitVariable::Kind::knob) continue;
    Values moved = x;
    moved[e->first] = e->range.normalise(space_->plainValue(*e, x) + 20 * std::log10(target / level));
    space_->clamp(moved);
    const double now = render(moved, sound);
    if (std::abs(std::log(now / target)) > 0.5 * std::abs(std::log(level / target))) continue;
    x = moved;
    break;
  }
  space_->clamp(x);
  return x;
}

Result<FitResult> FitRunner::run(const AudioData& target) {
  state_.stage = "Listening";
  report();
  listen(target);
  if (auto ready = prepare(); !ready) return ready.error();
  const Values given = space_->read(gradient_->executor().plan());
  Values best = given;
  double before = 0, after = 0;
  if (!stopped() && !analysis_.silent) {
    const Values start = startValues(given);
    startAfter_ = elapsed();
    const LossOptions fine = lossOptions(LossKind::robust, 1e-4 * std::max(analysis_.peak, 1e-3));
    std::vector<Candidate> found = search(start);
    Candidate end = refine(std::move(found), start);
    const SpectralLoss judge(target_, fine, stop_);
    Values inside = given;
    before = evaluate(inside, judge, {});
    after = evaluate(end.x, judge, {});
    if (stopped()) {  // nothing measured now is whole; what the stages kept is
      best = end.x.empty() ? given : end.x;
    } else {
      best = after <= before ? end.x : given;
      after = std::min(after, before);
    }
  }
  finish(given, best, before, after);
  return std::move(result_);
}

void FitRunner::finish(const Values& given, const Values& best, double before, double after) {
  result_.cancelled = stopped();
  result_.patch = patch_;
  space_->write(best, result_.patch);
  result_.steps = state_.step;
  result_.terms.push_back({"Spectral distance (log and linear magnitudes)", before, after});
  for (const FitEntry& e : space_->entries()) {
    FitChange change{e.name, std::string(unitSymbol(e.unit)), 0, 0};
    if (e.parameter >= 0) {
      change.before = space_->plainValue(e, given);
      change.after = space_->plainValue(e, best);
    } else {
      for (std::size_t i = 0; i < e.count; ++i) {
        const double a = given[e.first + i], b = best[e.first + i];
        change.before += (e.positive ? std::exp(a) : a) / static_cast<double>(e.count);
        change.after += (e.positive ? std::exp(b) : b) / static_cast<double>(e.count);
      }
    }
    result_.changes.push_back(change);
  }
  told_ = -1;
  written_ = -1;
  report(&best);
}

}  // namespace core
