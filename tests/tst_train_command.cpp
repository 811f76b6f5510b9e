// SPDX-License-Identifier: GPL-3.0-or-later
// `train` as scripts see it: what it refuses before it begins, what it says and when, how it stops.
#include <signal.h>

#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include "presets/model_file.h"
#include "presets/patch_file.h"
#include "tests/command_rig.h"
#include "tests/model_rig.h"

using namespace tests;

class TestTrainCommand : public QObject {
  Q_OBJECT
  QTemporaryDir dir_;
  QString at(const char* name) const { return dir_.filePath(QString::fromLatin1(name)); }
  std::string path(const char* name) const { return at(name).toStdString(); }
  bool writeNotes(const char* name, const std::vector<double>& hertz) const {
    return core::writeAudio(path(name), notes(kModelRate, 1.5, hertz, -16), AudioFormat::wav16).has_value();
  }
  /// Trains the tiny patch; `more` goes behind the output.
  QStringList training(const char* folder, const char* model, const QStringList& more) const {
    return QStringList{"train", at(folder), "-o", at(model), "--threads", "1"} + more;
  }
  QStringList fresh(const char* patch = "patch.json") const { return {"--patch", at(patch), "--size", "patch"}; }

 private Q_SLOTS:
  void initTestCase() {
    QVERIFY(QDir().mkpath(at("folder")) && QDir().mkpath(at("band/flute")) && QDir().mkpath(at("band/viola")));
    QVERIFY(writeNotes("folder/a.wav", {220, 262, 330}) && writeNotes("folder/b.wav", {196, 294}));
    QVERIFY(writeNotes("band/flute/a.wav", {220, 262, 330}) && writeNotes("band/viola/a.wav", {196, 294}));
    QVERIFY(presets::writePatch(follower(), path("patch.json")).has_value());
    QVERIFY(presets::writePatch(playerOfTwo(false), path("two.json")).has_value());
  }

  /// With or without a checkpoint beside it.
  void whatIsThereIsNotTrainedOver() {
    const QStringList once = training("folder", "mine.safetensors", QStringList{"--steps", "1"} + fresh());
    QVERIFY(run(once).exit == 0);
    const auto bytes = [&] {
      QFile f(at("mine.safetensors"));
      return f.open(QIODevice::ReadOnly) ? f.readAll() : QByteArray();
    };
    const QByteArray before = bytes();
    QVERIFY(!before.isEmpty());
    const Run over = run(once);
    QVERIFY2(over.exit == 1 && over.err.contains("--replace") && over.err.contains("--resume"), over.err.constData());
    QVERIFY(QFile::remove(at("mine.training")));
    const Run bare = run(once);
    QVERIFY2(bare.exit == 1 && bare.err.contains("mine.safetensors") && bare.err.contains("--replace"),
             bare.err.constData());
    QVERIFY(!bare.err.contains("--resume") && bare.err.count('\n') == 1);  // there is nothing to go on from
    QVERIFY(bytes() == before);
    QCOMPARE(run(once + QStringList{"--replace"}).exit, 0);
  }

  void whatCannotBeHeldOutStopsIt_data() {
    QTest::addColumn<QString>("validate");
    QTest::addColumn<QString>("says");
    QTest::newRow("no such recording") << "x.wav,y.wav#1"
                                       << "\"x.wav\", \"y.wav#1\"";
    QTest::newRow("no such take") << "a.wav#1,b.wav#77"
                                  << "\"b.wav#77\"";
  }
  void whatCannotBeHeldOutStopsIt() {
    QFETCH(QString, validate);
    QFETCH(QString, says);
    const Run r =
        run(training("folder", "held.safetensors", QStringList{"--steps", "1", "--validate", validate} + fresh()));
    QVERIFY2(r.exit == 1 && r.err.contains(says.toUtf8()), r.err.constData());
    QVERIFY2(r.err.contains("b.wav#1") || r.err.contains("a.wav#1"), r.err.constData());  // how takes are called
    QVERIFY(!QFile::exists(at("held.safetensors")) && !QFile::exists(at("held.training")));
    QCOMPARE(r.err.count('\n'), 1);
  }

