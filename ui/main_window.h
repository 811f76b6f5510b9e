// SPDX-License-Identifier: GPL-3.0-or-later
// The window: browser, canvas, inspector, fit panel, keyboard, menus.
#pragma once

#include <QMainWindow>
#include <QTimer>
#include <set>

#include "presets/patch_file.h"
#include "presets/train_job.h"
#include "ui/dialogs/export_dialog.h"
#include "ui/document.h"
#include "ui/fit/fit_runner.h"

class QLabel;
class QMenu;
class QSplitter;
class QTabWidget;

namespace ui {

class Browser;
class Canvas;
class FitPanel;
class Inspector;
class Keyboard;
class MidiMap;
class NodePictures;
class TopBar;
class TrainPanel;
class TransferDialog;

/// What the app lends to the window.
struct WindowServices {
  FitRunner fit;
  Exporter exporter;
  std::vector<presets::PresetInfo> presets;
  presets::TrainRunner train = presets::trainModel;
  std::vector<presets::PresetInfo> models = {};  ///< trained models, and untrained patches among them
};

class MainWindow : public QMainWindow {
  Q_OBJECT
 public:
  MainWindow(const core::Registry& registry, EngineControl& engine, Document& document, WindowServices services = {});
  ~MainWindow() override;

  Canvas& canvas() const { return *canvas_; }
  Inspector& inspector() const { return *inspector_; }
  Browser& browser() const { return *browser_; }
  FitPanel& fitPanel() const { return *fitPanel_; }
  TrainPanel& trainPanel() const { return *trainPanel_; }
  Keyboard& keyboard() const { return *keyboard_; }
  MidiMap& midi() const { return *midi_; }

  /// Opens a patch or a model; takes a sound file as the fit's target, a folder as recordings to train on.
  void openFile(const QString& path);
  /// Offers what an earlier session left behind; call once after showing.
  void offerRecovery();
  /// Notes by the computer keyboard (a mode with a badge).
  void setTyping(bool on);
  bool typing() const { return typing_; }
  /// True when the patch may be replaced: clean, saved just now, or given up by the user. `also`: a sentence on
  /// what else ends, under the question.
  bool mayDiscard(const QString& also = {});
  /// Brings the fit or the train panel to the front.
  void showFit();
  void showTraining();
  /// The patch without its reverbs; with the room of another; one undo step each.
  void dereverberate();
  void takeRoomOf(const QString& path);
  void swapParts();
  TransferDialog& transferRecording();
  /// Shows a sentence over the foot of the canvas for a while.
  void say(const QString& sentence);

 protected:
  void closeEvent(QCloseEvent*) override;
  void dragEnterEvent(QDragEnterEvent*) override;
  void dropEvent(QDropEvent*) override;
  bool eventFilter(QObject* watched, QEvent* event) override;
  void changeEvent(QEvent*) override;

 private:
  void buildLayout();
  void buildFileMenu();
  void buildEditMenu();
  void buildRateMenu(QMenu* menu);
  void buildModelMenu();
  void buildViewMenu();
  void buildPlayMenu();
  void fillRecent();
  void wire();
  void poll();
  void placeNotice();
  bool save();
  bool saveTo(const QString& path);
  bool saveAs();
  void openDialog();
  void openPreset(const QString& path);
  void openTrained(const QString& path);
  void askForRoom();
  void exportAudio();
  void togglePlay();
  void panic();
  bool typedKey(QEvent* event);
  void releaseTyped();
  void cyclePanels(int step);

  const core::Registry& registry_;
  EngineControl& engine_;
  Document& document_;
  WindowServices services_;
  NodePictures* pictures_;
  MidiMap* midi_;
  TopBar* topBar_;
  Browser* browser_;
  Canvas* canvas_;
  Inspector* inspector_;
  FitPanel* fitPanel_;
  TrainPanel* trainPanel_;
  TransferDialog* transfer_ = nullptr;  ///< null until it is asked for
  QTabWidget* dock_;
  Keyboard* keyboard_;
  QLabel *notice_, *badge_;
  QMenu* recent_ = nullptr;
  QAction* typingAction_ = nullptr;
  QTimer poll_, playing_, noticeTimer_;
  bool typing_ = false;
  int octave_ = 4;
  std::map<int, int> typed_;  ///< keys of the computer keyboard that are down: Qt key -> note
};

}  // namespace ui
