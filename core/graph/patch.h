// SPDX-License-Identifier: GPL-3.0-or-later
// What the user edits: nodes, cables, values, the phrase. Plain data with value semantics, so that
// a copy is an undo step; large tensors are shared between copies until one of them changes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/graph/node.h"
#include "core/graph/registry.h"
#include "core/graph/result.h"

namespace core {

/// What a patch may hold; more is refused in a sentence, when it is read and when it is compiled.
inline constexpr std::size_t kMostNodes = 10000, kMostCables = 20000;

/// Learnable numbers of a patch, as they lie in its file: float32, row-major.
struct Blob {
  std::vector<int> shape;
  std::vector<float> data;
};

/// A setting as the user gives it: a number, a choice's id or a file's path.
struct PatchSetting {
  double number = 0;
  std::string text;
  bool operator==(const PatchSetting&) const = default;
};

struct PatchNode {
  std::string id;     ///< unique in the patch, readable ("osc1"); scripts name it
  std::string type;   ///< NodeInfo::id, kept even when this program does not know it
  std::string label;  ///< what the user calls it; empty: the type's name
  double x = 0, y = 0;
  std::map<std::string, double> values;  ///< knobs by input id, plain values; absent: the default
  std::map<std::string, PatchSetting> settings;
  std::map<std::string, std::shared_ptr<const Blob>> tensors;
  std::set<std::string> free;  ///< inputs and tensors a fit may change by default
  bool bypassed = false;       ///< taken out of the signal path, see bypass.h
  std::string foreign;         ///< JSON text of fields this program does not know, written back as it came
  bool operator==(const PatchNode&) const = default;
};

struct Cable {
  std::string from, output, to, input;
  double depth = 1;
  bool delayed = false;  ///< carries one tick of delay: it closed a cycle when it was drawn
  bool free = false;     ///< its depth may be changed by a fit
  bool operator==(const Cable&) const = default;
};

/// One note of the phrase that plain render, preset levels and fits play.
struct Note {
  double pitch = 60;      ///< MIDI note number, fractions allowed
  double start = 0;       ///< s
  double length = 1;      ///< s from note-on to note-off
  double velocity = 0.8;  ///< 0 to 1
  bool operator==(const Note&) const = default;
};

struct Patch {
  std::string name, description, author;
  std::vector<std::string> tags;
  double rate = 48000;  ///< the rate it was made at; other rates are reached by resampling
  int voices = 1;       ///< 1 to 16
  std::vector<PatchNode> nodes;
  std::vector<Cable> cables;
  std::vector<Note> phrase{Note{}};
  std::string foreign;  ///< JSON text of unknown top-level fields
  bool operator==(const Patch&) const = default;

  const PatchNode* find(std::string_view id) const;
  PatchNode* find(std::string_view id);
  /// A node id not used yet, made from the type's id: "svf", "svf2", ...
  std::string freshId(std::string_view type) const;
  /// End of the last note, s.
  double phraseSeconds() const;
};

/// A node of that type with the default of every setting and input left implicit.
PatchNode makeNode(const Patch& patch, const NodeType& type);

/// The knob's value: as set, or the type's default; clamped to the range.
double knobValue(const PatchNode& node, const Input& input);

/// Settings of a node resolved against its type: defaults filled in, choices as indices.
/// Error: an unknown choice, by name.
Result<std::vector<SettingValue>> resolveSettings(const PatchNode& node, const NodeType& type);

/// Whether a new cable would close a cycle of cables without delay.
bool closesCycle(const Patch& patch, std::string_view from, std::string_view to);

/// "Is not the same, but close": for "did you mean" in messages. Empty when nothing is near.
std::string nearest(std::string_view word, const std::vector<std::string>& choices);

}  // namespace core
