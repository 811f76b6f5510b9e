// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/file/recordings.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <span>
#include <string>

namespace core {
namespace {
namespace fs = std::filesystem;

/// What a walk through a folder meets.
struct Found {
  std::vector<fs::path> files;
  std::vector<Skipped> leftOut;
  std::vector<std::string> hidden;  ///< what of it may hold recordings; not looked into
};

bool hasEnding(const fs::path& path) {
  constexpr const char* kEndings[] = {".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff"};
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::find(std::begin(kEndings), std::end(kEndings), ending) != std::end(kEndings);
}

constexpr const char* kLocked = "The folder may not be read.";
bool mayLookInto(const fs::path& folder) { return ::faccessat(AT_FDCWD, folder.c_str(), R_OK | X_OK, AT_EACCESS) == 0; }

/// Why nothing is taken from a folder; empty: it is looked into.
std::string reasonAgainstFolder(const fs::directory_entry& entry) {
  std::error_code unknown;
  if (entry.is_symlink(unknown)) return "It is a link to a folder; name that folder, or put it here.";
  if (!mayLookInto(entry.path())) return kLocked;
  return {};
}
/// Why a file with the ending of a recording is none; empty: it is one.
std::string reasonAgainstFile(const fs::directory_entry& entry) {
  std::error_code unknown;
  if (entry.is_regular_file(unknown)) return {};
  if (entry.is_symlink(unknown) && !entry.exists(unknown)) return "It is a link that leads nowhere.";
  return "It is no ordinary file.";
}

Found walk(const fs::path& folder) {
  Found found;
  std::error_code code;
  if (fs::is_regular_file(folder, code)) return {{folder}, {}, {}};
  if (fs::is_directory(folder, code) && !mayLookInto(folder)) return {{}, {{folder.string(), kLocked}}, {}};
  auto entry = fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied, code);
  for (; !code && entry != fs::recursive_directory_iterator(); entry.increment(code)) {
    std::error_code unknown;
    const bool isFolder = entry->is_directory(unknown);
    if (!isFolder && !hasEnding(entry->path())) continue;
    const std::string name = recordingName(entry->path(), folder);
    if (entry->path().filename().string().starts_with('.')) {
      found.hidden.push_back(name);
      entry.disable_recursion_pending();
    } else if (std::string reason = isFolder ? reasonAgainstFolder(*entry) : reasonAgainstFile(*entry);
               !reason.empty()) {
      found.leftOut.push_back({name, std::move(reason)});
      entry.disable_recursion_pending();
    } else if (!isFolder) {
      found.files.push_back(entry->path());
    }
  }
  if (code)
    found.leftOut.push_back({folder.filename().string(), "It was not read to its end: " + code.message() + "."});
  std::sort(found.files.begin(), found.files.end());
  std::sort(found.leftOut.begin(), found.leftOut.end(),
            [](const Skipped& a, const Skipped& b) { return a.file < b.file; });
  std::sort(found.hidden.begin(), found.hidden.end());
  return found;
}

/// What a folder without recordings holds instead.
std::string instead(const Found& found) {
  std::string says;
  for (const Skipped& s : found.leftOut) says += " " + s.file + ": " + s.reason;
  std::string names;
  for (const std::string& name : found.hidden) names += (names.empty() ? "\"" : ", \"") + name + "\"";
  if (!names.empty()) says += " What is hidden counts as none: " + names + ".";
  return says;
}
}  // namespace

std::vector<fs::path> recordings(const fs::path& folder) { return walk(folder).files; }

std::vector<Skipped> leftOut(const fs::path& folder) { return walk(folder).leftOut; }

Result<std::vector<fs::path>> findRecordings(const fs::path& folder) {
  std::error_code code;
  if (!fs::exists(folder, code))
    return Error{"There is no folder or file \"" + folder.string() + "\"; name one that holds recordings."};
  Found found = walk(folder);
  if (found.files.empty())
    return Error{"The folder \"" + folder.string() + "\" holds no recordings (.wav .flac .ogg .mp3 .aiff)." +
                 instead(found)};
  return std::move(found.files);
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
