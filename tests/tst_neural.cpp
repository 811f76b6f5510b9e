// SPDX-License-Identifier: GPL-3.0-or-later
// The parts of neural instruments: frame clock, pitch and loudness against known tones, the controller across sample
// rates.
#include <QTest>
#include <random>

#include "core/dsp/pitch_estimator.h"
#include "core/graph/executor.h"
#include "core/neural/frame_clock.h"
#include "nodes/registry.h"
#include "tests/node_rig.h"

using namespace tests;

namespace {
const core::Registry& registry() {
  static const core::Registry r = nodes::makeRegistry();
  return r;
}

/// A tone of `harmonics` partials falling by 1 / k.
std::vector<float> tone(double hertz, double rate, double seconds, int harmonics, double amplitude = 0.3) {
  std::vector<float> x(static_cast<std::size_t>(seconds * rate));
  for (std::size_t i = 0; i < x.size(); ++i)
    for (int k = 1; k <= harmonics && k * hertz < 0.45 * rate; ++k)
      x[i] += static_cast<float>(amplitude / k *
                                 std::sin(2 * std::numbers::pi * k * hertz * static_cast<double>(i) / rate + 0.7 * k));
  return x;
}

}  // namespace

class TestNeural : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void framesLieOverTicks_data() {
    QTest::addColumn<double>("rate");
    for (const double rate : {8000.0, 16000.0, 22050.0, 44100.0, 48000.0, 96000.0}) QTest::addRow("%g", rate) << rate;
  }
  void framesLieOverTicks() {
    QFETCH(double, rate);
    const FrameClock clock(rate);
    const double perTick = std::min(1.0, 250.0 * kTick / rate);
    QCOMPARE(clock.everyTick(), rate <= 16000);
    std::int64_t frames = 0;
    for (std::int64_t tick = 0; tick < 4000; ++tick) {
      const std::int64_t frame = clock.frameOf(tick);
      if (clock.begins(tick)) {
        QCOMPARE(frame, frames++);
        QCOMPARE(clock.firstTick(frame), tick);
      }
      QVERIFY(std::fabs(static_cast<double>(frame) - static_cast<double>(tick) * perTick) < 1.0001);
      const bool last = clock.frameOf(tick + 1) != frame;
      QCOMPARE(clock.progress(tick) == 1, last);
      QVERIFY(clock.progress(tick) > 0);
    }
  }

  void pitchOfTones_data() {
    QTest::addColumn<double>("hertz");
    QTest::addColumn<double>("rate");
    QTest::addColumn<int>("harmonics");
    for (const double rate : {16000.0, 44100.0, 48000.0})
      for (const double hertz : {65.4, 110.0, 196.3, 440.7, 831.6, 1568.4, 2093.0})
        for (const int harmonics : {1, 12})
          QTest::addRow("%g Hz, %d harmonics @ %g", hertz, harmonics, rate) << hertz << rate << harmonics;
  }
  void pitchOfTones() {
    QFETCH(double, hertz);
    QFETCH(double, rate);
    QFETCH(int, harmonics);
    const PitchEstimator estimator(rate, 60, 2200);
    auto scratch = estimator.makeScratch();
    const auto x = tone(hertz, rate, 0.4, harmonics);
    double worst = 0;
    for (int shift = 0; shift < 50; ++shift) {
      const std::size_t end = x.size() - static_cast<std::size_t>(shift * 61);
      const auto found = estimator.estimate(
          {x.data() + end - static_cast<std::size_t>(estimator.span()), static_cast<std::size_t>(estimator.span())},
          scratch);
      QVERIFY(found.hertz > 0);
      QVERIFY2(found.confidence > 0.85, qPrintable(QString::number(found.confidence)));
      worst = std::max(worst, std::fabs(1200 * std::log2(found.hertz / hertz)));
    }
    QVERIFY2(worst < 5, qPrintable(QString("%1 cents off").arg(worst)));
  }
  void noPitchInNoise() {
    const PitchEstimator estimator(48000, 60, 2200);
    auto scratch = estimator.makeScratch();
    std::mt19937 random(3);
    std::normal_distribution<float> gauss(0, 0.1F);
    std::vector<float> x(static_cast<std::size_t>(estimator.span()));
    int sure = 0;
    for (int i = 0; i < 100; ++i) {
      for (float& v : x) v = gauss(random);
      if (estimator.estimate(x, scratch).confidence > 0.8) ++sure;
    }
    QVERIFY2(sure <= 5, qPrintable(QString::number(sure)));
    std::fill(x.begin(), x.end(), 0.0F);
    QCOMPARE(estimator.estimate(x, scratch).hertz, 0.0);
  }

  /// A weighted 1 kHz sine reads its own power; 100 Hz lies 19.1 dB lower (IEC 61672).
  void loudnessIsAWeighted_data() {
    QTest::addColumn<double>("rate");
    for (const double rate : {16000.0, 44100.0, 48000.0, 96000.0}) QTest::addRow("%g", rate) << rate;
  }
  void loudnessIsAWeighted() {
    QFETCH(double, rate);
    const NodeType* type = registry().find("neural.loudness");
    const auto read = [&](double hertz) {
      NodeRig rig(*type, 1, rate, 200, 1);
      const auto x = tone(hertz, rate, 200.0 * kTick / rate + 0.01, 1, 0.1);
      for (int i = 0; i < 200 * kTick; ++i) rig.inputs[0].at(0, 0)[i] = static_cast<Sample>(x[at(i)]);
      rig.reset();
      rig.forward({200});
      double sum = 0;
      for (int t = 150; t < 200; ++t) sum += static_cast<double>(rig.outputs[0].at(0, t)[0]) / 50;
      return sum;
    };
    const double kilo = read(1000);
    QVERIFY2(std::fabs(kilo + 23.01) < 0.15, qPrintable(QString::number(kilo)));
    QVERIFY2(std::fabs(read(100) - kilo + 19.14) < 0.6, qPrintable(QString::number(read(100) - kilo)));
    QVERIFY2(std::fabs(read(440) - kilo + 4.1) < 0.3, qPrintable(QString::number(read(440) - kilo)));
  }

  /// At 44.1 and 48 kHz the controller reaches what it gives at 16 kHz for the same conditions.
  void controllerHoldsAcrossRates() {
    const NodeType* type = registry().find("neural.controller");
    const auto settled = [&](double rate) {
      const int ticks = static_cast<int>(rate / kTick);  // one second
      NodeRig rig(*type, 1, rate, ticks, 4);
      for (int t = 0; t < ticks; ++t) {
        rig.inputs[0].at(0, t)[0] = static_cast<Sample>(0.4);
        rig.inputs[1].at(0, t)[0] = -30;
      }
      NodeRig same(*type, 1, 16000, 1, 4);
      rig.tensorValues = same.tensorValues;
      rig.setup.tensors = rig.tensorValues;
      rig.packTensors();
      rig.prepare();
      rig.reset();
      rig.forward({ticks});
      std::vector<double> y;
      for (const SignalBuffer& b : rig.outputs)
        for (int k = 0; k < b.tickSize(); ++k) y.push_back(static_cast<double>(b.at(0, ticks - 1)[k]));
      return y;
    };
    const auto at16 = settled(16000);
    for (const double rate : {44100.0, 48000.0}) {
      const auto y = settled(rate);
      for (std::size_t k = 0; k < y.size(); ++k)
        QVERIFY2(std::fabs(y[k] - at16[k]) < 1e-3 * (1e-3 + std::fabs(at16[k])),
                 qPrintable(QString("%1: %2 against %3").arg(k).arg(y[k]).arg(at16[k])));
    }
  }
};

QTEST_APPLESS_MAIN(TestNeural)
#include "tst_neural.moc"
