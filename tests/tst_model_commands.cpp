// SPDX-License-Identifier: GPL-3.0-or-later
// `swap` and `preset` as scripts see them: what is taken by id, at any rate, with z or without; what is bad usage.
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include "core/graph/executor.h"
#include "presets/model_file.h"
#include "presets/patch_file.h"
#include "tests/command_rig.h"
#include "tests/model_rig.h"

using namespace tests;

class TestModelCommands : public QObject {
  Q_OBJECT
  QTemporaryDir dir_;
  QString at(const char* name) const { return dir_.filePath(name); }
  std::string path(const char* name) const { return at(name).toStdString(); }
  bool keep(const Patch& patch, const char* name) const { return presets::writePatch(patch, path(name)).has_value(); }

 private Q_SLOTS:
  void initTestCase() {
    QVERIFY(keep(instrument(3), "one.safetensors") && keep(instrument(7), "other.safetensors"));
    QVERIFY(keep(instrument(5, 48000), "full-band.safetensors"));
  }

  // ---- swap -----------------------------------------------------------------------------------

  void blanksBetweenNames() {
    const QStringList swap{"swap", at("one.safetensors"), at("other.safetensors"), "--take"};
    const Run plain = run(swap + QStringList{"noise,reverb", "-o", at("a.safetensors")}),
              blanks = run(swap + QStringList{" noise,\treverb ", "-o", at("b.safetensors")});
    QVERIFY2(plain.exit == 0 && blanks.exit == 0, blanks.err.constData());
    QFile a(at("a.safetensors")), b(at("b.safetensors"));
    QVERIFY(a.open(QIODevice::ReadOnly) && b.open(QIODevice::ReadOnly) && a.readAll() == b.readAll());
    const Run extracted = run({"extract", at("one.safetensors"), "--take", "noise, reverb", "-o", at("c.safetensors")});
    QVERIFY2(extracted.exit == 0, extracted.err.constData());
  }
  void writesNothingThatCannotBePlayed() {
    Patch broken = instrument(3);
    broken.find("harmonic")->settings["harmonics"].number = 1e9;
    QVERIFY(keep(broken, "broken.json"));
    for (const QStringList& what : {QStringList{"alto-sax", "neural-decoder", "--take", "noise"},
                                    {"neural-decoder", "alto-sax", "--take", "noise"},
                                    {at("broken.json"), at("other.safetensors"), "--take", "noise"},
                                    {at("broken.json"), "--no-reverb"}}) {
      const Run r = run(QStringList{"swap"} + what + QStringList{"-o", at("never.safetensors")});
      QVERIFY2(r.exit == 1 && r.err.count('\n') == 1, r.err.constData());
      QVERIFY(!QFile::exists(at("never.safetensors")));
    }
  }

  // ---- preset ---------------------------------------------------------------------------------

