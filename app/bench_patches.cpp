// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/bench_patches.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <set>
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

std::vector<GradientBench> gradientPatches(const Registry& registry) {
  std::vector<GradientBench> all;
  const auto finish = [&all](Builder& b, const char* id, const char* name, double seconds) {
    b.patch.name = name;
    if (!b.missing) all.push_back({id, name, std::move(b.patch), seconds});
  };
  const auto free = [](Builder& b, const char* node, std::set<std::string> rows) {
    b.patch.find(node)->free = std::move(rows);
  };
  {
    Builder b{registry, {}, false};
    constexpr double kSeconds = 4;
    b.patch.rate = 16000;
    b.track("pitch", 1, kSeconds, false, [](int, int) { return std::log2(220 / kC4Hz); });
    b.track("level", 1, kSeconds, true, [](int, int) { return 0.0; });
    b.track("levels", 100, kSeconds, true, [](int, int k) { return -0.05 * k; });
    b.track("bands", 65, kSeconds, true, [](int, int) { return -5.0; });
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
    for (const char* track : {"level", "levels", "bands"}) free(b, track, {"track"});
    free(b, "room", {"response"});
    finish(b, "G1", "DDSP voice of 4 s", kSeconds);
  }
  {
    Builder b{registry, {}, false};
    b.patch.rate = 44100;
    b.patch.phrase = {{57, 0, 1.2, 0.8}};
    const std::set<std::string> times{"attack", "decay", "sustain", "release"};
    const std::map<std::string, PatchSetting> straight{{"curve", {0, "linear"}}};
    b.node("note", "control.note");
    b.node("osc", "source.oscillator", {}, {{"waveform", {1, "saw"}}});
    b.node("sweep", "envelope.adsr", {{"attack", 0.05}, {"decay", 0.15}, {"sustain", 0.7}, {"release", 0.2}}, straight);
    b.node("env", "envelope.adsr", {{"attack", 0.03}, {"decay", 0.3}, {"sustain", 0.8}, {"release", 0.3}}, straight);
    b.node("filter", "filter.svf", {{"cutoff", 600}, {"q", 1.5}});
    b.node("amp", "effect.gain", {{"gain", -6}});
    b.cable("note", "pitch", "osc", "f0");
    b.cable("note", "gate", "sweep", "gate");
    b.cable("note", "gate", "env", "gate");
    b.cable("osc", "out", "filter", "in", 0.5);
    b.cable("sweep", "out", "filter", "cutoff", 2.4);
    b.patch.cables.back().free = true;
    b.cable("filter", "low", "amp", "in");
    b.cable("env", "out", "amp", "level");
    addOutput(b, {{"amp", 1}});
    free(b, "sweep", times);
    free(b, "env", times);
    free(b, "filter", {"cutoff", "q"});
    free(b, "amp", {"gain"});
    finish(b, "G3", "Saw, moving low-pass, envelopes, 2 s", 2);
  }
  return all;
}

}  // namespace app
