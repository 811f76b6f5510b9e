// SPDX-License-Identifier: GPL-3.0-or-later
// Trains what is free in a patch on recordings: clips in lanes, spectra of six sizes and loudness as
// the loss, Adam with a falling rate and a bound on the gradient's norm. J. Engel et al., "DDSP:
// Differentiable Digital Signal Processing", 2020. The patch that comes out is the patch that went
// in with other tensors, and with the statistics of what its controllers were trained on.
#pragma once

#include "core/fit/optimizer.h"
#include "core/neural/dataset.h"

namespace core {

struct TrainOptions {
  double minutes = 10;  ///< wall time; with steps > 0 only the steps count (reproducible)
  int steps = 0;
  unsigned seed = 1;
  int threads = 2;           ///< each works on its own clips; part of what makes a run reproducible
  int lanes = 8;             ///< clips a thread and step
  double clipSeconds = 1.2;  ///< length of a clip, warm-up included
  /// At a clip's start, outside the loss: the memory settles. As long as the recordings ring, if that is longer (and
  /// the clip with it): what rings on from before a clip is none of its controller's.
  double warmSeconds = 0.2;
  double firstRate = 2e-3, lastRate = 1e-4;
  double gradientNorm = 3;  ///< longer gradients are scaled down to it
  double validateSeconds = 20, checkpointSeconds = 30;
  double patienceSeconds = 600;  ///< stops when validation has not improved for so long; 0: never
};

struct TrainPoint {
  int step = 0;
  double seconds = 0, loss = 0, validation = 0;  ///< loss: mean since the point before
};

/// Everything needed to go on later: the values, the optimiser's moments, the count.
struct TrainState {
  std::vector<double> values, mean, square;
  std::vector<double> bestValues;  ///< those with the least validation loss; empty: what the patch holds
  int step = 0;
  unsigned seed = 1;   ///< of TrainOptions
  double seconds = 0;  ///< trained so far
  double best = 0;     ///< least validation loss; 0: none yet
  std::vector<TrainPoint> curve;
  std::vector<std::string> heldOut;  ///< takes; whoever goes on must hold out the same. Empty: not known
};

struct TrainResult;

struct TrainProgress {
  std::string stage;  ///< "Listening", "Training", "Validating"
  double part = 0;    ///< of the whole, 0 to 1
  int step = 0;
  double elapsed = 0, left = 0, loss = 0;  ///< s in all sessions; s to go, 0: not known; smoothed, 0: none yet
  std::span<const TrainPoint> curve;
  const TrainResult* checkpoint = nullptr;  ///< now and then: what it would be if training ended now
  /// Takes; once the recordings are read, which is before the first step.
  std::span<const std::string> trained, heldOut;
  std::span<const std::string> instruments;  ///< likewise, as TrainResult has them
  std::span<const Skipped> skipped;          ///< likewise
  std::span<const std::string> warnings;     ///< what is wrong and is so still: takes, collapses (guards.h)
};

struct TrainResult {
  Patch patch;  ///< best on validation
  TrainState state;
  std::vector<TrainPoint> curve;
  std::vector<std::string> trained, validated, warnings;
  std::vector<std::string> instruments;  ///< in the order that an embedding has them; empty: the patch has none
  std::vector<Skipped> skipped;
  double secondsOfSound = 0;
  double decaySeconds = 0;  ///< reverberation time heard in the recordings; 0: none (core/analysis/decay.h)
  double warmSeconds = 0;   ///< at the start of each clip, outside the loss (TrainOptions)
  double lagSeconds = 0;    ///< by which it was trained to play later than what it hears (lag.h)
  bool cancelled = false;
};

/// Runs in the caller's thread (and helpers). `resume`: a state of the same patch, options and recordings. With steps,
/// one thread and a given `options.steps`, a run that is stopped and gone on with has the bits of one run. Error: what
/// loading or compiling says, takes to hold out that are not there, or a state that does not fit.
Result<TrainResult> train(const Patch& patch, const Registry& registry, const std::vector<std::filesystem::path>& files,
                          const DatasetOptions& data, const TrainOptions& options, const TrainState* resume,
                          const std::function<void(const TrainProgress&)>& progress, const std::stop_token& stop);

}  // namespace core
