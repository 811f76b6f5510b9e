// SPDX-License-Identifier: GPL-3.0-or-later
// links: ui nodes presets
// The gestures beyond wiring and turning: knife, copies, bypass, folding, finding, the knob's menu,
// MIDI controllers; with real mouse and key events against a fake engine.
#include <QClipboard>
#include <QContextMenuEvent>
#include <QLineEdit>
#include <QLocale>
#include <QMenu>
#include <QToolButton>
#include <cmath>

#include "presets/patch_file.h"
#include "tests/window_rig.h"
#include "ui/canvas/add_popup.h"
#include "ui/canvas/find_popup.h"
#include "ui/inspector/inspector.h"
#include "ui/midi_map.h"
#include "ui/node_extras.h"
#include "ui/widgets/knob.h"

using namespace ui;

class TestGestures : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() { useTestFolders("tst_gestures"); }

  void knifeCutsWhatItCrosses() {
    Rig rig;
    rig.connectByMouse();
    rig.drag(rig.port("delay", "out", true), rig.port("output", "in", false));
    const QPoint first = rig.canvas().mapFromScene(rig.canvas().cableItem(rig.patch().cables[0])->middle());
    const auto cut = Qt::ControlModifier | Qt::AltModifier;
    rig.drag({first.x(), 5}, {first.x(), 20}, cut);  // beside it
    QCOMPARE(rig.patch().cables.size(), std::size_t{2});
    rig.drag(first - QPoint(2, 30), first + QPoint(3, 30), cut);
    QCOMPARE(rig.patch().cables.size(), std::size_t{1});
    QCOMPARE(rig.patch().cables[0].from, std::string("delay"));
    rig.document.undoStack().undo();
    QCOMPARE(rig.patch().cables.size(), std::size_t{2});
  }

  void controlDragFromAnOutputMovesItsCables() {
    Rig rig;
    rig.connectByMouse();
    rig.drag(rig.port("svf", "low", true), rig.port("output", "in", false));
    const int steps = rig.document.undoStack().count();
    rig.drag(rig.port("svf", "low", true), rig.port("svf", "high", true), Qt::ControlModifier);
    QCOMPARE(rig.patch().cables.size(), std::size_t{2});
    for (const core::Cable& c : rig.patch().cables) QCOMPARE(c.output, std::string("high"));
    QCOMPARE(rig.document.undoStack().count(), steps + 1);
  }

  void controlDragCopiesEscapeTakesBack() {
    Rig rig;
    const QPointF home = rig.canvas().nodeItem("svf")->pos();
    rig.drag(rig.middleOf("svf"), rig.middleOf("svf") + QPoint(0, 160), Qt::ControlModifier);
    QCOMPARE(rig.patch().nodes.size(), std::size_t{4});
    QCOMPARE(rig.patch().nodes.back().type, std::string("filter.svf"));
    QCOMPARE(QPointF(rig.patch().find("svf")->x, rig.patch().find("svf")->y), home);
    QVERIFY(rig.patch().nodes.back().y > home.y() + 50);
    QCOMPARE(rig.document.undoStack().count(), 1);
    QTest::mousePress(rig.ground(), Qt::LeftButton, {}, rig.middleOf("svf"));
    for (int i = 1; i <= 4; ++i) QTest::mouseMove(rig.ground(), rig.middleOf("svf") + QPoint(0, 12));
    QTest::keyClick(&rig.canvas(), Qt::Key_Escape);
    QTest::mouseRelease(rig.ground(), Qt::LeftButton, {}, rig.middleOf("svf"));
    QCOMPARE(rig.canvas().nodeItem("svf")->pos(), home);
    QCOMPARE(rig.document.undoStack().count(), 1);
  }

  void duplicateWithInputs() {
    Rig rig;
    rig.connectByMouse();
    rig.canvas().select({"delay"});
    rig.canvas().setFocus();
    QTest::keyClick(&rig.canvas(), Qt::Key_D, Qt::ControlModifier | Qt::ShiftModifier);
    QCOMPARE(rig.patch().nodes.size(), std::size_t{4});
    QCOMPARE(rig.patch().cables.size(), std::size_t{2});
    QCOMPARE(rig.patch().cables[1].from, std::string("svf"));
    QCOMPARE(rig.patch().cables[1].to, std::string("delay2"));
  }

  void bypassAndFoldByKeys() {
    Rig rig;
    const int patches = rig.engine.patches;
    rig.canvas().select({"delay"});
    rig.canvas().setFocus();
    QTest::keyClick(&rig.canvas(), Qt::Key_M);
    QVERIFY(rig.patch().find("delay")->bypassed);
    QCOMPARE(rig.engine.patches, patches + 1);
    QTest::keyClick(&rig.canvas(), Qt::Key_E, Qt::ControlModifier);
    QVERIFY(!rig.patch().find("delay")->bypassed);
    const double height = rig.canvas().nodeItem("delay")->body().height();
    QTest::keyClick(&rig.canvas(), Qt::Key_H);
    QVERIFY(rig.canvas().nodeItem("delay")->body().height() < height / 2);
    QCOMPARE(rig.engine.patches, patches + 2);  // folding is not heard
    const auto kept = presets::readText(presets::writeText(rig.patch()).json, {});
    QVERIFY(kept && isCollapsed(*kept->find("delay")));
    QTest::keyClick(&rig.canvas(), Qt::Key_H);
    QCOMPARE(rig.canvas().nodeItem("delay")->body().height(), height);
    QVERIFY(rig.patch().find("delay")->foreign.empty());
  }

  void findJumpsAndAltArrowsWalk() {
    Rig rig;
    rig.connectByMouse();
    rig.canvas().setFocus();
    QTest::keyClick(&rig.canvas(), Qt::Key_F, Qt::ControlModifier);
    QVERIFY(rig.canvas().findPopup() && rig.canvas().findPopup()->isVisible());
    QTest::keyClicks(rig.canvas().findPopup()->search(), QStringLiteral("state"));
    QTest::keyClick(rig.canvas().findPopup()->search(), Qt::Key_Return);
    QCOMPARE(rig.canvas().selectedNodes(), std::set<std::string>{"svf"});
    QTest::keyClick(&rig.canvas(), Qt::Key_Right, Qt::AltModifier);
    QCOMPARE(rig.canvas().selectedNodes(), std::set<std::string>{"delay"});
    QTest::keyClick(&rig.canvas(), Qt::Key_Left, Qt::AltModifier);
    QCOMPARE(rig.canvas().selectedNodes(), std::set<std::string>{"svf"});
  }

  void nodeIsInsertedByTheCablesMenu() {
    Rig rig;
    rig.drag(rig.port("svf", "low", true), rig.port("output", "in", false));
    const int steps = rig.document.undoStack().count();
    rig.canvas().openInsertPopup({500, 200}, rig.patch().cables[0]);
    QTest::keyClicks(rig.canvas().addPopup()->search(), QStringLiteral("gain"));
    QTest::keyClick(rig.canvas().addPopup()->search(), Qt::Key_Return);
    QCOMPARE(rig.patch().cables.size(), std::size_t{2});
    QCOMPARE(rig.patch().cables[0].to, std::string("gain"));
    QCOMPARE(rig.patch().cables[1].from, std::string("gain"));
    QCOMPARE(rig.document.undoStack().count(), steps + 1);
  }

  void nudgesInARowAreOneStep() {
    Rig rig;
    rig.canvas().select({"svf"});
    rig.canvas().setFocus();
    for (int i = 0; i < 3; ++i) QTest::keyClick(&rig.canvas(), Qt::Key_Right);
    QCOMPARE(rig.patch().find("svf")->x, 24.0);
    QCOMPARE(rig.document.undoStack().count(), 1);
  }

  void knobMenuByMouseAndKey() {
    Rig rig;
    rig.canvas().select({"svf"});
    Knob* knob = rig.window.inspector().knob("cutoff");
    rig.document.setKnob("svf", "cutoff", 300);
    QContextMenuEvent ask(QContextMenuEvent::Mouse, knob->dialRect().center(),
                          knob->mapToGlobal(knob->dialRect().center()));
    const auto pick = [&](const QString& words) {
      QCoreApplication::sendEvent(knob, &ask);
      for (QAction* a : qobject_cast<QMenu*>(QApplication::activePopupWidget())->actions())
        if (a->text().startsWith(words)) {
          a->trigger();
          QApplication::activePopupWidget()->close();
          return true;
        }
      return false;
    };
    QVERIFY(pick(QStringLiteral("Copy value")));
    QCOMPARE(QApplication::clipboard()->text(), QStringLiteral("300 Hz"));
    QVERIFY(pick(QStringLiteral("Reset to 1")));
    QCOMPARE(rig.patch().find("svf")->values.at("cutoff"), 1000.0);
    QVERIFY(pick(QStringLiteral("Paste value")));
    QCOMPARE(rig.patch().find("svf")->values.at("cutoff"), 300.0);
    QVERIFY(pick(QStringLiteral("Free for the fit")));
    QVERIFY(rig.patch().find("svf")->free.contains("cutoff"));
    QVERIFY(pick(QStringLiteral("Learn a MIDI")));
    QVERIFY(rig.window.midi().learns("svf", "cutoff"));
    QTest::keyClick(knob, Qt::Key_Escape);
    QVERIFY(!rig.window.midi().learning());
  }

  void controllerIsLearntAndTakesOverSoftly() {
    Rig rig;
    rig.canvas().select({"svf"});
    rig.document.setKnob("svf", "cutoff", 1000);
    const core::Input& row =
        windowRegistry()
            .find("filter.svf")
            ->inputs[static_cast<std::size_t>(windowRegistry().find("filter.svf")->inputIndex("cutoff"))];
    const double at = row.range().normalise(1000);
    const auto cutoff = [&rig] { return rig.patch().find("svf")->values.at("cutoff"); };
    rig.window.midi().learn("svf", "cutoff");
    Q_EMIT rig.engine.controllerMoved(1, 74, 0.1);
    QVERIFY(!rig.window.midi().learning());
    QCOMPARE(cutoff(), 1000.0);  // far from the knob: nothing jumps
    Q_EMIT rig.engine.controllerMoved(1, 74, at - 0.05);
    QCOMPARE(cutoff(), 1000.0);
    Q_EMIT rig.engine.controllerMoved(1, 74, at + 0.05);  // met on the way
    QVERIFY(std::fabs(row.range().normalise(cutoff()) - at - 0.05) < 1e-9);
    Q_EMIT rig.engine.controllerMoved(2, 74, 0.9);  // another channel
    Q_EMIT rig.engine.controllerMoved(1, 75, 0.9);  // another controller
    QVERIFY(std::fabs(row.range().normalise(cutoff()) - at - 0.05) < 1e-9);
    Q_EMIT rig.engine.controllerMoved(1, 74, 0.9);  // it follows now, however far
    QVERIFY(std::fabs(row.range().normalise(cutoff()) - 0.9) < 1e-9);
    rig.document.setKnob("svf", "cutoff", 100);  // by hand: the controller has to come again
    Q_EMIT rig.engine.controllerMoved(1, 74, 0.91);
    QCOMPARE(cutoff(), 100.0);

    // it is kept in the patch, in a field that passes through readers that do not know it
    const auto kept = presets::readText(presets::writeText(rig.patch()).json, {});
    QVERIFY(kept.has_value());
    QCOMPARE(midiControls(*kept->find("svf")).at("cutoff"), (MidiControl{74, 1}));
    QCoreApplication::processEvents();
    auto* forget = rig.window.inspector().findChild<QToolButton*>(QStringLiteral("forget-cutoff"));
    QVERIFY(forget);
    QTest::mouseClick(forget, Qt::LeftButton);
    QVERIFY(midiControls(*rig.patch().find("svf")).empty());
    rig.document.undoStack().undo();
    QVERIFY(!midiControls(*rig.patch().find("svf")).empty());
  }

  void panelsByF6() {
    Rig rig;
    rig.canvas().setFocus();
    QTest::keyClick(&rig.window, Qt::Key_F6);
    QVERIFY(rig.window.inspector().isAncestorOf(QApplication::focusWidget()));
    QTest::keyClick(&rig.window, Qt::Key_F6, Qt::ShiftModifier);
    QVERIFY(rig.canvas().hasFocus());
  }

  void numbersReadInAGermanLocale() {
    const QLocale before;
    QLocale::setDefault(QLocale(QLocale::German));
    Rig rig;
    rig.canvas().select({"svf"});
    Knob* knob = rig.window.inspector().knob("cutoff");
    for (const char* words : {"1,5 kHz", "1.5 kHz"}) {
      knob->takeText(QString::fromLatin1(words));
      QCOMPARE(rig.patch().find("svf")->values.at("cutoff"), 1500.0);
    }
    QCOMPARE(knob->valueText(), QStringLiteral("1.5 kHz"));
    QVERIFY(presets::writeText(rig.patch()).json.find("1500") != std::string::npos);
    QLocale::setDefault(before);
  }
};

QTEST_MAIN(TestGestures)
#include "tst_gestures.moc"
