// SPDX-License-Identifier: GPL-3.0-or-later
// links: ui nodes presets
// The canvas and the inspector, driven by real mouse and key events against a fake engine.
#include <QCheckBox>
#include <QClipboard>
#include <QLineEdit>
#include <QListWidget>

#include "presets/patch_file.h"
#include "tests/window_rig.h"
#include "ui/browser/browser.h"
#include "ui/canvas/add_popup.h"
#include "ui/canvas/depth_editor.h"
#include "ui/inspector/inspector.h"
#include "ui/widgets/keyboard.h"
#include "ui/widgets/knob.h"

using namespace ui;

class TestWindow : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() { useTestFolders("tst_window"); }

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

  void popupByKeys() {
    Rig rig;
    QTest::keyClick(&rig.canvas(), Qt::Key_Return);
    QVERIFY(rig.canvas().addPopup()->isVisible());
    QTest::keyClick(rig.canvas().addPopup()->search(), Qt::Key_Escape);
    QVERIFY(!rig.canvas().addPopup()->isVisible());
    QTest::keyClick(&rig.canvas(), Qt::Key_A, Qt::ShiftModifier);
    QVERIFY(rig.canvas().addPopup()->isVisible());
  }

  void cableByDrag() {
    Rig rig;
    const int patches = rig.engine.patches;
    rig.connectByMouse();
    QCOMPARE(rig.patch().cables.size(), std::size_t{1});
    QCOMPARE(rig.patch().cables[0].from, std::string("svf"));
    QCOMPARE(rig.patch().cables[0].output, std::string("low"));
    QCOMPARE(rig.patch().cables[0].input, std::string("in"));
    QCOMPARE(rig.engine.patches, patches + 1);
    QCOMPARE(rig.engine.patch.cables.size(), std::size_t{1});
  }

  void cableBackwardsAndByClicks() {
    Rig rig;
    rig.drag(rig.port("delay", "in", false), rig.port("svf", "band", true));  // from the input
    QCOMPARE(rig.patch().cables.size(), std::size_t{1});
    QCOMPARE(rig.patch().cables[0].output, std::string("band"));
    QTest::mouseClick(rig.ground(), Qt::LeftButton, {}, rig.port("delay", "out", true));
    QTest::mouseMove(rig.ground(), rig.port("output", "in", false));
    QTest::mouseClick(rig.ground(), Qt::LeftButton, {}, rig.port("output", "in", false));
    QCOMPARE(rig.patch().cables.size(), std::size_t{2});
    QCOMPARE(rig.patch().cables[1].to, std::string("output"));
  }

  void occupiedInputIsReplacedShiftSums() {
    Rig rig;
    rig.connectByMouse();
    rig.drag(rig.port("svf", "high", true), rig.port("delay", "in", false));
    QCOMPARE(rig.patch().cables.size(), std::size_t{1});
    QCOMPARE(rig.patch().cables[0].output, std::string("high"));
    rig.drag(rig.port("svf", "low", true), rig.port("delay", "in", false), Qt::NoModifier, Qt::ShiftModifier);
    QCOMPARE(rig.patch().cables.size(), std::size_t{2});
    rig.document.undoStack().undo();
    rig.document.undoStack().undo();
    QCOMPARE(rig.patch().cables[0].output, std::string("low"));
  }

  void pickedUpCableMovesOrGoes() {
    Rig rig;
    rig.connectByMouse();
    rig.drag(rig.port("delay", "in", false), rig.port("output", "in", false));
    QCOMPARE(rig.patch().cables.size(), std::size_t{1});
    QCOMPARE(rig.patch().cables[0].to, std::string("output"));
    rig.drag(rig.port("output", "in", false), rig.emptySpot());
    QVERIFY(rig.patch().cables.empty());
  }

  void dropInEmptySpaceOffersWhatFits() {
    Rig rig;
    rig.drag(rig.port("svf", "low", true), rig.emptySpot());
    AddPopup* popup = rig.canvas().addPopup();
    QVERIFY(popup->isVisible());
    QTest::keyClicks(popup->search(), QStringLiteral("delay"));
    QTest::keyClick(popup->search(), Qt::Key_Return);
    QCOMPARE(rig.patch().cables.size(), std::size_t{1});
    QCOMPARE(rig.patch().cables[0].to, std::string("delay2"));
    QCOMPARE(rig.patch().cables[0].input, std::string("in"));
    QCOMPARE(rig.document.undoStack().count(), 1);
  }

  void refusalIsSaidAtTheCursor() {
    Rig rig;
    rig.document.change(QStringLiteral("Unknown node"), [](core::Patch& p) {
      core::PatchNode n;
      n.id = "other";
      n.type = "structure.output";
      n.y = 300;
      p.nodes.push_back(n);
    });
    const auto cables = rig.patch().cables.size();
    rig.drag(rig.port("svf", "low", true), rig.port("delay", "in", false));
    QCOMPARE(rig.patch().cables.size(), cables);  // two outputs: the patch cannot be played
    QVERIFY2(rig.canvas().refusal().contains(QStringLiteral("two output nodes")), qPrintable(rig.canvas().refusal()));
  }

  void cyclesGetTheirDelay() {
    Rig rig;
    rig.connectByMouse();
    rig.drag(rig.port("delay", "out", true), rig.port("svf", "in", false));
    QCOMPARE(rig.patch().cables.size(), std::size_t{2});
    QVERIFY(!rig.patch().cables[0].delayed);
    QVERIFY(rig.patch().cables[1].delayed);
  }

  void cableDepthByText() {
    Rig rig;
    rig.connectByMouse();
    const QPoint middle = rig.canvas().mapFromScene(rig.canvas().cableItem(rig.patch().cables[0])->middle());
    QTest::mouseClick(rig.ground(), Qt::LeftButton, {}, middle);
    DepthEditor* editor = rig.canvas().depthEditor();
    QVERIFY(editor->isVisible());
    const int patches = rig.engine.patches;
    editor->edit()->selectAll();
    QTest::keyClicks(editor->edit(), QStringLiteral("0,5"));
    QTest::keyClick(editor->edit(), Qt::Key_Return);
    QCOMPARE(rig.patch().cables[0].depth, 0.5);
    QCOMPARE(rig.engine.depths, 1);
    QCOMPARE(rig.engine.patches, patches);
    rig.canvas().setFocus();
    QTest::keyClick(&rig.canvas(), Qt::Key_Delete);
    QVERIFY(rig.patch().cables.empty());
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
    QTest::keyClick(&rig.canvas(), Qt::Key_Right);
    rig.document.renameNode("svf", QStringLiteral("Bright"));
    QCOMPARE(rig.document.undoStack().count(), 3);
    QCOMPARE(rig.engine.patches, patches);
    QCOMPARE(rig.engine.knobs, 0);
  }

  void marqueeSelectsAndDelRemoves() {
    Rig rig;
    rig.drag({4, 4}, {rig.ground()->width() - 4, rig.ground()->height() - 4});
    QCOMPARE(rig.canvas().selectedNodes().size(), std::size_t{3});
    QTest::mouseClick(rig.ground(), Qt::LeftButton, Qt::ControlModifier, rig.middleOf("svf"));
    QCOMPARE(rig.canvas().selectedNodes().size(), std::size_t{2});
    QTest::keyClick(&rig.canvas(), Qt::Key_Delete);
    QCOMPARE(rig.patch().nodes.size(), std::size_t{1});
    rig.document.undoStack().undo();
    QCOMPARE(rig.patch().nodes.size(), std::size_t{3});
  }

  void removeAndReconnect() {
    Rig rig;
    rig.connectByMouse();
    rig.drag(rig.port("delay", "out", true), rig.port("output", "in", false));
    rig.canvas().select({"delay"});
    QTest::keyClick(&rig.canvas(), Qt::Key_Delete, Qt::ControlModifier);
    QCOMPARE(rig.patch().cables.size(), std::size_t{1});
    QCOMPARE(rig.patch().cables[0].from, std::string("svf"));
    QCOMPARE(rig.patch().cables[0].to, std::string("output"));
  }

  void nodeDroppedOnACableGoesIntoIt() {
    Rig rig;
    rig.drag(rig.port("svf", "low", true), rig.port("output", "in", false));
    rig.document.moveNodes({{"delay", {300, 300}}});
    const int steps = rig.document.undoStack().count();
    const QPoint middle = rig.canvas().mapFromScene(rig.canvas().cableItem(rig.patch().cables[0])->middle());
    const NodeItem* delay = rig.canvas().nodeItem("delay");
    const QPoint grip = rig.middleOf("delay");
    rig.drag(grip, middle + grip - rig.canvas().mapFromScene(delay->pos() + delay->body().center()));
    QCOMPARE(rig.patch().cables.size(), std::size_t{2});
    QCOMPARE(rig.patch().cables[0].to, std::string("delay"));
    QCOMPARE(rig.patch().cables[1].to, std::string("output"));
    QCOMPARE(rig.document.undoStack().count(), steps + 1);
  }

  void tabWalksTheNodes() {
    Rig rig;
    rig.canvas().setFocus();
    QTest::keyClick(&rig.canvas(), Qt::Key_Tab);
    QCOMPARE(rig.canvas().selectedNodes(), std::set<std::string>{"svf"});
    QTest::keyClick(&rig.canvas(), Qt::Key_Tab);
    QCOMPARE(rig.canvas().selectedNodes(), std::set<std::string>{"delay"});
    QTest::keyClick(&rig.canvas(), Qt::Key_Return);
    QVERIFY(qobject_cast<Knob*>(QApplication::focusWidget()));
  }

  void copyAndPasteKeepInnerCables() {
    Rig rig;
    rig.connectByMouse();
    rig.document.setKnob("svf", "cutoff", 500);
    rig.canvas().select({"svf", "delay"});
    rig.canvas().copy();
    rig.canvas().paste();
    QCOMPARE(rig.patch().nodes.size(), std::size_t{5});
    QCOMPARE(rig.patch().cables.size(), std::size_t{2});
    QCOMPARE(rig.patch().cables[1].from, std::string("svf2"));
    QCOMPARE(rig.patch().find("svf2")->values.at("cutoff"), 500.0);
    QCOMPARE(rig.canvas().selectedNodes(), (std::set<std::string>{"delay2", "svf2"}));
    QApplication::clipboard()->setText(QStringLiteral("not a patch"));
    rig.canvas().paste();
    QCOMPARE(rig.patch().nodes.size(), std::size_t{5});
    QVERIFY(!rig.canvas().refusal().isEmpty());
  }

  void renameByDoubleClick() {
    Rig rig;
    QTest::mouseDClick(rig.ground(), Qt::LeftButton, {}, rig.middleOf("svf"));
    QVERIFY(rig.canvas().titleEditor());
    QTest::keyClicks(rig.canvas().titleEditor(), QStringLiteral("Bright"));
    QTest::keyClick(rig.canvas().titleEditor(), Qt::Key_Return);
    QCOMPARE(rig.patch().find("svf")->label, std::string("Bright"));
  }

  void zoomStaysUnderTheMouse() {
    Rig rig;
    const QPointF at(300, 200);
    const QPointF before = rig.canvas().mapToScene(at.toPoint());
    rig.canvas().zoomBy(1.5, at);
    const QPointF after = rig.canvas().mapToScene(at.toPoint());
    QVERIFY((after - before).manhattanLength() < 4);
    rig.canvas().resetZoom();
    QCOMPARE(rig.canvas().zoom(), 1.0);
  }

  void knobDragIsOneStep() {
    Rig rig;
    rig.canvas().select({"svf"});
    Knob* knob = rig.window.inspector().knob("cutoff");
    QVERIFY(knob);
    const QPoint at = knob->dialRect().center();
    for (const int direction : {1, -1}) {
      QTest::mousePress(knob, Qt::LeftButton, {}, at);
      for (int i = 1; i <= 10; ++i) QTest::mouseMove(knob, at - QPoint(0, direction * 4 * i));
      QTest::mouseRelease(knob, Qt::LeftButton, {}, at - QPoint(0, direction * 40));
      if (direction == 1) QVERIFY(rig.patch().find("svf")->values.at("cutoff") > 1500);
    }
    QVERIFY(rig.engine.knobs >= 5);
    QCOMPARE(rig.document.undoStack().count(), 2);
    rig.document.undoStack().undo();
    rig.document.undoStack().undo();
    QVERIFY(!rig.patch().find("svf")->values.contains("cutoff"));
    QCOMPARE(rig.engine.patch.find("svf")->values.at("cutoff"), 1000.0);
    QCOMPARE(knob->value(), 1000.0);
  }

  void typedValueHasAUnit() {
    Rig rig;
    rig.canvas().select({"svf"});
    Knob* knob = rig.window.inspector().knob("cutoff");
    const auto type = [knob](const QString& words) {
      QTest::mouseClick(knob, Qt::LeftButton, {}, knob->valueRect().center());
      auto* edit = knob->findChild<QLineEdit*>();
      edit->selectAll();
      QTest::keyClicks(edit, words);
      QTest::keyClick(edit, Qt::Key_Return);
    };
    type(QStringLiteral("2.5 kHz"));
    QCOMPARE(rig.patch().find("svf")->values.at("cutoff"), 2500.0);
    type(QStringLiteral("A4"));
    QCOMPARE(rig.patch().find("svf")->values.at("cutoff"), 440.0);
    type(QStringLiteral("loud"));
    QCOMPARE(rig.patch().find("svf")->values.at("cutoff"), 440.0);
    QCOMPARE(rig.document.undoStack().count(), 2);
    QTest::mouseClick(knob, Qt::LeftButton, {}, knob->dotRect().center());
    QVERIFY(rig.patch().find("svf")->free.contains("cutoff"));
  }

  void browserAddsByDoubleClick() {
    Rig rig;
    rig.window.browser().search()->setText(QStringLiteral("state-variable"));
    QListWidget* list = rig.window.browser().nodeList();
    QCOMPARE(list->count(), 1);
    const QPoint at = list->visualItemRect(list->item(0)).center();
    QTest::mouseClick(list->viewport(), Qt::LeftButton, {}, at);
    QTest::mouseDClick(list->viewport(), Qt::LeftButton, {}, at);
    QCOMPARE(rig.patch().nodes.size(), std::size_t{4});
  }

  void keyboardReachesTheEngine() {
    Rig rig;
    Keyboard& keys = rig.window.keyboard();
    const QPoint c4 = (keys.keyRect(60).bottomLeft() + QPointF(4, -4)).toPoint();
    QTest::mousePress(&keys, Qt::LeftButton, {}, c4);
    QTest::mouseRelease(&keys, Qt::LeftButton, {}, c4);
    QCOMPARE(rig.engine.notes, (QStringList{"on 60 1", "off 60"}));
    rig.engine.notes.clear();
    QTest::keyClick(&rig.canvas(), Qt::Key_D);
    QVERIFY(rig.engine.notes.isEmpty());  // a letter is a note only in the typing mode
    rig.window.setTyping(true);
    QTest::keyPress(&rig.canvas(), Qt::Key_D);
    QVERIFY(keys.isDown(64));
    QTest::keyRelease(&rig.canvas(), Qt::Key_D);
    QCOMPARE(rig.engine.notes, (QStringList{"on 64 1", "off 64"}));
    rig.window.setTyping(false);
    Q_EMIT rig.engine.keyPlayed(67, 0.5F);
    QVERIFY(keys.isDown(67));
  }

  /// A patch goes to another rate as one step; one that cannot stays as it was.
  void sampleRateOfThePatch() {
    Rig rig;
    const auto choose = [&](const char* name) {
      for (QAction* a : rig.window.findChildren<QAction*>())
        if (a->text() == QLatin1String(name)) return a->trigger();
      QFAIL("no such rate in the menu");
    };
    choose("44.1 kHz");
    QCOMPARE(rig.patch().rate, 44100.0);
    QCOMPARE(rig.engine.patch.rate, 44100.0);
    QCOMPARE(rig.document.undoStack().count(), 1);
    rig.document.undoStack().undo();
    QCOMPARE(rig.patch().rate, 48000.0);
    const auto noisy = presets::readPatch(PRESETS_DIR "/sms-resynthesis.json");
    QVERIFY(noisy.has_value());
    rig.document.startWith(*noisy);  // its noise bands reach to 24 kHz
    choose("16 kHz");
    QVERIFY(rig.patch() == *noisy);
    QCOMPARE(rig.document.undoStack().count(), 0);
  }

  void unknownNodesStayAndShowTheirCables() {
    Rig rig;
    rig.document.change(QStringLiteral("Unknown node"), [](core::Patch& p) {
      core::PatchNode n;
      n.id = "mystery";
      n.type = "vendor.mystery";
      n.y = 300;
      p.nodes.push_back(n);
      core::Cable c;
      c.from = "mystery";
      c.output = "x";
      c.to = "delay";
      c.input = "in";
      p.cables.push_back(c);
    });
    const NodeItem* item = rig.canvas().nodeItem("mystery");
    QVERIFY(item && !item->known());
    QCOMPARE(item->rows(true).size(), std::size_t{1});
    rig.canvas().select({"mystery"});
    QCOMPARE(rig.window.inspector().shown(), std::string("mystery"));
  }
};

QTEST_MAIN(TestWindow)
#include "tst_window.moc"
