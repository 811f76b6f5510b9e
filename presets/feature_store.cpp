// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/feature_store.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "presets/model_file.h"

namespace presets {
namespace {
namespace fs = std::filesystem;

fs::path placeOf(const fs::path& folder, std::uint64_t key) {
  char name[40];
  std::snprintf(name, sizeof name, "%016llx.features", static_cast<unsigned long long>(key));
  return folder / name;
}

/// The number that is an array's name; `count`: it is no name of `count` arrays.
std::size_t numberOf(const std::string& name, std::size_t count) {
  std::size_t i = count;
  std::from_chars(name.data(), name.data() + name.size(), i);
  return i < count && name == std::to_string(i) ? i : count;
}
bool fits(double x) { return std::fabs(x) <= double{std::numeric_limits<float>::max()}; }

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
    const std::vector<std::vector<float>> none;
    std::error_code code;
    if (!fs::exists(place, code)) return none;
    const auto arrays = readArrays(place);
    if (!arrays) return none;
    for (const auto& [name, values] : *arrays) {  // named by their number, in any order
      const std::size_t i = numberOf(name, arrays->size());
      if (values.empty() || i == arrays->size() || !std::all_of(values.begin(), values.end(), fits)) return none;
      features.resize(arrays->size());
      features[i].assign(values.begin(), values.end());
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
