// SPDX-License-Identifier: GPL-3.0-or-later
// links: ui nodes presets
// Trained models in the window: listed with what they say of themselves, the tone box, parts swapped,
// rooms left out and taken.
#include <QCheckBox>
#include <QClipboard>
#include <QComboBox>
#include <QListWidget>
#include <QMap>
#include <QMimeData>
#include <QPushButton>
#include <QTabWidget>
#include <QTemporaryDir>

#include "presets/model_file.h"
#include "presets/model_info.h"
#include "tests/model_rig.h"
#include "tests/window_rig.h"
#include "ui/browser/browser.h"
#include "ui/dialogs/swap_dialog.h"
#include "ui/inspector/inspector.h"
#include "ui/inspector/tone_box.h"

using namespace ui;

namespace {
int rowOf(const QListWidget* list, const QString& name) {
  for (int i = 0; i < list->count(); ++i)
    if (list->item(i)->text() == name) return i;
  return -1;
}
std::vector<float> responseOf(const core::Patch& p) {
  for (const core::PatchNode& n : p.nodes)
    if (n.tensors.contains("response")) return n.tensors.at("response")->data;
  return {};
}
}  // namespace

class TestModelWindow : public QObject {
  Q_OBJECT
  QTemporaryDir dir_;
  QString other_;
  WindowServices services_;

 private Q_SLOTS:
  void initTestCase() {
    useTestFolders("tst_model_window");
    const std::filesystem::path factory = PRESETS_DIR;
    services_.presets = presets::factoryPresets(factory);
    services_.models = presets::factoryPresets(factory.parent_path() / "models");
    other_ = dir_.filePath(QStringLiteral("other.safetensors"));
    QVERIFY(presets::writeModel({tests::instrument(7), {"CC-BY-4.0", "Ann Other", {}, {}, ""}}, other_.toStdString())
                .has_value());
  }

  void modelsSayWhoMadeThem() {
    Rig rig(services_);
    const Browser& browser = rig.window.browser();
    browser.tabs()->setCurrentWidget(browser.modelList());
    QVERIFY(browser.details().isEmpty());
    for (const char* name : {"Alto saxophone", "Neural saxophone"}) {
      const int row = rowOf(browser.modelList(), QString::fromLatin1(name));
      QVERIFY2(row >= 0, name);
      browser.modelList()->setCurrentRow(row);
      const QString says = browser.details();
      for (const char* part : {"CC0-1.0", "Karoryfer", "16 kHz: sounds end at 8 kHz"})
        QVERIFY2(says.contains(QString::fromLatin1(part)), qPrintable(says));
    }
    rig.window.browser().refresh();  // another theme, say: what was chosen stays so
    QVERIFY(browser.details().contains(QStringLiteral("CC0-1.0")));
    browser.tabs()->setCurrentWidget(browser.presetList());  // where it is chosen as a preset, too
    browser.presetList()->setCurrentRow(rowOf(browser.presetList(), QStringLiteral("Neural saxophone")));
    QVERIFY(browser.details().contains(QStringLiteral("8 kHz")));
    browser.presetList()->setCurrentRow(rowOf(browser.presetList(), QStringLiteral("FM bell")));
    QVERIFY(!browser.details().isEmpty() && !browser.details().contains(QStringLiteral("Licence")));
    QVERIFY(bandNote(48000).isEmpty());
    // chosen by a double click, as one step
    QListWidget* list = browser.modelList();
    browser.tabs()->setCurrentWidget(list);
    QListWidgetItem* sax = list->item(rowOf(list, QStringLiteral("Alto saxophone")));
    list->scrollToItem(sax);
    const QPoint at = list->visualItemRect(sax).center();
    QTest::mouseClick(list->viewport(), Qt::LeftButton, {}, at);
    QTest::mouseDClick(list->viewport(), Qt::LeftButton, {}, at);
    QCOMPARE(rig.document.title(), QStringLiteral("Alto saxophone"));
    QCOMPARE(rig.document.undoStack().count(), 1);
  }

