// SPDX-License-Identifier: GPL-3.0-or-later
// links: ui nodes presets
// Transfer of a recording in the window: the same samples as the same options give through core, options,
// cancelling, what it says when something is missing.
#include <QCheckBox>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QDragEnterEvent>
#include <QLabel>
#include <QLineEdit>
#include <QMessageBox>
#include <QMimeData>
#include <QPushButton>
#include <QSettings>
#include <QTemporaryDir>
#include <QTimer>

#include "presets/model_file.h"
#include "tests/model_rig.h"
#include "tests/window_rig.h"
#include "ui/dialogs/transfer_dialog.h"
#include "ui/dialogs/transfer_form.h"
#include "ui/fit/fit_views.h"
#include "ui/inspector/tone_box.h"

using namespace ui;
using State = TransferDialog::State;

namespace {
/// A document with a patch in it, and the dialog over it.
struct Desk {
  FakeEngine engine;
  Document document{windowRegistry(), engine};
  TransferDialog dialog{document};

  explicit Desk(const core::Patch& patch) {
    document.startWith(patch);
    dialog.show();
  }
  TransferForm& form() { return dialog.form(); }
  void click(QPushButton* button) { QTest::mouseClick(button, Qt::LeftButton); }
  /// Opens a recording and waits until it is shown in the tone box.
  bool open(const QString& path) {
    dialog.openSource(path);
    return QTest::qWaitFor([this] { return dialog.toneBox() && !dialog.toneBox()->frames().empty(); }, 20000);
  }
  bool transfer() {
    click(dialog.transferButton());
    return QTest::qWaitFor([this] { return dialog.state() == State::done; }, 60000);
  }
};

/// Presses a button of the next question; counts the questions.
void answerNext(const QString& button, int& asked) {
  QTimer::singleShot(0, [button, &asked] {
    const auto* box = qobject_cast<QMessageBox*>(QApplication::activeModalWidget());
    if (!box) return;
    ++asked;
    for (QAbstractButton* b : box->buttons())
      if (b->text().remove(QLatin1Char('&')) == button) b->click();
  });
}
}  // namespace

class TestTransferDialog : public QObject {
  Q_OBJECT
  QTemporaryDir dir_;
  QString at(const char* name) const { return dir_.filePath(QString::fromLatin1(name)); }
  QStringList files() const { return QDir(dir_.path()).entryList(QDir::Files | QDir::Hidden, QDir::Name); }
  void write(const char* name, const core::AudioData& sound) const {
    QVERIFY(core::writeAudio(at(name).toStdString(), sound, core::AudioFormat::wav16).has_value());
  }
  std::vector<float> samples(const QString& path) const {
    const auto read = core::readAudio(path.toStdString());
    return read ? read->channels[0] : std::vector<float>();
  }
  /// What the same options give without a window.
  std::vector<float> expected(const core::Patch& model, const char* source, const core::TransferOptions& o) const {
    const auto t = core::transfer(model, core::readAudio(at(source).toStdString()).value(), windowRegistry(), o);
    if (!t || !core::writeAudio(at("expected.wav").toStdString(), t->sound, core::AudioFormat::wav16)) return {};
    auto out = samples(at("expected.wav"));
    QFile::remove(at("expected.wav"));
    return out;
  }

 private Q_SLOTS:
  void initTestCase() {
    useTestFolders("tst_transfer_dialog");
    core::AudioData phrase = tests::notes(44100, 1.5, {220, 262}, -16);
    phrase.channels.push_back(phrase.channels[0]);
    for (float& x : phrase.channels[1]) x *= 0.5F;
    write("phrase.wav", phrase);
    write("long.wav", tests::notes(16000, 120, {220, 262, 330}, -16));
    write("silent.wav", {16000, {std::vector<float>(16000)}});
    write("short.wav", {16000, {std::vector<float>(800, 0.5F)}});
    QFile text(at("text.wav"));
    QVERIFY(text.open(QIODevice::WriteOnly) && text.write("no sound") > 0);
  }
  void cleanup() {
    for (const QString& name : files())
      if (name.contains(QStringLiteral(" by ")) || name.startsWith(QStringLiteral("out")))
        QFile::remove(dir_.filePath(name));
  }

