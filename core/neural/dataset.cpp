// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/neural/dataset.h"

#include <algorithm>
#include <cmath>

#include "core/analysis/polyphony.h"
#include "core/neural/instruments.h"

namespace core {
namespace {
constexpr double kLevelWindow = 0.01, kShortestTake = 0.08, kShortestGap = 0.1;
constexpr float kQuiet = 1e-3F;   // -60 dB from the peak
constexpr float kSilent = 1e-4F;  // of full scale
constexpr double kShortestFile = 0.5;
constexpr double kJudgedSeconds = 30;   // of a recording, to tell whether it is one voice
constexpr double kCents[] = {-37, 43};  // far enough from a semitone's parts to fill the scale
constexpr int kValidateEvery = 10;
/// Clips are made louder and softer by at most so much. Several instruments are conditioned by one
/// loudness: each is to be known over the range of all.
constexpr double kGain = 6, kGainOfSeveral = 12;

float peakOf(std::span<const float> x) {
  float peak = 0;
  for (const float v : x) peak = std::max(peak, std::fabs(v));
  return peak;
}

/// The same sound higher by `cents`: read as if it had been recorded at another rate.
AudioData atPitch(AudioData audio, double cents) {
  audio.rate *= std::exp2(cents / 1200);
  return audio;
}

/// Whether features are as long as those of a sound of so many frames.
bool areOf(const std::vector<std::vector<float>>& features, const FrontCut& cut, std::size_t frames) {
  bool same = features.size() == cut.features.size();
  for (std::size_t f = 0; same && f < features.size(); ++f)
    same = features[f].size() == (frames + kTick - 1) / kTick * static_cast<std::size_t>(cut.features[f].width);
  return same;
}

/// What the front says of a sound, remembered from an earlier training where there is a memory.
Result<std::vector<std::vector<float>>> heard(const FrontCut& cut, const Registry& registry,
                                              std::span<const float> sound, const FeatureMemory& memory,
                                              const std::function<bool()>& stops) {
  const std::uint64_t key = memory.recall ? featureKey(cut, sound) : 0;
  if (memory.recall)
    if (auto known = memory.recall(key); areOf(known, cut, sound.size())) return known;
  auto features = listen(cut, registry, sound, [&stops](double) { return !stops(); });
  if (features && memory.keep) memory.keep(key, *features);
  return features;
}

/// Why a recording is not trained on; empty: it is.
std::string reasonAgainst(const Source& s, double rate, const std::function<bool()>& stop) {
  if (static_cast<double>(s.sound.size()) < kShortestFile * rate) return "It is shorter than half a second.";
  if (peakOf(s.sound) < kSilent) return "It is silent.";
  if (s.takes.empty()) return "Nothing in it sounds for as long as 80 ms.";
  const auto from = s.sound.begin() + s.takes.front().begin;
  const auto count = std::min(s.sound.end() - from, static_cast<std::ptrdiff_t>(kJudgedSeconds * rate));
  if (isPolyphonic(std::vector<double>(from, from + count), rate, stop))
    return "It seems to hold several notes at once; a model learns from one voice.";
  return {};
}

/// Whether a name means a recording or a take of it.
bool isOf(const std::string& name, const std::string& file) {
  if (!name.starts_with(file)) return false;
  const std::string_view rest = std::string_view(name).substr(file.size());
  return rest.empty() || (rest.size() > 1 && rest[0] == '#' && rest.find_first_not_of("0123456789", 1) == rest.npos);
}

std::string listed(const std::vector<std::string>& names, std::size_t most, const char* quote) {
  std::string text;
  for (std::size_t i = 0; i < std::min(most, names.size()); ++i) text += (i ? ", " : "") + (quote + names[i]) + quote;
  return text + (names.size() > most ? " and " + std::to_string(names.size() - most) + " more" : "");
}

/// Error: what is to be held out is neither a recording nor a take of one.
Result<void> checkNames(const std::vector<std::string>& validate, const std::vector<std::string>& files) {
  std::vector<std::string> unknown;
  for (const std::string& name : validate)
    if (std::none_of(files.begin(), files.end(), [&](const std::string& file) { return isOf(name, file); }))
      unknown.push_back(name);
  if (unknown.empty() || files.empty()) return {};
  return Error{std::string(unknown.size() > 1 ? "There are no recordings " : "There is no recording ") +
               listed(unknown, unknown.size(), "\"") + " to hold out; there " + (files.size() > 1 ? "are " : "is ") +
               listed(files, 8, "") + ", with takes as " + files[0] + "#1, " + files[0] + "#2."};
}

/// Error: what is to be held out of a recording is none of its takes, or the recording is skipped for a reason.
Result<void> checkTakes(const std::vector<std::string>& validate, const std::string& file,
                        const std::vector<Take>& takes, const std::string& reason) {
  std::vector<std::string> missing;
  for (const std::string& name : validate)
    if (isOf(name, file) &&
        (!reason.empty() ||
         (name != file && std::none_of(takes.begin(), takes.end(), [&](const Take& t) { return t.name == name; }))))
      missing.push_back(name);
  if (missing.empty()) return {};
  std::string says = missing.size() > 1 ? "There are no takes " : "There is no take ";
  says += listed(missing, missing.size(), "\"") + " to hold out";
  if (!reason.empty()) return Error{says + ": " + file + " is left out. " + reason};
  says += "; " + file + (takes.size() > 1 ? " has the takes " : " has the take ") + takes.front().name;
  return Error{says + (takes.size() > 1 ? " to " + takes.back().name + "." : ".")};
}

/// The takes of a copy that lasts `longer` times as long as its recording, where they lie in it. They are not found
/// anew: a pause about as long as the shortest gap would part the copy elsewhere, and what is held out of the
/// recording would be trained on in the copy.
std::vector<Take> stretched(std::vector<Take> takes, double longer, std::size_t frames) {
  for (Take& t : takes) {
    t.begin = static_cast<std::int64_t>(static_cast<double>(t.begin) * longer);
    t.end = std::min(static_cast<std::int64_t>(frames),
                     static_cast<std::int64_t>(std::ceil(static_cast<double>(t.end) * longer)));
  }
  return takes;
}

/// Parts takes from those that are trained on: those that are named, or else every tenth. `number` counts on over
/// recordings.
void holdOut(std::vector<Take>& takes, const std::string& file, const std::vector<std::string>& names, int& number) {
  for (Take& take : takes) {
    const auto named = [&](const std::string& v) { return v == take.name || v == file; };
    take.validation =
        names.empty() ? number % kValidateEvery == kValidateEvery / 2 : std::any_of(names.begin(), names.end(), named);
    ++number;
  }
}
}  // namespace

std::vector<Take> findTakes(const std::string& name, std::span<const float> x, double rate) {
  const auto window = static_cast<std::int64_t>(kLevelWindow * rate), length = static_cast<std::int64_t>(x.size());
  const float threshold = std::max(peakOf(x) * kQuiet, kSilent);
  std::vector<Take> takes;
  std::int64_t quietSince = 0, soundSince = -1;
  const auto close = [&](std::int64_t end) {
    if (soundSince >= 0 && end - soundSince >= static_cast<std::int64_t>(kShortestTake * rate))
      takes.push_back({name + "#" + std::to_string(takes.size() + 1), soundSince, end});
    soundSince = -1;
  };
  for (std::int64_t at = 0; at < length; at += window) {
    const auto count = static_cast<std::size_t>(std::min(window, length - at));
    if (peakOf(x.subspan(static_cast<std::size_t>(at), count)) >= threshold) {
      if (soundSince < 0) soundSince = at;
      quietSince = at + static_cast<std::int64_t>(count);
    } else if (at + window - quietSince >= static_cast<std::int64_t>(kShortestGap * rate)) {
      close(quietSince);
    }
  }
  close(quietSince);
  return takes;
}

std::string Dataset::sameAs(const std::vector<float>& sound) const {
  const auto same =
      std::find_if(sources_.begin(), sources_.end(), [&](const Source& s) { return !s.copy && s.sound == sound; });
  return same == sources_.end() ? std::string() : same->file;
}

Result<void> Dataset::add(const std::filesystem::path& file, const FrontCut& cut, const Registry& registry,
                          const DatasetOptions& options, int& number, const std::function<bool()>& stops) {
  const std::string name = recordingName(file, options.root);
  const auto read = readAudio(file);
  const AudioData sound = read ? asHeard(*read) : AudioData();
  Source recording;
  recording.file = name;
  std::string reason = read ? std::string() : read.error().message;
  if (read) {
    recording.sound = resample(sound, rate_, ResampleQuality::standard).channels[0];
    recording.takes = findTakes(name, recording.sound, rate_);
    if (const std::string twin = sameAs(recording.sound); !twin.empty())
      reason = "It is the same sound as " + twin + ".";
    else
      reason = reasonAgainst(recording, rate_, stops);
  }
  if (options.validateMustExist)
    if (auto there = checkTakes(options.validate, name, recording.takes, reason); !there) return there;
  if (!reason.empty()) {
    skipped_.push_back({name, std::move(reason)});
    return {};
  }
  holdOut(recording.takes, name, options.validate, number);
  std::vector<Source> pitches{std::move(recording)};
  for (const double cents : kCents) {
    if (!options.pitchCopies) break;
    Source copy;
    copy.file = name;
    copy.copy = true;
    copy.sound = resample(atPitch(sound, cents), rate_, ResampleQuality::standard).channels[0];
    copy.takes = stretched(pitches.front().takes, std::exp2(-cents / 1200), copy.sound.size());
    pitches.push_back(std::move(copy));
  }
  for (Source& s : pitches) {
    auto features = heard(cut, registry, s.sound, options.memory, stops);
    if (!features) return features.error();
    s.features = std::move(*features);
    sources_.push_back(std::move(s));
  }
  return {};
}

Result<Dataset> Dataset::load(const std::vector<std::filesystem::path>& files, const FrontCut& cut,
                              const Registry& registry, const DatasetOptions& options,
                              const std::function<void(const std::string&, double)>& progress,
                              const std::stop_token& stop) {
  Dataset set;
  set.rate_ = cut.rest.rate;
  if (options.validateMustExist) {
    std::vector<std::string> names;
    names.reserve(files.size());
    for (const auto& file : files) names.push_back(recordingName(file, options.root));
    if (auto there = checkNames(options.validate, names); !there) return there.error();
  }
  int number = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    progress("Listening", static_cast<double>(i) / static_cast<double>(files.size()));
    if (auto done = set.add(files[i], cut, registry, options, number, [&] { return stop.stop_requested(); }); !done)
      return done.error();
    if (stop.stop_requested()) return Error{"Cancelled."};
  }
  if (!options.root.empty())
    for (Skipped& s : leftOut(options.root)) set.skipped_.push_back(std::move(s));
  set.nameInstruments();
  if (set.takeNames(false).empty()) return Error{"There is nothing to train on: " + set.whyNothing()};
  return set;
}

