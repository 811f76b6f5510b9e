// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/neural/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/neural/guards.h"
#include "core/neural/instruments.h"
#include "core/neural/lag.h"
#include "core/neural/rooms.h"
#include "core/neural/statistics.h"
#include "core/neural/workers.h"

namespace core {
namespace {
using Clock = std::chrono::steady_clock;
constexpr int kMostValidation = 16;
constexpr double kSmoothing = 0.05;  // of the loss that is shown

/// A training run: what its stages share.
class Run {
 public:
  Run(const Registry& registry, const TrainOptions& options, const std::function<void(const TrainProgress&)>& progress,
      const std::stop_token& stop)
      : registry_(registry), options_(options), progress_(progress), stop_(stop) {}

  Result<TrainResult> go(const Patch& patch, const std::vector<std::filesystem::path>& files,
                         const DatasetOptions& dataOptions, const TrainState* resume);

 private:
  Result<void> prepare(const std::vector<std::filesystem::path>& files, const DatasetOptions& dataOptions);
  Result<void> takeClips();
  Result<void> hear(const std::vector<std::filesystem::path>& files, const DatasetOptions& dataOptions);
  Result<void> begin(const TrainState* resume);
  Result<void> sameTakes(const TrainState& resume) const;
  void loop();
  double step(double scale);
  void judge();
  void nameInstruments();
  void gatherNotes();
  void measureLatents();
  bool finished() const;
  double elapsed() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  double part() const;
  double left(double now) const;
  void report(const char* stage, const TrainResult* checkpoint);
  Patch patchWith(std::span<const double> values) const;
  TrainResult outcome() const;

  const Registry& registry_;
  const TrainOptions& options_;
  const std::function<void(const TrainProgress&)>& progress_;
  const std::stop_token& stop_;
  Clock::time_point start_;
  double before_ = 0;  ///< s trained in earlier sessions
  int firstStep_ = 0;  ///< of this session

