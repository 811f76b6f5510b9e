// SPDX-License-Identifier: GPL-3.0-or-later
// What networks were trained on, as numbers in their nodes.
#pragma once

#include "core/neural/dataset.h"

namespace core {

/// Mean, spread and range of each feature over all training sound, written into the nodes it goes to:
/// of one number into settings `<input>-mean`, `-spread`, `-low`, `-high`, of several into a tensor
/// `<input>-statistics` (means, then spreads), where a node has them; and how the instrument is played
/// (playing_statistics.h).
void writeStatistics(Patch& patch, const FrontCut& cut, const Dataset& data, const Registry& registry);

}  // namespace core
