// SPDX-License-Identifier: GPL-3.0-or-later
// The program as scripts see it: exit codes, one-line errors, same arguments same bytes.
#include <sys/resource.h>

#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QScopeGuard>
#include <QTemporaryDir>
#include <QTest>
#include <csignal>

#include "presets/patch_file.h"
#include "tests/command_rig.h"

using tests::run;
using tests::Run;

namespace {
QByteArray bytes(const QString& path) {
  QFile f(path);
  return f.open(QIODevice::ReadOnly) ? f.readAll() : QByteArray();
}
}  // namespace

class TestCommandLine : public QObject {
  Q_OBJECT
  QTemporaryDir dir_;
  QString at(const char* name) const { return dir_.filePath(name); }

 private Q_SLOTS:
  void help_data() {
    QTest::addColumn<QStringList>("arguments");
    QTest::newRow("program") << QStringList{"--help"};
    for (const char* c : {"nodes", "presets", "check", "render", "fit", "train", "evaluate", "transfer", "swap",
                          "extract", "preset", "compare", "bench", "demo"})
      QTest::newRow(c) << QStringList{c, "--help"};
    QTest::newRow("version") << QStringList{"--version"};
  }
  void help() {
    QFETCH(QStringList, arguments);
    const Run r = run(arguments);
    QCOMPARE(r.exit, 0);
    QVERIFY(r.out.size() > 5 && r.err.isEmpty());
  }

  void errors_data() {
    QTest::addColumn<QStringList>("arguments");
    QTest::addColumn<int>("exit");
    QTest::addColumn<QString>("says");
    const QString out = at("x.wav");
    QTest::newRow("unknown flag") << QStringList{"nodes", "--wrong"} << 2 << "--wrong";
    QTest::newRow("no output") << QStringList{"render", "fm-bell"} << 2 << "--output";
    QTest::newRow("bad rate") << QStringList{"render", "fm-bell", "-o", out, "--rate", "7"} << 2 << "7";
    QTest::newRow("unknown preset") << QStringList{"render", "fm-bel", "-o", out} << 1 << "fm-bell";
    QTest::newRow("unknown ending") << QStringList{"render", "fm-bell", "-o", at("x.xyz")} << 2 << ".wav";
    QTest::newRow("bad set") << QStringList{"render", "fm-bell", "-o", out, "--set", "nothing"} << 2
                             << "node.input=VALUE";
    QTest::newRow("unknown node") << QStringList{"render", "subtractive-voice", "-o", out, "--set", "svx.cutoff=1k"}
                                  << 1 << "svf";
    QTest::newRow("unknown input") << QStringList{"render", "subtractive-voice", "-o", out, "--set", "svf.cutof=1k"}
                                   << 1 << "cutoff";
    QTest::newRow("bad value") << QStringList{"render", "subtractive-voice", "-o", out, "--set", "svf.cutoff=loud"} << 1
                               << "Hz";
    QTest::newRow("out of range") << QStringList{"render", "subtractive-voice", "-o", out, "--set", "svf.cutoff=1e6"}
                                  << 1 << "20 kHz";
    QTest::newRow("bad note") << QStringList{"render", "fm-bell", "-o", out, "--notes", "H4:0:1"} << 2 << "H4";
    const auto render = [&](const char* name, const QStringList& more, int code, const char* says) {
      QTest::newRow(name) << QStringList{"render", "subtractive-voice", "-o", out} + more << code << says;
    };
    render("nan rate", {"--rate", "nan"}, 2, "8000 to 192000");
    render("nan seconds", {"--seconds", "nan"}, 2, "nan");
    render("nan value", {"--set", "svf.cutoff=nan"}, 1, "nan");
    render("negative seed", {"--seed", "-1"}, 2, "-1");
    render("half a seed", {"--seed", "1.5"}, 2, "1.5");
    render("nan note", {"--notes", "nan:0:1"}, 2, "nan");
    render("far note", {"--notes", "C2147483647:0:1"}, 2, "C2147483647");
    render("empty notes", {"--notes", ""}, 2, "--notes");
    render("no file named", {"--input", "svf"}, 2, "NODE=AUDIO");
    render("not an input", {"--input", "svf=x.wav"}, 1, "svf");
    render("bad format", {"--format", "tape"}, 2, "wav16");
    render("bad level", {"--normalise", "peak=loud"}, 2, "loud");
    render("bad normalisation", {"--normalise", "loud=1"}, 2, "peak=-1");
    render("sound as MIDI", {"--midi", TONEWRIGHT_PROGRAM}, 1, "MIDI");
    QTest::newRow("unknown flag alone") << QStringList{"--wrong"} << 2 << "--wrong";
    QTest::newRow("two words") << QStringList{"one", "two"} << 2 << "one";
    QTest::newRow("studio of nothing") << QStringList{"subtractive-voise"} << 1 << "subtractive-voice";
    QTest::newRow("studio without display") << QStringList{"subtractive-voice"} << 1 << "no display";
    QTest::newRow("line break") << QStringList{"check", "a\nb\x1b[31m"} << 1 << "a b";
    QTest::newRow("export twice") << QStringList{"fit",        "fm-bell",  "x.wav",     "-o",
                                                 at("f.json"), "--report", at("f.json")}
                                  << 1 << "x.wav";
    QTest::newRow("no model") << QStringList{"train", dir_.path(), "-o", at("model.xyz")} << 2 << ".safetensors";
    QTest::newRow("no midi") << QStringList{"render", "fm-bell", "-o", out, "--midi", at("none.mid")} << 1
                             << "none.mid";
    QTest::newRow("unwritable") << QStringList{"render", "fm-bell", "-o", "/no-such-folder/x.wav", "--seconds", "0.1"}
                                << 1 << "no-such-folder";
    QTest::newRow("no target") << QStringList{"fit", "fm-bell", at("none.wav"), "-o", at("f.json")} << 1 << "none.wav";
    QTest::newRow("no patch") << QStringList{"check", at("none.json")} << 1 << "none.json";
  }
  void errors() {
    QFETCH(QStringList, arguments);
    QFETCH(int, exit);
    QFETCH(QString, says);
    const Run r = run(arguments);
    QCOMPARE(r.exit, exit);
    QVERIFY2(r.err.contains(says.toUtf8()), r.err.constData());
    QCOMPARE(r.err.count('\n'), 1);
  }

