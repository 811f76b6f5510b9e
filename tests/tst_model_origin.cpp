// SPDX-License-Identifier: GPL-3.0-or-later
// Where a model comes from stays with it on every way, and a model, patch or memory that is damaged says
// so or is heard again; recordings that nothing can be judged by are named and left out.
#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTemporaryDir>
#include <QTest>
#include <cstring>
#include <fstream>

#include "core/analysis/evaluation.h"
#include "core/neural/transfer.h"
#include "presets/feature_store.h"
#include "presets/model_file.h"
#include "presets/patch_file.h"
#include "tests/command_rig.h"
#include "tests/model_rig.h"

using namespace tests;
using presets::ModelInfo;

namespace {
presets::Model modelOf(double seed, ModelInfo info) {
  presets::Model m{instrument(seed), std::move(info)};
  m.patch.description = "The one of seed " + std::to_string(static_cast<int>(seed)) + ".";
  return m;
}
const ModelInfo kFlute{"CC0-1.0", "Flute by A.", {"f.wav#1"}, {"f.wav#2"}, "9 steps", {"flute", "viola"}};
const ModelInfo kOboe{"CC-BY-4.0", "Oboe by B.", {"o.wav#1"}, {"o.wav#2"}, "7 steps", {}};

std::uint64_t headerLength(const std::string& bytes) {
  std::uint64_t n = 0;
  std::memcpy(&n, bytes.data(), 8);
  return n;
}
/// The file with something else in its header; empty when it is not in there.
std::string withHeader(const std::string& bytes, const std::string& from, const std::string& to) {
  std::string header = bytes.substr(8, headerLength(bytes));
  const auto at = header.find(from);
  if (at == std::string::npos) return {};
  header.replace(at, from.size(), to);
  const std::uint64_t n = header.size();
  std::string out(8, '\0');
  std::memcpy(out.data(), &n, 8);
  return out + header + bytes.substr(8 + headerLength(bytes));
}
/// As programs of before wrote it.
std::string withoutChecksum(const std::string& bytes) { return withHeader(bytes, "\"checksum\":", "\"chequesum\":"); }
}  // namespace

class TestModelOrigin : public QObject {
  Q_OBJECT
  QTemporaryDir dir_;
  QString at(const char* name) const { return dir_.filePath(name); }
  std::string path(const char* name) const { return at(name).toStdString(); }
  ModelInfo infoIn(const char* name) const {
    const auto m = presets::readModel(path(name));
    return m ? m->info : ModelInfo{m.error().message, {}, {}, {}, {}};
  }

 private Q_SLOTS:
  void initTestCase() {
    QVERIFY(presets::writeModel(modelOf(3, kFlute), path("flute.safetensors")).has_value());
    QVERIFY(presets::writeModel(modelOf(7, kOboe), path("oboe.safetensors")).has_value());
    QVERIFY(core::writeAudio(path("phrase.wav"), notes(16000, 1.5, {220, 330}, -16), AudioFormat::wav16).has_value());
  }

  // ---- licence, credits and lists -------------------------------------------------------------

