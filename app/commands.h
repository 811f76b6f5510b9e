// SPDX-License-Identifier: GPL-3.0-or-later
// The commands behind the command line; each returns its exit code and says errors in one line.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/graph/registry.h"
#include "core/graph/result.h"

namespace app {

struct RenderArguments {
  std::string patch, out, notes, midi;
  double seconds = 0, rate = 0, patchRate = 0;
  std::vector<std::string> inputs, sets;
  int seed = -1;
  std::string format, normalise;
};
struct FitArguments {
  std::string patch, target, out, exportTo, report;
  std::vector<std::string> free, lock;
  double budget = 60;
  int steps = 0;
  int seed = 1;
};
struct BenchArguments {
  std::string only;                  ///< rows whose name begins so
  bool noPeers = false;              ///< do not run other programs
  bool recover = false;              ///< the long recover runs too
  std::vector<std::string> presets;  ///< recover only these, and leave the other rows out
  double budget = 60;
  int seed = 1;
};
struct TrainArguments {
  std::string folder, out, patch, size, licence, credits, creditsFile;  ///< patch, size: empty is the usual one
  std::vector<std::string> validate;
  double rate = 0, minutes = 10, checkpoint = 0;
  int steps = 0, threads = 0;
  std::optional<int> seed;
  bool resume = false, replace = false;
};

struct TransferArguments {
  std::string model, audio, out, octave, format;
  bool matchLoudness = false, gate = false, noReverb = false;
  double autotune = 0, wet = 1;
};
struct SwapArguments {
  std::string a, b, out;
  std::vector<std::string> take;
  bool noReverb = false;
};
struct ExtractArguments {
  std::string model, out;
  std::vector<std::string> take;
};

struct PresetArguments {
  std::string model, patch, recordings, out;
};

/// Prints "tonewright: sentence" on stderr, in one line; returns 1.
int fail(const core::Error& error);
/// The same for what is wrong with the arguments themselves, whatever the files they name hold; returns 2.
int failUsage(const core::Error& error);
/// What commands return that Ctrl-C stopped and that kept what they had: as shells count a program that it ends.
inline constexpr int kStopped = 130;

int nodesCommand(const core::Registry& registry, bool json);
int presetsCommand(bool json);
int checkCommand(const core::Registry& registry, const std::string& patch, bool json);
int renderCommand(const core::Registry& registry, const RenderArguments& arguments);
int fitCommand(const core::Registry& registry, const FitArguments& arguments);
/// kStopped: a checkpoint is there, unless that was before the first step.
int trainCommand(const core::Registry& registry, const TrainArguments& arguments);
int evaluateCommand(const core::Registry& registry, const std::string& model, const std::string& folder, bool json);
int transferCommand(const core::Registry& registry, const TransferArguments& arguments);
int swapCommand(const core::Registry& registry, const SwapArguments& arguments);
int extractCommand(const core::Registry& registry, const ExtractArguments& arguments);
int presetCommand(const core::Registry& registry, const PresetArguments& arguments);
int compareCommand(const std::string& target, const std::string& output, bool json);
int benchCommand(const core::Registry& registry, const BenchArguments& arguments, bool json);
/// The main job without a display: fits a factory patch to a recording and leaves everything in a
/// folder that it names.
int demoCommand(const core::Registry& registry);

}  // namespace app
