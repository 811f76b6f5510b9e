// SPDX-License-Identifier: GPL-3.0-or-later
// Timbre transfer: a sound played again by a trained instrument. After J. Engel et al., "DDSP", 2020
// (its timbre transfer demonstration), with one patch for offline and live: what is found here are
// knobs of the conditioner (nodes/neural/conditioner.h), which a player may go on turning.
#pragma once

#include <optional>

#include "core/file/audio_file.h"
#include "core/neural/parts.h"
#include "core/neural/transfer_features.h"

namespace core {

struct TransferOptions {
  std::optional<double> octave;               ///< shift in octaves; absent: none, unless octaveAuto
  bool octaveAuto = false;                    ///< the octave that brings most of the sound into the trained range
  bool matchLoudness = false;                 ///< mean and spread of the loudness become those of the training
  double autotune = 0;                        ///< 0 to 1; tuning and key are found in the sound
  bool gate = false;                          ///< silences what is quiet or has no pitch
  double wet = 1;                             ///< 1: the instrument alone, 0: the source alone (constant power)
  bool noReverb = false;                      ///< leaves the learned room out
  std::function<bool(double)> progress = {};  ///< 0 to 1; false cancels
};

struct TransferReport {
  double octave = 0, loudnessOffset = 0, loudnessRange = 1, tuningCents = 0;
  std::string key;                 ///< major key that autotune draws to; empty: none
  bool pitchFound = true;          ///< in any frame; else the octave, the key and the next say nothing
  double insidePitch = 0;          ///< share of frames with a pitch in the trained range of pitch, after conditioning
  double insideLoudness = 0;       ///< share of sounding frames in that of loudness
  double soundingShare = 0;        ///< of all frames
  double latencySeconds = 0;       ///< of the instrument (measureLatency), compensated
  double waitSeconds = 0;          ///< the level waited so long for a pitch that is known later; compensated too
  bool latencyMeasured = false;    ///< false: the instrument does not follow its input's loudness
  std::vector<std::string> notes;  ///< sentences
};
/// What was set, how much lies in the trained range, the latency when it was `played`, the notes: whole
/// sentences, numbers with a point whatever the locale.
std::vector<std::string> sentences(const TransferReport& report, bool played);

/// What the instrument is told of a recording.
struct Conditioned {
  Patch patch;                     ///< the model with the conditioner set, for live use
  TrainedRange range;              ///< of its controller
  SourceFeatures features;         ///< as the controller gets them
  TransferReport report;           ///< all but the latency
  std::optional<double> pitchLag;  ///< of the recording as the model hears it (transfer_features.h)
};
/// The part of a transfer that comes before playing: what may be shown before anything is rendered.
/// `source`: any rate and channels (folded to mono). Error: it is silent or too short, the model has no
/// controller or does not listen, the room is missing, or "Cancelled.".
Result<Conditioned> condition(const Patch& model, const AudioData& source, const Registry& registry,
                              const TransferOptions& options);

/// What played it, from what, and the whole report.
struct Transferred : Conditioned {
  AudioData sound;  ///< mono, of the source's length and rate
};

/// Errors are those of `condition`.
Result<Transferred> transfer(const Patch& model, const AudioData& source, const Registry& registry,
                             const TransferOptions& options);

/// How late the instrument plays: the lag between the level of a calibration tone, which moves
/// inside the trained range, and the level of what is played, s. nullopt: it does not follow.
/// The network's own anticipation counts: it was trained on sounds that its inputs are late for.
Result<std::optional<double>> measureLatency(const Patch& model, const Registry& registry);

/// One pass over a sound as it is, nothing re-fitted: what an evaluation measures. `latencySeconds` of
/// its start are left out. Sound of the same length at the model's rate.
Result<AudioData> openLoop(const Patch& model, const AudioData& source, const Registry& registry,
                           double latencySeconds = 0, const std::function<bool(double)>& progress = {});

}  // namespace core
