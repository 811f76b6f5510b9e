// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/bench_run.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <numbers>
#include <thread>

#include "core/analysis/quantile.h"
#include "core/fit/session.h"
#include "core/graph/realtime.h"
#include "core/graph/tick_engine.h"

namespace app {
namespace {
using namespace core;
constexpr int kTicksARun = 2;  // 128 frames
constexpr double kStepScale = 1;

double secondsOf(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}
}  // namespace

double processorSeconds() { return secondsOf(CLOCK_PROCESS_CPUTIME_ID); }
double wallSeconds() { return secondsOf(CLOCK_MONOTONIC); }

double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

double spread(std::span<const double> values) {
  if (values.empty()) return 0;
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return (*most - *least) / median({values.begin(), values.end()});
}

Result<std::unique_ptr<PatchRun>> PatchRun::create(const BenchPatch& bench, const Registry& registry, double seconds) {
  auto plan = compilePlan(bench.patch, registry, {.rate = bench.patch.rate, .reuseBuffers = true});
  if (!plan) return plan.error();
  ExecutorOptions options;
  options.stretchTicks = kTicksARun;
  options.smoothing = true;
  auto made = Executor::create(std::move(*plan), options);
  if (!made) return made.error();
  auto run = std::make_unique<PatchRun>();
  run->executor_ = std::move(*made);
  run->events_ = allocate(bench.events, run->executor_->plan().voices);
  run->seconds_ = seconds;
  return run;
}

double PatchRun::timesRealTime() {
  const DenormalsOff denormals;
  Executor& e = *executor_;
  e.reset();
  e.setEvents(events_);
  const int runs = clipTicks(seconds_, e.plan().rate) / kTicksARun;
  const double start = processorSeconds();
  for (int i = 0; i < runs; ++i) e.run(kTicksARun);
  return runs * kTicksARun * kTick / e.plan().rate / (processorSeconds() - start);
}

Result<std::unique_ptr<GradientRun>> GradientRun::create(const GradientBench& bench, const Registry& registry,
                                                         int clips, std::size_t memoryLimit) {
  const Patch& patch = bench.patch;
  auto plan = compilePlan(patch, registry, {.rate = patch.rate});
  if (!plan) return plan.error();
  auto space = FitSpace::create(*plan, declaredFree(patch, registry));
  if (!space) return space.error();
  std::unique_ptr<GradientRun> run(new GradientRun(std::move(*space)));
  run->events_ = allocate(playerEvents(patch.phrase, patch.rate), plan->voices);
  run->x_.assign(static_cast<std::size_t>(clips), run->space_.read(*plan));
  run->adam_.assign(static_cast<std::size_t>(clips), Adam(run->space_.size()));
  run->rates_ = run->space_.rates();
  run->d_.resize(run->space_.size());
  Gradient::Options options;
  options.clips = clips;
  if (memoryLimit) options.memoryLimit = memoryLimit;
  auto made = Gradient::create(std::move(*plan), run->space_.request(), clipTicks(bench.seconds, patch.rate), options);
  if (!made) return made.error();
  run->gradient_ = std::move(*made);
  run->gradient_->executor().setEvents(run->events_);
  run->sound_.resize(static_cast<std::size_t>(run->gradient_->frames()));
  run->cotangent_.resize(run->sound_.size());
  for (std::size_t i = 0; i < run->sound_.size(); ++i)
    run->sound_[i] =
        static_cast<Sample>(0.3 * std::sin(2 * std::numbers::pi * 220 * static_cast<double>(i) / patch.rate));
  LossOptions loss;
  loss.kind = LossKind::robust;
  loss.sizes = {2048, 1024, 512, 256, 128, 64};
  run->loss_ = std::make_unique<SpectralLoss>(run->sound_, loss);
  return run;
}

GradientRun::Step GradientRun::step() {
  const DenormalsOff denormals;
  Gradient& g = *gradient_;
  Step step;
  double last = processorSeconds();
  const auto lap = [&last](double& to) {
    const double now = processorSeconds();
    to += now - last;
    last = now;
  };
  const int clips = static_cast<int>(x_.size());
  for (int c = 0; c < clips; ++c) space_.write(x_[static_cast<std::size_t>(c)], g.executor(), c);
  lap(step.update);
  g.forward();
  lap(step.forward);
  for (int c = 0; c < clips; ++c) {
    g.copyOutput(0, c, sound_);
    loss_->gradient(sound_, cotangent_);
    g.setCotangent(0, c, cotangent_);
  }
  lap(step.loss);
  g.backward();
  lap(step.backward);
  for (int c = 0; c < clips; ++c) {
    auto& x = x_[static_cast<std::size_t>(c)];
    space_.gather(g, x, c, d_);
    adam_[static_cast<std::size_t>(c)].step(x, d_, rates_, kStepScale);
    space_.clamp(x);
  }
  lap(step.update);
  return step;
}

namespace {
/// Every pass does the same work in the same block; what the machine does besides differs.
constexpr int kLivePasses = 3;

/// Seconds of each block of a patch that plays live with its keys held, after the first one.
Result<std::vector<double>> playBlocks(const Patch& patch, const Registry& registry, int voices, int lowest,
                                       double seconds, int ticksABlock) {
  auto plan = compilePlan(patch, registry, {.rate = patch.rate, .reuseBuffers = true});
  if (!plan) return plan.error();
  StateStore store;
  auto made = Executor::create(std::move(*plan), liveOptions(&store));
  if (!made) return made.error();
  TickEngine engine;
  EngineCommand command;
  command.type = EngineCommand::Type::plan;
  engine.apply(command, made->get(), nullptr);
  command.type = EngineCommand::Type::player;
  for (int v = 0; v < voices; ++v) {
    command.player = {0, PlayerEvent::Type::noteOn, static_cast<float>(lowest + 2 * v), 0.8F};
    engine.apply(command, nullptr, nullptr);
  }
  float left[kTick], right[kTick];
  const int warm = clipTicks(1, patch.rate), ticks = clipTicks(seconds, patch.rate);
  for (int t = 0; t < warm; ++t) engine.runTick(nullptr, nullptr, left, right);
  std::vector<double> blocks;
  blocks.reserve(static_cast<std::size_t>(ticks / ticksABlock + 1));
  for (int t = 0; t < ticks; t += ticksABlock) {
    const double began = wallSeconds();
    for (int i = 0; i < ticksABlock; ++i) engine.runTick(nullptr, nullptr, left, right);
    blocks.push_back(wallSeconds() - began);
  }
  return blocks;
}
}  // namespace

Result<LiveLoad> liveLoad(const Patch& patch, const Registry& registry, int voices, int lowest, double seconds,
                          int ticksABlock) {
  const DenormalsOff denormals;
  std::vector<double> least;
  double latest = 0;
  const double start = processorSeconds();
  for (int pass = 0; pass < kLivePasses; ++pass) {
    const auto blocks = playBlocks(patch, registry, voices, lowest, seconds, ticksABlock);
    if (!blocks) return blocks.error();
    latest = std::max(latest, *std::max_element(blocks->begin(), blocks->end()));
    if (least.empty()) least = *blocks;
    std::transform(blocks->begin(), blocks->end(), least.begin(), least.begin(),
                   [](double a, double b) { return std::min(a, b); });
  }
  const double used = (processorSeconds() - start) / kLivePasses, deadline = kTick * ticksABlock / patch.rate;
  return LiveLoad{used / (seconds + 1), *std::max_element(least.begin(), least.end()) / deadline, latest / deadline,
                  quantile(least, 0.999) / deadline};
}

double timeToCancel(const Patch& patch, const Registry& registry, const AudioData& target, double after) {
  std::stop_source stop;
  double asked = 0;
  std::jthread other([&] {
    std::this_thread::sleep_for(std::chrono::duration<double>(after));
    asked = wallSeconds();
    stop.request_stop();
  });
  (void)fit(patch, registry, target, {}, {}, stop.get_token()).has_value();
  const double ended = wallSeconds();
  other.join();
  return ended - asked;
}

}  // namespace app
