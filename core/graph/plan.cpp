// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/graph/plan.h"

#include <algorithm>
#include <functional>
#include <unordered_map>

#include "core/graph/bypass.h"
#include "core/graph/plan_order.h"

namespace core {
namespace {

std::string quoted(std::string_view a) { return "\"" + std::string(a) + "\""; }
std::string cableName(const Cable& c) { return c.from + "." + c.output + " -> " + c.to + "." + c.input; }
template <class Row>
std::string suggestion(std::string_view word, std::span<const Row> rows) {
  std::vector<std::string> ids;
  for (const Row& r : rows) ids.emplace_back(r.id);
  const std::string best = nearest(word, ids);
  if (!best.empty()) return " (did you mean " + quoted(best) + "?)";
  std::string list;
  for (const std::string& id : ids) list += (list.empty() ? "" : ", ") + id;
  return list.empty() ? " (it has none)" : " (it has " + list + ")";
}

/// A cable with its ends found.
struct Wire {
  const Cable* cable = nullptr;
  int from = 0, output = 0, to = 0, input = 0;
  Fade fade = Fade::none;
};

/// Builds a plan from a patch; one use each.
class Compiler {
 public:
  Compiler(const Patch& patch, const Registry& registry, const PlanOptions& options)
      : patch_(patch), registry_(registry), options_(options) {}

  Result<Plan> run() {
    for (const auto step : {&Compiler::takeNodes, &Compiler::takeWires, &Compiler::order, &Compiler::unifyWidths})
      if (auto done = (this->*step)(); !done) return done.error();
    spreadVoices();
    makeSignals();
    if (auto done = makeInputs(); !done) return done.error();
    if (auto done = finishNodes(); !done) return done.error();
    shareSlots();
    return std::move(plan_);
  }

 private:
  PlanNode& node(int i) { return plan_.nodes[static_cast<std::size_t>(i)]; }

  Result<void> takeNodes() {
    plan_.rate = options_.rate;
    plan_.voices = std::clamp(patch_.voices, 1, 16);
    if (patch_.nodes.size() > kMostNodes)
      return Error{"The patch has " + std::to_string(patch_.nodes.size()) + " nodes; the most is " +
                   std::to_string(kMostNodes) + ". Split it."};
    if (patch_.cables.size() > kMostCables)
      return Error{"The patch has " + std::to_string(patch_.cables.size()) + " cables; the most is " +
                   std::to_string(kMostCables) + ". Split it."};
    for (const PatchNode& n : patch_.nodes) {
      if (!source_.emplace(n.id, nullptr).second)
        return Error{"Two nodes are called " + quoted(n.id) + "; give one of them another id."};
      const NodeType* type = registry_.find(n.type);
      if (!type) continue;  // a placeholder: kept in the patch, silent in the plan
      source_[n.id] = &n;
      auto settings = resolveSettings(n, *type);
      if (!settings) return settings.error();
      index_[n.id] = static_cast<int>(plan_.nodes.size());
      PlanNode made;
      made.id = n.id;
      made.type = type;
      made.settings = std::move(*settings);
      plan_.nodes.push_back(std::move(made));
    }
    return {};
  }

  Result<void> takeWires() {
    for (std::size_t i = 0; i < patch_.cables.size(); ++i) {
      const Cable& c = patch_.cables[i];
      for (const std::string* end : {&c.from, &c.to})
        if (!source_.contains(*end))
          return Error{"Cable " + cableName(c) + ": there is no node " + quoted(*end) + "; remove the cable."};
      if (!index_.contains(c.from) || !index_.contains(c.to)) continue;
      Wire w{&c, index_[c.from], 0, index_[c.to], 0, i < options_.fades.size() ? options_.fades[i] : Fade::none};
      w.output = node(w.from).type->outputIndex(c.output);
      w.input = node(w.to).type->inputIndex(c.input);
      if (w.output < 0)
        return Error{"Cable " + cableName(c) + ": " + quoted(node(w.from).type->info.id) + " has no output " +
                     quoted(c.output) + suggestion(c.output, node(w.from).type->outputs) + "."};
      if (w.input < 0)
        return Error{"Cable " + cableName(c) + ": " + quoted(node(w.to).type->info.id) + " has no input " +
                     quoted(c.input) + suggestion(c.input, node(w.to).type->inputs) + "."};
      wires_.push_back(w);
    }
    return {};
  }

