// SPDX-License-Identifier: GPL-3.0-or-later
#include "nodes/registry.h"

#include "nodes/envelope/adsr.h"
#include "nodes/envelope/lfo.h"

void nodes::addEnvelopeNodes(core::Registry& r) {
  r.add(core::makeNodeType<Adsr>());
  r.add(core::makeNodeType<Lfo>());
}
