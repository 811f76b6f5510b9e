// SPDX-License-Identifier: GPL-3.0-or-later
// An engine that only notes what it was told.
#pragma once

#include "ui/engine_control.h"
#include "ui/patch_diff.h"

class FakeEngine : public ui::EngineControl {
 public:
  using EngineControl::EngineControl;

  void setPatch(const core::Patch& p) override {
    ++patches;
    patch = p;
  }
  void setKnob(const std::string& node, const std::string& input, double value) override {
    ++knobs;
    if (core::PatchNode* n = patch.find(node)) n->values[input] = value;
  }
  void setDepth(const core::Cable& cable, double value) override {
    ++depths;
    for (core::Cable& c : patch.cables)
      if (ui::sameEnds(c, cable)) c.depth = value;
  }
  void noteOn(int key, float velocity) override { notes.append(QStringLiteral("on %1 %2").arg(key).arg(velocity > 0)); }
  void noteOff(int key) override { notes.append(QStringLiteral("off %1").arg(key)); }
  void sustain(bool) override {}
  void bend(double) override {}
  void panic() override { notes.append(QStringLiteral("panic")); }
  void playPhrase() override { ++plays; }
  void stopPhrase() override { ++stops; }
  void playClip(std::vector<float> left, std::vector<float>, double, double) override {
    ++clips;
    clip = std::move(left);
  }
  void stopClip() override { ++clipStops; }
  void probe(const std::string&, const std::string&) override {}
  std::vector<float> probeSamples() override { return {}; }
  void watch(const std::string& node, const std::vector<std::string>&) override {
    ++watches;
    watchedNode = node;
  }
  std::vector<float> watched() override { return watchedNode.empty() ? std::vector<float>() : watchedValues; }
  ui::EngineStatus status() override { return current; }
  void measureAnswer() override { ++answersMeasured; }
  std::vector<ui::NodeStatus> nodeStatus() override { return nodes; }
  QStringList audioDevices() override { return {QStringLiteral("JACK")}; }
  QStringList midiInputs() override { return {}; }
  std::vector<double> rates(const QString&) override { return {48000}; }
  void openDevice(const QString&, double, int) override {}
  void openMidi(const QString&) override {}

  core::Patch patch;
  int patches = 0, knobs = 0, depths = 0, plays = 0, stops = 0, clips = 0, clipStops = 0;
  std::vector<float> clip, watchedValues;
  std::string watchedNode;
  int watches = 0, answersMeasured = 0;
  QStringList notes;
  ui::EngineStatus current;
  std::vector<ui::NodeStatus> nodes;
};
