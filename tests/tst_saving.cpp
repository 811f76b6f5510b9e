// SPDX-License-Identifier: GPL-3.0-or-later
// links: ui nodes presets
// Which file a patch lies in and whether it is saved there, through undo, presets and Save as.
#include <QAbstractButton>
#include <QFileDialog>
#include <QLineEdit>
#include <QMessageBox>
#include <QTemporaryDir>
#include <QTimer>

#include "tests/window_rig.h"

using namespace ui;

class TestSaving : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() { useTestFolders("tst_saving"); }

  void presetIsOneStepWithoutAPath() {
    Rig rig;
    const QTemporaryDir dir;
    const QString file = dir.filePath(QStringLiteral("mine.json"));
    QVERIFY(rig.document.save(file));
    const core::Patch mine = rig.patch();
    core::Patch preset;
    preset.name = "Preset";
    rig.document.loadPreset(preset);
    QVERIFY(rig.document.path().isEmpty());  // Save must not write the preset over the user's file
    QVERIFY(rig.document.dirty());
    rig.document.undoStack().undo();
    QVERIFY(rig.patch() == mine);
    QCOMPARE(rig.document.path(), file);  // and Save knows where it lies
    QVERIFY(!rig.document.dirty());
    rig.document.undoStack().redo();
    QVERIFY(rig.document.path().isEmpty() && rig.document.dirty());
    const QString other = dir.filePath(QStringLiteral("other.json"));
    QVERIFY(rig.document.save(other));
    rig.document.undoStack().undo();
    QCOMPARE(rig.document.path(), file);
    QVERIFY(!rig.document.dirty());
    rig.document.setKnob("svf", "cutoff", 321);
    QVERIFY(rig.document.dirty());
    QVERIFY(rig.document.save(file));
    QCOMPARE(presets::readPatch(other.toStdString())->name, std::string("Preset"));
  }

  void everyFileHasItsOwnCleanState() {
    Rig rig;
    const QTemporaryDir dir;
    const QString a = dir.filePath(QStringLiteral("a.json")), b = dir.filePath(QStringLiteral("b.json"));
    QUndoStack& stack = rig.document.undoStack();
    QVERIFY(rig.document.save(a));
    core::Patch preset;
    preset.name = "Preset";
    rig.document.loadPreset(preset);
    QVERIFY(rig.document.save(b));
    int told = 0;
    connect(&rig.document, &Document::fileChanged, this, [&told] { ++told; });
    stack.undo();
    QVERIFY(told > 0 && !rig.document.dirty());
    stack.redo();
    QCOMPARE(rig.document.path(), b);
    QVERIFY(!rig.document.dirty());
    rig.document.change(QStringLiteral("Name"), [](core::Patch& p) { p.name = "Other"; });
    QVERIFY(rig.document.dirty());
    stack.undo();
    stack.undo();
    QVERIFY(rig.document.save(a));  // now the stack knows only this save
    stack.redo();
    QVERIFY(!rig.document.dirty());
    stack.redo();
    QVERIFY(rig.document.dirty());
  }

  void modelOfOnesOwnLiesInItsFile() {
    Rig rig;
    core::Patch model = rig.patch();
    model.name = "Trained";
    const QString path = QStringLiteral("/nowhere/trained.safetensors");
    rig.document.loadPreset(model, path);
    QCOMPARE(rig.document.path(), path);
    QVERIFY(!rig.document.dirty());
    rig.document.setKnob("svf", "cutoff", 321);
    QVERIFY(rig.document.dirty());
    rig.document.undoStack().undo();
    QVERIFY(!rig.document.dirty());
    rig.document.undoStack().undo();
    QVERIFY(rig.document.path().isEmpty() && !rig.document.dirty());
    rig.document.setKnob("svf", "cutoff", 321);
    rig.document.loadPreset(model, path);
    QVERIFY(rig.document.dirty());  // for what was never saved lies under it
  }

  void savingAsksForTheCompletedName_data() {
    QTest::addColumn<QString>("typed");
    QTest::newRow("no ending") << "mine";
    QTest::newRow("a dot") << "take 1.5";
  }
  void savingAsksForTheCompletedName() {
    QFETCH(QString, typed);
    Rig rig;
    const QTemporaryDir dir;
    const QString there = dir.filePath(typed + QStringLiteral(".json"));
    QVERIFY(rig.document.save(there));
    rig.document.setKnob("svf", "cutoff", 321);
    const core::Patch before = *presets::readPatch(there.toStdString());
    QStringList questions;
    bool named = false;
    // looks again and again, as a person would: names the file, declines to replace it, gives up
    QTimer person;
    connect(&person, &QTimer::timeout, this, [&] {
      QWidget* front = QApplication::activeModalWidget();
      if (auto* box = qobject_cast<QMessageBox*>(front)) {
        questions << box->text();
        return box->button(QMessageBox::No)->click();
      }
      auto* dialog = qobject_cast<QFileDialog*>(front);
      if (!dialog) return;
      if (std::exchange(named, true)) return dialog->reject();
      auto* name = dialog->findChild<QLineEdit*>(QStringLiteral("fileNameEdit"));
      name->setText(dir.filePath(typed));
      // not from here: the dialog's own question would wait for this very timer
      QTimer::singleShot(0, name, [name] { QTest::keyClick(name, Qt::Key_Return); });
    });
    person.start(10);
    for (QAction* a : rig.window.findChildren<QAction*>())
      if (a->text() == QStringLiteral("Save &as...")) a->trigger();
    person.stop();
    QCOMPARE(questions.size(), 1);
    QVERIFY2(questions[0].contains(typed + QStringLiteral(".json")), qPrintable(questions[0]));
    QVERIFY(*presets::readPatch(there.toStdString()) == before);
    QVERIFY(rig.document.dirty());
  }
};

QTEST_MAIN(TestSaving)
#include "tst_saving.moc"
