// SPDX-License-Identifier: GPL-3.0-or-later
// Running a transfer from the dialog: what may hinder it, the worker, its outcome in words.
#include <QFileInfo>
#include <QLabel>
#include <QMessageBox>
#include <QProgressBar>
#include <QPushButton>
#include <chrono>

#include "core/neural/background.h"
#include "ui/dialogs/transfer_dialog.h"
#include "ui/dialogs/transfer_form.h"
#include "ui/fit/fit_views.h"
#include "ui/inspector/tone_box.h"
#include "ui/theme.h"

namespace ui {
namespace {
constexpr auto kReportEvery = std::chrono::milliseconds(50);
constexpr double kPlayPart = 0.9;  ///< of the bar; the rest is writing

bool sameFile(const QString& a, const QString& b) {
  std::error_code code;
  return std::filesystem::equivalent(a.toStdString(), b.toStdString(), code);
}
}  // namespace

QString whyNoTransfer(const core::Patch& patch, const QString& title, const core::Registry& registry) {
  core::Patch tried = patch;
  const bool follows =
      core::trainedRange(patch, registry).has_value() && core::insertConditioner(tried, registry).has_value();
  if (!follows)
    return QObject::tr(
               "\"%1\" follows no recording: open a model from \"follow what comes in\" on the Models page of the "
               "browser.")
        .arg(title);
  if (core::countParameters(patch, registry).all == 0)
    return QObject::tr(
               "\"%1\" has not been trained yet: train it, or open a model from \"follow what comes in\" on the Models "
               "page of the browser.")
        .arg(title);
  return {};
}

QString spoken(const core::TransferReport& report, bool played) {
  QStringList lines;
  for (const std::string& sentence : core::sentences(report, played)) lines << text(sentence);
  return lines.join(QLatin1Char('\n'));
}

void TransferDialog::startOrCancel() {
  if (state_ == State::running) {
    worker_.request_stop();
    setState(State::stopping);
    return say(tr("Cancelling..."));
  }
  if (state_ == State::stopping) return;
  auto asked = job();
  if (!asked) return sayError(asked.error());
  if (mayReplace(asked->output)) start(std::move(*asked));
}

core::Result<TransferDialog::Job> TransferDialog::job() const {
  if (!reason_.isEmpty()) return core::Error{reason_.toStdString()};
  if (!source_) return unread_;
  if (form_->output().isEmpty()) return core::Error{"Name the file that is to be made."};
  const auto format = core::formatOf(form_->output().toStdString());
  if (!format) return format.error();
  if (sameFile(form_->output(), form_->source()))
    return core::Error{"The result would replace the recording itself; give it another name."};
  const QFileInfo file(form_->output()), folder(file.path());
  if (!folder.isDir() || !folder.isWritable() || file.isDir() || (file.exists() && !file.isWritable()))
    return core::Error{"\"" + form_->output().toStdString() + "\" cannot be written; choose another folder."};
  return Job{document_.snapshot(), source_, form_->options(), form_->output(), *format};
}

/// What lies there already is not written over without a word.
bool TransferDialog::mayReplace(const QString& path) {
  if (!QFileInfo::exists(path)) return true;
  QMessageBox box(QMessageBox::Question, tr("Transfer"),
                  tr("\"%1\" is there already. The transfer replaces it.").arg(QFileInfo(path).fileName()),
                  QMessageBox::NoButton, this);
  const QPushButton* replace = box.addButton(tr("Replace"), QMessageBox::DestructiveRole);
  box.setDefaultButton(box.addButton(QMessageBox::Cancel));  // Enter loses nothing
  box.exec();
  return box.clickedButton() == replace;
}

void TransferDialog::start(Job job) {
  edits_.stop();
  ++wanted_;  // a preview on its way would speak over it
  stopListening();
  result_ = nullptr;
  pictures_[result] = {};
  showPictures();
  bar_->setValue(0);
  setState(State::running);
  say(tr("%1 plays it again...").arg(document_.title()));
  worker_ = std::jthread([this, job = std::move(job)](const std::stop_token& stop) {
    core::giveWay();
    auto outcome = run(job, stop);
    QMetaObject::invokeMethod(this,
                              [this, job, outcome = std::move(outcome)]() mutable { finish(job, std::move(outcome)); });
  });
}

/// In the worker: what `tonewright transfer` does.
core::Result<TransferDialog::Outcome> TransferDialog::run(const Job& job, const std::stop_token& stop) {
  auto reported = std::chrono::steady_clock::time_point();
  const auto report = [&](double part) {
    if (const auto now = std::chrono::steady_clock::now(); now - reported >= kReportEvery) {
      reported = now;
      QMetaObject::invokeMethod(bar_, [bar = bar_, part] { bar->setValue(static_cast<int>(1000 * part)); });
    }
    return !stop.stop_requested();
  };
  core::TransferOptions options = job.options;
  options.progress = [&](double part) { return report(kPlayPart * part); };
  auto played = core::transfer(*job.model, *job.source, document_.registry(), options);
  if (!played) return played.error();
  const auto written = core::writeAudio(job.output.toStdString(), played->sound, job.format,
                                        [&](double part) { return report(kPlayPart + (1 - kPlayPart) * part); });
  if (!written) return written.error();
  for (std::string& loss : core::lossesOf(played->sound, job.format)) played->report.notes.push_back(std::move(loss));
  Outcome o;
  o.picture = analyse(played->sound.channels[0], played->sound.rate);
  o.sound = std::make_shared<const core::AudioData>(std::move(played->sound));
  o.by = std::move(*played);
  return o;
}

void TransferDialog::finish(const Job& job, core::Result<Outcome> outcome) {
  if (worker_.joinable()) worker_.join();
  take(job, std::move(outcome));
  if (!isVisible()) Q_EMIT ended(message());
}

void TransferDialog::take(const Job& job, core::Result<Outcome> outcome) {
  if (!outcome) {
    const bool asked = state_ == State::stopping;
    setState(State::idle);
    transfer_->setFocus();
    if (box_ && box_->frames().empty()) preview(Speech::quiet);
    return asked ? say(tr("Cancelled; nothing was written.")) : sayError(outcome.error());
  }
  result_ = std::move(outcome->sound);
  written_ = job.output;
  pictures_[result] = std::move(outcome->picture);
  nameView(result, job.output);
  showPictures();
  setState(State::done);
  if (job.model == document_.snapshot())
    showConditioned(outcome->by);
  else
    preview(Speech::quiet);  // another patch was opened meanwhile
  transfer_->setFocus();
  say(tr("Written: %1").arg(job.output) + QLatin1Char('\n') + spoken(outcome->by.report, true));
}

void TransferDialog::stop() {
  stopListening();
  if (!worker_.joinable()) return;
  worker_.request_stop();
  worker_.join();
}

void TransferDialog::reject() {
  stopListening();
  if (state_ == State::running) startOrCancel();
  QDialog::reject();
}

}  // namespace ui