  void modelsByTheirIds() {
    const Run r = run({"preset", "alto-sax", "neural-violin", "-o", at("keys.safetensors")});
    QVERIFY2(r.exit == 0, r.err.constData());
    const auto from = presets::readModel(PRESETS_DIR "/../models/alto-sax.safetensors"),
               to = presets::readModel(path("keys.safetensors"));
    QVERIFY(from && to && to->info.trained == from->info.trained);
    QVERIFY(to->patch.find("controller")->tensors.at("weights")->data ==
            from->patch.find("controller")->tensors.at("weights")->data);
    const Run none = run({"preset", "alto-saxx", "neural-violin", "-o", at("x.safetensors")});
    QVERIFY2(none.exit == 1 && none.err.contains("did you mean \"alto-sax\""), none.err.constData());
    const Run raw = run({"preset", "neural-decoder", "neural-violin", "-o", at("x.safetensors")});
    QVERIFY2(raw.exit == 1 && raw.err.contains("has not learned"), raw.err.constData());
  }
  /// The patch goes to the model's rate: what it brings itself sounds as before, the model reaches as high as it did.
  void patchOfAnotherRate() {
    const Run r = run({"preset", at("full-band.safetensors"), "neural-saxophone", "-o", at("keys.safetensors")});
    QVERIFY2(r.exit == 0, r.err.constData());
    QVERIFY2(r.out.contains("16 kHz") && r.out.contains("48 kHz"), r.out.constData());
    const auto keys = presets::readPatch(path("keys.safetensors"));
    QVERIFY(keys.has_value());
    QCOMPARE(keys->rate, 48000.0);
    const Patch model = instrument(5, 48000);
    QVERIFY(keys->find("room")->tensors.at("response")->data == model.find("room")->tensors.at("response")->data);
    for (const char* id : {"harmonic", "noise"})
      QVERIFY(!keys->find(id)->settings.contains("top") || keys->find(id)->settings.at("top").number == 0);
    auto plan = core::compilePlan(*keys, registry(), {.rate = keys->rate});
    QVERIFY(plan && core::Executor::create(std::move(*plan), {}).has_value());
    // of a room that is not the model's, the response goes along, and so does who made it
    Patch dry = *core::withoutReverb(model, registry());
    QVERIFY(keep(dry, "dry.safetensors"));
    const Run s = run({"preset", at("dry.safetensors"), "neural-violin", "-o", at("keys.safetensors")});
    QVERIFY2(s.exit == 0, s.err.constData());
    const auto violin = presets::readPatch(PRESETS_DIR "/neural-violin.safetensors"),
               high = presets::readPatch(path("keys.safetensors"));
    const auto taps = [](const Patch& p) { return p.find("room")->tensors.at("response")->data.size(); };
    QCOMPARE(taps(*high), 3 * taps(*violin));
    QVERIFY(presets::infoOf(*high).credits.find(presets::infoOf(*violin).credits) != std::string::npos);
  }
  void latentsThatNobodyGives() {
    QVERIFY(keep(withTensors(playerOfTwo(true)), "two.safetensors"));
    const Run r = run({"preset", at("two.safetensors"), "neural-saxophone", "-o", at("keys.safetensors")});
    QVERIFY2(r.exit == 0 && r.out.contains("\"controller\"") && r.out.contains("z stays 0"), r.out.constData());
    const Run fed = run({"preset", at("keys.safetensors"), "neural-duo", "-o", at("duo.safetensors")});
    QVERIFY2(fed.exit == 1 || !fed.out.contains("z stays 0"), fed.out.constData());
    QVERIFY(!run({"preset", "alto-sax", "neural-saxophone", "-o", at("sax.safetensors")}).out.contains("z stays 0"));
  }

  // ---- usage ----------------------------------------------------------------------------------

  /// Values that no model and no file could make valid.
  void badUsage_data() {
    QTest::addColumn<QStringList>("arguments");
    QTest::addColumn<QString>("says");
    const QString m = at("one.safetensors"), o = at("o.safetensors"), none = at("none.wav");
    const auto row = [](const char* name, const QStringList& arguments, const char* says) {
      QTest::newRow(name) << arguments << says;
    };
    row("no octave", {"transfer", m, none, "-o", at("o.wav"), "--octave", "x"}, "-4 to 4");
    row("far octave", {"transfer", m, none, "-o", at("o.wav"), "--octave", "7"}, "-4 to 4");
    row("no format", {"transfer", m, none, "-o", at("o.xyz")}, ".wav");
    row("no format to render", {"render", "fm-bell", "-o", at("o.xyz")}, ".wav");
    row("no format to export", {"fit", "fm-bell", none, "-o", at("f.json"), "--export", at("o.xyz")}, ".wav");
    row("no part", {"swap", m, m, "--take", "foo", "-o", o}, "foo");
    row("no part to extract", {"extract", m, "--take", "foo", "-o", o}, "foo");
    row("nothing taken", {"swap", m, m, "-o", o}, "--take");
    row("nothing to take from", {"swap", m, "--take", "noise", "-o", o}, "second model");
    row("taken from for nothing", {"swap", m, m, "--no-reverb", "-o", o}, "--take");
    row("no model file", {"swap", m, m, "--take", "noise", "-o", at("o.wav")}, ".safetensors");
    row("no model file to extract", {"extract", m, "--take", "noise", "-o", at("o.wav")}, ".safetensors");
    row("no model file of a preset", {"preset", m, m, "-o", at("o.json")}, ".safetensors");
    row("no size", {"train", none, "-o", o, "--size", "giant"}, "tiny");
  }
  void badUsage() {
    QFETCH(QStringList, arguments);
    QFETCH(QString, says);
    const Run r = run(arguments);
    QCOMPARE(r.exit, 2);
    QVERIFY2(r.err.contains(says.toUtf8()) && r.err.count('\n') == 1, r.err.constData());
  }
  /// The help that an error names is that of the command.
  void helpIsThatOfTheCommand() {
    const Run swap = run({"swap", "--wrong"}), none = run({"one", "two"});
    QVERIFY2(swap.exit == 2 && swap.err.contains("(tonewright swap --help shows the usage)"), swap.err.constData());
    QVERIFY2(none.exit == 2 && none.err.contains("(tonewright --help shows the usage)"), none.err.constData());
  }
};

QTEST_GUILESS_MAIN(TestModelCommands)
#include "tst_model_commands.moc"