  /// Puts nodes into running order and renumbers the wires.
  Result<void> order() {
    std::vector<OrderEdge> edges;
    for (const Wire& w : wires_) edges.push_back({w.from, w.to, w.cable->delayed});
    int stuck = -1;
    plan_.islands = orderIslands(static_cast<int>(plan_.nodes.size()), edges, stuck);
    if (stuck >= 0)
      return Error{"Cable " + cableName(*wires_[static_cast<std::size_t>(stuck)].cable) +
                   " closes a cycle; give it a tick of delay (\"delayed\": true) or remove it."};
    std::vector<int> place(plan_.nodes.size());
    std::vector<PlanNode> ordered;
    for (Island& island : plan_.islands)
      for (int& n : island.nodes) {
        place[static_cast<std::size_t>(n)] = static_cast<int>(ordered.size());
        ordered.push_back(std::move(node(n)));
        n = static_cast<int>(ordered.size()) - 1;
      }
    plan_.nodes = std::move(ordered);
    for (Wire& w : wires_) {
      w.from = place[static_cast<std::size_t>(w.from)];
      w.to = place[static_cast<std::size_t>(w.to)];
    }
    into_.resize(plan_.nodes.size());
    for (std::size_t i = 0; i < wires_.size(); ++i)
      into_[static_cast<std::size_t>(wires_[i].to)].push_back(static_cast<int>(i));
    for (int i = 0; i < static_cast<int>(plan_.nodes.size()); ++i) {
      if (!node(i).type->info.isOutput) continue;
      if (plan_.outputNode >= 0)
        return Error{"The patch has two output nodes, " + quoted(node(plan_.outputNode).id) + " and " +
                     quoted(node(i).id) + "; remove one."};
      plan_.outputNode = i;
    }
    return {};
  }

  /// Width of a row of node n with the node's variables, 0 while unknown.
  int widthOf(int n, const Width& w) const {
    if (!w.variable) return w.size;
    const auto at = variables_[static_cast<std::size_t>(n)].find(w.variable);
    return at == variables_[static_cast<std::size_t>(n)].end() ? 0 : at->second;
  }
  const Width& outputWidth(const Wire& w) {
    return node(w.from).type->outputs[static_cast<std::size_t>(w.output)].width;
  }
  const Width& inputWidth(const Wire& w) { return node(w.to).type->inputs[static_cast<std::size_t>(w.input)].width; }

  /// Width variables: set by settings, else the widest cable that comes in, else what a cable that
  /// goes out needs, else 1.
  Result<void> unifyWidths() {
    variables_.resize(plan_.nodes.size());
    for (std::size_t n = 0; n < plan_.nodes.size(); ++n)
      for (std::size_t s = 0; s < plan_.nodes[n].settings.size(); ++s)
        if (const char v = plan_.nodes[n].type->settings[s].bindsWidth; v && plan_.nodes[n].settings[s].number >= 1) {
          variables_[n][v] = static_cast<int>(plan_.nodes[n].settings[s].number);
          bound_.emplace(n, v);
        }
    for (bool changed = true; changed;) {
      changed = false;
      for (const Wire& w : wires_) {
        const Width &out = outputWidth(w), &in = inputWidth(w);
        const int from = widthOf(w.from, out), to = widthOf(w.to, in);
        if (in.variable && from > to && !isBound(w.to, in.variable)) changed = setWidth(w.to, in.variable, from);
      }
      if (changed) continue;
      for (const Wire& w : wires_) {
        const Width &out = outputWidth(w), &in = inputWidth(w);
        if (out.variable && widthOf(w.from, out) == 0 && widthOf(w.to, in) > 1)
          changed = setWidth(w.from, out.variable, widthOf(w.to, in));
      }
    }
    for (const Wire& w : wires_) {
      const int from = std::max(1, widthOf(w.from, outputWidth(w))), to = std::max(1, widthOf(w.to, inputWidth(w)));
      if (from != to && from != 1) return Error{widthRefusal(w, from, to)};
    }
    return {};
  }
  bool isBound(int n, char v) const { return bound_.contains({static_cast<std::size_t>(n), v}); }
  bool setWidth(int n, char v, int width) {
    variables_[static_cast<std::size_t>(n)][v] = width;
    return true;
  }
  static std::string widthRefusal(const Wire& w, int from, int to) {
    const auto name = [](int width) {
      return width == 1   ? std::string("one value")
             : width == 2 ? std::string("2 (stereo)")
                          : std::to_string(width) + " values";
    };
    return "Cable " + cableName(*w.cable) + ": the output carries " + name(from) + " and the input takes " + name(to) +
           (to == 1 ? "; mix it down first." : "; set both to the same number.");
  }

