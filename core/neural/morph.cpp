// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/neural/morph.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/analysis/centroid.h"
#include "core/analysis/compare.h"
#include "core/analysis/quantile.h"
#include "core/file/recordings.h"
#include "core/neural/front.h"
#include "core/neural/instruments.h"
#include "core/neural/parts_detail.h"
#include "core/neural/transfer.h"
#include "core/neural/transfer_features.h"

namespace core {
namespace {
using parts::kTrack;
constexpr float kSounding = 1e-2F;       // of the peak: -40 dB
constexpr double kSamePitch = 1.0 / 12;  // octaves

/// The cable by which a node gives z to another.
const Cable* latentCable(const Patch& patch) {
  for (const Cable& c : patch.cables)
    if (c.output == "z" && c.input == "z") return &c;
  return nullptr;
}
Error noLatent(const Patch& patch) {
  return Error{"Nothing in \"" + patch.name + "\" gives z; its controller needs an encoder or an embedding."};
}

/// Ticks in which a sound is within 40 dB of its peak.
std::vector<bool> soundingTicks(const std::vector<float>& x) {
  std::vector<float> peaks((x.size() + kTick - 1) / kTick, 0.0F);
  for (std::size_t i = 0; i < x.size(); ++i) peaks[i / kTick] = std::max(peaks[i / kTick], std::fabs(x[i]));
  const float loudest = peaks.empty() ? 0 : *std::max_element(peaks.begin(), peaks.end());
  std::vector<bool> on;
  on.reserve(peaks.size());
  for (const float p : peaks) on.push_back(loudest > 0 && p >= kSounding * loudest);
  return on;
}
}  // namespace

Result<std::vector<float>> latentOf(const Patch& model, const Registry& registry, const AudioData& sound) {
  const Cable* cable = latentCable(model);
  if (!cable) return noLatent(model);
  FrontCut cut{model, {}, {}};
  std::set<std::string> keep{cable->from};
  for (bool grown = true; grown;) {
    grown = false;
    for (const Cable& c : model.cables)
      if (keep.contains(c.to) && keep.insert(c.from).second) grown = true;
  }
  std::erase_if(cut.front.nodes, [&](const PatchNode& n) { return !keep.contains(n.id); });
  std::erase_if(cut.front.cables, [&](const Cable& c) { return !keep.contains(c.to) || !keep.contains(c.from); });
  auto plan = compilePlan(cut.front, registry, {.rate = cut.front.rate});
  if (!plan) return plan.error();
  const PlanNode& node = plan->nodes[static_cast<std::size_t>(plan->findNode(cable->from))];
  const int width = node.outputWidths[static_cast<std::size_t>(node.type->outputIndex("z"))];
  cut.features = {{cable->from, "z", width, {}, {}}};
  const std::vector<float> x = resample(asHeard(sound), model.rate).channels[0];
  const auto rows = listen(cut, registry, x);
  if (!rows) return rows.error();
  const std::vector<bool> on = soundingTicks(x);
  std::vector<float> z(static_cast<std::size_t>(width), 0.0F);
  const auto count = static_cast<float>(std::max<std::ptrdiff_t>(1, std::count(on.begin(), on.end(), true)));
  for (std::size_t t = 0; t < on.size(); ++t)
    for (std::size_t k = 0; on[t] && k < z.size(); ++k) z[k] += (*rows)[0][t * z.size() + k] / count;
  return z;
}

Result<Patch> withLatent(const Patch& model, const Registry& registry, const std::vector<float>& z) {
  const Cable* cable = latentCable(model);
  if (!cable) return noLatent(model);
  if (!registry.find(kTrack)) return Error{"This program lacks the control track, which holds z."};
  Patch held = model;
  PatchNode track;
  track.id = held.freshId("latent");
  track.type = kTrack;
  track.settings["width"] = {static_cast<double>(z.size()), ""};
  track.settings["frame-rate"] = {1, ""};
  track.settings["length"] = {1, ""};
  Blob blob{{2, static_cast<int>(z.size())}, z};
  blob.data.insert(blob.data.end(), z.begin(), z.end());
  track.tensors["track"] = std::make_shared<const Blob>(std::move(blob));
  const std::string from = cable->from;
  for (Cable& c : held.cables)
    if (c.from == from && c.output == "z") {
      c.from = track.id;
      c.output = "out";
    }
  held.nodes.push_back(std::move(track));
  return held;
}

bool readsLatent(const Patch& model) { return latentCable(model) != nullptr; }

double Morph::part() const {
  const double way = centroidTo - centroidFrom;
  return way != 0 ? (playedTo - playedFrom) / way : 0;
}

Result<std::vector<Morph>> measureMorphs(const Patch& model, const Registry& registry,
                                         const std::vector<NamedSound>& sounds) {
  std::vector<std::string> names;
  names.reserve(sounds.size());
  for (const NamedSound& s : sounds) names.push_back(s.name);
  const std::vector<std::string> instruments = instrumentsOf(names);
  std::vector<double> pitches, centroids;
  std::vector<std::vector<float>> latents;
  for (const NamedSound& s : sounds) {
    auto z = latentOf(asInstrument(model, registry, s.name, instruments), registry, s.sound);
    if (!z) return z.error();
    latents.push_back(std::move(*z));
    const auto heard = listenTo(model, registry, resample(asHeard(s.sound), model.rate).channels[0]);
    if (!heard) return heard.error();
    const auto pitch = heard->sounding(heard->pitch);
    pitches.push_back(pitch.empty() ? -99 : quantile(pitch, 0.5));
    centroids.push_back(spectralCentroid(s.sound));
  }
  std::vector<Morph> all;
  for (std::size_t a = 0; a < sounds.size(); ++a)
    for (std::size_t b = 0; b < sounds.size(); ++b) {
      if (instrumentOf(sounds[a].name) == instrumentOf(sounds[b].name) || pitches[a] < -90 ||
          std::fabs(pitches[a] - pitches[b]) > kSamePitch)
        continue;
      AudioData played[2];
      for (int side = 0; side < 2; ++side) {
        const auto held = withLatent(model, registry, latents[side ? b : a]);
        if (!held) return held.error();
        auto y = openLoop(*held, sounds[a].sound, registry);
        if (!y) return y.error();
        played[side] = std::move(*y);
      }
      const Comparison c = compare(played[0], played[1]);
      all.push_back({sounds[a].name, sounds[b].name, centroids[a], centroids[b], spectralCentroid(played[0]),
                     spectralCentroid(played[1]), c.loudSigma, c.f0Median});
    }
  return all;
}

}  // namespace core
