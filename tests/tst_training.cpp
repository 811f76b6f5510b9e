// SPDX-License-Identifier: GPL-3.0-or-later
// What watches over a training, and its files: patches that have collapsed on purpose are found out
// and the right part is blamed; stopping, going on and held-out takes.
#include <QTest>

#include "core/graph/gradient.h"
#include "core/neural/batch.h"
#include "core/neural/guards.h"
#include "core/neural/lag.h"
#include "core/neural/sizes.h"
#include "presets/feature_store.h"
#include "tests/training_rig.h"

using namespace tests;

namespace {

/// Five notes a second without a gap: a long room mixes them.
AudioData arpeggio(double seconds) {
  constexpr double kNotes[] = {196, 262, 330, 440, 294, 233, 370};
  AudioData a{kModelRate, {std::vector<float>(static_cast<std::size_t>(seconds * kModelRate))}};
  double phase = 0;
  for (std::size_t i = 0; i < a.channels[0].size(); ++i) {
    const double t = static_cast<double>(i) / kModelRate;
    phase += kNotes[static_cast<std::size_t>(t * 5) % 7] / kModelRate;
    double y = 0;
    for (int k = 1; k <= 6; ++k) y += std::sin(2 * std::numbers::pi * k * phase) / k;
    a.channels[0][i] = static_cast<float>(0.1 * y);
  }
  return a;
}

/// Sets one of the follower's biases, which its outputs consist of: 0 the amplitude, 9 to 13 the noise.
void setBias(Patch& p, int output, float bias) {
  auto weights = std::make_shared<Blob>(*p.find("controller")->tensors["weights"]);
  weights->data[weights->data.size() - 14 + static_cast<std::size_t>(output)] = bias;
  p.find("controller")->tensors["weights"] = weights;
}
Patch silent() {
  Patch p = follower();
  setBias(p, 0, -60);
  return p;
}
Patch noisy() {
  Patch p = follower();
  for (int band = 9; band < 14; ++band) setBias(p, band, 4);
  return p;
}
/// A room of a second, 20 dB louder than what is played in it.
Patch swallowed() {
  Patch p = follower();
  p.find("room")->settings["length"].number = 1;
  Blob blob{{static_cast<int>(kModelRate)}, std::vector<float>(static_cast<std::size_t>(kModelRate))};
  std::mt19937 random(7);
  for (float& v : blob.data) v = 0.14F * (static_cast<float>(random() / 2147483648.0) - 1);
  p.find("room")->tensors["response"] = std::make_shared<const Blob>(std::move(blob));
  return p;
}
Result<Dataset> datasetOf(const FrontCut& cut, const std::filesystem::path& folder) {
  return Dataset::load(recordings(folder), cut, registry(), {}, [](const std::string&, double) {}, {});
}
/// A guard over the clips of a folder.
CollapseGuard guardOver(const Patch& patch, const std::filesystem::path& folder) {
  CollapseGuard guard;
  const int ticks = clipTicks(1.2, patch.rate);
  const auto cut = cutFront(patch, registry(), ticks + 1);
  if (!cut) return guard;
  const auto data = datasetOf(*cut, folder);
  if (!data) return guard;
  std::mt19937 random(3);
  std::vector<Slice> slices;
  slices.reserve(4);
  for (int i = 0; i < 4; ++i) slices.push_back(data->draw(random, ticks));
  guard.take(*data, *cut, slices, ticks, clipTicks(0.2, patch.rate));
  return guard;
}
}  // namespace

class TestTraining : public QObject {
  Q_OBJECT
  TrainingRig rig_;
  std::filesystem::path at(const char* name) const { return rig_.at(name); }

 private Q_SLOTS:
  void initTestCase() {
    QVERIFY(rig_.fill("folder", arpeggio(2)));
    QVERIFY(std::filesystem::create_directory(at("fast")));
    QVERIFY(writeAudio(at("fast/a.wav"), arpeggio(4), AudioFormat::wav16).has_value());
  }

  // ---- collapses ------------------------------------------------------------------------------

