// SPDX-License-Identifier: GPL-3.0-or-later
// Several instruments in one model: which recording is of which, and the nodes that are told (an
// embedding), known by their input `instrument` and their setting `instruments`.
#pragma once

#include <string>
#include <vector>

#include "core/graph/patch.h"

namespace core {

/// The instrument of a recording by its name below the folder that is trained on: the name of its first
/// sub-folder ("violin/slow/a.flac": "violin"); empty for a recording in no sub-folder.
std::string instrumentOf(const std::string& recording);

/// The instruments of recordings, each once, by name: their order in an embedding.
std::vector<std::string> instrumentsOf(const std::vector<std::string>& recordings);

/// Where instrument `index` of `count` lies on the input `instrument`: 0 the first, 1 the last.
double instrumentPosition(int index, int count);

/// Ids of the nodes that choose an instrument.
std::vector<std::string> instrumentNodes(const Patch& patch, const Registry& registry);

/// Tells those nodes how many instruments there are; tables of another number are forgotten.
void setInstruments(Patch& patch, const Registry& registry, int count);

/// The patch with its knobs on the instrument of a recording, `instruments` being in the order above.
Patch asInstrument(Patch patch, const Registry& registry, const std::string& recording,
                   const std::vector<std::string>& instruments);

}  // namespace core
