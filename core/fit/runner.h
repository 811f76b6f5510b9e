// SPDX-License-Identifier: GPL-3.0-or-later
// One fit from start to end: the stages and what they share. Used by session.cpp only.
#pragma once

#include <chrono>
#include <optional>
#include <random>

#include "core/analysis/target.h"
#include "core/fit/loss.h"
#include "core/fit/session.h"
#include "core/fit/variables.h"
#include "core/graph/realtime.h"
#include "core/graph/voices.h"

namespace core {

class FitRunner {
 public:
  FitRunner(const Patch& patch, const Registry& registry, const FitOptions& options,
            const std::function<void(const FitProgress&)>& progress, const std::stop_token& stop);
  Result<FitResult> run(const AudioData& target);

 private:
  using Values = std::vector<double>;
  struct Candidate {
    Values x;
    double loss = 0;
  };
  /// How long a stage may go on: to a step number, or to a moment.
  struct Until {
    int steps = 0;
    double seconds = 0;
  };

  void listen(const AudioData& target);
  Result<void> prepare();
  void tunePhrase(double ratio);
  Values startValues(const Values& given);
  void shiftPitch(Values& x, double ratio) const;
  std::vector<Candidate> search(const Values& start);
  std::vector<Values> scatter(const Values& start, int batch);
  void judge(std::vector<Candidate>& candidates, const SpectralLoss& loss);
  double evaluate(const Values& x, const SpectralLoss& loss, std::span<double> d);
  Candidate descend(Candidate from, const SpectralLoss& loss, const Until& until, double scale);
  void wakeDead(Values& x, const Values& d, std::vector<int>& zeros) const;
  Candidate scanTimes(Candidate from, const SpectralLoss& loss);
  Candidate scanValues(Candidate from, const SpectralLoss& loss);
  Candidate refine(std::vector<Candidate> found, const Values& start);
  LossOptions lossOptions(LossKind kind, double epsilon) const;
  double render(const Values& x, std::vector<Sample>& out);
  void finish(const Values& given, const Values& best, double before, double after);

  double elapsed() const;
  bool stopped() const { return stop_.stop_requested(); }
  Until part(double share) const;
  void report(const Values* best = nullptr);

  Patch patch_;
  const Registry& registry_;
  FitOptions options_;
  const std::function<void(const FitProgress&)>& progress_;
  std::stop_token stop_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  double told_ = -1, written_ = -1, startAfter_ = 0;
  std::mt19937 random_;

  std::vector<Sample> target_;
  TargetAnalysis analysis_;
  int ticks_ = 0;
  std::optional<FitSpace> space_;
  std::vector<VoiceEvent> events_;
  std::unique_ptr<Gradient> gradient_;
  std::unique_ptr<Executor> lanes_;
  Patch shown_;
  FitProgress state_;
  FitResult result_{patch_, {}, {}, {}, 0, 0, 0, 0, false, {}};
};

}  // namespace core
