// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/neural/front.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/graph/realtime.h"
#include "core/neural/instruments.h"
#include "core/neural/parts_detail.h"

namespace core {
namespace {
using parts::kTrack;
constexpr int kListenTicks = 64;

/// Raised when a listening node comes to say something else of the same sound.
constexpr int kFrontVersion = 3;

/// FNV-1a, 64 bits (G. Fowler, L. C. Noll, K.-P. Vo). Every piece is closed by its length.
struct Fnv {
  std::uint64_t value = 14695981039346656037U;
  Fnv& bytes(const void* data, std::size_t count) {
    const auto* byte = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < count; ++i) value = (value ^ byte[i]) * 1099511628211U;
    return *this;
  }
  Fnv& add(double x) { return bytes(&x, sizeof x); }
  Fnv& add(const std::string& text) { return bytes(text.data(), text.size()).add(static_cast<double>(text.size())); }
};

bool learns(const PatchNode& n) { return !n.free.empty(); }

/// Nodes that the ends of cables lead to from `from`, which are included.
std::set<std::string> downstream(const Patch& patch, std::set<std::string> from) {
  for (bool grown = true; grown;) {
    grown = false;
    for (const Cable& c : patch.cables)
      if (from.contains(c.from) && from.insert(c.to).second) grown = true;
  }
  return from;
}

std::set<std::string> frontNodes(const Patch& patch, const Registry& registry) {
  std::set<std::string> listening, learning;
  for (const PatchNode& n : patch.nodes) {
    const NodeType* type = registry.find(n.type);
    if (type && type->info.usesExternal) listening.insert(n.id);
    if (learns(n)) learning.insert(n.id);
  }
  std::set<std::string> front = downstream(patch, listening);
  for (const std::string& id : downstream(patch, learning)) front.erase(id);
  return front;
}

PatchNode trackNode(const std::string& id, int width, int ticks, double rate) {
  PatchNode n;
  n.id = id;
  n.type = kTrack;
  const double frameRate = rate / kTick;
  n.settings["width"] = {static_cast<double>(width), ""};
  n.settings["frame-rate"] = {frameRate, ""};
  n.settings["length"] = {ticks / frameRate, ""};
  return n;
}

/// A track takes the place of knob and cables wherever an instrument is chosen.
void driveInstruments(FrontCut& cut, const Registry& registry, int ticks) {
  const auto nodes = instrumentNodes(cut.rest, registry);
  if (nodes.empty()) return;
  cut.instrumentTrack = cut.rest.freshId("instrument");
  cut.rest.nodes.push_back(trackNode(cut.instrumentTrack, 1, ticks, cut.rest.rate));
  for (const std::string& id : nodes) {
    std::erase_if(cut.rest.cables, [&](const Cable& c) { return c.to == id && c.input == "instrument"; });
    cut.rest.cables.push_back({cut.instrumentTrack, "out", id, "instrument"});
    cut.rest.find(id)->values["instrument"] = 0;
  }
}
}  // namespace

