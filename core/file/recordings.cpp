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
  for (const auto& entry : std::filesystem::directory_iterator(folder, code)) {
    std::string ending = entry.path().extension().string();
    std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return std::tolower(c); });
    if (std::find(std::begin(kEndings), std::end(kEndings), ending) != std::end(kEndings))
      files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace core
