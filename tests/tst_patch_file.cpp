// SPDX-License-Identifier: GPL-3.0-or-later
// Patches on disk: round trips, and every kind of broken file answered by one sentence.
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <QTemporaryDir>
#include <QTest>
#include <clocale>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "core/graph/plan.h"
#include "nodes/registry.h"
#include "presets/patch_file.h"

using namespace core;

namespace {
Patch sample() {
  Patch p;
  p.name = "Täst \"quoted\"";
  p.tags = {"a", "b"};
  p.phrase = {{60.25, 0.1, 1.5, 0.7}, {64, 1, 1, 1}};
  PatchNode n;
  n.id = "svf";
  n.type = "filter.svf";
  n.x = -12.5;
  n.values["cutoff"] = 1234.567891234;
  n.free = {"cutoff"};
  n.settings["mode"] = {0, "fast"};
  n.settings["count"] = {3.5, ""};
  auto blob = std::make_shared<Blob>();
  blob->shape = {2, 3};
  blob->data = {1, -2, 3.25F, 1e-30F, 5, 6};
  n.tensors["weights"] = blob;
  p.nodes.push_back(n);
  n.id = "future";
  n.type = "neural.telepath";
  n.foreign = R"({"aura":{"colour":"mauve"}})";
  n.tensors.clear();
  p.nodes.push_back(n);
  p.cables.push_back({"svf", "low", "future", "mind", 0.25, true, true});
  p.foreign = R"({"moon":[1,2,3]})";
  return p;
}
/// Equal but for the blobs' addresses.
bool same(Patch a, Patch b) {
  for (std::size_t i = 0; i < std::min(a.nodes.size(), b.nodes.size()); ++i) {
    for (auto& [id, blob] : a.nodes[i].tensors) {
      const auto other = b.nodes[i].tensors.find(id);
      if (other == b.nodes[i].tensors.end() || blob->shape != other->second->shape || blob->data != other->second->data)
        return false;
    }
    a.nodes[i].tensors.clear();
    b.nodes[i].tensors.clear();
  }
  return a == b;
}
}  // namespace

