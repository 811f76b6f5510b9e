// SPDX-License-Identifier: GPL-3.0-or-later
// links: ui nodes presets
// The fit panel's history, distance and listening, with a fake fit over real renderings.
#include <QLabel>
#include <QPushButton>
#include <QSlider>
#include <QTemporaryDir>
#include <atomic>
#include <cmath>

#include "core/analysis/compare.h"
#include "core/graph/render.h"
#include "tests/window_rig.h"
#include "ui/fit/distance_curve.h"
#include "ui/fit/fit_panel.h"

using namespace ui;

namespace {

/// An oscillator through the filter into the output.
void makeSound(Document& document) {
  document.change(QStringLiteral("Wire"), [](core::Patch& p) {
    core::PatchNode osc;
    osc.id = "osc";
    osc.type = "source.oscillator";
    osc.settings["waveform"].text = "saw";
    p.nodes.push_back(osc);
    p.cables = {{"osc", "out", "svf", "in"}, {"svf", "low", "output", "in"}};
    p.find("svf")->values["cutoff"] = 400;
    p.phrase = {{60, 0, 0.8, 0.8}};
  });
}

/// The patch's own sound at another cutoff and half as loud: what a fit should find.
QString targetFile(const QTemporaryDir& dir, core::Patch patch, double cutoff) {
  patch.find("svf")->values["cutoff"] = cutoff;
  patch.find("output")->values["level"] = -6;
  const auto sound = core::render(patch, windowRegistry(), {.seconds = 1.0});
  if (!sound) return {};
  const core::AudioData audio{sound->rate, {sound->channels[0], sound->channels[1]}};
  const QString path = dir.filePath(QStringLiteral("target.wav"));
  return core::writeAudio(path.toStdString(), audio, core::AudioFormat::wav32f) ? path : QString();
}

/// Moves the cutoff from 500 up in equal steps to 1500, each published, slowly enough to be rendered.
core::Result<core::FitResult> slowFit(const core::Patch& p, const core::Registry&, const core::AudioData&,
                                      const core::FitOptions&,
                                      const std::function<void(const core::FitProgress&)>& report,
                                      const std::stop_token& stop) {
  core::FitResult r;
  r.patch = p;
  for (int i = 0; i <= 10 && !stop.stop_requested(); ++i) {
    r.patch.find("svf")->values["cutoff"] = 500 + 100 * i;
    core::FitProgress progress;
    progress.stage = i < 5 ? "Coarse" : "Fine";
    progress.step = i;
    progress.best = progress.loss = i < 5 ? 1000 - i : 1.0 / i;  // stages have measures of their own
    progress.patch = &r.patch;
    report(progress);
    r.steps = i;
    QThread::msleep(150);
  }
  return r;
}

double cutoffOf(const core::Patch& p) { return p.find("svf")->values.at("cutoff"); }

}  // namespace

