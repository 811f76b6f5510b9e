// SPDX-License-Identifier: GPL-3.0-or-later
// `train`: a folder of recordings into a model file.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>

#include "app/catalog.h"
#include "app/commands.h"
#include "core/file/recordings.h"
#include "core/neural/sizes.h"
#include "presets/feature_store.h"
#include "presets/train_job.h"

namespace app {
namespace {
using core::Error;
using core::Result;

std::stop_source interrupted;

/// Nothing where nothing is held out.
std::string heldOut(double loss) {
  char line[40] = "";
  if (loss > 0) std::snprintf(line, sizeof line, "  held out %.4f", loss);
  return line;
}

void draw(const core::TrainProgress& p) {
  if (!isatty(STDERR_FILENO)) return;
  std::fprintf(stderr, "\r%-11s %3.0f %%  step %d  %.0f s, %.0f s left  loss %.3f%s   ", p.stage.c_str(), 100 * p.part,
               p.step, p.elapsed, p.left, p.loss, p.curve.empty() ? "" : heldOut(p.curve.back().validation).c_str());
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
  auto patch = loadPatch(a.patch.empty() ? "neural-decoder" : a.patch);
  if (!patch) return patch;
  if (a.rate > 0) patch->rate = a.rate;
  if (auto done = core::applySize(*patch, registry, a.size.empty() ? "tiny" : a.size); !done) return done.error();
  return patch;
}

/// What going on takes from the model must not be asked for otherwise, and what is there not be lost.
Result<void> checkStart(const TrainArguments& a) {
  const std::pair<const char*, bool> settled[] = {{"--patch", !a.patch.empty()},
                                                  {"--size", !a.size.empty()},
                                                  {"--rate", a.rate > 0},
                                                  {"--seed", a.seed.has_value()}};
  for (const auto& [name, given] : settled)
    if (a.resume && given)
      return Error{std::string("--resume goes on with the patch, size, rate and seed of the model; leave ") + name +
                   " out."};
  std::error_code code;
  if (!a.resume && !a.replace && std::filesystem::exists(a.out, code) &&
      std::filesystem::exists(presets::statePath(a.out), code))
    return Error{"\"" + a.out + "\" has been trained already; --resume goes on with it, --replace trains anew."};
  return {};
}

void print(const presets::Trained& t, const std::string& out) {
  const core::TrainResult& r = t.result;
  for (const core::Skipped& s : r.skipped) std::printf("Skipped %s: %s\n", s.file.c_str(), s.reason.c_str());
  printList("Trained on", r.trained);
  printList("Held out", r.validated);
  if (!t.model.info.instruments.empty()) printList("Instruments", t.model.info.instruments);
  for (const core::TrainPoint& p : r.curve)
    std::printf("%6d steps %7.1f s  loss %.4f%s\n", p.step, p.seconds, p.loss, heldOut(p.validation).c_str());
  for (const std::string& w : r.warnings) std::printf("%s\n", w.c_str());
  std::printf("%s: %s\n", out.c_str(), t.model.info.training.c_str());
}
}  // namespace

int trainCommand(const core::Registry& registry, const TrainArguments& a) {
  auto files = core::findRecordings(a.folder);
  if (!files) return fail(files.error());
  if (auto done = checkStart(a); !done) return fail(done.error());
  presets::TrainJob job;
  job.model = a.out;
  job.resume = a.resume;
  job.features = presets::featureFolder();
  job.files = std::move(*files);
  if (!a.resume) {
    auto patch = choosePatch(registry, a);
    if (!patch) return fail(patch.error());
    job.patch = std::move(*patch);
  }
  if (std::error_code code; std::filesystem::is_directory(a.folder, code)) job.data.root = a.folder;
  for (const std::string& list : a.validate)
    for (std::string& name : core::splitNames(list, job.files, job.data.root))
      job.data.validate.push_back(std::move(name));
  if (a.seed) job.data.seed = job.options.seed = static_cast<unsigned>(*a.seed);
  job.options.minutes = a.minutes;
  job.options.steps = a.steps;
  if (a.threads > 0) job.options.threads = a.threads;
  if (a.checkpoint > 0) job.options.checkpointSeconds = a.checkpoint;
  job.info.licence = a.licence;
  job.info.credits = a.creditsFile.empty() ? a.credits : readText(a.creditsFile);
  ::signal(SIGINT, [](int) { interrupted.request_stop(); });
  std::size_t warned = 0;
  const auto trained = presets::trainModel(
      job, registry,
      [&](const core::TrainProgress& p) {
        draw(p);
        for (std::size_t w = warned; w < p.warnings.size(); ++w) std::fprintf(stderr, "\n%s\n", p.warnings[w].c_str());
        warned = p.warnings.size();
      },
      interrupted.get_token());
  if (isatty(STDERR_FILENO)) std::fprintf(stderr, "\n");
  if (!trained) return fail(trained.error());
  print(*trained, a.out);
  if (trained->result.cancelled) std::fprintf(stderr, "Stopped; --resume goes on from here.\n");
  return trained->result.cancelled ? 1 : 0;
}

}  // namespace app
