// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/neural/workers.h"

#include <algorithm>
#include <future>

namespace core {

Result<Workers> Workers::create(const FrontCut& cut, const Registry& registry, const Batch::Options& options,
                                int threads) {
  Workers workers;
  for (int t = 0; t < threads; ++t) {
    auto batch = Batch::create(cut, registry, options);
    if (!batch) return batch.error();
    workers.batches_.push_back(std::move(*batch));
  }
  return workers;
}

std::size_t Workers::clips() const { return batches_.size() * static_cast<std::size_t>(batches_[0]->lanes()); }

double Workers::step(const Dataset& data, std::span<const double> values, std::span<const Slice> clips, int step,
                     std::vector<double>& d, const std::stop_token& stop) {
  const std::size_t each = clips.size() / batches_.size();
  std::vector<std::vector<double>> parts(batches_.size(), std::vector<double>(values.size(), 0.0));
  std::vector<std::future<double>> losses;
  for (std::size_t b = 0; b < batches_.size(); ++b)
    losses.push_back(std::async(std::launch::async, [&, b] {
      batches_[b]->setValues(values);
      return batches_[b]->step(data, clips.subspan(b * each, each),
                               static_cast<unsigned>(step * 64 + static_cast<int>(b)), parts[b], stop);
    }));
  double loss = 0;
  for (auto& l : losses) loss += l.get() / static_cast<double>(batches_.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    double sum = 0;
    for (const auto& part : parts) sum += part[i];
    d[i] = sum / static_cast<double>(parts.size());
  }
  return loss;
}

double Workers::judge(const Dataset& data, std::span<const double> values, std::span<const Slice> clips,
                      const std::stop_token& stop) {
  const std::size_t each = (clips.size() + batches_.size() - 1) / batches_.size();
  std::vector<std::span<const Slice>> parts;
  for (std::size_t first = 0; first < clips.size(); first += each)
    parts.push_back(clips.subspan(first, std::min(each, clips.size() - first)));
  std::vector<std::future<double>> losses;
  for (std::size_t b = 0; b < parts.size(); ++b)
    losses.push_back(std::async(std::launch::async, [&, b] {
      batches_[b]->setValues(values);
      return batches_[b]->step(data, parts[b], 1, {}, stop);
    }));
  double sum = 0;
  for (std::size_t b = 0; b < parts.size(); ++b) sum += losses[b].get() * static_cast<double>(parts[b].size());
  return sum / static_cast<double>(clips.size());
}

}  // namespace core
