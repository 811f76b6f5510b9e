// SPDX-License-Identifier: GPL-3.0-or-later
// How late a model is: what its listening nodes say, what a transfer makes up for, the pitch of a recording.
#include <QTest>

#include "core/neural/lag.h"
#include "core/neural/transfer.h"
#include "tests/model_rig.h"

using namespace tests;

namespace {
/// A voice of six harmonics around 220 Hz that swings by `cents`, six times a second.
double swing(double seconds, double cents) { return cents / 1200 * std::sin(2 * std::numbers::pi * 6 * seconds); }
std::vector<float> voice(double cents) {
  std::vector<float> x(static_cast<std::size_t>(3 * kModelRate));
  double turns = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    turns += 220 * std::exp2(swing(static_cast<double>(i) / kModelRate, cents)) / kModelRate;
    for (int k = 1; k <= 6; ++k) x[i] += static_cast<float>(0.1 * std::sin(2 * std::numbers::pi * k * turns) / k);
  }
  return x;
}
}  // namespace

class TestLatency : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void lagsAreThoseOfTheListeningNodes() {
    Patch patch = instrument(1);
    const auto at = [&](double mean, double window, double rate) {
      patch.find("controller")->settings["pitch-mean"].number = mean;
      patch.find("controller")->settings["pitch-spread"].number = 0.2;
      patch.find("loudness")->settings["window"].number = window;
      patch.rate = rate;
      const auto lags = core::measureLags(patch, registry());
      return lags ? *lags : core::FeatureLags{-1, -1};
    };
    const auto low = at(-1.3, 0.006, kModelRate), high = at(0.7, 0.006, kModelRate), slow = at(0.7, 0.012, kModelRate);
    qInfo("pitch %.1f ms low, %.1f high; loudness %.1f, %.1f with twice the window", 1e3 * low.pitch, 1e3 * high.pitch,
          1e3 * high.loudness, 1e3 * slow.loudness);
    // two windows in a row are late by the sum of their times; a low note takes longer to be known
    QVERIFY(std::fabs(high.loudness - 0.012) < 0.0015 && std::fabs(low.loudness - 0.012) < 0.0015);
    QVERIFY(std::fabs(slow.loudness - 0.024) < 0.004);
    QVERIFY(high.pitch > 0.002 && low.pitch > high.pitch + 0.004 && low.pitch < 0.045);
    QCOMPARE(slow.pitch, high.pitch);
    QCOMPARE(low.most(), low.pitch);
    QCOMPARE(slow.most(), slow.loudness);
    for (const double rate : {44100.0, 48000.0}) {
      const auto there = at(0.7, 0.006, rate);
      QVERIFY2(std::fabs(there.loudness - high.loudness) < 0.001, qPrintable(QString::number(there.loudness)));
      QVERIFY2(std::fabs(there.pitch - high.pitch) < 0.005, qPrintable(QString::number(there.pitch)));
    }
    std::erase_if(patch.cables, [](const Cable& c) { return c.to == "loudness"; });
    QVERIFY(!core::measureLags(patch, registry()).has_value());
  }
  /// What a transfer makes up for is what its features are late by, when the network adds nothing to it.
  void latencyIsThatOfTheFeatures() {
    const Patch model = follower();
    const auto lags = core::measureLags(model, registry());
    const auto latency = core::measureLatency(model, registry());
    QVERIFY(lags.has_value() && latency.has_value() && latency->has_value());
    QVERIFY2(std::fabs(**latency - lags->loudness) < 0.003,
             qPrintable(QString("%1 and %2 s").arg(**latency).arg(lags->loudness)));
  }

  /// The lag of a pitch is found where it moves, wherever the analysis has its windows.
  void pitchOfARecordingIsLate_data() {
    QTest::addColumn<double>("late");
    for (const int ms : {4, 12, 25}) QTest::addRow("%d ms", ms) << 0.001 * ms;
  }
  void pitchOfARecordingIsLate() {
    QFETCH(double, late);
    const auto featuresOf = [&](double cents) {
      core::SourceFeatures f;
      for (int tick = 0; tick < 3 * static_cast<int>(kModelRate) / kTick; ++tick) {
        f.pitch.push_back(std::log2(220 / kC4Hz) + swing((tick + 1) * kTick / kModelRate - late, cents));
        f.on.push_back(true);
      }
      return f;
    };
    const auto found = core::pitchLag(featuresOf(50), voice(50), kModelRate);
    QVERIFY(found.has_value());
    QVERIFY2(std::fabs(*found - late) < 0.0025, qPrintable(QString::number(*found)));
    QVERIFY(!core::pitchLag(featuresOf(0), voice(0), kModelRate).has_value());  // it says nothing
  }
  /// A pitch that is known later than the level: they share the difference.
  void transferBringsPitchAndLevelTogether() {
    const Patch model = follower();
    const auto latency = core::measureLatency(model, registry());
    QVERIFY(latency.has_value() && latency->has_value());
    const auto moving = core::transfer(model, {kModelRate, {voice(50)}}, registry(), {});
    const auto still = core::transfer(model, {kModelRate, {voice(0)}}, registry(), {});
    QVERIFY(moving.has_value() && still.has_value() && moving->pitchLag.has_value());
    QCOMPARE(still->report.latencySeconds, **latency);
    QVERIFY2(*moving->pitchLag > **latency + 0.001, qPrintable(QString::number(*moving->pitchLag)));
    QCOMPARE(moving->report.latencySeconds, 0.5 * (**latency + *moving->pitchLag));
  }
};

QTEST_APPLESS_MAIN(TestLatency)
#include "tst_latency.moc"
