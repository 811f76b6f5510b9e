// SPDX-License-Identifier: GPL-3.0-or-later
#include "nodes/registry.h"

#include "nodes/effect/convolution.h"
#include "nodes/effect/delay.h"
#include "nodes/effect/fdn_reverb.h"
#include "nodes/effect/gain.h"

void nodes::addEffectNodes(core::Registry& r) {
  r.add(core::makeNodeType<Gain>());
  r.add(core::makeNodeType<Delay>());
  r.add(core::makeNodeType<FdnReverb>());
  r.add(core::makeNodeType<Convolution>());
}
