// SPDX-License-Identifier: GPL-3.0-or-later
// z, the part of a sound that is neither pitch nor loudness: reading it, holding it, and measuring how far
// it alone moves a model's timbre from one instrument to another. After the interpolation table of J.
// Engel et al., "DDSP", 2020, which asks whether loudness, pitch and z can be moved one by one.
#pragma once

#include "core/file/audio_file.h"
#include "core/neural/parts.h"

namespace core {

/// The z that a model hears in a sound, averaged over what sounds, or that its embedding holds where its
/// knob is. Error: nothing in the patch gives z.
Result<std::vector<float>> latentOf(const Patch& model, const Registry& registry, const AudioData& sound);

/// The patch with a fixed z in place of what gives it. Error: nothing in the patch gives z, or as many.
Result<Patch> withLatent(const Patch& model, const Registry& registry, const std::vector<float>& z);

/// What moving z alone does to a recording that is played again.
struct Morph {
  std::string from, to;                     ///< names of two recordings of one pitch, of different instruments
  double centroidFrom = 0, centroidTo = 0;  ///< Hz, of the recordings
  double playedFrom = 0, playedTo = 0;      ///< Hz, of the first one played again with the z of each
  double loudSigma = 0, f0Semitones = 0;    ///< between the two plays: mean, and median of frames
  double part() const;                      ///< of the way between the recordings: 1 is all of it
};

struct NamedSound {
  std::string name;  ///< path below a folder; its first sub-folder names the instrument
  AudioData sound;
};
/// Whether z can be moved in a model.
bool readsLatent(const Patch& model);
/// All pairs of recordings of different instruments whose pitches lie within a semitone. An embedding must
/// have as many instruments as the recordings are of, and has them in the order of their names.
Result<std::vector<Morph>> measureMorphs(const Patch& model, const Registry& registry,
                                         const std::vector<NamedSound>& sounds);

}  // namespace core
