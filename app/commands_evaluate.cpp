// SPDX-License-Identifier: GPL-3.0-or-later
// `evaluate`: a model against recordings, beside rows that are no models and rows of papers.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/catalog.h"
#include "app/commands.h"
#include "core/analysis/evaluation.h"
#include "core/file/recordings.h"
#include "core/neural/baselines.h"
#include "core/neural/instruments.h"
#include "core/neural/morph.h"
#include "core/neural/transfer.h"

namespace app {
namespace {
using core::Error;
using core::Result;
using Clock = std::chrono::steady_clock;

/// What papers report, on other data; absent figures are negative.
struct Published {
  const char *name, *source;
  double loudSigma, f0, outliers, parameters;
};
constexpr double kAbsent = -1;
constexpr Published kPublished[] = {
    {"DDSP autoencoder (supervised)", "Engel et al., ICLR 2020, NSynth", 0.07, 0.02, 0.003, 7e6},
    {"DDSP autoencoder (unsupervised f0)", "Engel et al., ICLR 2020, NSynth", 0.09, 0.80, 0.04, 12e6},
    {"WaveRNN (supervised)", "Engel et al., ICLR 2020, NSynth", 0.10, 1.00, 0.07, 23e6},
    {"DDSP tiny", "Engel et al., ICLR 2020, solo violin", kAbsent, kAbsent, kAbsent, 0.24e6},
    {"WaveNet autoencoder", "Engel et al., ICLR 2020, NSynth", kAbsent, kAbsent, kAbsent, 75e6},
    {"Neural waveshaping", "Hayes et al., ISMIR 2021", kAbsent, kAbsent, kAbsent, 0.266e6}};
constexpr const char* kPublishedNote = "published, other data, mean of clip means";

/// One row of the report: a way of playing the recordings again.
struct Row {
  std::string id, name;
  std::vector<core::Evaluation> files;
  double seconds = 0, sound = 0;  ///< taken by all passes, and the length of what they played
};

Result<core::AudioData> playRow(const Row& row, const core::Patch& model, const core::Registry& registry,
                                const core::AudioData& recording, double latency) {
  if (row.id == "model") return core::openLoop(model, recording, registry);
  if (row.id == "aligned") return core::openLoop(model, recording, registry, latency);
  const core::AudioData sound = core::resample(core::asHeard(recording), model.rate);
  if (row.id == "oracle") return core::oracle(sound, registry);
  return core::bareTone(sound, row.id == "sawtooth" ? "saw" : "sine", registry);
}

/// What could not be measured is null there.
nlohmann::ordered_json json(const core::Evaluation& e) {
  nlohmann::ordered_json j;
  for (const core::Measure& m : core::measures(e)) j[std::string(m.key)] = m.value;
  return j;
}

struct Report {
  std::vector<Row> rows;
  std::vector<std::string> files;
  std::vector<std::string> skipped;
  core::ParameterCount parameters;
  double latency = 0;  ///< s
  std::vector<core::Morph> morphs;
};
constexpr const char* kMorphNote =
    "pitch and loudness of the first recording played with its own z and with that of the second, of another "
    "instrument; part: of the way between the centroids of the recordings";

void printJson(const Report& r, const std::string& model) {
  nlohmann::ordered_json j;
  j["model"] = model;
  j["parameters"] = r.parameters.all;
  j["parameters_without_response"] = r.parameters.all - r.parameters.response;
  j["latency"] = r.latency;
  j["files"] = r.files;
  j["skipped"] = r.skipped;
  for (const Row& row : r.rows) {
    auto& to = j["rows"][row.id];
    to["name"] = row.name;
    to["real_time_factor"] = row.seconds / row.sound;
    to["mean"] = json(core::meanOf(row.files));
    for (std::size_t i = 0; i < row.files.size(); ++i) to["files"][r.files[i]] = json(row.files[i]);
  }
  for (const core::Morph& m : r.morphs)
    j["morphs"].push_back({{"from", m.from},
                           {"to", m.to},
                           {"centroid_from", m.centroidFrom},
                           {"centroid_to", m.centroidTo},
                           {"played_from", m.playedFrom},
                           {"played_to", m.playedTo},
                           {"part", m.part()},
                           {"loud_sigma", m.loudSigma},
                           {"f0_semitones", m.f0Semitones}});
  for (const Published& p : kPublished) {
    nlohmann::ordered_json row{{"name", p.name}, {"source", p.source}, {"note", kPublishedNote}};
    if (p.loudSigma >= 0) row["loud_sigma"] = p.loudSigma;
    if (p.f0 >= 0) row["f0_clip_mean"] = p.f0;
    if (p.outliers >= 0) row["f0_outliers_paper"] = p.outliers;
    row["parameters"] = p.parameters;
    j["published"].push_back(row);
  }
  for (const core::Measure& m : core::measures(core::Evaluation{}))
    j["definitions"][std::string(m.key)] = std::string(m.definition);
  j["definitions"]["morphs"] = kMorphNote;
  j["definitions"]["real_time_factor"] = "time taken by one pass on one thread / length of the sound";
  std::cout << j.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";  // names of files
}

void printTable(const char* title, const std::vector<std::pair<std::string, core::Evaluation>>& columns) {
  std::printf("\n%-22s", title);
  for (const auto& [name, e] : columns) std::printf(" %12s", name.c_str());
  std::printf("\n");
  std::vector<std::vector<core::Measure>> values;
  values.reserve(columns.size());
  for (const auto& [name, e] : columns) values.push_back(core::measures(e));
  for (std::size_t m = 0; m < values[0].size(); ++m) {
    std::printf("%-22s", std::string(values[0][m].key).c_str());
    for (const auto& v : values)
      std::isnan(v[m].value) ? std::printf(" %12s", "-") : std::printf(" %12.4f", v[m].value);
    std::printf("\n");
  }
}

void printMorphs(const std::vector<core::Morph>& morphs) {
  if (morphs.empty()) return;
  std::printf("\nz alone: %s\n%12s %12s %12s %12s %8s %11s %13s\n", kMorphNote, "from Hz", "to Hz", "played Hz",
              "with z Hz", "part", "loud_sigma", "f0_semitones");
  for (const core::Morph& m : morphs)
    std::printf("%12.0f %12.0f %12.0f %12.0f %8.2f %11.4f %13.4f  %s -> %s\n", m.centroidFrom, m.centroidTo,
                m.playedFrom, m.playedTo, m.part(), m.loudSigma, m.f0Semitones, m.from.c_str(), m.to.c_str());
}

void printText(const Report& r, const std::string& model) {
  std::printf("%s: %zu parameters (%zu without the response)\n", model.c_str(), r.parameters.all,
              r.parameters.all - r.parameters.response);
  for (const std::string& s : r.skipped) std::printf("Skipped %s\n", s.c_str());
  for (std::size_t i = 0; i < r.files.size(); ++i) {
    std::vector<std::pair<std::string, core::Evaluation>> columns;
    for (const Row& row : r.rows) columns.emplace_back(row.id, row.files[i]);
    printTable(r.files[i].c_str(), columns);
  }
  if (r.files.size() > 1) {
    std::vector<std::pair<std::string, core::Evaluation>> columns;
    for (const Row& row : r.rows) columns.emplace_back(row.id, core::meanOf(row.files));
    printTable("mean of files", columns);
  }
  std::printf("%-22s", "real_time_factor");
  for (const Row& row : r.rows) std::printf(" %12.4f", row.seconds / row.sound);
  std::printf("\n");
  printMorphs(r.morphs);
  std::printf("\nPublished (%s):\n%-36s %10s %12s %12s %12s\n", kPublishedNote, "", "loud_sigma", "f0_clip_mean",
              "outliers", "parameters");
  const auto cell = [](double v) { return v < 0 ? std::string("-") : nlohmann::json(v).dump(); };
  for (const Published& p : kPublished)
    std::printf("%-36s %10s %12s %12s %12.0f  %s\n", p.name, cell(p.loudSigma).c_str(), cell(p.f0).c_str(),
                cell(p.outliers).c_str(), p.parameters, p.source);
  std::printf(
      "\nmodel: one pass, as it comes; aligned: the same, %.1f ms earlier, by which a calibration tone is late.\n"
      "oracle: harmonics and noise of the recording itself, measured and played again; sawtooth, sine: with its\n"
      "pitch and loudness. These three are no models: a figure that they reach says nothing. -: nothing to "
      "measure.\n\n",
      1000 * r.latency);
  for (const core::Measure& m : core::measures(core::Evaluation{}))
    std::printf("%-22s %s\n", std::string(m.key).c_str(), std::string(m.definition).c_str());
  std::printf("%-22s %s\n", "real_time_factor", "time taken by one pass on one thread / length of the sound");
}

/// Plays a recording again in every way and judges that. Error: why this one cannot be judged; the report is
/// as it was.
Result<void> addRecording(Report& report, const core::Patch& player, const core::Registry& registry,
                          const std::string& name, const core::AudioData& recording) {
  const core::AudioData heard = core::asHeard(recording);
  std::vector<core::Evaluation> judged;
  std::vector<double> seconds;
  for (const Row& row : report.rows) {
    const auto start = Clock::now();
    const auto played = playRow(row, player, registry, recording, report.latency);
    seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    if (!played) return played.error();
    judged.push_back(core::evaluate(heard, *played));
  }
  for (std::size_t i = 0; i < report.rows.size(); ++i) {
    report.rows[i].files.push_back(judged[i]);
    report.rows[i].seconds += seconds[i];
    report.rows[i].sound += heard.seconds();
  }
  report.files.push_back(name);
  return {};
}
}  // namespace

int evaluateCommand(const core::Registry& registry, const std::string& model, const std::string& folder, bool json) {
  auto patch = loadPatch(model);
  if (!patch) return fail(patch.error());
  if (auto range = core::trainedRange(*patch, registry); !range) return fail(range.error());
  if (auto done = core::checkTrained(*patch, registry); !done) return fail(done.error());
  const auto found = core::findRecordings(folder);
  if (!found) return fail(found.error());
  Report report;
  report.parameters = core::countParameters(*patch, registry);
  report.rows = {{"model", "the model, one pass", {}},
                 {"aligned", "the model, one pass, its latency compensated", {}},
                 {"oracle", "harmonics and noise of the recording itself", {}},
                 {"sawtooth", "a sawtooth with its pitch and loudness", {}},
                 {"sine", "a sine with its pitch and loudness", {}}};
  const auto latency = core::measureLatency(*patch, registry);
  if (!latency) return fail(latency.error());
  report.latency = latency->value_or(0);
  std::vector<std::string> names;
  for (const auto& file : *found) names.push_back(core::recordingName(file, folder));
  const std::vector<std::string> instruments = core::instrumentsOf(names);
  std::vector<core::NamedSound> sounds;
  for (const auto& file : *found) {
    const std::string name = core::recordingName(file, folder);
    auto read = core::readAudio(file);
    Result<void> done = read ? core::checkRecording(*read) : read.error();
    if (done)
      done = addRecording(report, core::asInstrument(*patch, registry, name, instruments), registry, name, *read);
    if (done)
      sounds.push_back({name, std::move(*read)});
    else
      report.skipped.push_back(name + ": " + done.error().message);
  }
  for (const core::Skipped& s : core::leftOut(folder)) report.skipped.push_back(s.file + ": " + s.reason);
  if (report.files.empty())
    return fail(Error{"There is no recording to judge the model by: " + report.skipped.front()});
  if (core::readsLatent(*patch)) {
    auto morphs = core::measureMorphs(*patch, registry, sounds);
    if (!morphs) return fail(morphs.error());
    report.morphs = std::move(*morphs);
  }
  json ? printJson(report, model) : printText(report, model);
  return 0;
}

}  // namespace app
