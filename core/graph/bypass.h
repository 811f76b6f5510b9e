// SPDX-License-Identifier: GPL-3.0-or-later
// What a bypassed node means for the wiring: decided here once, before a patch is compiled, so that
// live, offline and fits hear the same.
#pragma once

#include <optional>
#include <utility>

#include "core/graph/patch.h"
#include "core/graph/registry.h"

namespace core {

/// Rows (input, output) that a bypass of this type joins: its first plain audio input and its first
/// audio output of the same width (or wider, when the input is one value). Nothing: the type makes
/// its signal itself (sources, envelopes, controls: an FM input is not what they pass on); bypassed
/// it is silent.
std::optional<std::pair<int, int>> bypassPath(const NodeType& type);

/// The patch with every bypassed node taken out of the signal path: what reads its output reads
/// what feeds its input (depths multiply, a tick of delay on either cable stays one); its other
/// outputs carry nothing. The nodes stay, with their inputs, so that their state is ready when the
/// bypass ends; their flags are cleared.
Patch withoutBypassed(const Patch& patch, const Registry& registry);

}  // namespace core
