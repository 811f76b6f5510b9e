// SPDX-License-Identifier: GPL-3.0-or-later
// Autosave and recovery. A session writes SESSION.json beside SESSION.lock; work whose lock nobody
// holds any more is what a crash left behind.
#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QLockFile>
#include <QStandardPaths>

#include "presets/patch_file.h"
#include "ui/document.h"
#include "ui/theme.h"

namespace ui {
namespace {
QString withoutEnding(const QString& file) { return file.left(file.lastIndexOf(QLatin1Char('.'))); }
}  // namespace

QString Document::autosaveFolder() {
  return QStandardPaths::writableLocation(QStandardPaths::AppDataLocation) + QStringLiteral("/autosave");
}

void Document::autosaveNow() {
  if (!dirty() || patch_ == autosaved_) return;
  const QString folder = autosaveFolder();
  if (!QDir().mkpath(folder)) {
    Q_EMIT failed(tr("Autosave cannot create the folder %1; unsaved work is not protected.").arg(folder));
    return;
  }
  if (!lock_) {
    lock_ = std::make_unique<QLockFile>(folder + QLatin1Char('/') + session_ + QStringLiteral(".lock"));
    lock_->setStaleLockTime(0);  // held as long as this process lives
    lock_->tryLock(0);
  }
  autosaved_ = patch_;
  const std::string file = (folder + QLatin1Char('/') + session_ + QStringLiteral(".json")).toStdString();
  // the patch is immutable, so another thread may write it while editing goes on
  writer_ = std::jthread([this, file, patch = patch_] {
    if (auto written = presets::writePatch(*patch, file); !written)
      QMetaObject::invokeMethod(this, [this, sentence = text(written.error().message)] { Q_EMIT failed(sentence); });
  });
}

void Document::finishAutosave() {
  if (writer_.joinable()) writer_.join();
}

void Document::removeAutosave() {
  finishAutosave();
  if (!lock_) return;
  discardRecoverable(autosaveFolder() + QLatin1Char('/') + session_ + QStringLiteral(".json"));
  lock_.reset();
}

QStringList Document::recoverable() {
  QStringList out;
  const QDir folder(autosaveFolder());
  for (const QFileInfo& file : folder.entryInfoList({QStringLiteral("*.json")}, QDir::Files, QDir::Time)) {
    QLockFile lock(withoutEnding(file.absoluteFilePath()) + QStringLiteral(".lock"));
    lock.setStaleLockTime(0);
    if (lock.tryLock(0)) out.append(file.absoluteFilePath());
  }
  return out;
}

core::Result<void> Document::recover(const QString& autosaved) {
  auto read = presets::readPatch(autosaved.toStdString());
  if (!read) return read.error();
  replaceAll(std::move(*read), QString());
  place_.recovered = true;
  autosaved_.reset();
  autosaveNow();  // kept under this session's name before the old file goes
  finishAutosave();
  discardRecoverable(autosaved);
  Q_EMIT fileChanged();
  return {};
}

void Document::discardRecoverable(const QString& autosaved) {
  QFile::remove(autosaved);
  QFile::remove(withoutEnding(autosaved) + QStringLiteral(".blobs"));
}

}  // namespace ui
