// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/train_job.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/file/recordings.h"
#include "presets/feature_store.h"
#include "presets/safe_write.h"

namespace presets {
namespace {
using core::Error;
using core::Result;

constexpr double kMostSteps = 2e9;
constexpr double kAround = 0.2;  ///< s of the recording before and after a take

/// Four numbers a point.
std::vector<double> flat(std::span<const core::TrainPoint> curve) {
  std::vector<double> out;
  for (const core::TrainPoint& p : curve)
    out.insert(out.end(), {static_cast<double>(p.step), p.seconds, p.loss, p.validation});
  return out;
}
std::vector<core::TrainPoint> curveOf(const std::vector<double>& numbers) {
  std::vector<core::TrainPoint> out;
  for (std::size_t i = 0; i + 3 < numbers.size(); i += 4)
    out.push_back({static_cast<int>(numbers[i]), numbers[i + 1], numbers[i + 2], numbers[i + 3]});
  return out;
}

/// Checkpoints: what going on needs, and the model. In this order: a crash between the two leaves an
/// older model with newer values, which lose nothing.
Result<void> writeCheckpoint(const std::filesystem::path& path, const Model& model, const core::TrainState& s) {
  if (auto done = writeArrays({{"values", s.values},
                               {"mean", s.mean},
                               {"square", s.square},
                               {"best", s.bestValues},
                               {"count", {static_cast<double>(s.step), s.seconds, s.best, static_cast<double>(s.seed)}},
                               {"curve", flat(s.curve)}},
                              statePath(path));
      !done)
    return done;
  return writeModel(model, path);
}

/// Only what is known by now: a checkpoint may be written before anything has been judged.
std::string trainingLine(const core::TrainResult& r) {
  char line[200], loss[40] = "no loss yet", heldOut[40] = "nothing held out";
  if (!r.curve.empty()) std::snprintf(loss, sizeof loss, "loss %.4f", r.curve.back().loss);
  if (!r.validated.empty()) std::snprintf(heldOut, sizeof heldOut, "held out but not judged yet");
  if (r.state.best > 0) std::snprintf(heldOut, sizeof heldOut, "held out %.4f", r.state.best);
  std::snprintf(line, sizeof line,
                "%d steps, %.1f min, seed %u, %s, %s, %.0f s of sound, plays %.0f ms after what it hears", r.state.step,
                r.state.seconds / 60, r.state.seed, loss, heldOut, r.secondsOfSound, 1000 * r.lagSeconds);
  std::string text = line;
  if (r.decaySeconds > 0) {
    std::snprintf(line, sizeof line, ", recorded where sound dies away in %.2f s", r.decaySeconds);
    text += line;
  }
  return text;
}

/// What a model says of how it was made.
void describe(const core::TrainResult& r, Model& model) {
  model.patch = r.patch;
  model.info.trained = r.trained;
  model.info.validated = r.validated;
  if (r.instruments.size() > 1) model.info.instruments = r.instruments;
  model.info.training = trainingLine(r);
}

/// Where a job goes on: the model of the checkpoint, and the state with what the model says of it.
Result<core::TrainState> goOn(const TrainJob& job, Model& model) {
  std::error_code code;
  for (const auto& path : {job.model, statePath(job.model)})
    if (!std::filesystem::exists(path, code))
      return Error{"There is nothing to go on from: \"" + path.string() + "\" is missing; train anew."};
  auto before = readModel(job.model);
  if (!before) return before.error();
  auto state = readTrainState(job.model);
  if (!state) return state;
  if (auto left = checkWorkLeft(*state, job.options); !left) return left.error();
  model.patch = std::move(before->patch);
  addOrigin(model.info, before->info);
  state->heldOut = before->info.validated;
  return state;
}
}  // namespace

std::filesystem::path statePath(const std::filesystem::path& model) {
  return std::filesystem::path(model).replace_extension(".training");
}

Result<core::TrainState> readTrainState(const std::filesystem::path& model) {
  auto arrays = readArrays(statePath(model));
  if (!arrays) return arrays.error();
  core::TrainState s;
  std::vector<double> count;
  for (auto& [name, values] : *arrays) {
    if (name == "values") {
      s.values = std::move(values);
    } else if (name == "mean") {
      s.mean = std::move(values);
    } else if (name == "square") {
      s.square = std::move(values);
    } else if (name == "best") {
      s.bestValues = std::move(values);
    } else if (name == "count") {
      count = std::move(values);
    } else if (name == "curve") {
      s.curve = curveOf(values);
    }
  }
  const auto sound = [](const std::vector<double>& v) {
    return std::all_of(v.begin(), v.end(), [](double x) { return std::isfinite(x); });
  };
  const bool counted = count.size() >= 3 && sound(count) && count[0] >= 0 && count[0] < kMostSteps && count[1] >= 0;
  if (!counted || s.values.empty() || !sound(s.values) || !sound(s.mean) || !sound(s.square) || !sound(s.bestValues))
    return Error{"The checkpoint \"" + statePath(model).string() + "\" is damaged; train anew."};
  s.step = static_cast<int>(count[0]);
  s.seconds = count[1];
  s.best = count[2];
  if (count.size() > 3) s.seed = static_cast<unsigned>(count[3]);
  return s;
}

Result<void> checkWorkLeft(const core::TrainState& state, const core::TrainOptions& options) {
  const bool counted = options.steps > 0;
  if (counted ? state.step < options.steps : state.seconds < 60 * options.minutes) return {};
  char line[120];
  std::snprintf(line, sizeof line, "It has been trained for %.1f min (%d steps) already; raise the %s to go on.",
                state.seconds / 60, state.step, counted ? "number of steps" : "time");
  return Error{line};
}

Result<Trained> trainModel(const TrainJob& job, const core::Registry& registry,
                           const std::function<void(const core::TrainProgress&)>& progress,
                           const std::stop_token& stop) {
  if (auto done = checkModelName(job.model); !done) return done.error();
  for (const auto& place : {job.model, statePath(job.model)})
    if (auto done = checkPlace(place); !done) return done.error();
  Trained out;
  Model& model = out.model;
  model.patch = job.patch;
  model.info = job.info;
  if (!job.resume) addStart(model.info, job.patch);
  core::TrainOptions options = job.options;
  core::DatasetOptions data = job.data;
  std::optional<core::TrainState> resume;
  if (job.resume) {
    auto state = goOn(job, model);
    if (!state) return state.error();
    options.seed = data.seed = state->seed;
    if (data.validate.empty()) data.validate = state->heldOut;
    resume = std::move(*state);
  }
  std::stop_source ends;  // a stop from outside, or a checkpoint that could not be written
  const std::stop_callback pass(stop, [&ends] { ends.request_stop(); });
  std::optional<Error> broken;
  if (!data.memory.recall) data.memory = featureStore(job.features);
  auto result = core::train(
      core::Patch(model.patch), registry, job.files, data, options, resume ? &*resume : nullptr,
      [&](const core::TrainProgress& p) {
        if (p.checkpoint) {
          describe(*p.checkpoint, model);
          if (auto done = writeCheckpoint(job.model, model, p.checkpoint->state); !done) {
            broken = done.error();
            ends.request_stop();
          }
        }
        progress(p);
      },
      ends.get_token());
  if (broken) return *broken;
  if (!result) return result.error();
  describe(*result, model);
  if (auto done = writeCheckpoint(job.model, model, result->state); !done) return done.error();
  out.result = std::move(*result);
  return out;
}

Result<core::AudioData> takeSound(const std::vector<std::filesystem::path>& files, const std::string& take,
                                  double rate) {
  const std::string file = take.substr(0, take.rfind('#'));
  // takes of several instruments are named with the folder of theirs
  const auto at = std::find_if(files.begin(), files.end(), [&](const std::filesystem::path& f) {
    return f.filename() == file || f.generic_string().ends_with("/" + file);
  });
  if (at == files.end()) return Error{"There is no recording \"" + file + "\" in the folder any more."};
  const auto read = core::readAudio(*at);
  if (!read) return read.error();
  const std::vector<float> sound =
      core::resample(core::asHeard(*read), rate, core::ResampleQuality::standard).channels[0];
  for (const core::Take& t : core::findTakes(file, sound, rate)) {
    if (t.name != take) continue;
    const auto around = static_cast<std::int64_t>(kAround * rate);
    const std::int64_t from = std::max<std::int64_t>(0, t.begin - around);
    const std::int64_t to = std::min<std::int64_t>(static_cast<std::int64_t>(sound.size()), t.end + around);
    return core::AudioData{rate, {std::vector<float>(sound.begin() + from, sound.begin() + to)}};
  }
  return Error{"There is no take \"" + take + "\" in the folder any more."};
}

}  // namespace presets
