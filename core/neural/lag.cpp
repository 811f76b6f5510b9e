// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/neural/lag.h"

#include <cmath>
#include <numbers>

#include "core/neural/transfer_features.h"

namespace core {
namespace {
/// Notes of the tone, and how long they last: long enough to settle, and of odd lengths, so that moves fall anywhere
/// in a tick and in a period.
constexpr int kPlaces = 5, kNotes = 10;
constexpr double kNoteSeconds = 0.2, kLongerSeconds = 0.00137, kSettledSeconds = 0.15;
constexpr double kMoveSeconds = 0.03;              // from note to note, as players bind them
constexpr double kTone = 2.0 / 12, kDecibels = 6;  // octaves and dB between the notes
constexpr double kReach = 1.2;                     // spreads around the mean pitch
constexpr double kAmplitude = 0.05;                // of the fundamental of the softer note
constexpr int kHarmonics = 12;

struct Steps {
  std::vector<float> sound;
  std::vector<double> at;  ///< s: the middle of each move
};

/// At each of a few places of the range two notes a whole tone and 6 dB apart, in turn; pitch and level move together.
Steps playSteps(const TrainedRange& r, double rate) {
  Steps s;
  double turns = 0;
  const auto move = kMoveSeconds * rate;
  for (int place = 0; place < kPlaces; ++place) {
    const double octaves = r.pitchMean + kReach * r.pitchSpread * (2.0 * place / (kPlaces - 1) - 1);
    for (int note = 0; note < kNotes; ++note) {
      if (note > 0) s.at.push_back(static_cast<double>(s.sound.size()) / rate + 0.5 * kMoveSeconds);
      const double to = note % 2, from = note > 0 ? 1 - to : to;
      const auto frames = static_cast<int>((kNoteSeconds + kLongerSeconds * (kNotes * place + note)) * rate);
      for (int i = 0; i < frames; ++i) {
        const double part = from + (to - from) * (i < move ? (i + 0.5) / move : 1.0);
        const double hertz = kC4Hz * std::exp2(octaves + part * kTone);
        turns += hertz / rate;
        double sum = 0;
        for (int k = 1; k <= kHarmonics && k * hertz < 0.45 * rate; ++k)
          sum += std::sin(2 * std::numbers::pi * turns * k + 0.7 * k) / k;
        s.sound.push_back(static_cast<float>(kAmplitude * std::pow(10, part * kDecibels / 20) * sum));
      }
    }
  }
  return s;
}

/// Mean time from the middle of each move until a feature has gone half of its way. x: one value a tick, reached at the
/// tick's end.
double meanLag(const std::vector<double>& x, const Steps& steps, double rate) {
  double sum = 0;
  int count = 0;
  for (const double at : steps.at) {
    const double tick = (at - 0.5 * kMoveSeconds) * rate / kTick;
    const auto first = static_cast<std::size_t>(tick),
               settled = static_cast<std::size_t>((at + kSettledSeconds) * rate / kTick);
    if (first < 2 || settled >= x.size()) continue;
    const double from = x[first - 1], way = x[settled] - from;
    if (std::fabs(way) < 1e-6) continue;
    for (std::size_t t = first; t <= settled; ++t) {
      const double before = (x[t - 1] - from) / way, after = (x[t] - from) / way;
      if (before >= 0.5 || after < 0.5) continue;
      sum += (static_cast<double>(t) + (0.5 - before) / (after - before)) * kTick / rate - at;
      ++count;
      break;
    }
  }
  return count > 0 ? sum / count : 0;
}
}  // namespace

Result<FeatureLags> measureLags(const Patch& patch, const Registry& registry) {
  const auto range = trainedRange(patch, registry);
  if (!range) return range.error();
  const Steps steps = playSteps(*range, patch.rate);
  const auto there = inTrainedRoom(patch, registry, steps.sound);
  if (!there) return there.error();
  const auto heard = listenTo(patch, registry, *there);
  if (!heard) return heard.error();
  return FeatureLags{meanLag(heard->pitch, steps, patch.rate), meanLag(heard->loudness, steps, patch.rate)};
}

}  // namespace core
