// SPDX-License-Identifier: GPL-3.0-or-later
// How recordings are played, as training measures it: from notes whose levels, attacks and releases are known, into
// the tables and statistics of a patch, without what is held out.
#include <QTemporaryDir>
#include <QTest>
#include <numeric>

#include "core/analysis/loudness.h"
#include "core/file/recordings.h"
#include "core/neural/instrument_patch.h"
#include "core/neural/playing_tables.h"
#include "core/neural/statistics.h"
#include "tests/model_rig.h"

using namespace tests;

namespace {
constexpr std::size_t kCoefficients = 30;
constexpr double kSounds = 1.2, kPause = 0.5;  // s of a note and around it

/// A note of two partials, semitones from C4, whose level rises and falls by so many decibels a second.
struct Played {
  double semitone = 0;
  double loudness = -20;  ///< A-weighted, as a listening node reads it
  double attack = 300, release = 400;
};
double hertz(const Played& p) { return 261.6256 * std::exp2(p.semitone / 12.0); }

std::vector<float> recording(const std::vector<Played>& played) {
  const auto frames = static_cast<std::size_t>((kSounds + kPause) * kModelRate);
  std::vector<float> x(static_cast<std::size_t>(kPause * kModelRate));
  for (const Played& p : played) {
    double power = 0;
    for (int k = 1; k <= 2; ++k) power += std::pow(10, aWeight(k * hertz(p)) / 10) / (2 * k * k);
    const double level = p.loudness - 10 * std::log10(power);
    for (std::size_t i = 0; i < frames; ++i) {
      const double t = static_cast<double>(i) / kModelRate, phase = 2 * std::numbers::pi * hertz(p) * t;
      const double under = std::min({0.0, -60 + p.attack * t, -p.release * (t - kSounds)});
      const double gain = under < -90 ? 0 : std::pow(10, (level + under) / 20);
      x.push_back(static_cast<float>(gain * (std::sin(phase) + std::sin(2 * phase) / 2)));
    }
  }
  return x;
}
Patch withExpression(Patch p) {
  p.nodes.push_back(node("expression", "neural.expression"));
  return p;
}
std::shared_ptr<const Blob> blob(std::vector<int> shape, float value) {
  const auto count = static_cast<std::size_t>(std::accumulate(shape.begin(), shape.end(), 1, std::multiplies<>()));
  return std::make_shared<const Blob>(Blob{std::move(shape), std::vector<float>(count, value)});
}
/// The row of the quantiles at a pitch.
std::span<const float> rowAt(const PlayingTables& t, int semitone) {
  return std::span(t.quantiles).subspan(static_cast<std::size_t>(kTableQuantiles * (36 + semitone)), kTableQuantiles);
}
QString listed(std::span<const float> row) {
  QStringList all;
  for (const float v : row) all << QString::number(static_cast<double>(v), 'f', 1);
  return all.join(' ');
}
/// Pitch from -1 to 1, loudness from -60 to -10 and coefficient k of `kCoefficients` over a range of k around k, all
/// evenly over the takes; far off elsewhere.
std::vector<std::vector<float>> evenFeatures(const std::vector<Take>& takes, std::size_t ticks) {
  std::vector<std::size_t> inside;
  for (const Take& t : takes)
    for (auto i = t.begin / kTick; i < t.end / kTick; ++i) inside.push_back(static_cast<std::size_t>(i));
  std::vector<std::vector<float>> features(3, std::vector<float>(ticks, -1e3F));
  features[2].resize(kCoefficients * ticks, -1e3F);
  for (std::size_t n = 0; n < inside.size(); ++n) {
    const double u = (static_cast<double>(n) + 0.5) / static_cast<double>(inside.size());
    features[0][inside[n]] = static_cast<float>(-1 + 2 * u);
    features[1][inside[n]] = static_cast<float>(-60 + 50 * u);
    for (std::size_t k = 0; k < kCoefficients; ++k)
      features[2][kCoefficients * inside[n] + k] = static_cast<float>(static_cast<double>(k) * (0.5 + u));
  }
  return features;
}
}  // namespace

class TestPlaying : public QObject {
  Q_OBJECT
  QTemporaryDir dir_;
  /// A folder of one recording.
  std::filesystem::path folderOf(const char* name, std::vector<float> x) const {
    const std::filesystem::path folder = dir_.filePath(QString::fromLatin1(name)).toStdString();
    std::filesystem::create_directory(folder);
    if (!writeAudio(folder / "a.wav", {kModelRate, {std::move(x)}}, AudioFormat::wav32f)) return {};
    return folder;
  }
  static Result<Dataset> load(const std::filesystem::path& folder, const FrontCut& cut, const DatasetOptions& options) {
    return Dataset::load(recordings(folder), cut, registry(), options, [](const std::string&, double) {}, {});
  }

 private Q_SLOTS:
  // ---- measured -------------------------------------------------------------------------------

