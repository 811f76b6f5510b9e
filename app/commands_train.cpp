// SPDX-License-Identifier: GPL-3.0-or-later
// `train`: a folder of recordings into a model file.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <set>
#include <span>

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

bool onTerminal() { return isatty(STDERR_FILENO) != 0; }

/// Nothing where nothing is held out.
std::string heldOut(double loss) {
  char line[40] = "";
  if (loss > 0) std::snprintf(line, sizeof line, "  held out %.4f", loss);
  return line;
}

void printList(const char* title, std::span<const std::string> names) {
  std::printf("%s (%zu):", title, names.size());
  for (const std::string& n : names) std::printf(" %s", n.c_str());
  std::printf("\n");
}

/// Says on stdout what is learned from, once it is known, and how it goes where no terminal shows that; on stderr what
/// is wrong, each sentence once, and to a terminal a line that changes.
class Teller {
 public:
  void take(const core::TrainProgress& p) {
    list(p);
    tell(p.curve);
    warn(p.warnings);
    draw(p);
  }
  /// What has not been said yet when training ends.
  void end(const core::TrainResult& r) {
    tell(r.curve);
    warn(r.warnings);
    clear();
  }
  /// The progress line makes room for another.
  static void clear() {
    if (onTerminal()) std::fprintf(stderr, "\r\033[K");
  }
  bool begun() const { return listed_; }

 private:
  void list(const core::TrainProgress& p) {
    if (listed_ || p.trained.empty()) return;
    listed_ = true;
    told_ = p.curve.size();  // those of earlier sessions are
    clear();
    for (const core::Skipped& s : p.skipped) std::printf("Skipped %s: %s\n", s.file.c_str(), s.reason.c_str());
    printList("Trained on", p.trained);
    printList("Held out", p.heldOut);
    if (!p.instruments.empty()) printList("Instruments", p.instruments);
    std::fflush(stdout);
  }
  void tell(std::span<const core::TrainPoint> curve) {
    if (told_ >= curve.size() || (onTerminal() && isatty(STDOUT_FILENO))) return;
    for (const core::TrainPoint& p : curve.subspan(told_))
      std::printf("%6d steps %7.1f s  loss %.4f%s\n", p.step, p.seconds, p.loss, heldOut(p.validation).c_str());
    told_ = curve.size();
    std::fflush(stdout);
  }
  void warn(std::span<const std::string> warnings) {
    for (const std::string& w : warnings)
      if (warned_.insert(w).second) {
        clear();
        std::fprintf(stderr, "%s\n", w.c_str());
      }
  }
  static void draw(const core::TrainProgress& p) {
    if (!onTerminal()) return;
    clear();
    std::fprintf(stderr, "%-11s %3.0f %%", p.stage.c_str(), 100 * p.part);
    if (p.elapsed > 0) std::fprintf(stderr, "  step %d  %.0f s", p.step, p.elapsed);
    if (p.left > 0) std::fprintf(stderr, ", %.0f s left", p.left);
    if (p.loss > 0) std::fprintf(stderr, "  loss %.3f", p.loss);
    if (!p.curve.empty()) std::fprintf(stderr, "%s", heldOut(p.curve.back().validation).c_str());
    std::fflush(stderr);
  }

  bool listed_ = false;
  std::size_t told_ = 0;  ///< points of the curve
  std::set<std::string> warned_;
};

std::string readText(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {(std::istreambuf_iterator<char>(in)), {}};
}

Result<core::Patch> choosePatch(const core::Registry& registry, const TrainArguments& a) {
  auto patch = loadPatch(a.patch.empty() ? presets::kTrainedFrom : a.patch);
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
  if (a.resume || a.replace) return {};
  std::error_code code;
  const std::filesystem::path state = presets::statePath(a.out);
  const bool model = std::filesystem::exists(a.out, code), checkpoint = std::filesystem::exists(state, code);
  if (!model && !checkpoint) return {};
  return Error{"\"" + (model ? a.out : state.string()) + "\" is there already; name another file, or " +
               (model && checkpoint ? "--resume goes on with it, " : "") + "--replace trains anew in its place."};
}

/// Prints how it ended; returns the exit code.
int outcome(const Result<presets::Trained>& trained, const TrainArguments& a, bool begun) {
  if (!trained && interrupted.stop_requested() && !begun) {
    std::fprintf(stderr, "Stopped before the first step; nothing is written.\n");
    return kStopped;
  }
  if (!trained) return fail(trained.error());
  std::printf("%s: %s\n", a.out.c_str(), trained->model.info.training.c_str());
  if (!trained->result.cancelled) return 0;
  std::fflush(stdout);
  std::fprintf(stderr, "Stopped; --resume goes on from here.\n");
  return kStopped;
}

void chooseData(const TrainArguments& a, presets::TrainJob& job) {
  if (std::error_code code; std::filesystem::is_directory(a.folder, code)) job.data.root = a.folder;
  for (const std::string& list : a.validate)
    for (std::string& name : core::splitNames(list, job.files, job.data.root))
      job.data.validate.push_back(std::move(name));
  if (a.seed) job.data.seed = job.options.seed = static_cast<unsigned>(*a.seed);
}
}  // namespace

int trainCommand(const core::Registry& registry, const TrainArguments& a) {
  if (auto done = presets::checkModelName(a.out); !done) return failUsage(done.error());
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
  chooseData(a, job);
  job.options.minutes = a.minutes;
  job.options.steps = a.steps;
  if (a.threads > 0) job.options.threads = a.threads;
  if (a.checkpoint > 0) job.options.checkpointSeconds = a.checkpoint;
  job.info.licence = a.licence;
  job.info.credits = a.creditsFile.empty() ? a.credits : readText(a.creditsFile);
  ::signal(SIGINT, [](int) { interrupted.request_stop(); });
  Teller teller;
  const auto trained = presets::trainModel(
      job, registry, [&](const core::TrainProgress& p) { teller.take(p); }, interrupted.get_token());
  if (trained)
    teller.end(trained->result);
  else
    Teller::clear();
  return outcome(trained, a, teller.begun());
}

}  // namespace app
