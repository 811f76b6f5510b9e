// SPDX-License-Identifier: GPL-3.0-or-later
// Rooms: what rings on is suppressed where a pitch is looked for; responses that are learned step as long as the
// recordings ring.
#include <QTemporaryDir>
#include <QTest>

#include "core/dsp/late_reverb.h"
#include "core/neural/batch.h"
#include "core/neural/lag.h"
#include "core/neural/trainer.h"
#include "core/neural/transfer.h"
#include "core/neural/transfer_features.h"
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
      const auto r =
          train(patch, registry(), {file}, {{}, {}, false, 1}, oneStep(), nullptr, [](const TrainProgress&) {}, {});
      if (!r) qFatal("%s", r.error().message.c_str());
      const auto decay = [&](const char* node) {
        const auto& settings = r->patch.find(node)->settings;
        return settings.contains("decay") ? settings.at("decay").number : 0.0;
      };
      return std::tuple{r->decaySeconds, decay("room"), r->warmSeconds, decay("pitch")};
    };
    Patch fresh = follower(), given = follower();
    fresh.find("room")->free = given.find("room")->free = {"response"};
    fresh.find("room")->settings["length"].number = 1;
    fresh.find("room")->tensors.clear();
    const auto [heard, set, warm, told] = rings(fresh);
    QVERIFY2(std::fabs(heard / kRings - 1) < 0.2, qPrintable(QString("%1 s").arg(heard)));
    QCOMPARE(set, heard);
    QCOMPARE(warm, heard);  // longer than the usual one
    QCOMPARE(told, heard);  // the pitch tracker
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
  /// Bound notes in a loud room: a tracker that is told of it hears the notes that are played.
  void pitchInARoom() {
    const std::vector<double> melody{196, 330, 247, 440, 294, 523, 220, 392, 262, 349, 494, 208};
    constexpr double kNote = 0.3, kKnown = 0.05;  // s into a note
    AudioData dry{kModelRate, {{}}};
    double turns = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(kNote * kModelRate) * melody.size(); ++i) {
      turns += hertzAt(melody, kNote, static_cast<double>(i) / kModelRate) / kModelRate;
      double sum = 0;
      for (int k = 1; k <= 10; ++k) sum += std::sin(2 * std::numbers::pi * turns * k) / k;
      dry.channels[0].push_back(static_cast<float>(0.1 * sum));
    }
    Patch room = inRoom(0.6, 0.3);
    const std::vector<float> wet = inTrainedRoom(room, registry(), dry.channels[0]).value();
    const auto wrong = [&](double decay) {
      room.find("pitch")->settings["decay"].number = decay;
      const SourceFeatures f = listenTo(room, registry(), wet).value();
      int far = 0, count = 0;
      for (std::size_t t = 0; t < f.pitch.size(); ++t) {
        const double seconds = static_cast<double>(t) * kTick / kModelRate;
        if (std::fmod(seconds, kNote) < kKnown) continue;
        far += std::fabs(f.pitch[t] - std::log2(hertzAt(melody, kNote, seconds) / kC4Hz)) > 0.25;
        ++count;
      }
      return static_cast<double>(far) / count;
    };
    const double told = wrong(0.6), untold = wrong(0);
    qInfo("%.1f %% of the frames far away, %.1f when told of the room", 100 * untold, 100 * told);
    QVERIFY2(untold > 0.1 && told < 0.1 * untold, qPrintable(QString("%1 and %2").arg(untold).arg(told)));
  }
  /// A tone that rings on is suppressed where another begins; one that goes on keeps its shape.
  void whatRingsOnIsSuppressed_data() {
    QTest::addColumn<double>("rate");
    for (const double rate : {11025.0, 16000.0, 44100.0, 48000.0}) QTest::addRow("%g", rate) << rate;
  }
  void whatRingsOnIsSuppressed() {
    QFETCH(double, rate);
    constexpr double kDecay = 0.5, kOld = 440, kNew = 600, kBegan = 0.05;  // s ago
    const LateReverbSuppressor room(rate, kDecay);
    auto scratch = room.makeScratch();
    QVERIFY(room.window() >= 0.1 * rate);  // as much as the pitch of 30 Hz needs
    const auto heard = [&](bool goesOn) {
      std::vector<float> x(static_cast<std::size_t>(room.span()));
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double t = (static_cast<double>(i) - static_cast<double>(x.size())) / rate + kBegan;
        const auto part = [&](double hertz) { return std::sin(2 * std::numbers::pi * hertz * t); };
        const double old = part(kOld) * (goesOn || t < 0 ? 1 : std::pow(10, -3 * t / kDecay));
        x[i] = static_cast<float>(old + (!goesOn && t > 0 ? 0.7 * part(kNew) : 0));
      }
      return x;
    };
    // amplitude at a pitch in the newest 30 ms
    const auto level = [&](std::span<const float> x, double hertz) {
      std::complex<double> sum = 0;
      const auto last = x.last(static_cast<std::size_t>(0.03 * rate));
      for (std::size_t i = 0; i < last.size(); ++i) {
        const double u = (static_cast<double>(i) + 0.5) / static_cast<double>(last.size());
        sum += static_cast<double>(last[i]) * (1 - std::cos(2 * std::numbers::pi * u)) *
               std::polar(1.0, -2 * std::numbers::pi * hertz * static_cast<double>(i) / rate);
      }
      return 2 * std::abs(sum) / static_cast<double>(last.size());
    };
    const auto change = heard(false), steady = heard(true);
    const double before = 20 * std::log10(level(change, kNew) / level(change, kOld));
    const auto left = room.suppress(change, scratch);
    const double after = 20 * std::log10(level(left, kNew) / level(left, kOld));
    QVERIFY2(after > before + 6, qPrintable(QString("%1 dB, before %2").arg(after).arg(before)));
    const double weaker = level(room.suppress(steady, scratch), kOld) / level(steady, kOld);
    QVERIFY2(std::fabs(weaker - 0.25) < 0.03, qPrintable(QString::number(weaker)));
  }
  /// What a model was trained in is its response alone, heard through what follows it; elsewhere nothing changes.
  void roomsOfModels() {
    std::vector<float> x(4000, 0.0F);
    x[100] = 1;
    const Patch room = inRoom(0.2);
    const std::vector<float> y = inTrainedRoom(room, registry(), x).value();
    const auto& response = room.find("room")->tensors.at("response")->data;
    for (std::size_t i = 0; i < 2000; ++i) {
      const double wanted = (i == 100 ? 1 : 0) + (i >= 100 ? static_cast<double>(response[i - 100]) : 0);
      QVERIFY(std::fabs(static_cast<double>(y[i]) - wanted) < 1e-5);
    }
    Patch dry = room;
    dry.find("room")->settings["decay"].number = 0;
    QVERIFY(inTrainedRoom(dry, registry(), x).value() == x);
    // where notes ring on the next is known later, and a transfer makes up for it
    const double there = measureLags(room, registry()).value().pitch, here = measureLags(dry, registry()).value().pitch;
    QVERIFY2(there > here + 0.005, qPrintable(QString("%1 and %2").arg(there).arg(here)));
    QVERIFY(measureLatency(room, registry()).value().value() >= there);
  }

 private:
  static double hertzAt(const std::vector<double>& melody, double note, double seconds) {
    return melody[std::min(melody.size() - 1, static_cast<std::size_t>(seconds / note))];
  }
  /// A model whose response is louder than the direct sound and rings for so long.
  static Patch inRoom(double seconds, double level = 0.1) {
    Patch p = follower();
    p.find("room")->settings["length"].number = 1;
    p.find("room")->settings["decay"].number = seconds;
    std::vector<float> response(static_cast<std::size_t>(kModelRate));
    std::mt19937 random(4);
    std::normal_distribution<double> gauss;
    for (std::size_t i = 0; i < response.size(); ++i)
      response[i] = static_cast<float>(level * gauss(random) *
                                       std::pow(10, -3 * static_cast<double>(i) / (seconds * kModelRate)));
    const auto count = static_cast<int>(response.size());
    p.find("room")->tensors["response"] = std::make_shared<const Blob>(Blob{{count}, std::move(response)});
    return p;
  }
};

QTEST_GUILESS_MAIN(TestRooms)
#include "tst_rooms.moc"
