// SPDX-License-Identifier: GPL-3.0-or-later
// The recipe of training: which clips are drawn and how loud, what of them is judged, and by which loss.
#include <QTemporaryDir>
#include <QTest>

#include "core/file/recordings.h"
#include "core/fit/loss.h"
#include "core/graph/gradient.h"
#include "core/neural/batch.h"
#include "tests/model_rig.h"

using namespace tests;

namespace {
using Features = std::vector<std::vector<float>>;
constexpr double kClip = 1.2, kWarm = 0.2;
constexpr Batch::Options kBatch{2, kClip, kWarm};

FrontCut cutOf(const Patch& patch) { return *cutFront(patch, registry(), clipTicks(kClip, patch.rate) + 1); }
/// `features`: what was heard in the recordings, whatever they sound like now; empty: they are heard.
Dataset datasetOf(const FrontCut& cut, const std::filesystem::path& root, const Features& features = {}) {
  DatasetOptions options{root, {"nothing"}, false, 1};
  if (!features.empty()) options.memory.recall = [&features](std::uint64_t) { return features; };
  return *Dataset::load(recordings(root), cut, registry(), options, [](const std::string&, double) {}, {});
}
std::unique_ptr<Batch> batchOf(const FrontCut& cut) {
  auto made = Batch::create(cut, registry(), kBatch);
  std::unique_ptr<Batch> batch = std::move(*made);
  std::vector<double> values;
  for (const Learnable& l : batch->learnables()) values.insert(values.end(), l.start.begin(), l.start.end());
  batch->setValues(values);
  return batch;
}
/// Notes over noise that leaves no band of a spectrum empty.
std::vector<float> noisyNotes() {
  std::vector<float> x = notes(kModelRate, 2, {220, 330}, -20).channels[0];
  std::mt19937 random(6);
  for (float& v : x) v += 0.03F * (static_cast<float>(random() / 2147483648.0) - 1);
  return x;
}
double norm(const std::vector<double>& x) {
  double sum = 0;
  for (const double v : x) sum += v * v;
  return std::sqrt(sum);
}
}  // namespace

class TestRecipe : public QObject {
  Q_OBJECT
  QTemporaryDir dir_;
  std::filesystem::path at(const char* name) const { return dir_.filePath(QString::fromLatin1(name)).toStdString(); }
  /// A folder of one recording.
  std::filesystem::path folderOf(const char* name, std::vector<float> x, double rate = kModelRate) const {
    std::filesystem::create_directories(at(name));
    if (!writeAudio(at(name) / "a.wav", {rate, {std::move(x)}}, AudioFormat::wav32f)) return {};
    return at(name);
  }

 private Q_SLOTS:
  // ---- clips ----------------------------------------------------------------------------------

  /// In what is judged of a clip: half of them for sure, of the others as many as chance gives.
  void halfOfTheClipsHoldAnEdge() {
    std::vector<float> x(2 * 16000);
    const std::vector<float> long2 = notes(kModelRate, 24, {220, 262}, -16).channels[0];
    x.insert(x.end(), long2.begin(), long2.end());
    x.resize(x.size() + 2 * 16000);
    const Features silence(2, std::vector<float>((x.size() + kTick - 1) / kTick));
    const FrontCut cut = cutOf(follower());
    const Dataset data = datasetOf(cut, folderOf("long", x), silence);
    const Source& source = data.sources()[0];
    QCOMPARE(source.takes.size(), std::size_t{2});
    const int ticks = clipTicks(kClip, kModelRate), warm = clipTicks(kWarm, kModelRate);
    const auto holds = [&](std::int64_t begin, bool onsets, bool releases) {
      const auto inside = [&](std::int64_t edge) {
        return edge >= begin + warm * kTick && edge < begin + ticks * kTick;
      };
      return std::any_of(source.takes.begin(), source.takes.end(),
                         [&](const Take& t) { return (onsets && inside(t.begin)) || (releases && inside(t.end)); });
    };
    double chance = 0;
    const std::int64_t last = static_cast<std::int64_t>(x.size()) - ticks * kTick;
    for (std::int64_t begin = 0; begin < last; begin += kTick)
      chance += holds(begin, true, true) ? static_cast<double>(kTick) / static_cast<double>(last) : 0;
    QVERIFY2(chance > 0.1 && chance < 0.2, qPrintable(QString::number(chance)));
    constexpr int kDraws = 4000;
    int edges = 0, onsets = 0, releases = 0;
    std::mt19937 random(4);
    for (int i = 0; i < kDraws; ++i) {
      const std::int64_t begin = data.draw(random, ticks).firstTick * kTick;
      edges += holds(begin, true, true);
      onsets += holds(begin, true, false);
      releases += holds(begin, false, true);
    }
    const double expected = 0.5 + 0.5 * chance, share = edges / static_cast<double>(kDraws);
    const double deviation = std::sqrt(expected * (1 - expected) / kDraws);
    const QString found = QString("%1, expected %2 +- %3").arg(share).arg(expected).arg(deviation);
    QVERIFY2(std::fabs(share - expected) < 4 * deviation, qPrintable(found));
    QVERIFY2(onsets > releases && releases > kDraws / 5, qPrintable(QString("%1, %2").arg(onsets).arg(releases)));
  }

