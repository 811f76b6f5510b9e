// SPDX-License-Identifier: GPL-3.0-or-later
// links: ui nodes presets
// Training in the window: a real one of a tiny patch on synthesised sound, and what the panel shows of
// one that is led by hand.
#include <sys/resource.h>
#include <unistd.h>

#include <QComboBox>
#include <QDoubleSpinBox>
#include <QDragEnterEvent>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QMessageBox>
#include <QMimeData>
#include <QPushButton>
#include <QSignalSpy>
#include <QTabWidget>
#include <QTemporaryDir>
#include <QTimer>
#include <atomic>

#include "core/neural/background.h"
#include "core/neural/sizes.h"
#include "presets/model_file.h"
#include "tests/model_rig.h"
#include "tests/window_rig.h"
#include "ui/train/loss_curves.h"
#include "ui/train/train_form.h"
#include "ui/train/train_panel.h"

using namespace ui;

namespace {

/// A training that does what the test says, step by step.
struct Led {
  std::atomic<int> steps{0};  ///< reported so far
  std::atomic<int> allowed{0};
  std::atomic<bool> ends{false};
  std::atomic<int> niceness{-100};
  presets::TrainJob job;

  core::Result<presets::Trained> run(const presets::TrainJob& asked, const core::Registry&,
                                     const std::function<void(const core::TrainProgress&)>& progress,
                                     const std::stop_token& stop) {
    job = asked;
    niceness = getpriority(PRIO_PROCESS, static_cast<id_t>(gettid()));
    presets::Trained out;
    core::TrainResult& r = out.result;
    r.patch = asked.patch;
    r.validated = {"b.wav#1", "b.wav#2"};
    r.skipped = {{"c.wav", "It is silent."}};
    const std::vector<std::string> wrong{"The model has gone silent."};
    while (!stop.stop_requested() && !ends) {
      if (steps >= allowed) {
        QThread::msleep(5);
        continue;
      }
      ++steps;
      core::TrainProgress p;
      p.stage = "Training";
      p.step = steps;
      p.elapsed = 10.0 * steps;
      p.left = 600 - p.elapsed;
      p.loss = 8.0 / steps;
      r.curve.push_back({steps, p.elapsed, p.loss, 9.0 / steps});
      p.curve = r.curve;
      p.heldOut = r.validated;
      p.skipped = r.skipped;
      if (steps >= 2) p.warnings = wrong;
      r.patch.find("room")->values["wet"] = -steps;
      p.checkpoint = &r;
      progress(p);
    }
    r.state.step = steps;
    r.cancelled = stop.stop_requested();
    return out;
  }
  presets::TrainRunner runner() {
    return [this](const auto& j, const auto& r, const auto& p, const auto& s) { return run(j, r, p, s); };
  }
};

}  // namespace

class TestTrainPanel : public QObject {
  Q_OBJECT
  QTemporaryDir dir_;
  QString at(const char* name) const { return dir_.filePath(QString::fromLatin1(name)); }

  static WindowServices services(presets::TrainRunner train) {
    WindowServices s;
    s.train = std::move(train);
    return s;
  }
  /// A window over the follower, its panel filled in.
  void fill(Rig& rig, const char* model) const {
    rig.document.loadPreset(tests::follower());
    TrainPanel& panel = rig.window.trainPanel();
    rig.window.openFile(at("folder"));
    panel.form().setModel(at(model));
    panel.form().heldOut()->setText(QStringLiteral("b.wav"));
  }

 private Q_SLOTS:
  void initTestCase() {
    useTestFolders("tst_train_panel");
    QVERIFY(QDir().mkpath(at("folder")) && QDir().mkpath(at("empty")));
    for (const auto& [name, key] : {std::pair{"folder/a.wav", 330.0}, {"folder/b.wav", 294.0}})
      QVERIFY(
          core::writeAudio(at(name).toStdString(), tests::notes(16000, 1.2, {220, key}, -16), core::AudioFormat::wav16)
              .has_value());
  }

