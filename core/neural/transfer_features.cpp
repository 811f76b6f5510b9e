// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/neural/transfer_features.h"

#include <algorithm>
#include <cmath>

#include "core/analysis/pitch.h"
#include "core/analysis/quantile.h"
#include "core/dsp/math.h"
#include "core/graph/render.h"
#include "core/neural/front.h"
#include "core/neural/parts_detail.h"
#include "core/neural/rooms.h"

namespace core {
namespace {
constexpr double kUnderPeak = 40, kSure = 0.5;  // dB, confidence: what sounds

/// The signal that a controller's input is fed from: (node, output).
std::pair<std::string, std::string> feeding(const Patch& patch, const std::string& node, const std::string& input) {
  for (const Cable& c : patch.cables)
    if (c.to == node && c.input == input) return {c.from, c.output};
  return {};
}
/// Output `name` of a listening node.
std::pair<std::string, std::string> heard(const Patch& patch, const Registry& registry, const char* name) {
  for (const std::string& id : parts::listeningNodes(patch, registry))
    if (const NodeType* t = registry.find(parts::typeOf(patch, id)); t && t->outputIndex(name) >= 0) return {id, name};
  return {};
}
/// Confidence from which the pitch tracker believes a pitch and does not hold the last one: its setting; in a room,
/// where notes blur each other, less is enough (nodes/neural/pitch_tracker.h).
double believedFrom(const Patch& patch, const Registry& registry) {
  constexpr double kUsual = 0.8, kRoom = 0.6;
  const PatchNode* tracker = patch.find(heard(patch, registry, "confidence").first);
  const auto setting = [&](const char* id, double def) {
    const auto at = tracker->settings.find(id);
    return at != tracker->settings.end() ? at->second.number : def;
  };
  const double set = setting("threshold", kUsual);
  return setting("decay", 0) > 0 ? std::min(set, kRoom) : set;
}
/// The listening nodes and the conditioners behind them.
Patch listeningPart(const Patch& patch, const Registry& registry) {
  Patch front = patch;
  std::set<std::string> keep = parts::listeningNodes(patch, registry);
  for (const PatchNode& n : patch.nodes)
    if (n.type == parts::kConditioner) keep.insert(n.id);
  std::erase_if(front.nodes, [&](const PatchNode& n) { return !keep.contains(n.id); });
  std::erase_if(front.cables, [&](const Cable& c) { return !keep.contains(c.from) || !keep.contains(c.to); });
  return front;
}
}  // namespace

std::vector<double> SourceFeatures::sounding(const std::vector<double>& x) const {
  std::vector<double> out;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (on[i]) out.push_back(x[i]);
  return out;
}
std::vector<double> SourceFeatures::pitches() const {
  std::vector<double> out;
  for (std::size_t i = 0; i < pitch.size(); ++i)
    if (pitched[i]) out.push_back(pitch[i]);
  return out;
}
double SourceFeatures::soundingShare() const {
  return on.empty() ? 0 : static_cast<double>(std::count(on.begin(), on.end(), true)) / static_cast<double>(on.size());
}

Result<SourceFeatures> listenTo(const Patch& patch, const Registry& registry, const std::vector<float>& sound,
                                const std::function<bool(double)>& progress) {
  const auto range = trainedRange(patch, registry);
  if (!range) return range.error();
  const Patch front = listeningPart(patch, registry);
  FrontCut cut{front, front, {}};  // the rest is not run
  // what the controller gets, then what was heard
  for (const auto& [node, output] :
       {feeding(patch, range->controller, "pitch"), feeding(patch, range->controller, "loudness"),
        heard(patch, registry, "confidence"), heard(patch, registry, "pitch"), heard(patch, registry, "loudness")}) {
    if (!cut.front.find(node))
      return Error{
          "The controller of the model does not follow the pitch and loudness of an audio input, so it cannot "
          "play a recording again."};
    cut.features.push_back({node, output, 1, {}, {}});
  }
  const auto rows = listen(cut, registry, sound, progress);
  if (!rows) return rows.error();
  SourceFeatures f;
  for (const float db : (*rows)[4]) f.loudest = std::max(f.loudest, static_cast<double>(db));
  const double believed = believedFrom(patch, registry);
  for (std::size_t i = 0; i < (*rows)[4].size(); ++i) {
    const double sure = static_cast<double>((*rows)[2][i]);
    f.on.push_back(static_cast<double>((*rows)[4][i]) > std::max(f.loudest - kUnderPeak, -90.0) && sure > kSure);
    f.pitched.push_back(f.on.back() && sure >= believed);
  }
  f.pitch.assign((*rows)[0].begin(), (*rows)[0].end());
  f.loudness.assign((*rows)[1].begin(), (*rows)[1].end());
  f.confidence.assign((*rows)[2].begin(), (*rows)[2].end());
  return f;
}

std::optional<double> pitchLag(const SourceFeatures& features, const std::vector<float>& sound, double rate) {
  constexpr int kMostLag = 40;            // ms
  constexpr double kAsGood = 0.005 / 12;  // octaves: half a cent more is no reason for a longer lag
  constexpr double kMost = 1.0 / 12;      // a frame counts for so much at most: a slip says nothing of the time
  constexpr double kSureOfIt = 0.85;      // confidence
  const YinOptions options;
  const std::vector<YinFrame> frames = yin(std::vector<double>(sound.begin(), sound.end()), rate, options);
  const auto differenceAt = [&](double lag) {
    double sum = 0;
    int count = 0;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      if (frames[i].confidence < kSureOfIt) continue;
      // the middle of what it compared: frames have room for the lowest pitch's lag; a tick's value is that of its end
      const double middle = static_cast<double>(i) * options.hopSeconds + 0.5 * (1 / frames[i].f0 - 1 / options.lowest);
      const double tick = (middle + lag) * rate / kTick - 1;
      const auto before = static_cast<std::size_t>(std::max(0.0, tick));
      if (before + 1 >= features.pitch.size() || !features.on[before + 1]) continue;
      const double part = tick - static_cast<double>(before);
      const double pitch = features.pitch[before] + part * (features.pitch[before + 1] - features.pitch[before]);
      sum += std::min(std::fabs(pitch - std::log2(frames[i].f0 / kC4Hz)), kMost);
      ++count;
    }
    return count > 0 ? sum / count : 0.0;
  };
  std::vector<double> difference;
  for (int ms = 0; ms <= kMostLag; ++ms) difference.push_back(differenceAt(0.001 * ms));
  const double enough = *std::min_element(difference.begin(), difference.end()) + kAsGood;
  const auto first = std::find_if(difference.begin(), difference.end(), [&](double d) { return d <= enough; });
  if (first == difference.begin()) return {};
  // between two milliseconds in a straight line
  const double part = (first[-1] - enough) / (first[-1] - *first);
  return 0.001 * (static_cast<double>(first - difference.begin()) - 1 + part);
}

