// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/fit/variables.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/fit/initial.h"

namespace core {
namespace {
constexpr double kMargin = 1e-3;          // knobs stay this far inside their travel: on the end a gradient is cut off
constexpr double kCircularMargin = 1e-6;  // and phases this far: the same cut, where a jump cannot be heard
constexpr double kLowestLevel = 1e-9;     // of a tensor of levels
constexpr double kKnobRate = 0.02, kPitchRate = 0.001, kLevelRate = 0.05, kTrackPitchRate = 2e-4, kBesideTracks = 0.03;

std::size_t at(int i) { return static_cast<std::size_t>(i); }

/// How far a depth may go: across the whole travel of what it moves, either way.
Range depthRange(const Input& row, double depth) {
  const double most = row.isParameter() ? depthTravel(row) : std::max(2.0, 4 * std::abs(depth));
  return {-most, most, Scale::linear};
}

/// A phase that may be anything from 0 to whole cycles: both ends are the same.
bool isCircular(const Input& row) {
  const double cycles = row.max - row.min;
  return row.unit == Unit::cycles && row.scale == Scale::linear && cycles > 0 && cycles == std::round(cycles);
}

/// Pitch that a pitch knob's whole travel spans, cents.
double centsOf(const Input& row) {
  switch (row.unit) {
    case Unit::cents:
      return row.max - row.min;
    case Unit::semitones:
      return 100 * (row.max - row.min);
    case Unit::octaves:
      return 1200 * (row.max - row.min);
    default:
      return 1200 * std::log2(row.max / row.min);
  }
}
}  // namespace

double depthTravel(const Input& row) {
  if (!row.isParameter()) return 0;
  return row.scale == Scale::log ? std::log2(row.max / row.min) : row.max - row.min;
}

Result<FitSpace> FitSpace::create(const Plan& plan, const std::vector<FitVariable>& free) {
  FitSpace space;
  for (const FitVariable& v : free) {
    FitEntry e;
    e.variable = v;
    std::vector<int> shape;
    if (v.kind == FitVariable::Kind::tensor) {
      e.tensor.node = plan.findNode(v.node);
      e.tensor.tensor = e.tensor.node < 0 ? -1 : plan.nodes[at(e.tensor.node)].type->tensorIndex(v.row);
      if (e.tensor.tensor < 0) return Error{"There is no tensor \"" + v.node + "." + v.row + "\" to fit."};
      const TensorValue& value = plan.nodes[at(e.tensor.node)].tensors[at(e.tensor.tensor)];
      const TrackUse use = trackUse(plan, e.tensor.node);
      e.name = v.node + "." + v.row;
      e.count = value.data.size();
      const bool mapped = trackGrid(plan.nodes[at(e.tensor.node)]).mapped;
      const bool levels = use.role != TrackRole::none && use.role != TrackRole::pitch;
      e.positive = levels && !mapped;
      e.bent = levels && mapped;
      e.pitch = use.role == TrackRole::pitch;
      double loudest = 0;
      for (const Sample s : value.data) loudest = std::max(loudest, std::abs(static_cast<double>(s)));
      e.rate = e.positive ? kLevelRate
               : e.bent   ? kLevelRate / std::numbers::ln10
               : e.pitch  ? kTrackPitchRate
                          : std::max(3e-4 * loudest, 1e-6);
      shape = value.shape;
    } else {
      const bool knob = v.kind == FitVariable::Kind::knob;
      e.parameter = knob ? plan.findKnob(v.node, v.row) : plan.findDepth(v.cable);
      e.name = knob ? v.node + "." + v.row : v.cable.from + " > " + v.cable.to + "." + v.cable.input;
      if (e.parameter < 0) return Error{"There is no free value \"" + e.name + "\" in the patch."};
      const PlanParameter& p = plan.parameters[at(e.parameter)];
      const Input& row = *plan.nodes[at(p.node)].inputs[at(p.input)].row;
      if (!row.differentiable) continue;
      e.range = knob ? row.range() : depthRange(row, p.value);
      e.unit = row.unit;
      e.pitch = knob && isPitch(row);
      e.circular = knob && isCircular(row);
      if (e.pitch) e.cents = centsOf(row);
      e.rate = e.pitch ? kPitchRate : kKnobRate;
    }
    e.first = space.size_;
    space.size_ += e.count;
    space.entries_.push_back(e);
    space.shapes_.push_back(shape);
  }
  if (space.entries_.empty()) return Error{"Nothing in the patch is free; mark at least one value to fit."};
  return space;
}

bool FitSpace::hasTensors() const {
  return std::any_of(entries_.begin(), entries_.end(), [](const FitEntry& e) { return e.parameter < 0; });
}
bool FitSpace::hasLargeTensors() const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [](const FitEntry& e) { return e.parameter < 0 && e.count > kSmallTensor; });
}
bool FitSpace::hasScalars() const {
  return std::any_of(entries_.begin(), entries_.end(), [](const FitEntry& e) { return e.parameter >= 0; });
}

