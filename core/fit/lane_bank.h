// SPDX-License-Identifier: GPL-3.0-or-later
// Renders many sets of values of one plan side by side: lanes of executors, one executor a thread.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "core/fit/variables.h"
#include "core/graph/executor.h"

namespace core {

class LaneBank {
 public:
  using Sound = std::vector<Sample>;
  using Set = std::span<const double>;  ///< coordinates of a FitSpace

  /// Room for `executors` times `lanes` sets of values at once. How many threads compute them depends
  /// on the machine; what comes out does not. Error: as Executor::create. `space` is kept by reference.
  static Result<std::unique_ptr<LaneBank>> create(const Plan& plan, const FitSpace& space, int executors, int lanes,
                                                  const std::stop_token& stop);

  int size() const { return static_cast<int>(banks_.size()) * lanes_; }
  /// The first `samples` of every set's sound, folded to one channel. As many sets as wanted: they go
  /// through in turns. Cut short when `stop` is requested.
  std::vector<Sound> render(std::span<const Set> sets, std::span<const VoiceEvent> events, int samples,
                            const std::stop_token& stop);

 private:
  struct Bank {
    std::unique_ptr<Executor> executor;
    std::vector<std::vector<double>> inLanes;  ///< by lane: where tensors lie, the coordinates that are in it
  };
  LaneBank(const FitSpace& space, int lanes) : space_(space), lanes_(lanes) {}
  void writeValues(Bank& bank, std::span<const Set> sets, const std::stop_token& stop);
  void renderOn(Bank& bank, std::span<const Set> sets, std::span<Sound> sounds, std::span<const VoiceEvent> events,
                int samples, const std::stop_token& stop);

  const FitSpace& space_;
  int lanes_;
  std::vector<Bank> banks_;
};

/// Calls work(0) and work(1), at the same time where there are two processors or more; both without
/// denormals.
void inTwo(const std::function<void(std::size_t)>& work);

}  // namespace core
