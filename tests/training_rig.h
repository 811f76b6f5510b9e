// SPDX-License-Identifier: GPL-3.0-or-later
// Trainings as small as they go, in a folder of their own.
#pragma once

#include <QTemporaryDir>

#include "core/file/recordings.h"
#include "presets/train_job.h"
#include "tests/model_rig.h"

namespace tests {

inline TrainOptions shortTraining(int steps) {
  TrainOptions o;
  o.steps = steps;
  o.threads = 1;
  o.lanes = 2;
  o.clipSeconds = 0.8;
  o.validateSeconds = o.checkpointSeconds = 0;  // after every step
  return o;
}

class TrainingRig {
 public:
  std::filesystem::path at(const char* name) const { return dir_.filePath(QString::fromLatin1(name)).toStdString(); }
  /// A folder of sounds: a.wav, b.wav of two notes, c.wav of nothing.
  bool fill(const char* folder, const AudioData& a) const {
    const std::filesystem::path path = at(folder);
    std::error_code code;
    const auto write = [&](const char* name, const AudioData& sound) {
      return writeAudio(path / name, sound, AudioFormat::wav16).has_value();
    };
    return std::filesystem::create_directory(path, code) && write("a.wav", a) &&
           write("b.wav", notes(kModelRate, 1.6, {220, 330}, -16)) &&
           write("c.wav", AudioData{kModelRate, {std::vector<float>(16000)}});
  }
  /// The follower on "folder", the first note of b.wav held out.
  presets::TrainJob job(const char* model, int steps) const {
    presets::TrainJob j;
    j.patch = follower();
    j.files = recordings(at("folder"));
    j.model = at(model);
    j.info = {"CC0-1.0", "nobody", {}, {}, ""};
    j.data.validate = {"b.wav#1"};
    j.options = shortTraining(steps);
    return j;
  }
  static Result<presets::Trained> run(const presets::TrainJob& j, const std::stop_token& stop = {}) {
    return presets::trainModel(
        j, registry(), [](const TrainProgress&) {}, stop);
  }

 private:
  QTemporaryDir dir_;
};

}  // namespace tests