  void travelsWithThePatch() {
    auto patch = presets::readPatch(path("flute.safetensors"));
    QVERIFY(patch.has_value());
    patch->nodes[0].x += 10;  // as the studio saves it
    QVERIFY(presets::writePatch(*patch, path("new.safetensors")).has_value());
    QVERIFY(infoIn("new.safetensors") == kFlute);
    QVERIFY(presets::writePatch(*patch, path("new.json")).has_value());
    const auto back = presets::readPatch(path("new.json"));
    QVERIFY(back && presets::writeText(*back).json == presets::writeText(*patch).json);
    QVERIFY(presets::infoOf(*back) == kFlute);
    QVERIFY(presets::writePatch(*back, path("again.safetensors")).has_value());
    QVERIFY(infoIn("again.safetensors") == kFlute);
  }
  /// What an earlier file at that place said is not what the new one is.
  void isNotThatOfTheFileBefore() {
    QVERIFY(QFile::copy(at("oboe.safetensors"), at("over.safetensors")));
    QVERIFY(presets::writePatch(*presets::readPatch(path("flute.safetensors")), path("over.safetensors")).has_value());
    QVERIFY(infoIn("over.safetensors") == kFlute);
    QVERIFY(presets::writePatch(instrument(1), path("over.safetensors")).has_value());
    QVERIFY(infoIn("over.safetensors") == ModelInfo{});
  }
  void isKeptBesideUnknownFields() {
    Patch p = instrument(1);
    p.foreign = R"({"moon":[1,2,3]})";
    presets::setInfo(p, kOboe);
    QVERIFY(presets::infoOf(p) == kOboe);
    presets::setInfo(p, {});
    QCOMPARE(p.foreign, std::string(R"({"moon":[1,2,3]})"));
    for (const char* odd : {R"({"model":7})", R"({"model":{"licence":[],"trained":{"a":3}}})", "", "[1]"}) {
      p.foreign = odd;
      QVERIFY(presets::infoOf(p) == ModelInfo{});
    }
  }
  void swapNamesBoth() {
    const Patch a = *presets::readPatch(path("flute.safetensors")), b = *presets::readPatch(path("oboe.safetensors"));
    const auto noise = presets::swapModels(a, b, {core::Part::noise}, registry());
    QVERIFY(noise.has_value());
    const ModelInfo some = presets::infoOf(noise->patch);
    QCOMPARE(some.licence, std::string("CC0-1.0; CC-BY-4.0"));
    QCOMPARE(some.credits, std::string("Flute by A. Oboe by B."));
    QCOMPARE(some.trained, kFlute.trained);
    QCOMPARE(noise->patch.description, a.description);
    // all that plays is b's, so the lists and the description are
    const auto decoder = presets::swapModels(a, b, {core::Part::decoder, core::Part::reverb}, registry());
    QVERIFY(decoder.has_value());
    const ModelInfo all = presets::infoOf(decoder->patch);
    QVERIFY(all.trained == kOboe.trained && all.validated == kOboe.validated && all.instruments.empty());
    QCOMPARE(all.training, std::string("decoder, reverb from: 7 steps; the rest from: 9 steps"));
    QCOMPARE(decoder->patch.description, b.description);
    QCOMPARE(all.licence, some.licence);
    // what was said once is not said again
    const auto twice = presets::swapModels(noise->patch, b, {core::Part::reverb}, registry());
    QCOMPARE(presets::infoOf(twice->patch).credits, some.credits);
  }
  /// Nodes that come from another patch bring who is to be named for what they have learned.
  void pastedNodesNameTheirs() {
    const Patch a = *presets::readPatch(path("flute.safetensors")), b = *presets::readPatch(path("oboe.safetensors"));
    const auto pasted = [](Patch into, const Patch& part) {
      presets::takeInfo(into, part);
      return presets::infoOf(into);
    };
    // into what has learned nothing: all that the model says
    Patch fresh = notePatch();
    fresh.foreign = R"({"moon":[1,2,3]})";
    QVERIFY(pasted(fresh, b) == kOboe);
    presets::takeInfo(fresh, b);
    QVERIFY(fresh.foreign.find("moon") != std::string::npos);
    // beside another model: its takes are its own
    ModelInfo both = kFlute;
    both.licence = "CC0-1.0; CC-BY-4.0";
    both.credits = "Flute by A. Oboe by B.";
    both.training = "9 steps; nodes from: 7 steps";
    QVERIFY(pasted(a, b) == both);
    Patch mixed = a;
    presets::takeInfo(mixed, b);
    QVERIFY(pasted(mixed, b) == both && pasted(mixed, a) == both && pasted(mixed, mixed) == both);
    // what goes on being said where the weights have been deleted is who made them
    Patch emptied = a;
    std::erase_if(emptied.nodes, [](const auto& n) { return !n.tensors.empty(); });
    const ModelInfo after = pasted(emptied, b);
    QVERIFY(after.trained == kOboe.trained && after.training == kOboe.training && after.instruments.empty());
    QCOMPARE(after.credits, std::string("Oboe by B. Flute by A."));
    // nodes of the patch itself, or that have learned nothing
    QVERIFY(pasted(a, a) == kFlute && pasted(a, notePatch()) == kFlute);
    Patch claims = notePatch();
    presets::setInfo(claims, kOboe);
    QVERIFY(pasted(a, claims) == kFlute && pasted(notePatch(), claims) == ModelInfo{});
  }
  /// What one of two states is not said of what is of the other.
  void licencesThatAreNotStated() {
    const Patch flute = *presets::readPatch(path("flute.safetensors")), nobodys = instrument(5);
    const auto licence = [](const Patch& a, const Patch& b, const std::vector<core::Part>& parts) {
      return presets::infoOf(presets::swapModels(a, b, parts, registry())->patch).licence;
    };
    using core::Part;
    QCOMPARE(licence(nobodys, flute, {Part::noise}), std::string("CC0-1.0; the rest: not stated"));
    QCOMPARE(licence(flute, nobodys, {Part::noise, Part::reverb}), std::string("CC0-1.0; noise, reverb: not stated"));
    QCOMPARE(licence(flute, nobodys, {Part::decoder}), std::string("CC0-1.0; decoder: not stated"));
    QCOMPARE(licence(nobodys, instrument(7), {Part::noise}), std::string());
    // where nothing of the other is left, or nothing learned was taken
    QCOMPARE(licence(nobodys, flute, {Part::decoder, Part::reverb}), std::string("CC0-1.0"));
    QCOMPARE(licence(flute, nobodys, {Part::encoder}), std::string("CC0-1.0"));
    // once is enough
    const Patch mixed = presets::swapModels(nobodys, flute, {Part::noise}, registry())->patch;
    QCOMPARE(licence(mixed, flute, {Part::harmonic}), std::string("CC0-1.0; the rest: not stated"));
    const auto pasted = [](Patch into, const Patch& part) {
      presets::takeInfo(into, part);
      return presets::infoOf(into).licence;
    };
    QCOMPARE(pasted(nobodys, flute), std::string("CC0-1.0; the rest: not stated"));
    QCOMPARE(pasted(flute, nobodys), std::string("CC0-1.0; some nodes: not stated"));
    QCOMPARE(pasted(notePatch(), flute), std::string("CC0-1.0"));
  }
  /// By their ids as by their files.
  void swapCommandNamesBoth() {
    const Run r = run({"swap", "alto-sax", "violin", "--take", "decoder,reverb", "-o", at("ids.safetensors")});
    QVERIFY2(r.exit == 0, r.err.constData());
    const ModelInfo info = infoIn("ids.safetensors");
    QCOMPARE(info.licence, std::string("CC0-1.0; CC-BY-3.0"));
    QVERIFY2(info.credits.find("Weresax") != std::string::npos && info.credits.find("VSCO") != std::string::npos,
             info.credits.c_str());
    QVERIFY(info.trained.front().starts_with("violin"));
  }
  void presetsAndModelsAreListed() {
    const QJsonArray all = QJsonDocument::fromJson(run({"presets", "--json"}).out).array();
    QMap<QString, QString> licences;
    for (const auto& v : all) licences[v.toObject()["id"].toString()] = v.toObject()["licence"].toString();
    QCOMPARE(licences["violin"], QString("CC-BY-3.0"));
    QCOMPARE(licences["neural-saxophone"], QString("CC0-1.0"));
    for (const char* id : {"alto-sax", "neural-autoencoder", "neural-decoder", "fm-bell"})
      QVERIFY2(licences.contains(id), id);
    const Run text = run({"presets"});
    QVERIFY(text.out.contains("violin") && text.out.contains("(CC-BY-3.0)"));
    QVERIFY(run({"check", "neural-autoencoderr"}).err.contains("did you mean \"neural-autoencoder\""));
  }

