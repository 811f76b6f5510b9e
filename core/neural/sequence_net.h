// SPDX-License-Identifier: GPL-3.0-or-later
// A network over frames: dense stacks on each group of inputs, a gated recurrent unit, dense layers,
// a linear head. The decoder of J. Engel et al., "DDSP: Differentiable Digital Signal Processing",
// 2020 (layer normalisation epsilon 1e-3, leaky ReLU slope 0.2, and a skip from the inputs' stacks
// to the layers after the recurrent one), and with no dense layers its tiny form. The recurrent unit
// is that of Cho et al., 2014, with the reset after the product, as Keras and PyTorch compute it.
//
// What it computes lies in two hidden outputs of the node that holds it, one entry a frame:
// `activations` and `hidden` (the recurrent state). Backward reads them instead of computing again.
#pragma once

#include "core/neural/narrow.h"
#include "core/neural/panels.h"

namespace core {

struct NetShape {
  std::vector<int> inputs;  ///< features of each group
  int width = 0;            ///< of dense layers
  int before = 0;           ///< dense layers on each group
  int recurrent = 256;      ///< units
  int after = 0;            ///< dense layers after the recurrent unit
  int outputs = 1;

  int inputCount() const;
};

/// Lines of a history from `line` on, at a frame.
template <int L>
Features featuresAt(const HistoryRing<L>& h, int line, std::int64_t frame) {
  return {h.at(line, frame), h.view.lineStride};
}

/// Where a network reads and writes. weights: `weightCount` numbers, row-major, layer after layer.
template <int L>
struct NetMemory {
  HistoryRing<L> activations, hidden;
  const Sample* weights = nullptr;
};

/// Sizes, places and packed weights of a network; immutable once made.
class SequenceNet {
 public:
  SequenceNet() = default;
  explicit SequenceNet(const NetShape& shape);

  const NetShape& shape() const { return shape_; }
  int weightCount() const { return weightCount_; }
  /// Lines of the history `activations`; of `hidden` it is shape().recurrent.
  int activationLines() const { return lines_; }
  /// Line of the first input and of the first output among the activations.
  int inputLine() const { return 0; }
  int outputLine() const { return lines_ - shape_.outputs; }
  /// Starting weights: Glorot's uniform for dense layers, uniform within 1 / sqrt(units) for the
  /// recurrent one; the head starts small, so that its outputs start near its bias of 0.
  void initialise(std::span<Sample> weights, unsigned seed) const;
  /// Packs the weights for `run`; call again when they change.
  void pack(const Sample* weights);

  /// Computes frames [first, first + count); inputs must have been written, and the frame before.
  /// With a tape and enough columns by the matrix library, else frame by frame.
  template <int L>
  void run(const NetMemory<L>& m, std::int64_t first, int count) const;
  /// The part of one frame's work between two fractions of it: pieces in turn add up to `run`.
  template <int L>
  void runPart(const NetMemory<L>& m, std::int64_t frame, double from, double to) const;
  /// Sweeps back over the frames of a tape. dOut: [output][frame][lane]; adds to dIn, likewise, to
  /// dWeights (may be null) and to the cotangent of `hidden` at frame first - 1.
  template <int L>
  void sweep(const NetMemory<L>& m, const HistoryRing<L>& dHidden, std::int64_t first, int count, const Sample* dOut,
             Sample* dIn, Sample* dWeights) const;

 private:
  enum class Kind { linear, normalise, gates };
  struct Run {
    bool hidden = false;  ///< of the recurrent state; else of the activations
    int line = 0, count = 0;
    bool operator==(const Run&) const = default;
  };
  struct Op {
    Kind kind = Kind::linear;
    std::vector<Run> in;
    int out = 0, rows = 0, columns = 0;
    int result = 0;          ///< line of what a normalised layer gives
    int weight = 0;          ///< where its weights start; then its biases, or scales and offsets
    int panels = -1;         ///< index into panels_
    bool previous = false;   ///< reads the frame before (the recurrent product)
    std::vector<bool> adds;  ///< for each of `in`: a layer further on reads it too
    double cost = 0;         ///< of all frames alike, in multiplications
    /// So few columns that one pass serves better than a product.
    bool narrow() const { return in.size() == 1 && !in[0].hidden && columns <= kNarrow; }
  };
  struct Scratch;

  Op& addLinear(std::vector<Run> in, int rows);
  Run addDense(std::vector<Run> in, int result);
  Run addStacks();
  int takeLines(int count);
  void markReaders();

  template <int L>
  void runOp(const Op& op, const NetMemory<L>& m, std::int64_t frame, int fromPanel, int toPanel) const;
  template <int L>
  void linearFrames(const Op& op, const NetMemory<L>& m, std::int64_t first, int count) const;
  template <int L>
  void normalise(const Op& op, const NetMemory<L>& m, std::int64_t first, int count) const;
  template <int L>
  void gates(const Op& op, const NetMemory<L>& m, std::int64_t frame) const;
  /// The recurrent product and its gates, frame by frame.
  template <int L>
  void recur(const Op& op, const Op& gate, const NetMemory<L>& m, std::int64_t first, int count) const;
  template <int L>
  void sweepLinear(const Op& op, const NetMemory<L>& m, std::int64_t first, int count, Scratch& s,
                   Sample* dWeights) const;
  /// Weights of the recurrent product; its cotangents for reset and update are those of `inputs`, the product
  /// beside it.
  template <int L>
  void sweepRecurrent(const Op& op, const Op& inputs, const NetMemory<L>& m, std::int64_t first, int count, Scratch& s,
                      Sample* dWeights) const;
  template <int L>
  void sweepNormalise(const Op& op, const NetMemory<L>& m, std::int64_t first, int count, Scratch& s,
                      Sample* dWeights) const;
  /// product: the recurrent weights with rows and columns changed over.
  template <int L>
  void sweepGates(const Op& op, const Panels& product, const NetMemory<L>& m, const HistoryRing<L>& dHidden,
                  std::int64_t first, int count, Scratch& s) const;

  NetShape shape_;
  std::vector<Op> ops_;
  std::vector<Panels> panels_;
  int lines_ = 0, weightCount_ = 0;
  double cost_ = 0;
};

}  // namespace core
