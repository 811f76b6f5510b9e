// SPDX-License-Identifier: GPL-3.0-or-later
// A training with its files: checkpoints beside the model, going on later, the finished model. The
// command and the window order the same job.
#pragma once

#include <optional>

#include "core/neural/trainer.h"
#include "presets/model_file.h"

namespace presets {

/// Id of the model without weights that training starts from unless another is named.
inline constexpr const char* kTrainedFrom = "neural-decoder";

struct TrainJob {
  core::Patch patch;  ///< to start from; when `resume`, what the checkpoint holds instead
  std::vector<std::filesystem::path> files;
  std::filesystem::path model;  ///< checkpoints and the result; must end in .safetensors
  ModelInfo info;               ///< licence and credits to write into it; empty ones are those of the patch
  core::DatasetOptions data;    ///< resuming: its seed, and takes to hold out if it names none, are those of before
  core::TrainOptions options;   ///< time and steps are in all, from the beginning on; the seed likewise
  bool resume = false;
  std::filesystem::path features;  ///< folder of a featureStore; empty: everything is heard anew
};

struct Trained {
  core::TrainResult result;
  Model model;  ///< as it was written
};

/// Has the signature of trainModel; called in a worker thread.
using TrainRunner = std::function<core::Result<Trained>(const TrainJob&, const core::Registry&,
                                                        const std::function<void(const core::TrainProgress&)>&,
                                                        const std::stop_token&)>;

/// Trains in the caller's thread (and helpers). Every checkpoint and the result are written whole or
/// not at all; a stop or a crash leaves a model that can be played and gone on with. Error: a model that
/// cannot be written (noticed before work begins, or when the disk fills up), nothing to go on from or nothing
/// left to do, what core::train says.
core::Result<Trained> trainModel(const TrainJob& job, const core::Registry& registry,
                                 const std::function<void(const core::TrainProgress&)>& progress,
                                 const std::stop_token& stop);

/// Where what going on needs lies: beside the model.
std::filesystem::path statePath(const std::filesystem::path& model);
/// Without the takes held out, which the model says. Error: there is none, or it is damaged.
core::Result<core::TrainState> readTrainState(const std::filesystem::path& model);
/// Error: going on with these options would end at once.
core::Result<void> checkWorkLeft(const core::TrainState& state, const core::TrainOptions& options);

/// The sound of a take ("notes.flac#3") out of the files it may be in, mono at `rate`, with a little
/// silence around. Error: there is no such take.
core::Result<core::AudioData> takeSound(const std::vector<std::filesystem::path>& files, const std::string& take,
                                        double rate);

}  // namespace presets