  /// The real thing: trained, written, opened, undone.
  void aModelIsMade() {
    Rig rig(services([](presets::TrainJob job, const auto& registry, const auto& progress, const auto& stop) {
      job.options.lanes = 2;  // as small as it goes
      job.options.clipSeconds = 0.8;
      job.options.validateSeconds = job.options.checkpointSeconds = 0;
      return presets::trainModel(job, registry, progress, stop);
    }));
    fill(rig, "made.safetensors");
    TrainPanel& panel = rig.window.trainPanel();
    QVERIFY(panel.isVisible());  // the folder brought it to the front
    panel.form().minutes()->setValue(0.1);
    QTest::mouseClick(panel.trainButton(), Qt::LeftButton);
    QCOMPARE(panel.state(), TrainPanel::State::running);
    QTRY_COMPARE_WITH_TIMEOUT(panel.listenButton(TrainPanel::model)->isEnabled(), true, 60000);
    QVERIFY(QFile::exists(at("made.safetensors")));
    QTest::mouseClick(panel.listenButton(TrainPanel::model), Qt::LeftButton);
    QTRY_VERIFY_WITH_TIMEOUT(rig.engine.clips > 0, 30000);  // while it learns
    QVERIFY(*std::max_element(rig.engine.clip.begin(), rig.engine.clip.end()) > 1e-4F);
    QTRY_COMPARE_WITH_TIMEOUT(panel.state(), TrainPanel::State::done, 60000);
    QVERIFY(!panel.curves().curve().empty());
    QCOMPARE(panel.takes()->count(), 2);
    const auto model = presets::readModel(at("made.safetensors").toStdString());
    QVERIFY(model.has_value());
    const auto& weights = model->patch.find("controller")->tensors.at("weights")->data;
    QVERIFY(weights != tests::follower().find("controller")->tensors.at("weights")->data);
    const int steps = rig.document.undoStack().count();
    QTest::mouseClick(panel.openButton(), Qt::LeftButton);
    QCOMPARE(rig.document.undoStack().count(), steps + 1);
    QVERIFY(rig.patch().find("controller")->tensors.at("weights")->data == weights);
    QCOMPARE(rig.document.title(), QStringLiteral("made"));
    rig.document.undoStack().undo();
    QCOMPARE(rig.document.title(), QStringLiteral("Instrument 1"));
  }

  void progressIsShown() {
    Led led;
    Rig rig(services(led.runner()));
    fill(rig, "led.safetensors");
    TrainPanel& panel = rig.window.trainPanel();
    const int before = rig.engine.patches;
    QTest::mouseClick(panel.trainButton(), Qt::LeftButton);
    QCOMPARE(panel.trainButton()->text(), QStringLiteral("Stop"));
    QVERIFY(!panel.form().isEnabled());
    led.allowed = 1;
    QTRY_COMPARE(panel.curves().curve().size(), std::size_t{1});
    const QString line = panel.progress()->text();
    for (const char* part : {"Training", "step 1", "loss 8", "held out 9", "10 min left"})
      QVERIFY2(line.contains(QString::fromLatin1(part)), qPrintable(line));
    QCOMPARE(panel.notes()->count(), 1);
    QVERIFY(panel.notes()->item(0)->text().contains(QStringLiteral("c.wav: It is silent.")));
    led.allowed = 2;
    QTRY_COMPARE(panel.notes()->count(), 2);
    QVERIFY(panel.notes()->item(0)->text().contains(QStringLiteral("gone silent")));
    // a straight line on a logarithmic axis: equal factors, equal heights
    const LossCurves& curves = panel.curves();
    const double whole = curves.pointAt(0, 9).y() - curves.pointAt(0, 4).y();
    QVERIFY(whole < 0 && std::fabs(curves.pointAt(0, 6).y() - curves.pointAt(0, 4).y() - whole / 2) < 0.01);
    QCOMPARE(rig.engine.patches, before);  // what plays is left alone
    led.ends = true;
    QTRY_COMPARE(panel.state(), TrainPanel::State::done);
    QCOMPARE(led.job.data.validate, std::vector<std::string>{"b.wav"});
    QCOMPARE(led.job.files.size(), std::size_t{2});
  }

