// SPDX-License-Identifier: GPL-3.0-or-later
// Audio files in and out: libsndfile (WAV, FLAC, OGG, MP3, AIFF) and soxr.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/graph/result.h"

namespace core {

/// Sound in memory: float32, planar.
struct AudioData {
  double rate = 48000;
  std::vector<std::vector<float>> channels;  ///< at least one, of equal length

  std::size_t frames() const { return channels.empty() ? 0 : channels[0].size(); }
  double seconds() const { return static_cast<double>(frames()) / rate; }
  /// Mean of the channels.
  std::vector<float> folded() const;
};

/// Reads a whole file. Refused in one sentence: missing, unreadable or unknown files, no channels,
/// no frames, more than `mostSeconds` of sound, a header that promises more than the file holds
/// (what is there is read when it is at least one frame), files without one finite sample (single
/// ones that are not finite are silenced).
Result<AudioData> readAudio(const std::filesystem::path& path, double mostSeconds = 3600);

/// best: soxr's very high quality. standard: its high quality (20 bit), which is what sox does by
/// default and published measures were taken with.
enum class ResampleQuality { best, standard };

/// Resamples with soxr; same rate: unchanged. `stop` is asked between blocks and ends it early
/// when it says true; the rest is then silence.
AudioData resample(const AudioData& audio, double rate, ResampleQuality quality = ResampleQuality::best,
                   const std::function<bool()>& stop = {});

enum class AudioFormat { wav16, wav24, wav32f, flac, ogg, mp3 };
/// From a file name's ending: .wav (16 bit), .flac, .ogg, .mp3. Error: names the endings.
Result<AudioFormat> formatOf(const std::filesystem::path& path);

/// From a name of `AudioFormat`. Error: names them.
Result<AudioFormat> parseFormat(const std::string& name);

/// What is lost when a sound is written so, in sentences: peaks above full scale, of which every format but floats cuts
/// the part above it; a sample rate that MP3 does not have.
std::vector<std::string> lossesOf(const AudioData& audio, AudioFormat format);

/// Writes under a temporary name beside `path`, then renames, so that an earlier file stays intact
/// until the new one is whole. `progress` (0 to 1) may return false to cancel (nothing is left
/// behind; the error then says "Cancelled."). Integer formats are dithered (TPDF, fixed seed).
Result<void> writeAudio(const std::filesystem::path& path, const AudioData& audio, AudioFormat format,
                        const std::function<bool(double)>& progress = {});

}  // namespace core