  /// Three pitches, so far apart that none smooths into another; at each a soft, a middle and a loud note.
  void levelsByPitchAndRank() {
    constexpr double kPitches[] = {-0.2, 7, 14.2};  // copies of the outer ones would be a semitone further
    constexpr double kLoudest[] = {-18, -12, -22}, kRange[] = {24, 18, 12};
    std::vector<Played> played;
    for (const double softer : {1.0, 0.5, 0.0})
      for (std::size_t i = 0; i < 3; ++i) played.push_back({kPitches[i], kLoudest[i] - softer * kRange[i]});
    const FrontCut cut = *cutFront(follower(), registry(), 100);
    const auto folder = folderOf("levels", recording(played));
    const auto data = load(folder, cut, {{}, {"none"}, true, 1});
    QVERIFY2(data.has_value(), data ? "" : data.error().message.c_str());
    QCOMPARE(data->takeNames(false).size(), std::size_t{9});
    QCOMPARE(data->sources().size(), std::size_t{3});  // its copies at other pitches say nothing of how it is played
    const auto tables = measurePlaying(cut, *data);
    QVERIFY(tables.has_value());
    QVERIFY(std::fabs(tables->lowest) < 1e-9 && std::fabs(tables->highest - 14 / 12.0) < 1e-9);
    for (std::size_t i = 0; i < 3; ++i) {
      const auto row = rowAt(*tables, static_cast<int>(std::lround(kPitches[i])));
      const QString found = QString("%1: %2").arg(kPitches[i]).arg(listed(row));
      constexpr double kPart[] = {1, 1, 0.5, 0, 0};
      for (std::size_t q = 0; q < kTableQuantiles; ++q)
        QVERIFY2(std::fabs(static_cast<double>(row[q]) - (kLoudest[i] - kPart[q] * kRange[i])) < 0.5,
                 qPrintable(found));
    }
    for (std::size_t q = 0; q < kTableQuantiles; ++q) {  // outside: as at the nearest that was played
      QCOMPARE(rowAt(*tables, -36)[q], rowAt(*tables, 0)[q]);
      QCOMPARE(rowAt(*tables, 48)[q], rowAt(*tables, 14)[q]);
    }
    FrontCut deaf = cut;
    std::erase_if(deaf.features, [](const Feature& f) { return f.output == "loudness"; });
    QVERIFY(!measurePlaying(deaf, *data).has_value());
  }

  void contoursAreThoseOfTheTakes_data() {
    QTest::addColumn<double>("attack");
    QTest::addColumn<double>("release");
    QTest::newRow("slow, then fast") << 200.0 << 300.0;
    QTest::newRow("fast, then slow") << 500.0 << 150.0;
  }
  /// Straight lines in decibels, whatever the note's level and pitch.
  void contoursAreThoseOfTheTakes() {
    QFETCH(double, attack);
    QFETCH(double, release);
    std::vector<Played> played;
    played.reserve(5);
    for (int i = 0; i < 5; ++i) played.push_back({3.0 * i, -12.0 - 4 * i, attack, release});
    const FrontCut cut = *cutFront(follower(), registry(), 100);
    const auto data = load(folderOf(QTest::currentDataTag(), recording(played)), cut, {{}, {"none"}, false, 1});
    QVERIFY2(data.has_value(), data ? "" : data.error().message.c_str());
    const auto tables = measurePlaying(cut, *data);
    QVERIFY(tables.has_value());
    QCOMPARE(tables->attack.size(), std::size_t{kContourFrames});
    QCOMPARE(tables->release.size(), std::size_t{kContourFrames});
    const QString rises = listed(tables->attack), falls = listed(tables->release);
    for (std::size_t i = 0; i < kContourFrames; ++i) {
      const double t = static_cast<double>(i) / kContourRate, under = std::min(0.0, -30 + attack * t);
      QVERIFY2(std::fabs(static_cast<double>(tables->attack[i]) - under) < 1.5, qPrintable(rises));
      if (t < 0.1) QVERIFY2(std::fabs(static_cast<double>(tables->release[i]) + release * t) < 1.5, qPrintable(falls));
      if (i > 0) QVERIFY2(tables->release[i] <= tables->release[i - 1], qPrintable(falls));
    }
    QVERIFY2(tables->release.back() < -35, qPrintable(falls));
    QCOMPARE(tables->attack.back(), 0.0F);
  }

  // ---- written --------------------------------------------------------------------------------