std::string Dataset::whyNothing() const {
  if (!sources_.empty()) return "all takes are held out; hold out fewer.";
  if (!skipped_.empty()) return skipped_.front().file + ": " + skipped_.front().reason;
  return "the folder holds no recordings.";
}

std::vector<std::string> Dataset::takeNames(bool validation) const {
  std::vector<std::string> names;
  for (const Source& s : sources_)
    for (const Take& t : s.takes)
      if (!s.copy && t.validation == validation) names.push_back(t.name);
  return names;
}

double Dataset::seconds() const {
  double sum = 0;
  for (const Source& s : sources_)
    for (const Take& t : s.takes)
      if (!s.copy && !t.validation) sum += static_cast<double>(t.end - t.begin) / rate_;
  return sum;
}

void Dataset::nameInstruments() {
  std::vector<std::string> names;
  for (const Source& s : sources_) names.push_back(s.file);
  instruments_ = instrumentsOf(names);
  gain_ = instruments_.size() > 1 ? kGainOfSeveral : kGain;
  for (Source& s : sources_)
    s.instrument = static_cast<int>(std::find(instruments_.begin(), instruments_.end(), instrumentOf(s.file)) -
                                    instruments_.begin());
}

bool Dataset::overlapsValidation(const Source& source, std::int64_t begin, std::int64_t end) const {
  return std::any_of(source.takes.begin(), source.takes.end(),
                     [&](const Take& t) { return t.validation && t.begin < end && begin < t.end; });
}

