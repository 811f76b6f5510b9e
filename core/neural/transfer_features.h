// SPDX-License-Identifier: GPL-3.0-or-later
// What a transfer knows of a sound: the model's own features of it, and what is found in them.
#pragma once

#include <functional>
#include <span>

#include "core/neural/parts.h"

namespace core {

/// Pitch (octaves from C4), loudness (dB) and confidence, one of each a tick, as the patch's controller
/// gets them (behind a conditioner), and which frames sound.
struct SourceFeatures {
  std::vector<double> pitch, loudness, confidence;
  std::vector<bool> on;       ///< within 40 dB of the loudest and more periodic than not
  std::vector<bool> pitched;  ///< of these: so sure that the pitch is its own, not one that is held
  double loudest = -100;

  /// The values of x in frames that sound.
  std::vector<double> sounding(const std::vector<double>& x) const;
  double soundingShare() const;
  /// The pitch in frames that have one of their own.
  std::vector<double> pitches() const;
};
/// Runs the patch's listening nodes, and its conditioner, over a mono sound at the patch's rate. What
/// sounds is decided before the conditioner. `progress` (0 to 1) may return false to cancel. Error: nothing in the
/// patch gives pitch or loudness.
Result<SourceFeatures> listenTo(const Patch& patch, const Registry& registry, const std::vector<float>& sound,
                                const std::function<bool(double)>& progress = {});

/// How much later than the sound itself its pitch is known, s: the least shift by which its mean difference from a
/// track that looks ahead as far as back (no frame counts for more than a semitone) is within half a cent of the least.
/// The mean, since moves that are heard must decide: what sways by a cent or two is smoothed by the tracker, and so
/// known later than any note. Low notes are known later than high ones. Empty where no shift brings half a cent.
std::optional<double> pitchLag(const SourceFeatures& features, const std::vector<float>& sound, double rate);

/// What a patch makes of a sound at its rate: `frames` of its first channel. `progress` (0 to 1) may return false to
/// cancel. Error: it is not a patch that can be played, or makes numbers that are not finite.
Result<std::vector<float>> play(const Patch& patch, const Registry& registry, const std::vector<float>& input,
                                std::size_t frames, const std::function<bool(double)>& progress = {});
/// A sound as it is in the room that the model was trained in (core/neural/rooms.h); unchanged where there is none.
Result<std::vector<float>> inTrainedRoom(const Patch& model, const Registry& registry, const std::vector<float>& sound);

/// The smallest shift that brings as many sounding frames into the trained range as any, to within 2 % of them: what is
/// in range stays where it is played. Where no shift brings any in, the one whose mean lies nearest to the trained
/// mean. (The demonstration of DDSP rounds the difference of means up, which shifts a sound that lies a little low by
/// a whole octave.)
double bestOctave(const SourceFeatures& features, const TrainedRange& range);

struct Tuning {
  double cents = 0;         ///< where notes lie beside A4 = 440 Hz
  std::string tonic = "C";  ///< of the major key that fits best
};
/// As DDSP finds them: the offset that keeps the pitch near semitones with few changes of note.
Tuning findTuning(const SourceFeatures& features);

double meanOf(std::span<const double> x);
double spreadOf(std::span<const double> x);  ///< standard deviation

}  // namespace core
