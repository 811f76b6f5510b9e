// SPDX-License-Identifier: GPL-3.0-or-later
// Patches on disk: round trips, and every kind of broken file answered by one sentence.
#include <QTemporaryDir>
#include <QTest>
#include <clocale>
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
    QTest::newRow("no version") << R"({"schema":"tonewright-patch"})"
                                << "version";
    QTest::newRow("duplicate") << head + R"("nodes":[{"id":"a","type":"t"},{"id":"a","type":"t"}]})"
                               << "Two nodes are called \"a\"";
    QTest::newRow("no id") << head + R"("nodes":[{"type":"t"}]})"
                           << "has no \"id\"";
    QTest::newRow("bad id") << head + R"("nodes":[{"id":"a.b","type":"t"}]})"
                            << "an id is a word";
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

  void hugePatch() {  // many nodes are refused in a sentence, not in minutes
    Patch p;
    for (int i = 0; i < 100000; ++i) {
      PatchNode n;
      n.id = "n" + std::to_string(i);
      n.type = "filter.svf";
      p.nodes.push_back(n);
    }
    const auto text = presets::writeText(p);
    const auto back = presets::readText(text.json, "");
    QVERIFY(back.has_value());
    const auto plan = compilePlan(*back, nodes::makeRegistry(), {});
    QVERIFY(!plan && plan.error().message.find("100000 nodes") != std::string::npos);
  }
};

QTEST_APPLESS_MAIN(TestPatchFile)
#include "tst_patch_file.moc"