  /// A node is voiced when an input that does not mix voices reads a voiced node.
  void spreadVoices() {
    if (plan_.voices == 1) return;
    for (PlanNode& n : plan_.nodes) n.voiced = n.type->info.startsVoices;
    for (bool changed = true; changed;) {
      changed = false;
      for (const Wire& w : wires_)
        if (node(w.from).voiced && !node(w.to).voiced &&
            !node(w.to).type->inputs[static_cast<std::size_t>(w.input)].mixesVoices)
          changed = node(w.to).voiced = true;
    }
  }

  void makeSignals() {
    for (int n = 0; n < static_cast<int>(plan_.nodes.size()); ++n) {
      node(n).firstSignal = static_cast<int>(plan_.signals.size());
      for (std::size_t o = 0; o < node(n).type->outputs.size(); ++o) {
        const Output& row = node(n).type->outputs[o];
        const int width = std::max(1, widthOf(n, row.width));
        node(n).outputWidths.push_back(width);
        plan_.signals.push_back({n, static_cast<int>(o), row.rate, width, node(n).voiced, false, 0});
      }
      for (const Input& row : node(n).type->inputs) node(n).inputWidths.push_back(std::max(1, widthOf(n, row.width)));
    }
  }

  Result<void> makeInputs() {
    for (int n = 0; n < static_cast<int>(plan_.nodes.size()); ++n) {
      const PatchNode& source = *source_.at(node(n).id);
      for (const auto& [id, value] : source.values)
        if (node(n).type->inputIndex(id) < 0)
          return Error{"Node " + quoted(source.id) + ": " + quoted(source.type) + " has no input " + quoted(id) +
                       suggestion(id, node(n).type->inputs) + "."};
      node(n).inputs.resize(node(n).type->inputs.size());
      for (std::size_t i = 0; i < node(n).inputs.size(); ++i) {
        PlanInput& in = node(n).inputs[i];
        in.row = &node(n).type->inputs[i];
        in.width = node(n).inputWidths[i];
        if (!in.row->isParameter()) continue;
        in.parameter = static_cast<int>(plan_.parameters.size());
        plan_.parameters.push_back(
            {PlanParameter::Kind::knob, n, static_cast<int>(i), 0, knobValue(source, *in.row), true});
      }
      for (const int w : into_[static_cast<std::size_t>(n)]) connect(wires_[static_cast<std::size_t>(w)]);
      for (PlanInput& in : node(n).inputs) {
        fadeDefault(in);
        in.alias = mayAlias(n, in);
      }
    }
    return {};
  }