  void collapsesAreNamed_data() {
    QTest::addColumn<int>("kind");
    QTest::addColumn<QString>("says");
    QTest::newRow("sound") << static_cast<int>(Collapse::none) << "";
    QTest::newRow("silence") << static_cast<int>(Collapse::silence) << "silent";
    QTest::newRow("noise") << static_cast<int>(Collapse::noise) << "noise bias";
    QTest::newRow("reverb") << static_cast<int>(Collapse::reverb) << "room swallows";
  }
  void collapsesAreNamed() {
    QFETCH(int, kind);
    QFETCH(QString, says);
    const Patch patches[] = {follower(), silent(), noisy(), swallowed()};
    const Patch& patch = patches[kind];
    const CollapseGuard guard = guardOver(patch, at("fast"));
    QVERIFY(!guard.empty());
    const CollapseReport r = guard.judge(patch, registry());
    const QString found = QString("%1 dB, %2 lost, %3 without").arg(r.level).arg(r.lost).arg(r.lostWithout);
    qInfo("%s", qPrintable(found));
    QVERIFY2(static_cast<int>(r.kind) == kind, qPrintable(found));
    const std::string sentence = collapseSentence(r);
    QCOMPARE(sentence.empty(), says.isEmpty());
    QVERIFY2(QString::fromStdString(sentence).contains(says), sentence.c_str());
  }

  /// Once is a rough start; what comes back is counted from when it came back.
  void onlyWhatStaysIsSaid() {
    CollapseGuard guard = guardOver(follower(), at("fast"));
    guard.look(silent(), registry(), 10);
    QVERIFY(guard.sentences().empty());
    guard.look(silent(), registry(), 20);
    QCOMPARE(guard.sentences().size(), std::size_t{1});
    QVERIFY(guard.sentences()[0].find("Since step 10") != std::string::npos);
    guard.look(follower(), registry(), 30);
    QVERIFY(guard.sentences().empty());
    guard.look(silent(), registry(), 40);
    QVERIFY(guard.sentences().empty());
  }

  void trainingSaysSo() {
    for (const bool collapsed : {true, false}) {
      TrainOptions o = shortTraining(2);
      o.firstRate = o.lastRate = 1e-9;  // it stays where it is
      bool shown = false;
      std::size_t heldOut = 0, skipped = 0;
      const auto r = train(collapsed ? noisy() : follower(), registry(), recordings(at("folder")),
                           {{}, {"b.wav"}, false, 1}, o, nullptr,
                           [&](const TrainProgress& p) {
                             shown = shown || !p.warnings.empty();
                             heldOut = p.heldOut.size();
                             skipped = p.skipped.size();
                           },
                           {});
      QVERIFY2(r.has_value(), r ? "" : r.error().message.c_str());
      QCOMPARE(shown, collapsed);
      QCOMPARE(r->warnings.size(), std::size_t{collapsed});
      QCOMPARE(heldOut, std::size_t{2});
      QCOMPARE(skipped, std::size_t{1});  // the silent one
    }
  }

  /// What is named to be held out and is not there ends it before anything is learned from, and nothing held out is
  /// said before the first step.
  void takesThatAreNotThereAreNamed() {
    QStringList first;
    const auto with = [&](const char* name) {
      first.clear();
      return train(follower(), registry(), recordings(at("folder")), {{}, {name}, false, 1}, shortTraining(1), nullptr,
                   [&](const TrainProgress& p) {
                     if (p.stage != "Training" || p.step > 0) return;
                     first << "begins";
                     for (const std::string& w : p.warnings) first << QString::fromStdString(w);
                   },
                   {});
    };
    const std::pair<const char*, const char*> missing[] = {
        {"b.wav#77", "There is no take \"b.wav#77\" to hold out; b.wav has the takes b.wav#1 to b.wav#2."},
        {"c.wav", "There is no take \"c.wav\" to hold out: c.wav is left out. It is silent."},
        {"d.wav#1",
         "There is no recording \"d.wav#1\" to hold out; there are a.wav, b.wav, c.wav, with takes as a.wav#1, "
         "a.wav#2."}};
    for (const auto& [name, says] : missing) {
      const auto r = with(name);
      QVERIFY(!r.has_value() && first.isEmpty());
      QCOMPARE(QString::fromStdString(r.error().message), QString(says));
    }
    QVERIFY2(with("b.wav").has_value() && first == QStringList{"begins"}, qPrintable(first.join(' ')));
    const auto none =
        train(follower(), registry(), recordings(at("fast")), {{}, {}, false, 1}, shortTraining(1), nullptr,
              [&](const TrainProgress& p) {
                if (p.stage == "Training" && p.step == 0)
                  for (const std::string& w : p.warnings) first << QString::fromStdString(w);
              },
              {});
    QVERIFY(none.has_value() && none->validated.empty());
    QVERIFY2(first.size() == 2 && first[1].startsWith("Nothing is held out"), qPrintable(first.join(' ')));
  }