  void itGivesWayToTheSound() {
    Led led;
    Rig rig(services(led.runner()));
    fill(rig, "led.safetensors");
    QTest::mouseClick(rig.window.trainPanel().trainButton(), Qt::LeftButton);
    QTRY_VERIFY(led.niceness != -100);
    QVERIFY(led.niceness >= 10);
    QVERIFY(getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())) < led.niceness);  // the window's thread stays
    QCOMPARE(led.job.options.threads, core::backgroundThreads());
    const int cores = static_cast<int>(std::thread::hardware_concurrency());
    QCOMPARE(core::backgroundThreads(), std::max(1, cores - 1));
    led.ends = true;
    QTRY_COMPARE(rig.window.trainPanel().state(), TrainPanel::State::done);
  }

  void stoppedAndResumed() {
    Led led;
    Rig rig(services(led.runner()));
    fill(rig, "resumed.safetensors");
    TrainPanel& panel = rig.window.trainPanel();
    QVERIFY(!panel.resumeButton()->isEnabled());
    led.allowed = 1;
    QTest::mouseClick(panel.trainButton(), Qt::LeftButton);
    QTRY_COMPARE(led.steps.load(), 1);
    QTest::mouseClick(panel.trainButton(), Qt::LeftButton);
    QTRY_COMPARE(panel.state(), TrainPanel::State::idle);
    QVERIFY(panel.progress()->text().contains(QStringLiteral("Resume")));
    // a checkpoint lies there
    QVERIFY(presets::writeModel({tests::follower(), {}}, at("resumed.safetensors").toStdString()).has_value());
    const auto trainedFor = [this](double seconds) {
      const auto place = presets::statePath(at("resumed.safetensors").toStdString());
      QVERIFY(presets::writeArrays({{"values", {1.0}}, {"count", {5, seconds, 1}}}, place).has_value());
    };
    trainedFor(30 * 60);
    panel.form().setModel(QString());
    panel.form().setModel(at("resumed.safetensors"));
    QVERIFY(panel.resumeButton()->isEnabled());
    QTest::mouseClick(panel.resumeButton(), Qt::LeftButton);  // the half hour is over: said, not done
    QCOMPARE(panel.state(), TrainPanel::State::idle);
    trainedFor(60);
    led.ends = true;
    QTest::mouseClick(panel.resumeButton(), Qt::LeftButton);
    QVERIFY(panel.hasCheckpoint());  // what was reached can be heard at once
    QTRY_COMPARE(panel.state(), TrainPanel::State::done);
    QVERIFY(led.job.resume);
    // from the start: asked first, and Cancel leaves everything
    led.job.resume = true;
    QTimer::singleShot(0, this, [] {
      auto* box = qobject_cast<QMessageBox*>(QApplication::activeModalWidget());
      QVERIFY(box && box->text().contains(QStringLiteral("resumed.safetensors")));
      box->reject();
    });
    QTest::mouseClick(panel.trainButton(), Qt::LeftButton);
    QCOMPARE(panel.state(), TrainPanel::State::done);
    QVERIFY(led.job.resume);
  }

  void heldOutTakesAreHeard() {
    Led led;
    Rig rig(services(led.runner()));
    fill(rig, "led.safetensors");
    TrainPanel& panel = rig.window.trainPanel();
    QVERIFY(!panel.listenButton(TrainPanel::recording)->isEnabled());
    led.allowed = 1;
    QTest::mouseClick(panel.trainButton(), Qt::LeftButton);
    QTRY_VERIFY(panel.listenButton(TrainPanel::model)->isEnabled());
    QTest::mouseClick(panel.listenButton(TrainPanel::recording), Qt::LeftButton);
    QTRY_COMPARE(rig.engine.clips, 1);
    const auto recorded = rig.engine.clip;
    QTest::mouseClick(panel.listenButton(TrainPanel::model), Qt::LeftButton);
    QTRY_COMPARE(rig.engine.clips, 2);
    QCOMPARE(rig.engine.clip.size(), recorded.size());
    QVERIFY(rig.engine.clip != recorded);
    QVERIFY(!panel.listenButton(TrainPanel::recording)->isChecked());
    led.allowed = 2;  // a new checkpoint is heard at once
    QTRY_COMPARE(rig.engine.clips, 3);
    QTest::mouseClick(panel.listenButton(TrainPanel::model), Qt::LeftButton);
    QCOMPARE(rig.engine.clipStops, 1);
    led.ends = true;
    QTRY_COMPARE(panel.state(), TrainPanel::State::done);
  }

  void whatIsMissingIsSaid() {
    Led led;
    Rig rig(services(led.runner()));
    TrainPanel& panel = rig.window.trainPanel();
    rig.window.showTraining();
    QSignalSpy said(&panel, &TrainPanel::said);
    const auto press = [&] {
      QTest::mouseClick(panel.trainButton(), Qt::LeftButton);
      return said.isEmpty() ? QString() : said.takeLast().at(0).toString();
    };
    QVERIFY(press().contains(QStringLiteral("folder of recordings")));
    rig.window.openFile(at("empty"));
    QVERIFY(panel.form().model().endsWith(QStringLiteral("empty.safetensors")));
    QVERIFY(press().contains(QStringLiteral("holds no recordings")));
    rig.window.openFile(at("folder"));
    panel.form().setModel(at("m"));
    QVERIFY(panel.form().model().endsWith(QStringLiteral("m.safetensors")));
    QVERIFY(press().contains(QStringLiteral("no file")));  // there is no untrained decoder in this window
    QCOMPARE(panel.state(), TrainPanel::State::idle);
  }

  void thePatchToStartFrom() {
    Led led;
    Rig rig(services(led.runner()));
    TrainForm& form = rig.window.trainPanel().form();
    QCOMPARE(form.start()->currentIndex(), 0);  // three nodes without a network
    rig.document.loadPreset(tests::follower());
    QCOMPARE(form.start()->currentIndex(), 1);
    QVERIFY(form.start()->currentText().contains(QStringLiteral("Instrument 1")));
    QCOMPARE(form.size()->currentData().toString(), QStringLiteral("patch"));
    QVERIFY(form.rate()->itemText(0).contains(QStringLiteral("sounds end at 8 kHz")));
    rig.document.undoStack().undo();
    QCOMPARE(form.start()->currentIndex(), 0);
    form.setFolder(at("folder"));
    form.setModel(at("sax 1.2"));
    QCOMPARE(form.model(), at("sax 1.2.safetensors"));
    rig.document.loadPreset(tests::follower());  // what is asked for is not changed behind one's back
    QCOMPARE(form.start()->currentIndex(), 0);
    QCOMPARE(form.size()->currentText(), QStringLiteral("tiny"));
    core::Patch deaf = tests::follower();
    std::erase_if(deaf.nodes, [](const core::PatchNode& n) { return n.id == "in"; });
    QVERIFY(!canTrain(deaf, windowRegistry()) && canTrain(tests::follower(), windowRegistry()));
  }

  /// Of the models without weights it is the one that the command takes.
  void theDecoderIsTheOneOfTheCommand() {
    Led led;
    WindowServices given = services(led.runner());
    given.models = presets::factoryPresets(std::filesystem::path(PRESETS_DIR).parent_path() / "models");
    Rig rig(given);
    TrainPanel& panel = rig.window.trainPanel();
    panel.openFolder(at("folder"));
    panel.form().setModel(at("from the start"));
    const auto job = panel.form().job(false);
    QVERIFY(job.has_value());
    QVERIFY(std::none_of(job->patch.nodes.begin(), job->patch.nodes.end(),
                         [](const core::PatchNode& n) { return n.type == "neural.encoder"; }));
    QVERIFY(core::hasNetwork(job->patch, windowRegistry()));
  }

  void foldersAreDropped() {
    Rig rig(services({}));
    rig.window.showTraining();
    TrainPanel& panel = rig.window.trainPanel();
    QMimeData data;
    data.setUrls({QUrl::fromLocalFile(at("folder/a.wav")), QUrl::fromLocalFile(at("folder/b.wav"))});
    QDragEnterEvent enter(QPoint(10, 10), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(&panel, &enter);
    QVERIFY(enter.isAccepted());
    QDropEvent drop(QPointF(10, 10), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(&panel, &drop);
    QCOMPARE(panel.form().folder(), at("folder"));
  }

  void closingStops() {
    Led led;
    {
      Rig rig(services(led.runner()));
      fill(rig, "led.safetensors");
      QTest::mouseClick(rig.window.trainPanel().trainButton(), Qt::LeftButton);
      led.allowed = 1;
      QTRY_COMPARE(led.steps.load(), 1);
      rig.document.undoStack().setClean();
      rig.window.close();
    }
    QCOMPARE(led.steps.load(), 1);  // and nothing hangs
  }

  void words() {
    QCOMPARE(spokenTime(40), QStringLiteral("40 s"));
    QCOMPARE(spokenTime(600), QStringLiteral("10 min"));
    QCOMPARE(spokenTime(4800), QStringLiteral("1 h 20 min"));
    QCOMPARE(logTicks(0.9, 11, 20), (std::vector<double>{1, 1.5, 2, 3, 5, 7, 10}));
    QVERIFY(logTicks(0.001, 1000).size() <= 6);
    QVERIFY(logTicks(0, 1).empty());
  }
};

QTEST_MAIN(TestTrainPanel)
#include "tst_train_panel.moc"
