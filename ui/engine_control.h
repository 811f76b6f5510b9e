// SPDX-License-Identifier: GPL-3.0-or-later
// What the window may ask of the sound engine. The app implements it; tests may use a fake. All
// methods are [ui-thread] and return at once.
#pragma once

#include <QObject>
#include <QString>
#include <QStringList>
#include <vector>

#include "core/graph/patch.h"

namespace ui {

/// What the top bar shows, polled 30 times a second.
struct EngineStatus {
  bool running = false;  ///< a real device; false: the clock that keeps the patch alive without one
  QString device;        ///< "JACK" or "no device"
  double rate = 48000;
  int buffer = 128;           ///< frames
  double latencyMs = 0;       ///< from a key to the sound
  double answerMs = 0;        ///< from what is heard at the input to a model's answer; 0: not measured, or no model
  float load = 0, worst = 0;  ///< part of the deadline, mean and worst of the last second
  float peak[2] = {0, 0};     ///< since the last poll, linear
  float loudness = -100;      ///< LUFS, momentary
  int voicesHeld = 0, voices = 1;
  int dropouts = 0;
  QString notice;  ///< a sentence ("Device lost, retrying"), or empty
};

struct NodeStatus {
  QString node;
  float load = 0;  ///< part of one core
  int faults = 0;  ///< non-finite samples stopped
};

class EngineControl : public QObject {
  Q_OBJECT
 public:
  using QObject::QObject;

  /// The patch changed in any way; the engine works out what to recompile and cross-fades.
  virtual void setPatch(const core::Patch& patch) = 0;
  /// A knob moved: no recompile. The patch given later by setPatch holds the same value.
  virtual void setKnob(const std::string& node, const std::string& input, double value) = 0;
  virtual void setDepth(const core::Cable& cable, double depth) = 0;

  virtual void noteOn(int key, float velocity) = 0;
  virtual void noteOff(int key) = 0;
  virtual void sustain(bool down) = 0;
  virtual void bend(double octaves) = 0;
  virtual void panic() = 0;
  /// Plays the patch's phrase from its start, once.
  virtual void playPhrase() = 0;
  virtual void stopPhrase() = 0;

  /// Plays a clip instead of the patch (listening to a target), from `fromSeconds`; looped.
  virtual void playClip(std::vector<float> left, std::vector<float> right, double rate, double fromSeconds) = 0;
  virtual void stopClip() = 0;

  /// Copies a cable's signal for a small scope: call probe, then read probeSamples on later polls.
  virtual void probe(const std::string& node, const std::string& output) = 0;
  virtual std::vector<float> probeSamples() = 0;
  /// Looks at control inputs of a node as it hears them, for what is shown all the time; an empty node:
  /// none. Their newest values, in that order, are read on later polls; none while there are none.
  virtual void watch(const std::string& node, const std::vector<std::string>& inputs) = 0;
  virtual std::vector<float> watched() = 0;

  virtual EngineStatus status() = 0;
  /// Begins to measure how late the patch that plays answers what it hears; the status tells it soon.
  virtual void measureAnswer() = 0;
  virtual std::vector<NodeStatus> nodeStatus() = 0;

  virtual QStringList audioDevices() = 0;
  virtual QStringList midiInputs() = 0;
  /// Rates and buffers the device offers.
  virtual std::vector<double> rates(const QString& device) = 0;
  virtual void openDevice(const QString& device, double rate, int buffer) = 0;
  virtual void openMidi(const QString& port) = 0;

 Q_SIGNALS:
  /// A key from MIDI, for the on-screen keyboard.
  void keyPlayed(int key, float velocity);
  /// A MIDI controller moved: channel 1 to 16, controller 0 to 119, value 0 to 1.
  void controllerMoved(int channel, int controller, double value);
  /// The engine cannot play the patch (a file is missing, say); the last playable one goes on.
  void patchRefused(const QString& sentence);
};

}  // namespace ui
