// SPDX-License-Identifier: GPL-3.0-or-later
// Small patches in code, for tests of the executor and of gradients through whole patches.
#pragma once

#include <map>
#include <set>

#include "core/graph/patch.h"
#include "nodes/registry.h"

namespace tests {

using namespace core;

inline const Registry& registry() {
  static const Registry r = nodes::makeRegistry();
  return r;
}
inline PatchNode node(const char* id, const char* type, std::map<std::string, double> values = {},
                      std::set<std::string> free = {}) {
  PatchNode n;
  n.id = id;
  n.type = type;
  n.values = std::move(values);
  n.free = std::move(free);
  return n;
}
inline Patch notePatch() {
  Patch p;
  p.nodes = {node("note", "control.note"), node("osc", "source.oscillator", {{"f0", 250}}, {"f0"}),
             node("out", "structure.output")};
  p.nodes[1].settings["waveform"].text = "saw";
  p.cables = {{"note", "pitch", "osc", "f0"}, {"note", "gate", "osc", "gate"}};
  p.phrase = {{60, 0.002, 0.05, 0.8}};
  return p;
}
/// A cable that closes a cycle: the delay's output goes back into the filter, a tick late.
inline Patch feedbackPatch() {
  Patch p = notePatch();
  p.nodes.push_back(node("svf", "filter.svf", {{"cutoff", 1700}, {"q", 1.5}}, {"cutoff", "q"}));
  p.nodes.push_back(node("gain", "effect.gain", {{"gain", -9}}, {"gain"}));
  p.cables.push_back({"osc", "out", "svf", "in"});
  p.cables.push_back({"svf", "low", "gain", "in"});
  p.cables.push_back({"gain", "out", "svf", "in", 0.7, true, true});
  p.cables.push_back({"gain", "out", "out", "in"});
  return p;
}
/// Several voices, mixed before a filter.
inline Patch voicesPatch(int voices) {
  Patch p = notePatch();
  p.voices = voices;
  p.nodes.push_back(node("gain", "effect.gain", {{"gain", -6}}, {"gain"}));
  p.nodes.push_back(node("mix", "structure.voice-mix", {}, {"gain"}));
  p.nodes.push_back(node("svf", "filter.svf", {{"cutoff", 2500}, {"q", 0.9}}, {"cutoff"}));
  p.cables.push_back({"osc", "out", "gain", "in"});
  p.cables.push_back({"note", "velocity", "gain", "level"});
  p.cables.push_back({"gain", "out", "mix", "in"});
  p.cables.push_back({"mix", "out", "svf", "in"});
  p.cables.push_back({"svf", "low", "out", "in"});
  p.phrase.clear();
  for (int v = 0; v < voices; ++v) p.phrase.push_back({55.0 + 3 * v, 0.001 + 0.002 * v, 0.04, 0.5 + 0.02 * v});
  return p;
}
/// Tracks that drive harmonics and noise bands.
inline Patch tracksPatch() {
  Patch p;
  p.nodes = {node("f0", "control.track", {}, {"track"}),    node("harmonics", "control.track", {}, {"track"}),
             node("bands", "control.track", {}, {"track"}), node("osc", "source.harmonic"),
             node("noise", "source.filtered-noise"),        node("out", "structure.output")};
  for (int i = 0; i < 3; ++i) {
    p.nodes[static_cast<std::size_t>(i)].settings["length"].number = 0.06;
    p.nodes[static_cast<std::size_t>(i)].settings["frame-rate"].number = 200;
  }
  p.nodes[3].settings["harmonics"].number = 5;
  p.nodes[4].settings["bands"].number = 9;
  p.cables = {{"f0", "out", "osc", "f0"},
              {"harmonics", "out", "osc", "harmonics"},
              {"bands", "out", "noise", "magnitudes"},
              {"osc", "out", "out", "in"},
              {"noise", "out", "out", "in"}};
  for (int i = 0; i < 3; ++i) {
    const int width = i == 0 ? 1 : i == 1 ? 5 : 9, frames = 13;
    Blob blob;
    blob.shape = {frames, width};
    for (int k = 0; k < frames * width; ++k)
      blob.data.push_back(i == 0 ? 0.02f * static_cast<float>(k % 5) : 0.1f + 0.05f * static_cast<float>((k * 7) % 11));
    p.nodes[static_cast<std::size_t>(i)].tensors["track"] = std::make_shared<const Blob>(std::move(blob));
  }
  return p;
}
inline Patch reverbPatch() {
  Patch p = notePatch();
  p.nodes.push_back(node("room", "effect.fdn", {{"t60", 0.4}, {"mix", 0.5}}, {"t60", "damping", "mix"}));
  p.cables.push_back({"osc", "out", "room", "in"});
  p.cables.push_back({"room", "out", "out", "in"});
  return p;
}
/// An LFO moves the cutoff by a depth that is free.
inline Patch modulatedPatch() {
  Patch p = notePatch();
  p.nodes.push_back(node("lfo", "envelope.lfo", {{"rate", 15}}));
  p.nodes.push_back(node("svf", "filter.svf", {{"cutoff", 1200}, {"q", 2}}, {"cutoff", "q"}));
  p.cables.push_back({"lfo", "out", "svf", "cutoff", 0.8, false, true});
  p.cables.push_back({"osc", "out", "svf", "in"});
  p.cables.push_back({"svf", "band", "out", "in"});
  return p;
}

}  // namespace tests
