// SPDX-License-Identifier: GPL-3.0-or-later
// `swap`, `extract` and `preset` as scripts see them: what is taken by id, at any rate, with z or without; what is
// bad usage.
#include <QFile>
#include <QTemporaryDir>
#include <QTest>
#include <fstream>

#include "core/graph/executor.h"
#include "presets/model_file.h"
#include "presets/model_info.h"
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

  // ---- extract ------------------------------------------------------------------------------

  /// What is taken out is played alone, and swapped as from the whole; what is damaged elsewhere is no matter.
  void extractWritesParts() {
    const Run r = run({"extract", at("other.safetensors"), "--take", "noise", "-o", at("noise.safetensors")});
    QVERIFY2(r.exit == 0, r.err.constData());
    QVERIFY2(r.out.contains("noise.safetensors: 166 parameters (166 without the response), 17.2 % of the 966 of "),
             r.out.constData());
    QVERIFY(run({"check", at("noise.safetensors")}).out == "The patch can be played.\n");
    const auto part = presets::readModel(path("noise.safetensors")),
               whole = presets::readModel(path("other.safetensors"));
    QVERIFY(part.has_value() && part->info == whole->info);
    QCOMPARE(part->patch.name, whole->patch.name + ": noise");
    const auto swap = [&](const char* b, const char* out) {
      return run({"swap", at("one.safetensors"), at(b), "--take", "noise", "-o", at(out)}).exit;
    };
    std::string bytes = presets::writeModelBytes(*whole);
    bytes.back() ^= 1;  // of the room
    std::ofstream(path("damaged.safetensors"), std::ios::binary) << bytes;
    QVERIFY(swap("other.safetensors", "a.safetensors") == 0 && swap("noise.safetensors", "b.safetensors") == 0 &&
            swap("damaged.safetensors", "c.safetensors") == 0);
    auto a = *presets::readPatch(path("a.safetensors")), b = *presets::readPatch(path("b.safetensors")),
         c = *presets::readPatch(path("c.safetensors"));
    QCOMPARE(b.name, a.name + ": noise");
    for (core::PatchNode& n : b.nodes)  // whose it is, the label says, too
      if (const auto part = n.label.rfind(": noise"); part != std::string::npos) n.label.erase(part);
    b.name = a.name;
    presets::setInfo(b, presets::infoOf(a));  // which names it, too
    for (const Patch* same : {&b, &c}) {
      QVERIFY(presets::writeText(*same).json == presets::writeText(a).json);
      QVERIFY(presets::writeText(*same).blobs == presets::writeText(a).blobs);
    }
    QVERIFY(run({"extract", at("damaged.safetensors"), "--take", "reverb", "-o", at("noise.safetensors")}).exit == 1);
    QVERIFY(presets::readModel(path("noise.safetensors")).has_value());  // as it was
  }

  // ---- preset ---------------------------------------------------------------------------------

  /// A model's weights into the patch that plays them from keys, whose wiring stays.
  void presetCommand() {
    const QString model = PRESETS_DIR "/../models/alto-sax.safetensors", played = at("played.safetensors");
    const Run r = run({"preset", model, "neural-violin", "-o", played});
    QVERIFY2(r.exit == 0, r.err.constData());
    const auto from = presets::readModel(model.toStdString()), to = presets::readModel(played.toStdString()),
               violin = presets::readModel(PRESETS_DIR "/neural-violin.safetensors");
    QVERIFY(from && to && violin);
    const auto weights = [](const presets::Model& m) {
      return m.patch.find("controller")->tensors.at("weights")->data;
    };
    QVERIFY(weights(*to) == weights(*from) && weights(*to) != weights(*violin));
    QVERIFY(to->patch.cables == violin->patch.cables && to->info.trained == from->info.trained);
    // the tables it plays from are the violin's still
    QCOMPARE(to->info.licence, from->info.licence + "; " + violin->info.licence);
    QVERIFY(to->info.credits.ends_with(violin->info.credits) && to->info.credits.starts_with(from->info.credits));
    const Run nothing = run({"preset", model, "subtractive-voice", "-o", played});
    QVERIFY2(nothing.exit == 1 && nothing.err.count('\n') == 1, nothing.err.constData());
    const Run empty = run({"preset", model, "neural-violin", "-o", played, "--recordings", at("no such folder")});
    QVERIFY2(empty.exit == 1 && empty.err.contains("no such folder"), empty.err.constData());
    QVERIFY(weights(*presets::readModel(played.toStdString())) == weights(*from));  // as before
    QCOMPARE(run({"preset", model, "neural-violin", "-o", at("x.json")}).exit, 2);
  }
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
