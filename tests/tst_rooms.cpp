// SPDX-License-Identifier: GPL-3.0-or-later
// Training in rooms: responses that are learned step as long as the recordings ring.
#include <QTemporaryDir>
#include <QTest>

#include "core/neural/batch.h"
#include "core/neural/trainer.h"
#include "tests/model_rig.h"

using namespace tests;

namespace {
TrainOptions oneStep() {
  TrainOptions o;
  o.steps = o.threads = 1;
  o.lanes = 2;
  o.clipSeconds = 0.8;
  return o;
}
}  // namespace

class TestRooms : public QObject {
  Q_OBJECT
  QTemporaryDir dir_;

 private Q_SLOTS:
  /// A response that is learned from nothing steps as long as the recordings ring, one that is given stays.
  void roomsStepAsTheyRing() {
    QVERIFY(dir_.isValid());
    const std::filesystem::path file = dir_.filePath("a.wav").toStdString();
    AudioData a = notes(kModelRate, 6, {220, 262, 330, 294, 247, 196}, -16);
    std::mt19937 random(9);
    std::normal_distribution<double> gauss;
    std::vector<float>& x = a.channels[0];
    constexpr double kRings = 0.35;
    double level = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      level = std::max(static_cast<double>(std::fabs(x[i])), level * std::pow(10, -3 / (kRings * kModelRate)));
      if (x[i] == 0) x[i] = static_cast<float>(0.3 * level * gauss(random));  // between the notes
    }
    QVERIFY(writeAudio(file, a, AudioFormat::wav16).has_value());
    const auto rings = [&](Patch patch) {
      const auto r = train(patch, registry(), {file}, {{}, {"a.wav#2"}, false, 1}, oneStep(), nullptr,
                           [](const TrainProgress&) {}, {});
      if (!r) qFatal("%s", r.error().message.c_str());
      const auto& settings = r->patch.find("room")->settings;
      return std::tuple{r->decaySeconds, settings.contains("decay") ? settings.at("decay").number : 0.0,
                        r->warmSeconds};
    };
    Patch fresh = follower(), given = follower();
    fresh.find("room")->free = given.find("room")->free = {"response"};
    fresh.find("room")->settings["length"].number = 1;
    fresh.find("room")->tensors.clear();
    const auto [heard, set, warm] = rings(fresh);
    QVERIFY2(std::fabs(heard / kRings - 1) < 0.2, qPrintable(QString("%1 s").arg(heard)));
    QCOMPARE(set, heard);
    QCOMPARE(warm, heard);  // longer than the usual one
    QCOMPARE(std::get<1>(rings(given)), 0.0);
    // steps fall by 60 dB in that time, and are longer than where nothing was heard
    const auto response = [](const Patch& patch) {
      const auto cut = cutFront(patch, registry(), 100);
      const auto batch = cut ? Batch::create(*cut, registry(), {1, 0.8, 0.2}) : Error{"not cut"};
      if (batch)
        for (const Learnable& l : (*batch)->learnables())
          if (l.node == "room") return l;
      return Learnable{};
    };
    const Learnable dry = response(fresh);
    fresh.find("room")->settings["decay"] = {0.5, ""};
    const Learnable room = response(fresh);
    QCOMPARE(room.count, dry.count);
    QVERIFY(room.count > 5600);
    const double fall = 20 * std::log10(room.rates[1600] / room.rates[5600]);  // a quarter of a second
    QVERIFY2(std::fabs(fall - 30) < 3, qPrintable(QString("%1 dB").arg(fall)));
    QCOMPARE(room.start[100], 0.0);
    QVERIFY2(room.rates[100] > 10 * dry.rates[100], qPrintable(QString::number(room.rates[100] / dry.rates[100])));
  }
};

QTEST_GUILESS_MAIN(TestRooms)
#include "tst_rooms.moc"
