// SPDX-License-Identifier: GPL-3.0-or-later
// `swap` and `extract`: parts of one model into another, and out into a model of their own.
#include <algorithm>
#include <cstdio>

#include "app/catalog.h"
#include "app/commands.h"
#include "core/graph/plan.h"
#include "presets/model_file.h"
#include "presets/parts_file.h"

namespace app {
namespace {
using core::Error;
using core::Result;

Result<std::vector<core::Part>> readParts(const std::vector<std::string>& names) {
  std::vector<core::Part> parts;
  for (const std::string& name : names) {
    constexpr const char* kBlanks = " \t\n";  // as in "noise, reverb"
    const auto first = name.find_first_not_of(kBlanks), last = name.find_last_not_of(kBlanks);
    const auto part = core::parsePart(first == std::string::npos ? "" : name.substr(first, last - first + 1));
    if (!part) return part.error();
    parts.push_back(*part);
  }
  return parts;
}
}  // namespace

int swapCommand(const core::Registry& registry, const SwapArguments& s) {
  if (auto done = presets::checkModelName(s.out); !done) return failUsage(done.error());
  if (s.take.empty() && !s.noReverb)
    return failUsage(Error{"Nothing is asked for; name parts with --take, or leave the room out with --no-reverb."});
  const auto read = readParts(s.take);
  if (!read) return failUsage(read.error());
  const std::vector<core::Part>& parts = *read;
  if (parts.empty() && !s.b.empty())
    return failUsage(Error{"Nothing is taken from \"" + s.b + "\"; name its parts with --take, or leave it out."});
  if (!parts.empty() && s.b.empty()) return failUsage(Error{"--take needs a second model to take from."});
  auto patch = loadPatch(s.a);
  if (!patch) return fail(patch.error());
  std::vector<std::string> notes;
  const std::size_t before = core::countParameters(*patch, registry).all;
  if (!parts.empty()) {
    const auto path = findPatch(s.b);
    if (!path) return fail(path.error());
    const auto b = presets::readParts(*path, parts, registry);
    if (!b) return fail(b.error());
    auto swapped = presets::swapModels(*patch, b->patch, parts, registry);
    if (!swapped) return fail(swapped.error());
    patch = std::move(swapped->patch);
    notes = std::move(swapped->notes);
  }
  if (s.noReverb) {
    patch = core::withoutReverb(*patch, registry);
    if (!patch) return fail(patch.error());
    if (const auto plan = core::compilePlan(*patch, registry, {.rate = patch->rate}); !plan)
      return fail(Error{"\"" + patch->name + "\" cannot be played: " + plan.error().message});
  }
  const core::ParameterCount count = core::countParameters(*patch, registry);
  if (auto done = presets::writePatch(*patch, s.out); !done) return fail(done.error());
  for (const std::string& n : notes) std::printf("%s\n", n.c_str());
  std::printf("%s: %zu parameters (%zu without the response), %.2f times those of %s\n", s.out.c_str(), count.all,
              count.all - count.response,
              static_cast<double>(count.all) / static_cast<double>(std::max<std::size_t>(before, 1)), s.a.c_str());
  return 0;
}

int extractCommand(const core::Registry& registry, const ExtractArguments& e) {
  if (auto done = presets::checkModelName(e.out); !done) return failUsage(done.error());
  const auto parts = readParts(e.take);
  if (!parts) return failUsage(parts.error());
  const auto path = findPatch(e.model);
  if (!path) return fail(path.error());
  if (std::error_code code; std::filesystem::equivalent(*path, e.out, code))
    return fail(
        Error{"\"" + e.out + "\" is the model itself, whose other parts would be lost; write to another file."});
  auto taken = presets::readParts(*path, *parts, registry);
  if (!taken) return fail(taken.error());
  std::string names;
  for (const core::Part part : *parts)
    names += (names.empty() ? "" : ", ") + std::string(core::kPartNames[static_cast<std::size_t>(part)]);
  taken->patch.name += ": " + names;  // beside the whole in a list
  const core::ParameterCount count = core::countParameters(taken->patch, registry);
  if (auto done = presets::writePatch(taken->patch, e.out); !done) return fail(done.error());
  std::printf("%s: %zu parameters (%zu without the response), %.1f %% of the %zu of %s\n", e.out.c_str(), count.all,
              count.all - count.response,
              100 * static_cast<double>(count.all) / static_cast<double>(std::max<std::size_t>(taken->whole.all, 1)),
              taken->whole.all, e.model.c_str());
  return 0;
}

}  // namespace app