  /// The real thing, by a shipped model: written beside the recording, looked at, listened to.
  void aRecordingIsPlayedAgain() {
    const auto model =
        presets::readPatch(std::filesystem::path(PRESETS_DIR).parent_path() / "models/alto-sax.safetensors");
    QVERIFY(model.has_value());
    Desk desk(*model);
    QVERIFY(desk.open(at("phrase.wav")));
    const QString out = at("phrase by Alto saxophone.wav");
    QCOMPARE(desk.form().output(), out);
    QVERIFY(desk.form().model().contains(QStringLiteral("sounds end at 8 kHz")));
    QVERIFY(!desk.dialog.view(TransferDialog::recording)->empty() && desk.dialog.view(TransferDialog::result)->empty());
    QVERIFY(!desk.dialog.listenButton(TransferDialog::result)->isEnabled());
    QVERIFY2(desk.transfer(), qPrintable(desk.dialog.message()));
    const auto made = samples(out);
    QCOMPARE(made.size(), samples(at("phrase.wav")).size());
    QVERIFY(*std::max_element(made.begin(), made.end()) > 0.01F);
    QVERIFY(made == expected(*model, "phrase.wav", {}));
    const QString says = desk.dialog.message();
    for (const char* part : {"Written: ", "as they are", "of the frames sound", "Latency of ", "ms compensated"})
      QVERIFY2(says.contains(QLatin1String(part)), qPrintable(says));
    QVERIFY(!desk.dialog.view(TransferDialog::result)->empty());
    // the result and the recording, as they are
    desk.click(desk.dialog.listenButton(TransferDialog::result));
    QCOMPARE(desk.engine.clip.size(), made.size());
    QVERIFY(tests::worst(desk.engine.clip, made) < 1e-4);
    desk.click(desk.dialog.listenButton(TransferDialog::recording));
    QVERIFY(desk.engine.clip == samples(at("phrase.wav")));
    QVERIFY(!desk.dialog.listenButton(TransferDialog::result)->isChecked());
    QCOMPARE(desk.engine.clipStops, 0);
    desk.dialog.reject();
    QCOMPARE(desk.engine.clipStops, 1);
  }

  // ---- options --------------------------------------------------------------------------------

  void optionsReachTheTransfer_data() {
    QTest::addColumn<QString>("option");
    for (const char* o : {"plain", "octave", "auto", "match", "autotune", "gate", "wet", "room"}) QTest::newRow(o) << o;
  }
  void optionsReachTheTransfer() {
    QFETCH(const QString, option);
    core::Patch model = tests::instrument(3);
    model.name = "Small";
    // so low that each of the options has something to do
    write("low.wav", tests::notes(16000, 1.5, {73, 85}, -50));
    Desk desk(model);
    core::TransferOptions o;
    TransferForm& f = desk.form();
    if (option == QStringLiteral("octave")) f.octave()->setCurrentIndex(f.octave()->findData(*(o.octave = 1)));
    if (option == QStringLiteral("auto")) f.octave()->setCurrentIndex(0), o.octaveAuto = true;
    if (option == QStringLiteral("match")) f.matchLoudness()->setChecked(o.matchLoudness = true);
    if (option == QStringLiteral("autotune")) f.autotune()->setValue(o.autotune = 0.75);
    if (option == QStringLiteral("gate")) f.gate()->setChecked(o.gate = true);
    if (option == QStringLiteral("wet")) f.wet()->setValue(o.wet = 0.5);
    if (option == QStringLiteral("room")) f.noReverb()->setChecked(o.noReverb = true);
    desk.dialog.openSource(at("low.wav"));
    f.setOutput(at("out.wav"));
    QTRY_VERIFY(desk.dialog.listenButton(TransferDialog::recording)->isEnabled());
    QVERIFY2(desk.transfer(), qPrintable(desk.dialog.message()));
    const auto made = samples(at("out.wav"));
    QVERIFY(made == expected(model, "low.wav", o));
    QCOMPARE(made == expected(model, "low.wav", {}), option == QStringLiteral("plain"));
  }
  /// Before anything is played one sees what an option does, and which octave was found.
  void theToneBoxFollowsTheOptions() {
    Desk desk(tests::follower());  // -0.8 to 0.8 octaves
    write("low.wav", tests::notes(16000, 1.5, {73, 85}, -20));
    QVERIFY(desk.open(at("low.wav")));
    const auto inside = [&] { return desk.dialog.toneBox()->sentence().section(QLatin1Char(' '), 0, 0).toDouble(); };
    QVERIFY2(inside() < 5, qPrintable(desk.dialog.toneBox()->sentence()));
    QVERIFY(desk.dialog.message().startsWith(QStringLiteral("Pitch and loudness as they are.")));
    const double before = desk.dialog.toneBox()->frames()[20].x();
    desk.form().octave()->setCurrentIndex(0);
    QTRY_VERIFY(desk.dialog.message().startsWith(QStringLiteral("Octave +2.")));
    QVERIFY2(inside() > 90, qPrintable(desk.dialog.toneBox()->sentence()));
    QVERIFY(std::fabs(desk.dialog.toneBox()->frames()[20].x() - before - 2) < 0.01);
    QCOMPARE(desk.dialog.state(), State::idle);
  }

