// SPDX-License-Identifier: GPL-3.0-or-later
// The small pictures: every node that promises one draws something finite; a filter's response is
// the one in the books.
#include <QTest>
#include <cmath>

#include "core/graph/picture.h"
#include "nodes/registry.h"

using namespace core;

namespace {
const Registry& registry() {
  static const Registry r = nodes::makeRegistry();
  return r;
}
}  // namespace

class TestPicture : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void everyNode_data() {
    QTest::addColumn<int>("type");
    for (int t = 0; t < static_cast<int>(registry().types().size()); ++t)
      QTest::addRow("%s", std::string(registry().types()[static_cast<std::size_t>(t)].info.id).c_str()) << t;
  }
  void everyNode() {
    QFETCH(int, type);
    const NodeType& t = registry().types()[static_cast<std::size_t>(type)];
    const auto curve = nodePicture(makeNode({}, t), t, 48000, 160);
    const bool needsFile =
        std::any_of(t.settings.begin(), t.settings.end(), [](const Setting& s) { return s.kind == SettingKind::file; });
    if (!curve && needsFile) QSKIP("shows nothing without a file");
    QVERIFY2(curve, curve ? "" : curve.error().message.c_str());
    if (t.info.picture == Picture::none) return;
    QVERIFY(!curve->values.empty() && curve->values.size() <= 160);
    QVERIFY(curve->high > curve->low);
    for (const float v : curve->values) QVERIFY(std::isfinite(v));
  }

  void lowPassResponse() {
    const NodeType& svf = *registry().find("filter.svf");
    PatchNode node = makeNode({}, svf);
    const auto curve = nodePicture(node, svf, 48000, 160);
    QVERIFY(curve);
    const auto at = [&curve](double hz) {
      return curve->values[static_cast<std::size_t>(std::lround(159 * std::log(hz / 20) / std::log(1000.0)))];
    };
    QVERIFY(std::fabs(at(100)) < 0.5);
    QVERIFY(std::fabs(at(1000) + 3) < 1);     // -3 dB at the cutoff
    QVERIFY(std::fabs(at(4000) + 24.1) < 2);  // 12 dB an octave
  }

  /// A fitted track as the patch holds it: one value over time, or many as levels.
  void tracksShowWhatTheyHold() {
    Patch p = tracks();
    auto blob = std::make_shared<Blob>();
    blob->shape = {251, 1};
    for (int i = 0; i < 251; ++i) blob->data.push_back(static_cast<float>(i) / 250);
    p.find("pitch")->tensors["track"] = blob;
    const auto line = subjectPicture(pictureSubject(p, "pitch", registry()), "pitch", registry(), 160);
    QVERIFY2(line, line ? "" : line.error().message.c_str());
    QCOMPARE(line->kind, Picture::envelope);
    QVERIFY(line->values.front() < 0.05F && line->values.back() > 0.95F);
    QVERIFY(std::fabs(line->values[line->values.size() / 2] - 0.5F) < 0.05F);

    auto wide = std::make_shared<Blob>();  // the width comes from the cable alone
    wide->shape = {251, 8};
    for (int i = 0; i < 251 * 8; ++i) wide->data.push_back(i % 8 == 2 ? 1.0F : 0.1F);
    p.find("levels")->tensors["track"] = wide;
    for (const char* node : {"levels", "osc"}) {  // the oscillator shows what drives it
      const auto bars = subjectPicture(pictureSubject(p, node, registry()), node, registry(), 160);
      QVERIFY2(bars, bars ? "" : bars.error().message.c_str());
      QCOMPARE(bars->kind, Picture::bars);
      QCOMPARE(bars->values.size(), std::size_t{8});
      QVERIFY(std::fabs(bars->values[2] - 60) < 0.1F);
      QVERIFY(std::fabs(bars->values[5] - 40) < 0.1F);  // a tenth: 20 dB less
    }
  }

  void passingNodesShowTheirSound() {
    Patch p = tracks();
    const auto loud = subjectPicture(pictureSubject(p, "out", registry()), "out", registry(), 160);
    QVERIFY(loud);
    QVERIFY(*std::max_element(loud->values.begin(), loud->values.end()) > 0.01F);
    QVERIFY(*std::min_element(loud->values.begin(), loud->values.end()) < -0.01F);  // both sides of the wave
    p.cables.pop_back();
    const Patch alone = pictureSubject(p, "out", registry());
    QCOMPARE(alone.nodes.size(), std::size_t{1});
  }

  void oscillatorsShowTheirOwnWave() {
    Patch p = tracks();
    PatchNode lone;
    lone.id = "lone";
    lone.type = "source.oscillator";
    p.nodes.push_back(lone);
    p.cables.push_back({"pitch", "out", "lone", "f0"});
    QCOMPARE(pictureSubject(p, "lone", registry()).nodes.size(), std::size_t{1});
  }

  void onlyWhatMattersMakesANewPicture() {
    Patch p = tracks();
    const Patch before = pictureSubject(p, "osc", registry());
    p.find("osc")->x += 100;
    p.find("out")->values["level"] = -20;  // further down
    QVERIFY(pictureSubject(p, "osc", registry()) == before);
    p.find("pitch")->settings["length"].number = 3;
    QVERIFY(!(pictureSubject(p, "osc", registry()) == before));
  }

 private:
  /// Two tracks into a harmonic oscillator with eight harmonics, into the output.
  static Patch tracks() {
    Patch p;
    const auto add = [&p](const char* id, const char* type) {
      PatchNode n;
      n.id = id;
      n.type = type;
      p.nodes.push_back(n);
    };
    add("pitch", "control.track");
    add("levels", "control.track");
    add("osc", "source.harmonic");
    add("out", "structure.output");
    for (const char* id : {"pitch", "levels"}) p.find(id)->settings["length"].number = 1;
    p.find("osc")->settings["harmonics"].number = 8;
    p.cables = {{"pitch", "out", "osc", "f0"}, {"levels", "out", "osc", "harmonics"}, {"osc", "out", "out", "in"}};
    auto wide = std::make_shared<Blob>();
    wide->shape = {251, 8};
    wide->data.assign(251 * 8, 1.0F);
    p.find("levels")->tensors["track"] = wide;
    return p;
  }
};

QTEST_APPLESS_MAIN(TestPicture)
#include "tst_picture.moc"
