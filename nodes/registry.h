// SPDX-License-Identifier: GPL-3.0-or-later
// The list of the node types. Each category has its own list beside its files (NAME/registry.cpp), so
// that an edit of one node compiles its category only.
#pragma once

#include "core/graph/registry.h"

namespace nodes {

/// All node types, in the order of the browser. Owned by the caller and passed down.
core::Registry makeRegistry();

void addSourceNodes(core::Registry& r);
void addFilterNodes(core::Registry& r);
void addEnvelopeNodes(core::Registry& r);
void addEffectNodes(core::Registry& r);
void addControlNodes(core::Registry& r);
void addNeuralNodes(core::Registry& r);
void addStructureNodes(core::Registry& r);

}  // namespace nodes
