// SPDX-License-Identifier: GPL-3.0-or-later
// The compiled patch: which node runs when, what every input is made of, which signals are wide,
// voiced or kept. Immutable; the executor owns the memory it runs in.
#pragma once

#include <string>
#include <vector>

#include "core/graph/patch.h"

namespace core {

/// A crossing of a cable that fades while a live edit takes effect.
enum class Fade { none, in, out };

/// One cable as an input sees it.
struct PlanCable {
  int signal = 0;        ///< index into Plan::signals
  int parameter = 0;     ///< index into Plan::parameters: its depth
  bool delayed = false;  ///< reads the previous tick
  Fade fade = Fade::none;
};

/// How an input gets its value.
struct PlanInput {
  const Input* row = nullptr;
  int width = 1;
  int parameter = -1;  ///< index into Plan::parameters: its knob; -1 for a plain signal
  std::vector<PlanCable> cables;
  Fade defaultFade = Fade::none;  ///< of a plain signal's `def` while its first cable comes or its last goes
  bool usesDefault = false;       ///< a plain signal reads `def` (nothing connected, or fading)
  /// A plain audio signal from one cable of the same rate, lanes and width whose depth is fixed at
  /// one: the node reads the source's own buffer.
  bool alias = false;
};

struct PlanSignal {
  int node = 0, output = 0;
  Rate rate = Rate::audio;
  int width = 1;
  bool voiced = false;
  bool keepsTick = false;  ///< its previous tick is read: by a delayed cable or a ramp
  int slot = 0;            ///< buffer in a live plan; signals whose lives do not meet share one
};

struct PlanNode {
  std::string id;
  std::uint64_t instance = 0;  ///< equal instances may share state: hash of id, type, settings, widths, lanes
  const NodeType* type = nullptr;
  bool voiced = false;
  int firstSignal = 0;  ///< its outputs are signals firstSignal, firstSignal + 1, ...
  std::vector<PlanInput> inputs;
  std::vector<SettingValue> settings;
  std::vector<TensorValue> tensors;
  std::vector<int> inputWidths, outputWidths;
};

/// What a knob or a cable's depth is, for setting values, gradients and reports.
struct PlanParameter {
  enum class Kind { knob, depth } kind = Kind::knob;
  int node = 0, input = 0;  ///< the input it acts on
  int cable = 0;            ///< index among that input's cables
  double value = 0;         ///< plain, at compile time
  bool adjustable = false;  ///< free in a fit, or moved live: a depth then is never folded away
};

/// Nodes that run together: one node, or the nodes of a cycle, which run tick by tick.
struct Island {
  std::vector<int> nodes;
  bool cyclic = false;
};

struct PlanOptions {
  double rate = 48000;
  bool reuseBuffers = false;     ///< live: signals whose lives do not meet share a buffer
  std::vector<Fade> fades = {};  ///< by cable of the patch; absent: none
};

struct Plan {
  double rate = 48000;
  int voices = 1;               ///< lanes a clip in the voiced part
  std::vector<PlanNode> nodes;  ///< in the order they run
  std::vector<PlanSignal> signals;
  std::vector<PlanParameter> parameters;
  std::vector<Island> islands;
  int slots = 0;        ///< buffers when slots are reused
  int outputNode = -1;  ///< -1: the patch has no output node (then it is silent)

  int findNode(std::string_view id) const;
  /// Index of the knob of node.input, or -1.
  int findKnob(std::string_view node, std::string_view input) const;
  /// Index of the depth of a cable, or -1.
  int findDepth(const Cable& cable) const;
};

/// Patch -> plan. Nodes of unknown types are left out with their cables (they are placeholders);
/// bypassed nodes are routed around (bypass.h).
/// Error: a sentence naming the node or cable and the way out (unknown input, rates or widths that
/// do not fit, a cycle without delay, two output nodes).
Result<Plan> compilePlan(const Patch& patch, const Registry& registry, const PlanOptions& options);

/// Why a cable cannot be drawn, or nothing: the same rules as compilePlan, for the editor.
Result<void> checkCable(const Patch& patch, const Registry& registry, const Cable& cable);

}  // namespace core
