// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/graph/render.h"

#include <algorithm>
#include <cmath>

#include "core/graph/realtime.h"

namespace core {
namespace {
constexpr float kTailLevel = 1e-4F;     // -80 dBFS
constexpr double kQuietSeconds = 0.25;  // silence this long ends a tail
constexpr double kFadeSeconds = 0.05;

void fadeOut(std::vector<float>& x, double rate) {
  const auto n = std::min(x.size(), static_cast<std::size_t>(kFadeSeconds * rate));
  for (std::size_t i = 0; i < n; ++i) x[x.size() - n + i] *= static_cast<float>(n - i) / static_cast<float>(n + 1);
}
}  // namespace

Result<Rendering> render(const Patch& patch, const Registry& registry, const RenderOptions& options) {
  const DenormalsOff denormals;
  auto plan = compilePlan(patch, registry, {.rate = patch.rate});
  if (!plan) return plan.error();
  ExecutorOptions run;
  run.stretchTicks = options.stretchTicks;
  run.limiter = options.limiter;
  auto executor = Executor::create(std::move(*plan), run);
  if (!executor) return executor.error();
  Executor& e = **executor;
  const auto events = options.events ? *options.events : playerEvents(patch.phrase, patch.rate);
  const auto voiceEvents = allocate(events, e.plan().voices);
  e.setEvents(voiceEvents);

  Rendering out;
  out.rate = patch.rate;
  const auto frames = [&](double s) { return static_cast<std::int64_t>(std::llround(s * patch.rate)); };
  const std::int64_t played = events.empty() ? frames(patch.phraseSeconds()) : events.back().frame;
  const std::int64_t body = options.seconds ? frames(*options.seconds) : played;
  const std::int64_t most = options.seconds ? body : body + frames(options.tailSeconds);
  std::int64_t lastLoud = body;
  std::vector<Sample> input[2];
  for (std::int64_t at = 0; at < most;) {
    const int ticks = options.stretchTicks;
    for (int c = 0; c < 2; ++c) {
      input[c].assign(static_cast<std::size_t>(ticks * kTick), 0);
      for (int i = 0; i < ticks * kTick && at + i < static_cast<std::int64_t>(options.external[c].size()); ++i)
        input[c][static_cast<std::size_t>(i)] =
            static_cast<Sample>(options.external[c][static_cast<std::size_t>(at + i)]);
    }
    e.setExternal(input[0].data(), input[1].data());
    e.run(ticks);
    for (int c = 0; c < 2; ++c)
      for (int i = 0; i < ticks * kTick; ++i) {
        const Sample* y = e.output(c);
        const float v = y ? static_cast<float>(y[i]) : 0.0F;
        out.channels[c].push_back(v);
        if (std::fabs(v) > kTailLevel) lastLoud = std::max(lastLoud, at + i + 1);
      }
    at += ticks * kTick;
    if (!options.seconds && at > body && at - lastLoud > frames(kQuietSeconds)) break;
    if (options.progress && !options.progress(static_cast<double>(at) / patch.rate)) return Error{"Cancelled."};
  }
  const bool cut = !options.seconds && lastLoud >= most - frames(kQuietSeconds);
  const std::int64_t length = options.seconds ? body : std::min(most, lastLoud + frames(kFadeSeconds));
  for (auto& channel : out.channels) {
    channel.resize(static_cast<std::size_t>(std::max<std::int64_t>(length, 1)));
    if (!options.seconds || cut) fadeOut(channel, patch.rate);
  }
  for (std::size_t n = 0; n < e.plan().nodes.size(); ++n)
    if (e.faults()[n]) out.faults.emplace_back(e.plan().nodes[n].id, e.faults()[n]);
  return out;
}

}  // namespace core
