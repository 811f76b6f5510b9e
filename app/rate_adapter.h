// SPDX-License-Identifier: GPL-3.0-or-later
// A patch plays at its own sample rate, a device at one of its own: this stands between the two, both
// ways (libsamplerate, band-limited sinc; it allocates in the constructor only).
#pragma once

#include <atomic>
#include <memory>
#include <vector>

namespace app {

class RateAdapter {
 public:
  /// Asks for `frames` at the engine's rate; input may be null. [audio-thread]
  using Engine = void (*)(void* context, const float* const input[2], float* const output[2], int frames);

  RateAdapter(Engine engine, void* context);
  ~RateAdapter();
  RateAdapter(const RateAdapter&) = delete;
  RateAdapter& operator=(const RateAdapter&) = delete;

  /// Fills `output` (`frames` at `deviceRate`, Hz) from an engine that runs at `engineRate`. Equal
  /// rates: the engine is called directly and no bit changes. Device frame n is the engine's sound at
  /// n / deviceRate since the rates last changed. Rates may differ by a factor of up to 24; beyond
  /// that it is silent. [audio-thread], no allocation, any number of frames.
  void process(double engineRate, double deviceRate, const float* const input[2], float* const output[2], int frames);

  /// Seconds by which the engine is ahead of what the device has got (the filter's half length and a
  /// part of a tick); 0 at equal rates.
  double outputLatency() const { return outputLatency_.load(std::memory_order_relaxed); }
  /// Seconds by which what the device hears comes late into the engine's sound, which it plays in its own time.
  double inputLatency() const { return inputLatency_.load(std::memory_order_relaxed); }

 private:
  struct Converters;
  void begin(double engineRate, double deviceRate);
  void takeInput(const float* const input[2], int frames);
  long giveTick(float** interleaved);

  Engine engine_;
  void* context_;
  std::unique_ptr<Converters> converters_;
  double engineRate_ = 0, deviceRate_ = 0;
  bool hasInput_ = false;
  int silentTicks_ = 0;
  std::vector<float> waiting_;  ///< device input at the engine's rate, interleaved: a ring
  std::size_t waitingFrom_ = 0, waitingCount_ = 0;
  std::vector<float> tick_, block_, converted_;
  double pulled_ = 0, delivered_ = 0, missing_ = 0;  ///< frames
  std::atomic<double> outputLatency_{0}, inputLatency_{0};
};

}  // namespace app
