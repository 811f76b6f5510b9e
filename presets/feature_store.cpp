// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/feature_store.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "presets/model_file.h"

namespace presets {
namespace {
namespace fs = std::filesystem;

fs::path placeOf(const fs::path& folder, std::uint64_t key) {
  char name[40];
  std::snprintf(name, sizeof name, "%016llx.features", static_cast<unsigned long long>(key));
  return folder / name;
}

/// Those not used for longest first.
void prune(const fs::path& folder, std::uintmax_t mostBytes) {
  std::error_code code;
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  std::uintmax_t sum = 0;
  for (const auto& entry : fs::directory_iterator(folder, code)) {
    if (entry.path().extension() != ".features") continue;
    files.emplace_back(entry.last_write_time(code), entry.path());
    sum += entry.file_size(code);
  }
  std::sort(files.begin(), files.end());
  for (std::size_t i = 0; i < files.size() && sum > mostBytes; ++i) {
    sum -= fs::file_size(files[i].second, code);
    fs::remove(files[i].second, code);
  }
}
}  // namespace

fs::path featureFolder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache && *cache) return fs::path(cache) / "tonewright" / "features";
  const char* home = std::getenv("HOME");
  return home && *home ? fs::path(home) / ".cache" / "tonewright" / "features" : fs::path();
}

core::FeatureMemory featureStore(const fs::path& folder, std::uintmax_t mostBytes) {
  if (folder.empty()) return {};
  core::FeatureMemory memory;
  memory.recall = [folder](std::uint64_t key) {
    const fs::path place = placeOf(folder, key);
    std::vector<std::vector<float>> features;
    std::error_code code;
    if (!fs::exists(place, code)) return features;
    const auto arrays = readArrays(place);
    if (!arrays) return features;
    features.resize(arrays->size());
    for (const auto& [name, values] : *arrays) {  // named by their number
      const auto i = static_cast<std::size_t>(std::atoi(name.c_str()));
      if (i < features.size()) features[i].assign(values.begin(), values.end());
    }
    fs::last_write_time(place, fs::file_time_type::clock::now(), code);
    return features;
  };
  memory.keep = [folder, mostBytes](std::uint64_t key, const std::vector<std::vector<float>>& features) {
    std::error_code code;
    fs::create_directories(folder, code);
    std::vector<std::pair<std::string, std::vector<double>>> arrays;
    arrays.reserve(features.size());
    for (const auto& f : features)
      arrays.emplace_back(std::to_string(arrays.size()), std::vector<double>(f.begin(), f.end()));
    if (!code && writeArrays(arrays, placeOf(folder, key))) prune(folder, mostBytes);
  };
  return memory;
}

}  // namespace presets
