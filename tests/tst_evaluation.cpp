// SPDX-License-Identifier: GPL-3.0-or-later
// The measures of papers: known errors, and the rows that are no models.
#include <QTest>
#include <cmath>
#include <string_view>

#include "core/analysis/evaluation.h"
#include "core/neural/baselines.h"
#include "tests/model_rig.h"

using namespace tests;

class TestEvaluation : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void evaluationOfKnownErrors() {
    const AudioData x = notes(kModelRate, 5, {220, 262, 330, 294, 247}, -14);
    const auto same = core::evaluate(x, x);
    QCOMPARE(same.whole.mss, 0.0);
    QCOMPARE(same.f0Mean, 0.0);
    QCOMPARE(same.edgeDb + same.sustainDb + same.outlierPaper + same.outlierHead, 0.0);
    QVERIFY(same.edgeShare > 0.1 && same.sustainShare > 0.3 && same.clips == 2);
    AudioData quieter = x;
    for (float& v : quieter.channels[0]) v *= 0.5F;
    const auto half = core::evaluate(x, quieter);
    QVERIFY(std::fabs(half.sustainDb - 6.02) < 0.05);
    QVERIFY(half.sustainSigma > 0.15 && half.sustainSigma < 0.2);  // 0.69 nats / 3.51
    QCOMPARE(half.loss, 6 * half.whole.mss);
    std::vector<double> up, far;
    for (const double f : {220, 262, 330, 294, 247}) {
      up.push_back(f * std::exp2(0.7 / 12));
      far.push_back(f * std::exp2(17.0 / 12));
    }
    const auto sharp = core::evaluate(x, notes(kModelRate, 5, up, -14)),
               away = core::evaluate(x, notes(kModelRate, 5, far, -14));
    QVERIFY(std::fabs(sharp.f0Median - 0.7) < 0.02);
    QVERIFY(sharp.f0OverHalf > 0.9 && sharp.f0OverOctave < 0.02 && sharp.outlierHead == 0);
    QVERIFY(away.f0OverOctave > 0.9 && away.outlierHead == 1 && away.outlierPaper == 1);
    const AudioData silence{kModelRate, {std::vector<float>(x.frames())}};
    const auto untracked = core::evaluate(x, silence), nothing = core::evaluate(silence, x);
    QCOMPARE(untracked.pitchFrames, 0);
    QCOMPARE(untracked.outlierPaper, 1.0);
    QCOMPARE(nothing.clipsKept, 0);
    QCOMPARE(nothing.outlierPaper, 1.0);
    QCOMPARE(nothing.outlierHead, 0.0);
    const auto value = [](const core::Evaluation& e, std::string_view key) {
      for (const core::Measure& m : core::measures(e))
        if (m.key == key) return m.value;
      return -1.0;
    };
    // what could not be measured is not perfect, and counts in no mean
    for (const char* key : {"f0_median", "f0_mean", "f0_over_half", "f0_over_octave", "f0_clip_mean"})
      QVERIFY2(std::isnan(value(untracked, key)) && std::isnan(value(nothing, key)), key);
    for (const char* key : {"loud_sigma_edges", "loud_db_edges", "loud_sigma_sustains", "f0_outliers_head"})
      QVERIFY2(std::isnan(value(nothing, key)) && !std::isnan(value(untracked, key)), key);
    QVERIFY(value(nothing, "f0_outliers_paper") == 1);
    const auto partly = core::meanOf({half, nothing, untracked, sharp});
    QVERIFY(std::fabs(partly.edgeDb - (half.edgeDb + untracked.edgeDb + sharp.edgeDb) / 3) < 1e-9);
    QVERIFY(std::fabs(partly.sustainSigma - (half.sustainSigma + untracked.sustainSigma + sharp.sustainSigma) / 3) <
            1e-9);
    QVERIFY(std::fabs(partly.clipF0 - (half.clipF0 + sharp.clipF0) / 2) < 1e-9 && sharp.clipF0 > 0.5);
    const auto mean = core::meanOf({same, half});
    QVERIFY(std::fabs(mean.sustainDb - 0.5 * half.sustainDb) < 1e-9);
  }
  void rowsThatAreNoModels() {
    const AudioData x = notes(kModelRate, 3, {220, 262, 330}, -14);
    const auto measured = [&](const core::Result<AudioData>& y) {
      return y ? core::evaluate(x, *y) : core::Evaluation{};
    };
    const auto best = measured(core::oracle(x, registry())), saw = measured(core::bareTone(x, "saw", registry())),
               sine = measured(core::bareTone(x, "sine", registry()));
    QVERIFY(best.pitchFrames > 0 && saw.pitchFrames > 0 && sine.pitchFrames > 0);
    QVERIFY2(best.whole.mss < 0.5 * std::min(saw.whole.mss, sine.whole.mss),
             qPrintable(QString("%1 %2 %3").arg(best.whole.mss).arg(saw.whole.mss).arg(sine.whole.mss)));
    QVERIFY2(saw.sustainSigma < 0.02, qPrintable(QString::number(saw.sustainSigma)));
    for (const auto& e : {best, saw, sine}) QVERIFY2(e.f0Median < 0.05, qPrintable(QString::number(e.f0Median)));
  }
};

QTEST_APPLESS_MAIN(TestEvaluation)
#include "tst_evaluation.moc"
