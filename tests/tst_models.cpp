// SPDX-License-Identifier: GPL-3.0-or-later
// Model files against hostile bytes, training against kill -9, and the commands that use models as
// scripts see them.
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>
#include <cstring>
#include <fstream>
#include <random>

#include "core/analysis/evaluation.h"
#include "presets/model_file.h"
#include "presets/patch_file.h"
#include "tests/command_rig.h"
#include "tests/model_rig.h"

using namespace tests;

namespace {
presets::Model tinyModel() {
  presets::Model m;
  m.patch = instrument(3);
  m.info = {"CC0-1.0", "nobody", {"a.wav#1"}, {"a.wav#2"}, "none", {"flute", "viola"}};
  return m;
}
std::uint64_t headerLength(const std::string& bytes) {
  std::uint64_t n = 0;
  std::memcpy(&n, bytes.data(), 8);
  return n;
}
/// The file with another header text, its length put right.
std::string withHeader(const std::string& bytes, std::string header) {
  const std::string data = bytes.substr(8 + headerLength(bytes));
  header.append((8 - header.size() % 8) % 8, ' ');
  const std::uint64_t n = header.size();
  std::string out(8, '\0');
  std::memcpy(out.data(), &n, 8);
  return out + header + data;
}
std::string headerOf(const std::string& bytes) { return bytes.substr(8, headerLength(bytes)); }
/// Replaces the first `from`; the test must not go on when it is not there.
std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  return at == std::string::npos ? std::string() : text.replace(at, from.size(), to);
}
}  // namespace

class TestModels : public QObject {
  Q_OBJECT
  QTemporaryDir dir_;
  QString at(const char* name) const { return dir_.filePath(name); }
  std::string path(const char* name) const { return at(name).toStdString(); }

 private Q_SLOTS:
  void initTestCase() {
    QVERIFY(presets::writeModel(tinyModel(), path("model.safetensors")).has_value());
    presets::Model other;
    other.patch = instrument(7);
    QVERIFY(presets::writeModel(other, path("other.safetensors")).has_value());
    QVERIFY(core::writeAudio(path("phrase.wav"), notes(44100, 2, {220, 330}, -16), AudioFormat::wav16).has_value());
    QVERIFY(QDir().mkpath(at("folder")));
    for (const auto& [name, key] : {std::pair{"folder/a.wav", 330.0}, {"folder/b.wav", 294.0}})
      QVERIFY(core::writeAudio(path(name), notes(16000, 1.5, {220, 262, key}, -16), AudioFormat::wav16).has_value());
  }

  // ---- files ----------------------------------------------------------------------------------

  void roundTrip() {
    const auto m = presets::readModel(path("model.safetensors"));
    QVERIFY(m.has_value());
    QCOMPARE(m->info.licence, std::string("CC0-1.0"));
    QCOMPARE(m->info.validated, std::vector<std::string>{"a.wav#2"});
    QCOMPARE(m->info.instruments, (std::vector<std::string>{"flute", "viola"}));
    const Patch patch = instrument(3);
    for (const PatchNode& n : patch.nodes)
      for (const auto& [row, blob] : n.tensors) QVERIFY(m->patch.find(n.id)->tensors.at(row)->data == blob->data);
  }

