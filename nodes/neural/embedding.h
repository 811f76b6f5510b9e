// SPDX-License-Identifier: GPL-3.0-or-later
// Instrument embedding: one learned vector z an instrument. Between two instruments z lies on the line
// from one's vector to the other's, so that a morph is a knob, or a cable.
#pragma once

#include "core/dsp/white_noise.h"
#include "core/graph/node.h"
#include "nodes/neural/network_settings.h"

namespace nodes {

using namespace core;

struct InstrumentEmbedding {
  static constexpr NodeInfo info{.id = "neural.embedding",
                                 .name = "Instruments",
                                 .help = "Chooses and mixes the instruments that a model has learned.",
                                 .category = Category::neural,
                                 .picture = Picture::bars};
  enum InputRow { instrument };
  static constexpr std::array inputs{
      Input{.id = "instrument",
            .name = "Instrument",
            .help = "0 is the first instrument, 1 the last, the others evenly between them.",
            .min = 0,
            .max = 1,
            .def = 0,
            .rate = Rate::control}};
  enum OutputRow { z };
  static constexpr std::array outputs{Output{.id = "z",
                                             .name = "z",
                                             .help = "The timbre, for a controller.",
                                             .rate = Rate::control,
                                             .width = variableWidth('Z')}};
  enum SettingRow { count, latent, seed };
  static constexpr std::array settings{Setting{.id = "instruments",
                                               .name = "Instruments",
                                               .help = "How many there are; training sets it by its folders.",
                                               .min = 1,
                                               .max = 64,
                                               .def = 4,
                                               .whole = true},
                                       kLatentSize,
                                       Setting{.id = "seed",
                                               .name = "Seed",
                                               .help = "Another number starts training from other vectors.",
                                               .kind = SettingKind::seed,
                                               .min = 0,
                                               .max = 1e9,
                                               .def = 1,
                                               .whole = true}};
  static constexpr std::array tensors{
      Tensor{.id = "table", .name = "Table", .help = "The vector of every instrument, one a row."}};

  static std::vector<int> tensorShape(int, const Setup& s) { return {s.whole(count), s.whole(latent)}; }
  /// Between -1 and 1: far enough from each other to be told apart from the first step.
  static void tensorDefault(int, const Setup& s, std::span<Sample> out) {
    whiteNoise(static_cast<std::uint32_t>(s.number(seed)), 0, 0, static_cast<int>(out.size()), out.data());
  }

  /// The rows around a position, and the weight of the second.
  struct Place {
    const Sample *first, *second;
    Sample weight, slope;  ///< slope: of the weight by the input
  };
  template <int L>
  static Place place(const Block<L>& b, int tick, int l) {
    const int last = b.setup().whole(count) - 1;
    const Sample x = lane<L>(b.control(instrument)(tick), l) * static_cast<Sample>(last);
    const int row = std::clamp(static_cast<int>(x), 0, std::max(0, last - 1)), next = std::min(row + 1, last);
    const Sample* table = b.tensor(0);
    const int width = b.outputWidth(z);
    return {table + row * width, table + next * width, std::clamp(x - static_cast<Sample>(row), 0.0_s, 1.0_s),
            static_cast<Sample>(last)};
  }

  template <int L>
  static void forward(const Block<L>& b) {
    for (int t = 0; t < b.ticks(); ++t)
      for (int l = 0; l < L; ++l) {
        const Place p = place(b, t, l);
        const auto out = b.controlOut(z);
        for (int k = 0; k < b.outputWidth(z); ++k)
          out.data[t * out.step + k * out.channel + l] = p.first[k] + p.weight * (p.second[k] - p.first[k]);
      }
  }

  template <int L>
  static void backward(const Block<L>& b, const Grad<L>& grad) {
    Sample* dTable = grad.tensor(0);
    const auto dIn = grad.controlIn(instrument);
    for (int t = 0; t < b.ticks(); ++t)
      for (int l = 0; l < L; ++l) {
        const Place p = place(b, t, l);
        Sample dWeight = 0;
        for (int k = 0; k < b.outputWidth(z); ++k) {
          const Sample d = lane<L>(grad.controlOut(z)(t, k), l);
          dWeight += d * (p.second[k] - p.first[k]);
          if (!dTable) continue;
          dTable[p.first - b.tensor(0) + k] += d * (1.0_s - p.weight);
          dTable[p.second - b.tensor(0) + k] += d * p.weight;
        }
        if (dIn) dIn.data[t * dIn.step + l] += dWeight * p.slope;
      }
  }
};

}  // namespace nodes