class TestPatchFile : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void roundTrip() {
    QTemporaryDir dir;
    const auto path = std::filesystem::path(dir.path().toStdString()) / "x.json";
    QVERIFY(presets::writePatch(sample(), path));
    const auto back = presets::readPatch(path);
    QVERIFY2(back.has_value(), back ? "" : back.error().message.c_str());
    QVERIFY(same(*back, sample()));
    QCOMPARE(presets::writeText(*back).json, presets::writeText(sample()).json);
  }

  void commaLocale() {  // a locale with a decimal comma changes neither side
    const char* found = std::setlocale(LC_ALL, "de_DE.UTF-8");
    if (!found) found = std::setlocale(LC_ALL, "fr_FR.UTF-8");
    if (!found) QSKIP("no locale with a decimal comma is installed");
    const auto text = presets::writeText(sample());
    QVERIFY(text.json.find("1234.567891234") != std::string::npos);
    const auto back = presets::readText(text.json, text.blobs);
    QVERIFY(back && same(*back, sample()));
    std::setlocale(LC_ALL, "C");
  }

  void everyNode() {
    const auto registry = nodes::makeRegistry();
    Patch p;
    for (const NodeType& type : registry.types()) {
      PatchNode n = makeNode(p, type);
      for (const Input& i : type.inputs)
        if (i.isParameter()) n.values[std::string(i.id)] = i.range().plain(0.3);
      p.nodes.push_back(n);
    }
    const auto text = presets::writeText(p);
    const auto back = presets::readText(text.json, text.blobs);
    QVERIFY(back && *back == p);
  }

  void broken_data() {
    QTest::addColumn<QString>("json");
    QTest::addColumn<QString>("says");
    const QString head = R"({"schema":"tonewright-patch","version":1,)";
    QTest::newRow("empty") << ""
                           << "not valid JSON";
    QTest::newRow("cut") << head + R"("nodes":[{"id":"a")"
                         << "not valid JSON";
    QTest::newRow("other") << R"({"hello":1})"
                           << "not a Tonewright patch";
    QTest::newRow("list") << "[]"
                          << "must be an object";
    QTest::newRow("newer") << R"({"schema":"tonewright-patch","version":99})"
                           << "newer";
    QTest::newRow("far newer") << R"({"schema":"tonewright-patch","version":1e300})"
                               << "newer Tonewright; update";
    QTest::newRow("no version") << R"({"schema":"tonewright-patch"})"
                                << "version";
    QTest::newRow("duplicate") << head + R"("nodes":[{"id":"a","type":"t"},{"id":"a","type":"t"}]})"
                               << "Two nodes are called \"a\"";
    QTest::newRow("no id") << head + R"("nodes":[{"type":"t"}]})"
                           << "has no \"id\"";
    QTest::newRow("bad id") << head + R"("nodes":[{"id":"a.b","type":"t"}]})"
                            << "an id is a word";
    QTest::newRow("line break") << head + R"("nodes":[{"id":"a\nb","type":"t"}]})"
                                << "control character";
    QTest::newRow("line break in a cable") << head + R"("cables":[{"from":"a.b","to":"c.d\n"}]})"
                                           << "control character";
    QTest::newRow("line break in a value") << head + R"("nodes":[{"id":"a","type":"t","values":{"x\t":1}}]})"
                                           << "control character";
    QTest::newRow("text value") << head + R"("nodes":[{"id":"a","type":"t","values":{"x":"y"}}]})"
                                << "must be a number";
    QTest::newRow("huge value") << head + R"("nodes":[{"id":"a","type":"t","values":{"x":1e999}}]})"
                                << "";
    QTest::newRow("cable end") << head + R"("cables":[{"from":"a","to":"b.c"}]})"
                               << "node.port";
    QTest::newRow("cables type") << head + R"("cables":7})"
                                 << "must be a list";
    QTest::newRow("voices") << head + R"("voices":77})"
                            << "from 1 to 16";
    QTest::newRow("rate") << head + R"("rate":0})"
                          << "rate";
    QTest::newRow("note") << head + R"("phrase":[{"length":-1}]})"
                          << "length above 0";
    QTest::newRow("no blobs")
        << head + R"("nodes":[{"id":"a","type":"t","tensors":{"w":{"shape":[4],"offset":0,"checksum":"0"}}}]})"
        << ".blobs";
    QTest::newRow("negative shape") << head + R"("nodes":[{"id":"a","type":"t","tensors":{"w":{"shape":[-4]}}}]})"
                                    << "whole numbers";
    const QString tensor = head + R"("nodes":[{"id":"a","type":"t","tensors":{"w":{"shape":[%1],"checksum":"%2"}}}]})";
    const QString huge = "268435456,";
    QTest::newRow("size that wraps around") << tensor.arg(huge.repeated(6) + "268435456", "") << ".blobs";
    QTest::newRow("endless times nothing") << tensor.arg(huge.repeated(38) + "0", "") << "at most 8";
    QTest::newRow("deep") << head + "\"x\":" + QString("[").repeated(5000) + QString("]").repeated(5000) + "}"
                          << "nested deeper";
  }
  void broken() {
    QFETCH(QString, json);
    QFETCH(QString, says);
    const auto patch = presets::readText(json.toStdString(), "");
    QVERIFY(!patch);
    QVERIFY2(QString::fromStdString(patch.error().message).contains(says), patch.error().message.c_str());
    QVERIFY(!QString::fromStdString(patch.error().message).contains('\n'));
  }

  void damagedBlob() {
    auto text = presets::writeText(sample());
    text.blobs[5] = static_cast<char>(text.blobs[5] ^ 1);
    const auto back = presets::readText(text.json, text.blobs);
    QVERIFY(!back && back.error().message.find("checksum") != std::string::npos);
    const auto shorter = presets::readText(text.json, text.blobs.substr(0, 10));
    QVERIFY(!shorter && shorter.error().message.find("too short") != std::string::npos);
  }

  void failedWriteKeepsTheFile() {
    QTemporaryDir dir;
    const auto folder = std::filesystem::path(dir.path().toStdString());
    const auto path = folder / "x.json";
    QVERIFY(presets::writePatch(sample(), path));
    const auto failed = presets::writePatch(sample(), folder / "no-such-folder" / "x.json");
    QVERIFY(!failed && failed.error().message.find("no-such-folder") != std::string::npos);
    QVERIFY(presets::readPatch(path).has_value());
    QCOMPARE(std::distance(std::filesystem::directory_iterator(folder), {}), 2);  // patch and blobs, no temporaries
  }

  void hugePatch() {  // refused in a sentence where it is read and where it is compiled, not in minutes
    Patch p;
    for (int i = 0; i < 100000; ++i) {
      PatchNode n;
      n.id = "n" + std::to_string(i);
      n.type = "filter.svf";
      p.nodes.push_back(n);
    }
    const auto says = [](const auto& result, const char* what) {
      return !result && result.error().message.find(what) != std::string::npos;
    };
    QVERIFY(says(presets::readText(presets::writeText(p).json, ""), "100000 nodes; the most is 10000"));
    QVERIFY(says(compilePlan(p, nodes::makeRegistry(), {}), "100000 nodes"));
    p.nodes.resize(2);
    p.cables.assign(30000, {"n0", "low", "n1", "in"});
    QVERIFY(says(presets::readText(presets::writeText(p).json, ""), "30000 cables"));
    QVERIFY(says(compilePlan(p, nodes::makeRegistry(), {}), "30000 cables"));
    p.cables.clear();
    p.phrase.assign(200000, {});
    QVERIFY(says(presets::readText(presets::writeText(p).json, ""), "200000 notes"));
  }

  /// In the time of their number, not of its square: Qt Test's watchdog would end it.
  void manyUnknownFields() {
    QString fields;
    for (int i = 0; i < 600000; ++i) fields += QString("\"k%1\":{},").arg(i);
    const QString json = "{" + fields + R"("schema":"tonewright-patch","version":1})";
    const auto patch = presets::readText(json.toStdString(), "");
    QVERIFY(patch.has_value());
    const auto again = presets::readText(presets::writeText(*patch).json, "");
    QVERIFY(again && *again == *patch);
  }

  void everyPatchHasBlobsOfItsOwn() {  // whatever dots and capitals are in their names
    QTemporaryDir dir;
    const auto folder = std::filesystem::path(dir.path().toStdString());
    const std::vector<std::string> names{"take 1.5", "take 1.6", "take 1", "x.json", "x.JSON", "x.json.json"};
    const auto numbered = [](std::size_t i) {
      Patch p = sample();
      auto blob = std::make_shared<Blob>(*p.nodes[0].tensors["weights"]);
      blob->data[0] = static_cast<float>(i);
      p.nodes[0].tensors["weights"] = blob;
      return p;
    };
    for (std::size_t i = 0; i < names.size(); ++i)
      QVERIFY(presets::writePatch(numbered(i), presets::patchPath(folder / names[i])));
    QVERIFY(std::filesystem::exists(folder / "take 1.5.json"));
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto back = presets::readPatch(presets::patchPath(folder / names[i]));
      QVERIFY2(back && same(*back, numbered(i)), names[i].c_str());
    }
    QCOMPARE(presets::patchPath("b.SafeTensors"), std::filesystem::path("b.SafeTensors"));
    QVERIFY(presets::writePatch(sample(), folder / "b.SafeTensors"));
    const auto model = presets::readPatch(folder / "b.SafeTensors");
    QVERIFY2(model && model->name == sample().name, model ? "" : model.error().message.c_str());
  }

  void blobsOfEarlierVersions() {  // named by what stands before the last dot
    QTemporaryDir dir;
    const auto folder = std::filesystem::path(dir.path().toStdString());
    const auto text = presets::writeText(sample());
    for (const char* name : {"take 1.5", "old.JSON"}) {
      std::ofstream(folder / name) << text.json;
      std::ofstream((folder / name).replace_extension(".blobs")) << text.blobs;
      const auto back = presets::readPatch(folder / name);
      QVERIFY2(back && same(*back, sample()), back ? "" : back.error().message.c_str());
    }
  }

  void cutOffSave() {  // the program died after the blobs, before the patch: what was saved before opens
    QTemporaryDir dir;
    const auto folder = std::filesystem::path(dir.path().toStdString());
    QVERIFY(presets::writePatch(sample(), folder / "x.json"));
    std::filesystem::rename(folder / "x.blobs", folder / "x.blobs~");
    const auto without = presets::readPatch(folder / "x.json");
    QVERIFY2(without && same(*without, sample()), without ? "" : without.error().message.c_str());
    std::ofstream(folder / "x.blobs") << "the next blobs, of another patch";
    const auto other = presets::readPatch(folder / "x.json");
    QVERIFY(other && same(*other, sample()));
  }

  void wrongPlaces_data() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("says");
    QTest::newRow("a recording") << "take.wav"
                                 << "name of a sound";
    QTest::newRow("its own blobs") << "x.blobs"
                                   << "number file";
    QTest::newRow("no ending") << "take"
                               << "end it in .json";
    QTest::newRow("a dot in the name") << "take 1.5"
                                       << "end it in .json";
    QTest::newRow("a loud recording") << "TAKE.WAV"
                                      << "name of a sound";
    QTest::newRow("a folder") << "folder"
                              << "is a folder";
    QTest::newRow("a pipe") << "pipe"
                            << "not an ordinary file";
    QTest::newRow("no folder") << "none/x.json"
                               << "No such file";
  }
  void wrongPlaces() {
    QFETCH(QString, name);
    QFETCH(QString, says);
    QTemporaryDir dir;
    const auto folder = std::filesystem::path(dir.path().toStdString());
    std::ofstream(folder / "take.wav") << "precious";
    std::filesystem::create_directory(folder / "folder");
    QCOMPARE(::mkfifo((folder / "pipe").c_str(), 0600), 0);
    const auto before = std::distance(std::filesystem::directory_iterator(folder), {});
    const auto path = folder / name.toStdString();
    const auto done = presets::writePatch(sample(), path), asked = presets::checkPatchPlace(path);
    QVERIFY(!done && !asked);
    QVERIFY2(done.error().message.find(says.toStdString()) != std::string::npos, done.error().message.c_str());
    QCOMPARE(done.error().message, asked.error().message);
    QCOMPARE(std::distance(std::filesystem::directory_iterator(folder), {}), before);
    QCOMPARE(std::filesystem::file_size(folder / "take.wav"), std::uintmax_t{8});
    QVERIFY(std::filesystem::is_fifo(folder / "pipe"));
  }

  void linksAndRights() {  // a save goes through a link and keeps the file's rights
    QTemporaryDir dir;
    const auto folder = std::filesystem::path(dir.path().toStdString());
    std::ofstream(folder / "real.json") << "old";
    std::filesystem::permissions(folder / "real.json", std::filesystem::perms{0600});
    std::filesystem::create_symlink("real.json", folder / "link.json");
    QVERIFY(presets::writePatch(sample(), folder / "link.json"));
    QVERIFY(std::filesystem::is_symlink(folder / "link.json"));
    QVERIFY(presets::readPatch(folder / "link.json").has_value());
    QVERIFY(std::filesystem::file_size(folder / "real.json") > 100);
    QVERIFY(std::filesystem::status(folder / "real.json").permissions() == std::filesystem::perms{0600});
  }

  /// A limit on file size stands for a full disk; in a child process, since it cannot be undone.
  void fullDisk() {
    QTemporaryDir dir;
    const auto folder = std::filesystem::path(dir.path().toStdString());
    Patch small = sample(), large = sample();
    QVERIFY(presets::writePatch(small, folder / "x.json"));
    auto blob = std::make_shared<Blob>();
    blob->shape = {100000};
    blob->data.assign(100000, 1);
    large.nodes[0].tensors["weights"] = blob;
    for (const bool longText : {false, true}) {  // the blobs fail, then the patch after good blobs
      Patch p = longText ? small : large;
      if (longText) p.description.assign(100000, 'x');
      const pid_t child = fork();
      if (child == 0) {
        std::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{20000, 20000};
        setrlimit(RLIMIT_FSIZE, &limit);
        const auto done = presets::writePatch(p, folder / "x.json");
        _exit(!done && done.error().message.find("Cannot write") == 0 ? 0 : 1);
      }
      int status = -1;
      waitpid(child, &status, 0);
      QVERIFY(WIFEXITED(status) && WEXITSTATUS(status) == 0);
      const auto back = presets::readPatch(folder / "x.json");
      QVERIFY2(back && same(*back, small), back ? "" : back.error().message.c_str());
      QCOMPARE(std::distance(std::filesystem::directory_iterator(folder), {}), 2);
    }
  }
};

QTEST_APPLESS_MAIN(TestPatchFile)
#include "tst_patch_file.moc"
