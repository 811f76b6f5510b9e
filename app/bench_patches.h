// SPDX-License-Identifier: GPL-3.0-or-later
// Speed on canonical patches: subtractive voice, additive voice with noise, two reverbs, sixteen
// voices into a reverb, and one gradient step of a DDSP voice.
#pragma once

#include <string>
#include <vector>

#include "core/graph/patch.h"
#include "core/graph/voices.h"

namespace app {

/// One measured figure. `peer` and `ratio` (ours / peer, more is better) are 0 when nothing to
/// compare with was measured.
struct BenchRow {
  std::string name;
  double ours = 0;
  std::string unit;
  double peer = 0, ratio = 0;
};

/// A patch with what is played on it.
struct BenchPatch {
  std::string id, name;
  core::Patch patch;
  std::vector<core::PlayerEvent> events;
};

/// P1 subtractive voice, P2 additive voice, P3a convolution of 2 s, P3b feedback delay network, P4
/// sixteen voices into a reverb; 48 kHz, with events and control tracks for `seconds`. Patches with
/// a node type that the registry lacks are left out.
std::vector<BenchPatch> canonicalPatches(const core::Registry& registry, double seconds);

/// The DDSP voice of the gradient workload: 4 s at 16 kHz, 100 harmonics, 65 bands, 1 s of reverb, all
/// of it free.
core::Patch gradientPatch(const core::Registry& registry);

/// Plays a patch as the audio callback does, two ticks a run on one core, and returns how many times
/// faster than real time that is (median of `repeats`). Error: what the patch's compilation says.
core::Result<double> timesRealTime(const BenchPatch& patch, const core::Registry& registry, double seconds,
                                   int repeats);

/// Seconds of one gradient step (forward, loss, backward, one core); median of `repeats`.
core::Result<double> gradientStepSeconds(const core::Registry& registry, int repeats);

/// All of them. Takes about 20 s.
std::vector<BenchRow> benchPatches(const core::Registry& registry);

}  // namespace app
