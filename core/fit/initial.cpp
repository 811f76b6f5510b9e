// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/fit/initial.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string_view>

#include "core/analysis/harmonics.h"

namespace core {
namespace {
constexpr std::string_view kFrameRate = "frame-rate", kLength = "length";  // settings of a track
constexpr double kUniformVariance = 1.0 / 3;                               // of noise between -1 and 1

std::size_t at(int i) { return static_cast<std::size_t>(i); }

/// What inputs call what a track can hold.
struct Meaning {
  std::string_view input;
  TrackRole role;
};
constexpr Meaning kMeanings[] = {
    {"amplitude", TrackRole::level}, {"harmonics", TrackRole::harmonics}, {"magnitudes", TrackRole::bands}};

TrackRole roleOf(const Input& row) {
  for (const Meaning& m : kMeanings)
    if (row.id == m.input) return m.role;
  return isPitch(row) ? TrackRole::pitch : TrackRole::none;
}
}  // namespace

bool isPitch(const Input& row) {
  if (row.unit == Unit::hertz) return row.scale == Scale::log && row.id == "f0";
  return row.unit == Unit::cents || row.unit == Unit::semitones || row.unit == Unit::octaves;
}

TrackUse trackUse(const Plan& plan, int node) {
  const PlanNode& track = plan.nodes[at(node)];
  const bool isTrack =
      track.inputs.empty() && track.type->outputs.size() == 1 && track.type->outputs[0].rate == Rate::control;
  for (int n = 0; isTrack && n < static_cast<int>(plan.nodes.size()); ++n)
    for (int i = 0; i < static_cast<int>(plan.nodes[at(n)].inputs.size()); ++i) {
      const PlanInput& in = plan.nodes[at(n)].inputs[at(i)];
      for (const PlanCable& c : in.cables)
        if (c.signal == track.firstSignal)
          if (const TrackRole role = roleOf(*in.row); role != TrackRole::none)
            return {role, n, i, plan.parameters[at(c.parameter)].value};
    }
  return {};
}

void writePhrase(Patch& patch, const TargetAnalysis& a, double seconds) {
  Note note = patch.phrase.empty() ? Note{} : patch.phrase.front();
  note.start = a.onset;
  note.length = std::max(0.02, std::min(a.release, seconds) - a.onset);
  if (a.f0 > 0) note.pitch = hertzToNote(a.f0);
  patch.phrase = {note};
}

TrackGrid trackGrid(const PlanNode& node) {
  const int rate = node.type->settingIndex(kFrameRate), scale = node.type->settingIndex("scale");
  if (rate < 0 || node.type->settingIndex(kLength) < 0) return {};
  return {node.settings[at(rate)].number, scale >= 0 && node.settings[at(scale)].number == 1};
}

double bentLevel(double x) { return 2 * std::pow(1 / (1 + std::exp(-x)), std::numbers::ln10) + 1e-7; }

double unbentLevel(double level) {
  const double s = std::pow(std::clamp(level - 1e-7, 1e-9, 1.99) / 2, 1 / std::numbers::ln10);
  return std::log(s / (1 - s));
}

double voicing(const PitchTrack& pitch, double seconds) {
  if (pitch.confidence.empty()) return 0;
  const auto i =
      std::min(pitch.confidence.size() - 1, static_cast<std::size_t>(std::max(0.0, seconds / pitch.hopSeconds)));
  return std::clamp((pitch.confidence[i] - 0.3) / 0.4, 0.03, 1.0);
}

namespace {
/// Octaves that other cables add to a pitch input: those of the note that is played.
double noteOctaves(const Plan& plan, const TrackUse& use, const Patch& patch) {
  double octaves = 0;
  for (const PlanCable& c : plan.nodes[at(use.node)].inputs[at(use.input)].cables) {
    const PlanSignal& s = plan.signals[at(c.signal)];
    const NodeType& type = *plan.nodes[at(s.node)].type;
    if (type.info.startsVoices && type.outputs[at(s.output)].id == "pitch" && !patch.phrase.empty())
      octaves += plan.parameters[at(c.parameter)].value * (patch.phrase.front().pitch - 60) / 12;
  }
  return octaves;
}

/// Fills tracks of one target, sharing the measurements between them.
class TrackWriter {
 public:
  TrackWriter(const Plan& plan, const Patch& patch, const TargetAnalysis& a, std::span<const double> x,
              const std::function<bool()>& stop)
      : plan_(plan), patch_(patch), analysis_(a), x_(x), stop_(stop) {}

