// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/evaluation.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/analysis/loudness.h"
#include "core/analysis/pitch.h"

namespace core {
namespace {
constexpr double kRate = 16000, kSure = 0.85;
constexpr double kClipSeconds = 4, kShortestClip = 1, kOctave = 12;

double mean(const std::vector<double>& x) {
  double sum = 0;
  for (const double v : x) sum += v;
  return x.empty() ? 0 : sum / static_cast<double>(x.size());
}

/// Frames of a loudness contour (dB, one each 4 ms) by what the target does there.
struct Frames {
  std::vector<bool> edge, sounding;
};
Frames classify(const std::vector<double>& db) {
  constexpr int kReach = 12;     // 48 ms to each side, within 50 ms of the edge
  constexpr int kStep = 5;       // compared over 40 ms
  constexpr double kMoves = 6;   // dB
  constexpr double kDepth = 50;  // dB under the loudest frame is silence
  const int n = static_cast<int>(db.size());
  const auto at = [&](int i) { return db[static_cast<std::size_t>(std::clamp(i, 0, n - 1))]; };
  const double floor = std::max(-79.0, *std::max_element(db.begin(), db.end()) - kDepth);
  Frames f{std::vector<bool>(db.size()), std::vector<bool>(db.size())};
  for (int i = 0; i < n; ++i) {
    f.sounding[static_cast<std::size_t>(i)] = at(i) > floor;
    const bool moves =
        std::max(at(i + kStep), at(i - kStep)) > floor && std::abs(at(i + kStep) - at(i - kStep)) > kMoves;
    for (int k = std::max(0, i - kReach); moves && k <= std::min(n - 1, i + kReach); ++k)
      f.edge[static_cast<std::size_t>(k)] = true;
  }
  return f;
}

void measureLoudness(const std::vector<double>& x, const std::vector<double>& y, Evaluation& e) {
  const auto dbX = loudnessDecibels(x), dbY = loudnessDecibels(y), sigmaX = loudnessSigma(x), sigmaY = loudnessSigma(y);
  const Frames frames = classify(dbX);
  std::vector<double> edgeDb, edgeSigma, sustainDb, sustainSigma;
  for (std::size_t i = 0; i < dbX.size(); ++i) {
    if (!frames.edge[i] && !frames.sounding[i]) continue;
    (frames.edge[i] ? edgeDb : sustainDb).push_back(std::abs(dbX[i] - dbY[i]));
    (frames.edge[i] ? edgeSigma : sustainSigma).push_back(std::abs(sigmaX[i] - sigmaY[i]));
  }
  e.edgeDb = mean(edgeDb);
  e.edgeSigma = mean(edgeSigma);
  e.sustainDb = mean(sustainDb);
  e.sustainSigma = mean(sustainSigma);
  const auto all = static_cast<double>(dbX.size());
  e.edgeShare = static_cast<double>(edgeDb.size()) / all;
  e.sustainShare = static_cast<double>(sustainDb.size()) / all;
}

double semitones(double a, double b) { return std::abs(12 * std::log2(std::max(a, 1.0) / std::max(b, 1.0))); }

/// Whole clips as the papers' code judges them.
void judgeClips(const std::vector<YinFrame>& a, const std::vector<YinFrame>& b, double hop, Evaluation& e) {
  const auto length = static_cast<std::size_t>(kClipSeconds / hop),
             least = static_cast<std::size_t>(kShortestClip / hop);
  int outliers = 0, untrackable = 0;
  std::vector<double> means;
  for (std::size_t begin = 0; begin < a.size();) {
    std::size_t end = std::min(begin + length, a.size());
    if (a.size() - end < least) end = a.size();  // a short rest belongs to the clip before
    double most = 0, mostOutput = 0;
    std::vector<double> away;
    for (std::size_t i = begin; i < end; ++i) {
      most = std::max(most, a[i].confidence);
      mostOutput = std::max(mostOutput, b[i].confidence);
      if (a[i].confidence >= kSure && a[i].f0 > 0) away.push_back(semitones(a[i].f0, b[i].f0));
    }
    ++e.clips;
    begin = end;
    if (most < kSure || away.empty()) continue;
    ++e.clipsKept;
    if (mean(away) > kOctave)
      ++outliers;
    else if (mostOutput < kSure)
      ++untrackable;
    else
      means.push_back(mean(away));
  }
  e.clipsJudged = static_cast<int>(means.size());
  e.clipF0 = mean(means);
  if (e.clips > 0) e.outlierPaper = static_cast<double>(e.clips - e.clipsKept + outliers + untrackable) / e.clips;
  if (e.clipsKept > 0) e.outlierHead = static_cast<double>(outliers) / e.clipsKept;
}

void measurePitch(const std::vector<double>& x, const std::vector<double>& y, Evaluation& e) {
  const YinOptions options;
  const auto a = yin(x, kRate, options), b = yin(y, kRate, options);
  std::vector<double> away;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].confidence > kSure && b[i].confidence > kSure && a[i].f0 > 0 && b[i].f0 > 0)
      away.push_back(semitones(a[i].f0, b[i].f0));
  e.pitchFrames = static_cast<int>(away.size());
  judgeClips(a, b, options.hopSeconds, e);
  if (away.empty()) return;
  const auto share = [&](double limit) {
    return static_cast<double>(std::count_if(away.begin(), away.end(), [limit](double d) { return d > limit; })) /
           static_cast<double>(away.size());
  };
  e.f0Mean = mean(away);
  e.f0OverHalf = share(0.5);
  e.f0OverOctave = share(kOctave);
  std::sort(away.begin(), away.end());
  e.f0Median = 0.5 * (away[(away.size() - 1) / 2] + away[away.size() / 2]);
}
}  // namespace

