// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/rate_adapter.h"

#include <samplerate.h>

#include <algorithm>

#include "core/graph/sample.h"

namespace app {
namespace {
using core::kTick;
constexpr double kMostRatio = 24;   ///< 8 kHz to 192 kHz
constexpr std::size_t kBlock = 64;  ///< device frames converted at a time
constexpr std::size_t kWaiting = 1 << 15;
/// 121 dB signal to noise, flat to 90 % of the band.
constexpr int kQuality = SRC_SINC_MEDIUM_QUALITY;
}  // namespace

struct RateAdapter::Converters {
  SRC_STATE* out = nullptr;
  SRC_STATE* in = nullptr;
  ~Converters() {
    src_delete(out);
    src_delete(in);
  }
};

RateAdapter::RateAdapter(Engine engine, void* context)
    : engine_(engine),
      context_(context),
      converters_(std::make_unique<Converters>()),
      waiting_(2 * kWaiting),
      tick_(2 * kTick),
      block_(2 * kBlock),
      converted_(2 * static_cast<std::size_t>(kBlock * kMostRatio + 16)) {
  int error = 0;
  const auto give = [](void* self, float** to) { return static_cast<RateAdapter*>(self)->giveTick(to); };
  converters_->out = src_callback_new(give, kQuality, 2, &error, this);
  converters_->in = src_new(kQuality, 2, &error);
}

RateAdapter::~RateAdapter() = default;

void RateAdapter::begin(double engineRate, double deviceRate) {
  engineRate_ = engineRate;
  deviceRate_ = deviceRate;
  src_reset(converters_->out);
  src_reset(converters_->in);
  waitingFrom_ = waitingCount_ = 0;
  silentTicks_ = 0;
  pulled_ = delivered_ = missing_ = 0;
  outputLatency_ = 0;
  inputLatency_ = 0;
}

/// Converts what the device heard and lets it wait for the engine's next ticks.
void RateAdapter::takeInput(const float* const input[2], int frames) {
  for (std::size_t at = 0; at < static_cast<std::size_t>(frames); at += kBlock) {
    const std::size_t count = std::min(kBlock, static_cast<std::size_t>(frames) - at);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t c = 0; c < 2; ++c) block_[2 * i + c] = input[c] ? input[c][at + i] : 0.0F;
    SRC_DATA data{};
    data.data_in = block_.data();
    data.input_frames = static_cast<long>(count);
    data.data_out = converted_.data();
    data.output_frames = static_cast<long>(converted_.size() / 2);
    data.src_ratio = engineRate_ / deviceRate_;
    if (src_process(converters_->in, &data) != 0) return;
    for (std::size_t i = 0; i < static_cast<std::size_t>(data.output_frames_gen) && waitingCount_ < kWaiting; ++i) {
      const std::size_t to = (waitingFrom_ + waitingCount_++) % kWaiting;
      for (std::size_t c = 0; c < 2; ++c) waiting_[2 * to + c] = converted_[2 * i + c];
    }
  }
}

/// One tick of the engine for the converter. Input that has not come yet counts as silence, two ticks
/// of it at least: from then on it is late by as much, so that it comes without a gap however unevenly
/// blocks and ticks interleave.
long RateAdapter::giveTick(float** interleaved) {
  float in[2][kTick] = {}, out[2][kTick] = {};
  if (hasInput_) {
    if (silentTicks_ == 0 && waitingCount_ < kTick) silentTicks_ = 2;
    if (silentTicks_ > 0) {
      --silentTicks_;
      missing_ += kTick;
      inputLatency_.store(missing_ / engineRate_, std::memory_order_relaxed);
    } else {
      for (std::size_t i = 0; i < kTick; ++i)
        for (std::size_t c = 0; c < 2; ++c) in[c][i] = waiting_[2 * ((waitingFrom_ + i) % kWaiting) + c];
      waitingFrom_ = (waitingFrom_ + kTick) % kWaiting;
      waitingCount_ -= kTick;
    }
  }
  const float* const from[2] = {in[0], in[1]};
  float* const to[2] = {out[0], out[1]};
  engine_(context_, hasInput_ ? from : nullptr, to, kTick);
  for (std::size_t i = 0; i < kTick; ++i)
    for (std::size_t c = 0; c < 2; ++c) tick_[2 * i + c] = out[c][i];
  pulled_ += kTick;
  *interleaved = tick_.data();
  return kTick;
}

void RateAdapter::process(double engineRate, double deviceRate, const float* const input[2], float* const output[2],
                          int frames) {
  if (engineRate != engineRate_ || deviceRate != deviceRate_) begin(engineRate, deviceRate);
  if (engineRate == deviceRate) return engine_(context_, input, output, frames);
  const double ratio = deviceRate / engineRate;
  hasInput_ = input && input[0];
  const bool possible = ratio < kMostRatio && 1 / ratio < kMostRatio;
  if (hasInput_ && possible) takeInput(input, frames);
  for (std::size_t at = 0; at < static_cast<std::size_t>(frames); at += kBlock) {
    const std::size_t count = std::min(kBlock, static_cast<std::size_t>(frames) - at);
    const long got = possible ? src_callback_read(converters_->out, ratio, static_cast<long>(count), block_.data()) : 0;
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t c = 0; c < 2; ++c) output[c][at + i] = static_cast<long>(i) < got ? block_[2 * i + c] : 0.0F;
    delivered_ += static_cast<double>(count);
  }
  outputLatency_.store(pulled_ / engineRate - delivered_ / deviceRate, std::memory_order_relaxed);
}

}  // namespace app
