// SPDX-License-Identifier: GPL-3.0-or-later
// What a training step costs: the trainer itself on a made recording, sixteen clips of 4 s at 16 kHz.
#pragma once

#include <filesystem>
#include <memory>

#include "core/graph/registry.h"
#include "core/graph/result.h"
#include "core/neural/trainer.h"

namespace app {

class TrainRun {
 public:
  /// size: "tiny" or "full", see core/neural/sizes.h. threads: clips are shared out between them.
  /// scratch: a folder for the recording. Error: what loading the patch or writing the file says.
  static core::Result<std::unique_ptr<TrainRun>> create(const std::string& size, int threads,
                                                        const core::Registry& registry,
                                                        const std::filesystem::path& scratch);
  /// Seconds of a step (median of a few after the first): of the processor, or with several threads by
  /// the clock, which is what counts then. 0: the training failed.
  double measure();

 private:
  TrainRun(const core::Registry& registry) : registry_(registry) {}
  const core::Registry& registry_;
  core::Patch patch_;
  std::filesystem::path recording_;
  core::TrainOptions options_;
};

}  // namespace app
