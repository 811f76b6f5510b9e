// SPDX-License-Identifier: GPL-3.0-or-later
// `train`: a folder of recordings into a model file.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>

#include "app/catalog.h"
#include "app/commands.h"
#include "core/neural/trainer.h"
#include "presets/model_file.h"

namespace app {
namespace {
using core::Error;
using core::Result;

std::stop_source interrupted;

/// Sizes of the networks of a patch, by the settings they have; `encoder`: recurrent units of those
/// that give z, which say less than those that play.
struct Size {
  const char* name;
  double recurrent, dense, before, after, encoder;
};
constexpr Size kSizes[] = {{"tiny", 256, 64, 0, 0, 64}, {"small", 256, 128, 1, 1, 128}, {"full", 512, 512, 3, 3, 512}};

Result<void> applySize(core::Patch& patch, const core::Registry& registry, const std::string& name) {
  if (name == "patch") return {};
  const auto at = std::find_if(std::begin(kSizes), std::end(kSizes), [&](const Size& s) { return name == s.name; });
  if (at == std::end(kSizes)) return Error{"There is no size \"" + name + "\"; choose tiny, small, full or patch."};
  for (core::PatchNode& n : patch.nodes) {
    const core::NodeType* type = registry.find(n.type);
    if (!type || type->settingIndex("recurrent") < 0) continue;
    const bool encoder = type->outputIndex("z") >= 0;
    const std::pair<const char*, double> rows[] = {{"recurrent", encoder ? at->encoder : at->recurrent},
                                                   {"dense", at->dense},
                                                   {"before", encoder ? 0 : at->before},
                                                   {"after", encoder ? 0 : at->after}};
    for (const auto& [row, value] : rows)
      if (type->settingIndex(row) >= 0) n.settings[row] = {value, ""};
    n.tensors.clear();  // of another size
  }
  return {};
}

void draw(const core::TrainProgress& p) {
  if (!isatty(STDERR_FILENO)) return;
  std::fprintf(stderr, "\r%-11s %3.0f %%  step %d  %.0f s, %.0f s left  loss %.3f  held out %.3f   ", p.stage.c_str(),
               100 * p.part, p.step, p.elapsed, p.left, p.loss, p.curve.empty() ? 0.0 : p.curve.back().validation);
}

std::filesystem::path statePath(const std::filesystem::path& model) {
  return std::filesystem::path(model).replace_extension(".training");
}

Result<core::TrainState> readState(const std::filesystem::path& model) {
  auto arrays = presets::readArrays(statePath(model));
  if (!arrays) return arrays.error();
  core::TrainState s;
  for (auto& [name, values] : *arrays) {
    if (name == "values") s.values = std::move(values);
    if (name == "mean") s.mean = std::move(values);
    if (name == "square") s.square = std::move(values);
    if (name == "count" && values.size() == 3) {
      s.step = static_cast<int>(values[0]);
      s.seconds = values[1];
      s.best = values[2];
    }
  }
  return s;
}

/// Checkpoints: the model, and beside it what going on needs.
Result<void> writeCheckpoint(const std::filesystem::path& path, const presets::Model& model,
                             const core::TrainState& s) {
  if (auto done = presets::writeArrays({{"values", s.values},
                                        {"mean", s.mean},
                                        {"square", s.square},
                                        {"count", {static_cast<double>(s.step), s.seconds, s.best}}},
                                       statePath(path));
      !done)
    return done;
  return presets::writeModel(model, path);
}

std::string readText(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {(std::istreambuf_iterator<char>(in)), {}};
}

void printList(const char* title, const std::vector<std::string>& names) {
  std::printf("%s (%zu):", title, names.size());
  for (const std::string& n : names) std::printf(" %s", n.c_str());
  std::printf("\n");
}

Result<core::Patch> choosePatch(const core::Registry& registry, const TrainArguments& a) {
  auto patch = loadPatch(a.resume ? a.out : a.patch);
  if (!patch || a.resume) return patch;
  if (a.rate > 0) patch->rate = a.rate;
  if (auto done = applySize(*patch, registry, a.size); !done) return done.error();
  return patch;
}
}  // namespace

int trainCommand(const core::Registry& registry, const TrainArguments& a) {
  if (std::filesystem::path(a.out).extension() != presets::kModelEnding)
    return fail(Error{"\"" + a.out + "\" must end in .safetensors; that is the format of models."});
  std::error_code code;
  if (!std::filesystem::exists(a.folder, code))
    return fail(Error{"There is no folder \"" + a.folder + "\"; name one that holds recordings."});
  const auto files = recordings(a.folder);
  if (files.empty())
    return fail(Error{"The folder \"" + a.folder + "\" holds no recordings (.wav .flac .ogg .mp3 .aiff)."});
  auto patch = choosePatch(registry, a);
  if (!patch) return fail(patch.error());
  std::optional<core::TrainState> resume;
  if (a.resume) {
    auto state = readState(a.out);
    if (!state) return fail(state.error());
    resume = std::move(*state);
  }
  core::DatasetOptions data;
  if (std::filesystem::is_directory(a.folder, code)) data.root = a.folder;
  data.validate = a.validate;
  data.seed = static_cast<unsigned>(a.seed);
  core::TrainOptions options;
  options.minutes = a.minutes;
  options.steps = a.steps;
  options.seed = static_cast<unsigned>(a.seed);
  if (a.threads > 0) options.threads = a.threads;
  if (a.checkpoint > 0) options.checkpointSeconds = a.checkpoint;
  ::signal(SIGINT, [](int) { interrupted.request_stop(); });
  presets::Model model;
  model.info.licence = a.licence;
  model.info.credits = a.creditsFile.empty() ? a.credits : readText(a.creditsFile);
  std::optional<Error> broken;
  const auto result = core::train(
      *patch, registry, files, data, options, resume ? &*resume : nullptr,
      [&](const core::TrainProgress& p) {
        draw(p);
        if (!p.checkpoint) return;
        model.patch = *p.checkpoint;
        if (auto done = writeCheckpoint(a.out, model, *p.state); !done) {
          broken = done.error();
          interrupted.request_stop();
        }
      },
      interrupted.get_token());
  if (isatty(STDERR_FILENO)) std::fprintf(stderr, "\n");
  if (broken) return fail(*broken);
  if (!result) return fail(result.error());
  model.patch = result->patch;
  model.info.trained = result->trained;
  model.info.validated = result->validated;
  if (result->instruments.size() > 1) model.info.instruments = result->instruments;
  const auto& curve = result->curve;
  char line[200];
  std::snprintf(line, sizeof line, "%d steps, %.1f min, seed %d, loss %.4f, held out %.4f, %.0f s of sound",
                result->state.step, result->state.seconds / 60, a.seed, curve.empty() ? 0 : curve.back().loss,
                result->state.best, result->secondsOfSound);
  model.info.training = line;
  if (auto done = writeCheckpoint(a.out, model, result->state); !done) return fail(done.error());
  for (const core::Skipped& s : result->skipped) std::printf("Skipped %s: %s\n", s.file.c_str(), s.reason.c_str());
  printList("Trained on", result->trained);
  printList("Held out", result->validated);
  if (!model.info.instruments.empty()) printList("Instruments", model.info.instruments);
  for (const core::TrainPoint& p : curve)
    std::printf("%6d steps %7.1f s  loss %.4f  held out %.4f\n", p.step, p.seconds, p.loss, p.validation);
  for (const std::string& w : result->warnings) std::printf("%s\n", w.c_str());
  std::printf("%s: %s\n", a.out.c_str(), line);
  return result->cancelled ? 1 : 0;
}

}  // namespace app
