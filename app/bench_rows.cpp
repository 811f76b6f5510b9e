// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/bench_rows.h"

#include <malloc.h>
#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "app/bench_peers.h"
#include "app/bench_run.h"
#include "app/bench_train.h"
#include "app/catalog.h"
#include "core/file/patch_rate.h"
#include "core/graph/render.h"
#include "core/neural/sizes.h"

namespace app {
namespace {
using namespace core;
constexpr int kRepeats = 5, kLongRepeats = 3;
constexpr double kPlaySeconds = 4, kHeldSeconds = 60;
constexpr int kManyClips = 16;
constexpr int kCancels = 20;
constexpr double kCancelStep = 0.4, kCancelledSeconds = 12;
/// So little memory that every patch is cut into stretches and run twice.
constexpr std::size_t kCheckpointBytes = std::size_t{4} << 20;

/// Stays on one processor while it lives, and so do the children.
class Pinned {
 public:
  Pinned() {
    sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<unsigned>(std::max(0, sched_getcpu())), &one);
    sched_setaffinity(0, sizeof one, &one);
  }
  ~Pinned() { sched_setaffinity(0, sizeof before_, &before_); }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

 private:
  cpu_set_t before_{};
};

/// A folder for what is built; gone afterwards.
class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "tonewright-bench-XXXXXX").string();
    if (mkdtemp(name.data())) path_ = name;
  }
  ~Scratch() {
    std::error_code code;
    if (!path_.empty()) std::filesystem::remove_all(path_, code);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class Table {
 public:
  Table(const Registry& registry, const BenchOptions& options, const std::function<void(const BenchRow&)>& show)
      : registry_(registry), options_(options), show_(show) {}

  void play() {
    for (const BenchPatch& bench : canonicalPatches(registry_, kPlaySeconds)) {
      const std::string name = bench.id + " " + bench.name;
      if (!asked(name)) continue;
      auto run = PatchRun::create(bench, registry_, kPlaySeconds);
      if (!run) continue;
      (*run)->timesRealTime();  // the first one touches the memory
      inTurns(
          name, "x real time", bench.id, [&] { return (*run)->timesRealTime(); }, true);
    }
  }

  void learn() {
    for (const GradientBench& bench : gradientPatches(registry_)) {
      learn(bench, bench.id, bench.name, 1);
      if (bench.id == "G1") learn(bench, "G1x16", bench.name + ", sixteen at once", kManyClips);
    }
  }

  /// Cost of the sweep back, its recomputation included, over that of the forward pass.
  void reverse() {
    std::vector<GradientBench> all = gradientPatches(registry_);
    for (const auto& preset : presets::factoryPresets(presetFolder()))
      if (const auto patch = presets::readPatch(preset.path))
        all.push_back({preset.id, preset.id, *patch, std::max(1.0, patch->phraseSeconds() + 0.5)});
    for (const GradientBench& bench : all)
      for (const bool cut : {false, true}) {
        const std::string name = "reverse/forward " + bench.id + (cut ? ", checkpoints" : "");
        if (!asked(name)) continue;
        auto run = GradientRun::create(bench, registry_, 1, cut ? kCheckpointBytes : 0);
        if (!run) continue;
        (*run)->step();
        std::vector<double> ratios;
        for (int r = 0; r < kRepeats; ++r) {
          const auto step = (*run)->step();
          ratios.push_back(step.backward / step.forward);
        }
        show_({name, median(ratios), "x", 0, 0, {}, spread(ratios), 0});
      }
  }

  /// A step of the trainer, sixteen clips of 4 s: on one processor, and with two threads.
  void train(int threads) {
    for (const char* size : {"tiny", "full"}) {
      const std::string id = std::string("G2 ") + size;
      const std::string row = id + (threads == 1 ? "" : ", two threads") + ", training step";
      if (!asked(row)) continue;
      auto run = TrainRun::create(size, threads, registry_, scratch_.path());
      if (!run) continue;
      auto peer = inTurns(
          row, "s", id, [&] { return (*run)->measure(); }, false, threads);
      run->reset();
      malloc_trim(0);
      if (threads == 1) memory(row, peer);
    }
  }

  /// How long a fit goes on after it has been told to stop, at moments of its course.
  void cancel() {
    for (const char* preset : {"sms-resynthesis", "subtractive-poly"}) {
      const std::string row = std::string("cancel a fit of ") + preset + " to 12 s";
      if (!asked(row)) continue;
      const auto patch = loadPatch(preset);
      if (!patch) continue;
      RenderOptions options;
      options.seconds = kCancelledSeconds;
      const auto target = render(*patch, registry_, options);
      if (!target) continue;
      const AudioData sound{target->rate, {target->channels[0], target->channels[1]}};
      std::vector<double> late;
      late.reserve(kCancels);
      for (int i = 0; i < kCancels; ++i) late.push_back(timeToCancel(*patch, registry_, sound, 0.05 + kCancelStep * i));
      show_({row + ", median", 1000 * median(late), "ms"});
      show_({row + ", worst of 20", 1000 * *std::max_element(late.begin(), late.end()), "ms"});
    }
  }

  void live() {
    held("subtractive-poly", "subtractive-poly, 16 held voices", 16, 40, 1, {});
    held("neural-saxophone", "neural-saxophone (tiny), 1 voice", 1, 60, 1, {});
    held("neural-saxophone", "neural-saxophone (tiny), 8 voices", 8, 52, 1, {});
    held("neural-saxophone", "neural-saxophone (full), 1 voice, 256 frames", 1, 60, 4, "full");
  }

 private:
  /// A preset live at 48 kHz with keys held for a minute. size: that of its network, empty: as it ships.
  void held(const char* preset, const std::string& name, int voices, int lowest, int ticksABlock,
            const std::string& size) {
    const std::string row = "live " + name;
    if (!asked(row)) return;
    auto patch = loadPatch(preset);
    if (!patch || (!size.empty() && !applySize(*patch, registry_, size))) return;
    if (!setPatchRate(*patch, registry_, 48000)) return;
    patch->voices = voices;
    const auto load = liveLoad(*patch, registry_, voices, lowest, kHeldSeconds, ticksABlock);
    if (!load) return;
    show_({row + ", mean", 100 * load->mean, "% of a core"});
    show_({row + ", 999 of 1000 blocks under", 100 * load->usual, "% of the deadline"});
    show_({row + ", worst block", 100 * load->worst, "% of its deadline"});
    show_({row + ", worst block with interruptions", 100 * load->latest, "% of its deadline"});
  }

  bool asked(const std::string& name) const { return name.starts_with(options_.only); }

  void learn(const GradientBench& bench, const std::string& id, const std::string& name, int clips) {
    const std::string row = id + " Gradient step, " + name;
    if (!asked(row)) return;
    auto run = GradientRun::create(bench, registry_, clips);
    if (!run) return;
    (*run)->step();
    auto peer = inTurns(
        row, "s", id, [&] { return (*run)->step().all(); }, false);
    run->reset();  // a child begins with the memory of its parent: that would count
    malloc_trim(0);
    memory(row, peer);
  }

  /// Largest size of a program that does nothing else: this one again, for one row.
  void memory(const std::string& row, const std::optional<Peer>& peer) {
    if (options_.only == row) return;  // that is the child
    const auto child = runChild({"/proc/self/exe", "bench", "--only", row, "--no-peers"}, "/");
    if (!child) return;
    const double theirs = peer ? peer->megabytes() : 0;
    show_({row + ", memory", child->megabytes, "MB", theirs, theirs / child->megabytes,
           peer ? peer->name() : std::string()});
  }

  /// Ours and theirs, one after the other, five times.
  template <class Ours>
  std::optional<Peer> inTurns(const std::string& name, const std::string& unit, const std::string& id, Ours ours,
                              bool moreIsBetter, int threads = 1) {
    std::optional<Peer> peer = options_.peers ? Peer::find(id, scratch_.path(), threads) : std::nullopt;
    std::vector<double> mine, theirs;
    const bool forMemory = options_.only == name && !options_.peers;  // the child of memory(): once is enough
    const int repeats = forMemory ? 1 : name.starts_with("G2") ? kLongRepeats : kRepeats;
    for (int r = 0; r < repeats; ++r) {
      mine.push_back(ours());
      if (peer) theirs.push_back(peer->measure());
    }
    BenchRow row{name, median(mine), unit};
    row.spread = spread(mine);
    if (peer && median(theirs) > 0) {
      row.peerName = peer->name();
      row.peer = median(theirs);
      row.peerSpread = spread(theirs);
      row.ratio = moreIsBetter ? row.ours / row.peer : row.peer / row.ours;
    }
    show_(row);
    return peer;
  }

  const Registry& registry_;
  const BenchOptions& options_;
  const std::function<void(const BenchRow&)>& show_;
  Scratch scratch_;
};
}  // namespace

void measureRows(const Registry& registry, const BenchOptions& options,
                 const std::function<void(const BenchRow&)>& show) {
  Table table(registry, options, show);
  {
    const Pinned pinned;
    table.play();
    table.learn();
    table.train(1);
    table.live();
    table.reverse();
  }
  table.train(2);
  table.cancel();
}

}  // namespace app
