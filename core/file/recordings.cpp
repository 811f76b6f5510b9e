// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/file/recordings.h"

#include <algorithm>
#include <cctype>
#include <string>

namespace core {

std::vector<std::filesystem::path> recordings(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code code;
  if (std::filesystem::is_regular_file(folder, code)) return {folder};
  constexpr const char* kEndings[] = {".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff"};
  const auto options = std::filesystem::directory_options::skip_permission_denied;
  auto entry = std::filesystem::recursive_directory_iterator(folder, options, code);
  for (; !code && entry != std::filesystem::recursive_directory_iterator(); entry.increment(code)) {
    std::string ending = entry->path().extension().string();
    std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return std::tolower(c); });
    std::error_code unknown;
    if (std::find(std::begin(kEndings), std::end(kEndings), ending) != std::end(kEndings) &&
        entry->is_regular_file(unknown))
      files.push_back(entry->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace core
