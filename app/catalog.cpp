// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/catalog.h"

#include "presets/model_file.h"

namespace app {

std::filesystem::path presetFolder() {
  std::error_code code;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", code);
  const auto installed = program.parent_path() / "../share/tonewright/factory";
  if (!code && std::filesystem::is_directory(installed, code)) return installed;
  return TONEWRIGHT_SOURCE_PRESETS;
}

std::filesystem::path modelFolder() { return presetFolder().parent_path() / "models"; }

std::vector<presets::PresetInfo> allPresets() {
  auto all = presets::factoryPresets(presetFolder());
  for (auto& model : presets::factoryPresets(modelFolder())) all.push_back(std::move(model));
  return all;
}

core::Result<std::filesystem::path> findPatch(const std::string& pathOrId) {
  std::error_code code;
  if (std::filesystem::exists(pathOrId, code)) return std::filesystem::path(pathOrId);
  if (pathOrId.find('/') == std::string::npos)
    for (const auto& folder : {presetFolder(), modelFolder()})
      for (const char* ending : {".json", presets::kModelEnding})
        if (auto preset = folder / (pathOrId + ending); std::filesystem::exists(preset, code)) return preset;
  std::vector<std::string> ids;
  for (const auto& p : allPresets()) ids.push_back(p.id);
  const std::string near = core::nearest(pathOrId, ids);
  return core::Error{
      "There is no patch file or factory preset \"" + pathOrId + "\"" +
      (near.empty() ? "; `tonewright presets` lists the presets and models." : " (did you mean \"" + near + "\"?).")};
}

core::Result<core::Patch> loadPatch(const std::string& pathOrId) {
  const auto path = findPatch(pathOrId);
  if (!path) return path.error();
  return presets::readPatch(*path);
}

}  // namespace app