Evaluation evaluate(const AudioData& recording, const AudioData& output) {
  Evaluation e;
  const bool narrower = output.rate < recording.rate;
  const AudioData target = narrower ? resample(recording, output.rate, ResampleQuality::standard) : recording;
  e.whole = compare(target, output);
  e.lsdFullDb = narrower ? logSpectralDistance(recording, output) : e.whole.lsdDb;
  e.loss = 6 * e.whole.mss;
  if (target.frames() == 0 || output.frames() == 0) return e;
  std::vector<double> x = monoAt(target, kRate), y = monoAt(output, kRate);
  x.resize(std::min(x.size(), y.size()));
  y.resize(x.size());
  measureLoudness(x, y, e);
  measurePitch(x, y, e);
  return e;
}

Evaluation meanOf(const std::vector<Evaluation>& files) {
  Evaluation m;
  double pitched = 0, judged = 0, edges = 0, sustains = 0, all = 0;
  for (const Evaluation& e : files) {
    pitched += e.pitchFrames > 0;
    judged += e.clipsJudged > 0;
    edges += e.edgeShare > 0;
    sustains += e.sustainShare > 0;
    all += 1;
  }
  const auto add = [](double& sum, double value, double count) { sum += count > 0 ? value / count : 0; };
  for (const Evaluation& e : files) {
    m.whole.seconds += e.whole.seconds;
    for (double Comparison::*f : {&Comparison::mss, &Comparison::lsdDb, &Comparison::loudSigma, &Comparison::loudDb,
                                  &Comparison::rmsTarget, &Comparison::rmsOutput})
      add(m.whole.*f, e.whole.*f, all);
    for (double Evaluation::*f :
         {&Evaluation::lsdFullDb, &Evaluation::loss, &Evaluation::edgeShare, &Evaluation::sustainShare})
      add(m.*f, e.*f, all);
    for (double Evaluation::*f : {&Evaluation::edgeSigma, &Evaluation::edgeDb}) add(m.*f, e.*f, edges);
    for (double Evaluation::*f : {&Evaluation::sustainSigma, &Evaluation::sustainDb}) add(m.*f, e.*f, sustains);
    if (e.pitchFrames > 0)
      for (double Evaluation::*f :
           {&Evaluation::f0Median, &Evaluation::f0Mean, &Evaluation::f0OverHalf, &Evaluation::f0OverOctave})
        add(m.*f, e.*f, pitched);
    add(m.clipF0, e.clipF0, judged);
    m.clipsJudged += e.clipsJudged;
    m.pitchFrames += e.pitchFrames;
    // ratios of clips are of all clips together, as the papers count them
    m.outlierPaper += e.outlierPaper * e.clips;
    m.outlierHead += e.outlierHead * e.clipsKept;
    m.clips += e.clips;
    m.clipsKept += e.clipsKept;
  }
  if (m.clips > 0) m.outlierPaper /= m.clips;
  if (m.clipsKept > 0) m.outlierHead /= m.clipsKept;
  return m;
}

