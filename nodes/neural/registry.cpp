// SPDX-License-Identifier: GPL-3.0-or-later
#include "nodes/registry.h"

#include "nodes/neural/conditioner.h"
#include "nodes/neural/controller.h"
#include "nodes/neural/loudness.h"
#include "nodes/neural/pitch_tracker.h"

void nodes::addNeuralNodes(core::Registry& r) {
  r.add(core::makeNodeType<NeuralController>());
  r.add(core::makeNodeType<PitchTracker>());
  r.add(core::makeNodeType<Loudness>());
  r.add(core::makeNodeType<Conditioner>());
}