  FrontCut cut_;
  Dataset data_;
  std::optional<Workers> workers_;
  std::vector<Slice> validation_;
  CollapseGuard guard_;
  std::vector<double> values_, best_, rates_;
  std::optional<Adam> adam_;
  TrainResult result_;
  TrainState state_;
  std::vector<std::string> notes_;  ///< warnings that hold now
  double loss_ = 0, sum_ = 0, lastBetter_ = 0, lastValidation_ = 0, lastCheckpoint_ = 0;
  int sumCount_ = 0;
};

/// Reads the recordings and what the patch's listening nodes say of them.
Result<void> Run::hear(const std::vector<std::filesystem::path>& files, const DatasetOptions& dataOptions) {
  auto cut = cutFront(result_.patch, registry_, clipTicks(options_.clipSeconds, result_.patch.rate) + 1);
  if (!cut) return cut.error();
  cut_ = std::move(*cut);
  auto data = Dataset::load(
      files, cut_, registry_, dataOptions,
      [&](const std::string& stage, double part) {
        TrainProgress p;
        p.stage = stage;
        p.part = part;
        progress_(p);
      },
      stop_);
  if (!data) return data.error();
  data_ = std::move(*data);
  return {};
}

Result<void> Run::prepare(const std::vector<std::filesystem::path>& files, const DatasetOptions& dataOptions) {
  if (auto done = hear(files, dataOptions); !done) return done;
  const double decay = result_.decaySeconds = recordedDecay(data_, cut_.rest.rate);
  if (tellListeners(result_.patch, cut_, registry_, decay))  // and what they say then
    if (auto done = hear(files, dataOptions); !done) return done;
  writeStatistics(result_.patch, cut_, data_, registry_);
  nameInstruments();
  shapeRooms(result_.patch, registry_, decay);
  // the pitch goes to its oscillator as late as it is; a level that was trained to guess ahead would be earlier
  if (const auto lags = measureLags(result_.patch, registry_)) data_.setLag(lags->most());
  const double warm = result_.warmSeconds = std::max(options_.warmSeconds, decay);
  const double clip = options_.clipSeconds + warm - options_.warmSeconds;
  const int ticks = clipTicks(clip, result_.patch.rate);
  auto again = cutFront(result_.patch, registry_, ticks + 1);  // with what has just been written
  if (!again) return again.error();
  cut_ = std::move(*again);
  auto workers = Workers::create(cut_, registry_, {options_.lanes, clip, warm}, options_.threads);
  if (!workers) return workers.error();
  workers_ = std::move(*workers);
  return takeClips();
}

/// The clips that training is judged by, and the takes that are told of.
Result<void> Run::takeClips() {
  const int ticks = workers_->ticks();
  const double warm = result_.warmSeconds;
  validation_ = data_.validationSlices(ticks, std::min(kMostValidation, options_.lanes * options_.threads));
  std::vector<Slice> judged = validation_;
  for (std::mt19937 random(options_.seed); judged.size() < CollapseGuard::kMostClips / 2;)
    judged.push_back(data_.draw(random, ticks));
  guard_.take(data_, cut_, judged, ticks, clipTicks(warm, result_.patch.rate));
  if (!data_.hasRoom(ticks)) {
    char line[160];
    std::snprintf(line, sizeof line,
                  "There is no stretch of %.1f s without a take that is held out, as training needs; hold out others.",
                  options_.clipSeconds + warm - options_.warmSeconds);
    return Error{line};
  }
  result_.trained = data_.takeNames(false);
  result_.validated = data_.takeNames(true);
  if (result_.validated.empty())
    result_.warnings.push_back(
        "Nothing is held out, so training cannot tell when it no longer gets better. Where recordings never fall "
        "silent, name a whole one to hold out.");
  gatherNotes();
  return {};
}

/// Nobody is told of instruments that nothing in the patch tells apart.
void Run::nameInstruments() {
  if (cut_.instrumentTrack.empty()) return;
  result_.instruments = data_.instruments();
  const auto count = static_cast<int>(result_.instruments.size());
  setInstruments(result_.patch, registry_, count);
  if (count == 1)
    result_.warnings.push_back(
        "The patch chooses between instruments, but all recordings are of one; put those of each instrument into a "
        "folder of its own.");
}

void Run::gatherNotes() {
  notes_ = result_.warnings;
  notes_.insert(notes_.end(), guard_.sentences().begin(), guard_.sentences().end());
}

/// How far the z of each encoder reaches, for those who take it into another model.
void Run::measureLatents() {
  for (const PatchNode& n : cut_.rest.nodes) {
    const NodeType* type = registry_.find(n.type);
    if (!type || type->settingIndex("z-spread") < 0 || type->outputIndex("z") < 0) continue;
    std::mt19937 random(options_.seed);
    std::vector<Slice> clips;
    clips.reserve(static_cast<std::size_t>(options_.lanes));
    for (int i = 0; i < options_.lanes; ++i) clips.push_back(data_.draw(random, workers_->ticks()));
    workers_->first().setValues(best_);
    const double spread = workers_->first().spread(data_, clips, n.id, "z", {});
    if (spread > 0) result_.patch.find(n.id)->settings["z-spread"] = {std::clamp(spread, 1e-4, 1000.0), ""};
  }
}

Result<void> Run::begin(const TrainState* resume) {
  for (const Learnable& l : workers_->learnables()) {
    values_.insert(values_.end(), l.start.begin(), l.start.end());
    rates_.insert(rates_.end(), l.rates.begin(), l.rates.end());
  }
  adam_.emplace(values_.size(), AdamOptions{0.9, 0.999, 1e-8});
  best_ = values_;
  if (resume) {
    for (const auto* numbers : {&resume->values, &resume->mean, &resume->square, &resume->bestValues})
      if (numbers->size() != values_.size() && (numbers != &resume->bestValues || !numbers->empty()))
        return Error{"The checkpoint is of another patch or size; train anew."};
    if (auto same = sameTakes(*resume); !same) return same;
    values_ = resume->values;
    if (!resume->bestValues.empty()) best_ = resume->bestValues;
    adam_->restore(resume->mean, resume->square, resume->step);
    before_ = resume->seconds;
    state_.step = firstStep_ = resume->step;
    state_.best = resume->best;
    result_.curve = resume->curve;
    if (!result_.curve.empty()) loss_ = result_.curve.back().loss;
  }
  return {};
}

/// The least validation loss so far holds for the takes that were held out then, and on no other may be trained.
Result<void> Run::sameTakes(const TrainState& resume) const {
  std::vector<std::string> before = resume.heldOut, now = result_.validated;
  std::sort(before.begin(), before.end());
  std::sort(now.begin(), now.end());
  if (before.empty() || before == now) return {};
  std::string names;
  for (const std::string& name : resume.heldOut) names += (names.empty() ? "" : ", ") + name;
  return Error{"Until now " + names + (before.size() > 1 ? " were" : " was") +
               " held out, which these recordings and takes to hold out do not give; go on with those of before, or "
               "train anew."};
}

bool Run::finished() const {
  if (stop_.stop_requested()) return true;
  return options_.steps > 0 ? state_.step >= options_.steps : before_ + elapsed() >= options_.minutes * 60;
}

double Run::part() const {
  return std::min(1.0, options_.steps > 0 ? static_cast<double>(state_.step) / options_.steps
                                          : (before_ + elapsed()) / (options_.minutes * 60));
}

/// Seconds to go by the speed of this session; before it has one, by that of those before.
double Run::left(double now) const {
  if (options_.steps <= 0) return std::max(0.0, 60 * options_.minutes - before_ - now);
  const int done = state_.step - firstStep_, toDo = options_.steps - state_.step;
  if (done > 0) return now / done * toDo;
  return firstStep_ > 0 ? before_ / firstStep_ * toDo : 0;
}

/// One step of all threads; returns the mean loss of its clips. Which those are follows from seed and number alone, so
/// that a run that was interrupted goes on as if it had not been.
double Run::step(double scale) {
  std::seed_seq seeds{options_.seed, static_cast<unsigned>(state_.step)};
  std::mt19937 random(seeds);
  std::vector<Slice> clips;
  while (clips.size() < workers_->clips()) clips.push_back(data_.draw(random, workers_->ticks()));
  std::vector<double> d(values_.size());
  const double loss = workers_->step(data_, values_, clips, state_.step, d, stop_);
  if (stop_.stop_requested()) return loss;
  double norm = 0;
  for (const double g : d) norm += g * g;
  norm = std::sqrt(norm);
  if (norm > options_.gradientNorm)
    for (double& g : d) g *= options_.gradientNorm / norm;
  adam_->step(values_, d, rates_, scale);
  return loss;
}

/// Compares with the best so far; without validation takes the latest is the best.
void Run::judge() {
  const double v = validation_.empty() ? 0 : workers_->judge(data_, values_, validation_, stop_);
  if (stop_.stop_requested()) return;
  result_.curve.push_back({state_.step, before_ + elapsed(), sumCount_ ? sum_ / sumCount_ : loss_, v});
  sum_ = 0;
  sumCount_ = 0;
  if (v == 0 || state_.best == 0 || v < state_.best) {
    state_.best = v;
    best_ = values_;
    lastBetter_ = elapsed();
  }
  guard_.look(patchWith(values_), registry_, state_.step);
  gatherNotes();
  lastValidation_ = elapsed();
}

Patch Run::patchWith(std::span<const double> values) const {
  Patch patch = result_.patch;
  for (const Learnable& l : workers_->learnables()) {
    Blob blob{l.shape, {}};
    for (std::size_t i = 0; i < l.count; ++i) blob.data.push_back(static_cast<float>(values[l.first + i]));
    patch.find(l.node)->tensors[l.tensor] = std::make_shared<const Blob>(std::move(blob));
  }
  return patch;
}

/// What training has come to.
TrainResult Run::outcome() const {
  TrainResult r = result_;
  r.patch = patchWith(best_);
  r.state = state_;
  r.state.values = values_;
  r.state.bestValues = best_;
  adam_->save(r.state.mean, r.state.square);
  r.state.seed = options_.seed;
  r.state.seconds = before_ + elapsed();
  r.state.curve = result_.curve;
  r.state.heldOut = result_.validated;
  r.warnings = notes_;
  r.skipped = data_.skipped();
  r.secondsOfSound = data_.seconds();
  r.lagSeconds = data_.lagSeconds();
  r.cancelled = stop_.stop_requested();
  return r;
}

void Run::report(const char* stage, const TrainResult* checkpoint) {
  TrainProgress p;
  p.stage = stage;
  p.part = part();
  p.step = state_.step;
  const double now = elapsed();
  p.elapsed = before_ + now;
  p.left = left(now);
  p.loss = loss_;
  p.curve = result_.curve;
  p.checkpoint = checkpoint;
  p.trained = result_.trained;
  p.heldOut = result_.validated;
  p.instruments = result_.instruments;
  p.skipped = data_.skipped();
  p.warnings = notes_;
  progress_(p);
}

void Run::loop() {
  start_ = Clock::now();
  report("Training", nullptr);  // what it learns from, before it does
  while (!finished()) {
    const double scale = options_.firstRate * std::pow(options_.lastRate / options_.firstRate, part());
    const double loss = step(scale);
    if (stop_.stop_requested()) break;
    ++state_.step;
    sum_ += loss;
    ++sumCount_;
    loss_ = loss_ == 0 ? loss : loss_ + kSmoothing * (loss - loss_);
    report("Training", nullptr);
    if (elapsed() - lastValidation_ >= options_.validateSeconds) {
      report("Validating", nullptr);
      judge();
    }
    if (elapsed() - lastCheckpoint_ >= options_.checkpointSeconds) {
      lastCheckpoint_ = elapsed();
      const TrainResult checkpoint = outcome();
      report("Training", &checkpoint);
    }
    if (options_.patienceSeconds > 0 && !validation_.empty() && elapsed() - lastBetter_ > options_.patienceSeconds) {
      result_.warnings.push_back("Stopped early: the held-out takes have not improved for " +
                                 std::to_string(std::lround(options_.patienceSeconds)) + " s.");
      break;
    }
  }
  if (!stop_.stop_requested()) judge();
}

Result<TrainResult> Run::go(const Patch& patch, const std::vector<std::filesystem::path>& files,
                            const DatasetOptions& dataOptions, const TrainState* resume) {
  result_.patch = patch;
  DatasetOptions asked = dataOptions;
  // those of before are not asked for by anyone: sameTakes speaks of them
  asked.validateMustExist = !resume || asked.validate != resume->heldOut;
  if (auto done = prepare(files, asked); !done) return done.error();
  if (auto done = begin(resume); !done) return done.error();
  loop();
  measureLatents();
  gatherNotes();
  return outcome();
}

}  // namespace

Result<TrainResult> train(const Patch& patch, const Registry& registry, const std::vector<std::filesystem::path>& files,
                          const DatasetOptions& data, const TrainOptions& options, const TrainState* resume,
                          const std::function<void(const TrainProgress&)>& progress, const std::stop_token& stop) {
  return Run(registry, options, progress, stop).go(patch, files, data, resume);
}

}  // namespace core
