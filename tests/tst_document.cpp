// SPDX-License-Identifier: GPL-3.0-or-later
// links: ui nodes presets
// Undo of everything, files, autosave and recovery, the guard of unsaved work, the fit panel with
// a fake fit.
#include <QFileInfo>
#include <QLabel>
#include <QLockFile>
#include <QMessageBox>
#include <QPushButton>
#include <QRandomGenerator>
#include <QTemporaryDir>
#include <QTimer>
#include <atomic>

#include "tests/window_rig.h"
#include "ui/fit/fit_panel.h"
#include "ui/inspector/inspector.h"
#include "ui/widgets/knob.h"

using namespace ui;

namespace {

/// One random edit, as a user could make it.
void randomEdit(Document& document, QRandomGenerator& random) {
  const core::Patch& p = document.patch();
  const auto& types = document.registry().types();
  const auto anyNode = [&] {
    return p.nodes[static_cast<std::size_t>(random.bounded(static_cast<int>(p.nodes.size())))];
  };
  const auto pick = [&](const auto& rows) {
    return std::string(rows[static_cast<std::size_t>(random.bounded(static_cast<int>(rows.size())))].id);
  };
  document.newGesture();
  const int kind = p.nodes.size() < 2 ? 0 : random.bounded(11);
  if (kind == 0) {
    (void)document.addNode(types[static_cast<std::size_t>(random.bounded(static_cast<int>(types.size())))].info.id,
                           QPointF(random.bounded(900), random.bounded(600)));
  } else if (kind == 1) {
    document.removeNodes({anyNode().id}, random.bounded(2));
  } else if (kind <= 4) {
    const auto a = anyNode(), b = anyNode();
    core::Cable c;
    c.from = a.id;
    c.to = b.id;
    if (document.typeOf(a.id)->outputs.empty() || document.typeOf(b.id)->inputs.empty()) return;
    c.output = pick(document.typeOf(a.id)->outputs);
    c.input = pick(document.typeOf(b.id)->inputs);
    (void)document.connectCable(c, random.bounded(2));
  } else if (kind == 5 && !p.cables.empty()) {
    document.disconnectCables({p.cables[0]});
  } else if (kind == 6 && !p.cables.empty()) {
    document.setDepth(p.cables.back(), random.generateDouble());
  } else if (kind == 7) {
    const auto n = anyNode();
    for (const core::Input& i : document.typeOf(n.id)->inputs)
      if (i.isParameter()) document.setKnob(n.id, std::string(i.id), i.range().plain(random.generateDouble()));
  } else if (kind == 8) {
    document.moveNodes({{anyNode().id, QPointF(random.bounded(900), random.bounded(600))}});
  } else if (kind == 9) {
    document.renameNode(anyNode().id, QString::number(random.bounded(1000)));
  } else if (kind == 10) {
    document.paste(subPatch(p, {anyNode().id, anyNode().id}), QPointF(random.bounded(900), 0));
  }
}

/// Answers the next message box with one of its buttons.
void answerNext(QMessageBox::StandardButton button) {
  QTimer::singleShot(50, [button] {
    auto* box = qobject_cast<QMessageBox*>(QApplication::activeModalWidget());
    QVERIFY(box);
    QTest::mouseClick(box->button(button), Qt::LeftButton);
  });
}

void clearAutosaves() {
  for (const QString& f : Document::recoverable()) Document::discardRecoverable(f);
}

/// A second of a sine.
QString targetFile(const QTemporaryDir& dir) {
  core::AudioData sound;
  sound.channels.resize(1);
  for (int i = 0; i < 48000; ++i) sound.channels[0].push_back(0.3F * std::sin(0.03F * static_cast<float>(i)));
  const QString path = dir.filePath(QStringLiteral("target.wav"));
  const auto written = core::writeAudio(path.toStdString(), sound, core::AudioFormat::wav16);
  return written ? path : QString();
}

/// Moves the cutoff bit by bit; ends when told to, or after `steps`.
FitRunner fakeFit(int steps, std::atomic<int>& calls) {
  return [steps, &calls](const core::Patch& p, const core::Registry&, const core::AudioData&, const core::FitOptions&,
                         const auto& report, const std::stop_token& stop) -> core::Result<core::FitResult> {
    core::FitResult r;
    r.patch = p;
    int i = 0;
    for (; i < steps && !stop.stop_requested(); ++i) {
      r.patch.find("svf")->values["cutoff"] = 1500 + i;
      core::FitProgress progress;
      progress.stage = "Fine";
      progress.step = i;
      progress.best = progress.loss = 10.0 / (1 + i);
      progress.patch = &r.patch;
      report(progress);
      r.curve.push_back(progress.best);
      ++calls;
      QThread::msleep(20);
    }
    r.cancelled = i < steps;
    r.steps = i;
    r.terms = {{"log-spectral", 9.4, 1.8}};
    r.changes = {{"svf.cutoff", "Hz", 1000, r.patch.find("svf")->values["cutoff"]}};
    return r;
  };
}

}  // namespace

