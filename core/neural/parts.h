// SPDX-License-Identifier: GPL-3.0-or-later
// The parts of a neural instrument and surgery on them: which nodes make its harmonics, noise and
// room, what conditions them, taking parts from another instrument, leaving the room out. A part is
// known by the inputs and tensors its nodes have, never by a type's name, so that a new source or
// reverb is a part without a line here.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "core/graph/patch.h"

namespace core {

enum class Part { harmonic, noise, reverb, decoder, encoder };
inline constexpr std::array<const char*, 5> kPartNames{"harmonic", "noise", "reverb", "decoder", "encoder"};
/// Error: lists the parts.
Result<Part> parsePart(const std::string& name);

/// Learnable numbers of a patch. response: those of impulse responses, which papers count or not.
struct ParameterCount {
  std::size_t all = 0, response = 0;
};
/// Of the tensors that the patch holds, by their shapes.
ParameterCount countParameters(const Patch& patch, const Registry& registry);

/// What a controller was trained on, from its settings `pitch-mean`, `loudness-low`, ...; octaves
/// from C4 and decibels.
struct TrainedRange {
  std::string controller;
  double pitchMean = 0, pitchSpread = 1, pitchLow = -3, pitchHigh = 4;
  double loudnessMean = -40, loudnessSpread = 20, loudnessLow = -100, loudnessHigh = 0;
};
/// Of the controller with such settings that drives the harmonics, which carry the pitch; where none does, of the
/// first. Error: there is none.
Result<TrainedRange> trainedRange(const Patch& patch, const Registry& registry);

/// Networks and tables that lack a tensor: they play what chance made of them.
std::vector<std::string> untrainedNodes(const Patch& patch, const Registry& registry);
/// Whether a model plays what it learned. Error: a node of an unknown type, or an untrained one, by name.
Result<void> checkTrained(const Patch& patch, const Registry& registry);

/// The node that conditions what goes to controllers: the patch's own, or one inserted between the
/// listening nodes and everything that follows their pitch and loudness. Its knobs are as they were
/// or at their defaults, where it changes nothing. Error: nothing listens.
Result<std::string> insertConditioner(Patch& patch, const Registry& registry);
/// Puts an amplifier before the output whose level the conditioner's gate drives, once.
Result<void> insertGate(Patch& patch, const Registry& registry, const std::string& conditioner);

/// Lets what listens for anything but the pitch hear the sound `seconds` (0.0005 to 0.05) later, so that the level
/// waits for a pitch that is known later. Error: this program lacks a delay.
Result<void> waitForPitch(Patch& patch, const Registry& registry, double seconds);

/// The patch without its reverbs (dereverberation): what they were given goes where they led.
/// Error: it has none.
Result<Patch> withoutReverb(const Patch& patch, const Registry& registry);

/// The named parts alone, as a patch that can be played: their nodes, all that leads to them (what drives, what
/// listens, the notes), the way from heads to the output (gates, levels) without other sounds and reverbs; a reverb
/// alone lies between the audio input and the output; an encoder (what listens, and what gives z) is silent.
/// Name, description and origin stay those of the whole. As `b` of swapParts it makes what the whole does.
/// Error: no part is named, or the patch lacks one.
Result<Patch> extractParts(const Patch& patch, const std::vector<Part>& parts, const Registry& registry);

struct Swapped {
  Patch patch;
  std::vector<std::string> notes;  ///< sentences: what came along, what was adapted
  bool otherPlays = false;         ///< no controller but those of b is left: it is b that is heard
};
/// The named parts from b, the rest from a. What makes a part (its controller) comes along and hears
/// a's pitch and loudness; where b was trained in another range a conditioner named "Adapter" maps
/// them; responses are resampled to a's rate. A player of notes is part of what makes it: it comes along and is fed
/// a's notes. The label of what came along says whose it is, and the notes name it so. The encoder is what listens, and
/// what gives z, with the MFCC it was trained on; where its z spreads otherwise than a's, the depth of its cables makes
/// up for it. What nobody hears any more is left out. Where nothing listens in a, the encoder of b brings what listens
/// along. The description is that of the one that is heard. Error: a or b lacks a part, noise of a higher rate, z of
/// another size, a result that cannot be played: its plan cannot be made, or a node in it has learned nothing (where
/// only the reverb is asked for that is no matter: what has yet to learn may stand in a room).
Result<Swapped> swapParts(const Patch& a, const Patch& b, const std::vector<Part>& parts, const Registry& registry);

}  // namespace core
