// SPDX-License-Identifier: GPL-3.0-or-later
#include "nodes/registry.h"

#include "nodes/filter/svf.h"

void nodes::addFilterNodes(core::Registry& r) { r.add(core::makeNodeType<Svf>()); }