Result<std::vector<float>> play(const Patch& patch, const Registry& registry, const std::vector<float>& input,
                                std::size_t frames, const std::function<bool(double)>& progress) {
  RenderOptions options;
  options.seconds = static_cast<double>(frames) / patch.rate;
  options.external[0] = options.external[1] = input;
  if (progress) options.progress = [&](double s) { return progress(std::min(1.0, s / *options.seconds)); };
  auto out = render(patch, registry, options);
  if (!out) return out.error();
  if (!out->faults.empty())
    return Error{"Node \"" + out->faults.front().first + "\" made numbers that are not finite; the model is damaged."};
  return std::move(out->channels[0]);
}

Result<std::vector<float>> inTrainedRoom(const Patch& model, const Registry& registry,
                                         const std::vector<float>& sound) {
  const auto room = trainedRoom(model, registry);
  if (!room) return sound;
  return play(*room, registry, sound, sound.size());
}

double meanOf(std::span<const double> x) {
  double sum = 0;
  for (const double v : x) sum += v;
  return x.empty() ? 0 : sum / static_cast<double>(x.size());
}
double spreadOf(std::span<const double> x) {
  const double mean = meanOf(x);
  double sum = 0;
  for (const double v : x) sum += (v - mean) * (v - mean);
  return x.empty() ? 0 : std::sqrt(sum / static_cast<double>(x.size()));
}
double bestOctave(const SourceFeatures& features, const TrainedRange& range) {
  constexpr double kClearly = 0.02;  // of the sounding frames: less is no reason to move
  const std::vector<double> x = features.pitches();
  if (x.empty()) return 0;
  struct Candidate {
    double octave, inside, away;
  };
  std::vector<Candidate> candidates;
  double most = 0;
  for (const int octave : {0, 1, -1, 2, -2, 3, -3, 4, -4}) {
    const auto inside = std::count_if(
        x.begin(), x.end(), [&](double v) { return v + octave >= range.pitchLow && v + octave <= range.pitchHigh; });
    candidates.push_back({static_cast<double>(octave), static_cast<double>(inside) / static_cast<double>(x.size()),
                          std::abs(meanOf(x) + octave - range.pitchMean)});
    most = std::max(most, candidates.back().inside);
  }
  const auto nearestMean = [](const Candidate& a, const Candidate& b) { return a.away < b.away; };
  if (most < kClearly) return std::min_element(candidates.begin(), candidates.end(), nearestMean)->octave;
  std::erase_if(candidates, [&](const Candidate& c) { return c.inside <= most - kClearly; });
  const auto nearest = [&](const Candidate& a, const Candidate& b) {
    const double da = std::abs(a.octave), db = std::abs(b.octave);
    return da != db ? da < db : a.inside != b.inside ? a.inside > b.inside : nearestMean(a, b);
  };
  return std::min_element(candidates.begin(), candidates.end(), nearest)->octave;
}

