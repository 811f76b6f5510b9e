// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/patch_file.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>

#include "presets/model_file.h"
#include "presets/safe_write.h"

namespace presets {
namespace {

using core::Error;
using core::Patch;
using core::Result;

std::string inQuotes(const std::string& a) { return "\"" + a + "\""; }

Result<std::string> readAll(const std::filesystem::path& path) {
  std::error_code code;
  if (!std::filesystem::is_regular_file(path, code)) return Error{"There is no file " + inQuotes(path.string()) + "."};
  if (std::filesystem::file_size(path, code) > (std::uintmax_t{1} << 30))
    return Error{"The file " + inQuotes(path.string()) + " is larger than 1 GB; that is no patch."};
  std::ifstream in(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  if (!in) return Error{"The file " + inQuotes(path.string()) + " could not be read; check its permissions."};
  return text;
}

constexpr std::string_view kPatchEnding = ".json";

/// Whether a name ends so, in large or small letters.
bool endsIn(std::string name, std::string_view ending) {
  std::transform(name.begin(), name.end(), name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return name.ends_with(ending);
}
bool isModelPath(const std::filesystem::path& path) { return endsIn(path.string(), kModelEnding); }

/// NAME.blobs for NAME.json, where no other name (NAME.JSON, NAME.json.json) leads to the same; for those,
/// all of the name and .blobs: two patches never share their blobs.
std::filesystem::path blobPath(const std::filesystem::path& path) {
  const std::string all = path.string();
  const std::string shorter = all.ends_with(kPatchEnding) ? all.substr(0, all.size() - kPatchEnding.size()) : all;
  return (endsIn(shorter, kPatchEnding) ? all : shorter) + ".blobs";
}
/// The blobs from before, while a save is under way.
std::filesystem::path keptPath(const std::filesystem::path& path) { return blobPath(path).string() + "~"; }
/// Where blobs may lie, the likeliest first: earlier versions took the name up to its last dot, whatever followed.
std::vector<std::filesystem::path> blobPlaces(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> out{blobPath(path), keptPath(path),
                                         std::filesystem::path(path).replace_extension(".blobs")};
  std::error_code code;
  std::erase_if(out, [&code](const auto& place) { return !std::filesystem::exists(place, code); });
  return out;
}

}  // namespace

bool isPatchPath(const std::filesystem::path& path) { return endsIn(path.string(), kPatchEnding) || isModelPath(path); }

std::filesystem::path patchPath(const std::filesystem::path& path) {
  return isPatchPath(path) ? path : std::filesystem::path(path.string() + std::string(kPatchEnding));
}

Result<Patch> readPatch(const std::filesystem::path& path) {
  if (isModelPath(path)) {
    auto model = readModel(path);
    if (!model) return model.error();
    setInfo(model->patch, model->info);
    return std::move(model->patch);
  }
  auto json = readAll(path);
  if (!json) return json.error();
  const std::vector<std::filesystem::path> places = blobPlaces(path);
  std::optional<Error> first;
  for (std::size_t i = 0; i == 0 || i < places.size(); ++i) {
    std::string bytes;
    if (!places.empty()) {
      auto read = readAll(places[i]);
      if (!read) return read.error();
      bytes = std::move(*read);
    }
    auto patch = readText(*json, bytes);
    if (patch) return patch;
    // a save that was cut off between blobs and patch: the blobs from before still belong to the patch
    if (!first) first = patch.error();
  }
  return Error{path.filename().string() + ": " + first->message};
}

Result<void> checkPatchName(const std::filesystem::path& path) {
  const std::string name = path.string();
  if (endsIn(name, ".blobs")) return Error{inQuotes(name) + " would be the patch's own number file; end it in .json."};
  for (const char* sound : {".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".mid"})
    if (endsIn(name, sound)) return Error{inQuotes(name) + " is the name of a sound, not of a patch; end it in .json."};
  if (isPatchPath(path)) return {};  // never completed here: what is named is what is written
  return Error{inQuotes(name) + " does not end like a patch; end it in .json, or a model in .safetensors."};
}

Result<void> checkPatchPlace(const std::filesystem::path& path) {
  if (auto ok = checkPlace(path); !ok) return ok;
  if (auto ok = checkPatchName(path); !ok) return ok;
  return checkPlace(blobPath(path));
}

Result<void> writePatch(const Patch& patch, const std::filesystem::path& path) {
  if (auto ok = checkPatchPlace(path); !ok) return ok;
  if (isModelPath(path)) return writeModel({patch, infoOf(patch)}, path);
  const PatchText text = writeText(patch);
  // The patch names no blob file but its own; blobs carry checksums, so a crash between the two
  // renames is noticed, and the earlier blobs stay as .blobs~ until the patch is in place.
  const std::filesystem::path blobs = blobPath(path), kept = keptPath(path);
  std::error_code code;
  if (std::filesystem::exists(blobs, code)) std::filesystem::rename(blobs, kept, code);
  const auto restore = [&](const Error& error) {
    std::filesystem::remove(blobs, code);
    if (std::filesystem::exists(kept, code)) std::filesystem::rename(kept, blobs, code);
    return error;
  };
  if (!text.blobs.empty())
    if (auto done = safeWrite(blobs, text.blobs); !done) return restore(done.error());
  if (auto done = safeWrite(path, text.json); !done) return restore(done.error());
  std::filesystem::remove(kept, code);
  return {};
}

bool PresetInfo::isModel() const { return isModelPath(path); }

std::vector<PresetInfo> factoryPresets(const std::filesystem::path& folder) {
  std::vector<PresetInfo> out;
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator(folder, code)) {
    if (!isPatchPath(entry.path())) continue;
    PresetInfo info{entry.path().stem().string(), {}, {}, {}, entry.path()};
    const auto patch = readPatch(entry.path());
    if (!patch) continue;
    const ModelInfo said = infoOf(*patch);
    info.licence = said.licence;
    info.credits = said.credits;
    info.name = patch->name;
    info.description = patch->description;
    info.tags = patch->tags;
    info.rate = patch->rate;
    out.push_back(std::move(info));
  }
  std::sort(out.begin(), out.end(), [](const PresetInfo& a, const PresetInfo& b) { return a.id < b.id; });
  return out;
}

}  // namespace presets
