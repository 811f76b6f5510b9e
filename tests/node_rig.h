// SPDX-License-Identifier: GPL-3.0-or-later
// Drives one node's kernels directly: random inputs in range, any lane count, any split into ticks.
// The generic tests over the registry stand on it.
#pragma once

#include <cmath>
#include <map>
#include <random>

#include "core/graph/buffers.h"
#include "core/graph/patch.h"

namespace tests {

using namespace core;

inline std::size_t at(int i) { return static_cast<std::size_t>(i); }

/// A node type with everything it runs on, for one lane group.
class NodeRig {
 public:
  /// values: 0 random in the middle 80 % of each range, 1 minimum, 2 maximum, 3 default.
  NodeRig(const NodeType& type, int lanes, double rate, int ticks, unsigned seed, int values = 0)
      : type(type), lanes(lanes), ticks(ticks), random_(seed), rate_(rate) {
    PatchNode node;
    settings = resolveSettings(node, type).value();
    std::map<char, int> variables;
    for (std::size_t s = 0; s < settings.size(); ++s)
      if (const char v = type.settings[s].bindsWidth; v && settings[s].number >= 1)
        variables[v] = static_cast<int>(settings[s].number);
    const auto width = [&variables](const Width& w) {
      return w.variable ? (variables.contains(w.variable) ? variables[w.variable] : 2) : w.size;
    };
    for (const Input& i : type.inputs) inputWidths.push_back(width(i.width));
    for (const Output& o : type.outputs) outputWidths.push_back(width(o.width));
    setup = {rate, lanes, settings, {}, inputWidths, outputWidths};
    for (int t = 0; t < static_cast<int>(type.tensors.size()); ++t) {
      TensorValue value;
      value.shape = type.tensorShape(t, setup);
      std::size_t size = 1;
      for (const int d : value.shape) size *= at(d);
      value.data.resize(size);
      type.tensorDefault(t, setup, value.data);
      for (Sample& x : value.data) x += static_cast<Sample>(0.1 * gauss());
      tensorValues.push_back(value);
    }
    setup.tensors = tensorValues;
    packTensors();
    const Domain domain(lanes, 1);
    for (std::size_t i = 0; i < type.inputs.size(); ++i) {
      inputs.emplace_back(type.inputs[i].rate, inputWidths[i], domain, ticks);
      dInputs.emplace_back(type.inputs[i].rate, inputWidths[i], domain, ticks);
      fill(inputs.back(), type.inputs[i], values);
    }
    for (std::size_t o = 0; o < type.outputs.size(); ++o) {
      outputs.emplace_back(type.outputs[o].rate, outputWidths[o], domain, ticks);
      dOutputs.emplace_back(type.outputs[o].rate, outputWidths[o], domain, ticks);
    }
    for (int h = 0; h < static_cast<int>(type.histories.size()); ++h) {
      histories.emplace_back(type.historyShape(h, setup), domain, ticks * kTick, 0);
      dHistories.emplace_back(type.historyShape(h, setup), domain, ticks * kTick, 0);
    }
    const int last = ticks * kTick - 1;
    events = {{std::min(3, last), VoiceEvent::Type::noteOn, -1, 64, static_cast<Sample>(0.7)},
              {last / 2, VoiceEvent::Type::bend, -1, static_cast<Sample>(0.1), 0},
              {last - 5, VoiceEvent::Type::noteOff, -1, 0, 0}};
    external_[0].resize(at(ticks * kTick));
    std::mt19937 outside(1);  // the same for rigs of any seed and lane count: all lanes hear one input
    for (Sample& x : external_[0]) x = static_cast<Sample>(0.3 * std::normal_distribution<double>()(outside));
    external_[1] = external_[0];
    prepare();
    reset();
  }

  const Kernel& kernel() const { return type.kernels[at(kernelIndex(lanes))]; }
  double gauss() { return std::normal_distribution<double>()(random_); }
  double uniform() { return std::uniform_real_distribution<double>()(random_); }

  void prepare() {
    error.clear();
    if (!type.prepare) return;
    auto made = type.prepare(setup);
    if (!made) {
      error = made.error().message;
      return;
    }
    prepared = *made;
  }
  void packTensors() {
    packedTensors.clear();
    for (std::size_t t = 0; t < tensorValues.size(); ++t) {
      const bool perLane = type.tensors[t].sharing == Sharing::perLane;
      AlignedArray<Sample> packed(tensorValues[t].data.size() * (perLane ? at(lanes) : 1));
      for (std::size_t i = 0; i < packed.size(); ++i) packed[i] = tensorValues[t].data[perLane ? i / at(lanes) : i];
      packedTensors.push_back(std::move(packed));
    }
  }
  void reset() {
    state = AlignedArray<std::byte>(kernel().stateBytes + 64);
    kernel().reset(state.data(), prepared.get(), setup);
    for (HistoryBuffer& h : histories) h.samples.clear();
    work = type.makeWork ? type.makeWork(setup, prepared.get()) : nullptr;
  }

