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
};

QTEST_APPLESS_MAIN(TestPicture)
#include "tst_picture.moc"
