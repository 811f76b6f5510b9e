// SPDX-License-Identifier: GPL-3.0-or-later
// Tiny instruments made in code, for tests of models: one with random weights, one that follows the
// loudness of what comes in by construction.
#pragma once

#include <cmath>
#include <numbers>

#include "core/file/audio_file.h"
#include "core/graph/plan.h"
#include "core/graph/render.h"
#include "tests/patch_rig.h"

namespace tests {

inline constexpr double kModelRate = 16000;

/// A patch whose tensors are those that its nodes' seeds make.
inline Patch withTensors(Patch p) {
  const Plan plan = compilePlan(p, registry(), {.rate = p.rate}).value();
  for (const PlanNode& n : plan.nodes)
    for (std::size_t t = 0; t < n.tensors.size(); ++t) {
      Blob blob{n.tensors[t].shape, {}};
      for (const Sample v : n.tensors[t].data) blob.data.push_back(static_cast<float>(v));
      p.find(n.id)->tensors[std::string(n.type->tensors[t].id)] = std::make_shared<const Blob>(std::move(blob));
    }
  return p;
}

/// A decoder of 8 harmonics and 5 bands with a short room; tensors are those of the node's seed.
inline Patch instrument(double seed, double rate = kModelRate) {
  Patch p;
  p.name = "Instrument " + std::to_string(static_cast<int>(seed));
  p.rate = rate;
  p.nodes = {node("in", "source.audio-input"),
             node("pitch", "neural.pitch"),
             node("loudness", "neural.loudness"),
             node("controller", "neural.controller", {}, {"weights"}),
             node("harmonic", "source.harmonic"),
             node("noise", "source.filtered-noise"),
             node("room", "effect.convolution", {{"wet", 0}}, {"response"}),
             node("out", "structure.output")};
  auto& c = p.find("controller")->settings;
  const std::pair<const char*, double> sizes[] = {
      {"harmonics", 8},        {"bands", 5},          {"recurrent", 4},
      {"before", 0},           {"after", 0},          {"seed", seed},
      {"noise-bias", -1},      {"pitch-mean", 0},     {"pitch-spread", 0.5},
      {"pitch-low", -0.8},     {"pitch-high", 0.8},   {"loudness-mean", -30},
      {"loudness-spread", 10}, {"loudness-low", -55}, {"loudness-high", -8}};
  for (const auto& [id, value] : sizes) c[id].number = value;
  p.find("harmonic")->settings["harmonics"].number = 8;
  p.find("noise")->settings["bands"].number = 5;
  p.find("room")->settings["length"].number = 0.05;
  p.cables = {{"in", "left", "pitch", "in"},
              {"in", "left", "loudness", "in"},
              {"pitch", "pitch", "controller", "pitch"},
              {"loudness", "loudness", "controller", "loudness"},
              {"pitch", "pitch", "harmonic", "f0"},
              {"controller", "amplitude", "harmonic", "amplitude"},
              {"controller", "harmonics", "harmonic", "harmonics"},
              {"controller", "magnitudes", "noise", "magnitudes"},
              {"harmonic", "out", "room", "in"},
              {"noise", "out", "room", "in"},
              {"room", "out", "out", "in"}};
  p = withTensors(std::move(p));
  auto& response = p.find("room")->tensors.at("response");
  Blob room = *response;
  for (float& x : room.data) x *= 0.1F * static_cast<float>(seed);
  response = std::make_shared<const Blob>(std::move(room));
  return p;
}

/// A small instrument without a room whose controller reads z from an embedding or an encoder.
inline Patch playerOfTwo(bool encoder, double seed = 1) {
  Patch p = instrument(seed);
  for (PatchNode& n : p.nodes) n.tensors.clear();
  std::erase_if(p.nodes, [](const PatchNode& n) { return n.id == "room"; });
  std::erase_if(p.cables, [](const Cable& c) { return c.from == "room" || c.to == "room"; });
  p.cables.push_back({"harmonic", "out", "out", "in"});
  p.cables.push_back({"noise", "out", "out", "in"});
  p.find("harmonic")->settings["harmonics"].number = 12;
  p.find("harmonic")->settings["normalise"].text = "on";
  auto& c = p.find("controller")->settings;
  const std::pair<const char*, double> sizes[] = {{"harmonics", 12}, {"recurrent", 24}, {"z", 2}, {"noise-bias", -6}};
  for (const auto& [id, value] : sizes) c[id].number = value;
  if (encoder) {
    p.nodes.push_back(node("timbre", "neural.mfcc"));
    p.nodes.push_back(node("encoder", "neural.encoder", {}, {"weights"}));
    p.find("encoder")->settings["z"].number = 2;
    p.find("encoder")->settings["recurrent"].number = 12;
    p.cables.insert(
        p.cables.end(),
        {{"in", "left", "timbre", "in"}, {"timbre", "mfcc", "encoder", "mfcc"}, {"encoder", "z", "controller", "z"}});
  } else {
    p.nodes.push_back(node("instruments", "neural.embedding", {}, {"table"}));
    p.find("instruments")->settings["z"].number = 2;
    p.cables.push_back({"instruments", "z", "controller", "z"});
  }
  return p;
}

/// Its amplitude is that of the loudness it hears (within a few dB), its noise is silent, its room dry.
inline Patch follower() {
  Patch p = instrument(1);
  constexpr int kUnits = 4, kOutputs = 1 + 8 + 5;
  const int gates = 3 * kUnits, product = gates * 2 + gates, head = product + gates * kUnits + gates;
  std::vector<float> w(static_cast<std::size_t>(head + kOutputs * kUnits + kOutputs), 0.0F);
  const auto at = [&w](int i) -> float& { return w[static_cast<std::size_t>(i)]; };
  for (int u = 0; u < kUnits; ++u) at(gates * 2 + kUnits + u) = -14;  // no memory
  at((2 * kUnits) * 2 + 1) = 0.05F;                                   // candidate 0 hears the loudness
  at(head) = 10;                                                      // amplitude: 1 dB a dB
  at(head + kOutputs * kUnits) = -1.65F;                              // -30 dB at the mean
  for (int m = 9; m < kOutputs; ++m) at(head + kOutputs * kUnits + m) = -12;
  const int count = static_cast<int>(w.size());
  p.find("controller")->tensors["weights"] = std::make_shared<const Blob>(Blob{{count}, std::move(w)});
  auto response = std::make_shared<Blob>(*p.find("room")->tensors["response"]);
  std::fill(response->data.begin(), response->data.end(), 0.0F);
  p.find("room")->tensors["response"] = response;
  return p;
}

/// Notes of eight partials with silences between them: level in dBFS, gaps of 0.3 s.
inline AudioData notes(double rate, double seconds, const std::vector<double>& hertz, double db = -20) {
  AudioData a{rate, {std::vector<float>(static_cast<std::size_t>(seconds * rate))}};
  const double each = seconds / static_cast<double>(hertz.size());
  double phase = 0;
  for (std::size_t i = 0; i < a.channels[0].size(); ++i) {
    const double t = static_cast<double>(i) / rate;
    const auto n = std::min(hertz.size() - 1, static_cast<std::size_t>(t / each));
    const double in = t - static_cast<double>(n) * each;
    phase += hertz[n] / rate;
    const double edge = std::clamp(std::min(in - 0.05, each - 0.25 - in) / 0.02, 0.0, 1.0);
    double y = 0;
    for (int k = 1; k <= 8 && k * hertz[n] < 0.45 * rate; ++k) y += std::sin(2 * std::numbers::pi * k * phase) / k;
    a.channels[0][i] = static_cast<float>(edge * std::pow(10, db / 20) * y);
  }
  return a;
}

/// Channel 0 of what a patch makes of a sound.
inline std::vector<float> sound(const Patch& patch, const AudioData& input) {
  RenderOptions o;
  o.seconds = input.seconds();
  o.external[0] = o.external[1] = input.channels[0];
  return render(patch, registry(), o)->channels[0];
}
/// The largest difference; very large when the lengths differ.
inline double worst(const std::vector<float>& a, const std::vector<float>& b) {
  double most = a.size() == b.size() ? 0 : 1e9;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    most = std::max(most, std::fabs(static_cast<double>(a[i] - b[i])));
  return most;
}
/// The only node of a type that is not `except`.
inline std::string other(const Patch& p, const char* type, const std::string& except = {}) {
  for (const PatchNode& n : p.nodes)
    if (n.type == type && n.id != except) return n.id;
  return {};
}

/// A patch of which only what goes through `node` is heard, dry.
inline std::vector<float> alone(Patch patch, const std::string& node, const AudioData& input) {
  std::erase_if(patch.cables, [](const Cable& c) { return c.to == "out"; });
  patch.cables.push_back({node, "out", "out", "in"});
  return sound(patch, input);
}

}  // namespace tests