  // ---- damage ---------------------------------------------------------------------------------

  void damagedMetadata_data() {
    QTest::addColumn<QString>("from");
    QTest::addColumn<QString>("to");
    QTest::addColumn<QString>("says");
    const auto row = [](const char* name, const char* from, const char* to, const char* says) {
      QTest::newRow(name) << from << to << says;
    };
    row("a setting", "\\\"loudness-mean\\\": -30", "\\\"loudness-mean\\\": -31", "checksum");
    row("a cable", "pitch.pitch", "pitch.level", "checksum");
    row("the licence", "CC0-1.0", "CC1-1.0", "checksum");
    row("no version", "\"version\":\"1\"", "\"verzion\":\"1\"", "no valid format version");
    row("version of nothing", "\"version\":\"1\"", "\"version\":\"\"", "no valid format version");
    row("version 0", "\"version\":\"1\"", "\"version\":\"0\"", "no valid format version");
    row("newer", "\"version\":\"1\"", "\"version\":\"2\"", "newer");
    row("no metadata", "__metadata__", "__netadata__", "");
    row("tensor of no node", "\"controller.weights\":", "\"controllor.weights\":", "controller.weights");
  }
  void damagedMetadata() {
    QFETCH(QString, from);
    QFETCH(QString, to);
    QFETCH(QString, says);
    const std::string good = presets::writeModelBytes(modelOf(3, kFlute));
    const std::string bad = withHeader(good, from.toStdString(), to.toStdString());
    QVERIFY2(!bad.empty(), "not in the header");
    const auto m = presets::readModelBytes(bad);
    QVERIFY(!m.has_value());
    QVERIFY2(QString::fromStdString(m.error().message).contains(says), m.error().message.c_str());
    QVERIFY(m.error().message.ends_with(".") && m.error().message.find('\n') == std::string::npos);
  }
  void shippedModelsHaveChecksums() {
    int seen = 0;
    for (const char* folder : {PRESETS_DIR, PRESETS_DIR "/../models"})
      for (const QFileInfo& file : QDir(folder).entryInfoList({"*.safetensors"})) {
        QFile f(file.filePath());
        QVERIFY(f.open(QIODevice::ReadOnly));
        const std::string good = f.readAll().toStdString();
        const auto m = presets::readModelBytes(withHeader(good, "\"licence\":\"CC", "\"licence\":\"DD"));
        QVERIFY2(!m && m.error().message.find("checksum differs") != std::string::npos, qPrintable(file.fileName()));
        ++seen;
      }
    QVERIFY(seen >= 6);
  }
  void filesOfBeforeAreRead() {
    const auto m = presets::readModelBytes(withoutChecksum(presets::writeModelBytes(modelOf(3, kFlute))));
    QVERIFY2(m.has_value(), m ? "" : m.error().message.c_str());
    QVERIFY(m->info == kFlute);
  }
  /// Also in files without a checksum: the weights lie there, but the patch does not ask for them.
  void weightsOfNobody() {
    const std::string old = withoutChecksum(presets::writeModelBytes(modelOf(3, kFlute)));
    const auto m = presets::readModelBytes(withHeader(old, "\\\"tensors\\\"", "\\\"tansors\\\""));
    QVERIFY(!m.has_value());
    QVERIFY2(m.error().message.find("belongs to no node") != std::string::npos, m.error().message.c_str());
  }
  void trailingBytes() {
    const std::string good = presets::writeModelBytes(modelOf(3, kFlute));
    for (const std::size_t more : {std::size_t{1}, std::size_t{1000}}) {
      const auto m = presets::readModelBytes(good + std::string(more, '\0'));
      QVERIFY(!m && m.error().message.find("belong to none of its tensors") != std::string::npos);
    }
  }
  void largeAndManyFields() {
    const std::string good = presets::writeModelBytes(modelOf(3, kFlute));
    std::string fields;
    // were the time that of the square of their number, Qt Test's watchdog would end this one
    for (int i = 0; i < 600000; ++i) fields += "\"k" + std::to_string(i) + "\":{},";
    QVERIFY(!presets::readModelBytes(withHeader(good, "\"__metadata__\"", fields + "\"__metadata__\"")).has_value());
    const auto large = presets::readModelBytes(withHeader(good, "\"CC0-1.0\"", '"' + std::string(17 << 20, 'x') + '"'));
    QVERIFY(!large && large.error().message.find("at most 16 MB") != std::string::npos);
    presets::Model m = modelOf(3, kFlute);
    m.info.credits = std::string(17 << 20, 'x');  // what could not be read is not written either
    QVERIFY(!presets::writeModel(m, path("flute.safetensors")).has_value());
    QVERIFY(infoIn("flute.safetensors") == kFlute);
  }
  /// Names of recordings may be in any encoding; what is written is readable.
  void namesThatAreNoUtf8() {
    presets::Model m = modelOf(3, kFlute);
    m.info.trained = {"caf\xe9.wav#1"};
    m.info.credits = "caf\xe9";
    m.patch.name = "caf\xe9";
    QVERIFY(presets::writeModel(m, path("cafe.safetensors")).has_value());
    const ModelInfo info = infoIn("cafe.safetensors");
    QCOMPARE(info.trained, std::vector<std::string>{"caf\xef\xbf\xbd.wav#1"});
    QCOMPARE(info.validated, kFlute.validated);
  }
  void untrainedAndUnknownAreNotPlayed() {
    const AudioData x = notes(kModelRate, 1, {220});
    Patch raw = instrument(1), strange = instrument(1);
    raw.find("controller")->tensors.clear();
    strange.find("room")->type = "effect.nonsense";
    for (const auto& [patch, says] : {std::pair(raw, "has not learned"), {strange, "effect.nonsense"}}) {
      const auto played = core::transfer(patch, x, registry(), {});
      QVERIFY(!played && played.error().message.find(says) != std::string::npos);
      QVERIFY(presets::writePatch(patch, path("raw.safetensors")).has_value());
      const Run e = run({"evaluate", at("raw.safetensors"), at("phrase.wav")});
      QVERIFY2(e.exit == 1 && e.err.contains(says) && e.err.count('\n') == 1, e.err.constData());
    }
    QVERIFY(core::untrainedNodes(instrument(1), registry()).empty());
    QVERIFY(run({"check", "neural-decoder"}).out.contains("has not learned"));
  }
  void damagedMemoryIsHeardAgain() {
    const std::filesystem::path folder = path("features");
    const auto store = presets::featureStore(folder);
    const std::vector<std::vector<float>> heard{{1, 2, 3}, {4, 5, 6}};
    store.keep(7, heard);
    QVERIFY(store.recall(7) == heard);
    const std::filesystem::path file = std::filesystem::directory_iterator(folder)->path();
    const auto put = [&](const std::vector<std::pair<std::string, std::vector<double>>>& arrays) {
      return presets::writeArrays(arrays, file).has_value();
    };
    const double nan = std::nan(""), huge = 1e300;
    QVERIFY(put({{"0", {1, 2}}, {"1", {}}}) && store.recall(7).empty());
    QVERIFY(put({{"90", {1, 2}}, {"91", {3, 4}}}) && store.recall(7).empty());
    QVERIFY(put({{"0", {1, 2}}, {"01", {3, 4}}}) && store.recall(7).empty());
    QVERIFY(put({{"0", {1, 2}}, {"1", {3, nan}}}) && store.recall(7).empty());
    QVERIFY(put({{"0", {1, 2}}, {"1", {3, huge}}}) && store.recall(7).empty());
    QVERIFY(put({{"1", {4, 5, 6}}, {"0", {1, 2, 3}}}) && store.recall(7) == heard);
    std::fstream byte(file, std::ios::in | std::ios::out | std::ios::binary);  // one bit of one number
    byte.seekp(-2, std::ios::end);
    byte.put('\x41');
    byte.close();
    QVERIFY(store.recall(7).empty());
  }

