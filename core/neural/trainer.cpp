// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/neural/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <future>

#include "core/neural/batch.h"
#include "core/neural/guards.h"
#include "core/neural/instruments.h"
#include "core/neural/lag.h"
#include "core/neural/rooms.h"
#include "core/neural/statistics.h"

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
      : registry_(registry), options_(options), progress_(progress), stop_(stop), random_(options.seed) {}

  Result<TrainResult> go(const Patch& patch, const std::vector<std::filesystem::path>& files,
                         const DatasetOptions& dataOptions, const TrainState* resume);

 private:
  Result<void> prepare(const std::vector<std::filesystem::path>& files, const DatasetOptions& dataOptions);
  Result<void> hear(const std::vector<std::filesystem::path>& files, const DatasetOptions& dataOptions);
  Result<void> begin(const TrainState* resume);
  Result<void> sameTakes(const TrainState& resume) const;
  void loop();
  double step(double scale);
  double validate();
  void judge();
  void nameInstruments();
  void warnOfTakes(const std::vector<std::string>& validate);
  void gatherNotes();
  void measureLatents();
  bool finished() const;
  double elapsed() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  double part() const;
  void report(const char* stage, const TrainResult* checkpoint);
  Patch patchWith(std::span<const double> values) const;
  TrainResult outcome() const;

  const Registry& registry_;
  const TrainOptions& options_;
  const std::function<void(const TrainProgress&)>& progress_;
  const std::stop_token& stop_;
  std::mt19937 random_;
  Clock::time_point start_;
  double before_ = 0;  ///< s trained in earlier sessions

  FrontCut cut_;
  Dataset data_;
  std::vector<std::unique_ptr<Batch>> batches_;
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
  for (int t = 0; t < options_.threads; ++t) {
    auto batch = Batch::create(cut_, registry_, {options_.lanes, clip, warm});
    if (!batch) return batch.error();
    batches_.push_back(std::move(*batch));
  }
  validation_ = data_.validationSlices(ticks, std::min(kMostValidation, options_.lanes * options_.threads));
  std::vector<Slice> judged = validation_;
  for (std::mt19937 random(options_.seed); judged.size() < CollapseGuard::kMostClips / 2;)
    judged.push_back(data_.draw(random, ticks));
  guard_.take(data_, cut_, judged, ticks, clipTicks(warm, result_.patch.rate));
  if (!data_.hasRoom(ticks)) {
    char line[160];
    std::snprintf(line, sizeof line,
                  "There is no stretch of %.1f s without a take that is held out, as training needs; hold out others.",
                  clip);
    return Error{line};
  }
  result_.validated = data_.takeNames(true);
  warnOfTakes(dataOptions.validate);
  gatherNotes();
  return {};
}

void Run::nameInstruments() {
  result_.instruments = data_.instruments();
  if (cut_.instrumentTrack.empty()) return;
  const auto count = static_cast<int>(result_.instruments.size());
  setInstruments(result_.patch, registry_, count);
  if (count == 1)
    result_.warnings.push_back(
        "The patch chooses between instruments, but all recordings are of one; put those of each instrument into a "
        "folder of its own.");
}

/// Says what was named to be held out and is not there, and when nothing is held out at all.
void Run::warnOfTakes(const std::vector<std::string>& validate) {
  for (const std::string& name : validate) {
    const bool found = std::any_of(data_.sources().begin(), data_.sources().end(), [&](const Source& s) {
      return s.file == name ||
             std::any_of(s.takes.begin(), s.takes.end(), [&](const Take& t) { return t.name == name; });
    });
    if (!found) result_.warnings.push_back("There is no take \"" + name + "\" to hold out.");
  }
  if (result_.validated.empty())
    result_.warnings.push_back(
        "Nothing is held out, so training cannot tell when it no longer gets better. Where recordings never fall "
        "silent, name a whole one to hold out.");
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
    for (int i = 0; i < options_.lanes; ++i) clips.push_back(data_.draw(random, batches_[0]->ticks()));
    batches_[0]->setValues(best_);
    const double spread = batches_[0]->spread(data_, clips, n.id, "z", {});
    if (spread > 0) result_.patch.find(n.id)->settings["z-spread"] = {std::clamp(spread, 1e-4, 1000.0), ""};
  }
}

Result<void> Run::begin(const TrainState* resume) {
  for (const Learnable& l : batches_[0]->learnables()) {
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
    state_.step = resume->step;
    state_.best = resume->best;
    result_.curve = resume->curve;
    random_.seed(options_.seed + static_cast<unsigned>(resume->step));
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

/// One step of all threads; returns the mean loss of its clips.
double Run::step(double scale) {
  std::vector<std::vector<Slice>> clips(batches_.size());
  for (auto& c : clips)
    for (int i = 0; i < options_.lanes; ++i) c.push_back(data_.draw(random_, batches_[0]->ticks()));
  std::vector<std::vector<double>> d(batches_.size(), std::vector<double>(values_.size(), 0.0));
  std::vector<std::future<double>> losses;
  for (std::size_t b = 0; b < batches_.size(); ++b)
    losses.push_back(std::async(std::launch::async, [&, b] {
      batches_[b]->setValues(values_);
      return batches_[b]->step(data_, clips[b], static_cast<unsigned>(state_.step * 64 + static_cast<int>(b)), d[b],
                               stop_);
    }));
  double loss = 0;
  for (auto& l : losses) loss += l.get() / static_cast<double>(batches_.size());
  if (stop_.stop_requested()) return loss;
  double norm = 0;
  for (std::size_t i = 0; i < values_.size(); ++i) {
    for (std::size_t b = 1; b < d.size(); ++b) d[0][i] += d[b][i];
    d[0][i] /= static_cast<double>(d.size());
    norm += d[0][i] * d[0][i];
  }
  norm = std::sqrt(norm);
  if (norm > options_.gradientNorm)
    for (double& g : d[0]) g *= options_.gradientNorm / norm;
  adam_->step(values_, d[0], rates_, scale);
  return loss;
}

double Run::validate() {
  if (validation_.empty()) return 0;
  std::vector<std::future<double>> losses;
  std::vector<std::span<const Slice>> parts;
  const std::size_t each = (validation_.size() + batches_.size() - 1) / batches_.size();
  for (std::size_t b = 0; b * each < validation_.size(); ++b)
    parts.push_back(std::span(validation_).subspan(b * each, std::min(each, validation_.size() - b * each)));
  for (std::size_t b = 0; b < parts.size(); ++b)
    losses.push_back(std::async(std::launch::async, [&, b] {
      batches_[b]->setValues(values_);
      return batches_[b]->step(data_, parts[b], 1, {}, stop_);
    }));
  double sum = 0;
  for (std::size_t b = 0; b < parts.size(); ++b) sum += losses[b].get() * static_cast<double>(parts[b].size());
  return sum / static_cast<double>(validation_.size());
}

/// Compares with the best so far; without validation takes the latest is the best.
void Run::judge() {
  const double v = validate();
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
  for (const Learnable& l : batches_[0]->learnables()) {
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
  r.trained = data_.takeNames(false);
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
  p.elapsed = before_ + elapsed();
  p.left = p.part > 0 ? elapsed() / std::max(1e-3, p.part) * (1 - p.part) : 0;
  p.loss = loss_;
  p.curve = result_.curve;
  p.checkpoint = checkpoint;
  p.heldOut = result_.validated;
  p.skipped = data_.skipped();
  p.warnings = notes_;
  progress_(p);
}

void Run::loop() {
  start_ = Clock::now();
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
  if (auto done = prepare(files, dataOptions); !done) return done.error();
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