  // ---- cancelling -----------------------------------------------------------------------------

  void cancelLeavesNothing_data() {
    QTest::addColumn<bool>("closing");
    QTest::newRow("button") << false;
    QTest::newRow("closing") << true;
  }
  void cancelLeavesNothing() {
    QFETCH(const bool, closing);
    Desk desk(tests::follower());
    desk.dialog.openSource(at("long.wav"));
    QTRY_VERIFY_WITH_TIMEOUT(desk.dialog.listenButton(TransferDialog::recording)->isEnabled(), 20000);
    const QStringList before = files();
    desk.click(desk.dialog.transferButton());
    QCOMPARE(desk.dialog.state(), State::running);
    QCOMPARE(desk.dialog.transferButton()->text(), QStringLiteral("Cancel"));
    QVERIFY(!desk.form().octave()->isEnabled());
    QTest::qWait(150);
    if (closing)
      desk.dialog.close();
    else
      desk.click(desk.dialog.transferButton());
    QCOMPARE(desk.dialog.isVisible(), !closing);
    QCOMPARE(desk.dialog.state(), State::stopping);
    QTRY_COMPARE_WITH_TIMEOUT(desk.dialog.state(), State::idle, 10000);
    QCOMPARE(desk.dialog.message(), QStringLiteral("Cancelled; nothing was written."));
    QCOMPARE(files(), before);
    QVERIFY(!desk.dialog.listenButton(TransferDialog::result)->isEnabled());
    QVERIFY(desk.form().octave()->isEnabled());
  }

  // ---- what is missing ------------------------------------------------------------------------

