// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/neural/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/analysis/quantile.h"
#include "core/neural/playing_statistics.h"

namespace core {
namespace {
constexpr double kLeastSpread = 0.05;

/// Element `element` of a feature in every tick of training sound.
std::vector<double> valuesOf(const Dataset& data, std::size_t feature, int width, int element) {
  std::vector<double> values;
  for (const Source& s : data.sources())
    if (!s.copy)
      for (const Take& t : s.takes)
        for (std::int64_t i = t.begin / kTick; !t.validation && i < t.end / kTick; ++i)
          if (const auto at = static_cast<std::size_t>(i * width + element); at < s.features[feature].size())
            values.push_back(static_cast<double>(s.features[feature][at]));
  return values;
}
std::pair<double, double> meanAndSpread(const std::vector<double>& values) {
  const double count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double square = 0;
  for (const double v : values) square += (v - mean) * (v - mean);
  return {mean, std::max(kLeastSpread, std::sqrt(square / count))};
}

void writeSettings(PatchNode& node, const NodeType& type, const std::string& input, const std::vector<double>& values) {
  const auto [mean, spread] = meanAndSpread(values);
  const std::pair<const char*, double> statistics[] = {
      {"-mean", mean}, {"-spread", spread}, {"-low", quantile(values, 0.002)}, {"-high", quantile(values, 0.998)}};
  for (const auto& [ending, value] : statistics)
    if (const int s = type.settingIndex(input + ending); s >= 0) {
      const Setting& row = type.settings[static_cast<std::size_t>(s)];
      node.settings[input + ending] = {std::clamp(value, row.min, row.max), ""};
    }
}
}  // namespace

void writeStatistics(Patch& patch, const FrontCut& cut, const Dataset& data, const Registry& registry) {
  if (const auto playing = measurePlaying(cut, data)) writePlaying(patch, *playing, registry);
  for (std::size_t f = 0; f < cut.features.size(); ++f) {
    const Feature& feature = cut.features[f];
    for (const auto& [node, input] : feature.inputs) {
      PatchNode* n = patch.find(node);
      const NodeType* type = n ? registry.find(n->type) : nullptr;
      if (!type) continue;
      if (feature.width == 1) {
        if (const auto values = valuesOf(data, f, 1, 0); !values.empty()) writeSettings(*n, *type, input, values);
        continue;
      }
      if (type->tensorIndex(input + "-statistics") < 0) continue;
      const auto width = static_cast<std::size_t>(feature.width);
      Blob blob{{2, feature.width}, std::vector<float>(2 * width)};
      for (std::size_t k = 0; k < width; ++k) {
        const auto values = valuesOf(data, f, feature.width, static_cast<int>(k));
        if (values.empty()) return;
        const auto [mean, spread] = meanAndSpread(values);
        blob.data[k] = static_cast<float>(mean);
        blob.data[width + k] = static_cast<float>(spread);
      }
      n->tensors[input + "-statistics"] = std::make_shared<const Blob>(std::move(blob));
    }
  }
}

}  // namespace core
