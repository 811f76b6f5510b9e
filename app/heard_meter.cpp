// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/heard_meter.h"

#include <ebur128.h>
#include <readerwriterqueue/readerwritercircularbuffer.h>

#include <algorithm>
#include <cmath>

namespace app {
namespace {
constexpr int kBlock = 64;  ///< frames, at most
struct Block {
  float samples[2 * kBlock];
  int frames = 0;
};
constexpr std::size_t kBlocks = 2048;  ///< over a second at 96 kHz, should the window be busy
}  // namespace

struct HeardMeter::Queue {
  moodycamel::BlockingReaderWriterCircularBuffer<Block> blocks{kBlocks};
};

struct HeardMeter::Loudness {
  explicit Loudness(double atRate)
      : rate(atRate), state(ebur128_init(2, static_cast<unsigned long>(atRate), EBUR128_MODE_M)) {}
  ~Loudness() {
    if (state) ebur128_destroy(&state);
  }
  Loudness(const Loudness&) = delete;
  Loudness& operator=(const Loudness&) = delete;
  double rate;
  ebur128_state* state;
};

HeardMeter::HeardMeter() : queue_(std::make_unique<Queue>()) {}
HeardMeter::~HeardMeter() = default;

void HeardMeter::take(double rate, const float* const output[2], int frames) {
  rate_.store(rate);
  for (int c = 0; c < 2; ++c) {
    float peak = peak_[c].load();
    for (int i = 0; i < frames; ++i) peak = std::max(peak, std::fabs(output[c][i]));
    peak_[c].store(peak);
  }
  for (int at = 0; at < frames; at += kBlock) {
    Block block;
    block.frames = std::min(kBlock, frames - at);
    for (int i = 0; i < block.frames; ++i)
      for (int c = 0; c < 2; ++c) block.samples[2 * i + c] = output[c][at + i];
    queue_->blocks.try_enqueue(block);  // full: nobody looks
  }
}

void HeardMeter::measure() {
  const double rate = rate_.load();
  if (rate <= 0) return;
  if (!loudness_ || loudness_->rate != rate) loudness_ = std::make_unique<Loudness>(rate);
  if (!loudness_->state) return;
  bool any = false;
  for (Block block; queue_->blocks.try_dequeue(block); any = true)
    ebur128_add_frames_float(loudness_->state, block.samples, static_cast<std::size_t>(block.frames));
  double lufs = -100;
  if (any && ebur128_loudness_momentary(loudness_->state, &lufs) == EBUR128_SUCCESS)
    momentary_ = static_cast<float>(std::max(-100.0, lufs));
}

}  // namespace app
