// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/neural/sequence_net.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "core/dsp/math.h"
#include "core/neural/layers.h"
#include "core/neural/matrix.h"

namespace core {

int NetShape::inputCount() const { return std::accumulate(inputs.begin(), inputs.end(), 0); }

// ---- layout -----------------------------------------------------------------------------------

int SequenceNet::takeLines(int count) {
  lines_ += count;
  return lines_ - count;
}

SequenceNet::Op& SequenceNet::addLinear(std::vector<Run> in, int rows) {
  Op op;
  op.in = std::move(in);
  op.rows = rows;
  for (const Run& r : op.in) op.columns += r.count;
  op.out = takeLines(rows);
  op.weight = weightCount_;
  weightCount_ += rows * op.columns + rows;
  op.panels = static_cast<int>(panels_.size());
  panels_.emplace_back();
  op.cost = static_cast<double>(rows) * op.columns;
  ops_.push_back(std::move(op));
  return ops_.back();
}

/// Linear, layer normalisation, leaky ReLU. Lines: normalised values, 1 / deviation; the result's are given.
SequenceNet::Run SequenceNet::addDense(std::vector<Run> in, int result) {
  const int width = shape_.width;
  addLinear(std::move(in), width);
  Op op;
  op.kind = Kind::normalise;
  op.out = ops_.back().out;
  op.result = result;
  op.rows = width;
  op.weight = weightCount_;
  weightCount_ += 2 * width;
  takeLines(1);
  op.cost = 8.0 * width;
  ops_.push_back(op);
  return {false, result, width};
}

/// Stacks of dense layers on each group of inputs. Their results lie side by side, and so do inputs without any: for
/// who reads them it is one product, which a library packs once.
SequenceNet::Run SequenceNet::addStacks() {
  std::vector<Run> stacks;
  for (const int count : shape_.inputs) stacks.push_back({false, takeLines(count), count});
  if (shape_.before == 0) return {false, inputLine(), shape_.inputCount()};
  const int groups = static_cast<int>(stacks.size()), results = takeLines(groups * shape_.width);
  for (int g = 0; g < groups; ++g)
    for (int i = 1; i <= shape_.before; ++i)
      stacks[static_cast<std::size_t>(g)] =
          addDense({stacks[static_cast<std::size_t>(g)]},
                   i == shape_.before ? results + g * shape_.width : takeLines(shape_.width));
  return {false, results, groups * shape_.width};
}

SequenceNet::SequenceNet(const NetShape& shape) : shape_(shape) {
  const Run stacks = addStacks();
  const int units = shape.recurrent;
  const int g = addLinear({stacks}, 3 * units).out;
  Op& product = addLinear({{true, 0, units}}, 3 * units);
  product.previous = true;
  Op op;
  op.kind = Kind::gates;
  op.in = {{false, g, 3 * units}, {false, product.out, 3 * units}};
  op.rows = units;
  op.cost = 40.0 * units;
  ops_.push_back(op);
  std::vector<Run> last{{true, 0, units}};
  if (shape.after > 0) {
    last.insert(last.begin(), stacks);
    for (int i = 0; i < shape.after; ++i) last = {addDense(last, takeLines(shape.width))};
  }
  addLinear(last, shape.outputs);
  for (const Op& o : ops_) cost_ += o.cost;
  markReaders();
}

/// Backward the last layer that reads a run comes first: it sets the run's cotangent, the others add to it.
void SequenceNet::markReaders() {
  std::vector<Run> read;
  for (std::size_t i = ops_.size(); i-- > 0;) {
    Op& op = ops_[i];
    if (op.kind != Kind::linear || op.previous) continue;  // through time the gates carry it
    for (const Run& run : op.in) {
      op.adds.push_back(std::find(read.begin(), read.end(), run) != read.end());
      read.push_back(run);
    }
  }
}

void SequenceNet::initialise(std::span<Sample> weights, unsigned seed) const {
  std::mt19937 random(seed);
  // not std::uniform_real_distribution, whose numbers differ between libraries
  const auto uniform = [&random](double reach) {
    return static_cast<Sample>(reach * (2.0 * random() / 4294967295.0 - 1));
  };
  for (const Op& op : ops_) {
    if (op.kind == Kind::gates) continue;
    Sample* w = weights.data() + op.weight;
    if (op.kind == Kind::normalise) {
      std::fill_n(w, op.rows, 1.0_s);
      std::fill_n(w + op.rows, op.rows, 0.0_s);
      continue;
    }
    const bool recurrent = op.rows == 3 * shape_.recurrent && (op.previous || (&op + 1)->previous);
    const bool head = &op == &ops_.back();
    const double reach =
        recurrent ? 1 / std::sqrt(shape_.recurrent) : (head ? 0.2 : 1.0) * std::sqrt(6.0 / (op.rows + op.columns));
    for (int i = 0; i < op.rows * op.columns; ++i) w[i] = uniform(reach);
    for (int i = 0; i < op.rows; ++i) w[op.rows * op.columns + i] = recurrent ? uniform(reach) : 0.0_s;
  }
}

void SequenceNet::pack(const Sample* weights) {
  for (const Op& op : ops_)
    if (op.kind == Kind::linear)
      panels_[static_cast<std::size_t>(op.panels)] = Panels(weights + op.weight, op.rows, op.columns);
}

// ---- forward ----------------------------------------------------------------------------------

namespace {
/// Fewer columns than this go through the panels: packing a matrix for a library costs as much.
constexpr int kLibraryColumns = 32;
}  // namespace

template <int L>
void SequenceNet::runOp(const Op& op, const NetMemory<L>& m, std::int64_t frame, int fromPanel, int toPanel) const {
  if (op.kind == Kind::normalise) return normalise<L>(op, m, frame, 1);
  if (op.kind == Kind::gates) return gates<L>(op, m, frame);
  std::array<FeatureRun, 16> runs;
  const std::int64_t read = op.previous ? frame - 1 : frame;
  for (std::size_t i = 0; i < op.in.size(); ++i)
    runs[i] = {featuresAt<L>(op.in[i].hidden ? m.hidden : m.activations, op.in[i].line, read), op.in[i].count};
  panels_[static_cast<std::size_t>(op.panels)].apply<L>(
      fromPanel, toPanel, m.weights + op.weight + op.rows * op.columns, std::span(runs).first(op.in.size()),
      featuresAt<L>(m.activations, op.out, frame));
}

template <int L>
void SequenceNet::linearFrames(const Op& op, const NetMemory<L>& m, std::int64_t first, int count) const {
  const Sample *w = m.weights + op.weight, *bias = w + op.rows * op.columns;
  const Features y = featuresAt<L>(m.activations, op.out, first);
  if (op.narrow())
    return applyNarrow(op.rows, op.columns, count * L, w, bias, featuresAt<L>(m.activations, op.in[0].line, first), y);
  for (int r = 0; r < op.rows; ++r) std::fill_n(y.data + r * y.stride, count * L, bias[r]);
  for (const Run& run : op.in) {
    const Features x = featuresAt<L>(run.hidden ? m.hidden : m.activations, run.line, first);
    multiply(Transpose::no, Transpose::no, op.rows, count * L, run.count, w, op.columns, x.data, x.stride, 1, y.data,
             y.stride);
    w += run.count;
  }
}

template <int L>
void SequenceNet::normalise(const Op& op, const NetMemory<L>& m, std::int64_t first, int count) const {
  const Sample* scale = m.weights + op.weight;
  const auto at = [&](int line, int f) { return featuresAt<L>(m.activations, line, first + f); };
  int f = 0;
  for (; f + kNormalised <= count; f += kNormalised)
    normaliseFrames<L, kNormalised>(op.rows, scale, scale + op.rows, at(op.out, f), at(op.result, f));
  for (; f < count; ++f) normaliseFrames<L, 1>(op.rows, scale, scale + op.rows, at(op.out, f), at(op.result, f));
}

template <int L>
void SequenceNet::gates(const Op& op, const NetMemory<L>& m, std::int64_t frame) const {
  gateFrame<L>(op.rows, featuresAt<L>(m.activations, op.in[0].line, frame),
               featuresAt<L>(m.activations, op.in[1].line, frame), featuresAt<L>(m.hidden, 0, frame - 1),
               featuresAt<L>(m.hidden, 0, frame));
}

template <int L>
void SequenceNet::recur(const Op& op, const Op& gate, const NetMemory<L>& m, std::int64_t first, int count) const {
  constexpr int kFrames = FrameTile<L>::kFrames;
  const int units = gate.rows;
  const Panels& panels = panels_[static_cast<std::size_t>(op.panels)];
  const Sample* bias = m.weights + op.weight + op.rows * op.columns;
  FrameTile<L> input(op.rows), product(op.rows), state(units, kFrames + 1);
  state.read(featuresAt<L>(m.hidden, 0, first - 1), units, 1);
  for (int f = 0; f < count; f += kFrames) {
    const std::int64_t frame = first + f;
    const int frames = std::min(kFrames, count - f);
    input.read(featuresAt<L>(m.activations, gate.in[0].line, frame), op.rows, frames);
    for (int i = 0; i < frames; ++i) {
      const FeatureRun before{state.at(i), units};
      panels.apply<L>(0, panels.panels(), bias, {&before, 1}, product.at(i));
      gateFrame<L>(units, input.at(i), product.at(i), state.at(i), state.at(i + 1));
    }
    input.write(featuresAt<L>(m.activations, gate.in[0].line, frame), 0, op.rows, frames);
    // the gates' sums keep what else there is to know of it
    product.write(featuresAt<L>(m.activations, op.out + 2 * units, frame), 2 * units, units, frames);
    state.write(featuresAt<L>(m.hidden, 0, frame), 0, units, frames, 1);
    std::copy_n(state.frame(frames), units * L, state.frame(0));
  }
}

template <int L>
void SequenceNet::run(const NetMemory<L>& m, std::int64_t first, int count) const {
  const bool library = m.activations.view.mask == -1 && count * L >= kLibraryColumns;
  if (!library) {
    for (int f = 0; f < count; ++f) runPart<L>(m, first + f, 0, 1);
    return;
  }
  for (std::size_t i = 0; i < ops_.size(); ++i) {
    const Op& op = ops_[i];
    if (op.previous) {
      recur<L>(op, ops_[i + 1], m, first, count);
      ++i;
    } else if (op.kind == Kind::linear) {
      linearFrames<L>(op, m, first, count);
    } else {
      normalise<L>(op, m, first, count);
    }
  }
}

template <int L>
void SequenceNet::runPart(const NetMemory<L>& m, std::int64_t frame, double from, double to) const {
  double done = 0;
  for (const Op& op : ops_) {
    const double start = done / cost_, part = op.cost / cost_;
    done += op.cost;
    const bool last = &op == &ops_.back();
    if (op.kind == Kind::linear) {
      const int panels = panels_[static_cast<std::size_t>(op.panels)].panels();
      const auto panelAt = [&](double x) {
        if (x >= 1) return panels;
        return static_cast<int>(std::clamp((x - start) / part, 0.0, 1.0) * panels);
      };
      const int first = panelAt(from), end = panelAt(to);
      if (first < end) runOp<L>(op, m, frame, first, end);
    } else if (const double end = last ? 1 : done / cost_; end > from && (end <= to || to >= 1)) {
      runOp<L>(op, m, frame, 0, 0);
    }
  }
}

#define TONEWRIGHT_INSTANTIATE(L)                                                  \
  template void SequenceNet::run<L>(const NetMemory<L>&, std::int64_t, int) const; \
  template void SequenceNet::runPart<L>(const NetMemory<L>&, std::int64_t, double, double) const;
TONEWRIGHT_INSTANTIATE(1)
TONEWRIGHT_INSTANTIATE(4)
TONEWRIGHT_INSTANTIATE(8)
#undef TONEWRIGHT_INSTANTIATE

}  // namespace core
