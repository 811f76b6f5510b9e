// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/audio_device.h"

#include <rtaudio/RtAudio.h>

#include <algorithm>
#include <cmath>

extern "C" {
// a test that preloads a guard against allocation, locks and files counts between these two
__attribute__((weak)) void rtguard_enter();
__attribute__((weak)) void rtguard_exit();
}

namespace app {
namespace {

using core::Error;
using Clock = std::chrono::steady_clock;
constexpr auto kRetry = std::chrono::milliseconds(500);
constexpr auto kClosePatience = std::chrono::milliseconds(1500);
constexpr int kStillPolls = 5;  ///< polls (100 ms) without a callback: the stream is dead
constexpr double kBusy = 8;     ///< callbacks this much faster than real time: a dead server

/// Errors of all streams: the library's error callback gets no context.
std::atomic<int> errors{0};
void onError(RtAudioError::Type type, const std::string&) {
  if (type != RtAudioError::DEBUG_WARNING) errors.fetch_add(1);
}

const char* apiName(RtAudio::Api api) {
  return api == RtAudio::UNIX_JACK ? "JACK" : api == RtAudio::LINUX_PULSE ? "PulseAudio" : "ALSA";
}

std::vector<RtAudio::Api> apis() {
  std::vector<RtAudio::Api> compiled, out;
  RtAudio::getCompiledApi(compiled);
  for (const auto api : {RtAudio::UNIX_JACK, RtAudio::LINUX_PULSE, RtAudio::LINUX_ALSA})
    if (std::find(compiled.begin(), compiled.end(), api) != compiled.end()) out.push_back(api);
  return out;
}

struct Found {
  unsigned id;
  RtAudio::DeviceInfo info;
  std::string name;
};

/// Devices of one API that can play stereo. Exceptions of the library stop here.
std::vector<Found> devicesOf(RtAudio::Api api) {
  std::vector<Found> out;
  try {
    RtAudio audio(api);
    audio.showWarnings(false);
    for (unsigned i = 0; i < audio.getDeviceCount(); ++i) {
      const RtAudio::DeviceInfo info = audio.getDeviceInfo(i);
      if (info.probed && info.outputChannels >= 2)
        out.push_back({i, info, std::string(apiName(api)) + ": " + info.name});
    }
  } catch (const RtAudioError&) {
  }
  return out;
}

double nearestRate(const RtAudio::DeviceInfo& info, double wanted) {
  double best = info.preferredSampleRate ? info.preferredSampleRate : 48000;
  for (const unsigned r : info.sampleRates)
    if (std::fabs(r - wanted) < std::fabs(best - wanted)) best = r;
  return best;
}

}  // namespace

struct AudioDevice::Stream {
  std::unique_ptr<RtAudio> audio;
  std::shared_ptr<Shared> shared;
};

AudioDevice::AudioDevice(Callback callback, void* context) : shared_(std::make_shared<Shared>()) {
  shared_->callback = callback;
  shared_->context = context;
}

AudioDevice::~AudioDevice() {
  close();
  // libraries that are still being asked would not outlive the program; but no longer than a close may take
  if (present_.valid()) present_.wait_for(kClosePatience);
}

std::vector<AudioDeviceInfo> AudioDevice::list() {
  std::vector<AudioDeviceInfo> out;
  for (const auto api : apis())
    for (const Found& f : devicesOf(api))
      out.push_back({f.name,
                     {f.info.sampleRates.begin(), f.info.sampleRates.end()},
                     static_cast<int>(f.info.outputChannels),
                     static_cast<int>(f.info.inputChannels)});
  return out;
}

int AudioDevice::onAudio(void* out, void* in, unsigned frames, double, unsigned status, void* user) {
  auto& shared = *static_cast<Shared*>(user);
  auto* to = static_cast<float*>(out);
  shared.calls.fetch_add(1, std::memory_order_relaxed);
  if (errors.load() != shared.errorsAtOpen.load()) shared.failed = true;
  if (shared.failed.load() || shared.stopped.load()) {  // 2 ends the stream: a dead server calls in a busy loop
    std::fill(to, to + 2 * frames, 0.0F);
    return 2;
  }
  if (status != 0) shared.dropouts.fetch_add(1);
  const auto* from = shared.hasInput ? static_cast<const float*>(in) : nullptr;
  const float* const input[2] = {from, from ? from + frames : nullptr};
  float* const output[2] = {to, to + frames};
  if (rtguard_enter) rtguard_enter();
  shared.callback(shared.context, shared.rate, input, output, static_cast<int>(frames));
  if (rtguard_exit) rtguard_exit();
  return 0;
}

/// Opens the wished device, or the first that works. The clock must not run meanwhile.
bool AudioDevice::tryOpen() {
  for (const auto api : apis())
    for (const Found& f : devicesOf(api)) {
      if (!wish_.device.empty() && wish_.device != f.name) continue;
      auto stream = std::make_shared<Stream>();
      stream->shared = shared_;
      const double rate = nearestRate(f.info, wish_.rate);
      auto buffer = static_cast<unsigned>(wish_.buffer);
      try {
        stream->audio = std::make_unique<RtAudio>(api);
        stream->audio->showWarnings(false);
        RtAudio::StreamParameters output{f.id, 2, 0}, input{f.id, 2, 0};
        shared_->hasInput = f.info.duplexChannels >= 2;
        RtAudio::StreamOptions options;
        options.flags = RTAUDIO_NONINTERLEAVED | RTAUDIO_SCHEDULE_REALTIME;
        options.streamName = "Tonewright";
        options.priority = 60;
        stream->audio->openStream(&output, shared_->hasInput ? &input : nullptr, RTAUDIO_FLOAT32,
                                  static_cast<unsigned>(rate), &buffer, &AudioDevice::onAudio, shared_.get(), &options,
                                  &onError);
        device_ = f.name;
        rate_ = shared_->rate = rate;
        buffer_ = static_cast<int>(buffer);
        shared_->errorsAtOpen = errors.load();
        stream->audio->startStream();
        latency_ = static_cast<double>(std::max<long>(stream->audio->getStreamLatency(), buffer_)) / rate_;
        stream_ = std::move(stream);
        lost_ = false;
        lastCalls_ = shared_->calls.load();
        stillPolls_ = 0;
        lastPoll_ = Clock::now();
        return true;
      } catch (const RtAudioError&) {
        shared_->failed = false;
      }
    }
  device_ = "no device";
  return false;
}

core::Result<void> AudioDevice::open(const AudioWish& wish) {
  close();
  wish_ = wish;
  if (wish.device != "none" && tryOpen()) return {};
  startClock();
  nextAttempt_ = Clock::now() + kRetry;
  if (wish.device == "none") return {};
  if (wish.device.empty())
    return Error{"No sound card or sound server was found; the patch runs silently until one appears."};
  return Error{"The audio device \"" + wish.device +
               "\" could not be opened; it is tried again until it is back, or choose another."};
}

/// Lets go of the stream. Closing may hang in the library, so it happens on a thread of its own that
/// is left behind when it takes too long; its callback no longer reaches the engine by then.
void AudioDevice::drop() {
  if (!stream_) return;
  stream_->shared->stopped = true;
  auto closing = std::make_shared<std::promise<void>>();
  auto closed = closing->get_future();
  std::thread([stream = std::move(stream_), closing]() {
    try {
      if (stream->audio->isStreamOpen()) {
        if (stream->audio->isStreamRunning()) stream->audio->abortStream();
        stream->audio->closeStream();
      }
    } catch (const RtAudioError&) {
    }
    stream->audio.reset();
    closing->set_value();
  }).detach();
  stream_ = nullptr;
  if (closed.wait_for(kClosePatience) == std::future_status::ready) {
    shared_->stopped = false;
    shared_->failed = false;
    return;
  }
  auto fresh = std::make_shared<Shared>();  // the old stream keeps its own block, which says stop
  fresh->callback = shared_->callback;
  fresh->context = shared_->context;
  fresh->rate = shared_->rate;
  fresh->dropouts = shared_->dropouts.load();
  shared_ = std::move(fresh);
}

void AudioDevice::close() {
  drop();
  stopClock();
  device_ = "no device";
}

bool AudioDevice::dead() {
  const auto now = Clock::now();
  const std::uint64_t calls = shared_->calls.load();
  const double expected = std::chrono::duration<double>(now - lastPoll_).count() * rate_ / buffer_;
  const auto came = static_cast<double>(calls - lastCalls_);
  stillPolls_ = came == 0 ? stillPolls_ + 1 : 0;
  lastCalls_ = calls;
  lastPoll_ = now;
  const bool busy = came > kBusy * expected + 50;
  return shared_->failed || errors.load() != shared_->errorsAtOpen.load() || stillPolls_ >= kStillPolls || busy ||
         !stream_->audio->isStreamOpen();
}

bool AudioDevice::poll() {
  if (stream_) {
    if (!dead()) return false;
    drop();
    lost_ = true;
    device_ = "no device";
    startClock();
    nextAttempt_ = Clock::now() + kRetry;
    return true;
  }
  if (!clock_.joinable() || wish_.device == "none") return false;
  if (present_.valid()) {
    if (present_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return false;
    nextAttempt_ = Clock::now() + kRetry;
    if (!present_.get()) return false;
    stopClock();
    const bool open = tryOpen();
    if (!open) startClock();
    return open;
  }
  if (Clock::now() < nextAttempt_) return false;
  // looking may take long, and for ever where libjack holds its lock on a server that left: nobody waits for it
  const auto looking = std::make_shared<std::promise<bool>>();
  present_ = looking->get_future();
  std::thread([looking, wanted = wish_.device] {
    const auto found = list();
    looking->set_value(
        std::any_of(found.begin(), found.end(), [&](const auto& d) { return wanted.empty() || d.name == wanted; }));
  }).detach();
  return false;
}

void AudioDevice::startClock() {
  stopClock();
  latency_ = static_cast<double>(buffer_) / rate_;
  shared_->rate = rate_;
  clock_ = std::jthread([shared = shared_, frames = buffer_, rate = rate_](const std::stop_token& stop) {
    std::vector<float> left(static_cast<std::size_t>(frames)), right(left);
    float* const output[2] = {left.data(), right.data()};
    auto next = Clock::now();
    while (!stop.stop_requested()) {
      shared->callback(shared->context, shared->rate, nullptr, output, frames);
      next += std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(frames / rate));
      std::this_thread::sleep_until(next);
    }
  });
}

void AudioDevice::stopClock() {
  if (!clock_.joinable()) return;
  clock_.request_stop();
  clock_.join();
  clock_ = std::jthread();
}

}  // namespace app
