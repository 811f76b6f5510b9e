// SPDX-License-Identifier: GPL-3.0-or-later
// The level of what goes to the sound card, whether patch or clip: peaks and loudness.
#pragma once

#include <atomic>
#include <memory>

namespace app {

class HeardMeter {
 public:
  HeardMeter();
  ~HeardMeter();
  HeardMeter(const HeardMeter&) = delete;
  HeardMeter& operator=(const HeardMeter&) = delete;

  /// Takes frames as they go out; never waits nor allocates. [audio-thread]
  void take(double rate, const float* const output[2], int frames);

  /// Works through what was taken; call about 30 times a second. [ui-thread]
  void measure();
  /// The highest sample since the last look, linear. [ui-thread]
  float takePeak(int channel) { return peak_[channel].exchange(0); }
  /// Momentary loudness (400 ms), LUFS; -100 when there is none. [ui-thread]
  float loudness() const { return momentary_; }

 private:
  struct Queue;
  struct Loudness;
  std::unique_ptr<Queue> queue_;
  std::unique_ptr<Loudness> loudness_;
  std::atomic<float> peak_[2] = {0.0F, 0.0F};
  std::atomic<double> rate_{0};
  float momentary_ = -100;
};

}  // namespace app
