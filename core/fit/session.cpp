// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/fit/session.h"

#include <algorithm>
#include <cmath>
#include <future>
#include <memory>
#include <mutex>

#include "core/fit/runner.h"

namespace core {
namespace {
/// Half a gigabyte goes back to the system page by page, which takes as long as everything else between
/// a cancel and its answer: it is done in a thread of its own, one at a time.
void freeBehind(std::unique_ptr<FitRunner> runner) {
  static std::mutex guard;
  static std::future<void> last;
  const std::scoped_lock lock(guard);
  last = std::async(std::launch::async, [done = std::move(runner)]() mutable { done.reset(); });
}
}  // namespace

std::vector<FitVariable> declaredFree(const Patch& patch, const Registry& registry) {
  std::vector<FitVariable> free;
  for (const PatchNode& node : patch.nodes) {
    const NodeType* type = registry.find(node.type);
    if (!type) continue;
    for (const std::string& row : node.free) {
      using Kind = FitVariable::Kind;
      if (const int i = type->inputIndex(row); i >= 0 && type->inputs[static_cast<std::size_t>(i)].isParameter())
        free.push_back({Kind::knob, node.id, row, {}});
      else if (type->tensorIndex(row) >= 0)
        free.push_back({Kind::tensor, node.id, row, {}});
    }
  }
  for (const Cable& c : patch.cables)
    if (c.free) free.push_back({FitVariable::Kind::depth, {}, {}, c});
  return free;
}

Result<FitResult> fit(const Patch& patch, const Registry& registry, const AudioData& target, const FitOptions& options,
                      const std::function<void(const FitProgress&)>& progress, const std::stop_token& stop) {
  if (target.frames() == 0) return Error{"The target holds no sound."};
  if (target.seconds() > 600) return Error{"The target is longer than ten minutes; cut it to the part to learn from."};
  const DenormalsOff denormals;
  auto runner = std::make_unique<FitRunner>(patch, registry, options, progress, stop);
  auto result = runner->run(target);
  freeBehind(std::move(runner));
  return result;
}

}  // namespace core
