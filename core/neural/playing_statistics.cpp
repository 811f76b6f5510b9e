// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/neural/playing_statistics.h"

#include <algorithm>
#include <cmath>

#include "core/analysis/quantile.h"
#include "core/neural/playing_tables.h"

namespace core {
namespace {
constexpr double kEdge = 0.08;                               // s of a take before and after what is sustained
constexpr double kSteady = 0.048;                            // s over which pitch and level stay
constexpr float kSteadyPitch = 0.5F / 12, kSteadyLevel = 3;  // octaves, dB
constexpr float kFar = 20;                                   // dB below the take's loudest: dying away, not sustained
constexpr float kBegins = -30, kSustains = -6, kEnds = -3;   // dB against the sustain
constexpr std::size_t kEnough = 60;                          // frames that make quantiles
constexpr int kWidest = 6;                                   // semitones each way
constexpr int kSmoothings = 2;
constexpr double kShortest = 0.3;  // s of a take whose edges are looked at

/// Pitch and loudness of one take at 250 frames a second.
struct Played {
  std::vector<float> pitch, loudness;
};
std::size_t framesOf(double seconds) { return static_cast<std::size_t>(std::lround(seconds * kContourRate)); }

/// A feature between two times of a source, in frames of the contours.
std::vector<float> stretchOf(const std::vector<float>& ticks, double rate, std::int64_t begin, std::int64_t end) {
  std::vector<float> out;
  const double perFrame = rate / kTick / kContourRate, first = static_cast<double>(begin) / kTick;
  const double last = std::min(static_cast<double>(end) / kTick, static_cast<double>(ticks.size()) - 1);
  for (double at = first; at <= last; at += perFrame) {
    const auto i = static_cast<std::size_t>(at);
    const float w = static_cast<float>(at - static_cast<double>(i));
    out.push_back(ticks[i] + w * (ticks[std::min(i + 1, ticks.size() - 1)] - ticks[i]));
  }
  return out;
}

std::optional<std::size_t> featureTo(const FrontCut& cut, const char* input) {
  for (std::size_t f = 0; f < cut.features.size(); ++f)
    for (const auto& [node, name] : cut.features[f].inputs)
      if (name == input && cut.features[f].width == 1) return f;
  return std::nullopt;
}

std::vector<Played> takesOf(const FrontCut& cut, const Dataset& data, std::size_t pitch, std::size_t loudness) {
  std::vector<Played> all;
  const double rate = cut.rest.rate;
  const auto around = static_cast<std::int64_t>(kContourFrames / kContourRate * rate);  // releases go on after a take
  for (const Source& s : data.sources()) {
    if (s.copy || s.features[pitch].empty()) continue;
    for (const Take& t : s.takes)
      if (!t.validation)
        all.push_back({stretchOf(s.features[pitch], rate, t.begin, t.end + around),
                       stretchOf(s.features[loudness], rate, t.begin, t.end + around)});
  }
  return all;
}

/// Frames of a take in which a note is held: (pitch, loudness).
std::vector<std::pair<float, float>> sustained(const Played& p) {
  std::vector<std::pair<float, float>> frames;
  if (p.loudness.empty()) return frames;
  const float loudest = *std::max_element(p.loudness.begin(), p.loudness.end());
  const std::size_t back = framesOf(kSteady), edge = framesOf(kEdge);
  for (std::size_t i = edge; i + edge + framesOf(kContourFrames / kContourRate) < p.loudness.size(); ++i)
    if (p.loudness[i] > loudest - kFar && std::fabs(p.pitch[i] - p.pitch[i - back]) < kSteadyPitch &&
        std::fabs(p.loudness[i] - p.loudness[i - back]) < kSteadyLevel)
      frames.emplace_back(p.pitch[i], p.loudness[i]);
  return frames;
}

bool measureQuantiles(const std::vector<Played>& takes, PlayingTables& out) {
  std::vector<std::vector<float>> bySemitone(kTablePitches);
  for (const Played& p : takes)
    for (const auto& [pitch, loudness] : sustained(p))
      if (const long k = std::lround(12 * (static_cast<double>(pitch) - static_cast<double>(kTableLowest)));
          k >= 0 && k < kTablePitches)
        bySemitone[static_cast<std::size_t>(k)].push_back(loudness);
  const auto played = [](const std::vector<float>& v) { return v.size() >= kEnough / 4; };  // not a tracker's slip
  const auto first = std::find_if(bySemitone.begin(), bySemitone.end(), played);
  if (first == bySemitone.end()) return false;
  const int low = static_cast<int>(first - bySemitone.begin());
  int high = low;
  for (int k = low; k < kTablePitches; ++k)
    if (played(bySemitone[static_cast<std::size_t>(k)])) high = k;
  out.lowest = static_cast<double>(kTableLowest) + low / 12.0;
  out.highest = static_cast<double>(kTableLowest) + high / 12.0;
  std::vector<std::array<float, kTableQuantiles>> rows(kTablePitches);
  for (int k = low; k <= high; ++k) {
    std::vector<float> near;
    for (int width = 1; width <= kWidest && near.size() < kEnough; ++width) {
      near.clear();
      for (int j = std::max(low, k - width); j <= std::min(high, k + width); ++j)
        near.insert(near.end(), bySemitone[static_cast<std::size_t>(j)].begin(),
                    bySemitone[static_cast<std::size_t>(j)].end());
    }
    if (near.empty()) {
      rows[static_cast<std::size_t>(k)] = rows[static_cast<std::size_t>(k - 1)];
      continue;
    }
    for (std::size_t q = 0; q < kTableQuantiles; ++q)
      rows[static_cast<std::size_t>(k)][q] = quantile(near, kTableRanks[q]);
  }
  const auto inside = [&](int k) { return static_cast<std::size_t>(std::clamp(k, low, high)); };
  for (int turn = 0; turn < kSmoothings; ++turn) {
    const auto before = rows;
    for (int k = low; k <= high; ++k)
      for (std::size_t q = 0; q < kTableQuantiles; ++q)
        rows[inside(k)][q] = (before[inside(k - 1)][q] + 2 * before[inside(k)][q] + before[inside(k + 1)][q]) / 4;
  }
  out.quantiles.clear();
  for (int k = 0; k < kTablePitches; ++k)
    out.quantiles.insert(out.quantiles.end(), rows[inside(k)].begin(), rows[inside(k)].end());
  return true;
}

/// Medians of rows, entry by entry.
std::vector<float> medians(const std::vector<std::vector<float>>& rows) {
  std::vector<float> out;
  for (std::size_t i = 0; i < kContourFrames; ++i) {
    std::vector<float> column;
    column.reserve(rows.size());
    for (const auto& row : rows) column.push_back(row[i]);
    out.push_back(quantile(column, 0.5));
  }
  return out;
}

std::vector<float> cutFrom(const std::vector<float>& loudness, std::size_t begin, float reference) {
  std::vector<float> out;
  for (std::size_t i = begin; i < begin + kContourFrames; ++i)
    out.push_back(loudness[std::min(i, loudness.size() - 1)] - reference);
  return out;
}

void measureContours(const std::vector<Played>& takes, PlayingTables& out) {
  std::vector<std::vector<float>> attacks, releases;
  for (const Played& p : takes) {
    const std::size_t tail = framesOf(kContourFrames / kContourRate);
    if (p.loudness.size() < tail + framesOf(kShortest)) continue;
    const std::size_t length = p.loudness.size() - tail;
    const auto level = [&p](std::size_t from, std::size_t to) {
      std::vector<float> part(p.loudness.begin() + static_cast<std::ptrdiff_t>(from),
                              p.loudness.begin() + static_cast<std::ptrdiff_t>(to));
      return quantile(part, 0.5);
    };
    const std::size_t part = std::min(framesOf(0.4), length);
    const auto loudest = std::max_element(p.loudness.begin(), p.loudness.begin() + static_cast<std::ptrdiff_t>(part));
    std::size_t risen = 0;
    while (p.loudness[risen] < *loudest + kSustains) ++risen;
    // a note that dies away has no sustain; its first 400 ms stand for it, without an attack that lasts long
    const float first = level(std::max(framesOf(kEdge), risen), part), last = level(length - part, length);
    std::size_t on = 0;
    while (on < length && p.loudness[on] < first + kSustains) ++on;
    while (on > 0 && p.loudness[on - 1] > first + kBegins) --on;
    attacks.push_back(cutFrom(p.loudness, on, first));
    std::size_t off = length;
    while (off > 1 && p.loudness[off - 1] < last + kEnds) --off;
    releases.push_back(cutFrom(p.loudness, off - 1, p.loudness[off - 1]));
  }
  if (attacks.empty()) return;
  out.attack = medians(attacks);
  out.release = medians(releases);
  // the attack ends at the sustain, the release never rises
  for (std::size_t i = 0; i < kContourFrames; ++i) {
    const float left = static_cast<float>(kContourFrames - 1 - i) / (kContourFrames - 1);
    out.attack[i] *= std::min(1.0F, 3 * left);
    if (i > 0) out.release[i] = std::min(out.release[i], out.release[i - 1]);
  }
}

std::shared_ptr<const Blob> blobOf(std::vector<int> shape, std::vector<float> values) {
  return std::make_shared<const Blob>(Blob{std::move(shape), std::move(values)});
}
}  // namespace

std::optional<PlayingTables> measurePlaying(const FrontCut& cut, const Dataset& data) {
  const auto pitch = featureTo(cut, "pitch"), loudness = featureTo(cut, "loudness");
  if (!pitch || !loudness) return std::nullopt;
  const std::vector<Played> takes = takesOf(cut, data, *pitch, *loudness);
  PlayingTables tables;
  if (!measureQuantiles(takes, tables)) return std::nullopt;
  measureContours(takes, tables);
  return tables;
}

int writePlaying(Patch& patch, const PlayingTables& tables, const Registry& registry) {
  int count = 0;
  for (PatchNode& n : patch.nodes) {
    const NodeType* type = registry.find(n.type);
    if (!type || type->tensorIndex(kQuantilesTensor) < 0) continue;
    n.tensors[kQuantilesTensor] = blobOf({kTablePitches, kTableQuantiles}, tables.quantiles);
    if (type->tensorIndex(kCorrectionTensor) >= 0) n.tensors.erase(kCorrectionTensor);
    if (!tables.attack.empty() && type->tensorIndex(kAttackTensor) >= 0 && type->tensorIndex(kReleaseTensor) >= 0) {
      n.tensors[kAttackTensor] = blobOf({kContourFrames}, tables.attack);
      n.tensors[kReleaseTensor] = blobOf({kContourFrames}, tables.release);
    }
    ++count;
  }
  return count;
}

}  // namespace core
