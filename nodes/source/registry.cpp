// SPDX-License-Identifier: GPL-3.0-or-later
#include "nodes/registry.h"

#include "nodes/source/audio_file.h"
#include "nodes/source/audio_input.h"
#include "nodes/source/filtered_noise.h"
#include "nodes/source/harmonic_oscillator.h"
#include "nodes/source/noise.h"
#include "nodes/source/oscillator.h"

void nodes::addSourceNodes(core::Registry& r) {
  r.add(core::makeNodeType<Oscillator>());
  r.add(core::makeNodeType<Noise>());
  r.add(core::makeNodeType<AudioInput>());
  r.add(core::makeNodeType<AudioFile>());
  r.add(core::makeNodeType<HarmonicOscillator>());
  r.add(core::makeNodeType<FilteredNoise>());
}
