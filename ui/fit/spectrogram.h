// SPDX-License-Identifier: GPL-3.0-or-later
// Sound as a picture: level over time and log frequency, and the signed difference of two.
#pragma once

#include <QImage>
#include <vector>

namespace ui {

/// Levels in dBFS, row 0 at the bottom (30 Hz), the last row at 16 kHz.
struct Spectrogram {
  static constexpr int kColumns = 320, kRows = 112;
  std::vector<float> level;    ///< [row][column]; empty: no sound
  std::vector<float> outline;  ///< largest size in each column, for a waveform
  double seconds = 0;
};

/// Analyses at most a minute of mono sound: Hann windows of 2048 samples. Not for the UI thread.
Spectrogram analyse(const std::vector<float>& sound, double rate);

/// Loud is bright, in the audio colour.
QImage paintLevels(const Spectrogram& s);
/// Where the patch is louder (accent) or quieter (bad colour) than the target; 24 dB is full.
QImage paintDifference(const Spectrogram& target, const Spectrogram& patch);

}  // namespace ui
