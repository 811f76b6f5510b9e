// SPDX-License-Identifier: GPL-3.0-or-later
#include "nodes/registry.h"

core::Registry nodes::makeRegistry() {
  core::Registry r;
  addSourceNodes(r);
  addFilterNodes(r);
  addEnvelopeNodes(r);
  addEffectNodes(r);
  addControlNodes(r);
  addNeuralNodes(r);
  addStructureNodes(r);
  return r;
}
