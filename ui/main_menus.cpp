// SPDX-License-Identifier: GPL-3.0-or-later
// The menus of the window and what they do with files.
#include <QActionGroup>
#include <QApplication>
#include <QFileDialog>
#include <QFileInfo>
#include <QMenuBar>
#include <QMessageBox>
#include <QStandardPaths>
#include <QTabWidget>

#include "core/file/patch_rate.h"
#include "ui/browser/browser.h"
#include "ui/canvas/canvas.h"
#include "ui/fit/fit_panel.h"
#include "ui/inspector/inspector.h"
#include "ui/main_window.h"
#include "ui/theme.h"
#include "ui/train/train_panel.h"

namespace ui {
namespace {
QString patchFilter() { return QObject::tr("Tonewright patches and models (*.json *.safetensors)"); }
}  // namespace

void MainWindow::buildFileMenu() {
  QMenu* menu = menuBar()->addMenu(tr("&File"));
  menu->addAction(tr("&New"), QKeySequence::New, this, [this] {
    if (mayDiscard()) document_.newPatch();
  });
  menu->addAction(tr("&Open..."), QKeySequence::Open, this, &MainWindow::openDialog);
  recent_ = menu->addMenu(tr("Open &recent"));
  connect(recent_, &QMenu::aboutToShow, this, &MainWindow::fillRecent);
  menu->addSeparator();
  menu->addAction(tr("&Save"), QKeySequence::Save, this, &MainWindow::save);
  menu->addAction(tr("Save &as..."), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_S), this, &MainWindow::saveAs);
  menu->addSeparator();
  menu->addAction(tr("Open fit &target..."), this, [this] {
    showFit();
    fitPanel_->chooseTarget();
  });
  menu->addAction(tr("&Export audio..."), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_E), this,
                  &MainWindow::exportAudio);
  menu->addSeparator();
  menu->addAction(tr("&Quit"), QKeySequence(Qt::CTRL | Qt::Key_Q), this, &QWidget::close);
}

void MainWindow::buildEditMenu() {
  QMenu* menu = menuBar()->addMenu(tr("&Edit"));
  QUndoStack& stack = document_.undoStack();
  QAction* undo = stack.createUndoAction(this, tr("Undo"));
  undo->setShortcut(QKeySequence::Undo);
  QAction* redo = stack.createRedoAction(this, tr("Redo"));
  redo->setShortcuts({QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_Z), QKeySequence(Qt::CTRL | Qt::Key_Y)});
  menu->addAction(undo);
  menu->addAction(redo);
  menu->addSeparator();
  menu->addAction(tr("Cu&t"), QKeySequence::Cut, this, [this] { canvas_->cut(); });
  menu->addAction(tr("&Copy"), QKeySequence::Copy, this, [this] { canvas_->copy(); });
  menu->addAction(tr("&Paste"), QKeySequence::Paste, this, [this] { canvas_->paste(); });
  menu->addAction(tr("&Duplicate"), QKeySequence(Qt::CTRL | Qt::Key_D), this, [this] { canvas_->duplicate(); });
  menu->addAction(tr("Duplicate with &inputs"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_D), this,
                  [this] { canvas_->duplicate(true); });
  menu->addAction(tr("De&lete\tDel"), this, [this] { canvas_->removeSelection(); });
  menu->addAction(tr("Delete and &reconnect\tCtrl+Del"), this, [this] { canvas_->removeSelection(true); });
  menu->addAction(tr("Select &all\tCtrl+A"), this, [this] { canvas_->selectAll(); });
  menu->addAction(tr("&Find node..."), QKeySequence::Find, this, [this] { canvas_->openFind(); });
  menu->addSeparator();
  menu->addAction(tr("&Bypass\tM"), QKeySequence(Qt::CTRL | Qt::Key_E), this, [this] { canvas_->bypassSelection(); });
  menu->addAction(tr("F&old\tH"), this, [this] { canvas_->collapseSelection(); });
  menu->addAction(tr("Connect the t&wo selected\tCtrl+K"), this, [this] { canvas_->connectSelected(); });
  menu->addAction(tr("&Add node...\tShift+A"), this,
                  [this] { canvas_->openAddPopup(canvas_->mapToScene(canvas_->viewport()->rect().center())); });
  menu->addSeparator();
  buildRateMenu(menu->addMenu(tr("Sample &rate of the patch")));
}

/// What was made at one rate and is brought to another sounds as before; what is added reaches higher.
void MainWindow::buildRateMenu(QMenu* menu) {
  auto* group = new QActionGroup(menu);
  for (const double rate : {16000.0, 44100.0, 48000.0, 96000.0}) {
    QAction* action = menu->addAction(tr("%1 kHz").arg(rate / 1000, 0, 'g', 4), this, [this, rate] {
      core::Patch changed = document_.patch();
      if (const auto done = core::setPatchRate(changed, document_.registry(), rate); !done)
        return say(QString::fromStdString(done.error().message));
      document_.change(tr("Change the sample rate"), [&](core::Patch& p) { p = changed; });
    });
    action->setCheckable(true);
    action->setData(rate);
    group->addAction(action);
  }
  group->setExclusionPolicy(QActionGroup::ExclusionPolicy::ExclusiveOptional);  // a file may name another rate
  connect(menu, &QMenu::aboutToShow, this, [this, group] {
    for (QAction* action : group->actions()) action->setChecked(action->data().toDouble() == document_.patch().rate);
  });
}

