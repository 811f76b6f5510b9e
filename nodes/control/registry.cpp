// SPDX-License-Identifier: GPL-3.0-or-later
#include "nodes/registry.h"

#include "nodes/control/constant.h"
#include "nodes/control/control_track.h"
#include "nodes/control/note_input.h"

void nodes::addControlNodes(core::Registry& r) {
  r.add(core::makeNodeType<NoteInput>());
  r.add(core::makeNodeType<Constant>());
  r.add(core::makeNodeType<ControlTrack>());
}
