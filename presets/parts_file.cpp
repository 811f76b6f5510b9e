// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/parts_file.h"

#include "presets/model_file.h"
#include "presets/patch_file.h"

namespace presets {

core::Result<PatchParts> readParts(const std::filesystem::path& path, const std::vector<core::Part>& parts,
                                   const core::Registry& registry) {
  if (path.extension() == kModelEnding) {
    auto read = readModelParts(path, parts, registry);
    if (!read) return read.error();
    setInfo(read->model.patch, read->model.info);
    return PatchParts{std::move(read->model.patch), read->whole};
  }
  const auto patch = readPatch(path);
  if (!patch) return patch.error();
  auto taken = core::extractParts(*patch, parts, registry);
  if (!taken) return taken.error();
  return PatchParts{std::move(*taken), core::countParameters(*patch, registry)};
}

}  // namespace presets
