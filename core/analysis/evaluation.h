// SPDX-License-Identifier: GPL-3.0-or-later
// How well an instrument plays a recording again, measured as the papers on neural instruments
// measure it and more strictly: errors at note edges and in sustains apart, pitch tracked again from
// what was rendered, outliers of single frames and of whole clips. J. Engel et al., "DDSP:
// Differentiable Digital Signal Processing", 2020, and its code of that time and of today.
#pragma once

#include "core/analysis/compare.h"

namespace core {

struct Evaluation {
  Comparison whole;      ///< spectral distances and loudness over everything
  double lsdFullDb = 0;  ///< lsd_db to the recording with all its band
  double loss = 0;       ///< the multi-scale loss: sum over its six sizes
  double edgeSigma = 0, edgeDb = 0, sustainSigma = 0, sustainDb = 0;  ///< loudness errors
  double edgeShare = 0, sustainShare = 0;                             ///< of all frames
  int pitchFrames = 0;  ///< in which both pitches are sure; with none the four below say nothing
  double f0Median = 0, f0Mean = 0, f0OverHalf = 0, f0OverOctave = 0;
  int clips = 0, clipsKept = 0;  ///< of 4 s; kept: the target's pitch is sure somewhere
  int clipsJudged = 0;           ///< kept, the output's pitch sure somewhere too, and no outliers
  double clipF0 = 0;             ///< mean of the means of clips judged
  double outlierPaper = 0, outlierHead = 0;
};

/// Both are folded to mono; the shorter one decides the length; nothing is aligned or re-fitted. The
/// target is brought to the output's rate first when that is lower: a model of 16 kHz is not
/// asked for what lies above 8 kHz, but for lsdFullDb.
Evaluation evaluate(const AudioData& target, const AudioData& output);

/// Means over files, each file in which there is something to measure weighing the same; medians and shares of
/// frames too are means.
Evaluation meanOf(const std::vector<Evaluation>& files);

/// Keys, values and definitions in the order of a report. Keys are stable. Not a number: there was nothing to
/// measure, such as edges of a sound that has none.
std::vector<Measure> measures(const Evaluation& evaluation);

}  // namespace core
