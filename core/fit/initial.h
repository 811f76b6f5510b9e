// SPDX-License-Identifier: GPL-3.0-or-later
// From what was measured in a recording to the values a fit starts from. What a value means is read
// from the input it acts on (its id, unit and scale), never from a node's type.
#pragma once

#include <functional>
#include <span>

#include "core/analysis/target.h"
#include "core/fit/session.h"
#include "core/graph/plan.h"

namespace core {

/// What a control track is for: what the input means that its first output is connected to.
enum class TrackRole { none, pitch, level, harmonics, bands };
struct TrackUse {
  TrackRole role = TrackRole::none;
  int node = -1, input = -1;  ///< where it goes
  double depth = 1;
};
TrackUse trackUse(const Plan& plan, int node);

/// How a track lies in time, read from its settings by their ids.
struct TrackGrid {
  double frameRate = 0;  ///< rows a second; 0: not a track
  bool mapped = false;   ///< values are bent to levels by the node itself (exp_sigmoid)
};
TrackGrid trackGrid(const PlanNode& node);

/// exp_sigmoid of the DDSP family, 2 / (1 + e^-x)^ln 10 + 1e-7, and its inverse (clamped).
double bentLevel(double x);
double unbentLevel(double level);

/// Whether a knob sets a pitch: a frequency that sound is made at, not one that is filtered.
bool isPitch(const Input& row);

/// Writes a target's onset, length and pitch into the phrase: one note.
void writePhrase(Patch& patch, const TargetAnalysis& analysis, double seconds);

/// The part of a harmonic's level that is believed in: less where no pitch was heard.
double voicing(const PitchTrack& pitch, double seconds);

/// Fills the free tensors of a patch that are control tracks: pitch, harmonic levels, noise bands.
/// `plan` is compiled from the patch. Returns whether any was filled.
bool writeTracks(Patch& patch, const Plan& plan, const std::vector<FitVariable>& free, const TargetAnalysis& analysis,
                 std::span<const Sample> x, const std::function<bool()>& stop);

}  // namespace core