  void gainsAreBounded_data() {
    QTest::addColumn<bool>("several");
    QTest::addColumn<double>("bound");
    QTest::newRow("one instrument") << false << 6.0;
    QTest::newRow("several") << true << 12.0;
  }
  void gainsAreBounded() {
    QFETCH(bool, several);
    QFETCH(double, bound);
    const std::filesystem::path root = at(several ? "both" : "one");
    for (const char* part : {"violin", "flute"})
      if (several || std::string(part) == "flute")
        folderOf((root.filename() / part).c_str(),
                 notes(kModelRate, 3, {*part == 'f' ? 330.0 : 220.0}, -16).channels[0]);
    const FrontCut cut = cutOf(follower());
    const Dataset data = datasetOf(cut, root, Features(2, std::vector<float>(3 * 16000 / kTick)));
    QCOMPARE(data.instruments().size(), std::size_t{several ? 2U : 1U});
    constexpr int kDraws = 2000;
    double least = 0, most = 0, sum = 0;
    std::mt19937 random(5);
    for (int i = 0; i < kDraws; ++i) {
      const auto gain = static_cast<double>(data.draw(random, 100).decibels);
      least = std::min(least, gain);
      most = std::max(most, gain);
      sum += gain;
    }
    const QString found = QString("%1 to %2 dB, mean %3").arg(least).arg(most).arg(sum / kDraws);
    QVERIFY2(least >= -bound && most <= bound && least < -0.98 * bound && most > 0.98 * bound, qPrintable(found));
    QVERIFY2(std::fabs(sum / kDraws) < 4 * bound / std::sqrt(3.0 * kDraws), qPrintable(found));
  }

  /// A clip that is made louder is labelled as what the front hears of a recording that is louder.
  void soundAndLabelsAgree() {
    const FrontCut cut = cutOf(playerOfTwo(true));
    const Dataset data = datasetOf(cut, folderOf("gain", noisyNotes()));
    const std::vector<float> loudness = data.sources()[0].features[1];
    const auto ticks = static_cast<int>(loudness.size());
    for (const float gain : {12.0F, -12.0F}) {
      const Slice slice{0, 0, gain};
      std::vector<Sample> x(data.sources()[0].sound.size());
      data.sound(slice, x);
      const Features heard = *listen(cut, registry(), std::vector<float>(x.begin(), x.end()));
      for (std::size_t f = 0; f < cut.features.size(); ++f) {
        const auto width = static_cast<std::size_t>(cut.features[f].width);
        const bool level = cut.features[f].output != "pitch";  // of a vector: its first element
        const auto labels = data.track(slice, static_cast<int>(f), cut.features[f].width, level, ticks + 1);
        double worst = 0;
        for (std::size_t i = 20 * width; i < heard[f].size(); ++i)
          if (loudness[i / width] > -30)
            worst =
                std::max(worst, std::fabs(static_cast<double>(labels[i + width]) - static_cast<double>(heard[f][i])));
        const QString found = QString("%1 at %2 dB: %3").arg(cut.features[f].output.c_str()).arg(gain).arg(worst);
        QVERIFY2(worst < 0.1, qPrintable(found));
      }
    }
  }
  /// In a batch those labels move, by the clip's gain, that a louder sound moves: two clips that differ in gain alone
  /// spread each label's first element by it, and no other.
  void batchesRaiseTheLevels() {
    const FrontCut cut = cutOf(playerOfTwo(true));
    const Dataset data = datasetOf(cut, folderOf("gain", noisyNotes()));
    const auto batch = batchOf(cut);
    constexpr float kGain = 9;
    const Slice clips[] = {{0, 20, 0}, {0, 20, 0}}, louder[] = {{0, 20, kGain}, {0, 20, -kGain}};
    for (const Feature& feature : cut.features) {
      const double before = batch->spread(data, clips, feature.track, "out", {});
      const double after = batch->spread(data, louder, feature.track, "out", {});
      const double moved = std::sqrt(std::max(0.0, after * after - before * before) * feature.width);
      const QString found = QString("%1: %2 dB").arg(feature.output.c_str()).arg(moved);
      QVERIFY2(std::fabs(moved - (feature.output == "pitch" ? 0.0 : kGain)) < 0.05, qPrintable(found));
    }
  }