std::vector<Measure> measures(const Evaluation& e) {
  const auto known = [](bool measured, double x) { return measured ? x : std::numeric_limits<double>::quiet_NaN(); };
  const bool edges = e.edgeShare > 0, sustains = e.sustainShare > 0, pitched = e.pitchFrames > 0;
  std::vector<Measure> rows;
  for (const Measure& m : measures(e.whole))
    if (m.key == "seconds" || m.key == "mss" || m.key == "lsd_db" || m.key == "loud_sigma" || m.key == "loud_db")
      rows.push_back(m);
  rows.push_back({"lsd_db_full_band", e.lsdFullDb,
                  "lsd_db to the recording with all its band; the other measures see it at the rendered sound's rate"});
  rows.push_back({"multi_scale_loss", e.loss, "multi-scale spectral loss of DDSP: mss summed over its six sizes"});
  rows.push_back(
      {"loud_sigma_edges", known(edges, e.edgeSigma),
       "loud_sigma within 50 ms of a note edge: where the target's loudness moves by more than 6 dB in 40 ms"});
  rows.push_back({"loud_db_edges", known(edges, e.edgeDb), "loud_db within 50 ms of a note edge"});
  rows.push_back({"loud_sigma_sustains", known(sustains, e.sustainSigma),
                  "loud_sigma in frames that sound (within 50 dB of the loudest) and are no edge"});
  rows.push_back({"loud_db_sustains", known(sustains, e.sustainDb), "loud_db in those frames"});
  rows.push_back({"edge_share", e.edgeShare, "share of frames at note edges"});
  rows.push_back({"sustain_share", e.sustainShare, "share of frames in sustains"});
  rows.push_back({"f0_frames", static_cast<double>(e.pitchFrames),
                  "frames in which the pitch of target and rendered sound are both sure (YIN confidence above 0.85)"});
  rows.push_back({"f0_median", known(pitched, e.f0Median),
                  "median difference of pitch over those frames, semitones, tracked again from the rendered sound"});
  rows.push_back({"f0_mean", known(pitched, e.f0Mean), "mean difference over those frames, semitones"});
  rows.push_back(
      {"f0_over_half", known(pitched, e.f0OverHalf), "share of those frames more than half a semitone away"});
  rows.push_back(
      {"f0_over_octave", known(pitched, e.f0OverOctave), "share of those frames more than 12 semitones away"});
  rows.push_back({"f0_clip_mean", known(e.clipsJudged > 0, e.clipF0),
                  "mean of the means of clips of 4 s over frames in which the target's pitch is sure, semitones, "
                  "outliers and clips whose rendered pitch is never sure left out"});
  rows.push_back({"f0_outliers_paper", known(e.clips > 0, e.outlierPaper),
                  "outlier ratio of DDSP's code of 2019: clips whose target or rendered pitch is never sure, or whose "
                  "mean difference is above 12 semitones, of all clips"});
  rows.push_back({"f0_outliers_head", known(e.clipsKept > 0, e.outlierHead),
                  "outlier ratio of DDSP's present code: clips whose mean difference is above 12 semitones, of clips "
                  "whose target's pitch is sure somewhere"});
  rows.push_back({"clips", static_cast<double>(e.clips), "clips of 4 s"});
  return rows;
}

}  // namespace core
