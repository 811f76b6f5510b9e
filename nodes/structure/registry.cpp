// SPDX-License-Identifier: GPL-3.0-or-later
#include "nodes/registry.h"

#include "nodes/structure/mix.h"
#include "nodes/structure/output.h"
#include "nodes/structure/pan.h"
#include "nodes/structure/voice_mix.h"

void nodes::addStructureNodes(core::Registry& r) {
  r.add(core::makeNodeType<Mix>());
  r.add(core::makeNodeType<Pan>());
  r.add(core::makeNodeType<VoiceMix>());
  r.add(core::makeNodeType<AudioOutput>());
}
