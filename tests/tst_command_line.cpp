// SPDX-License-Identifier: GPL-3.0-or-later
// The program as scripts see it: exit codes, one-line errors, same arguments same bytes.
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

namespace {
struct Run {
  int exit = -1;
  QByteArray out, err;
};
Run run(const QStringList& arguments, const QString& folder = {}) {
  QProcess p;
  if (!folder.isEmpty()) p.setWorkingDirectory(folder);
  QProcessEnvironment e = QProcessEnvironment::systemEnvironment();
  for (const char* name : {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"}) e.remove(name);
  p.setProcessEnvironment(e);
  p.start(TONEWRIGHT_PROGRAM, arguments);
  p.waitForFinished(120000);
  return {p.exitStatus() == QProcess::NormalExit ? p.exitCode() : -1, p.readAllStandardOutput(),
          p.readAllStandardError()};
}
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
    for (const char* c : {"nodes", "presets", "check", "render", "fit", "compare", "bench", "demo"})
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
    QTest::newRow("unknown ending") << QStringList{"render", "fm-bell", "-o", at("x.xyz")} << 1 << ".wav";
    QTest::newRow("bad set") << QStringList{"render", "fm-bell", "-o", out, "--set", "nothing"} << 1
                             << "node.input=VALUE";
    QTest::newRow("unknown node") << QStringList{"render", "subtractive-voice", "-o", out, "--set", "svx.cutoff=1k"}
                                  << 1 << "svf";
    QTest::newRow("unknown input") << QStringList{"render", "subtractive-voice", "-o", out, "--set", "svf.cutof=1k"}
                                   << 1 << "cutoff";
    QTest::newRow("bad value") << QStringList{"render", "subtractive-voice", "-o", out, "--set", "svf.cutoff=loud"} << 1
                               << "Hz";
    QTest::newRow("out of range") << QStringList{"render", "subtractive-voice", "-o", out, "--set", "svf.cutoff=1e6"}
                                  << 1 << "20 kHz";
    QTest::newRow("bad note") << QStringList{"render", "fm-bell", "-o", out, "--notes", "H4:0:1"} << 1 << "H4";
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
