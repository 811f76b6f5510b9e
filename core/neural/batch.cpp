// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/neural/batch.h"

#include <algorithm>
#include <cmath>

#include "core/graph/realtime.h"
#include "core/neural/instruments.h"
#include "core/neural/rooms.h"

namespace core {
namespace {
std::size_t at(int i) { return static_cast<std::size_t>(i); }
/// Numbers of a response step by this part of the size that the default response has around them.
constexpr double kGrowingRate = 0.2;
/// The same where the recordings' decay is known: a room may be far louder than the direct sound, and what its
/// response has not reached in time the controller has learned to play. A saxophone in a room 21 dB louder than
/// its direct sound: 7.28 dB from the dry sound after 2000 steps, which took 6000 with the rate above.
constexpr double kRoomRate = 3;
constexpr int kAround = 64;
constexpr double kLoudnessWeight = 0.5;

/// Root mean square of the numbers around each.
std::vector<double> sizesAround(std::span<const Sample> x) {
  std::vector<double> sums{0};
  for (const Sample v : x) sums.push_back(sums.back() + static_cast<double>(v) * static_cast<double>(v));
  std::vector<double> out;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t from = i > kAround ? i - kAround : 0, to = std::min(x.size(), i + kAround);
    out.push_back(std::sqrt((sums[to] - sums[from]) / static_cast<double>(to - from)));
  }
  return out;
}

/// Whether a response has the shape of the room that was heard in the recordings (Run::shapeRooms).
bool heardDecay(const PlanNode& node) {
  const int row = decayRow(*node.type);
  return row >= 0 && node.settings[at(row)].number > 0;
}

void setSteps(Learnable& l, const PlanNode& node, const Tensor& row, bool given, double rate) {
  const TensorValue& value = node.tensors[at(l.at.tensor)];
  l.start.assign(value.data.begin(), value.data.end());
  l.rates.assign(l.count, 1.0);
  if (!row.isResponse) return;
  std::vector<Sample> usual(l.count);
  const Setup setup{rate, 1, node.settings, node.tensors, node.inputWidths, node.outputWidths};
  node.type->tensorDefault(l.at.tensor, setup, usual);
  l.rates = sizesAround(usual);
  const double part = !given && heardDecay(node) ? kRoomRate : kGrowingRate;
  for (double& r : l.rates) r *= part;
  if (!given) std::fill(l.start.begin(), l.start.end(), 0.0);
}

/// Elements of a feature that a louder sound raises by its gain, the first ones: a loudness, and of MFCC
/// the mean level.
int levelElements(const Feature& f) { return f.output == "loudness" ? f.width : f.output == "mfcc" ? 1 : 0; }

/// Six sizes at 16 kHz, 2048 to 64; longer ones at higher rates.
LossOptions lossOptions(double rate) {
  LossOptions o;
  o.kind = LossKind::robust;
  const int scale = std::max(1, static_cast<int>(std::lround(rate / 16000)));
  for (int size = 2048; size >= 64; size /= 2) o.sizes.push_back(size * scale);
  o.epsilon = 1e-5;
  o.linear = 1;
  o.loudness = kLoudnessWeight;
  o.rate = rate;
  return o;
}
}  // namespace

Result<std::vector<Learnable>> learnables(const Patch& patch, const Plan& plan) {
  std::vector<Learnable> all;
  std::size_t first = 0;
  for (const PatchNode& n : patch.nodes) {
    const int node = plan.findNode(n.id);
    if (node < 0) continue;
    const PlanNode& p = plan.nodes[at(node)];
    for (const std::string& row : n.free) {
      const int tensor = p.type->tensorIndex(row);
      // knobs and what each lane has for itself are for fits
      if (tensor < 0 || p.type->tensors[at(tensor)].sharing == Sharing::perLane) continue;
      const TensorValue& value = p.tensors[at(tensor)];
      all.push_back({n.id, row, {node, tensor}, value.shape, first, value.data.size(), {}, {}});
      setSteps(all.back(), p, p.type->tensors[at(tensor)], n.tensors.contains(row), plan.rate);
      first += value.data.size();
    }
  }
  if (all.empty()) return Error{"Nothing in the patch is free to learn; free the weights of its controller."};
  return all;
}

Result<std::unique_ptr<Batch>> Batch::create(const FrontCut& cut, const Registry& registry, const Options& options) {
  auto plan = compilePlan(cut.rest, registry, {.rate = cut.rest.rate});
  if (!plan) return plan.error();
  auto found = core::learnables(cut.rest, *plan);
  if (!found) return found.error();
  std::unique_ptr<Batch> b(new Batch());
  b->options_ = options;
  b->cut_ = &cut;
  b->learnables_ = std::move(*found);
  GradientRequest request;
  for (const Learnable& l : b->learnables_) request.tensors.push_back(l.at);
  for (const Feature& f : cut.features) b->tracks_.push_back(plan->findNode(f.track));
  if (!cut.instrumentTrack.empty()) b->instrumentTrack_ = plan->findNode(cut.instrumentTrack);
  const int ticks = clipTicks(options.clipSeconds, cut.rest.rate);
  auto made =
      Gradient::create(std::move(*plan), request, ticks, {.clips = options.lanes, .memoryLimit = std::size_t{1} << 30});
  if (!made) return made.error();
  b->gradient_ = std::move(*made);
  b->warmFrames_ = clipTicks(options.warmSeconds, cut.rest.rate) * kTick;
  return b;
}