  /// Any damage to lengths, and any bit of the weights, is found; no bytes crash the reader.
  void hostileBytes() {
    const std::string good = presets::writeModelBytes(tinyModel());
    std::mt19937 random(20200126);
    const auto below = [&random](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    for (int i = 0; i < 400; ++i) {
      std::string cut = good.substr(0, below(good.size()));
      QVERIFY(!presets::readModelBytes(cut).has_value());
    }
    const std::size_t data = 8 + headerLength(good);
    for (int i = 0; i < 300; ++i) {
      std::string b = good;
      b[data + below(good.size() - data)] ^= static_cast<char>(1U << below(8));
      QVERIFY(!presets::readModelBytes(b).has_value());
    }
    for (int i = 0; i < 300; ++i) {  // lengths of the header, most of them absurd
      std::string b = good;
      const std::uint64_t n =
          i < 100 ? headerLength(good) + below(400) - 200 : (std::uint64_t{random()} << 32 | random()) >> below(64);
      std::memcpy(b.data(), &n, 8);
      const auto m = presets::readModelBytes(b);
      QVERIFY(n == headerLength(good) || !m.has_value());
    }
    int refused = 0;
    for (int i = 0; i < 1500; ++i) {  // bytes of the header: few change nothing, or the checksum's own name
      std::string b = good;
      for (std::size_t k = 0; k <= below(4); ++k) b[8 + below(data - 8)] = static_cast<char>(below(256));
      const auto m = presets::readModelBytes(b);
      refused += !m.has_value();
      if (!m) QVERIFY(!m.error().message.empty());
    }
    QVERIFY2(refused > 1480, qPrintable(QString::number(refused)));
    for (int i = 0; i < 200; ++i) {
      std::string b(below(4000), '\0');
      for (char& c : b) c = static_cast<char>(below(256));
      QVERIFY(!presets::readModelBytes(b).has_value());
    }
  }

  void hostileHeaders_data() {
    QTest::addColumn<QString>("from");
    QTest::addColumn<QString>("to");
    const auto row = [](const char* name, const char* from, const char* to) { QTest::newRow(name) << from << to; };
    row("negative shape", "\"shape\":[166]", "\"shape\":[-166]");
    row("fractional shape", "\"shape\":[166]", "\"shape\":[166.5]");
    row("huge shape", "\"shape\":[166]", "\"shape\":[18446744073709551615]");
    row("product wraps around", "\"shape\":[166]", "\"shape\":[4294967296,4294967296]");
    row("other shape", "\"shape\":[166]", "\"shape\":[165]");
    row("shape is text", "\"shape\":[166]", "\"shape\":\"166\"");
    row("no offsets", "\"data_offsets\":[0,664]", "\"data_offsets\":[]");
    row("backwards", "\"data_offsets\":[0,664]", "\"data_offsets\":[664,0]");
    row("negative offsets", "\"data_offsets\":[0,664]", "\"data_offsets\":[-664,0]");
    row("past the end", "\"data_offsets\":[0,664]", "\"data_offsets\":[1000000,1000664]");
    row("overlap", "\"data_offsets\":[664,3864]", "\"data_offsets\":[660,3860]");
    row("other type", "\"dtype\":\"F32\"", "\"dtype\":\"F16\"");
    row("type is a number", "\"dtype\":\"F32\"", "\"dtype\":32");
    row("newer", "\"version\":\"1\"", "\"version\":\"2\"");
    row("another program's", "tonewright-model", "somebody-models");
    row("patch is no patch", "\"patch\":\"{", "\"patch\":\"[");
    row("patch asks for more than there is", "\\\"offset\\\": 664", "\\\"offset\\\": 99999");
    row("patch has a wild offset", "\\\"offset\\\": 664", "\\\"offset\\\": -8");
  }
  void hostileHeaders() {
    QFETCH(QString, from);
    QFETCH(QString, to);
    const std::string good = presets::writeModelBytes(tinyModel());
    const std::string header = replaced(headerOf(good), from.toStdString(), to.toStdString());
    QVERIFY2(!header.empty(), qPrintable("not in the header: " + from));
    const auto m = presets::readModelBytes(withHeader(good, header));
    QVERIFY(!m.has_value());
    QVERIFY(m.error().message.ends_with("."));
    // whatever part is asked for, the header is refused in the same words
    std::ofstream(path("hostile.safetensors"), std::ios::binary) << withHeader(good, header);
    const std::string whole = presets::readModel(path("hostile.safetensors")).error().message;
    for (const core::Part part : {core::Part::noise, core::Part::reverb, core::Part::encoder}) {
      const auto p = presets::readModelParts(path("hostile.safetensors"), {part}, registry());
      QVERIFY(!p.has_value());
      QCOMPARE(p.error().message, whole);
    }
  }
  void deepHeader() {
    const std::string good = presets::writeModelBytes(tinyModel());
    const std::string deep = "{\"a\":" + std::string(2000000, '[') + std::string(2000000, ']') + "}";
    QVERIFY(!presets::readModelBytes(withHeader(good, deep)).has_value());
  }
  void notFinite() {
    for (const float bad : {std::nanf(""), HUGE_VALF, -HUGE_VALF}) {
      presets::Model m = tinyModel();
      auto weights = std::make_shared<Blob>(*m.patch.find("controller")->tensors["weights"]);
      weights->data[77] = bad;
      m.patch.find("controller")->tensors["weights"] = weights;
      const auto read = presets::readModelBytes(presets::writeModelBytes(m));
      QVERIFY(!read.has_value());
      QVERIFY(read.error().message.find("controller.weights") != std::string::npos);
    }
  }

  // ---- training against kill -9 ---------------------------------------------------------------

  void trainingSurvivesKills() {
    Patch p = instrument(1);
    for (PatchNode& n : p.nodes) n.tensors.clear();
    std::erase_if(p.nodes, [](const PatchNode& n) { return n.id == "room"; });
    std::erase_if(p.cables, [](const Cable& c) { return c.from == "room" || c.to == "room"; });
    p.cables.push_back({"harmonic", "out", "out", "in"});
    p.cables.push_back({"noise", "out", "out", "in"});
    QVERIFY(presets::writePatch(p, path("patch.json")).has_value());
    const QString model = at("trained.safetensors"), state = at("trained.training");
    const auto steps = [&]() -> int {
      const auto arrays = presets::readArrays(state.toStdString());
      if (!arrays) return -1;
      for (const auto& [name, values] : *arrays)
        if (name == "count") return static_cast<int>(values[0]);
      return -1;
    };
    const QStringList common{"--steps", "1000000", "--threads", "1", "--checkpoint", "0.05"};
    const QStringList starting{"--patch", at("patch.json"), "--size", "patch"};
    std::mt19937 random(4);
    int before = 0;
    for (int kill = 0; kill < 4; ++kill) {
      QProcess program;
      program.start(TONEWRIGHT_PROGRAM, QStringList{"train", at("folder"), "-o", model} + common +
                                            (kill ? QStringList{"--resume"} : starting));
      QVERIFY(program.waitForStarted());
      QTRY_VERIFY_WITH_TIMEOUT(program.state() == QProcess::NotRunning || (steps() > before && QFile::exists(model)),
                               200000);
      QVERIFY2(program.state() == QProcess::Running, program.readAllStandardError().constData());
      QTest::qWait(static_cast<int>(random() % 300));
      program.kill();
      program.waitForFinished();
      // whatever was being written, both files are whole, and nothing is lost
      const auto read = presets::readModel(model.toStdString());
      QVERIFY2(read.has_value(), read ? "" : read.error().message.c_str());
      QVERIFY2(steps() > before, qPrintable(QString("%1 after %2").arg(steps()).arg(before)));
      before = steps();
    }
    const Run r = run(QStringList{"train", at("folder"), "-o", model, "--resume", "--threads", "1", "--steps",
                                  QString::number(before + 2)});
    QVERIFY2(r.exit == 0, r.err.constData());
    QCOMPARE(steps(), before + 2);
    QVERIFY(run({"evaluate", model, at("folder/a.wav")}).exit == 0);
    // what is there is neither trained over nor made another without a word
    const QStringList again{"train", at("folder"), "-o", model, "--threads", "1", "--steps", "1"};
    const Run over = run(again);
    QVERIFY(over.exit == 1 && over.err.contains("--replace"));
    for (const QStringList& other :
         {QStringList{"--size", "full"}, {"--rate", "48000"}, {"--patch", at("patch.json")}, {"--seed", "7"}}) {
      const Run refused = run(again + QStringList{"--resume"} + other);
      QVERIFY2(refused.exit == 1 && refused.err.contains("leave " + other[0].toUtf8()), refused.err.constData());
    }
    QCOMPARE(steps(), before + 2);
    QVERIFY(run(again + QStringList{"--replace"} + starting).exit == 0);
    QCOMPARE(steps(), 1);
  }

  /// The patches that training starts from, on a folder for each of two instruments.
  void trainsPatchesWithLatents_data() {
    QTest::addColumn<QString>("patch");
    for (const char* id : {"neural-instruments", "neural-autoencoder"}) QTest::newRow(id) << id;
  }
  void trainsPatchesWithLatents() {
    QFETCH(QString, patch);
    for (const auto& [instrument, sound] : {std::pair{"band/flute", "folder/a.wav"}, {"band/viola", "folder/b.wav"}}) {
      QVERIFY(QDir().mkpath(at(instrument)));
      QFile::copy(at(sound), at(instrument) + "/a.wav");
    }
    const bool embedding = patch == "neural-instruments";
    const QString model = dir_.filePath(patch + ".safetensors");
    const Run r = run({"train", at("band"), "-o", model, "--patch", patch, "--steps", "1", "--threads", "1",
                       "--validate", "viola/a.wav#2"});
    QVERIFY2(r.exit == 0, r.err.constData());
    QVERIFY2(
        r.out.contains("Instruments (2): flute viola") == embedding && r.out.contains("Held out (1): viola/a.wav#2"),
        r.out.constData());
    const auto trained = presets::readModel(model.toStdString());
    QVERIFY(trained.has_value());
    using Names = std::vector<std::string>;
    QCOMPARE(trained->info.instruments, embedding ? (Names{"flute", "viola"}) : Names());  // an encoder needs none
    // nothing but the latent is added to the decoder of the size that was asked for
    const std::size_t decoder = trained->patch.find("controller")->tensors.at("weights")->data.size();
    QVERIFY2(decoder > 200000 && decoder < 250000, qPrintable(QString::number(decoder)));
    const Run e = run({"evaluate", model, at("band"), "--json"});
    QVERIFY2(e.exit == 0, e.err.constData());
    const QJsonArray morphs = QJsonDocument::fromJson(e.out).object()["morphs"].toArray();
    QCOMPARE(morphs.size(), 2);
    QCOMPARE(morphs[0].toObject()["from"].toString(), QString("flute/a.wav"));
    QVERIFY(morphs[0].toObject()["loud_sigma"].isDouble());
  }

  // ---- commands -------------------------------------------------------------------------------

  void help() {
    for (const char* c : {"train", "evaluate", "transfer", "swap", "extract"}) {
      const Run r = run({c, "--help"});
      QCOMPARE(r.exit, 0);
      QVERIFY(r.out.size() > 100 && r.err.isEmpty());
    }
  }
  void errors_data() {
    QTest::addColumn<QStringList>("arguments");
    QTest::addColumn<int>("exit");
    QTest::addColumn<QString>("says");
    const QString m = at("model.safetensors"), x = at("phrase.wav"), o = at("o.wav"), n = at("n.safetensors");
    QTest::newRow("evaluate: one argument") << QStringList{"evaluate", m} << 2 << "FOLDER";
    QTest::newRow("evaluate: no model") << QStringList{"evaluate", at("none.safetensors"), x} << 1
                                        << "none.safetensors";
    QTest::newRow("evaluate: no folder") << QStringList{"evaluate", m, at("nowhere")} << 1 << "nowhere";
    QTest::newRow("evaluate: no controller") << QStringList{"evaluate", "fm-bell", x} << 1 << "controller";
    QTest::newRow("transfer: no output") << QStringList{"transfer", m, x} << 2 << "--output";
    QTest::newRow("transfer: octave") << QStringList{"transfer", m, x, "-o", o, "--octave", "high"} << 2 << "high";
    QTest::newRow("transfer: far octave") << QStringList{"transfer", m, x, "-o", o, "--octave", "9"} << 2 << "-4 to 4";
    QTest::newRow("transfer: format") << QStringList{"transfer", m, x, "-o", o, "--format", "wav"} << 2 << "wav32f";
    QTest::newRow("transfer: autotune") << QStringList{"transfer", m, x, "-o", o, "--autotune", "2"} << 2 << "2";
    QTest::newRow("transfer: no audio") << QStringList{"transfer", m, at("no.wav"), "-o", o} << 1 << "no.wav";
    QTest::newRow("transfer: ending") << QStringList{"transfer", m, x, "-o", at("o.xyz")} << 2 << ".wav";
    QTest::newRow("swap: part") << QStringList{"swap", m, m, "--take", "drums", "-o", n} << 2 << "drums";
    QTest::newRow("swap: nothing") << QStringList{"swap", m, m, "-o", n} << 2 << "--take";
    QTest::newRow("swap: no B") << QStringList{"swap", m, "--take", "noise", "-o", n} << 2 << "second model";
    QTest::newRow("swap: ending") << QStringList{"swap", m, m, "--take", "noise", "-o", o} << 2 << ".safetensors";
    QTest::newRow("swap: no part") << QStringList{"swap", m, "fm-bell", "--take", "noise", "-o", n} << 1 << "noise";
    QTest::newRow("extract: no part named") << QStringList{"extract", m, "-o", n} << 2 << "--take";
    QTest::newRow("extract: no output") << QStringList{"extract", m, "--take", "noise"} << 2 << "--output";
    QTest::newRow("extract: part") << QStringList{"extract", m, "--take", "noise,drums", "-o", n} << 2
                                   << "\"drums\"; choose harmonic";
    QTest::newRow("extract: ending") << QStringList{"extract", m, "--take", "noise", "-o", o} << 2 << ".safetensors";
    QTest::newRow("extract: no such") << QStringList{"extract", at("no.safetensors"), "--take", "noise", "-o", n} << 1
                                      << "no.safetensors";
    QTest::newRow("extract: no model") << QStringList{"extract", x, "--take", "noise", "-o", n} << 1
                                       << "phrase.wav: The patch is not valid JSON";
    QTest::newRow("extract: absent") << QStringList{"extract", "fm-bell", "--take", "noise", "-o", n} << 1
                                     << "has no noise part to take";
    QTest::newRow("extract: deaf") << QStringList{"extract", "neural-saxophone", "--take", "encoder", "-o", n} << 1
                                   << "has no encoder part to take";
    QTest::newRow("extract: itself") << QStringList{"extract", m, "--take", "noise", "-o", m} << 1
                                     << "other parts would be lost";
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

  void evaluateJson() {
    const Run r = run({"evaluate", at("model.safetensors"), at("folder"), "--json"});
    QVERIFY2(r.exit == 0, r.err.constData());
    const QJsonObject j = QJsonDocument::fromJson(r.out).object();
    QCOMPARE(j["parameters"].toInt() - j["parameters_without_response"].toInt(), 800);
    QCOMPARE(j["files"].toArray().size(), 2);
    for (const char* row : {"model", "aligned", "oracle", "sawtooth", "sine"}) {
      const QJsonObject o = j["rows"].toObject()[row].toObject();
      QVERIFY(o["real_time_factor"].toDouble() > 0);
      QCOMPARE(o["files"].toObject().size(), 2);
      for (const core::Measure& m : core::measures(core::Evaluation{}))
        QVERIFY2(o["mean"].toObject().contains(QString::fromUtf8(m.key.data(), static_cast<qsizetype>(m.key.size()))),
                 m.key.data());
    }
    QVERIFY(j["published"].toArray().size() >= 5);
    QVERIFY(j["definitions"].toObject().size() > 20);
    QVERIFY(run({"evaluate", at("model.safetensors"), at("phrase.wav")}).out.contains("published, other data"));
  }

  void transferAndSwapWriteFiles() {
    const Run r = run({"transfer", at("model.safetensors"), at("phrase.wav"), "-o", at("out.wav"), "--octave", "auto",
                       "--match-loudness", "--gate", "--autotune", "0.5", "--wet", "0.9", "--no-reverb"});
    QVERIFY2(r.exit == 0, r.err.constData());
    QVERIFY2(r.out.startsWith(at("out.wav").toUtf8() + ":\nOctave "), r.out.constData());
    for (const char* part : {" dB, its range x ", ", drawn to ", " of the frames sound", "could not be measured.\n"})
      QVERIFY2(r.out.contains(part), r.out.constData());
    const auto out = core::readAudio(path("out.wav"));
    QVERIFY(out.has_value());
    QCOMPARE(out->rate, 44100.0);
    QCOMPARE(out->frames(), core::readAudio(path("phrase.wav"))->frames());
    const Run s = run({"swap", at("model.safetensors"), at("other.safetensors"), "--take", "noise,reverb", "-o",
                       at("mixed.safetensors")});
    QVERIFY2(s.exit == 0, s.err.constData());
    QVERIFY(s.out.contains("both controllers run") && s.out.contains("parameters"));
    const auto mixed = presets::readModel(path("mixed.safetensors"));
    QVERIFY(mixed.has_value());
    QCOMPARE(mixed->info.licence, std::string("CC0-1.0; noise, reverb: not stated"));
    QVERIFY(run({"check", at("mixed.safetensors")}).exit == 0);
    QVERIFY(run({"swap", at("model.safetensors"), "--no-reverb", "-o", at("dry.safetensors")}).exit == 0);
    QCOMPARE(presets::readModel(path("dry.safetensors"))->patch.nodes.size(), instrument(3).nodes.size() - 1);
  }
};

QTEST_GUILESS_MAIN(TestModels)
#include "tst_models.moc"
