// SPDX-License-Identifier: GPL-3.0-or-later
// The sound card by RtAudio, and a clock that keeps the patch running without one. The only file pair
// that knows RtAudio. Losses and hangs of RtAudio 5.2 (a killed JACK server closes the stream without a
// word, a changed buffer size hangs stopStream, a dead PulseAudio calls back in a busy loop) end in a
// watchdog: poll() notices, closes on a helper thread, runs the clock and tries again.
#pragma once

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/graph/result.h"

namespace app {

struct AudioDeviceInfo {
  std::string name;  ///< "JACK: system"
  std::vector<double> rates;
  int outputs = 0, inputs = 0;
};

/// What the user asked for; kept while the device is away.
struct AudioWish {
  std::string device;  ///< empty: the first that works; "none": only the clock
  double rate = 48000;
  int buffer = 128;
};

class AudioDevice {
 public:
  /// Fills `output` (2 channels, `frames` at `rate` Hz) from `input` (2 channels or null). [audio-thread]
  using Callback = void (*)(void* context, double rate, const float* const input[2], float* const output[2],
                            int frames);

  AudioDevice(Callback callback, void* context);
  ~AudioDevice();
  AudioDevice(const AudioDevice&) = delete;
  AudioDevice& operator=(const AudioDevice&) = delete;

  /// Devices with two outputs, over all compiled APIs. May take a second.
  static std::vector<AudioDeviceInfo> list();

  /// Opens what is wished for. On an error the clock runs and poll() keeps trying.
  core::Result<void> open(const AudioWish& wish);
  void close();
  /// Looks after the stream; call ten times a second. Returns true when something changed.
  bool poll();

  bool running() const { return stream_ != nullptr; }
  bool lost() const { return lost_; }
  const std::string& device() const { return device_; }
  double rate() const { return rate_; }
  int buffer() const { return buffer_; }
  int dropouts() const { return shared_->dropouts.load(); }
  double latencySeconds() const { return latency_; }
  const AudioWish& wish() const { return wish_; }

 private:
  struct Stream;  ///< an RtAudio object and its open stream
  /// What the callback touches; outlives a stream that could not be closed in time.
  struct Shared {
    Callback callback = nullptr;
    void* context = nullptr;
    double rate = 48000;  ///< set while nothing runs
    std::atomic<std::uint64_t> calls{0};
    std::atomic<bool> failed{false}, stopped{false};
    std::atomic<int> dropouts{0}, errorsAtOpen{0};
    bool hasInput = false;
  };
  static int onAudio(void* out, void* in, unsigned frames, double time, unsigned status, void* user);
  bool tryOpen();
  bool dead();
  void drop();
  void startClock();
  void stopClock();

  std::shared_ptr<Shared> shared_;
  std::shared_ptr<Stream> stream_;
  std::future<bool> present_;  ///< whether the wished device is there again
  AudioWish wish_;
  std::string device_ = "no device";
  double rate_ = 48000, latency_ = 0;
  int buffer_ = 128;
  bool lost_ = false;
  std::uint64_t lastCalls_ = 0;
  int stillPolls_ = 0;
  std::chrono::steady_clock::time_point lastPoll_, nextAttempt_;
  std::jthread clock_;
};

}  // namespace app