  /// What could not be kept is refused before the work, and nothing that is there is harmed.
  void fitRefusesPlaces_data() {
    QTest::addColumn<QStringList>("more");
    QTest::addColumn<QString>("says");
    QTest::addColumn<int>("exit");
    QTest::newRow("over the target") << QStringList{"-o", "take.wav"} << "name of a sound" << 2;
    QTest::newRow("over a sound") << QStringList{"-o", "other.wav"} << "name of a sound" << 2;
    QTest::newRow("export over the target") << QStringList{"-o", "f.json", "--export", "./take.wav"} << "twice" << 1;
    QTest::newRow("report over the patch") << QStringList{"-o", "f.json", "--report", "f.json"} << "twice" << 1;
    QTest::newRow("no folder") << QStringList{"-o", "none/f.json"} << "none/f.json" << 1;
    QTest::newRow("no folder for the report") << QStringList{"-o", "f.json", "--report", "none/r"} << "none/r" << 1;
    QTest::newRow("no folder for the export")
        << QStringList{"-o", "f.json", "--export", "none/e.wav"} << "none/e.wav" << 1;
    QTest::newRow("export of no type") << QStringList{"-o", "f.json", "--export", "e.xyz"} << ".wav" << 2;
    QTest::newRow("no ending") << QStringList{"-o", "take 1.5"} << "end it in .json" << 2;
  }
  void fitRefusesPlaces() {
    QFETCH(QStringList, more);
    QFETCH(QString, says);
    QFETCH(int, exit);
    const QString folder = dir_.filePath("places");
    QDir().mkpath(folder);
    if (!QFile::exists(folder + "/take.wav"))
      QCOMPARE(run({"render", "sub-bass", "-o", "take.wav", "--seconds", "0.3"}, folder).exit, 0);
    const QByteArray before = bytes(folder + "/take.wav");
    const Run r = run(QStringList{"fit", "sub-bass", "take.wav", "--budget", "3600"} + more, folder);
    QCOMPARE(r.exit, exit);
    QVERIFY2(r.err.contains(says.toUtf8()) && r.err.count('\n') == 1, r.err.constData());
    QVERIFY(bytes(folder + "/take.wav") == before);
    QCOMPARE(QDir(folder).entryList(QDir::Files | QDir::Hidden), QStringList{"take.wav"});
  }

