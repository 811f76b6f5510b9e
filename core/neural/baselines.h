// SPDX-License-Identifier: GPL-3.0-or-later
// Rows of an evaluation that are no models, made of the target itself and played by our own nodes:
// without them a figure says little, for loudness and pitch alone are reached by a bare sawtooth.
#pragma once

#include "core/file/audio_file.h"
#include "core/graph/registry.h"

namespace core {

/// The target's harmonics and noise measured and played again (levels, no phases): what a decoder of
/// harmonics and noise could reach at best. `sound`: mono.
Result<AudioData> oracle(const AudioData& sound, const Registry& registry);

/// An oscillator ("saw", "sine", "square" or "triangle") with the target's pitch and its loudness.
Result<AudioData> bareTone(const AudioData& sound, const std::string& waveform, const Registry& registry);

}  // namespace core