class TestFitPanel : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() { useTestFolders("tst_fit_panel"); }

  void anyMomentCanBeHeardAndKept() {
    const QTemporaryDir dir;
    Rig rig({slowFit, {}, {}});
    makeSound(rig.document);
    FitPanel& panel = rig.window.fitPanel();
    const QString file = targetFile(dir, rig.patch(), 1500);
    rig.window.openFile(file);
    QTRY_VERIFY(panel.hasTarget() && panel.settled());
    QVERIFY(!panel.historySlider()->isEnabled());
    const int steps = rig.document.undoStack().count();
    QTest::mouseClick(panel.fitButton(), Qt::LeftButton);
    QTRY_COMPARE_WITH_TIMEOUT(panel.state(), FitPanel::State::review, 20000);
    QTRY_VERIFY(panel.settled());
    const FitHistory& history = panel.history();
    QVERIFY2(history.size() >= 4, qPrintable(QString::number(history.size())));
    QCOMPARE(history.at(0).stage, QStringLiteral("Start"));
    QCOMPARE(cutoffOf(*history.at(0).patch), 400.0);
    const auto goal = core::readAudio(file.toStdString(), 10);
    for (int i = 0; i < history.size(); ++i) {  // whatever the stage's own measure: the one of the report
      const auto sound = core::render(*history.at(i).patch, windowRegistry(), {.seconds = 1.0});
      const double lsd = core::compare(*goal, {sound->rate, {sound->channels[0], sound->channels[1]}}).lsdDb;
      QVERIFY(std::fabs(history.at(i).distance - lsd) < 1e-6);
      if (i > 0) QVERIFY(history.at(i).seconds >= history.at(i - 1).seconds);
    }
    QVERIFY(history.at(0).distance > history.at(history.size() - 1).distance + 1);  // the level stays 6 dB away
    QCOMPARE(panel.curve()->count(), static_cast<std::size_t>(history.size()));
    QCOMPARE(cutoffOf(rig.engine.patch), 1500.0);

    panel.historySlider()->setFocus();
    QTest::keyClick(panel.historySlider(), Qt::Key_Left);
    const int wanted = history.size() - 2;
    QCOMPARE(panel.curve()->marked(), wanted);
    QCOMPARE(cutoffOf(rig.engine.patch), cutoffOf(*history.at(wanted).patch));  // heard at once
    // a moment that lies apart from its neighbours: on a fast machine the first ones share a pixel
    const auto x = [&](int i) { return panel.curve()->pointAt(i).x(); };
    int apart = 1;
    for (int i = 1; i + 1 < history.size() && cutoffOf(*history.at(i).patch) < 1500; ++i)
      if (std::min(x(i) - x(i - 1), x(i + 1) - x(i)) > std::min(x(apart) - x(apart - 1), x(apart + 1) - x(apart)))
        apart = i;
    QTest::mouseClick(panel.curve(), Qt::LeftButton, {}, panel.curve()->pointAt(apart).toPoint());
    QCOMPARE(panel.historySlider()->value(), apart);
    const double kept = cutoffOf(*history.at(apart).patch);
    QVERIFY(kept < 1500);
    QTest::mouseClick(panel.keepButton(), Qt::LeftButton);
    QCOMPARE(cutoffOf(rig.patch()), kept);
    QCOMPARE(rig.document.undoStack().count(), steps + 1);
    rig.document.undoStack().undo();
    QCOMPARE(cutoffOf(rig.patch()), 400.0);
  }

  void theNumberIsTheReportsDistance() {
    const QTemporaryDir dir;
    Rig rig({slowFit, {}, {}});
    makeSound(rig.document);
    FitPanel& panel = rig.window.fitPanel();
    const QString file = targetFile(dir, rig.patch(), 1500);
    rig.window.openFile(file);
    QTRY_VERIFY(panel.hasTarget() && panel.settled());
    const auto target = core::readAudio(file.toStdString(), 10);
    const auto sound = core::render(rig.patch(), windowRegistry(), {.seconds = 1.0});
    const double lsd = core::compare(*target, {sound->rate, {sound->channels[0], sound->channels[1]}}).lsdDb;
    QTRY_COMPARE(panel.number()->text(), QStringLiteral("%1 dB").arg(lsd, 0, 'f', 1));
    rig.document.setKnob("svf", "cutoff", 1500);  // an edit is measured too
    QTRY_VERIFY(panel.number()->text() != QStringLiteral("%1 dB").arg(lsd, 0, 'f', 1));
  }

  void listeningIsMatchedInLoudness() {
    const QTemporaryDir dir;
    Rig rig({slowFit, {}, {}});
    makeSound(rig.document);
    FitPanel& panel = rig.window.fitPanel();
    rig.window.openFile(targetFile(dir, rig.patch(), 6000));  // brighter: equal RMS is not equal loudness
    QTRY_VERIFY(panel.listenButton(FitPanel::patch)->isEnabled());
    const auto heard = [&](FitPanel::Clip clip) {
      QTest::mouseClick(panel.listenButton(clip), Qt::LeftButton);
      return rig.engine.clip;
    };
    const double target = loopedLoudness(heard(FitPanel::target), 48000);
    const double patch = loopedLoudness(heard(FitPanel::patch), 48000);
    QVERIFY2(std::fabs(target - patch) < 0.1, qPrintable(QStringLiteral("%1 and %2 LUFS").arg(target).arg(patch)));
    QVERIFY(std::isfinite(target));
    const int clips = rig.engine.clips;
    QTest::keyClick(&rig.canvas(), Qt::Key_QuoteLeft);  // switches
    QCOMPARE(rig.engine.clips, clips + 1);
    QVERIFY(panel.listenButton(FitPanel::target)->isChecked());
    QTest::keyClick(&rig.canvas(), Qt::Key_QuoteLeft);
    QVERIFY(panel.listenButton(FitPanel::patch)->isChecked());
  }

  void shortSoundsHaveALoudness() {
    std::vector<float> blip(4800);
    for (std::size_t i = 0; i < blip.size(); ++i) blip[i] = 0.25F * std::sin(0.13F * static_cast<float>(i));
    QVERIFY(std::isfinite(loopedLoudness(blip, 48000)));  // a tenth of a second
    QVERIFY(!std::isfinite(loopedLoudness(std::vector<float>(4800), 48000)));
  }

  void historyIsBounded() {
    FitHistory history(10, 1000);
    for (int i = 0; i < 100; ++i) {
      core::Patch p;
      p.nodes.emplace_back();
      if (i >= 50) {  // then each moment brings 400 bytes of its own
        auto blob = std::make_shared<core::Blob>();
        blob->data.resize(100);
        p.nodes[0].tensors["track"] = blob;
      }
      history.add({QString(), i, static_cast<double>(i), 0, std::make_shared<core::Patch>(p)});
      QVERIFY(history.size() <= 10);
      QCOMPARE(history.at(0).step, 0);
      QCOMPARE(history.at(history.size() - 1).step, i);
      if (history.size() > 3) QVERIFY(history.bytes() <= 1000);
    }
  }

  void axisTops() {
    QCOMPARE(axisTop(0.7), 0.8);
    QCOMPARE(axisTop(9.4), 10.0);
    QCOMPARE(axisTop(23), 30.0);
    QCOMPARE(axisTop(0), 1.0);
  }
};

QTEST_MAIN(TestFitPanel)
#include "tst_fit_panel.moc"