  /// Runs forward over the whole rig in pieces of the given ticks (repeated); keeps the states at
  /// the start of each piece.
  void forward(const std::vector<int>& pieces) {
    starts.clear();
    for (int t = 0, i = 0; t < ticks; ++i) {
      const int count = std::min(pieces[at(i) % pieces.size()], ticks - t);
      AlignedArray<std::byte> copy(kernel().stateBytes + 64);
      std::memcpy(copy.data(), state.data(), kernel().stateBytes);
      starts.push_back({t, count, std::move(copy)});
      views(t);
      kernel().forward(state.data(), block(t, count));
      t += count;
    }
  }
  /// Sweeps back over the pieces of the last forward; cotangents of outputs are dOutputs. only: the one input whose
  /// cotangent is asked for, and no tensor's; -1: all.
  void backward(int only = -1) {
    for (auto& d : dInputs) d.clear();
    for (auto& d : dHistories) d.samples.clear();
    dTensors.clear();
    for (auto& t : packedTensors) dTensors.emplace_back(t.size());
    AlignedArray<std::byte> cotangent(kernel().cotangentBytes + 64);
    for (std::size_t i = starts.size(); i-- > 0;) {
      views(starts[i].tick);
      std::vector<SignalView> in, out;
      std::vector<HistoryView> hist;
      std::vector<Sample*> tensors;
      for (std::size_t k = 0; k < inputs.size(); ++k)
        in.push_back(type.inputs[k].differentiable && (only < 0 || only == static_cast<int>(k))
                         ? dInputs[k].view(0, starts[i].tick)
                         : SignalView{});
      for (auto& d : dOutputs) out.push_back(d.view(0, starts[i].tick));
      for (auto& d : dHistories) hist.push_back(d.view(0));
      for (auto& d : dTensors) tensors.push_back(only < 0 ? d.data() : nullptr);
      kernel().backward(starts[i].state.data(), cotangent.data(), block(starts[i].tick, starts[i].count),
                        {out.data(), in.data(), hist.data(), tensors.data()});
    }
  }

  const NodeType& type;
  int lanes, ticks;
  std::string error;  ///< what prepare said
  std::vector<SettingValue> settings;
  std::vector<int> inputWidths, outputWidths;
  std::vector<TensorValue> tensorValues;
  std::vector<AlignedArray<Sample>> packedTensors, dTensors;
  Setup setup;
  std::vector<SignalBuffer> inputs, outputs, dInputs, dOutputs;
  std::vector<HistoryBuffer> histories, dHistories;
  std::vector<VoiceEvent> events;
  AlignedArray<std::byte> state;
  std::shared_ptr<const void> prepared;
  std::shared_ptr<void> work;

 private:
  struct Piece {
    int tick, count;
    AlignedArray<std::byte> state;
  };

  /// Parameters wander slowly inside their range; gates (not differentiable) are 0 or 1 in runs.
  void fill(SignalBuffer& b, const Input& row, int values) {
    const int step = row.rate == Rate::audio ? kTick : 1;
    for (int c = 0; c < (row.rate == Rate::audio ? b.planes() : b.tickSize() / lanes); ++c)
      for (int l = 0; l < lanes; ++l) {
        const double base = 0.15 + 0.7 * uniform(), phase = uniform();
        bool open = false;
        for (int i = 0; i < ticks * step; ++i) {
          double x = 2 * uniform() - 1;
          if (row.isParameter()) {
            const double u = values == 1   ? 0
                             : values == 2 ? 1
                             : values == 3 ? row.range().normalise(row.def)
                                           : base + 0.04 * std::sin(0.01 * i + 6 * phase) + 0.002 * x;
            x = row.range().plain(u);
            if (row.unit == Unit::hertz) x = std::min(x, 0.49 * rate_);
          } else if (!row.differentiable) {
            if (i % 37 == 5) open = uniform() < 0.7;
            x = open ? 1 : 0;
          }
          Sample* to = row.rate == Rate::audio ? b.at(0, 0, c) + i * lanes + l : b.at(0, i) + c * lanes + l;
          *to = static_cast<Sample>(x);
        }
      }
  }
  void views(int tick) {
    in_.clear();
    out_.clear();
    hist_.clear();
    tensors_.clear();
    for (auto& b : inputs) in_.push_back(b.view(0, tick));
    for (auto& b : outputs) out_.push_back(b.view(0, tick));
    for (auto& b : histories) hist_.push_back(b.view(0));
    for (auto& b : packedTensors) tensors_.push_back(b.data());
  }
  const BlockData& block(int tick, int count) {
    block_ = {};
    block_.ticks = count;
    block_.rate = rate_;
    block_.firstFrame = tick * kTick;
    block_.inputs = in_.data();
    block_.outputs = out_.data();
    block_.histories = hist_.data();
    block_.tensors = tensors_.data();
    block_.setup = &setup;
    block_.prepared = prepared.get();
    block_.work = work.get();
    inside_.clear();
    for (const VoiceEvent& e : events)
      if (e.frame >= block_.firstFrame && e.frame < block_.firstFrame + count * kTick) inside_.push_back(e);
    block_.events = inside_;
    for (std::size_t c = 0; c < 2; ++c) block_.external[c] = external_[c].data() + tick * kTick;
    return block_;
  }

  std::mt19937 random_;
  double rate_;
  std::vector<Sample> external_[2];
  std::vector<SignalView> in_, out_;
  std::vector<HistoryView> hist_;
  std::vector<const Sample*> tensors_;
  std::vector<VoiceEvent> inside_;
  BlockData block_;
  std::vector<Piece> starts;
};

}  // namespace tests