GradientRequest FitSpace::request() const {
  GradientRequest r;
  for (const FitEntry& e : entries_)
    if (e.parameter >= 0)
      r.parameters.push_back(e.parameter);
    else
      r.tensors.push_back(e.tensor);
  return r;
}

std::vector<double> FitSpace::rates() const {
  std::vector<double> rates(size_);
  // beside tracks, which start from measurements, a knob only trims: a full step would drown them
  const double scalars = hasLargeTensors() ? kBesideTracks : 1;
  for (const FitEntry& e : entries_)
    std::fill_n(rates.begin() + static_cast<std::ptrdiff_t>(e.first), e.count,
                e.parameter >= 0 ? scalars * e.rate : e.rate);
  return rates;
}

std::vector<double> FitSpace::read(const Plan& plan) const {
  std::vector<double> x(size_);
  for (const FitEntry& e : entries_) {
    if (e.parameter >= 0) {
      x[e.first] = e.range.normalise(plan.parameters[at(e.parameter)].value);
      continue;
    }
    const auto& data = plan.nodes[at(e.tensor.node)].tensors[at(e.tensor.tensor)].data;
    for (std::size_t i = 0; i < e.count; ++i) {
      const auto v = static_cast<double>(data[i]);
      x[e.first + i] = e.positive ? std::log(std::max(v, kLowestLevel)) : v;
    }
  }
  return x;
}

void FitSpace::clamp(std::span<double> x) const {
  for (const FitEntry& e : entries_) {
    if (e.circular) x[e.first] -= std::floor(x[e.first]);
    const double margin = e.circular ? kCircularMargin : kMargin;
    if (e.parameter >= 0) x[e.first] = std::clamp(x[e.first], margin, 1 - margin);
    if (!e.positive) continue;
    for (std::size_t i = 0; i < e.count; ++i)
      x[e.first + i] = std::clamp(x[e.first + i], std::log(kLowestLevel), std::log(1e3));
  }
}

double FitSpace::plainValue(const FitEntry& e, std::span<const double> x) const { return e.range.plain(x[e.first]); }

void FitSpace::write(std::span<const double> x, Executor& executor, int clip) const {
  writeScalars(x, executor, clip);
  for (const FitEntry& e : entries_)
    if (e.parameter < 0) writeTensor(e, x, executor, clip);
}

void FitSpace::writeScalars(std::span<const double> x, Executor& executor, int clip) const {
  for (const FitEntry& e : entries_)
    if (e.parameter >= 0) executor.setParameter(e.parameter, clip, plainValue(e, x));
}

void FitSpace::writeTensor(const FitEntry& e, std::span<const double> x, Executor& executor, int clip) const {
  std::vector<Sample> values(e.count);
  for (std::size_t i = 0; i < e.count; ++i)
    values[i] = static_cast<Sample>(e.positive ? std::exp(x[e.first + i]) : x[e.first + i]);
  executor.setTensor(e.tensor.node, e.tensor.tensor, clip, values);
  // prepare failed at creation or not at all; values alone cannot make it fail
  if (auto done = executor.prepareAgain(e.tensor.node); !done) return;
}

void FitSpace::write(std::span<const double> x, Patch& patch) const {
  for (std::size_t k = 0; k < entries_.size(); ++k) {
    const FitEntry& e = entries_[k];
    if (e.variable.kind == FitVariable::Kind::depth) {
      for (Cable& c : patch.cables)
        if (c.from == e.variable.cable.from && c.output == e.variable.cable.output && c.to == e.variable.cable.to &&
            c.input == e.variable.cable.input)
          c.depth = plainValue(e, x);
      continue;
    }
    PatchNode* node = patch.find(e.variable.node);
    if (!node) continue;
    if (e.variable.kind == FitVariable::Kind::knob) {
      node->values[e.variable.row] = plainValue(e, x);
      continue;
    }
    Blob blob;
    blob.shape = shapes_[k];
    blob.data.reserve(e.count);
    for (std::size_t i = 0; i < e.count; ++i)
      blob.data.push_back(static_cast<float>(e.positive ? std::exp(x[e.first + i]) : x[e.first + i]));
    node->tensors[e.variable.row] = std::make_shared<const Blob>(std::move(blob));
  }
}

void FitSpace::gather(const Gradient& gradient, std::span<const double> x, int clip, std::span<double> d) const {
  int request = 0;
  for (const FitEntry& e : entries_) {
    if (e.parameter >= 0) {
      d[e.first] = gradient.parameter(e.parameter, clip) * e.range.slope(x[e.first]);
      continue;
    }
    const std::vector<Sample> g = gradient.tensor(request++, clip);
    for (std::size_t i = 0; i < e.count; ++i) {
      const auto v = static_cast<double>(g[i]);
      d[e.first + i] = e.positive ? v * std::exp(x[e.first + i]) : v;
    }
  }
}

}  // namespace core
