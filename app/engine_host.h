// SPDX-License-Identifier: GPL-3.0-or-later
// Joins the live engine, the sound card and MIDI, and is what the window talks to.
#pragma once

#include <QTimer>
#include <memory>
#include <thread>

#include "app/audio_device.h"
#include "app/heard_meter.h"
#include "app/midi_input.h"
#include "app/playing_rate.h"
#include "app/rate_adapter.h"
#include "core/graph/live_engine.h"
#include "ui/engine_control.h"

namespace app {

class EngineHost : public ui::EngineControl {
  Q_OBJECT
 public:
  explicit EngineHost(const core::Registry& registry, QObject* parent = nullptr);
  ~EngineHost() override;

  /// Opens the device of the settings (or the first that works) and MIDI.
  void start(const AudioWish& wish, const std::string& midiPort);

  void setPatch(const core::Patch& patch) override;
  void setKnob(const std::string& node, const std::string& input, double value) override;
  void setDepth(const core::Cable& cable, double depth) override;
  void noteOn(int key, float velocity) override;
  void noteOff(int key) override;
  void sustain(bool down) override;
  void bend(double octaves) override;
  void panic() override;
  void playPhrase() override;
  void stopPhrase() override;
  void playClip(std::vector<float> left, std::vector<float> right, double rate, double fromSeconds) override;
  void stopClip() override;
  void probe(const std::string& node, const std::string& output) override;
  std::vector<float> probeSamples() override;
  void watch(const std::string& node, const std::vector<std::string>& inputs) override;
  std::vector<float> watched() override;
  ui::EngineStatus status() override;
  void measureAnswer() override;
  std::vector<ui::NodeStatus> nodeStatus() override;
  QStringList audioDevices() override;
  QStringList midiInputs() override;
  std::vector<double> rates(const QString& device) override;
  void openDevice(const QString& device, double rate, int buffer) override;
  void openMidi(const QString& port) override;

  core::LiveEngine& engine() { return engine_; }
  AudioDevice& device() { return device_; }

 private:
  /// A sound that is heard instead of the patch; swapped in by pointer, freed on the UI thread.
  struct Clip {
    std::vector<float> channels[2];
    std::size_t at = 0;
    int serial = 0;
    float next(int channel) const { return channels[channel][at]; }
    void step() {
      if (++at == channels[0].size()) at = 0;
    }
  };
  static void onAudio(void* self, double rate, const float* const input[2], float* const output[2], int frames);
  void mixClip(float* const output[2], int frames);
  void look();
  /// What was given last, at the rate that the device asks for.
  void playPatch();

  const core::Registry& registry_;
  core::LiveEngine engine_;
  PlayingRate rates_;
  core::Patch patch_;      ///< as it was given, knobs and depths as they were moved since
  double playedRate_ = 0;  ///< Hz, asked of the engine; 0: no patch was given
  RateAdapter adapter_;    ///< [audio-thread] between the patch's rate and the device's
  std::vector<std::unique_ptr<Clip>> clips_;
  std::atomic<Clip*> clip_{nullptr};
  /// Serial of the oldest clip the audio thread may still read; it never goes back to older ones.
  std::atomic<int> oldestInUse_{0};
  Clip *playing_ = nullptr, *fading_ = nullptr;  ///< [audio-thread]
  float clipGain_ = 0;                           ///< [audio-thread] 0 patch, 1 clip
  float swapGain_ = 1;                           ///< [audio-thread] 0 fading_, 1 playing_
  int clipSerial_ = 0;
  std::atomic<bool> clipWanted_{false};
  HeardMeter meter_;  ///< of patch and clip
  AudioDevice device_;
  std::unique_ptr<MidiInput> midi_;
  QTimer timer_, midiTimer_;
  int turn_ = 0;  ///< looks so far
  QString notice_;
  std::atomic<double> answer_{0};  ///< s after what is heard, of the patch alone; 0: not known
  std::jthread measuring_;
};

}  // namespace app
