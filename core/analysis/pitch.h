// SPDX-License-Identifier: GPL-3.0-or-later
// Pitch of a single voice over time. YIN: de Cheveigne and Kawahara, JASA 111 (2002); refinement by
// the phase advance of the harmonics between two windows.
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace core {

/// What one YIN frame found.
struct YinFrame {
  double f0 = 0;          ///< Hz; 0 for a silent frame
  double confidence = 0;  ///< 1 - the normalised difference at the chosen lag
};

struct YinOptions {
  double lowest = 40, highest = 2500;  ///< Hz
  double windowSeconds = 0.046;
  double hopSeconds = 0.01;
  double threshold = 0.15;
  /// Called before every frame; true ends the track early (cancelling).
  std::function<bool()> stop;
};

/// Frames at multiples of the hop: 1 + x.size() / hop.
std::vector<YinFrame> yin(std::span<const double> x, double rate, const YinOptions& options);

/// A pitch track with octave slips repaired and frequencies refined by harmonic phases.
struct PitchTrack {
  double hopSeconds = 0.005;
  std::vector<double> f0;          ///< Hz; in unvoiced frames interpolated between neighbours (0: never voiced)
  std::vector<double> confidence;  ///< 0 to 1
  std::vector<bool> voiced;

  /// Interpolated in octaves.
  double at(double seconds) const;
  /// Median over voiced frames, weighted by nothing; 0 when no frame is voiced.
  double median() const;
  double voicedShare() const;
};
PitchTrack trackPitch(std::span<const double> x, double rate, const YinOptions& options);

/// Frequency near `f0` at a time, from the phase advance of up to eight harmonics over two periods.
/// Returns f0 when the sound there is too weak.
double refinePitch(std::span<const double> x, double rate, double seconds, double f0);

}  // namespace core