  // ---- lag ------------------------------------------------------------------------------------

  void clipsAreAsLateAsTold() {
    const int ticks = clipTicks(0.8, kModelRate);
    const auto cut = cutFront(follower(), registry(), ticks + 1);
    QVERIFY(cut.has_value());
    auto data = datasetOf(*cut, at("fast"));
    QVERIFY(data.has_value());
    const auto clip = [&](std::int64_t firstTick) {
      std::vector<Sample> x(static_cast<std::size_t>(ticks) * kTick);
      data->sound({0, firstTick, 0}, x);
      return x;
    };
    const std::vector<Sample> start = clip(0), inside = clip(100), features = data->track({0, 100, 0}, 0, 1, 0, ticks);
    constexpr std::size_t kLate = 200;  // frames, not a whole number of ticks
    data->setLag(kLate / kModelRate);
    QCOMPARE(data->lagSeconds(), kLate / kModelRate);
    const std::vector<Sample> lateStart = clip(0), lateInside = clip(100);
    for (std::size_t i = 0; i < kLate; ++i) QCOMPARE(lateStart[i], 0.0_s);
    for (std::size_t i = kLate; i < start.size(); ++i) {
      QCOMPARE(lateStart[i], start[i - kLate]);
      QCOMPARE(lateInside[i], inside[i - kLate]);
    }
    QVERIFY(data->track({0, 100, 0}, 0, 1, 0, ticks) == features);  // what the controller hears stays
  }
  /// An instrument that does what its features say agrees best with a sound that is as late as they are.
  void theMeasuredLagIsTheBest() {
    const Patch patch = follower();
    const int ticks = clipTicks(0.8, patch.rate);
    const auto cut = cutFront(patch, registry(), ticks + 1);
    QVERIFY(cut.has_value());
    auto data = datasetOf(*cut, at("folder"));
    auto batch = Batch::create(*cut, registry(), {4, 0.8, 0.2});
    const auto lags = measureLags(patch, registry());
    QVERIFY(data.has_value() && batch.has_value() && lags.has_value());
    std::vector<double> values;
    for (const Learnable& l : (*batch)->learnables()) values.insert(values.end(), l.start.begin(), l.start.end());
    (*batch)->setValues(values);
    std::mt19937 random(5);
    std::vector<Slice> clips;
    clips.reserve(4);
    for (int i = 0; i < 4; ++i) clips.push_back(data->draw(random, ticks));
    const auto loss = [&](double seconds) {
      data->setLag(seconds);
      return (*batch)->step(*data, clips, 1, {}, {});
    };
    const double right = loss(lags->most()), none = loss(0), more = loss(2.5 * lags->most());
    qInfo("loss %.4f at %.1f ms, %.4f at none, %.4f at more", right, 1e3 * lags->most(), none, more);
    QVERIFY(right < none && right < more);
  }
  void trainingIsToldTheLag() {
    const auto trained = TrainingRig::run(rig_.job("late.safetensors", 1));
    QVERIFY2(trained.has_value(), trained ? "" : trained.error().message.c_str());
    const auto lags = measureLags(trained->result.patch, registry());
    QVERIFY(lags.has_value());
    QVERIFY2(std::fabs(trained->result.lagSeconds - lags->most()) < 1 / kModelRate,
             qPrintable(QString("%1 s, measured %2 s").arg(trained->result.lagSeconds).arg(lags->most())));
    QVERIFY(lags->most() > 0.008 && lags->most() < 0.03);
    QVERIFY(trained->model.info.training.find("ms after what it hears") != std::string::npos);
  }