void Batch::setValues(std::span<const double> values) {
  Executor& e = gradient_->executor();
  std::vector<Sample> copy;
  for (const Learnable& l : learnables_) {
    copy.assign(values.begin() + static_cast<std::ptrdiff_t>(l.first),
                values.begin() + static_cast<std::ptrdiff_t>(l.first + l.count));
    e.setTensor(l.at.node, l.at.tensor, -1, copy);
    (void)e.prepareAgain(l.at.node).has_value();  // only sizes can fail, and they have not changed
  }
}

void Batch::placeClip(const Dataset& data, const Slice& slice, int lane) {
  Executor& e = gradient_->executor();
  for (std::size_t f = 0; f < tracks_.size(); ++f) {
    const Feature& feature = cut_->features[f];
    const int rows = e.plan().nodes[at(tracks_[f])].tensors[0].shape[0];
    e.setTensor(tracks_[f], 0, lane,
                data.track(slice, static_cast<int>(f), feature.width, levelElements(feature), rows));
  }
  if (instrumentTrack_ < 0) return;
  const auto rows = at(e.plan().nodes[at(instrumentTrack_)].tensors[0].shape[0]);
  const double position =
      instrumentPosition(data.sources()[at(slice.source)].instrument, static_cast<int>(data.instruments().size()));
  e.setTensor(instrumentTrack_, 0, lane, std::vector<Sample>(rows, static_cast<Sample>(position)));
}

void Batch::placeClips(const Dataset& data, std::span<const Slice> clips) {
  for (int lane = 0; lane < lanes(); ++lane)  // lanes without a clip repeat the first, outside the loss
    placeClip(data, clips[at(lane) < clips.size() ? at(lane) : 0], lane);
}

double Batch::spread(const Dataset& data, std::span<const Slice> clips, const std::string& node,
                     const std::string& output, const std::stop_token& stop) {
  const DenormalsOff denormals;
  placeClips(data, clips);
  gradient_->forward(stop);
  const Executor& e = gradient_->executor();
  const PlanNode& n = e.plan().nodes[at(e.plan().findNode(node))];
  const int o = n.type->outputIndex(output), width = n.outputWidths[at(o)];
  const int warm = warmFrames_ / kTick, ticks = gradient_->checkpointed() ? 0 : gradient_->ticks();
  double sum = 0;
  for (int k = 0; k < width; ++k) {
    double mean = 0, square = 0;
    int count = 0;
    for (int clip = 0; clip < static_cast<int>(clips.size()); ++clip)
      for (int t = warm; t < ticks; ++t, ++count) {
        const SignalView v = e.signal(n.firstSignal + o, clip / groupLanes(lanes()));
        const auto x = static_cast<double>(v.data[t * v.step + k * v.channel + clip % groupLanes(lanes())]);
        mean += x;
        square += x * x;
      }
    if (count) sum += square / count - mean / count * (mean / count);
  }
  return std::sqrt(std::max(0.0, sum / width));
}

double Batch::step(const Dataset& data, std::span<const Slice> clips, unsigned noise, std::span<double> d,
                   const std::stop_token& stop) {
  const DenormalsOff denormals;
  placeClips(data, clips);
  gradient_->executor().offsetSeeds(noise);
  gradient_->forward(stop);
  const auto frames = at(gradient_->frames()), warm = at(warmFrames_);
  std::vector<Sample> target(frames), y(frames), dy(frames, 0);
  const LossOptions options = lossOptions(cut_->rest.rate);
  // the paper's sum over sizes; the loss takes the mean of them and of the clips
  const double scale = static_cast<double>(options.sizes.size()) / static_cast<double>(clips.size());
  double total = 0;
  for (std::size_t c = 0; c < clips.size() && !stop.stop_requested(); ++c) {
    data.sound(clips[c], target);
    gradient_->copyOutput(0, static_cast<int>(c), y);
    const SpectralLoss loss(std::span<const Sample>(target).subspan(warm), options, stop);
    const auto heard = std::span<const Sample>(y).subspan(warm);
    if (d.empty()) {
      total += scale * loss.value(heard, stop);
      continue;
    }
    total += scale * loss.gradient(heard, std::span<Sample>(dy).subspan(warm), stop);
    for (Sample& v : dy) v *= static_cast<Sample>(scale);
    gradient_->setCotangent(0, static_cast<int>(c), dy);
  }
  if (d.empty()) return total;
  gradient_->backward(stop);
  for (std::size_t l = 0; l < learnables_.size(); ++l) {
    const std::vector<Sample> g = gradient_->tensor(static_cast<int>(l), 0);
    std::copy(g.begin(), g.end(), d.begin() + static_cast<std::ptrdiff_t>(learnables_[l].first));
  }
  return total;
}

}  // namespace core
