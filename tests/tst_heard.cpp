// SPDX-License-Identifier: GPL-3.0-or-later
// What is heard of a recording: neither an offset nor a pitch that is not there.
#include <QTest>

#include "core/file/recordings.h"
#include "core/neural/transfer.h"
#include "tests/model_rig.h"

using namespace tests;

class TestHeard : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  /// One channel without its offset; where there is none, to the bit as it was.
  void heardWithoutOffset() {
    AudioData x{44100, {std::vector<float>(44100), std::vector<float>(44100)}};
    for (std::size_t i = 0; i < 44100; ++i) {  // silence, then a tone that has a mean of its own
      const auto y = i < 9000 ? 0.0F : 0.01F + 0.2F * std::sin(0.0143F * static_cast<float>(i));
      x.channels[0][i] = y;
      x.channels[1][i] = -0.5F * y;
    }
    const std::vector<float> plain = x.folded();
    QVERIFY(core::asHeard(x).channels[0] == plain);
    for (float& v : x.channels[0]) v += 0.3F;
    for (float& v : x.channels[1]) v -= 0.1F;
    const AudioData y = core::asHeard(x);
    QCOMPARE(y.rate, 44100.0);
    QCOMPARE(y.channels.size(), std::size_t(1));
    QVERIFY2(worst(y.channels[0], plain) < 1e-6, qPrintable(QString::number(worst(y.channels[0], plain))));
    QCOMPARE(core::asHeard({44100, {std::vector<float>(10, 0.3F)}}).channels[0][9], 0.0F);  // shorter than a stretch
    QCOMPARE(core::asHeard({44100, {{}}}).frames(), std::size_t(0));
  }
  /// A pitch that is held, or was never there, is none.
  void noiseHasNoPitch() {
    const Patch model = follower();  // knows the pitch that a tracker begins with
    AudioData x{kModelRate, {std::vector<float>(16000)}};
    std::uint32_t random = 1;
    for (float& v : x.channels[0]) v = static_cast<float>((random = random * 1664525 + 1013904223) >> 8) / 8388608 - 1;
    core::TransferOptions o;
    o.octaveAuto = true;
    const auto noise = core::condition(model, x, registry(), o);
    QVERIFY(noise.has_value());
    QVERIFY(!noise->report.pitchFound);
    QCOMPARE(noise->report.insidePitch, 0.0);
    QCOMPARE(noise->report.octave, 0.0);
    // noise of the same level behind notes out of range changes nothing of their share
    AudioData low = notes(kModelRate, 2, {70, 80}, -10);
    low.channels[0].insert(low.channels[0].end(), x.channels[0].begin(), x.channels[0].end());
    const auto both = core::condition(model, low, registry(), {});
    QVERIFY(both.has_value() && both->report.pitchFound);
    QVERIFY2(both->report.insidePitch < 0.02, qPrintable(QString::number(both->report.insidePitch)));
  }
  /// A constant offset of a recording is heard by nobody.
  void offsetChangesNothing_data() {
    QTest::addColumn<double>("offset");
    for (const double offset : {0.02, 0.3, -0.5}) QTest::addRow("%g", offset) << offset;
  }
  void offsetChangesNothing() {
    QFETCH(double, offset);
    const Patch model = follower();
    const AudioData x = notes(44100, 3, {180, 220, 262}, -26);
    AudioData y = x;
    for (float& v : y.channels[0]) v += static_cast<float>(offset);
    core::TransferOptions o;
    o.octaveAuto = true;
    const auto plain = core::condition(model, x, registry(), o), moved = core::condition(model, y, registry(), o);
    QVERIFY(plain.has_value() && moved.has_value());
    QVERIFY(plain->report.insidePitch > 0.9);
    QCOMPARE(moved->report.octave, 0.0);
    QVERIFY(std::fabs(moved->report.insidePitch - plain->report.insidePitch) < 0.005);
    QVERIFY(std::fabs(moved->report.soundingShare - plain->report.soundingShare) < 0.01);
    double away = 0;
    for (std::size_t i = 0; i < plain->features.pitch.size(); ++i)
      if (plain->features.pitched[i])
        away = std::max({away, std::fabs(moved->features.pitch[i] - plain->features.pitch[i]),
                         0.01 * std::fabs(moved->features.loudness[i] - plain->features.loudness[i])});
    QVERIFY2(away < 0.001, qPrintable(QString::number(away)));
  }
};

QTEST_APPLESS_MAIN(TestHeard)
#include "tst_heard.moc"