  /// What is played from keys and what follows a sound are told apart, wherever they are kept.
  void modelsAreGrouped() {
    presets::PresetInfo keys, follows, start;
    keys.name = "Keys";
    keys.tags = {"keys"};
    keys.path = "a.safetensors";
    follows.name = "Live";
    follows.tags = {"live"};
    follows.path = "b.safetensors";
    start.name = "Start";
    start.path = "c.json";
    const Browser browser(tests::registry(), {keys, follows}, {start});
    QStringList rows;
    for (int i = 0; i < browser.modelList()->count(); ++i) rows << browser.modelList()->item(i)->text();
    QCOMPARE(rows, (QStringList{QStringLiteral("follow what comes in"), QStringLiteral("Live"),
                                QStringLiteral("played from the keys"), QStringLiteral("Keys"),
                                QStringLiteral("to train"), QStringLiteral("Start")}));
  }
  void modelsAreOpenedAsFiles() {
    Rig rig(services_);
    rig.window.openFile(other_);
    QCOMPARE(rig.document.title(), QStringLiteral("Instrument 7"));
    QCOMPARE(rig.document.path(), other_);
  }

  // ---- tone box -------------------------------------------------------------------------------

  void toneBoxFollowsWhatIsHeard() {
    Rig rig;
    rig.document.loadPreset(tests::follower());  // -0.8 to 0.8 octaves, -55 to -8 dB
    Inspector& inspector = rig.window.inspector();
    inspector.show("controller");
    ToneBox* box = inspector.toneBox();
    QVERIFY(box);
    QCOMPARE(rig.engine.watchedNode, std::string("controller"));
    QVERIFY(!box->hasPoint());
    rig.engine.watchedValues = {0.25F, -30};
    QTRY_VERIFY(box->hasPoint());
    QVERIFY(box->inside());
    QCOMPARE(box->sentence(), QStringLiteral("D#4, -30 dB: inside"));
    rig.engine.watchedValues = {1.5F, static_cast<float>(box->range().loudnessLow - 3)};
    QTRY_VERIFY(!box->inside());
    QVERIFY(box->sentence().endsWith(QStringLiteral("too high, too soft")) && !box->resting());
    rig.engine.watchedValues = {-2, static_cast<float>(box->range().loudnessLow - 30)};  // as between notes
    QTRY_COMPARE(box->sentence(), QStringLiteral("nothing sounds"));
    rig.engine.watchedValues = {-2, 0};
    QTRY_VERIFY(box->sentence().endsWith(QStringLiteral("too low, too loud")));
    const QPointF low = box->pointAt(-0.8, -55), high = box->pointAt(0.8, -8);
    QVERIFY(low.x() < high.x() && low.y() > high.y());
    inspector.show("harmonic");
    QVERIFY(!inspector.toneBox());
    QCOMPARE(rig.engine.watchedNode, std::string());
  }
  /// Inside is a disc, outside a diamond: told apart without colour.
  void toneBoxIsReadWithoutColour() {
    const core::TrainedRange range{"c", 0, 0.5, -0.8, 0.8, -30, 10, -55, -8};
    // how far the mark's colour goes along the diagonal, against how far to the right
    const auto roundness = [&](double pitch) {
      constexpr int kZoom = 8;
      ToneBox box(range);
      box.resize(280, 168);
      box.setPoint(pitch, -30);
      QImage picture(box.size() * kZoom, QImage::Format_RGB32);
      picture.setDevicePixelRatio(kZoom);
      box.render(&picture);
      const QPoint at = (box.pointAt(pitch, -30) * kZoom).toPoint();
      const auto reach = [&](QPoint step) {
        int n = 0;
        while (n < 100 && picture.pixel(at + n * step) == picture.pixel(at)) ++n;
        return n;
      };
      return static_cast<double>(reach({1, 1})) / reach({1, 0});
    };
    QVERIFY2(std::fabs(roundness(0.1) - 0.71) < 0.06, qPrintable(QString::number(roundness(0.1))));
    QVERIFY2(std::fabs(roundness(1.1) - 0.5) < 0.06, qPrintable(QString::number(roundness(1.1))));
  }
  void toneBoxOfAConditioner() {
    Rig rig;
    core::Patch p = tests::follower();
    const auto id = core::insertConditioner(p, windowRegistry());
    QVERIFY(id.has_value());
    rig.document.loadPreset(p);
    rig.window.inspector().show(*id);
    QVERIFY(rig.window.inspector().toneBox());
    QCOMPARE(rig.engine.watchedNode, std::string("controller"));  // so that its knobs move the point
    p.find("controller")->settings.clear();                       // never trained
    rig.document.loadPreset(p);
    rig.window.inspector().show("controller");
    QTRY_VERIFY(!rig.window.inspector().toneBox());
  }