  /// Ctrl-C keeps the best that a fit had found, and says that it was that.
  void stoppedFitKeepsItsBest() {
    QCOMPARE(run({"render", "sub-bass", "-o", at("stopped.wav"), "--seconds", "0.3"}).exit, 0);
    QProcess p;
    p.start(TONEWRIGHT_PROGRAM, {"fit", "sub-bass", at("stopped.wav"), "-o", at("stopped.json"), "--budget", "3600"});
    QVERIFY(p.waitForStarted());
    const auto catches = [&p] {  // before that, Ctrl-C just ends it
      QFile status(QString("/proc/%1/status").arg(p.processId()));
      if (!status.open(QIODevice::ReadOnly)) return false;
      const QByteArray all = status.readAll();
      return (all.mid(all.indexOf("SigCgt:") + 7, 17).trimmed().toULongLong(nullptr, 16) >> (SIGINT - 1) & 1U) != 0;
    };
    QTRY_VERIFY_WITH_TIMEOUT(catches(), 60000);
    ::kill(static_cast<pid_t>(p.processId()), SIGINT);
    QVERIFY(p.waitForFinished(60000) && p.exitStatus() == QProcess::NormalExit);
    QCOMPARE(p.exitCode(), 130);
    QVERIFY(presets::readPatch(at("stopped.json").toStdString()).has_value());
  }

  void unreachableDisplay() {
    QProcess p;
    QProcessEnvironment e = QProcessEnvironment::systemEnvironment();
    e.remove("QT_QPA_PLATFORM");
    e.insert("DISPLAY", ":4711");
    p.setProcessEnvironment(e);
    p.start(TONEWRIGHT_PROGRAM, {"subtractive-voice"});
    QVERIFY(p.waitForFinished(30000));
    QCOMPARE(p.exitCode(), 1);
    const QByteArray err = p.readAllStandardError();
    QVERIFY2(err.contains("display cannot be opened") && err.count('\n') == 1, err.constData());
  }

  void fullDiskBehindStdout() {
    QProcess p;
    p.setStandardOutputFile("/dev/full");
    p.start(TONEWRIGHT_PROGRAM, {"nodes", "--json"});
    QVERIFY(p.waitForFinished(30000));
    QCOMPARE(p.exitCode(), 1);
    QVERIFY(p.readAllStandardError().contains("could not be written"));
  }

  /// A full disk: 64 kB of memory mounted as one (needs root, as the test machines have it).
  void fullDisk() {
    const QString folder = dir_.filePath("full");
    QDir().mkpath(folder);
    if (QProcess::execute("mount", {"-t", "tmpfs", "-o", "size=64k", "tmpfs", folder}) != 0)
      QSKIP("a small disk cannot be mounted here");
    const auto unmount = qScopeGuard([&] { QProcess::execute("umount", {folder}); });
    for (const char* name : {"a.wav", "a.flac", "a.ogg", "a.mp3"}) {
      const QString path = folder + "/" + name;
      QFile earlier(path);
      QVERIFY(earlier.open(QIODevice::WriteOnly) && earlier.write("before") == 6);
      earlier.close();
      const Run r = run({"render", "noise-wind", "-o", path, "--seconds", "8"});
      QCOMPARE(r.exit, 1);
      QVERIFY2(r.err.contains("No space left") && r.err.count('\n') == 1, r.err.constData());
      QVERIFY(bytes(path) == "before");
    }
    QCOMPARE(QDir(folder).entryList(QDir::Files | QDir::Hidden).size(), 4);
  }

  /// Too little memory (400 MB of addresses): a sentence, not a crash.
  void littleMemory() {
    QProcess p;
    p.setChildProcessModifier([] {
      const rlimit limit{400u << 20, 400u << 20};
      setrlimit(RLIMIT_AS, &limit);
    });
    p.start(TONEWRIGHT_PROGRAM, {"render", "sub-bass", "-o", at("long.wav"), "--seconds", "3600"});
    QVERIFY(p.waitForFinished(120000));
    QCOMPARE(p.exitStatus(), QProcess::NormalExit);
    QCOMPARE(p.exitCode(), 1);
    const QByteArray err = p.readAllStandardError();
    QVERIFY2(err.contains("memory") && err.count('\n') == 1, err.constData());
    QVERIFY(!QFile::exists(at("long.wav")));
  }

