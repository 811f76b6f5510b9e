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

void draw(const core::TrainProgress& p) {
  if (!isatty(STDERR_FILENO)) return;
  std::fprintf(stderr, "\r%-11s %3.0f %%  step %d  %.0f s, %.0f s left  loss %.3f  held out %.3f   ", p.stage.c_str(),
               100 * p.part, p.step, p.elapsed, p.left, p.loss, p.curve.empty() ? 0.0 : p.curve.back().validation);
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
  auto patch = loadPatch(a.patch);
  if (!patch) return patch;
  if (a.rate > 0) patch->rate = a.rate;
  if (auto done = core::applySize(*patch, registry, a.size); !done) return done.error();
  return patch;
}

void print(const presets::Trained& t, const std::string& out) {
  const core::TrainResult& r = t.result;
  for (const core::Skipped& s : r.skipped) std::printf("Skipped %s: %s\n", s.file.c_str(), s.reason.c_str());
  printList("Trained on", r.trained);
  printList("Held out", r.validated);
  if (!t.model.info.instruments.empty()) printList("Instruments", t.model.info.instruments);
  for (const core::TrainPoint& p : r.curve)
    std::printf("%6d steps %7.1f s  loss %.4f  held out %.4f\n", p.step, p.seconds, p.loss, p.validation);
  for (const std::string& w : r.warnings) std::printf("%s\n", w.c_str());
  std::printf("%s: %s\n", out.c_str(), t.model.info.training.c_str());
}
}  // namespace

int trainCommand(const core::Registry& registry, const TrainArguments& a) {
  std::error_code code;
  if (!std::filesystem::exists(a.folder, code))
    return fail(Error{"There is no folder \"" + a.folder + "\"; name one that holds recordings."});
  presets::TrainJob job;
  job.model = a.out;
  job.resume = a.resume;
  job.features = presets::featureFolder();
  job.files = core::recordings(a.folder);
  if (job.files.empty())
    return fail(Error{"The folder \"" + a.folder + "\" holds no recordings (.wav .flac .ogg .mp3 .aiff)."});
  if (!a.resume) {
    auto patch = choosePatch(registry, a);
    if (!patch) return fail(patch.error());
    job.patch = std::move(*patch);
  }
  if (std::filesystem::is_directory(a.folder, code)) job.data.root = a.folder;
  job.data.validate = a.validate;
  job.data.seed = job.options.seed = static_cast<unsigned>(a.seed);
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
  return trained->result.cancelled ? 1 : 0;
}

}  // namespace app