  /// A plain signal reads its default while nothing is connected, and while its first cable comes
  /// or its last one goes.
  static void fadeDefault(PlanInput& in) {
    if (in.row->isParameter()) return;
    const auto all = [&in](Fade f) {
      return std::all_of(in.cables.begin(), in.cables.end(), [f](const PlanCable& c) { return c.fade == f; });
    };
    in.usesDefault = all(Fade::in) || all(Fade::out);
    if (!in.cables.empty() && in.usesDefault) in.defaultFade = all(Fade::in) ? Fade::out : Fade::in;
  }

  void connect(const Wire& w) {
    PlanInput& in = node(w.to).inputs[static_cast<std::size_t>(w.input)];
    PlanSignal& signal = plan_.signals[static_cast<std::size_t>(node(w.from).firstSignal + w.output)];
    in.cables.push_back(
        {node(w.from).firstSignal + w.output, static_cast<int>(plan_.parameters.size()), w.cable->delayed, w.fade});
    plan_.parameters.push_back({PlanParameter::Kind::depth, w.to, w.input, static_cast<int>(in.cables.size()) - 1,
                                w.cable->depth, w.cable->free || w.cable->depth != 1});
    if (w.cable->delayed || (signal.rate == Rate::control && in.row->rate == Rate::audio)) signal.keepsTick = true;
  }

  bool mayAlias(int n, const PlanInput& in) {
    if (in.row->isParameter() || in.cables.size() != 1 || in.cables[0].delayed || in.usesDefault) return false;
    if (in.cables[0].fade != Fade::none) return false;
    const PlanSignal& s = plan_.signals[static_cast<std::size_t>(in.cables[0].signal)];
    const PlanParameter& depth = plan_.parameters[static_cast<std::size_t>(in.cables[0].parameter)];
    return s.rate == in.row->rate && s.voiced == node(n).voiced && !depth.adjustable && depth.value == 1;
  }

  /// Tensors and the identity under which state may be shared between plans.
  Result<void> finishNodes() {
    for (PlanNode& n : plan_.nodes) {
      const PatchNode& source = *source_.at(n.id);
      Setup setup{plan_.rate, 1, n.settings, {}, n.inputWidths, n.outputWidths};
      std::string identity = n.id + '\n' + source.type + '\n' + std::to_string(plan_.rate) +
                             (n.voiced ? "\nvoices" + std::to_string(plan_.voices) : "\nmono");
      for (const SettingValue& s : n.settings) identity += '\n' + std::to_string(s.number) + s.text;
      for (const int w : n.inputWidths) identity += ' ' + std::to_string(w);
      for (const int w : n.outputWidths) identity += ' ' + std::to_string(w);
      for (int t = 0; t < static_cast<int>(n.type->tensors.size()); ++t) {
        auto value = takeTensor(source, n, t, setup);
        if (!value) return value.error();
        for (const int d : value->shape) identity += 'x' + std::to_string(d);
        n.tensors.push_back(std::move(*value));
      }
      n.instance = std::hash<std::string>{}(identity);
    }
    return {};
  }

  static Result<TensorValue> takeTensor(const PatchNode& source, const PlanNode& n, int t, const Setup& setup) {
    const Tensor& row = n.type->tensors[static_cast<std::size_t>(t)];
    TensorValue value;
    value.shape = n.type->tensorShape(t, setup);
    std::size_t size = 1;
    for (const int d : value.shape) size *= static_cast<std::size_t>(d);
    value.data.resize(size);
    const auto blob = source.tensors.find(std::string(row.id));
    if (blob == source.tensors.end()) {
      n.type->tensorDefault(t, setup, value.data);
    } else if (blob->second->shape != value.shape) {
      return Error{"Node " + quoted(source.id) + ": the stored " + quoted(row.id) +
                   " has another size than its settings ask for; reset it or restore the settings."};
    } else {
      std::copy(blob->second->data.begin(), blob->second->data.end(), value.data.begin());
    }
    return value;
  }

