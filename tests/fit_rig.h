// SPDX-License-Identifier: GPL-3.0-or-later
// What the suites of the fit start from: a few small patches, their sound, and what moves them away from it.
#pragma once

#include <algorithm>
#include <cmath>

#include "core/file/audio_file.h"
#include "core/fit/session.h"
#include "core/graph/render.h"
#include "patch_rig.h"

namespace tests {

/// A saw through a low-pass: note -> oscillator -> filter -> gain -> output.
inline Patch subtractive() {
  Patch p;
  p.nodes = {node("note", "control.note"),
             node("osc", "source.oscillator", {{"f0", kC4Hz}, {"phase", 0.3}}, {"f0", "phase"}),
             node("svf", "filter.svf", {{"cutoff", 1500}, {"q", 2}}, {"cutoff", "q"}),
             node("gain", "effect.gain", {{"gain", -12}}, {"gain"}), node("out", "structure.output")};
  p.nodes[1].settings["waveform"].text = "saw";
  p.cables = {{"note", "pitch", "osc", "f0"}, {"note", "gate", "osc", "gate"},   {"osc", "out", "svf", "in"},
              {"svf", "low", "gain", "in"},   {"note", "gate", "gain", "level"}, {"gain", "out", "out", "in"}};
  p.phrase = {{57, 0.02, 0.5, 0.8}};
  return p;
}
/// Two oscillators of different waves, mixed.
inline Patch twoVoices() {
  Patch p = subtractive();
  p.nodes.push_back(node("second", "source.oscillator", {{"f0", 2 * kC4Hz}}, {}));
  p.nodes.back().settings["waveform"].text = "triangle";
  p.nodes.push_back(node("level", "effect.gain", {{"gain", -9}}, {"gain"}));
  p.cables.push_back({"note", "pitch", "second", "f0"});
  p.cables.push_back({"note", "gate", "second", "gate"});
  p.cables.push_back({"second", "out", "level", "in"});
  p.cables.push_back({"level", "out", "svf", "in"});
  return p;
}
/// Pulse width and an echo.
inline Patch pulse() {
  Patch p = subtractive();
  p.find("osc")->settings["waveform"].text = "square";
  p.find("osc")->values["width"] = 0.3;
  p.find("osc")->free = {"f0", "width", "phase"};
  p.find("svf")->values["cutoff"] = 3000;
  return p;
}

inline AudioData sound(const Patch& p, double seconds) {
  RenderOptions o;
  o.seconds = seconds;
  const auto r = render(p, registry(), o);
  AudioData a;
  a.rate = r->rate;
  a.channels = {r->channels[0], r->channels[1]};
  return a;
}
/// Moves what is free by up to a fifth of its travel, and pitches by 30 cents.
inline Patch perturbed(Patch p) {
  double sign = 1;
  for (PatchNode& n : p.nodes) {
    const NodeType& type = *registry().find(n.type);
    for (const std::string& row : n.free) {
      const Input& in = type.inputs[static_cast<std::size_t>(type.inputIndex(row))];
      const double was = knobValue(n, in);
      double u = in.range().normalise(was);
      u += (u > 0.75 ? -1 : u < 0.25 ? 1 : sign) * 0.17;
      n.values[row] = in.id == "f0" ? was * std::exp2(30.0 / 1200) : in.range().plain(u);
      sign = -sign;
    }
  }
  return p;
}
inline bool mentions(const std::vector<std::string>& lines, const char* word) {
  return std::any_of(lines.begin(), lines.end(),
                     [word](const std::string& s) { return s.find(word) != std::string::npos; });
}

}  // namespace tests
