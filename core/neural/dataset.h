// SPDX-License-Identifier: GPL-3.0-or-later
// Recordings to train on: sounds at the patch's rate, what its front says of them, and takes (what
// lies between silences), which belong to training or to validation as a whole.
#pragma once

#include <cmath>
#include <functional>
#include <optional>
#include <random>
#include <stop_token>

#include "core/file/audio_file.h"
#include "core/file/recordings.h"
#include "core/neural/front.h"

namespace core {

/// One stretch of sound between silences. Frames.
struct Take {
  std::string name;  ///< name of the recording and the take's number in it: "notes.flac#3"
  std::int64_t begin = 0, end = 0;
  bool validation = false;
};

/// One recording, or a copy of it at another pitch.
struct Source {
  std::string file;    ///< name of the recording: its path below the folder, "violin/notes.flac"
  int instrument = 0;  ///< index into Dataset::instruments
  std::vector<float> sound;
  std::vector<std::vector<float>> features;  ///< by feature: [tick][element]
  std::vector<Take> takes;
  bool copy = false;  ///< resampled: never validated on
};

/// Where a clip is cut, and by how much it is louder than the recording.
struct Slice {
  int source = 0;
  std::int64_t firstTick = 0;
  float decibels = 0;
};

/// Where what was heard in a recording is kept between trainings, by featureKey: hearing takes longer than
/// reading. Empty functions: nowhere.
struct FeatureMemory {
  std::function<std::vector<std::vector<float>>(std::uint64_t key)> recall;  ///< empty: not known
  std::function<void(std::uint64_t key, const std::vector<std::vector<float>>&)> keep;
};

struct DatasetOptions {
  std::filesystem::path root;         ///< folder that recordings are named from; empty: by their file names
  std::vector<std::string> validate;  ///< take names or recordings' names; empty: every tenth take
  bool pitchCopies = true;            ///< adds copies up and down by a part of a semitone
  unsigned seed = 1;
  FeatureMemory memory = {};
  bool validateMustExist = false;  ///< Error when one of `validate` is not there to be held out
};

class Dataset {
 public:
  /// `files`: any format that readAudio takes. Files that cannot be read, hold no sound, are too short, hold several
  /// notes at once or the same sound as one before are skipped with a reason, as is what leftOut finds in `root`.
  /// Error: nothing is left, something that is not there is to be held out, or cancelled.
  static Result<Dataset> load(const std::vector<std::filesystem::path>& files, const FrontCut& cut,
                              const Registry& registry, const DatasetOptions& options,
                              const std::function<void(const std::string& stage, double part)>& progress,
                              const std::stop_token& stop);

  const std::vector<Source>& sources() const { return sources_; }
  const std::vector<Skipped>& skipped() const { return skipped_; }
  /// Names of the instruments in order, see core/neural/instruments.h.
  const std::vector<std::string>& instruments() const { return instruments_; }
  std::vector<std::string> takeNames(bool validation) const;
  double seconds() const;  ///< of sound to train on, copies apart

  /// A clip of training sound; half of them contain an onset or a release. Never any of what is held out, if there
  /// is room for a clip beside it (hasRoom).
  Slice draw(std::mt19937& random, int ticks) const;
  bool hasRoom(int ticks) const { return placeFor(ticks, 0).has_value(); }
  /// The same clips at every call: one at the start of each validation take, at most `most`.
  std::vector<Slice> validationSlices(int ticks, int most) const;
  /// From here on the sound of clips is later than their features by so much: what a controller that is
  /// told of a sound so late can play at best.
  void setLag(double seconds) { late_ = std::llround(seconds * rate_); }
  double lagSeconds() const { return static_cast<double>(late_) / rate_; }
  /// Samples of a clip, zeros outside the recording.
  void sound(const Slice& slice, std::span<Sample> out) const;
  /// A feature of a clip as the rows of a track: row r + 1 is tick r, row 0 repeats it. The clip's gain is
  /// added to the first `levels` elements, which are decibels.
  std::vector<Sample> track(const Slice& slice, int feature, int width, int levels, int rows) const;

 private:
  /// Takes a recording in, `number` being that of its first take among all, or skips it.
  Result<void> add(const std::filesystem::path& file, const FrontCut& cut, const Registry& registry,
                   const DatasetOptions& options, int& number, const std::function<bool()>& stops);
  std::string sameAs(const std::vector<float>& sound) const;  ///< recording of the same samples; empty: none
  void nameInstruments();
  std::string whyNothing() const;  ///< is there to train on
  /// A clip without anything that is held out, looked for from one source on.
  std::optional<Slice> placeFor(int ticks, std::size_t firstSource) const;
  bool overlapsValidation(const Source& source, std::int64_t begin, std::int64_t end) const;

  double rate_ = 16000, gain_ = 0;  ///< Hz; dB by which clips differ from their recordings
  std::int64_t late_ = 0;           ///< frames
  std::vector<Source> sources_;
  std::vector<Skipped> skipped_;
  std::vector<std::string> instruments_;
};

/// Takes of a sound: at least 80 ms long, 100 ms of silence (60 dB under the peak) apart.
std::vector<Take> findTakes(const std::string& name, std::span<const float> sound, double rate);

}  // namespace core
