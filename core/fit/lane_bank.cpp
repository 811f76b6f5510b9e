// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/fit/lane_bank.h"

#include <algorithm>
#include <thread>

#include "core/graph/realtime.h"

namespace core {
namespace {
constexpr int kStretchTicks = 16;

std::size_t at(int i) { return static_cast<std::size_t>(i); }
}  // namespace

void inTwo(const std::function<void(std::size_t)>& work) {
  const DenormalsOff denormals;
  if (std::thread::hardware_concurrency() < 2) {
    work(0);
    work(1);
    return;
  }
  const std::jthread helper([&work] {
    const DenormalsOff own;
    work(1);
  });
  work(0);
}

Result<std::unique_ptr<LaneBank>> LaneBank::create(const Plan& plan, const FitSpace& space, int executors, int lanes,
                                                   const std::stop_token& stop) {
  std::unique_ptr<LaneBank> made(new LaneBank(space, lanes));
  for (int i = 0; i < executors; ++i) {
    ExecutorOptions run;
    run.clips = lanes;
    run.stretchTicks = kStretchTicks;
    auto executor = Executor::create(plan, run, stop);
    if (!executor) return executor.error();
    made->banks_.push_back({std::move(*executor), std::vector<std::vector<double>>(at(lanes))});
  }
  return made;
}

/// Lanes beyond the sets play the last one. Tensors are written where they changed only.
void LaneBank::writeValues(Bank& bank, std::span<const Set> sets, const std::stop_token& stop) {
  for (int lane = 0; lane < lanes_ && !stop.stop_requested(); ++lane) {
    const Set x = sets[std::min(at(lane), sets.size() - 1)];
    space_.writeScalars(x, *bank.executor, lane);
    if (!space_.hasTensors()) continue;
    std::vector<double>& in = bank.inLanes[at(lane)];
    const bool first = in.empty();
    in.resize(x.size());
    for (const FitEntry& t : space_.entries()) {
      if (t.parameter >= 0 || (!first && std::equal(&in[t.first], &in[t.first] + t.count, &x[t.first]))) continue;
      space_.writeTensor(t, x, *bank.executor, lane);
      std::copy_n(&x[t.first], t.count, &in[t.first]);
    }
  }
}

void LaneBank::renderOn(Bank& bank, std::span<const Set> sets, std::span<Sound> sounds,
                        std::span<const VoiceEvent> events, int samples, const std::stop_token& stop) {
  Executor& e = *bank.executor;
  writeValues(bank, sets, stop);
  e.reset();
  e.setEvents(events);
  const int group = e.domain(false).group, all = (samples + kTick - 1) / kTick;
  for (int t = 0; t < all && !stop.stop_requested(); t += kStretchTicks) {
    e.run(std::min(kStretchTicks, all - t));
    const int count = std::min(kStretchTicks * kTick, samples - t * kTick);
    for (int c = 0; c < static_cast<int>(sets.size()); ++c) {
      const Sample *left = e.output(0, c / group) + c % group, *right = e.output(1, c / group) + c % group;
      Sample* to = &sounds[at(c)][at(t * kTick)];
      for (int i = 0; i < count; ++i) to[i] = 0.5_s * (left[i * group] + right[i * group]);
    }
  }
}

std::vector<LaneBank::Sound> LaneBank::render(std::span<const Set> sets, std::span<const VoiceEvent> events,
                                              int samples, const std::stop_token& stop) {
  std::vector<Sound> sounds(sets.size(), Sound(at(samples)));
  inTwo([&](std::size_t first) {
    for (std::size_t b = first; b < banks_.size(); b += 2)
      for (std::size_t from = b * at(lanes_); from < sets.size(); from += banks_.size() * at(lanes_)) {
        const std::size_t count = std::min(at(lanes_), sets.size() - from);
        renderOn(banks_[b], sets.subspan(from, count), std::span(sounds).subspan(from, count), events, samples, stop);
      }
  });
  return sounds;
}

}  // namespace core
