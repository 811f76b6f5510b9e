// SPDX-License-Identifier: GPL-3.0-or-later
// The sweep back over a network's frames.
#include <algorithm>

#include "core/graph/scratch.h"
#include "core/neural/layers.h"
#include "core/neural/matrix.h"
#include "core/neural/sequence_net.h"

namespace core {
namespace {
/// Frames that are swept at a time, from the last ones on: what is in work stays near the processor.
constexpr int kSweepFrames = 128;
/// Numbers between lines in work: a power of two apart they would share their cache sets.
constexpr int kApart = 16;
}  // namespace

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
  const Sample* w = m.weights + op.weight;
  Sample* dy = s.of({false, op.out, op.rows});
  Sample* dw = dWeights ? dWeights + op.weight : nullptr;
  Sample* dBias = dWeights ? dw + op.rows * op.columns : nullptr;
  if (op.narrow()) {
    const Run& run = op.in[0];
    if (!op.adds[0])
      for (int c = 0; c < run.count; ++c) std::fill_n(s.of(run) + c * s.stride, columns, 0.0_s);
    return sweepNarrow(op.rows, op.columns, columns, w, featuresAt<L>(m.activations, run.line, first), {dy, s.stride},
                       {s.of(run), s.stride}, dw, dBias);
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
  const auto d = [&](int line, int f) { return Features{s.of({false, line, 0}) + f * L, s.stride}; };
  int f = 0;
  for (; f + kNormalised <= count; f += kNormalised)
    sweepNormaliseFrames<L, kNormalised>(op.rows, scale, scale + op.rows, x(f), d(op.result, f), d(op.out, f), dw);
  for (; f < count; ++f)
    sweepNormaliseFrames<L, 1>(op.rows, scale, scale + op.rows, x(f), d(op.result, f), d(op.out, f), dw);
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
  template void SequenceNet::sweep<L>(const NetMemory<L>&, const HistoryRing<L>&, std::int64_t, int, const Sample*, \
                                      Sample*, Sample*) const;
TONEWRIGHT_INSTANTIATE(1)
TONEWRIGHT_INSTANTIATE(4)
TONEWRIGHT_INSTANTIATE(8)
#undef TONEWRIGHT_INSTANTIATE

}  // namespace core