  // ---- parts ----------------------------------------------------------------------------------

  void swapDialogShowsTheCost() {
    Rig rig;
    rig.document.loadPreset(tests::instrument(3));
    presets::PresetInfo info;
    info.name = "Other";
    info.path = other_.toStdString();
    SwapDialog dialog(rig.document, {info});
    QCOMPARE(dialog.gives()->currentText(), QStringLiteral("Other"));
    QVERIFY(!dialog.makeButton()->isEnabled() && !dialog.result());
    dialog.part(core::Part::reverb)->setChecked(true);
    QVERIFY2(dialog.cost().contains(QStringLiteral("1.00 times")), qPrintable(dialog.cost()));
    dialog.part(core::Part::noise)->setChecked(true);
    QVERIFY(dialog.makeButton()->isEnabled());
    QVERIFY2(!dialog.cost().contains(QStringLiteral("1.00 times")), qPrintable(dialog.cost()));
    QVERIFY2(dialog.notes().contains(QStringLiteral("both controllers run")), qPrintable(dialog.notes()));
    QVERIFY(dialog.result());
    QCOMPARE(responseOf(*dialog.result()), responseOf(tests::instrument(7)));
    const QString says = QString::fromStdString(dialog.result()->description);
    QVERIFY2(says.contains(QStringLiteral("noise, reverb (CC-BY-4.0; Ann Other)")), qPrintable(says));
    QCOMPARE(presets::infoOf(*dialog.result()).credits, std::string("Ann Other"));
    dialog.part(core::Part::reverb)->setChecked(false);
    dialog.part(core::Part::noise)->setChecked(false);
    QVERIFY(!dialog.makeButton()->isEnabled() && dialog.cost().isEmpty());
    rig.document.newPatch();
    SwapDialog empty(rig.document, {info});
    empty.part(core::Part::noise)->setChecked(true);
    QVERIFY(!empty.makeButton()->isEnabled());
    QVERIFY2(empty.notes().contains(QStringLiteral("noise part")), qPrintable(empty.notes()));
  }

  void swapDialogOffersAnotherModel() {
    Rig rig;
    presets::PresetInfo own, other;
    own.name = "Instrument 3";
    own.path = "own.safetensors";
    other.name = "Other";
    other.path = other_.toStdString();
    rig.document.loadPreset(tests::instrument(3));
    QCOMPARE(SwapDialog(rig.document, {own, other}).gives()->currentText(), QStringLiteral("Other"));
    QVERIFY(rig.document.open(other_));
    other.name = "Named otherwise in the list";
    QCOMPARE(SwapDialog(rig.document, {other, own}).gives()->currentText(), QStringLiteral("Instrument 3"));
  }

  void roomsAreLeftOutAndTaken() {
    Rig rig;
    rig.document.loadPreset(tests::instrument(3));
    const int steps = rig.document.undoStack().count();
    rig.window.dereverberate();
    QCOMPARE(rig.document.undoStack().count(), steps + 1);
    QVERIFY(responseOf(rig.patch()).empty());
    rig.window.dereverberate();  // nothing left: said, not done
    QCOMPARE(rig.document.undoStack().count(), steps + 1);
    rig.window.takeRoomOf(other_);
    QCOMPARE(rig.document.undoStack().count(), steps + 2);
    QCOMPARE(responseOf(rig.patch()), responseOf(tests::instrument(7)));
    // stays with the patch, saved or not
    QCOMPARE(presets::infoOf(rig.patch()).licence, std::string("CC-BY-4.0; the rest: not stated"));
    QCOMPARE(rig.document.title(), QStringLiteral("Instrument 3"));
    rig.document.undoStack().undo();
    rig.document.undoStack().undo();
    QCOMPARE(responseOf(rig.patch()), responseOf(tests::instrument(3)));
    rig.window.takeRoomOf(dir_.filePath(QStringLiteral("none.safetensors")));
    QCOMPARE(rig.document.undoStack().count(), steps + 2);
  }

