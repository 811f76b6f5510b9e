// SPDX-License-Identifier: GPL-3.0-or-later
#include "nodes/registry.h"

#include "nodes/neural/conditioner.h"
#include "nodes/neural/controller.h"
#include "nodes/neural/embedding.h"
#include "nodes/neural/encoder.h"
#include "nodes/neural/expression.h"
#include "nodes/neural/loudness.h"
#include "nodes/neural/mfcc.h"
#include "nodes/neural/pitch_tracker.h"

void nodes::addNeuralNodes(core::Registry& r) {
  r.add(core::makeNodeType<NeuralController>());
  r.add(core::makeNodeType<PitchTracker>());
  r.add(core::makeNodeType<Loudness>());
  r.add(core::makeNodeType<Conditioner>());
  r.add(core::makeNodeType<Mfcc>());
  r.add(core::makeNodeType<NeuralEncoder>());
  r.add(core::makeNodeType<InstrumentEmbedding>());
  r.add(core::makeNodeType<Expression>());
}
