// SPDX-License-Identifier: GPL-3.0-or-later
// Running a training from the panel: worker, progress, outcome.
#include <QFileInfo>
#include <QLabel>
#include <QMessageBox>
#include <QPushButton>
#include <chrono>
#include <cmath>

#include "core/neural/background.h"
#include "presets/patch_file.h"
#include "ui/theme.h"
#include "ui/train/loss_curves.h"
#include "ui/train/train_form.h"
#include "ui/train/train_panel.h"

namespace ui {
namespace {
constexpr auto kReportEvery = std::chrono::milliseconds(100);

QStringList texts(std::span<const std::string> all) {
  QStringList out;
  for (const std::string& s : all) out << text(s);
  return out;
}
QStringList texts(std::span<const core::Skipped> all) {
  QStringList out;
  for (const core::Skipped& s : all) out << QStringLiteral("%1: %2").arg(text(s.file), text(s.reason));
  return out;
}
}  // namespace

QString spokenTime(double seconds) {
  const int minutes = static_cast<int>(std::lround(seconds / 60));
  if (seconds < 90) return QObject::tr("%1 s").arg(std::max(0.0, seconds), 0, 'f', 0);
  if (minutes < 60) return QObject::tr("%1 min").arg(minutes);
  return QObject::tr("%1 h %2 min").arg(minutes / 60).arg(minutes % 60);
}

void TrainPanel::startOrStop() {
  if (state_ == State::running) {
    worker_.request_stop();
    setState(State::stopping);
    progress_->setText(tr("Stopping..."));
  } else if (state_ != State::stopping && mayReplace()) {
    start(false);
  }
}

void TrainPanel::resume() {
  if (state_ == State::idle || state_ == State::done) start(true);
}

/// A model that lies there already is not trained over without a word.
bool TrainPanel::mayReplace() {
  const QString path = form_->model();
  if (path.isEmpty() || !QFileInfo::exists(path)) return true;
  QMessageBox box(QMessageBox::Question, tr("Train"),
                  tr("\"%1\" is there already. Training from the start replaces it.").arg(QFileInfo(path).fileName()),
                  QMessageBox::NoButton, this);
  const QPushButton* replace = box.addButton(tr("Replace"), QMessageBox::DestructiveRole);
  const QPushButton* go = form_->canResume() ? box.addButton(tr("Resume"), QMessageBox::AcceptRole) : nullptr;
  box.setDefaultButton(box.addButton(QMessageBox::Cancel));  // Enter loses nothing
  box.exec();
  if (go && box.clickedButton() == go) start(true);
  return box.clickedButton() == replace;
}

void TrainPanel::start(bool resume) {
  if (!runner_) return;
  auto job = form_->job(resume);
  if (!job) return Q_EMIT said(text(job.error().message));
  const auto state = presets::readTrainState(job->model);
  if (const auto left = resume && state ? presets::checkWorkLeft(*state, job->options) : core::Result<void>(); !left)
    return Q_EMIT said(text(left.error().message));
  stopListening();
  job_ = std::move(*job);
  checkpoint_.reset();
  if (auto sofar = resume ? presets::readPatch(job_.model) : core::Result<core::Patch>(core::Error{}); sofar)
    checkpoint_ = std::make_shared<core::Patch>(std::move(*sofar));
  curves_->setCurve({});
  showNotes({}, {});
  showTakes({});
  setState(State::running);
  progress_->setText(tr("Starting..."));
  worker_ = std::jthread([this, job = job_](const std::stop_token& stop) {
    core::giveWay();
    auto reported = std::chrono::steady_clock::time_point();
    const auto report = [&](const core::TrainProgress& p) {
      const auto now = std::chrono::steady_clock::now();
      if (!p.checkpoint && now - reported < kReportEvery) return;
      reported = now;
      QMetaObject::invokeMethod(this, [this, copy = copyOf(p)] { takeProgress(copy); });
    };
    auto result = runner_(job, document_.registry(), report, stop);
    QMetaObject::invokeMethod(this, [this, result = std::move(result)] { takeResult(result); });
  });
}

void TrainPanel::stop() {
  stopListening();
  if (!worker_.joinable()) return;
  worker_.request_stop();
  worker_.join();
}

TrainPanel::Progress TrainPanel::copyOf(const core::TrainProgress& p) {
  Progress copy{text(p.stage),
                p.part,
                p.elapsed,
                p.left,
                p.loss,
                p.step,
                {p.curve.begin(), p.curve.end()},
                nullptr,
                texts(p.heldOut),
                texts(p.skipped),
                texts(p.warnings)};
  if (p.checkpoint) copy.checkpoint = std::make_shared<core::Patch>(p.checkpoint->patch);
  return copy;
}

void TrainPanel::takeProgress(const Progress& p) {
  if (state_ != State::running && state_ != State::stopping) return;
  showNotes(p.warnings, p.skipped);
  if (p.step > 0) showTakes(p.heldOut);
  if (p.checkpoint) {
    checkpoint_ = p.checkpoint;
    setState(state_);
    if (heard_ == model) renderHeard();  // one hears it learn
  }
  curves_->setCurve(p.curve, p.elapsed, p.step > 0 && p.curve.empty() ? p.loss : 0);
  if (state_ == State::stopping) return;
  QStringList parts{p.stage};
  if (p.step == 0) {
    parts << tr("%1 %").arg(100 * p.part, 0, 'f', 0);
  } else {
    parts << tr("step %1").arg(p.step) << tr("loss %1").arg(p.loss, 0, 'g', 3);
    if (!p.curve.empty() && p.curve.back().validation > 0)
      parts << tr("held out %1").arg(p.curve.back().validation, 0, 'g', 3);
    parts << tr("%1 left").arg(spokenTime(p.left));
  }
  progress_->setText(parts.join(QStringLiteral(" \u00b7 ")));
}

void TrainPanel::takeResult(const core::Result<presets::Trained>& result) {
  if (worker_.joinable()) worker_.join();
  if (!result) {
    const bool asked = state_ == State::stopping;
    setState(State::idle);
    progress_->setText(asked ? tr("Stopped before the first step.") : text(result.error().message));
    if (!asked) Q_EMIT said(text(result.error().message));
    return;
  }
  const core::TrainResult& r = result->result;
  checkpoint_ = std::make_shared<core::Patch>(r.patch);
  showNotes(texts(r.warnings), texts(r.skipped));
  showTakes(texts(r.validated));
  curves_->setCurve(r.curve);
  const QString name = QFileInfo(form_->model()).fileName();
  progress_->setText(r.cancelled ? tr("Stopped after %1 steps; Resume goes on from there.").arg(r.state.step)
                                 : tr("Done after %1 steps; %2 is written.").arg(r.state.step).arg(name));
  setState(r.cancelled ? State::idle : State::done);
  if (heard_ == model) renderHeard();
}

}  // namespace ui