  void errorsAreSaid_data() {
    QTest::addColumn<QString>("source");
    QTest::addColumn<QString>("output");
    QTest::addColumn<QString>("says");
    const auto row = [](const char* name, const char* source, const char* output, const char* says) {
      QTest::newRow(name) << QString::fromLatin1(source) << QString::fromLatin1(output) << QString::fromLatin1(says);
    };
    row("no recording", "", "out.wav", "Choose a recording first");
    row("missing", "none.wav", "out.wav", "none.wav");
    row("no sound file", "text.wav", "out.wav", "is not a sound file");
    row("silent", "silent.wav", "out.wav", "The recording is silent");
    row("too short", "short.wav", "out.wav", "shorter than a tenth of a second");
    row("no name", "phrase.wav", "", "Name the file");
    row("ending", "phrase.wav", "out.xyz", ".flac");
    row("onto itself", "phrase.wav", "phrase.wav", "would replace the recording itself");
    row("no folder", "phrase.wav", "no/out.wav", "cannot be written");
  }
  void errorsAreSaid() {
    QFETCH(const QString, source);
    QFETCH(const QString, output);
    QFETCH(const QString, says);
    Desk desk(tests::follower());
    const QStringList before = files();
    if (!source.isEmpty()) {
      desk.dialog.openSource(dir_.filePath(source));
      QTRY_VERIFY(!desk.dialog.message().endsWith(QStringLiteral("...")));
    }
    desk.form().setOutput(output.isEmpty() ? QString() : dir_.filePath(output));
    desk.click(desk.dialog.transferButton());
    if (!output.isEmpty() || says.startsWith(QStringLiteral("Name")))  // what is wrong with the file is known at once
      QCOMPARE(desk.dialog.state(), source == QStringLiteral("silent.wav") || source == QStringLiteral("short.wav")
                                        ? State::running
                                        : State::idle);
    QTRY_VERIFY_WITH_TIMEOUT(desk.dialog.state() == State::idle && desk.dialog.message().contains(says), 20000);
    QVERIFY(!desk.dialog.message().contains(QLatin1Char('\n')));
    QCOMPARE(files(), before);
  }
  void aPatchThatIsNoModel() {
    Desk desk(tests::notePatch());
    QVERIFY(desk.form().model().contains(QStringLiteral("open a model")));
    QVERIFY(!desk.dialog.toneBox());
    desk.dialog.openSource(at("phrase.wav"));
    QTRY_VERIFY(desk.dialog.listenButton(TransferDialog::recording)->isEnabled());
    desk.click(desk.dialog.transferButton());
    QVERIFY(desk.dialog.message().contains(QStringLiteral("follows no recording")));
    // one is opened beside the dialog
    desk.document.loadPreset(tests::follower());
    QVERIFY(desk.dialog.toneBox());
    QTRY_VERIFY(!desk.dialog.toneBox()->frames().empty());
    QVERIFY(!desk.form().model().contains(QStringLiteral("open a model")));
    core::Patch untrained = tests::follower();
    for (core::PatchNode& n : untrained.nodes) n.tensors.clear();
    desk.document.loadPreset(untrained);
    QVERIFY(desk.form().model().contains(QStringLiteral("has not been trained yet")));
  }
  /// What the box shows in the end is what the patch that is open then hears.
  void anotherPatchWhileItRuns() {
    core::Patch high = tests::follower();
    high.find("controller")->settings["pitch-low"] = {0.1, ""};  // leaves the lower note outside
    Desk desk(tests::follower()), other(high);
    QVERIFY(desk.open(at("phrase.wav")) && other.open(at("phrase.wav")));
    desk.click(desk.dialog.transferButton());
    QCOMPARE(desk.dialog.state(), State::running);
    desk.document.loadPreset(high);
    QTRY_COMPARE_WITH_TIMEOUT(desk.dialog.state(), State::done, 20000);
    QTRY_VERIFY(!desk.dialog.toneBox()->frames().empty());
    QTRY_COMPARE(desk.dialog.toneBox()->sentence(), other.dialog.toneBox()->sentence());
    QVERIFY(desk.dialog.toneBox()->sentence() != QStringLiteral("100 % inside"));
    desk.document.loadPreset(tests::notePatch());  // and of one that follows nothing, nothing is said
    QTRY_VERIFY(desk.dialog.state() != State::done || desk.dialog.message().startsWith(QStringLiteral("Written")));
  }
  void whatLiesThereIsAskedFor() {
    Desk desk(tests::follower());
    QVERIFY(desk.open(at("phrase.wav")));
    QFile there(at("out.wav"));
    QVERIFY(there.open(QIODevice::WriteOnly) && there.write("mine") == 4);
    there.close();
    desk.form().setOutput(at("out.wav"));
    int asked = 0;
    bool enterKeeps = false;
    QTimer::singleShot(0, this, [&enterKeeps] {
      auto* box = qobject_cast<QMessageBox*>(QApplication::activeModalWidget());
      if (!box) return;
      enterKeeps = box->defaultButton() == box->button(QMessageBox::Cancel);
      QTest::keyClick(box, Qt::Key_Return);
    });
    desk.click(desk.dialog.transferButton());
    QVERIFY(enterKeeps);
    QCOMPARE(desk.dialog.state(), State::idle);
    answerNext(QStringLiteral("Cancel"), asked);
    desk.click(desk.dialog.transferButton());
    QCOMPARE(asked, 1);
    QCOMPARE(desk.dialog.state(), State::idle);
    QCOMPARE(QFileInfo(there).size(), 4);
    answerNext(QStringLiteral("Replace"), asked);
    QVERIFY(desk.transfer());
    QCOMPARE(asked, 2);
    QVERIFY(!samples(at("out.wav")).empty());
  }

