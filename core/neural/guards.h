// SPDX-License-Identifier: GPL-3.0-or-later
// Watches a training for the collapses that neural instruments are known for: it goes silent, its
// noise takes the place of the notes, its learned room swallows them. Judged by ear, so to speak: what
// the patch plays of held-out clips is compared with the recordings, and where the pitch of the notes
// is lost, the part without which it comes back is to blame.
#pragma once

#include "core/neural/dataset.h"

namespace core {

enum class Collapse { none, silence, noise, reverb };

/// What a patch makes of clips.
struct CollapseReport {
  Collapse kind = Collapse::none;
  double level = 0;        ///< dB against the recordings where these sound
  double lost = 0;         ///< share of the recordings' pitched frames whose pitch is gone, 0 to 1
  double lostWithout = 0;  ///< likewise without the part to blame
};
/// What happened and what to do, one or two sentences; empty when nothing did.
std::string collapseSentence(const CollapseReport& report);

/// Clips to judge by: recordings and what the front says of them.
class CollapseGuard {
 public:
  /// At most `kMostClips` of the slices, each of `ticks`, whose first `warmTicks` are not judged.
  void take(const Dataset& data, const FrontCut& cut, std::span<const Slice> slices, int ticks, int warmTicks);
  bool empty() const { return clips_.empty(); }

  /// Plays the clips and judges. `patch`: with listening nodes, as it is trained. Nothing to judge by,
  /// or a patch that cannot be played, is no collapse.
  CollapseReport judge(const Patch& patch, const Registry& registry) const;
  /// Judges at `step` and keeps in mind. What is seen twice in a row (a start may be rough) stands in
  /// `sentences` until it is over.
  void look(const Patch& patch, const Registry& registry, int step);
  const std::vector<std::string>& sentences() const { return sentences_; }

  static constexpr std::size_t kMostClips = 8;

 private:
  struct Clip {
    std::vector<double> sound;
    std::vector<std::vector<Sample>> tracks;  ///< by feature
    std::vector<double> f0;                   ///< Hz by frame of the analysis; 0: not pitched, or too soft
  };
  /// What the patch plays, by clip; empty when it cannot.
  std::vector<std::vector<double>> play(const Patch& patch, const Registry& registry) const;
  double levelOf(const std::vector<std::vector<double>>& played) const;
  double lostPitch(const std::vector<std::vector<double>>& played) const;

  std::vector<Clip> clips_;
  double rate_ = 16000;
  int ticks_ = 0, warmFrames_ = 0;
  Collapse before_ = Collapse::none;
  int since_ = 0;  ///< step at which before_ was seen first
  std::vector<std::string> sentences_;
};

}  // namespace core
