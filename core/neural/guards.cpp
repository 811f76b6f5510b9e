// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/neural/guards.h"

#include <algorithm>
#include <cmath>

#include "core/analysis/pitch.h"
#include "core/graph/realtime.h"
#include "core/neural/parts_detail.h"

namespace core {
namespace {
constexpr double kSilence = -30;              ///< dB under the recordings from which a patch counts as silent
constexpr double kLost = 0.25;                ///< share of pitched frames without pitch from which something is wrong
constexpr double kBack = 0.5;                 ///< a part is to blame when without it at most this part of them is lost
constexpr double kSure = 0.8, kUnsure = 0.5;  ///< confidence of a note; under which there is none
constexpr double kSemitones = 0.5;            ///< off by more is another note
constexpr double kQuiet = 0.01;               ///< of a clip's loudest frame: -40 dB, softer frames are not judged
constexpr double kHop = 0.02, kWindow = 0.046;

YinOptions analysisOptions() {
  YinOptions o;
  o.lowest = 50;
  o.highest = 2000;
  o.hopSeconds = kHop;
  o.windowSeconds = kWindow;
  return o;
}

double rms(std::span<const double> x, std::size_t from, std::size_t count) {
  double sum = 0;
  const std::size_t to = std::min(x.size(), from + count);
  for (std::size_t i = from; i < to; ++i) sum += x[i] * x[i];
  return to > from ? std::sqrt(sum / static_cast<double>(to - from)) : 0;
}

/// The same note, or another octave of it: a tracker's slip is no fault of the sound.
bool samePitch(double a, double b) {
  if (a <= 0 || b <= 0) return false;
  const double octaves = std::log2(a / b);
  return 12 * std::fabs(octaves - std::round(octaves)) <= kSemitones;
}

/// The patch without its noise. Error: it has none.
Result<Patch> withoutNoise(const Patch& patch, const Registry& registry) {
  Patch out = patch;
  const auto ids = parts::nodesOf(patch, registry, Part::noise);
  if (ids.empty()) return Error{"The patch has no noise."};
  for (const std::string& id : ids) parts::removeNode(out, id);
  return out;
}

std::string percent(double share) { return std::to_string(std::lround(100 * share)) + " %"; }
}  // namespace

std::string collapseSentence(const CollapseReport& r) {
  switch (r.kind) {
    case Collapse::silence:
      return "The model has gone silent: it plays " + std::to_string(std::lround(-r.level)) +
             " dB under the recordings. Start again with another seed, or from a patch that sounds.";
    case Collapse::noise:
      return "Noise has taken the place of the notes: " + percent(r.lost) + " of them have lost their pitch (" +
             percent(r.lostWithout) +
             " with the noise left out). Start again with a lower noise bias in the controller's settings.";
    case Collapse::reverb:
      return "The learned room swallows the notes: " + percent(r.lost) + " of them have lost their pitch (" +
             percent(r.lostWithout) +
             " with the room left out). Start again with a shorter response, or dereverberate and train on.";
    default:
      return {};
  }
}

void CollapseGuard::take(const Dataset& data, const FrontCut& cut, std::span<const Slice> slices, int ticks,
                         int warmTicks) {
  clips_.clear();
  rate_ = cut.rest.rate;
  ticks_ = ticks;
  warmFrames_ = std::min(warmTicks, ticks - 1) * kTick;
  std::vector<Sample> sound(static_cast<std::size_t>(ticks) * kTick);
  for (const Slice& slice : slices.first(std::min(slices.size(), kMostClips))) {
    Clip clip;
    data.sound(slice, sound);
    clip.sound.assign(sound.begin() + warmFrames_, sound.end());
    for (std::size_t f = 0; f < cut.features.size(); ++f)
      clip.tracks.push_back(data.track(slice, static_cast<int>(f), cut.features[f].width,
                                       cut.features[f].output == "loudness", ticks + 2));
    const auto frame = static_cast<std::size_t>(kHop * rate_);
    double loudest = 0;
    for (std::size_t i = 0; i < clip.sound.size(); i += frame) loudest = std::max(loudest, rms(clip.sound, i, frame));
    std::size_t i = 0;
    for (const YinFrame& y : yin(clip.sound, rate_, analysisOptions())) {
      const bool sounds = rms(clip.sound, frame * i++, frame) > kQuiet * loudest;
      clip.f0.push_back(sounds && y.confidence >= kSure ? y.f0 : 0);
    }
    clips_.push_back(std::move(clip));
  }
}

std::vector<std::vector<double>> CollapseGuard::play(const Patch& patch, const Registry& registry) const {
  const DenormalsOff denormals;
  const auto cut = cutFront(patch, registry, ticks_ + 1);
  if (!cut) return {};
  auto plan = compilePlan(cut->rest, registry, {.rate = rate_});
  if (!plan) return {};
  ExecutorOptions options;
  options.clips = static_cast<int>(clips_.size());
  options.stretchTicks = ticks_;
  auto made = Executor::create(std::move(*plan), options);
  if (!made) return {};
  Executor& e = **made;
  for (std::size_t f = 0; f < cut->features.size(); ++f) {
    const int node = e.plan().findNode(cut->features[f].track);
    for (std::size_t c = 0; c < clips_.size(); ++c) {
      if (f >= clips_[c].tracks.size()) return {};
      std::vector<Sample> rows = clips_[c].tracks[f];
      rows.resize(e.plan().nodes[static_cast<std::size_t>(node)].tensors[0].data.size(), rows.back());
      e.setTensor(node, 0, static_cast<int>(c), rows);
    }
  }
  e.run(ticks_);
  std::vector<std::vector<double>> out(clips_.size());
  const Domain& lanes = e.domain(false);
  for (int c = 0; c < static_cast<int>(out.size()); ++c) {
    const Sample* y = e.output(0, c / lanes.group);
    if (!y) return {};
    for (int i = warmFrames_; i < ticks_ * kTick; ++i)
      out[static_cast<std::size_t>(c)].push_back(static_cast<double>(y[i * lanes.group + c % lanes.group]));
  }
  return out;
}

double CollapseGuard::levelOf(const std::vector<std::vector<double>>& played) const {
  double wanted = 0, heard = 0;
  const auto frame = static_cast<std::size_t>(kHop * rate_);
  for (std::size_t c = 0; c < clips_.size(); ++c) {
    const std::vector<double>& x = clips_[c].sound;
    double loudest = 0;
    for (std::size_t i = 0; i < x.size(); i += frame) loudest = std::max(loudest, rms(x, i, frame));
    for (std::size_t i = 0; i < x.size(); i += frame) {
      const double level = rms(x, i, frame), played1 = rms(played[c], i, frame);
      if (level <= kQuiet * loudest) continue;
      wanted += level * level;
      heard += played1 * played1;
    }
  }
  return wanted > 0 ? 10 * std::log10(std::max(heard, 1e-30) / wanted) : 0;
}

double CollapseGuard::lostPitch(const std::vector<std::vector<double>>& played) const {
  int pitched = 0, lost = 0;
  for (std::size_t c = 0; c < clips_.size(); ++c) {
    const auto frames = yin(played[c], rate_, analysisOptions());
    for (std::size_t i = 0; i < std::min(frames.size(), clips_[c].f0.size()); ++i) {
      if (clips_[c].f0[i] <= 0) continue;
      ++pitched;
      lost += frames[i].confidence < kUnsure || !samePitch(frames[i].f0, clips_[c].f0[i]);
    }
  }
  return pitched ? static_cast<double>(lost) / pitched : 0;
}

CollapseReport CollapseGuard::judge(const Patch& patch, const Registry& registry) const {
  CollapseReport r;
  if (clips_.empty()) return r;
  const auto played = play(patch, registry);
  if (played.empty()) return r;
  r.level = levelOf(played);
  if (r.level < kSilence) {
    r.kind = Collapse::silence;
    return r;
  }
  r.lost = r.lostWithout = lostPitch(played);
  if (r.lost < kLost) return r;
  const auto blame = [&](Collapse kind, const Result<Patch>& without) {
    if (!without) return;
    const auto rest = play(*without, registry);
    if (rest.empty() || levelOf(rest) < kSilence) return;
    const double lost = lostPitch(rest);
    if (lost > kBack * r.lost || lost >= r.lostWithout) return;
    r.kind = kind;
    r.lostWithout = lost;
  };
  blame(Collapse::reverb, withoutReverb(patch, registry));
  blame(Collapse::noise, withoutNoise(patch, registry));
  return r;
}

void CollapseGuard::look(const Patch& patch, const Registry& registry, int step) {
  const CollapseReport report = judge(patch, registry);
  sentences_.clear();
  if (report.kind != before_) {
    before_ = report.kind;
    since_ = step;
  } else if (report.kind != Collapse::none) {
    sentences_.push_back(collapseSentence(report) + " (Since step " + std::to_string(since_) + ".)");
  }
}

}  // namespace core