  /// Linear scan: a signal's buffer is free again after the last node that reads it.
  void shareSlots() {
    std::vector<int> lastUse(plan_.signals.size(), -1);
    for (int n = 0; n < static_cast<int>(plan_.nodes.size()); ++n)
      for (const PlanInput& in : node(n).inputs)
        for (const PlanCable& c : in.cables) lastUse[static_cast<std::size_t>(c.signal)] = n;
    struct Free {
      int slot, width;
      Rate rate;
      bool voiced;
    };
    std::vector<Free> pool;
    for (int n = 0; n < static_cast<int>(plan_.nodes.size()); ++n) {
      for (std::size_t o = 0; o < node(n).type->outputs.size(); ++o) {
        PlanSignal& s = plan_.signals[static_cast<std::size_t>(node(n).firstSignal) + o];
        const auto fits = std::find_if(pool.begin(), pool.end(), [&s](const Free& f) {
          return f.width == s.width && f.rate == s.rate && f.voiced == s.voiced;
        });
        if (options_.reuseBuffers && !s.keepsTick && fits != pool.end()) {
          s.slot = fits->slot;
          pool.erase(fits);
        } else {
          s.slot = plan_.slots++;
        }
      }
      if (!options_.reuseBuffers || n == plan_.outputNode) continue;
      for (std::size_t i = 0; i < plan_.signals.size(); ++i) {
        const PlanSignal& s = plan_.signals[i];
        const int last = std::max(lastUse[i], s.node);
        if (last == n && !s.keepsTick && s.node != plan_.outputNode)
          pool.push_back({s.slot, s.width, s.rate, s.voiced});
      }
    }
  }

  const Patch& patch_;
  const Registry& registry_;
  const PlanOptions options_;
  Plan plan_;
  std::unordered_map<std::string, int> index_;
  std::unordered_map<std::string, const PatchNode*> source_;
  std::vector<Wire> wires_;
  std::vector<std::vector<int>> into_;
  std::vector<std::map<char, int>> variables_;
  std::set<std::pair<std::size_t, char>> bound_;
};

}  // namespace

int Plan::findNode(std::string_view id) const {
  const auto at = std::find_if(nodes.begin(), nodes.end(), [id](const PlanNode& n) { return n.id == id; });
  return at == nodes.end() ? -1 : static_cast<int>(at - nodes.begin());
}
int Plan::findKnob(std::string_view id, std::string_view input) const {
  const int n = findNode(id);
  if (n < 0) return -1;
  const int i = nodes[static_cast<std::size_t>(n)].type->inputIndex(input);
  return i < 0 ? -1 : nodes[static_cast<std::size_t>(n)].inputs[static_cast<std::size_t>(i)].parameter;
}
int Plan::findDepth(const Cable& cable) const {
  const int to = findNode(cable.to), from = findNode(cable.from);
  if (to < 0 || from < 0) return -1;
  const PlanNode &source = nodes[static_cast<std::size_t>(from)], &target = nodes[static_cast<std::size_t>(to)];
  const int input = target.type->inputIndex(cable.input), output = source.type->outputIndex(cable.output);
  if (input < 0 || output < 0) return -1;
  for (const PlanCable& c : target.inputs[static_cast<std::size_t>(input)].cables)
    if (c.signal == source.firstSignal + output) return c.parameter;
  return -1;
}

Result<Plan> compilePlan(const Patch& patch, const Registry& registry, const PlanOptions& options) {
  const auto bypassed = [](const PatchNode& n) { return n.bypassed; };
  if (std::none_of(patch.nodes.begin(), patch.nodes.end(), bypassed)) return Compiler(patch, registry, options).run();
  const Patch routed = withoutBypassed(patch, registry);
  return Compiler(routed, registry, options).run();
}

Result<void> checkCable(const Patch& patch, const Registry& registry, const Cable& cable) {
  // only the two nodes matter for rates and widths, but width variables spread: compile a copy
  Patch trial = patch;
  trial.cables.push_back(cable);
  if (!cable.delayed && closesCycle(patch, cable.from, cable.to)) trial.cables.back().delayed = true;
  if (auto plan = compilePlan(trial, registry, {.rate = trial.rate}); !plan) return plan.error();
  return {};
}

}  // namespace core