namespace {
/// Mean away from the nearest semitone and number of changes of note, at a tuning.
std::pair<double, double> fitAt(const std::vector<double>& semitones, double offset) {
  double away = 0, changes = 0, last = 1e9;
  for (const double s : semitones) {
    const double note = std::round(s - offset);
    away += std::abs(s - offset - note) / static_cast<double>(semitones.size());
    changes += last < 1e8 && note != last;
    last = note;
  }
  return {away, changes};
}
}  // namespace

Tuning findTuning(const SourceFeatures& features) {
  static constexpr std::array<const char*, 12> kNames{"C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"};
  static constexpr unsigned kMajor = 0xab5;  // bit k: k semitones above the tonic
  Tuning t;
  std::vector<double> x = features.pitches();
  if (x.empty()) return t;
  for (double& v : x) v *= 12;
  constexpr int kOffsets = 101;  // a cent apart
  std::vector<double> away, changes;
  for (int i = 0; i < kOffsets; ++i) {
    const auto [a, c] = fitAt(x, 0.01 * (i - 50));
    away.push_back(a);
    changes.push_back(c);
  }
  const auto score = [](const std::vector<double>& v, std::size_t i) {
    return (v[i] - meanOf(v)) / std::max(spreadOf(v), 1e-9);
  };
  std::size_t best = 50;
  for (std::size_t i = 0; i < kOffsets; ++i)
    if (score(away, i) + score(changes, i) < score(away, best) + score(changes, best) - 1e-12) best = i;
  t.cents = static_cast<double>(best) - 50;
  std::array<double, 12> count{};
  for (const double s : x) {
    const int note = static_cast<int>(std::lround(s - 0.01 * t.cents));
    count[static_cast<std::size_t>(((note % 12) + 12) % 12)] += 1;
  }
  double most = -1;
  for (std::size_t tonic = 0; tonic < 12; ++tonic) {
    double in = 0.5 * count[tonic];  // of keys with the same notes the one whose tonic is played more
    for (std::size_t k = 0; k < 12; ++k)
      if (kMajor >> k & 1U) in += count[(tonic + k) % 12];
    if (in > most) {
      most = in;
      t.tonic = kNames[tonic];
    }
  }
  return t;
}

}  // namespace core