Slice Dataset::draw(std::mt19937& random, int ticks) const {
  const auto uniform = [&random](double most) { return most * random() / 4294967296.0; };
  const std::int64_t length = static_cast<std::int64_t>(ticks) * kTick;
  for (int attempt = 0; attempt < 100; ++attempt) {
    // sources by their length, so that every second of sound is as likely as another
    double total = 0;
    for (const Source& s : sources_) total += static_cast<double>(s.sound.size());
    double at = uniform(total);
    std::size_t index = 0;
    while (index + 1 < sources_.size() && at >= static_cast<double>(sources_[index].sound.size()))
      at -= static_cast<double>(sources_[index++].sound.size());
    const Source& s = sources_[index];
    double begin = 0;
    if (uniform(1) < 0.5) {
      const Take& t = s.takes[static_cast<std::size_t>(uniform(static_cast<double>(s.takes.size())))];
      const double edge = static_cast<double>(uniform(1) < 0.6 ? t.begin : t.end);
      begin = edge - (0.25 + 0.7 * uniform(1)) * static_cast<double>(length);
    } else {
      begin = at - 0.5 * static_cast<double>(length);
    }
    const auto latest = static_cast<double>(s.sound.size()) - static_cast<double>(length);
    begin = std::clamp(begin, 0.0, std::max(0.0, latest));
    const auto tick = static_cast<std::int64_t>(begin) / kTick;
    const auto gain = static_cast<float>(gain_ * (2 * uniform(1) - 1));
    if (!overlapsValidation(s, tick * kTick, tick * kTick + length)) return {static_cast<int>(index), tick, gain};
  }
  // hardly any room between takes that are held out
  return placeFor(ticks, static_cast<std::size_t>(uniform(static_cast<double>(sources_.size())))).value_or(Slice{});
}