  /// Rows of the track `node` that is used so: [moment][width], plain values.
  std::vector<double> rows(int node, const TrackUse& use, double frameRate, int moments) {
    const int width = plan_.nodes[at(node)].outputWidths[0];
    std::vector<double> out(at(moments) * at(width), 0.0);
    if (use.role == TrackRole::bands) return bands(use, frameRate, moments, width);
    if (use.role == TrackRole::harmonics || use.role == TrackRole::level) {
      const HarmonicModel& h = harmonics(frameRate, widthOf(use.node, TrackRole::harmonics));
      for (int m = 0; m < moments; ++m) {
        const std::complex<double>* from = h.row(std::min(m, h.moments() - 1));
        double sum = 0;
        for (int k = 0; k < h.count; ++k) sum += std::abs(from[k]);
        for (int k = 0; k < width; ++k)
          out[at(m * width + k)] = use.role == TrackRole::level             ? sum
                                   : hasLevelTrack(use.node) && k < h.count ? std::abs(from[k]) / (sum + 1e-9)
                                                                            : std::abs(from[std::min(k, h.count - 1)]);
      }
      return out;
    }
    const PlanInput& in = plan_.nodes[at(use.node)].inputs[at(use.input)];
    const double base = plan_.parameters[at(in.parameter)].value, note = noteOctaves(plan_, use, patch_);
    for (int m = 0; m < moments; ++m) {
      const double f0 = std::max(20.0, analysis_.pitch.at(m / frameRate));
      std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(m) * width, width,
                  (std::log2(f0 / base) - note) / use.depth);
    }
    return out;
  }

 private:
  int inputOf(int node, TrackRole role) const {
    const auto& inputs = plan_.nodes[at(node)].inputs;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (roleOf(*inputs[i].row) == role) return static_cast<int>(i);
    return -1;
  }
  int widthOf(int node, TrackRole role) const {
    const int i = inputOf(node, role);
    return i < 0 ? 1 : plan_.nodes[at(node)].inputs[at(i)].width;
  }
  bool hasLevelTrack(int node) const {
    const int i = inputOf(node, TrackRole::level);
    return i >= 0 && !plan_.nodes[at(node)].inputs[at(i)].cables.empty();
  }
  const HarmonicModel& harmonics(double frameRate, int count) {
    if (model_.f0.empty() || model_.frameRate != frameRate || model_.count != count)
      model_ = measureHarmonics(
          x_, plan_.rate, analysis_.pitch, frameRate, count,
          [this](double t) { return analysis_.f0 > 0 ? voicing(analysis_.pitch, t) : 0.0; }, stop_);
    return model_;
  }
  std::vector<double> bands(const TrackUse& use, double frameRate, int moments, int width) {
    // what no harmonic explains; without a harmonic source all of it is noise
    int count = 0;
    for (int n = 0; n < static_cast<int>(plan_.nodes.size()); ++n)
      count = std::max(count, inputOf(n, TrackRole::harmonics) < 0 ? 0 : widthOf(n, TrackRole::harmonics));
    if (rest_.empty())
      rest_ = count > 0 ? residual(x_, plan_.rate, harmonics(250, count), stop_)
                        : std::vector<double>(x_.begin(), x_.end());
    double gain = 1;  // a level knob in decibels beside the magnitudes
    for (const PlanInput& in : plan_.nodes[at(use.node)].inputs)
      if (in.row->unit == Unit::decibels && in.parameter >= 0)
        gain *= std::pow(10.0, plan_.parameters[at(in.parameter)].value / 20);
    std::vector<double> rows =
        noiseBands(rest_, plan_.rate, frameRate, moments, width, kUniformVariance, (width - 1) / plan_.rate, stop_);
    for (double& v : rows) v /= gain;
    return rows;
  }

  const Plan& plan_;
  const Patch& patch_;
  const TargetAnalysis& analysis_;
  std::span<const double> x_;
  const std::function<bool()>& stop_;
  HarmonicModel model_;
  std::vector<double> rest_;
};
}  // namespace

bool writeTracks(Patch& patch, const Plan& plan, const std::vector<FitVariable>& free, const TargetAnalysis& analysis,
                 std::span<const Sample> sound, const std::function<bool()>& stop) {
  const std::vector<double> x(sound.begin(), sound.end());
  const double seconds = static_cast<double>(x.size()) / plan.rate;
  TrackWriter writer(plan, patch, analysis, x, stop);
  bool any = false;
  for (const FitVariable& v : free) {
    const int n = v.kind == FitVariable::Kind::tensor ? plan.findNode(v.node) : -1;
    if (n < 0) continue;
    const TrackUse use = trackUse(plan, n);
    const TrackGrid grid = trackGrid(plan.nodes[at(n)]);
    PatchNode* node = patch.find(v.node);
    if (use.role == TrackRole::none || grid.frameRate <= 0 || !node) continue;
    // noise bands get a row a tick, as fine as the filter that follows them: measured on a flute,
    // 250 rows a second leave 7 % more distance than 750
    const double perTick = std::min(plan.rate / kTick, 1000.0);
    const double frameRate = use.role == TrackRole::bands ? std::max(grid.frameRate, perTick) : grid.frameRate;
    const int moments = static_cast<int>(std::ceil(seconds * frameRate)) + 1;
    Blob blob;
    blob.shape = {moments, plan.nodes[at(n)].outputWidths[0]};
    for (const double value : writer.rows(n, use, frameRate, moments))
      blob.data.push_back(static_cast<float>(grid.mapped ? unbentLevel(value) : value));
    node->settings[std::string(kLength)].number = seconds;
    node->settings[std::string(kFrameRate)].number = frameRate;
    node->tensors[v.row] = std::make_shared<const Blob>(std::move(blob));
    any = true;
  }
  return any;
}

}  // namespace core