  // ---- commands -------------------------------------------------------------------------------

  void whatCannotBeJudgedIsSkipped() {
    QVERIFY(QDir().mkpath(at("mixed")));
    QVERIFY(QFile::copy(at("phrase.wav"), at("mixed/good.wav")));
    QVERIFY(QFile::copy(at("phrase.wav"), at("mixed/caf") + QString::fromLatin1("x.wav")));
    std::filesystem::rename(path("mixed/cafx.wav"), path("mixed/caf\xe9.wav"));
    const auto sound = [&](const char* name, std::size_t frames) {
      return core::writeAudio(path(name), AudioData{16000, {std::vector<float>(frames)}}, AudioFormat::wav16);
    };
    QVERIFY(sound("mixed/silent.wav", 16000) && sound("mixed/short.wav", 80));
    const Run r = run({"evaluate", at("flute.safetensors"), at("mixed"), "--json"});
    QVERIFY2(r.exit == 0, r.err.constData());
    const QJsonObject j = QJsonDocument::fromJson(r.out).object();
    QCOMPARE(j["files"].toArray().size(), 2);
    const QJsonArray skipped = j["skipped"].toArray();
    QCOMPARE(skipped.size(), 2);
    QVERIFY(skipped[0].toString().startsWith("short.wav: The recording is shorter"));
    QCOMPARE(skipped[1].toString(), QString("silent.wav: The recording is silent, so there is nothing to follow."));
    QCOMPARE(j["rows"].toObject()["model"].toObject()["files"].toObject().size(), 2);
    const Run nothing = run({"evaluate", at("flute.safetensors"), at("mixed/short.wav")});
    QVERIFY2(nothing.exit == 1 && nothing.err.contains("short.wav: The recording is shorter"), nothing.err.constData());
  }
  void takeIsOneList() {
    const QString a = at("flute.safetensors"), b = at("oboe.safetensors"), o = at("taken.safetensors");
    const Run r = run({"swap", a, "--take", "noise", b, "-o", o});
    QVERIFY2(r.exit == 0, r.err.constData());
    const Run ignored = run({"swap", a, b, "--no-reverb", "-o", o});
    QVERIFY2(ignored.exit == 2 && ignored.err.contains("--take") && ignored.err.contains("oboe"),
             ignored.err.constData());
    // what an instrument that listens to nothing is told to do, helps
    const Run deaf = run({"swap", "neural-saxophone", b, "--take", "noise", "-o", o});
    QVERIFY2(deaf.exit == 1 && deaf.err.contains("take the encoder too"), deaf.err.constData());
    const Run hears = run({"swap", "neural-saxophone", b, "--take", "noise,encoder", "-o", o});
    QVERIFY2(hears.exit == 0, hears.err.constData());
    QVERIFY(hears.out.contains("came along"));
    QCOMPARE(run({"check", o}).exit, 0);
  }
  /// What z alone does is told before what papers report, whose heading stands over their rows.
  void tablesStandUnderTheirHeadings() {
    presets::Model m{withTensors(playerOfTwo(false)), {}};
    m.info.instruments = {"flute", "viola"};
    QVERIFY(presets::writeModel(m, path("two.safetensors")).has_value());
    for (const char* name : {"two/flute", "two/viola"}) {
      QVERIFY(QDir().mkpath(at(name)));
      QVERIFY(QFile::copy(at("phrase.wav"), at(name) + "/a.wav"));
    }
    const Run r = run({"evaluate", at("two.safetensors"), at("two")});
    QVERIFY2(r.exit == 0, r.err.constData());
    const auto alone = r.out.indexOf("z alone:"), published = r.out.indexOf("Published (");
    QVERIFY(alone > 0 && alone < published);
    QVERIFY(r.out.indexOf("DDSP autoencoder", published) - published < 250);
  }
};

QTEST_GUILESS_MAIN(TestModelOrigin)
#include "tst_model_origin.moc"
