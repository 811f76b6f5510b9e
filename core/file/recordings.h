// SPDX-License-Identifier: GPL-3.0-or-later
// The recordings in a folder and its sub-folders.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/file/audio_file.h"

namespace core {

/// A file or folder that was left out, by its recordingName, and why: a sentence.
struct Skipped {
  std::string file, reason;
};

/// Files of sound in a folder and its sub-folders, by name, or the one file that is named. Empty when there are none.
/// What is hidden (its name begins with a dot) is none, as for other programs.
std::vector<std::filesystem::path> recordings(const std::filesystem::path& folder);
/// What lies there, looks as if recordings were to be had from it and is none of them: links that lead nowhere or to
/// folders, pipes, folders that may not be read. Nothing hidden. Empty for a file.
std::vector<Skipped> leftOut(const std::filesystem::path& folder);
/// Recordings for who needs some. Error: there is no such folder or file, or no recording in it; the sentence names
/// what is hidden or left out there.
Result<std::vector<std::filesystem::path>> findRecordings(const std::filesystem::path& folder);
/// How a recording is called: its path below `root`, "violin/notes.flac"; not below it, or root empty or the file
/// itself: its file name.
std::string recordingName(const std::filesystem::path& file, const std::filesystem::path& root);
/// A recording as everything hears it that learns from it, follows it or judges by it: one channel without a constant
/// offset, which would count as sound and hide the pitch. The offset is the mean where the recording is quietest. One
/// under -80 dBFS or a tenth of what sounds even there stays: every other recording is heard to the bit as it is.
AudioData asHeard(const AudioData& recording);
/// Error: a recording is too short or too soft to follow anything in it.
Result<void> checkRecording(const AudioData& recording);
/// Names of recordings or of their takes, divided by commas; a comma in the name of a recording divides nothing.
std::vector<std::string> splitNames(const std::string& list, const std::vector<std::filesystem::path>& files,
                                    const std::filesystem::path& root);

}  // namespace core
