// SPDX-License-Identifier: GPL-3.0-or-later
// What the window does with trained models: opening them, taking parts and rooms from one another.
#include <QFileDialog>
#include <QFileInfo>
#include <QMenu>
#include <QMenuBar>

#include "core/neural/parts.h"
#include "presets/model_info.h"
#include "presets/parts_file.h"
#include "ui/canvas/canvas.h"
#include "ui/dialogs/swap_dialog.h"
#include "ui/dialogs/transfer_dialog.h"
#include "ui/main_window.h"
#include "ui/theme.h"

namespace ui {

void MainWindow::buildModelMenu() {
  QMenu* menu = menuBar()->addMenu(tr("&Model"));
  menu->addAction(tr("&Train..."), QKeySequence(Qt::CTRL | Qt::Key_T), this, &MainWindow::showTraining);
  menu->addAction(tr("Transfer a re&cording..."), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_T), this,
                  [this] { transferRecording(); });
  menu->addSeparator();
  menu->addAction(tr("&Swap parts..."), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_P), this, &MainWindow::swapParts);
  QAction* dry = menu->addAction(tr("&Dereverberate"), this, &MainWindow::dereverberate);
  dry->setStatusTip(tr("Leaves the learned room out"));
  QMenu* rooms = menu->addMenu(tr("Take &room of"));
  for (const presets::PresetInfo& m : knownModels(services_.models, services_.presets))
    rooms->addAction(text(m.name), this, [this, path = QString::fromStdString(m.path.string())] { takeRoomOf(path); });
  rooms->addSeparator();
  rooms->addAction(tr("&Other model..."), this, &MainWindow::askForRoom);
}

void MainWindow::dereverberate() {
  auto dry = core::withoutReverb(document_.patch(), registry_);
  if (!dry) return say(text(dry.error().message));
  document_.change(tr("Dereverberate"), [&](core::Patch& p) { p = std::move(*dry); });
  say(tr("The room is left out; Undo brings it back."));
}

void MainWindow::askForRoom() {
  const QString path = QFileDialog::getOpenFileName(this, tr("Take the room of"), QString(),
                                                    tr("Models and patches (*.safetensors *.json)"));
  if (!path.isEmpty()) takeRoomOf(path);
}

void MainWindow::takeRoomOf(const QString& path) {
  const auto room = presets::readParts(path.toStdString(), {core::Part::reverb}, registry_);
  if (!room) return say(text(room.error().message));
  const core::Patch& other = room->patch;
  auto swapped = presets::swapModels(document_.patch(), other, {core::Part::reverb}, registry_);
  if (!swapped) return say(text(swapped.error().message));
  swapped->patch.name = document_.patch().name;  // it is the same instrument elsewhere
  document_.change(tr("Take the room of %1").arg(text(other.name)),
                   [&](core::Patch& p) { p = std::move(swapped->patch); });
  QStringList notes{tr("It plays in the room of %1 now.").arg(text(other.name))};
  for (const std::string& n : swapped->notes) notes << text(n);
  say(notes.join(QLatin1Char(' ')));
}

void MainWindow::swapParts() {
  SwapDialog dialog(document_, knownModels(services_.models, services_.presets), this);
  if (dialog.exec() != QDialog::Accepted || !dialog.result()) return;
  document_.loadPreset(*dialog.result());  // one undo step
  canvas_->frameAll();
}

/// Beside the window, which goes on playing; there is one.
TransferDialog& MainWindow::transferRecording() {
  if (!transfer_) {
    transfer_ = new TransferDialog(document_, this);
    connect(transfer_, &TransferDialog::ended, this,
            [this](const QString& words) { say(tr("Transfer: %1").arg(words)); });
  }
  transfer_->show();
  transfer_->raise();
  transfer_->activateWindow();
  return *transfer_;
}

/// A model that was trained here, as a file of one's own: one undo step, and a word on how it is played.
void MainWindow::openTrained(const QString& path) {
  const auto model = presets::readPatch(path.toStdString());
  if (!model) return say(text(model.error().message));
  document_.loadPreset(*model, path);
  canvas_->frameAll();
  say(tr("%1 follows the pitch and loudness of what comes in at the audio input; Save as keeps changes beside it.")
          .arg(QFileInfo(path).fileName()));
}

}  // namespace ui
