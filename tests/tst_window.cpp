// SPDX-License-Identifier: GPL-3.0-or-later
// links: ui nodes presets
// The window, driven by real mouse and key events against a fake engine.
#include <QApplication>
#include <QLineEdit>
#include <QListWidget>
#include <QStandardPaths>
#include <QTest>

#include "nodes/registry.h"
#include "tests/fake_engine.h"
#include "ui/canvas/add_popup.h"
#include "ui/canvas/canvas.h"
#include "ui/inspector/inspector.h"
#include "ui/main_window.h"
#include "ui/theme.h"
#include "ui/widgets/knob.h"

using namespace ui;

namespace {
const core::Registry& registry() {
  static const core::Registry r = nodes::makeRegistry();
  return r;
}

/// A window over a small patch: note -> (nothing), svf, delay, output.
struct Rig {
  FakeEngine engine;
  Document document{registry(), engine};
  MainWindow window{registry(), engine, document};

  Rig() {
    window.resize(1500, 950);
    window.show();
    (void)QTest::qWaitForWindowExposed(&window);
    window.activateWindow();
    (void)document.addNode("filter.svf", {0, 0});
    (void)document.addNode("effect.delay", {300, 0});
    (void)document.addNode("structure.output", {600, 0});
    canvas().frameAll();
    document.undoStack().clear();
    QCoreApplication::processEvents();
  }
  Canvas& canvas() { return window.canvas(); }
  QWidget* ground() { return canvas().viewport(); }
  const core::Patch& patch() { return document.patch(); }

  void drag(QPoint from, QPoint to, Qt::KeyboardModifiers modifiers = {}) {
    QTest::mousePress(ground(), Qt::LeftButton, modifiers, from);
    for (int i = 1; i <= 8; ++i) QTest::mouseMove(ground(), from + (to - from) * i / 8);
    QTest::mouseRelease(ground(), Qt::LeftButton, modifiers, to);
  }
  QPoint port(const char* node, const char* id, bool output) { return canvas().portOnView({node, id, output}); }
  QPoint middleOf(const char* node) { return canvas().mapFromScene(canvas().nodeItem(node)->pos() + QPointF(60, 16)); }
  QPoint emptySpot() { return {ground()->width() / 2, ground()->height() - 30}; }
};
}  // namespace

class TestWindow : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() {
    QStandardPaths::setTestModeEnabled(true);
    QCoreApplication::setOrganizationName(QStringLiteral("tonewright-test"));
    QCoreApplication::setApplicationName(QStringLiteral("tst_window"));
    applyTheme(*qApp, ThemeKind::dark);
  }

  void popupAddsWhatWasTyped() {
    Rig rig;
    const auto before = rig.patch().nodes.size();
    QTest::mouseDClick(rig.ground(), Qt::LeftButton, {}, rig.emptySpot());
    QLineEdit* search = rig.canvas().addPopup()->search();
    QVERIFY(search->isVisible());
    QTest::keyClicks(search, QStringLiteral("state-var"));
    QTest::keyClick(search, Qt::Key_Return);
    QCOMPARE(rig.patch().nodes.size(), before + 1);
    QCOMPARE(rig.patch().nodes.back().type, std::string("filter.svf"));
    QCOMPARE(rig.patch().nodes.back().id, std::string("svf2"));
    QVERIFY(rig.canvas().selectedNodes().contains("svf2"));
  }

  void cableByDrag() {
    Rig rig;
    const int patches = rig.engine.patches;
    rig.drag(rig.port("svf", "low", true), rig.port("delay", "in", false));
    QCOMPARE(rig.patch().cables.size(), std::size_t{1});
    QCOMPARE(rig.patch().cables[0].from, std::string("svf"));
    QCOMPARE(rig.patch().cables[0].output, std::string("low"));
    QCOMPARE(rig.patch().cables[0].input, std::string("in"));
    QCOMPARE(rig.engine.patches, patches + 1);
  }

  void selectingAndMovingIsSilent() {
    Rig rig;
    const int patches = rig.engine.patches;
    QTest::mouseClick(rig.ground(), Qt::LeftButton, {}, rig.middleOf("svf"));
    QVERIFY(rig.canvas().selectedNodes().contains("svf"));
    const QPointF before(rig.patch().find("svf")->x, rig.patch().find("svf")->y);
    rig.drag(rig.middleOf("svf"), rig.middleOf("svf") + QPoint(40, 64));
    QVERIFY(rig.patch().find("svf")->y > before.y());
    QCOMPARE(rig.document.undoStack().count(), 1);
    QCOMPARE(rig.engine.patches, patches);
    QCOMPARE(rig.engine.knobs, 0);
  }

  void knobDragIsOneStep() {
    Rig rig;
    rig.canvas().select({"svf"});
    Knob* knob = rig.window.inspector().knob("cutoff");
    QVERIFY(knob);
    const QPoint at = knob->dialRect().center();
    QTest::mousePress(knob, Qt::LeftButton, {}, at);
    for (int i = 1; i <= 10; ++i) QTest::mouseMove(knob, at - QPoint(0, 4 * i));
    QTest::mouseRelease(knob, Qt::LeftButton, {}, at - QPoint(0, 40));
    QVERIFY(rig.patch().find("svf")->values.at("cutoff") > 1500);
    QVERIFY(rig.engine.knobs >= 5);
    QCOMPARE(rig.document.undoStack().count(), 1);
    rig.document.undoStack().undo();
    QVERIFY(!rig.patch().find("svf")->values.contains("cutoff"));
    QCOMPARE(rig.engine.patch.find("svf")->values.at("cutoff"), 1000.0);
    QCOMPARE(knob->value(), 1000.0);
  }
};

QTEST_MAIN(TestWindow)
#include "tst_window.moc"