  /// A locale with a decimal comma changes neither what is read nor what is written.
  void commaLocale() {
    const QStringList arguments{"render", "noise-wind", "--seconds", "0.25", "--notes", "C4:0.05:0.1:0.5", "-o"};
    qputenv("LC_ALL", "de_DE.UTF-8");
    const Run german = run(arguments + QStringList{at("german.wav")});
    const Run json = run({"nodes", "--json"});
    qunsetenv("LC_ALL");
    QCOMPARE(german.exit, 0);
    QCOMPARE(run(arguments + QStringList{at("plain.wav")}).exit, 0);
    QVERIFY(bytes(at("german.wav")) == bytes(at("plain.wav")));
    QVERIFY(!QJsonDocument::fromJson(json.out).isNull());
  }

  void nodesJson() {
    const Run r = run({"nodes", "--json"});
    QCOMPARE(r.exit, 0);
    const QJsonArray all = QJsonDocument::fromJson(r.out).array();
    QVERIFY(all.size() >= 18);
    for (const auto& v : all) {
      const QJsonObject o = v.toObject();
      for (const char* key : {"id", "name", "help", "inputs", "settings", "tensors", "outputs"})
        QVERIFY2(o.contains(key), key);
      for (const auto& i : o["inputs"].toArray())
        for (const char* key : {"id", "unit", "min", "max", "default", "scale", "rate", "width"})
          QVERIFY2(i.toObject().contains(key), key);
    }
  }

  void renderRepeats_data() {
    QTest::addColumn<QString>("name");
    for (const char* n : {"a.wav", "a.flac"}) QTest::newRow(n) << n;
  }
  void renderRepeats() {
    QFETCH(QString, name);
    const QStringList arguments{
        "render", "noise-wind",       "--seconds", "0.5",   "--seed", "7", "--notes", "C4:0:0.4:0.8 E4:0.1:0.2",
        "--set",  "low.cutoff=700Hz", "--rate",    "44100", "-o"};
    QCOMPARE(run(arguments + QStringList{at("1") + name}).exit, 0);
    QCOMPARE(run(arguments + QStringList{at("2") + name}).exit, 0);
    QVERIFY(bytes(at("1") + name).size() > 1000);
    QVERIFY(bytes(at("1") + name) == bytes(at("2") + name));
  }

  void benchRows() {
    const Run r = run({"bench", "--only", "P1", "--no-peers", "--json"});
    QVERIFY2(r.exit == 0, r.err.constData());
    const QJsonArray rows = QJsonDocument::fromJson(r.out).array();
    QCOMPARE(rows.size(), 1);
    const QJsonObject row = rows[0].toObject();
    for (const char* key : {"name", "ours", "spread", "unit", "peer", "peer_spread", "peer_name", "ratio"})
      QVERIFY2(row.contains(key), key);
    QVERIFY(row["name"].toString().startsWith("P1 ") && row["ours"].toDouble() > 0);
    QVERIFY(row["peer"].isNull() && row["ratio"].isNull());
    QCOMPARE(QJsonDocument::fromJson(run({"bench", "--only", "no such row", "--json"}).out).array().size(), 0);
  }

  void renderFitCompare() {
    QCOMPARE(run({"render", "subtractive-voice", "-o", at("t.wav"), "--seconds", "1"}).exit, 0);
    const Run same = run({"compare", at("t.wav"), at("t.wav"), "--json"});
    QCOMPARE(same.exit, 0);
    QCOMPARE(QJsonDocument::fromJson(same.out).object()["lsd_db"].toDouble(), 0.0);
    const QStringList fit{"fit", "subtractive-voice", at("t.wav"), "--steps",  "6",          "--seed",
                          "3",   "--export",          at("f.wav"), "--report", at("r.json"), "-o"};
    const Run first = run(fit + QStringList{at("f.json")});
    QVERIFY2(first.exit == 0, first.err.constData());
    const QJsonObject report = QJsonDocument::fromJson(bytes(at("r.json"))).object();
    for (const char* key : {"terms", "free", "steps", "seconds", "f0_hz", "measures"})
      QVERIFY2(report.contains(key), key);
    QVERIFY(report["free"].toArray().size() >= 6);
    const QByteArray fitted = bytes(at("f.json"));
    QCOMPARE(run(fit + QStringList{at("g.json")}).exit, 0);
    QVERIFY(!fitted.isEmpty() && fitted == bytes(at("g.json")));
    QCOMPARE(run({"check", at("f.json")}).exit, 0);
  }
};

QTEST_GUILESS_MAIN(TestCommandLine)
#include "tst_command_line.moc"