std::optional<Slice> Dataset::placeFor(int ticks, std::size_t firstSource) const {
  const std::int64_t length = static_cast<std::int64_t>(ticks) * kTick;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    const std::size_t index = (firstSource + i) % sources_.size();
    const Source& s = sources_[index];
    const auto latest = std::max<std::int64_t>(0, static_cast<std::int64_t>(s.sound.size()) - length);
    for (std::int64_t begin = 0; begin <= latest; begin += kTick)
      if (!overlapsValidation(s, begin, begin + length)) return Slice{static_cast<int>(index), begin / kTick, 0};
  }
  return {};
}

std::vector<Slice> Dataset::validationSlices(int ticks, int most) const {
  std::vector<Slice> all;
  for (std::size_t i = 0; i < sources_.size(); ++i)
    for (const Take& t : sources_[i].takes)
      if (t.validation && !sources_[i].copy)
        all.push_back({static_cast<int>(i), std::max<std::int64_t>(0, t.begin / kTick - ticks / 3), 0});
  std::vector<Slice> chosen;  // evenly over the takes
  const std::size_t count = std::min(all.size(), static_cast<std::size_t>(most));
  for (std::size_t i = 0; i < count; ++i) chosen.push_back(all[i * all.size() / count]);
  return chosen;
}

void Dataset::sound(const Slice& slice, std::span<Sample> out) const {
  const auto& x = sources_[static_cast<std::size_t>(slice.source)].sound;
  const auto length = static_cast<std::int64_t>(x.size());
  const std::int64_t first = slice.firstTick * kTick - late_;
  const auto gain = static_cast<Sample>(std::pow(10.0, static_cast<double>(slice.decibels) / 20));
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::int64_t at = first + static_cast<std::int64_t>(i);
    out[i] = at >= 0 && at < length ? gain * static_cast<Sample>(x[static_cast<std::size_t>(at)]) : 0.0_s;
  }
}

std::vector<Sample> Dataset::track(const Slice& slice, int feature, int width, int levels, int rows) const {
  const auto& values = sources_[static_cast<std::size_t>(slice.source)].features[static_cast<std::size_t>(feature)];
  const auto ticks = static_cast<std::int64_t>(values.size()) / width;
  std::vector<Sample> out;
  for (int r = 0; r < rows; ++r) {
    const std::int64_t tick = std::clamp<std::int64_t>(slice.firstTick + std::max(0, r - 1), 0, ticks - 1);
    for (int k = 0; k < width; ++k)
      out.push_back(static_cast<Sample>(values[static_cast<std::size_t>(tick * width + k)]) +
                    (k < levels ? static_cast<Sample>(slice.decibels) : 0.0_s));
  }
  return out;
}

}  // namespace core