  /// What it learns from is said before it learns, although nobody sees a terminal; Ctrl-C leaves a model.
  void listsComeFirstAndAStopIsNoFailure() {
    QProcess program;
    program.start(TONEWRIGHT_PROGRAM, training("folder", "stopped.safetensors",
                                               QStringList{"--steps", "1000000", "--validate", "b.wav#1"} + fresh()));
    QVERIFY(program.waitForStarted());
    QByteArray out;
    const auto listed = [&] {
      out += program.readAllStandardOutput();
      return out.contains("Held out (1): b.wav#1\n");
    };
    QTRY_VERIFY_WITH_TIMEOUT(listed() || program.state() == QProcess::NotRunning, 100000);
    QVERIFY(program.state() == QProcess::Running);
    QVERIFY2(out.contains("Trained on (4): a.wav#1 a.wav#2 a.wav#3 b.wav#2\n"), out.constData());
    ::kill(static_cast<pid_t>(program.processId()), SIGINT);
    QVERIFY(program.waitForFinished(kLongestRun) && program.exitStatus() == QProcess::NormalExit);
    QCOMPARE(program.exitCode(), 130);
    QVERIFY(program.readAllStandardError().contains("--resume"));
    out += program.readAllStandardOutput();
    QCOMPARE(out.count("Trained on"), 1);
    QVERIFY2(out.contains("held out but not judged yet") && out.contains("no loss yet"), out.constData());
    QVERIFY(presets::readModel(path("stopped.safetensors")).has_value());
  }

  void nothingIsSaidTwice() {
    QFile::copy(at("folder/a.wav"), at("band/flute/again.wav"));
    const Run r =
        run(training("band", "said.safetensors", QStringList{"--steps", "1", "--validate", "viola/a.wav"} + fresh()));
    QVERIFY2(r.exit == 0, r.err.constData());
    QVERIFY(QFile::remove(at("band/flute/again.wav")));
    const QByteArray all = r.out + r.err;
    for (const char* once : {"Trained on (", "Held out (", "Skipped flute/again.wav", "     1 steps"})
      QVERIFY2(all.count(once) == 1, all.constData());
    QVERIFY(QDir().mkpath(at("short")) && writeNotes("short/a.wav", {220, 262}));
    const Run warned = run(training("short", "warned.safetensors", QStringList{"--steps", "1"} + fresh()));
    QVERIFY2(warned.exit == 0, warned.err.constData());
    QCOMPARE((warned.out + warned.err).count("Nothing is held out"), 1);
    QVERIFY(warned.err.contains("Nothing is held out"));
  }

  /// Only where something in the patch can tell them apart.
  void instrumentsAreThoseOfAnEmbedding() {
    const QStringList steps{"--steps", "1", "--validate", "viola/a.wav#1"};
    const Run one = run(training("band", "one.safetensors", steps + fresh()));
    QVERIFY2(one.exit == 0 && !one.out.contains("Instruments"), (one.out + one.err).constData());
    QVERIFY(presets::readModel(path("one.safetensors"))->info.instruments.empty());
    const Run two = run(training("band", "two.safetensors", steps + fresh("two.json")));
    QVERIFY2(two.exit == 0 && two.out.count("Instruments (2): flute viola\n") == 1, (two.out + two.err).constData());
    const auto read = presets::readModel(path("two.safetensors"));
    QVERIFY(read && read->info.instruments == (std::vector<std::string>{"flute", "viola"}));
  }

  /// A limit on the size of files is an error like a full disk.
  void aLimitOfFilesIsAnError() {
    QVERIFY(QDir().mkpath(at("limited")));
    QProcess limited;
    limited.start("sh", {"-c", "ulimit -f 1; exec \"$0\" \"$@\"", TONEWRIGHT_PROGRAM, "render", "subtractive-voice",
                         "-o", at("limited/out.wav"), "--seconds", "2"});
    QVERIFY(limited.waitForFinished(kLongestRun));
    const QByteArray says = limited.readAllStandardError();
    QVERIFY2(limited.exitStatus() == QProcess::NormalExit && limited.exitCode() == 1, says.constData());
    QVERIFY2(says.startsWith("tonewright: ") && says.count('\n') == 1, says.constData());
    QVERIFY(QDir(at("limited")).isEmpty(QDir::AllEntries | QDir::NoDotAndDotDot | QDir::Hidden));
  }
};

QTEST_GUILESS_MAIN(TestTrainCommand)
#include "tst_train_command.moc"
