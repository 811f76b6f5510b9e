// SPDX-License-Identifier: GPL-3.0-or-later
// Spectral centroid: where the middle of a sound's spectrum lies, which is heard as its brightness.
#pragma once

#include "core/file/audio_file.h"

namespace core {

/// Mean frequency, Hz, of the magnitudes of a frame (2048 samples at `rate`, Hann), averaged over the frames
/// within 40 dB of the loudest. Folded to mono and resampled first. 0 for silence.
double spectralCentroid(const AudioData& audio, double rate = 16000);

}  // namespace core
