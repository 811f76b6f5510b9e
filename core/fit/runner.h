// SPDX-License-Identifier: GPL-3.0-or-later
// One fit from start to end: the stages and what they share. Used by session.cpp only.
#pragma once

#include <chrono>
#include <optional>
#include <random>

#include "core/analysis/target.h"
#include "core/fit/gauss_newton.h"
#include "core/fit/lane_bank.h"
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
  using LossOf = std::function<double(std::span<const Sample>)>;
  struct Candidate {
    Values x;
    double loss = 0;
  };
  static bool lower(const Candidate& a, const Candidate& b) { return a.loss < b.loss; }
  /// How long a stage may go on: to a step number, or to a moment.
  struct Until {
    int steps = 0;
    double seconds = 0;
  };
  /// A number that least squares move: where it lies, how far it is moved to see what it does, and how
  /// far one step may take it.
  struct Coordinate {
    std::size_t at = 0;
    double probe = 0, most = 0;
  };
  /// Coordinates that change places, and those that are mirrored about the middle of their travel.
  struct Exchange {
    std::vector<std::pair<std::size_t, std::size_t>> swapped;
    std::vector<std::size_t> mirrored;
  };

  // runner.cpp: the frame
  void listen(const AudioData& target);
  Result<void> prepare();
  Result<void> build(Plan plan);
  void playPhrase();
  void judgeGiven(const Values& given);
  Values find(const Values& given);
  void during(const std::function<void()>& work);
  double elapsed() const;
  /// Whether what runs is to end: the caller has asked for it, or the budget is used up.
  bool stopped() const { return stop_.stop_requested(); }
  bool asked() const { return asked_.stop_requested(); }
  Until part(double share) const;
  bool over(const Until& until) const;
  void report(const Values* best = nullptr);
  void finish(const Values& best);
  FitResult cancelled();
  void listGiven(const Values& given);
  void listFound(const Values& best);

  // runner_start.cpp: pitch and level brought to the target's
  std::vector<Values> startValues(const Values& given);
  bool hasPitchKnob() const;
  void tunePhrase(double ratio);
  void shiftPitch(Values& x, double ratio) const;
  double pitchRatio(const std::vector<Sample>& sound);
  Values matchLevel(const Values& x);

  // runner_pitch.cpp: pitches tried out
  Values scanPitch(Values x);
  Candidate scanDetunes(Candidate from, const LossOf& value, const Until& until);
  static std::vector<Candidate> valleys(const std::vector<Candidate>& row);
  LogSpectralResidual makePitchResidual(double ceiling);

  // runner_lanes.cpp: candidates side by side
  static std::vector<LaneBank::Set> sets(const std::vector<Candidate>& candidates);
  void judge(std::vector<Candidate>& candidates, const LossOf& loss);
  std::vector<Coordinate> coordinates(bool pitchesOnly) const;
  Candidate solve(Candidate from, const LogSpectralResidual& loss, const Until& until, int rounds,
                  bool pitchesOnly = false);
  std::vector<Candidate> trials(const Values& x, const NormalEquations& equations, const std::vector<Coordinate>& moved,
                                double damping) const;

  // runner_refine.cpp: the order of the stages
  Candidate refine(std::vector<Candidate> found, const std::vector<Values>& starts);
  Candidate refineTracks(Candidate best);
  Candidate explore(const std::vector<Candidate>& found, const std::vector<Values>& starts);
  std::vector<Exchange> exchanges();
  Values startNumber(int i, const std::vector<Candidate>& found, const Values& best, const Values& start);
  Candidate better(const Candidate& best, Candidate c);
  bool done(const Candidate& c) const;

  // runner_stages.cpp: their means
  std::vector<Candidate> search(const std::vector<Values>& starts);
  std::vector<Values> scatter(const Values& start, int batch);
  double render(const Values& x, std::vector<Sample>& out);
  double evaluate(const Values& x, const SpectralLoss& loss, std::span<double> d);
  Candidate descend(Candidate from, const SpectralLoss& loss, const Until& until, double scale);
  void wakeDead(Values& x, const Values& d, std::vector<int>& zeros) const;
  Candidate scanTimes(Candidate from, const SpectralLoss& loss);
  Candidate scanValues(Candidate from, const LossOf& value, bool phasesOnly);
  LossOptions lossOptions(LossKind kind, double epsilon) const;
  SpectralLoss makeLoss(const LossOptions& options);
  LogSpectralResidual makeResidual(double epsilon, double bend, double ceiling = 0);
  double loud() const { return std::max(analysis_.peak, 1e-3); }
  void keep(Candidate& found);
  void judgeTerms(const Values& given, Values& best);

  const Patch& given_;
  Patch patch_;  ///< with the target's phrase and measured tracks
  const Registry& registry_;
  FitOptions options_;
  const std::function<void(const FitProgress&)>& progress_;
  std::stop_token asked_;  ///< the caller's
  std::stop_source halt_;  ///< when the caller asks, and at the deadline
  std::stop_callback<std::function<void()>> forward_;
  std::stop_token stop_ = halt_.get_token();
  double deadline_ = 0;  ///< s; 0: none. Judging has to fit in after it
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  double told_ = -1, written_ = -1, startAfter_ = 0;
  std::mt19937 random_;

  std::vector<Sample> target_;
  TargetAnalysis analysis_;
  int ticks_ = 0;
  std::optional<FitSpace> space_;
  std::vector<VoiceEvent> events_;
  std::unique_ptr<Gradient> gradient_;
  std::unique_ptr<LaneBank> lanes_;
  std::vector<Exchange> exchanges_;
  std::unique_ptr<SpectralLoss> fine_;  ///< the loss that decides
  Candidate kept_;                      ///< the best by it: what a cancelled run gives
  Patch shown_;
  FitProgress state_;
  FitResult result_{patch_, {}, {}, {}, 0, 0, 0, 0, false, {}};
};

}  // namespace core
