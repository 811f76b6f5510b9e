// SPDX-License-Identifier: GPL-3.0-or-later
// Where a fit starts from: pitch and level of the patch brought to the target's.
#include <algorithm>
#include <cmath>

#include "core/fit/runner.h"

namespace core {
namespace {
constexpr double kTuning = 0.06;  ///< octaves

double rms(std::span<const Sample> x) {
  double sum = 0;
  for (const Sample v : x) sum += static_cast<double>(v) * static_cast<double>(v);
  return x.empty() ? 0 : std::sqrt(sum / static_cast<double>(x.size()));
}
}  // namespace

bool FitRunner::hasPitchKnob() const {
  return std::any_of(space_->entries().begin(), space_->entries().end(),
                     [](const FitEntry& e) { return e.pitch && e.parameter >= 0 && e.unit == Unit::hertz; });
}

void FitRunner::tunePhrase(double ratio) {
  for (Note& n : patch_.phrase) n.pitch += 12 * std::log2(ratio);
  playPhrase();
}

void FitRunner::shiftPitch(Values& x, double ratio) const {
  for (const FitEntry& e : space_->entries())
    if (e.pitch && e.parameter >= 0 && e.unit == Unit::hertz)
      x[e.first] = e.range.normalise(space_->plainValue(e, x) * ratio);
}

/// The target's pitch by the patch's; 1 when either has none.
double FitRunner::pitchRatio(const std::vector<Sample>& sound) {
  const auto part = std::min(sound.size(), static_cast<std::size_t>((analysis_.onset + 2) * patch_.rate));
  YinOptions options;
  options.stop = [this] { return stopped(); };
  PitchTrack own;
  during([&] {
    own = trackPitch(std::vector<double>(sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(part)), patch_.rate,
                     options);
  });
  const double ratio = own.voicedShare() > 0.1 ? analysis_.f0 / own.median() : 1;
  return ratio > 0.25 && ratio < 4 ? ratio : 1;
}

/// Moves the last level in decibels that really moves the whole.
FitRunner::Values FitRunner::matchLevel(const Values& x) {
  const double target = std::max(rms(target_), 1e-7);
  std::vector<Sample> sound;
  double level = 0;
  during([&] { level = render(x, sound); });
  for (auto e = space_->entries().rbegin(); e != space_->entries().rend() && level > 0 && !stopped(); ++e) {
    if (e->parameter < 0 || e->unit != Unit::decibels || e->variable.kind != FitVariable::Kind::knob) continue;
    Values moved = x;
    moved[e->first] = e->range.normalise(space_->plainValue(*e, x) + 20 * std::log10(target / level));
    space_->clamp(moved);
    double now = 0;
    during([&] { now = render(moved, sound); });
    if (std::abs(std::log(now / target)) <= 0.5 * std::abs(std::log(level / target))) return moved;
  }
  return x;
}

/// The given values with pitch and level brought to the target's. Two of them when the pitches differ
/// by more than a tuning: a tracker may have taken a partial for the pitch of either.
std::vector<FitRunner::Values> FitRunner::startValues(const Values& given) {
  std::vector<Values> starts{given};
  space_->clamp(starts[0]);
  std::vector<Sample> sound;
  double level = 0;
  during([&] { level = render(starts[0], sound); });
  if (stopped() || !(level > 1e-7)) return starts;
  const bool tracked = std::any_of(space_->entries().begin(), space_->entries().end(),
                                   [](const FitEntry& e) { return e.pitch && e.parameter < 0; });
  if (const double ratio = analysis_.f0 > 0 && !tracked ? pitchRatio(sound) : 1; std::abs(ratio - 1) > 1e-5) {
    if (hasPitchKnob()) {
      if (std::abs(std::log2(ratio)) > kTuning) starts.insert(starts.begin(), starts[0]);
      shiftPitch(starts[0], ratio);
      space_->clamp(starts[0]);
    } else if (!options_.keepPhrase) {
      tunePhrase(ratio);
    }
  }
  for (Values& x : starts) {
    if (!stopped()) x = matchLevel(x);
    if (!stopped() && !tracked) x = scanPitch(std::move(x));
  }
  return starts;
}

}  // namespace core
