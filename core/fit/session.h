// SPDX-License-Identifier: GPL-3.0-or-later
// Fitting a patch to a recording: analysis -> candidates in lanes -> least squares on log spectra from
// many starts -> L1 -> start phase scan. Runs in the caller's thread (a worker), reports progress, stops within 50 ms.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/file/audio_file.h"
#include "core/graph/patch.h"
#include "core/graph/registry.h"

namespace core {

/// A thing a fit may change. `tensor` rows count as one.
struct FitVariable {
  enum class Kind { knob, depth, tensor } kind = Kind::knob;
  std::string node, row;  ///< node id and input or tensor id
  Cable cable;            ///< for depths
};

struct FitOptions {
  double budgetSeconds = 60;  ///< wall time; with steps > 0 only the steps count (reproducible)
  int steps = 0;              ///< gradient steps in all; 0: as many as the budget allows
  unsigned seed = 1;
  std::vector<FitVariable> free;  ///< empty: what the patch declares free
  bool keepPhrase = false;        ///< do not write onset, length and pitch of the target into the phrase
};

/// What the fit is doing, for a progress bar, the loss curve and the ear.
struct FitProgress {
  std::string stage;        ///< "Listening", "Searching", "Coarse", "Fine", "Phase", "Judging"
  int step = 0, steps = 0;  ///< steps: 0 when only the budget limits
  double loss = 0, best = 0;
  double elapsed = 0, left = 0;  ///< s
  const Patch* patch = nullptr;  ///< best so far; valid during the call
};

struct FitTerm {
  std::string name;
  double start = 0, end = 0;
};
struct FitChange {
  std::string name, unit;  ///< "svf.cutoff", "Hz"
  double before = 0, after = 0;
};

struct FitResult {
  Patch patch;                 ///< the best found; never worse than what it started from
  std::vector<FitTerm> terms;  ///< the whole loss first, then its parts, which add up to it; none when cancelled
  std::vector<FitChange> changes;
  std::vector<std::string> warnings;  ///< sentences: silent, polyphonic, inharmonic targets, ...
  double f0 = 0, onset = 0;           ///< of the target, Hz and s
  double seconds = 0;                 ///< that the fit took
  int steps = 0;                      ///< of gradients and of least squares
  bool cancelled = false;
  std::vector<double> curve;  ///< loss by step
};

/// What a patch lets a fit change by default: PatchNode::free and Cable::free.
std::vector<FitVariable> declaredFree(const Patch& patch, const Registry& registry);

/// Fits. `progress` is called at least ten times a second, in this thread. Error: nothing free, no
/// output, a target that cannot be used at all.
Result<FitResult> fit(const Patch& patch, const Registry& registry, const AudioData& target, const FitOptions& options,
                      const std::function<void(const FitProgress&)>& progress, const std::stop_token& stop);

}  // namespace core