  // ---- files ----------------------------------------------------------------------------------

  void chordsAreLeftOut() {
    QVERIFY(std::filesystem::create_directory(at("mixed")));
    AudioData chord = notes(kModelRate, 1.6, {220, 220}, -20);
    const AudioData third = notes(kModelRate, 1.6, {277.2, 277.2}, -20),
                    fifth = notes(kModelRate, 1.6, {331, 331}, -20);
    for (std::size_t i = 0; i < chord.channels[0].size(); ++i)
      chord.channels[0][i] += third.channels[0][i] + fifth.channels[0][i];
    QVERIFY(writeAudio(at("mixed/chord.wav"), chord, AudioFormat::wav16).has_value());
    QVERIFY(writeAudio(at("mixed/one.wav"), notes(kModelRate, 1.6, {220, 330}, -16), AudioFormat::wav16).has_value());
    const auto cut = cutFront(follower(), registry(), 100);
    QVERIFY(cut.has_value());
    const auto data = datasetOf(*cut, at("mixed"));
    QVERIFY(data.has_value());
    QCOMPARE(data->skipped().size(), std::size_t{1});
    QCOMPARE(data->skipped()[0].file, std::string("chord.wav"));
    QVERIFY(data->skipped()[0].reason.find("several notes") != std::string::npos);
    QVERIFY(data->seconds() > 0.5);
  }
  void whatWasHeardIsKept() {
    const auto cut = cutFront(follower(), registry(), 100);
    QVERIFY(cut.has_value());
    const auto folder = at("features");
    int kept = 0;
    const auto load = [&](const FrontCut& by) {
      DatasetOptions options;
      options.memory = presets::featureStore(folder);
      const auto keep = options.memory.keep;
      options.memory.keep = [&kept, keep](std::uint64_t key, const auto& features) {
        ++kept;
        keep(key, features);
      };
      return Dataset::load(recordings(at("fast")), by, registry(), options, [](const std::string&, double) {}, {});
    };
    const auto first = load(*cut);
    QVERIFY(first.has_value());
    QCOMPARE(kept, 3);  // the recording at three pitches
    const auto again = load(*cut);
    QVERIFY(again.has_value());
    QCOMPARE(kept, 3);
    for (std::size_t s = 0; s < 3; ++s) QVERIFY(first->sources()[s].features == again->sources()[s].features);
    // another ear hears again, and so does one whose file is damaged
    FrontCut other = *cut;
    other.front.find("pitch")->values["in"] = 0.125;
    QVERIFY(load(other).has_value());
    QCOMPARE(kept, 6);
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      std::filesystem::resize_file(entry.path(), 40);
    const auto healed = load(*cut);
    QVERIFY(healed.has_value());
    QCOMPARE(kept, 9);
    for (std::size_t s = 0; s < 3; ++s) QVERIFY(first->sources()[s].features == healed->sources()[s].features);
    // the store stays under its size
    std::uintmax_t most = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) most = std::max(most, entry.file_size());
    presets::featureStore(folder, 2 * most + most / 2).keep(1, first->sources()[0].features);
    std::uintmax_t sum = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) sum += entry.file_size();
    QVERIFY(sum <= 2 * most + most / 2 && sum > 0);
    QVERIFY(!presets::featureStore(folder, 2 * most + most / 2).recall(1).empty());
  }

  void sizes() {
    Patch p = instrument(1);
    QVERIFY(hasNetwork(p, registry()));
    const Patch before = p;
    QVERIFY(applySize(p, registry(), "patch").has_value());
    QVERIFY(p == before);
    QVERIFY(applySize(p, registry(), "full").has_value());
    QCOMPARE(p.find("controller")->settings["recurrent"].number, 512.0);
    QVERIFY(p.find("controller")->tensors.empty());
    QVERIFY(!applySize(p, registry(), "huge").has_value());
    std::erase_if(p.nodes, [](const PatchNode& n) { return n.id == "controller"; });
    QVERIFY(!hasNetwork(p, registry()));
  }
};

QTEST_GUILESS_MAIN(TestTraining)
#include "tst_training.moc"