Result<FrontCut> cutFront(const Patch& patch, const Registry& registry, int clipTicks) {
  if (!registry.find(kTrack)) return Error{"This program lacks the control track, which training needs."};
  const std::set<std::string> front = frontNodes(patch, registry);
  if (front.empty()) return Error{"The patch has no audio input to learn from; add one before its controller."};
  if (std::none_of(patch.nodes.begin(), patch.nodes.end(), learns))
    return Error{"Nothing in the patch is free to learn; free the weights of its controller."};
  auto plan = compilePlan(patch, registry, {.rate = patch.rate});
  if (!plan) return plan.error();
  FrontCut cut;
  cut.front = cut.rest = patch;
  const auto isFront = [&](const std::string& id) { return front.contains(id); };
  std::erase_if(cut.front.nodes, [&](const PatchNode& n) { return !isFront(n.id); });
  std::erase_if(cut.front.cables, [&](const Cable& c) { return !isFront(c.to) || !isFront(c.from); });
  std::erase_if(cut.rest.nodes, [&](const PatchNode& n) { return isFront(n.id); });
  std::vector<Cable> kept;
  for (Cable c : patch.cables) {
    if (isFront(c.to)) continue;
    if (isFront(c.from)) {
      const PlanNode& n = plan->nodes[static_cast<std::size_t>(plan->findNode(c.from))];
      const int o = n.type->outputIndex(c.output);
      if (n.type->outputs[static_cast<std::size_t>(o)].rate == Rate::audio) continue;  // the dry sound is no feature
      auto at = std::find_if(cut.features.begin(), cut.features.end(),
                             [&](const Feature& f) { return f.node == c.from && f.output == c.output; });
      if (at == cut.features.end()) {
        const int width = n.outputWidths[static_cast<std::size_t>(o)];
        cut.features.push_back({c.from, c.output, width, cut.rest.freshId("feature"), {}});
        cut.rest.nodes.push_back(trackNode(cut.features.back().track, width, clipTicks, patch.rate));
        at = cut.features.end() - 1;
      }
      at->inputs.emplace_back(c.to, c.input);
      c.from = at->track;
      c.output = "out";
    }
    kept.push_back(std::move(c));
  }
  cut.rest.cables = std::move(kept);
  if (cut.features.empty()) return Error{"No control signal leads from the audio input to what can learn."};
  driveInstruments(cut, registry, clipTicks);
  return cut;
}

Result<std::vector<std::vector<float>>> listen(const FrontCut& cut, const Registry& registry,
                                               std::span<const float> sound,
                                               const std::function<bool(double)>& progress) {
  const DenormalsOff denormals;
  auto plan = compilePlan(cut.front, registry, {.rate = cut.front.rate});
  if (!plan) return plan.error();
  ExecutorOptions options;
  options.stretchTicks = kListenTicks;
  auto made = Executor::create(std::move(*plan), options);
  if (!made) return made.error();
  Executor& e = **made;
  std::vector<std::vector<float>> out(cut.features.size());
  std::vector<int> signals;
  for (const Feature& f : cut.features) {
    const PlanNode& n = e.plan().nodes[static_cast<std::size_t>(e.plan().findNode(f.node))];
    signals.push_back(n.firstSignal + n.type->outputIndex(f.output));
  }
  const std::size_t block = kListenTicks * kTick;
  const std::size_t ticks = (sound.size() + kTick - 1) / kTick;
  std::vector<Sample> input(block);
  for (std::size_t at = 0; at < sound.size(); at += block) {
    for (std::size_t i = 0; i < block; ++i)
      input[i] = at + i < sound.size() ? static_cast<Sample>(sound[at + i]) : 0.0_s;
    e.setExternal(input.data(), input.data());
    e.run(kListenTicks);
    for (std::size_t f = 0; f < out.size(); ++f) {
      const SignalView v = e.signal(signals[f]);
      for (int t = 0; t < kListenTicks && out[f].size() < ticks * static_cast<std::size_t>(cut.features[f].width); ++t)
        for (int k = 0; k < cut.features[f].width; ++k)
          out[f].push_back(static_cast<float>(v.data[t * v.step + k * v.channel]));
    }
    if (progress && !progress(static_cast<double>(at) / static_cast<double>(sound.size()))) return Error{"Cancelled."};
  }
  return out;
}

std::uint64_t featureKey(const FrontCut& cut, std::span<const float> sound) {
  Fnv hash;
  hash.add(kFrontVersion).add(cut.front.rate);
  for (const PatchNode& n : cut.front.nodes) {
    hash.add(n.id).add(n.type);
    for (const auto& [row, value] : n.values) hash.add(row).add(value);
    for (const auto& [row, setting] : n.settings) hash.add(row).add(setting.number).add(setting.text);
  }
  for (const Cable& c : cut.front.cables)
    hash.add(c.from).add(c.output).add(c.to).add(c.input).add(c.depth).add(c.delayed ? 1 : 0);
  for (const Feature& f : cut.features) hash.add(f.node).add(f.output).add(f.width);
  return hash.bytes(sound.data(), sound.size_bytes()).value;
}

}  // namespace core