  void tablesGoWhereTheyAreRead() {
    PlayingTables tables;
    for (int i = 0; i < kTablePitches * kTableQuantiles; ++i) tables.quantiles.push_back(static_cast<float>(-i));
    Patch patch = withExpression(follower());
    patch.nodes.push_back(node("second", "neural.expression"));
    auto& tensors = patch.find("expression")->tensors;
    tensors[kCorrectionTensor] = blob({kTablePitches}, 3);
    tensors[kAttackTensor] = tensors[kReleaseTensor] = blob({kContourFrames}, -7);
    const Patch before = patch;
    QCOMPARE(writePlaying(patch, tables, registry()), 2);  // what was not measured stays
    const auto& written = patch.find("expression")->tensors;
    QVERIFY(written.at(kAttackTensor)->data == std::vector<float>(kContourFrames, -7));
    QVERIFY(!patch.find("second")->tensors.contains(kReleaseTensor));
    for (std::size_t i = 0; i < kContourFrames; ++i) {
      tables.attack.push_back(static_cast<float>(i) - 75);
      tables.release.push_back(-static_cast<float>(i));
    }
    QCOMPARE(writePlaying(patch, tables, registry()), 2);
    const Plan plan = *compilePlan(patch, registry(), {.rate = patch.rate});
    for (const char* id : {"expression", "second"}) {
      const auto& now = patch.find(id)->tensors;
      QVERIFY(now.at(kQuantilesTensor)->shape == (std::vector<int>{kTablePitches, kTableQuantiles}));
      QVERIFY(now.at(kQuantilesTensor)->data == tables.quantiles);
      QVERIFY(now.at(kAttackTensor)->data == tables.attack && now.at(kReleaseTensor)->data == tables.release);
      const PlanNode& n = plan.nodes[static_cast<std::size_t>(plan.findNode(id))];
      for (const Sample v : n.tensors[static_cast<std::size_t>(n.type->tensorIndex(kCorrectionTensor))].data)
        QCOMPARE(v, 0.0_s);
    }
    QVERIFY(*patch.find("controller") == *before.find("controller"));
  }

  /// Of features that rise evenly over what is trained on, and are far off everywhere else.
  void statisticsAreThoseOfTheFeatures() {
    std::vector<Played> played(6);
    const std::vector<float> x = recording(played);
    const auto folder = folderOf("statistics", x);
    Patch patch = withExpression(playerOfTwo(true));
    const FrontCut cut = *cutFront(patch, registry(), 100);
    std::vector<Take> takes = findTakes("a.wav", x, kModelRate);
    QCOMPARE(takes.size(), std::size_t{6});
    takes.erase(takes.begin() + 2);  // held out
    const auto features = evenFeatures(takes, (x.size() + kTick - 1) / kTick);
    DatasetOptions options{{}, {"a.wav#3"}, false, 1};
    options.memory.recall = [&](std::uint64_t) { return features; };
    const auto data = load(folder, cut, options);
    QVERIFY2(data.has_value(), data ? "" : data.error().message.c_str());
    writeStatistics(patch, cut, *data, registry());
    const double deviation = 1 / std::sqrt(12.0);  // of what is even from 0 to 1
    const auto& settings = patch.find("controller")->settings;
    const std::tuple<const char*, double, double> expected[] = {{"pitch", -1, 2}, {"loudness", -60, 50}};
    for (const auto& [input, low, range] : expected) {
      const std::pair<const char*, double> numbers[] = {{"-mean", low + range / 2},
                                                        {"-spread", range * deviation},
                                                        {"-low", low + 0.002 * range},
                                                        {"-high", low + 0.998 * range}};
      for (const auto& [ending, value] : numbers) {
        const double found = settings.at(std::string(input) + ending).number;
        QVERIFY2(std::fabs(found - value) < 0.001 * range,
                 qPrintable(QString("%1%2: %3").arg(input, ending).arg(found)));
      }
    }
    const Blob& mfcc = *patch.find("encoder")->tensors.at("mfcc-statistics");
    QVERIFY(mfcc.shape == (std::vector<int>{2, kCoefficients}));
    for (std::size_t k = 0; k < kCoefficients; ++k) {
      QVERIFY(std::fabs(mfcc.data[k] - static_cast<float>(k)) < 0.01F);
      QVERIFY(std::fabs(static_cast<double>(mfcc.data[kCoefficients + k]) -
                        std::max(0.05, deviation * static_cast<double>(k))) < 0.01);
    }
    QVERIFY(patch.find("expression")->tensors.contains(kQuantilesTensor));
  }

  // ---- held out -------------------------------------------------------------------------------

  void whatIsHeldOutIsNotHeard() {
    std::vector<Played> played(4, Played{0, -34});
    played[2].loudness = -12;
    const auto folder = folderOf("heldOut", recording(played));
    const auto loudest = [&](const char* heldOut) {
      const auto tables = listenToPlaying(follower(), registry(), recordings(folder), {{}, {heldOut}, true, 1}, {});
      return tables ? static_cast<double>(rowAt(*tables, 0)[kTableQuantiles - 1]) : 0.0;
    };
    QVERIFY2(std::fabs(loudest("a.wav#3") + 34) < 0.5, qPrintable(QString::number(loudest("a.wav#3"))));
    QVERIFY2(std::fabs(loudest("a.wav#2") + 12) < 0.5, qPrintable(QString::number(loudest("a.wav#2"))));
  }
  void nothingHeldIsSaid() {
    std::vector<float> x(16000);
    for (int i = 0; i < 8; ++i) {
      const std::vector<float> note = notes(kModelRate, 0.4, {262}, -16).channels[0];  // sounds for 0.1 s
      x.insert(x.end(), note.begin(), note.end());
    }
    const auto tables = listenToPlaying(follower(), registry(), recordings(folderOf("short", x)), {}, {});
    QVERIFY(!tables.has_value());
    QVERIFY2(tables.error().message.starts_with("No note is held"), tables.error().message.c_str());
  }
};

QTEST_GUILESS_MAIN(TestPlaying)
#include "tst_playing.moc"