void MainWindow::buildViewMenu() {
  QMenu* menu = menuBar()->addMenu(tr("&View"));
  menu->addAction(tr("Frame &all\tHome"), this, [this] { canvas_->frameAll(); });
  menu->addAction(tr("Frame &selected\tF"), this, [this] { canvas_->frameSelected(); });
  menu->addAction(tr("Zoom &100 %\tCtrl+0"), this, [this] { canvas_->resetZoom(); });
  menu->addSeparator();
  const auto toggle = [&](const QString& name, QWidget* widget) {
    QAction* action = menu->addAction(name);
    action->setCheckable(true);
    action->setChecked(true);
    connect(action, &QAction::toggled, widget, &QWidget::setVisible);
  };
  toggle(tr("&Browser"), browser_);
  toggle(tr("&Inspector"), inspector_);
  toggle(tr("&Fit and training"), dock_);
  menu->addAction(tr("&Next panel"), QKeySequence(Qt::Key_F6), this, [this] { cyclePanels(1); });
  menu->addAction(tr("&Previous panel"), QKeySequence(Qt::SHIFT | Qt::Key_F6), this, [this] { cyclePanels(-1); });
  menu->addSeparator();
  auto* light = menu->addAction(tr("&Light colours"));
  light->setCheckable(true);
  connect(light, &QAction::toggled, this, [this](bool on) {
    applyTheme(*qApp, on ? ThemeKind::light : ThemeKind::dark);
    canvas_->refreshTheme();
    browser_->refresh();
  });
}

void MainWindow::buildPlayMenu() {
  QMenu* play = menuBar()->addMenu(tr("&Play"));
  play->addAction(tr("Play or stop the &phrase"), QKeySequence(Qt::CTRL | Qt::Key_Space), this,
                  &MainWindow::togglePlay);
  play->addAction(tr("All &notes off"), QKeySequence(Qt::CTRL | Qt::Key_Period), this, &MainWindow::panic);
  typingAction_ = play->addAction(tr("&Typing plays notes"));
  typingAction_->setShortcut(QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_K));
  typingAction_->setCheckable(true);
  connect(typingAction_, &QAction::toggled, this, &MainWindow::setTyping);
  play->addAction(tr("Compare target and patch"), QKeySequence(Qt::Key_QuoteLeft), this,
                  [this] { fitPanel_->toggleListening(); });
}

void MainWindow::showFit() {
  dock_->show();
  dock_->setCurrentWidget(fitPanel_);
}
void MainWindow::showTraining() {
  dock_->show();
  dock_->setCurrentWidget(trainPanel_);
}

void MainWindow::fillRecent() {
  recent_->clear();
  for (const QString& path : Document::recentFiles())
    recent_->addAction(QFileInfo(path).fileName(), this, [this, path] { openFile(path); })->setToolTip(path);
  recent_->setToolTipsVisible(true);
  if (recent_->isEmpty()) recent_->addAction(tr("Nothing yet"))->setEnabled(false);
}

void MainWindow::openDialog() {
  const QString start = document_.path().isEmpty() ? QStandardPaths::writableLocation(QStandardPaths::DocumentsLocation)
                                                   : QFileInfo(document_.path()).path();
  const QString path = QFileDialog::getOpenFileName(this, tr("Open patch"), start, patchFilter());
  if (!path.isEmpty()) openFile(path);
}

bool MainWindow::save() {
  // a patch that an earlier version named without an ending gets one
  if (document_.path().isEmpty() || !presets::isPatchPath(document_.path().toStdString())) return saveAs();
  return saveTo(document_.path());
}

bool MainWindow::saveTo(const QString& path) {
  const auto done = document_.save(path);
  if (!done) say(text(done.error().message));
  return done.has_value();
}

/// The dialog asks before a file is replaced, but knows only the name as it was typed: where an ending is added,
/// the completed name is asked for here.
bool MainWindow::saveAs() {
  const QString folder = document_.path().isEmpty()
                             ? QStandardPaths::writableLocation(QStandardPaths::DocumentsLocation)
                             : QFileInfo(document_.path()).path();
  QFileDialog dialog(this, tr("Save patch"), folder, patchFilter());
  dialog.setAcceptMode(QFileDialog::AcceptSave);
  dialog.setFileMode(QFileDialog::AnyFile);
  dialog.setDefaultSuffix(QStringLiteral("json"));
  dialog.selectFile(document_.title().replace(QLatin1Char('/'), QLatin1Char('-')) + QStringLiteral(".json"));
  while (dialog.exec() == QDialog::Accepted && !dialog.selectedFiles().isEmpty()) {
    const QString typed = dialog.selectedFiles().constFirst();
    const QString path = QString::fromStdString(presets::patchPath(typed.toStdString()).string());
    if (path == typed || !QFileInfo::exists(path) ||
        QMessageBox::question(this, tr("Save patch"),
                              tr("\"%1\" is there already. Replace it?").arg(QFileInfo(path).fileName()),
                              QMessageBox::Yes | QMessageBox::No, QMessageBox::No) == QMessageBox::Yes)
      return saveTo(path);
  }
  return false;
}

/// One undo step, so nothing is lost and nothing needs to be asked.
void MainWindow::openPreset(const QString& path) {
  auto preset = presets::readPatch(path.toStdString());
  if (!preset) return say(text(preset.error().message));
  document_.loadPreset(*preset);
  canvas_->frameAll();
}

void MainWindow::exportAudio() { ExportDialog(document_, services_.exporter, this).exec(); }

}  // namespace ui
