// SPDX-License-Identifier: GPL-3.0-or-later
// Runs what the benchmark measures, one run a call, so that runs of several programs can take turns.
// Times are processor seconds of this program: what else the machine does counts little.
#pragma once

#include <memory>
#include <span>

#include "app/bench_patches.h"
#include "core/file/audio_file.h"
#include "core/fit/loss.h"
#include "core/fit/optimizer.h"
#include "core/fit/variables.h"

namespace app {

/// A patch that plays as in a sound card's callback with blocks of 128 frames.
class PatchRun {
 public:
  /// Error: what the patch's compilation says.
  static core::Result<std::unique_ptr<PatchRun>> create(const BenchPatch& bench, const core::Registry& registry,
                                                        double seconds);
  /// Plays from the start; how many times faster than real time that was.
  double timesRealTime();

 private:
  std::vector<core::VoiceEvent> events_;
  std::unique_ptr<core::Executor> executor_;
  double seconds_ = 0;
};

/// A patch that learns: gradient steps on what it declares free, against a fixed sound.
class GradientRun {
 public:
  /// clips: how many of them at once, in lanes. memoryLimit: as Gradient::Options, 0 its default.
  /// Error: what the patch's compilation says, or that nothing is free.
  static core::Result<std::unique_ptr<GradientRun>> create(const GradientBench& bench, const core::Registry& registry,
                                                           int clips = 1, std::size_t memoryLimit = 0);
  /// Processor seconds of the parts of one step.
  struct Step {
    double forward = 0, loss = 0, backward = 0, update = 0;
    double all() const { return forward + loss + backward + update; }
  };
  Step step();
  bool checkpointed() const { return gradient_->checkpointed(); }

 private:
  GradientRun(core::FitSpace space) : space_(std::move(space)) {}
  core::FitSpace space_;
  std::vector<core::VoiceEvent> events_;
  std::unique_ptr<core::Gradient> gradient_;
  std::unique_ptr<core::SpectralLoss> loss_;
  std::vector<std::vector<double>> x_;
  std::vector<core::Adam> adam_;
  std::vector<double> rates_, d_;
  std::vector<core::Sample> sound_, cotangent_;
};

/// What a live patch costs while all its voices are held.
struct LiveLoad {
  double mean = 0;    ///< part of one core
  double worst = 0;   ///< of one block, part of its deadline; by wall time, the least of several passes
  double latest = 0;  ///< the same in any pass: with what the machine does besides
  double usual = 0;   ///< what 999 of 1000 blocks stay under, of the least
};
/// Holds `voices` keys from `lowest` up for `seconds` of sound, as fast as it goes, after a second of
/// warming up; several times over. A block has so many ticks of 64 frames.
core::Result<LiveLoad> liveLoad(const core::Patch& patch, const core::Registry& registry, int voices, int lowest,
                                double seconds, int ticksABlock = 1);

/// Fits a patch and tells it to stop after so many seconds: how long it takes until the fit has ended, s.
double timeToCancel(const core::Patch& patch, const core::Registry& registry, const core::AudioData& target,
                    double after);

/// Of this program, all its threads.
double processorSeconds();
double wallSeconds();

/// The middle of an odd number of values.
double median(std::vector<double> values);
/// Largest less smallest, as a part of the median.
double spread(std::span<const double> values);

}  // namespace app
