// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/file/recordings.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <span>
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

Result<std::vector<std::filesystem::path>> findRecordings(const std::filesystem::path& folder) {
  std::error_code code;
  if (!std::filesystem::exists(folder, code))
    return Error{"There is no folder or file \"" + folder.string() + "\"; name one that holds recordings."};
  auto files = recordings(folder);
  if (files.empty())
    return Error{"The folder \"" + folder.string() + "\" holds no recordings (.wav .flac .ogg .mp3 .aiff)."};
  return files;
}

std::string recordingName(const std::filesystem::path& file, const std::filesystem::path& root) {
  if (root.empty() || file == root) return file.filename().string();
  const auto below = file.lexically_relative(root);
  return below.empty() || *below.begin() == ".." ? file.filename().string() : below.generic_string();
}

namespace {
struct Stretch {
  double mean, spread;  ///< spread: standard deviation
};
Stretch stretchOf(std::span<const float> x) {
  double sum = 0, squares = 0;
  for (const float v : x) sum += v;
  const double mean = sum / static_cast<double>(x.size());
  for (const float v : x) squares += (v - mean) * (v - mean);
  return {mean, std::sqrt(squares / static_cast<double>(x.size()))};
}

/// The offset of a recording, from where it is quietest: a tone may have a mean of its own, which silence has not.
double offsetOf(std::span<const float> x, double rate) {
  constexpr double kSeconds = 0.05, kQuietest = 0.05;  // a stretch; the part of all that counts
  constexpr double kSmallest = 1e-4;                   // -80 dBFS, which nothing that listens takes for a sound
  constexpr double kHarmless = 0.1;                    // of what varies around it: pitch and level are as without it
  const std::size_t length = std::min(x.size(), static_cast<std::size_t>(std::lround(kSeconds * rate)));
  if (length == 0) return 0;
  std::vector<Stretch> all;
  for (std::size_t at = 0; at + length <= x.size(); at += length) all.push_back(stretchOf(x.subspan(at, length)));
  const auto count = 1 + static_cast<std::ptrdiff_t>(kQuietest * static_cast<double>(all.size() - 1));
  std::partial_sort(all.begin(), all.begin() + count, all.end(),
                    [](const Stretch& a, const Stretch& b) { return a.spread < b.spread; });
  Stretch quiet{0, 0};
  for (auto s = all.begin(); s != all.begin() + count; ++s) {
    quiet.mean += s->mean / static_cast<double>(count);
    quiet.spread += s->spread / static_cast<double>(count);
  }
  return std::fabs(quiet.mean) < std::max(kSmallest, kHarmless * quiet.spread) ? 0 : quiet.mean;
}
}  // namespace

AudioData asHeard(const AudioData& recording) {
  std::vector<float> x = recording.folded();
  if (const double offset = offsetOf(x, recording.rate); offset != 0)
    for (float& v : x) v = static_cast<float>(v - offset);
  return {recording.rate, {std::move(x)}};
}

Result<void> checkRecording(const AudioData& recording) {
  constexpr double kShortest = 0.1;  // s: a low pitch needs several periods to be known
  constexpr float kSilent = 1e-4F;   // -80 dBFS: over the dither of 16 bits
  if (recording.seconds() < kShortest)
    return Error{"The recording is shorter than a tenth of a second, too short to follow a pitch in."};
  const std::vector<float> x = asHeard(recording).channels[0];
  if (std::none_of(x.begin(), x.end(), [](float v) { return std::fabs(v) > kSilent; }))
    return Error{"The recording is silent, so there is nothing to follow."};
  return {};
}

std::vector<std::string> splitNames(const std::string& list, const std::vector<std::filesystem::path>& files,
                                    const std::filesystem::path& root) {
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin < list.size();) {
    std::size_t known = 0;  // characters of a recording's name that begins here
    for (const auto& file : files)
      if (const std::string name = recordingName(file, root); list.compare(begin, name.size(), name) == 0)
        known = std::max(known, name.size());
    const std::size_t end = std::min(list.find(',', begin + known), list.size());
    const std::size_t first = std::min(list.find_first_not_of(' ', begin), end);
    if (first < end) names.push_back(list.substr(first, list.find_last_not_of(' ', end - 1) + 1 - first));
    begin = end + 1;
  }
  return names;
}

}  // namespace core