  // ---- the clipboard ---------------------------------------------------------------------------

  void pastedNodesBringTheirCredits() {
    Rig from, to;
    from.window.openFile(other_);
    const presets::ModelInfo other = presets::infoOf(from.patch());
    from.canvas().select({"controller", "room"});
    from.canvas().copy();
    to.canvas().paste();
    QVERIFY(to.patch().find("controller"));
    QVERIFY(presets::infoOf(to.patch()) == other && other.credits == "Ann Other");
    QCOMPARE(to.document.undoStack().count(), 1);
    to.document.undoStack().undo();
    QVERIFY(presets::infoOf(to.patch()) == presets::ModelInfo{});
    to.document.undoStack().redo();
    const QString file = dir_.filePath(QStringLiteral("pasted.json"));
    QVERIFY(to.document.save(file).has_value());
    QCOMPARE(presets::infoOf(*presets::readPatch(file.toStdString())).licence, std::string("CC-BY-4.0"));
    // within the patch itself, by either way
    const std::string before = from.patch().foreign;
    from.canvas().paste();
    from.canvas().duplicate();
    QVERIFY(from.patch().find("controller3"));
    QCOMPARE(from.patch().foreign, before);
    // what has learned nothing has nobody to name
    from.canvas().select({"pitch"});
    from.canvas().copy();
    QVERIFY(!QApplication::clipboard()->text().contains(QStringLiteral("Ann Other")));
    Rig plain;
    plain.canvas().paste();
    QCOMPARE(plain.patch().nodes.size(), std::size_t{4});
    QVERIFY(plain.patch().foreign.empty());
  }
  /// Text from anywhere: the fields that say where a model comes from may hold anything.
  void strangeClipboards() {
    Rig from, to;
    from.window.openFile(other_);
    from.canvas().select({"controller"});
    from.canvas().copy();
    const QMimeData* copied = QApplication::clipboard()->mimeData();
    const QString good = copied->text();
    QMap<QString, QByteArray> formats;
    for (const QString& f : copied->formats()) formats[f] = copied->data(f);
    const QString model = QStringLiteral("\"model\": ");
    const auto begins = good.indexOf(model) + model.size(), ends = good.lastIndexOf(QLatin1Char('}'));
    QVERIFY(begins > model.size());
    std::size_t nodes = to.patch().nodes.size();
    for (const char* odd : {"7", "null", "[]", "[[{}]]", "\"x\"", "{\"licence\": 3, \"credits\": {\"a\": []}}",
                            "{\"trained\": {\"a\": 1}, \"validated\": \"b\", \"instruments\": [1, null, [2]]}"}) {
      auto* data = new QMimeData;
      for (auto f = formats.cbegin(); f != formats.cend(); ++f) data->setData(f.key(), f.value());
      data->setText(good.left(begins) + QLatin1String(odd) + good.mid(ends));
      QApplication::clipboard()->setMimeData(data);
      to.canvas().paste();
      QCOMPARE(to.patch().nodes.size(), ++nodes);
      const presets::ModelInfo info = presets::infoOf(to.patch());
      QVERIFY2(info.licence.empty() && info.credits.empty() && info.trained.size() < 2, odd);
    }
    for (const QString& cut : {good.left(begins), good.left(begins + 5), QString(model), good.left(good.size() - 3)}) {
      QApplication::clipboard()->setText(cut);
      to.canvas().paste();
      QCOMPARE(to.patch().nodes.size(), nodes);
    }
  }
};

QTEST_MAIN(TestModelWindow)
#include "tst_model_window.moc"
