// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/neural/sequence_net.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "core/dsp/math.h"
#include "core/graph/scratch.h"
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

/// Linear, layer normalisation, leaky ReLU. Lines: normalised values, 1 / deviation, result.
SequenceNet::Run SequenceNet::addDense(std::vector<Run> in) {
  const int width = shape_.width;
  addLinear(std::move(in), width);
  Op op;
  op.kind = Kind::normalise;
  op.out = ops_.back().out;
  op.rows = width;
  op.weight = weightCount_;
  weightCount_ += 2 * width;
  takeLines(1);
  const int result = takeLines(width);
  op.cost = 8.0 * width;
  ops_.push_back(op);
  return {false, result, width};
}

SequenceNet::SequenceNet(const NetShape& shape) : shape_(shape) {
  std::vector<Run> stacks;
  for (const int count : shape.inputs) stacks.push_back({false, takeLines(count), count});
  if (shape.before == 0) stacks = {{false, inputLine(), shape.inputCount()}};  // side by side: one product
  for (Run& r : stacks)
    for (int i = 0; i < shape.before; ++i) r = addDense({r});
  const int units = shape.recurrent;
  const int g = addLinear(stacks, 3 * units).out;
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
    last.insert(last.begin(), stacks.begin(), stacks.end());
    for (int i = 0; i < shape.after; ++i) last = {addDense(last)};
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
template <int L>
Features featuresAt(const HistoryRing<L>& h, int line, std::int64_t frame) {
  return {h.at(line, frame), h.view.lineStride};
}
/// Fewer columns than this go through the panels: packing a matrix for a library costs as much.
constexpr int kLibraryColumns = 32;
/// Frames that are swept at a time, from the last ones on: what is in work stays near the processor.
constexpr int kSweepFrames = 128;
/// Floats between lines in work: a power of two apart they would share their cache sets.
constexpr int kApart = 16;
/// Frames that are normalised side by side.
constexpr int kNormalised = 4;
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
  int f = 0;
  for (; f + kNormalised <= count; f += kNormalised)
    normaliseFrames<L, kNormalised>(op.rows, scale, scale + op.rows, featuresAt<L>(m.activations, op.out, first + f));
  for (; f < count; ++f)
    normaliseFrames<L, 1>(op.rows, scale, scale + op.rows, featuresAt<L>(m.activations, op.out, first + f));
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

// ---- backward ---------------------------------------------------------------------------------

/// Cotangents of all activations and hidden values of the frames in work, [line][frame][lane]. Kept from call to call:
/// fresh memory of this size comes page by page from the kernel.
struct SequenceNet::Scratch {
  void reserve(int lines, int units, int columns) {
    stride = columns + kApart;
    const auto size = [this](int n) { return static_cast<std::size_t>(n) * static_cast<std::size_t>(stride); };
    activations.resize(std::max(activations.size(), size(lines)));
    hidden.resize(std::max(hidden.size(), size(units)));
  }
  Sample* of(const Run& run) {
    return (run.hidden ? hidden : activations).data() + static_cast<std::ptrdiff_t>(run.line) * stride;
  }
  int stride = 0;  ///< of lines
  std::vector<Sample> activations, hidden;
};

namespace {
/// Sum of `count` frames of a line.
template <int L>
Sample sumOfLine(const Sample* x, int count) {
  Vec<L> sums[4]{};  // as many as hide the latency of one another
  int f = 0;
  for (; f + 4 <= count; f += 4)
    for (int i = 0; i < 4; ++i) sums[i] = sums[i] + load<L>(x + (f + i) * L);
  for (; f < count; ++f) sums[0] = sums[0] + load<L>(x + f * L);
  const Vec<L> all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  Sample sum = 0;
  for (int l = 0; l < L; ++l) sum += lane<L>(all, l);
  return sum;
}
}  // namespace

template <int L>
void SequenceNet::sweepLinear(const Op& op, const NetMemory<L>& m, std::int64_t first, int count, Scratch& s,
                              Sample* dWeights) const {
  const int columns = count * L;
  const Sample *dy = s.of({false, op.out, op.rows}), *w = m.weights + op.weight;
  Sample* dw = dWeights ? dWeights + op.weight : nullptr;
  Sample* dBias = dWeights ? dw + op.rows * op.columns : nullptr;
  if (op.narrow()) {
    const Run& run = op.in[0];
    for (int c = 0; c < run.count && !op.adds[0]; ++c) std::fill_n(s.of(run) + c * s.stride, columns, 0.0_s);
    return sweepNarrow(op.rows, op.columns, columns, w, featuresAt<L>(m.activations, run.line, first),
                       {s.of({false, op.out, op.rows}), s.stride}, {s.of(run), s.stride}, dw, dBias);
  }
  for (std::size_t i = 0; i < op.in.size(); ++i) {
    const Run& run = op.in[i];
    multiply(Transpose::yes, Transpose::no, run.count, columns, op.rows, w, op.columns, dy, s.stride,
             op.adds[i] ? 1.0_s : 0.0_s, s.of(run), s.stride);
    w += run.count;
    if (!dw) continue;
    const Features x = featuresAt<L>(run.hidden ? m.hidden : m.activations, run.line, first);
    multiply(Transpose::no, Transpose::yes, op.rows, run.count, columns, dy, s.stride, x.data, x.stride, 1, dw,
             op.columns);
    dw += run.count;
  }
  for (int r = 0; dBias && r < op.rows; ++r) dBias[r] += sumOfLine<L>(dy + r * s.stride, count);
}

template <int L>
void SequenceNet::sweepRecurrent(const Op& op, const Op& inputs, const NetMemory<L>& m, std::int64_t first, int count,
                                 Scratch& s, Sample* dWeights) const {
  if (!dWeights) return;
  const int units = op.columns, shared = 2 * units;
  const Features h = featuresAt<L>(m.hidden, 0, first - 1);
  Sample *dw = dWeights + op.weight, *dBias = dw + op.rows * units;
  const auto add = [&](const Sample* dy, int from, int rows) {
    multiply(Transpose::no, Transpose::yes, rows, units, count * L, dy, s.stride, h.data, h.stride, 1,
             dw + from * units, units);
    for (int r = 0; r < rows; ++r) dBias[from + r] += sumOfLine<L>(dy + r * s.stride, count);
  };
  add(s.of({false, inputs.out, shared}), 0, shared);
  add(s.of({false, op.out + shared, units}), shared, units);
}

template <int L>
void SequenceNet::sweepNormalise(const Op& op, const NetMemory<L>& m, std::int64_t first, int count, Scratch& s,
                                 Sample* dWeights) const {
  const Sample* scale = m.weights + op.weight;
  std::vector<Sample> sums(static_cast<std::size_t>(dWeights ? 2 * op.rows * L : 0));
  Sample* dw = dWeights ? sums.data() : nullptr;
  const auto x = [&](int f) { return featuresAt<L>(m.activations, op.out, first + f); };
  const auto d = [&](int f) { return Features{s.of({false, op.out, 0}) + f * L, s.stride}; };
  int f = 0;
  for (; f + kNormalised <= count; f += kNormalised)
    sweepNormaliseFrames<L, kNormalised>(op.rows, scale, scale + op.rows, x(f), d(f), dw);
  for (; f < count; ++f) sweepNormaliseFrames<L, 1>(op.rows, scale, scale + op.rows, x(f), d(f), dw);
  for (int i = 0; dWeights && i < 2 * op.rows; ++i) dWeights[op.weight + i] += sumOfLine<L>(dw + i * L, 1);
}

template <int L>
void SequenceNet::sweepGates(const Op& op, const Panels& product, const NetMemory<L>& m, const HistoryRing<L>& dHidden,
                             std::int64_t first, int count, Scratch& s) const {
  constexpr int kFrames = FrameTile<L>::kFrames;
  const int units = op.rows, rows = 3 * units;
  FrameTile<L> gates(rows), candidate(units), before(units), dAfter(units), dProduct(rows), back(units, 1);
  std::vector<Sample> carry(static_cast<std::size_t>(units * L));
  for (int u = 0; u < units; ++u) store<L>(&carry[static_cast<std::size_t>(u * L)], dHidden.read(u, first + count - 1));
  for (int end = count, frames = 0; end > 0; end -= frames) {
    frames = std::min(kFrames, end);
    const std::int64_t frame = first + end - frames;
    const auto of = [&](const Run& run) { return Features{s.of(run) + (end - frames) * L, s.stride}; };
    gates.read(featuresAt<L>(m.activations, op.in[0].line, frame), rows, frames);
    candidate.read(featuresAt<L>(m.activations, op.in[1].line + 2 * units, frame), units, frames);
    before.read(featuresAt<L>(m.hidden, 0, frame - 1), units, frames);
    dAfter.read(of({true, 0, units}), units, frames);
    for (int i = frames; i-- > 0;) {
      sweepGateFrame<L>(units, gates.at(i), candidate.at(i), before.at(i), dAfter.at(i), carry.data(), gates.at(i),
                        dProduct.frame(i));
      const FeatureRun d{dProduct.at(i), rows};
      product.apply<L>(0, product.panels(), nullptr, {&d, 1}, back.at(0));
      for (int j = 0; j < units * L; ++j) carry[static_cast<std::size_t>(j)] += back.frame(0)[j];
    }
    gates.write(of(op.in[0]), 0, rows, frames);
    dProduct.write(of({false, op.in[1].line + 2 * units, units}), 2 * units, units, frames);
  }
  for (int u = 0; u < units; ++u) dHidden.add(u, first - 1, load<L>(&carry[static_cast<std::size_t>(u * L)]));
}

template <int L>
void SequenceNet::sweep(const NetMemory<L>& m, const HistoryRing<L>& dHidden, std::int64_t first, int count,
                        const Sample* dOut, Sample* dIn, Sample* dWeights) const {
  const auto recurrent = std::find_if(ops_.begin(), ops_.end(), [](const Op& op) { return op.previous; });
  const Panels back = panels_[static_cast<std::size_t>(recurrent->panels)].transposed();
  auto& s = threadScratch<Scratch>();
  s.reserve(lines_, shape_.recurrent, std::min(count, kSweepFrames) * L);
  for (int end = count, frames = 0; end > 0; end -= frames) {
    frames = std::min(kSweepFrames, end);
    const int begin = end - frames, columns = frames * L;
    for (int o = 0; o < shape_.outputs; ++o)
      std::copy_n(dOut + static_cast<std::ptrdiff_t>(o * count + begin) * L, columns,
                  s.of({false, outputLine() + o, 1}));
    for (std::size_t i = ops_.size(); i-- > 0;) {
      const Op& op = ops_[i];
      if (op.previous) {
        sweepRecurrent<L>(op, ops_[i - 1], m, first + begin, frames, s, dWeights);
      } else if (op.kind == Kind::linear) {
        sweepLinear<L>(op, m, first + begin, frames, s, dWeights);
      }
      if (op.kind == Kind::normalise) sweepNormalise<L>(op, m, first + begin, frames, s, dWeights);
      if (op.kind == Kind::gates) sweepGates<L>(op, back, m, dHidden, first + begin, frames, s);
    }
    for (int i = 0; i < shape_.inputCount(); ++i) {
      Sample* to = dIn + static_cast<std::ptrdiff_t>(i * count + begin) * L;
      const Sample* from = s.of({false, i, 1});
      for (int c = 0; c < columns; ++c) to[c] += from[c];
    }
  }
}

#define TONEWRIGHT_INSTANTIATE(L)                                                                                   \
  template void SequenceNet::run<L>(const NetMemory<L>&, std::int64_t, int) const;                                  \
  template void SequenceNet::runPart<L>(const NetMemory<L>&, std::int64_t, double, double) const;                   \
  template void SequenceNet::sweep<L>(const NetMemory<L>&, const HistoryRing<L>&, std::int64_t, int, const Sample*, \
                                      Sample*, Sample*) const;
TONEWRIGHT_INSTANTIATE(1)
TONEWRIGHT_INSTANTIATE(4)
TONEWRIGHT_INSTANTIATE(8)
#undef TONEWRIGHT_INSTANTIATE

}  // namespace core
