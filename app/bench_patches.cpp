// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/bench_patches.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <functional>
#include <numbers>

#include "core/fit/loss.h"
#include "core/graph/gradient.h"
#include "core/graph/realtime.h"

namespace app {
namespace {
using namespace core;
constexpr double kTurn = 2 * std::numbers::pi;
constexpr double kFrameRate = 250;

/// Puts nodes and cables into a patch; `missing` when the program lacks a type.
struct Builder {
  const Registry& registry;
  Patch patch;
  bool missing = false;

  PatchNode& node(const std::string& id, const std::string& type, const std::map<std::string, double>& values = {},
                  const std::map<std::string, PatchSetting>& settings = {}) {
    PatchNode n;
    if (const NodeType* known = registry.find(type))
      n = makeNode(patch, *known);
    else
      missing = true;
    n.id = id;
    n.values = values;
    n.settings = settings;
    patch.nodes.push_back(n);
    return patch.nodes.back();
  }
  void cable(const std::string& from, const std::string& output, const std::string& to, const std::string& input,
             double depth = 1) {
    Cable c;
    c.from = from;
    c.output = output;
    c.to = to;
    c.input = input;
    c.depth = depth;
    patch.cables.push_back(c);
  }
  /// A control track that holds value(frame, element).
  void track(const std::string& id, int width, double seconds, bool positive,
             const std::function<double(int, int)>& value) {
    PatchNode& n = node(id, "control.track", {},
                        {{"width", {static_cast<double>(width), ""}},
                         {"length", {seconds, ""}},
                         {"frame-rate", {kFrameRate, ""}},
                         {"scale", {positive ? 1.0 : 0.0, positive ? "positive" : "plain"}}});
    const int frames = static_cast<int>(std::ceil(seconds * kFrameRate)) + 1;
    Blob blob{{frames, width}, {}};
    for (int m = 0; m < frames; ++m)
      for (int k = 0; k < width; ++k) blob.data.push_back(static_cast<float>(value(m, k)));
    n.tensors["track"] = std::make_shared<const Blob>(std::move(blob));
  }
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}
/// Processor time of this program in seconds: other programs' work does not count.
double processorSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// Saw into a low-pass, both shaped by one envelope.
void addVoice(Builder& b) {
  b.node("note", "control.note");
  b.node("osc", "source.oscillator", {}, {{"waveform", {1, "saw"}}});
  b.node("env", "envelope.adsr", {{"attack", 0.01}, {"decay", 0.2}, {"sustain", 0.6}, {"release", 0.3}},
         {{"curve", {0, "linear"}}});
  b.node("filter", "filter.svf", {{"cutoff", 200}, {"q", 2}});
  b.node("amp", "effect.gain");
  b.cable("note", "gate", "env", "gate");
  b.cable("note", "pitch", "osc", "f0");
  b.cable("osc", "out", "filter", "in", 0.5);
  b.cable("env", "out", "filter", "cutoff", std::log2(5200.0 / 200.0));  // 200 Hz ... 5.2 kHz, in octaves
  b.cable("filter", "low", "amp", "in");
  b.cable("env", "out", "amp", "level");
}
/// A note of 0.7 s each second for every voice, voices 62.5 ms apart and two semitones.
std::vector<PlayerEvent> notes(int voices, float lowest, double seconds, double rate) {
  std::vector<PlayerEvent> events;
  for (int second = 0; second < static_cast<int>(std::ceil(seconds)); ++second)
    for (int v = 0; v < voices; ++v) {
      const double start = second + v * 0.0625;
      const float key = lowest + 2.0F * static_cast<float>(v);
      events.push_back({std::llround(start * rate), PlayerEvent::Type::noteOn, key, 0.8F});
      events.push_back({std::llround((start + 0.7) * rate), PlayerEvent::Type::noteOff, key, 0});
    }
  std::stable_sort(events.begin(), events.end(), [](const auto& a, const auto& b) { return a.frame < b.frame; });
  return events;
}

void addAdditive(Builder& b, double seconds) {
  b.track("pitch", 1, seconds, false,
          [](int m, int) { return std::log2(110.0 * std::exp2(std::fmod(m / kFrameRate, 1.0)) / kC4Hz); });
  b.track("levels", 100, seconds, false, [](int m, int k) {
    return 0.2 * (0.5 + 0.5 * std::sin(kTurn * (m / kFrameRate + 0.13 * (k + 1)))) / (k + 1);
  });
  b.track("bands", 65, seconds, false,
          [](int m, int k) { return 0.1 * (0.5 + 0.5 * std::sin(kTurn * (2 * m / kFrameRate + 0.05 * k))); });
  b.node("tone", "source.harmonic", {}, {{"harmonics", {100, ""}}, {"normalise", {0, "off"}}});
  b.node("noise", "source.filtered-noise", {}, {{"bands", {65, ""}}});
  b.cable("pitch", "out", "tone", "f0");
  b.cable("levels", "out", "tone", "harmonics");
  b.cable("bands", "out", "noise", "magnitudes");
}
void addOutput(Builder& b, const std::vector<std::pair<std::string, double>>& sources) {
  b.node("out", "structure.output");
  for (const auto& [id, depth] : sources) b.cable(id, "out", "out", "in", depth);
}
}  // namespace

std::vector<BenchPatch> canonicalPatches(const Registry& registry, double seconds) {
  std::vector<BenchPatch> all;
  const auto add = [&](const std::string& id, const std::string& name, int voices, auto build,
                       std::vector<PlayerEvent> events) {
    Builder b{registry, {}, false};
    b.patch.name = name;
    b.patch.voices = voices;
    build(b);
    if (!b.missing) all.push_back({id, name, std::move(b.patch), std::move(events)});
  };
  const double rate = Patch().rate;
  add(
      "P1", "Subtractive voice", 1,
      [](Builder& b) {
        addVoice(b);
        addOutput(b, {{"amp", 1}});
      },
      notes(1, 57, seconds, rate));
  add("P2", "Additive voice, 100 harmonics and 65 noise bands", 1,
      [seconds](Builder& b) {
        addAdditive(b, seconds);
        addOutput(b, {{"tone", 1}, {"noise", 1}});
      },
      {});
  add("P3a", "Convolution, 2 s", 1,
      [](Builder& b) {
        b.node("noise", "source.noise");
        b.node("room", "effect.convolution", {{"wet", 0}}, {{"length", {2, ""}}, {"dry", {0, "off"}}});
        b.cable("noise", "out", "room", "in", 0.25);
        addOutput(b, {{"room", 1}});
      },
      {});
  add("P3b", "Reverb, 16 delay lines", 1,
      [](Builder& b) {
        b.node("noise", "source.noise");
        b.node("room", "effect.fdn", {{"t60", 2}, {"damping", 0.3}, {"mix", 1}});
        b.cable("noise", "out", "room", "in", 0.25);
        addOutput(b, {{"room", 1}});
      },
      {});
  add(
      "P4", "Sixteen voices and reverb", 16,
      [](Builder& b) {
        addVoice(b);
        b.node("room", "effect.fdn", {{"t60", 2}, {"damping", 0.3}, {"mix", 0.3}});
        b.cable("amp", "out", "room", "in", 0.125);
        addOutput(b, {{"room", 1}});
      },
      notes(16, 45, seconds, rate));
  return all;
}

Patch gradientPatch(const Registry& registry) {
  Builder b{registry, {}, false};
  b.patch.rate = 16000;
  const double seconds = 4;
  b.track("pitch", 1, seconds, false, [](int, int) { return std::log2(220 / kC4Hz); });
  b.track("level", 1, seconds, true, [](int, int) { return 0.0; });
  b.track("levels", 100, seconds, true, [](int, int k) { return -0.05 * k; });
  b.track("bands", 65, seconds, true, [](int, int) { return -5.0; });
  b.node("tone", "source.harmonic", {}, {{"harmonics", {100, ""}}, {"normalise", {1, "on"}}});
  b.node("noise", "source.filtered-noise", {}, {{"bands", {65, ""}}});
  b.node("room", "effect.convolution", {}, {{"length", {1, ""}}});
  b.cable("pitch", "out", "tone", "f0");
  b.cable("level", "out", "tone", "amplitude");
  b.cable("levels", "out", "tone", "harmonics");
  b.cable("bands", "out", "noise", "magnitudes");
  b.cable("tone", "out", "room", "in", 0.5);
  b.cable("noise", "out", "room", "in", 0.5);
  addOutput(b, {{"room", 1}});
  return b.missing ? Patch() : b.patch;
}

Result<double> timesRealTime(const BenchPatch& bench, const Registry& registry, double seconds, int repeats) {
  const DenormalsOff denormals;
  auto plan = compilePlan(bench.patch, registry, {.rate = bench.patch.rate, .reuseBuffers = true});
  if (!plan) return plan.error();
  constexpr int kTicksARun = 2;  // a sound card's block of 128 frames
  ExecutorOptions options;
  options.stretchTicks = kTicksARun;
  options.smoothing = true;
  auto made = Executor::create(std::move(*plan), options);
  if (!made) return made.error();
  Executor& e = **made;
  const auto events = allocate(bench.events, e.plan().voices);
  const int runs = clipTicks(seconds, bench.patch.rate) / kTicksARun;
  std::vector<double> factors;
  for (int r = 0; r < repeats; ++r) {
    e.reset();
    e.setEvents(events);
    const double start = processorSeconds();
    for (int i = 0; i < runs; ++i) e.run(kTicksARun);
    factors.push_back(runs * kTicksARun * kTick / bench.patch.rate / (processorSeconds() - start));
  }
  return median(factors);
}

Result<double> gradientStepSeconds(const Registry& registry, int repeats) {
  const DenormalsOff denormals;
  const Patch patch = gradientPatch(registry);
  auto plan = compilePlan(patch, registry, {.rate = patch.rate});
  if (!plan) return plan.error();
  GradientRequest request;
  for (const char* id : {"level", "levels", "bands", "room"}) {
    const int node = plan->findNode(id);
    if (node < 0) return Error{"This program lacks a node of the gradient benchmark."};
    request.tensors.push_back({node, 0});
  }
  const int room = plan->findNode("room");
  auto made = Gradient::create(std::move(*plan), request, clipTicks(4, patch.rate), {});
  if (!made) return made.error();
  Gradient& g = **made;
  std::vector<Sample> x(static_cast<std::size_t>(g.frames())), d(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<Sample>(0.3 * std::sin(kTurn * 220 * static_cast<double>(i) / 16000));
  LossOptions options;
  options.kind = LossKind::robust;
  options.sizes = {2048, 1024, 512, 256, 128, 64};
  const SpectralLoss loss(x, options);
  std::vector<double> times;
  for (int r = 0; r < repeats + 1; ++r) {  // the first one touches the memory
    const double start = processorSeconds();
    if (auto done = g.executor().prepareAgain(room); !done) return done.error();
    g.forward();
    g.copyOutput(0, 0, x);
    loss.gradient(x, d);
    g.setCotangent(0, 0, d);
    g.backward();
    if (r > 0) times.push_back((processorSeconds() - start));
  }
  return median(times);
}

std::vector<BenchRow> benchPatches(const Registry& registry) {
  constexpr double kSeconds = 4;
  std::vector<BenchRow> rows;
  for (const BenchPatch& bench : canonicalPatches(registry, kSeconds))
    if (const auto factor = timesRealTime(bench, registry, kSeconds, 5))
      rows.push_back({bench.id + " " + bench.name, *factor, "x real time", 0, 0});
  if (const auto step = gradientStepSeconds(registry, 5))
    rows.push_back({"G1 Gradient step, DDSP voice of 4 s", *step, "s", 0, 0});
  return rows;
}

}  // namespace app