  // ---- files and the window -------------------------------------------------------------------

  void recordingsAreDropped() {
    Desk desk(tests::follower());
    QMimeData data;
    data.setUrls({QUrl::fromLocalFile(at("phrase.wav"))});
    QWidget* field = desk.form().sourceField();
    QVERIFY(!field->acceptDrops());  // or it would take the address as text
    QDragEnterEvent enter(QPoint(5, 5), Qt::CopyAction, &data, Qt::LeftButton, {});
    QCoreApplication::sendEvent(&desk.dialog, &enter);
    QVERIFY(enter.isAccepted());
    QDropEvent drop(QPoint(5, 5), Qt::CopyAction, &data, Qt::LeftButton, {});
    QCoreApplication::sendEvent(&desk.dialog, &drop);
    QCOMPARE(desk.form().source(), at("phrase.wav"));
    QCOMPARE(QSettings().value(QStringLiteral("transferFolder")).toString(), dir_.path());
    QTRY_VERIFY(!desk.dialog.toneBox()->frames().empty());
    // a name of one's own stays when another recording comes
    desk.form().setOutput(at("out.flac"));
    QVERIFY(desk.open(at("long.wav")));
    QCOMPARE(desk.form().output(), at("out.flac"));
  }
  void theMenuOpensOne() {
    Rig rig;
    rig.document.loadPreset(tests::follower());
    QTest::keyClick(&rig.window, Qt::Key_T, Qt::ControlModifier | Qt::ShiftModifier);
    auto* dialog = rig.window.findChild<TransferDialog*>();
    QVERIFY(dialog && dialog->isVisible() && !dialog->isModal() && dialog->toneBox());
    dialog->close();
    QCOMPARE(&rig.window.transferRecording(), dialog);
    QVERIFY(dialog->isVisible());
    // closed while it runs, the window says what came of it
    dialog->openSource(at("long.wav"));
    QTRY_VERIFY_WITH_TIMEOUT(dialog->listenButton(TransferDialog::recording)->isEnabled(), 20000);
    QTest::mouseClick(dialog->transferButton(), Qt::LeftButton);
    QCOMPARE(dialog->state(), State::running);
    dialog->close();
    QTRY_COMPARE_WITH_TIMEOUT(dialog->state(), State::idle, 10000);
    const auto labels = rig.window.findChildren<QLabel*>();
    QVERIFY(std::any_of(labels.begin(), labels.end(), [](const QLabel* l) {
      return l->isVisibleTo(l->window()) && l->text() == QStringLiteral("Transfer: Cancelled; nothing was written.");
    }));
    // the window may close while it runs
    rig.window.transferRecording();
    QTest::mouseClick(dialog->transferButton(), Qt::LeftButton);
    QCOMPARE(dialog->state(), State::running);
    rig.document.undoStack().setClean();
    rig.window.close();
    QCoreApplication::processEvents();
    QCOMPARE(dialog->state(), State::idle);
    QVERIFY(!QFile::exists(dialog->form().output()));
  }
};

QTEST_MAIN(TestTransferDialog)
#include "tst_transfer_dialog.moc"