  // ---- loss -----------------------------------------------------------------------------------

  /// Other samples in the warm part change nothing, to the bit; one sample behind it does.
  void theWarmPartIsNotJudged() {
    const FrontCut cut = cutOf(follower());
    const std::vector<float> x = notes(kModelRate, 2.5, {220}, -16).channels[0];
    const Dataset plain = datasetOf(cut, folderOf("warm", x));
    constexpr std::size_t kFirst = 100 * kTick, kWarmFrames = 3200;
    std::vector<float> early = x, late = x;
    for (std::size_t i = 0; i < kWarmFrames; ++i) early[kFirst + i] += 0.1F;
    late[kFirst + kWarmFrames] += 0.1F;
    const auto batch = batchOf(cut);
    const auto step = [&](const Dataset& data) {
      const Slice clip[] = {{0, 100, 3}};
      std::vector<double> d(batch->learnables().back().first + batch->learnables().back().count);
      const double loss = batch->step(data, clip, 1, d, {});
      return std::pair{loss, d};
    };
    const auto before = step(plain);
    QVERIFY(before.first > 0 && norm(before.second) > 0);
    QVERIFY(step(datasetOf(cut, folderOf("early", early), plain.sources()[0].features)) == before);
    const auto after = step(datasetOf(cut, folderOf("late", late), plain.sources()[0].features));
    QVERIFY(after.first != before.first && after.second != before.second);
  }

  void theLossIsThePapers_data() {
    QTest::addColumn<double>("rate");
    QTest::addColumn<int>("longest");
    QTest::newRow("16 kHz") << 16000.0 << 2048;
    QTest::newRow("48 kHz") << 48000.0 << 6144;
  }
  /// Of a patch that is silent, whose loss is known: a sum over six sizes, mean over clips.
  void theLossIsThePapers() {
    QFETCH(double, rate);
    QFETCH(int, longest);
    Patch patch = instrument(1, rate);
    for (Cable& c : patch.cables)
      if (c.to == "out") c.depth = 0;
    const FrontCut cut = cutOf(patch);
    const Dataset data =
        datasetOf(cut, folderOf(QTest::currentDataTag(), notes(rate, 2.5, {220}, -16).channels[0], rate));
    const Slice clips[] = {{0, 0, 0}, {0, 100, 3}};
    const double loss = batchOf(cut)->step(data, clips, 1, {}, {});
    LossOptions paper{LossKind::robust, {}, 1e-5, 1, 1, 0.5, rate};
    for (int part = 1; part <= 32; part *= 2) paper.sizes.push_back(longest / part);
    double expected = 0;
    for (const Slice& clip : clips) {
      std::vector<Sample> target(static_cast<std::size_t>(clipTicks(kClip, rate)) * kTick);
      data.sound(clip, target);
      target.erase(target.begin(), target.begin() + clipTicks(kWarm, rate) * kTick);
      expected += 6 * SpectralLoss(target, paper).value(std::vector<Sample>(target.size())) / 2;
    }
    QVERIFY2(std::fabs(loss / expected - 1) < 1e-6, qPrintable(QString("%1, not %2").arg(loss).arg(expected)));
  }
};

QTEST_GUILESS_MAIN(TestRecipe)
#include "tst_recipe.moc"