class TestDocument : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() {
    useTestFolders("tst_document");
    clearAutosaves();
  }

  void undoAllGivesTheSamePatch_data() {
    QTest::addColumn<int>("seed");
    for (int seed = 1; seed <= 6; ++seed) QTest::addRow("seed %d", seed) << seed;
  }
  void undoAllGivesTheSamePatch() {
    QFETCH(int, seed);
    Rig rig;
    QRandomGenerator random(static_cast<quint32>(seed));
    const core::Patch before = rig.patch();
    std::vector<core::Patch> after{before};
    QUndoStack& stack = rig.document.undoStack();
    for (int i = 0; i < 60; ++i) {
      const int count = stack.count();
      randomEdit(rig.document, random);
      for (int c = count; c < stack.count(); ++c) after.push_back(c + 1 == stack.count() ? rig.patch() : core::Patch{});
    }
    const core::Patch last = rig.patch();
    QVERIFY(stack.count() > 20);
    while (stack.canUndo()) {
      stack.undo();
      if (const auto& expected = after[static_cast<std::size_t>(stack.index())]; !expected.nodes.empty())
        QVERIFY(rig.patch() == expected);
    }
    QVERIFY(rig.patch() == before);
    QVERIFY(rig.engine.patch.cables == before.cables);
    while (stack.canRedo()) stack.redo();
    QVERIFY(rig.patch() == last);
    QVERIFY(rig.engine.patch.cables == last.cables);
    for (const core::PatchNode& n : last.nodes) QVERIFY(rig.canvas().nodeItem(n.id));
  }

  void saveAndOpen() {
    Rig rig;
    const QTemporaryDir dir;
    rig.connectByMouse();
    rig.document.setKnob("svf", "cutoff", 321);
    QVERIFY(rig.document.dirty());
    const QString path = dir.filePath(QStringLiteral("a patch.json"));
    QVERIFY(rig.document.save(path));
    QVERIFY(!rig.document.dirty());
    QVERIFY(Document::recentFiles().contains(path));
    const core::Patch saved = rig.patch();
    rig.document.newPatch();
    QVERIFY(rig.patch().nodes.empty());
    rig.window.openFile(path);
    QVERIFY(rig.patch() == saved);
    QCOMPARE(rig.document.path(), path);
    QCOMPARE(rig.document.title(), QStringLiteral("a patch"));
    QVERIFY(!rig.document.open(dir.filePath(QStringLiteral("missing.json"))));
    QVERIFY(rig.patch() == saved);
  }

  void crashedWorkIsRecoveredWithoutAPath() {
    clearAutosaves();
    const QTemporaryDir dir;
    const QString left = Document::autosaveFolder() + QStringLiteral("/crashed.json");
    core::Patch work;
    {
      Rig rig;
      rig.document.setKnob("svf", "cutoff", 777);
      rig.document.autosaveNow();
      rig.document.finishAutosave();
      QVERIFY(Document::recoverable().isEmpty());  // a running session's work is not offered
      const auto files = QDir(Document::autosaveFolder()).entryInfoList({QStringLiteral("*.json")});
      QCOMPARE(files.size(), 1);
      QVERIFY(QFile::copy(files[0].absoluteFilePath(), left));  // what a crash leaves: no lock
      work = rig.patch();
      rig.document.discardAutosave();
    }
    QCOMPARE(Document::recoverable(), QStringList{left});
    Rig rig;
    QVERIFY(rig.document.save(dir.filePath(QStringLiteral("other.json"))));
    QVERIFY(rig.document.recover(left));
    QVERIFY(rig.patch() == work);
    QVERIFY(rig.document.path().isEmpty());
    QVERIFY(rig.document.dirty());
    QVERIFY(!QFile::exists(left));
    rig.document.discardAutosave();
    clearAutosaves();
  }

  void unsavedWorkIsGuarded() {
    Rig rig;
    QVERIFY(rig.window.mayDiscard());
    rig.document.setKnob("svf", "cutoff", 777);
    answerNext(QMessageBox::Cancel);
    QVERIFY(!rig.window.close());
    QVERIFY(rig.window.isVisible());
    answerNext(QMessageBox::Discard);
    QVERIFY(rig.window.close());
  }

  void fitEndsAsOneStep() {
    const QTemporaryDir dir;
    std::atomic<int> calls = 0;
    Rig rig({fakeFit(15, calls), {}, {}});
    FitPanel& panel = rig.window.fitPanel();
    rig.window.openFile(targetFile(dir));
    QTRY_VERIFY(panel.hasTarget());
    const core::Patch before = rig.patch();
    QTest::mouseClick(panel.fitButton(), Qt::LeftButton);
    QCOMPARE(panel.state(), FitPanel::State::running);
    QTRY_VERIFY(rig.engine.knobs > 0);  // heard while it converges
    QVERIFY(rig.patch() == before);     // but not an edit yet
    QTRY_COMPARE(panel.state(), FitPanel::State::review);
    QCOMPARE(rig.engine.patch.find("svf")->values.at("cutoff"), 1514.0);
    QTest::mouseClick(panel.keepButton(), Qt::LeftButton);
    QCOMPARE(rig.document.undoStack().count(), 1);
    QCOMPARE(rig.patch().find("svf")->values.at("cutoff"), 1514.0);
    rig.document.undoStack().undo();
    QVERIFY(rig.patch() == before);
    QCOMPARE(rig.engine.patch.find("svf")->values.at("cutoff"), 1000.0);
  }

  void fitIsCancelledAndDiscarded() {
    const QTemporaryDir dir;
    std::atomic<int> calls = 0;
    Rig rig({fakeFit(100000, calls), {}, {}});
    FitPanel& panel = rig.window.fitPanel();
    rig.window.openFile(targetFile(dir));
    QTRY_VERIFY(panel.hasTarget());
    QTest::mouseClick(panel.fitButton(), Qt::LeftButton);
    QTRY_VERIFY(calls > 5);
    rig.document.renameNode("svf", QStringLiteral("Renamed meanwhile"));
    QTest::mouseClick(panel.fitButton(), Qt::LeftButton);
    QTRY_COMPARE(panel.state(), FitPanel::State::review);
    QTest::mouseClick(panel.discardButton(), Qt::LeftButton);
    QCOMPARE(panel.state(), FitPanel::State::idle);
    QVERIFY(!rig.patch().find("svf")->values.contains("cutoff"));
    QCOMPARE(rig.patch().find("svf")->label, std::string("Renamed meanwhile"));
    QCOMPARE(rig.engine.patch.find("svf")->values.at("cutoff"), 1000.0);
  }

  void listeningIsLevelMatched() {
    const QTemporaryDir dir;
    std::atomic<int> calls = 0;
    Rig rig({fakeFit(3, calls), {}, {}});
    FitPanel& panel = rig.window.fitPanel();
    rig.window.openFile(targetFile(dir));
    QTRY_VERIFY(panel.listenButton(FitPanel::target)->isEnabled());
    QTest::mouseClick(panel.listenButton(FitPanel::target), Qt::LeftButton);
    QCOMPARE(rig.engine.clips, 1);
    QCOMPARE(rig.engine.clip.size(), std::size_t{48000});
    QTest::mouseClick(panel.listenButton(FitPanel::target), Qt::LeftButton);
    QCOMPARE(rig.engine.clipStops, 1);
  }

  void exportAsksTheExporterAndCancels() {
    FakeEngine engine;
    Document document(windowRegistry(), engine);
    std::atomic<int> calls = 0;
    std::atomic<double> rate = 0;
    const auto exporter = [&](const core::Patch&, const ExportRequest& r, const std::function<void(double)>& progress,
                              const std::stop_token& stop) -> core::Result<void> {
      rate = r.rate;
      for (int i = 0; i < 2000 && !stop.stop_requested(); ++i) {
        progress(i / 2000.0);
        ++calls;
        QThread::msleep(5);
      }
      if (stop.stop_requested()) return core::Error{"Cancelled."};
      return {};
    };
    ExportDialog dialog(document, exporter);
    dialog.setPath(QStringLiteral("never-written.wav"));
    dialog.show();
    QTest::mouseClick(dialog.startButton(), Qt::LeftButton);
    QTRY_VERIFY(calls > 3);
    QCOMPARE(rate.load(), 48000.0);
    QTest::mouseClick(dialog.startButton(), Qt::LeftButton);
    QTRY_COMPARE(dialog.message(), QStringLiteral("Cancelled."));
  }

  void fitKeepsEditsMadeMeanwhile() {
    core::Patch before;
    core::PatchNode n;
    n.id = "a";
    n.type = "filter.svf";
    before.nodes.push_back(n);
    core::Patch fitted = before, current = before;
    fitted.find("a")->values["cutoff"] = 200;
    current.find("a")->values["q"] = 3;
    current.find("a")->label = "mine";
    const core::Patch merged = mergeFit(current, before, fitted);
    QCOMPARE(merged.find("a")->values.at("cutoff"), 200.0);
    QCOMPARE(merged.find("a")->values.at("q"), 3.0);
    QCOMPARE(merged.find("a")->label, std::string("mine"));
  }
};

QTEST_MAIN(TestDocument)
#include "tst_document.moc"
