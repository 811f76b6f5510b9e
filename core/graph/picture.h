// SPDX-License-Identifier: GPL-3.0-or-later
// The small picture of what a node does: the node itself runs on a test signal. What is asked of it
// follows from NodeInfo::picture alone.
#pragma once

#include <vector>

#include "core/graph/patch.h"
#include "core/graph/registry.h"

namespace core {

/// A curve to draw: values from left to right, with what its bottom and top mean.
struct PictureCurve {
  Picture kind = Picture::none;
  std::vector<float> values{};
  float low = -1, high = 1;
  double from = 0, to = 1;  ///< what the left and right edges are: s, Hz (log) or bins
};

/// Runs the node on its own: `wave` two periods of its first output; `envelope` its answer to a
/// gate; `response` gain in dB over 20 Hz to 20 kHz of its first signal input; `impulse` the level
/// in dB of its answer to a click; `spectrum` level in dB over frequency; `bars` the numbers of its
/// first wide output (or of its first output's spectrum). Error: what compiling or preparing says.
/// `points`: how many values are wanted at most. Takes milliseconds: not for a UI thread.
Result<PictureCurve> nodePicture(const PatchNode& node, const NodeType& type, double rate, int points);

/// What a node's picture depends on, and nothing else: equal subjects have equal pictures. For a node
/// whose picture follows from its own values that is the node alone; for one that is driven by a
/// control vector or passes on the sound of others, also what feeds it, with the phrase.
Patch pictureSubject(const Patch& patch, std::string_view node, const Registry& registry);

/// The picture of a node of a subject: of a node alone, nodePicture; else what happens in the patch
/// while its phrase begins: `bars` the mean levels of the control vector that drives the node or
/// leaves it, in dB from 60 below the highest; `envelope` a single control value over time; `wave`
/// what comes out.
Result<PictureCurve> subjectPicture(const Patch& subject, std::string_view node, const Registry& registry, int points);

}  // namespace core
