// SPDX-License-Identifier: GPL-3.0-or-later
// The patches whose speed is measured: subtractive voice, additive voice with noise, two reverbs,
// sixteen voices into a reverb, and two to learn.
#pragma once

#include <string>
#include <vector>

#include "core/graph/patch.h"
#include "core/graph/voices.h"

namespace app {

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

/// A patch to learn: what is free is marked in it, its phrase is what it plays.
struct GradientBench {
  std::string id, name;
  core::Patch patch;
  double seconds = 0;
};

/// G1, the DDSP voice: 4 s at 16 kHz, 100 harmonics, 65 bands, 1 s of reverb, all of it free. G3, a saw
/// through a low-pass that an envelope moves and an amplifier with another: 2 s at 44.1 kHz, twelve
/// numbers free. Patches with a node type that the registry lacks are left out.
std::vector<GradientBench> gradientPatches(const core::Registry& registry);

}  // namespace app
