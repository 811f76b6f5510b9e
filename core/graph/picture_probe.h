// SPDX-License-Identifier: GPL-3.0-or-later
// What pictures of nodes share: the test signal, the reader of any output, ranges of curves. Only
// for picture.cpp and picture_patch.cpp.
#pragma once

#include <algorithm>
#include <cmath>

#include "core/graph/picture.h"

namespace core::picture {

/// The test signal: what comes in from outside, as an output of a node.
struct Probe {
  static constexpr NodeInfo info{.id = "picture.probe", .name = "Probe", .help = "Test signal.", .usesExternal = true};
  static constexpr std::array<Input, 0> inputs{};
  static constexpr std::array outputs{Output{.id = "out", .name = "Out", .help = "The signal."}};

  template <int L>
  static void forward(const Block<L>& b) {
    const Sample* x = b.external(0);
    for (int i = 0; i < b.frames(); ++i) b.out(0).set(i, splat<L>(x ? x[i] : 0));
  }
  template <int L>
  static void backward(const Block<L>&, const Grad<L>&) {}
};

/// Reads one signal of any width: element `index` of each tick or frame, as the patch's output.
struct Reader {
  static constexpr int kMost = 128;
  static constexpr NodeInfo info{.id = "picture.reader", .name = "Reader", .help = "Reads.", .isOutput = true};
  static constexpr std::array inputs{
      Input{.id = "in", .name = "In", .help = "Signal.", .width = {2}, .mixesVoices = true},
      Input{.id = "wide",
            .name = "Wide",
            .help = "Vector.",
            .rate = Rate::control,
            .width = variableWidth('k'),
            .mixesVoices = true}};
  static constexpr std::array outputs{Output{.id = "out", .name = "Out", .help = "First value."},
                                      Output{.id = "scan", .name = "Scan", .help = "Element i at frame i of a tick."}};

  template <int L>
  static void forward(const Block<L>& b) {
    const auto wide = b.control(1);
    for (int i = 0; i < b.frames(); ++i) {
      const int tick = i / kTick, element = i % kMost;  // two ticks hold up to 128 elements
      b.out(0).set(i, b.audio(0)[i]);
      b.out(1).set(i, element < b.inputWidth(1) ? wide(tick, element) : splat<L>(0));
    }
  }
  template <int L>
  static void backward(const Block<L>&, const Grad<L>&) {}
};

/// A control vector. Sound of variable width follows the mono test signal.
inline bool isWide(const Output& row) {
  return row.width.size > 2 || (row.width.variable && row.rate == Rate::control);
}

inline int pictureOutput(const NodeType& type, bool wide) {
  for (std::size_t o = 0; o < type.outputs.size(); ++o)
    if (isWide(type.outputs[o]) == wide) return static_cast<int>(o);
  return wide || type.outputs.empty() ? -1 : 0;
}

inline PatchNode helperNode(const char* id, const char* type) {
  PatchNode node;
  node.id = id;
  node.type = type;
  return node;
}

/// Reduces to `points` values by keeping the largest size in each piece, with its sign.
inline std::vector<float> thin(const std::vector<float>& x, std::size_t points) {
  if (x.size() <= points) return x;
  std::vector<float> out(points);
  for (std::size_t i = 0; i < points; ++i) {
    const std::size_t from = i * x.size() / points, to = std::max(from + 1, (i + 1) * x.size() / points);
    out[i] = x[from];
    for (std::size_t j = from; j < to; ++j)
      if (std::fabs(x[j]) > std::fabs(out[i])) out[i] = x[j];
  }
  return out;
}

inline float decibels(double x) { return static_cast<float>(20 * std::log10(std::max(x, 1e-9))); }

/// Puts the range symmetric about zero, or from zero when nothing is negative.
inline void fitRange(PictureCurve& c) {
  const auto [least, most] = std::minmax_element(c.values.begin(), c.values.end());
  if (least == c.values.end()) return;
  const float size = std::max({std::fabs(*least), std::fabs(*most), 1e-6F});
  c.low = *least < -1e-4F * size ? -1.1F * size : 0;
  c.high = 1.1F * size;
}

}  // namespace core::picture
