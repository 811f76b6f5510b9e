// SPDX-License-Identifier: GPL-3.0-or-later
// The frame of a fit: hearing the target, building the executors, telling of progress, the result.
#include "core/fit/runner.h"

#include <algorithm>
#include <cmath>
#include <future>
#include <numeric>

#include "core/fit/initial.h"

namespace core {
namespace {
constexpr std::size_t kTapeBytes = std::size_t{400} << 20;
constexpr std::chrono::milliseconds kReport{40};
constexpr double kPatchSeconds = 0.25;
constexpr double kLeastSeconds = 0.02;
constexpr double kJudging = 3;       ///< times what judging one set of values takes
constexpr double kLongSeconds = 20;  ///< clips above it are searched by fewer candidates at a time
}  // namespace

FitRunner::FitRunner(const Patch& patch, const Registry& registry, const FitOptions& options,
                     const std::function<void(const FitProgress&)>& progress, const std::stop_token& stop)
    : given_(patch),
      patch_(patch),
      registry_(registry),
      options_(options),
      progress_(progress),
      asked_(stop),
      forward_(stop, [this] { halt_.request_stop(); }),
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

bool FitRunner::over(const Until& until) const {
  return stopped() || (options_.steps > 0 ? state_.step >= until.steps : elapsed() >= until.seconds);
}

void FitRunner::report(const Values* best) {
  if (!progress_) return;
  const double now = elapsed();
  if (now - told_ < std::chrono::duration<double>(kReport).count()) return;
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

/// Does long work in a thread of its own while this one goes on reporting. What the work computes does
/// not depend on that, and it looks at the stop token itself.
void FitRunner::during(const std::function<void()>& work) {
  auto done = std::async(std::launch::async, [&work] {
    const DenormalsOff denormals;
    work();
  });
  while (done.wait_for(kReport) != std::future_status::ready) {
    if (deadline_ > 0 && elapsed() > deadline_) halt_.request_stop();
    report();
  }
  done.get();
  report();
}

/// Judges the given values, which times what the end will take: with a budget of time everything else
/// is over so long before it. On a long clip one pass takes seconds, and stages would run on for several.
void FitRunner::judgeGiven(const Values& given) {
  const double before = elapsed();
  fine_ = std::make_unique<SpectralLoss>(makeLoss(lossOptions(LossKind::robust, 1e-4 * loud())));
  kept_ = {given, evaluate(given, *fine_, {})};
  if (options_.steps == 0) deadline_ = std::max(1e-3, options_.budgetSeconds - kJudging * (elapsed() - before));
}

/// Search and descent, to the end or to the deadline.
FitRunner::Values FitRunner::find(const Values& given) {
  judgeGiven(given);
  const std::vector<Values> starts = startValues(given);
  startAfter_ = elapsed();
  const Values found = refine(search(starts), starts).x;
  if (!stopped()) return found;
  if (asked() || kept_.x != given) return kept_.x;
  return starts[0];  // no time for a step: pitch and level are right at least
}

/// Resamples, folds and analyses the target.
void FitRunner::listen(const AudioData& target) {
  std::vector<float> x;
  during([&] {
    AudioData mono;
    mono.rate = target.rate;
    mono.channels = {target.folded()};
    x = resample(mono, patch_.rate, ResampleQuality::best, [this] { return stopped(); }).channels[0];
    if (stopped()) return;
    analysis_ = analyse(std::vector<double>(x.begin(), x.end()), patch_.rate, [this] { return stopped(); });
  });
  const double seconds = static_cast<double>(x.size()) / patch_.rate;
  ticks_ = clipTicks(seconds, patch_.rate);
  target_.assign(x.begin(), x.end());
  target_.resize(static_cast<std::size_t>(ticks_ * kTick), 0);
  if (!options_.keepPhrase && !stopped()) writePhrase(patch_, analysis_, seconds);
  result_.f0 = analysis_.f0;
  result_.onset = analysis_.onset;
  result_.warnings = analysis_.warnings;
}

void FitRunner::playPhrase() { events_ = allocate(playerEvents(patch_.phrase, patch_.rate), patch_.voices); }

/// Compiles the patch with exactly the asked-for values free, and makes the two executors.
Result<void> FitRunner::prepare() {
  if (options_.free.empty()) options_.free = declaredFree(patch_, registry_);
  playPhrase();
  Patch work = patch_;
  // voices that the phrase never reaches are silent: without them memory and time follow the phrase
  work.voices = 1;
  for (const VoiceEvent& e : events_) work.voices = std::max(work.voices, e.voice + 1);
  for (Cable& c : work.cables)
    c.free = std::any_of(options_.free.begin(), options_.free.end(), [&c](const FitVariable& v) {
      return v.kind == FitVariable::Kind::depth && v.cable.from == c.from && v.cable.output == c.output &&
             v.cable.to == c.to && v.cable.input == c.input;
    });
  auto plan = compilePlan(work, registry_, {.rate = patch_.rate});
  if (!plan) return plan.error();
  if (plan->outputNode < 0) return Error{"The patch has no output node; add one and connect it."};
  bool tracks = false;
  // what several notes share cannot be measured from their sum as if it were one
  const bool shared = options_.keepPhrase && patch_.phrase.size() > 1;
  during([&] {
    tracks = !shared && writeTracks(patch_, *plan, options_.free, analysis_, {target_.data(), target_.size()},
                                    [this] { return stopped(); });
  });
  if (stopped()) return {};
  if (tracks) {
    for (std::size_t n = 0; n < patch_.nodes.size(); ++n) work.nodes[n].tensors = patch_.nodes[n].tensors;
    for (std::size_t n = 0; n < patch_.nodes.size(); ++n) work.nodes[n].settings = patch_.nodes[n].settings;
    plan = compilePlan(work, registry_, {.rate = patch_.rate});
    if (!plan) return plan.error();
  }
  Result<void> built;
  during([&] { built = build(std::move(*plan)); });
  return built;
}

Result<void> FitRunner::build(Plan plan) {
  auto space = FitSpace::create(plan, options_.free);
  if (!space) return space.error();
  space_ = std::move(*space);
  const bool longClip = ticks_ * kTick > kLongSeconds * patch_.rate;
  if (space_->hasScalars() && !(longClip && space_->hasLargeTensors())) {
    auto lanes = LaneBank::create(plan, *space_, longClip ? 1 : 2, longClip ? 4 : 8, stop_);
    if (!lanes) return lanes.error();
    lanes_ = std::move(*lanes);
  }
  if (stopped()) return {};
  auto gradient = Gradient::create(std::move(plan), space_->request(), ticks_, {.memoryLimit = kTapeBytes}, stop_);
  if (!gradient) return gradient.error();
  gradient_ = std::move(*gradient);
  return {};
}

Result<FitResult> FitRunner::run(const AudioData& target) {
  if (target.seconds() < kLeastSeconds)
    return Error{"The recording is shorter than 20 ms, too short to fit to; choose a longer one."};
  state_.stage = "Listening";
  report();
  listen(target);
  if (stopped()) return cancelled();
  const auto ready = prepare();
  if (stopped()) return cancelled();
  if (!ready) return ready.error();
  const Values given = space_->read(gradient_->executor().plan());
  listGiven(given);
  Values best = given;
  if (!stopped() && !analysis_.silent) {
    best = find(given);
    // nothing better yet: then the phrase, too, stays as it was
    if (asked() && (kept_.x.empty() || kept_.x == given)) return cancelled();
    deadline_ = 0;
    stop_ = asked_;
    if (!stopped()) judgeTerms(given, best);
  }
  finish(best);
  return std::move(result_);
}

/// Stopped before there was anything to give back but the patch itself.
FitResult FitRunner::cancelled() {
  result_.cancelled = true;
  result_.patch = given_;
  result_.seconds = elapsed();
  return std::move(result_);
}

/// Losses of the values given and found, window by window; takes what was given when that is better.
/// The terms after the first add up to it.
void FitRunner::judgeTerms(const Values& given, Values& best) {
  state_.stage = "Judging";
  fine_.reset();
  std::vector<Sample> first, last;
  during([&] {
    render(given, first);
    render(best, last);
  });
  const LossOptions all = lossOptions(LossKind::robust, 1e-4 * loud());
  const auto count = static_cast<double>(all.sizes.size());
  FitTerm total{"Spectral distance (log and linear magnitudes)", 0, 0};
  std::vector<FitTerm> logs, linears;
  for (const int size : all.sizes) {
    double sums[2] = {}, log[2] = {};
    during([&] {
      LossOptions one = all;
      one.sizes = {size};
      const SpectralLoss both(target_, one, stop_);
      one.linear = 0;
      const SpectralLoss alone(target_, one, stop_);
      for (const int end : {0, 1}) {
        sums[end] = both.value(end == 0 ? first : last, stop_) / count;
        log[end] = alone.value(end == 0 ? first : last, stop_) / count;
      }
    });
    const std::string window = ", window " + std::to_string(size);
    logs.push_back({"Log magnitudes" + window, log[0], log[1]});
    linears.push_back({"Linear magnitudes" + window, sums[0] - log[0], sums[1] - log[1]});
    total.start += sums[0];
    total.end += sums[1];
  }
  if (stopped()) {
    best = kept_.x;
    return;
  }
  result_.terms = {total};
  for (const auto& part : {logs, linears}) result_.terms.insert(result_.terms.end(), part.begin(), part.end());
  if (total.end <= total.start) return;
  best = given;
  for (FitTerm& t : result_.terms) t.end = t.start;
}

void FitRunner::finish(const Values& best) {
  result_.cancelled = stopped();
  result_.patch = patch_;
  space_->write(best, result_.patch);
  result_.steps = state_.step;
  result_.seconds = elapsed();
  listFound(best);
  shown_ = result_.patch;
  told_ = -1;
  written_ = result_.seconds;
  report();
}

/// What the fit may change, as it is before: a tensor by its mean.
void FitRunner::listGiven(const Values& given) {
  for (const FitEntry& e : space_->entries()) {
    FitChange change{e.name, std::string(unitSymbol(e.unit)), 0, 0};
    if (e.parameter >= 0) change.before = space_->plainValue(e, given);
    for (std::size_t i = 0; i < e.count && e.parameter < 0; ++i) {
      const double x = given[e.first + i];
      change.before += (e.positive ? std::exp(x) : x) / static_cast<double>(e.count);
    }
    result_.changes.push_back(std::move(change));
  }
}

/// The same afterwards. Tensors are read from the written patch, where their exponentials are done.
void FitRunner::listFound(const Values& best) {
  for (std::size_t k = 0; k < result_.changes.size(); ++k) {
    const FitEntry& e = space_->entries()[k];
    double& after = result_.changes[k].after;
    if (e.parameter >= 0) {
      after = space_->plainValue(e, best);
      continue;
    }
    const auto& data = result_.patch.find(e.variable.node)->tensors.at(e.variable.row)->data;
    after = std::accumulate(data.begin(), data.end(), 0.0) / static_cast<double>(e.count);
  }
}

}  // namespace core
