// SPDX-License-Identifier: GPL-3.0-or-later
// Running a fit from the panel: worker, progress, outcome.
#include <QComboBox>
#include <QLabel>
#include <QPushButton>
#include <algorithm>
#include <chrono>

#include "core/graph/render.h"
#include "ui/fit/fit_panel.h"
#include "ui/fit/fit_views.h"
#include "ui/theme.h"

namespace ui {
namespace {
constexpr auto kReportEvery = std::chrono::milliseconds(100);
}

core::Patch mergeFit(const core::Patch& current, const core::Patch& before, const core::Patch& fitted) {
  core::Patch out = current;
  for (const core::PatchNode& after : fitted.nodes) {
    const core::PatchNode* old = before.find(after.id);
    core::PatchNode* now = out.find(after.id);
    if (!old || !now || now->type != after.type) continue;
    for (const auto& [input, value] : after.values)
      if (const auto at = old->values.find(input); at == old->values.end() || at->second != value)
        now->values[input] = value;
    for (const auto& [name, blob] : after.tensors)
      if (const auto at = old->tensors.find(name); at == old->tensors.end() || at->second != blob)
        now->tensors[name] = blob;
  }
  for (core::Cable& now : out.cables) {
    const auto same = [&now](const core::Cable& c) { return sameEnds(c, now); };
    const auto after = std::find_if(fitted.cables.begin(), fitted.cables.end(), same);
    const auto old = std::find_if(before.cables.begin(), before.cables.end(), same);
    if (after != fitted.cables.end() && old != before.cables.end() && after->depth != old->depth)
      now.depth = after->depth;
  }
  if (fitted.phrase != before.phrase) out.phrase = fitted.phrase;
  return out;
}

void FitPanel::startOrStop() {
  if (state_ == State::running) {
    worker_.request_stop();
    setState(State::stopping);
    progress_->setText(tr("Stopping..."));
  } else if (state_ != State::stopping) {
    start();
  }
}

void FitPanel::start() {
  if (!target_ || !runner_) return;
  if (state_ == State::review) discard();
  before_ = best_ = document_.snapshot();
  curve_->clear();
  number_->clear();
  terms_->clear();
  core::FitOptions options;
  options.budgetSeconds = budget_->currentData().toDouble();
  setState(State::running);
  progress_->setText(tr("Starting..."));
  worker_ = std::jthread([this, options, patch = before_, target = target_](const std::stop_token& stop) {
    auto reported = std::chrono::steady_clock::time_point();
    double shownBest = 0;
    bool any = false;
    const auto report = [&](const core::FitProgress& p) {
      const auto now = std::chrono::steady_clock::now();
      if (now - reported < kReportEvery) return;
      reported = now;
      Progress copy{text(p.stage), p.step, p.steps, p.loss, p.best, p.left, nullptr};
      if (p.patch && (!any || p.best != shownBest)) copy.patch = std::make_shared<core::Patch>(*p.patch);
      any = true;
      shownBest = p.best;
      QMetaObject::invokeMethod(this, [this, copy] { takeProgress(copy); });
    };
    auto result = runner_(*patch, document_.registry(), *target, options, report, stop);
    QMetaObject::invokeMethod(this, [this, result = std::move(result)] { takeResult(result); });
  });
}

void FitPanel::stop() {
  if (!worker_.joinable()) return;
  worker_.request_stop();
  worker_.join();
}

void FitPanel::takeProgress(const Progress& p) {
  if (state_ != State::running) return;
  if (p.stage != stage_) curve_->clear();  // each stage has a measure of its own; their numbers do not compare
  stage_ = p.stage;
  curve_->add(p.best);
  number_->setText(QString::number(p.best, 'g', 3));
  const QString steps = p.steps > 0 ? tr("step %1 of %2").arg(p.step).arg(p.steps) : tr("step %1").arg(p.step);
  progress_->setText(tr("%1 \u00b7 %2 \u00b7 %3 s left").arg(p.stage, steps).arg(std::max(0.0, p.left), 0, 'f', 0));
  if (!p.patch) return;
  best_ = p.patch;
  document_.preview(mergeFit(document_.patch(), *before_, *best_));
  renderPatch(best_);
}

void FitPanel::takeResult(const core::Result<core::FitResult>& result) {
  if (worker_.joinable()) worker_.join();
  if (!result) {
    document_.endPreview();
    progress_->setText(tr("No fit"));
    setState(State::idle);
    Q_EMIT said(text(result.error().message));
    return;
  }
  best_ = std::make_shared<core::Patch>(result->patch);
  document_.preview(mergeFit(document_.patch(), *before_, *best_));
  setState(State::review);
  showResult(*result);
  renderPatch(best_);
}

void FitPanel::showResult(const core::FitResult& r) {
  if (!r.terms.empty()) number_->setText(QString::number(r.terms[0].end, 'g', 3));
  QStringList lines;
  for (const core::FitTerm& t : r.terms)
    lines << tr("%1 %2, start %3").arg(text(t.name)).arg(t.end, 0, 'g', 3).arg(t.start, 0, 'g', 3);
  if (r.f0 > 0)
    lines << tr("f0 %1, onset %2")
                 .arg(text(core::formatValue(r.f0, core::Unit::hertz)),
                      text(core::formatValue(r.onset, core::Unit::seconds)));
  QStringList changes;
  for (const core::FitChange& c : r.changes)
    changes
        << tr("%1: %2 to %3 %4").arg(text(c.name)).arg(c.before, 0, 'g', 4).arg(c.after, 0, 'g', 4).arg(text(c.unit));
  lines << tr("%n changed", "", static_cast<int>(r.changes.size()));
  terms_->setText(lines.join(QLatin1Char('\n')));
  terms_->setToolTip(changes.join(QLatin1Char('\n')));
  QStringList warnings;
  for (const std::string& w : r.warnings) warnings << text(w);
  progress_->setText(r.cancelled ? tr("Stopped after %1 steps; the best so far plays.").arg(r.steps)
                                 : tr("Done after %1 steps; listen, then keep or discard.").arg(r.steps));
  if (!warnings.isEmpty()) Q_EMIT said(warnings.join(QLatin1Char(' ')));
}

void FitPanel::keep() {
  if (state_ != State::review) return;
  setState(State::idle);
  document_.applyFit(mergeFit(document_.patch(), *before_, *best_));
  document_.endPreview();
  progress_->setText(tr("Kept; Undo brings the patch before the fit back."));
}

void FitPanel::discard() {
  if (state_ != State::review) return;
  setState(State::idle);
  document_.endPreview();
  progress_->setText(tr("Discarded."));
  renderPatch(document_.snapshot());
}

/// Renders in the background; while one is under way only the newest request waits.
void FitPanel::renderPatch(const PatchPointer& patch) {
  if (!target_) return;
  nextRender_ = patch;
  if (rendering_) return;
  rendering_ = true;
  pool_.start([this, patch, target = target_, registry = &document_.registry()] {
    core::RenderOptions options;
    options.seconds = target->seconds();
    core::AudioData sound;
    Spectrogram picture;
    if (auto rendered = core::render(*patch, *registry, options)) {
      sound.rate = rendered->rate;
      sound.channels = {std::move(rendered->channels[0]), std::move(rendered->channels[1])};
      if (sound.rate != target->rate) sound = core::resample(sound, target->rate);
      picture = analyse(sound.folded(), sound.rate);
    }
    QMetaObject::invokeMethod(
        this, [this, patch, target, sound = sound.channels.empty() ? std::vector<float>() : sound.folded(),
               picture = std::move(picture)]() mutable {
          rendering_ = false;
          if (target == target_ && !sound.empty()) {
            patchSound_ = std::move(sound);
            patchPicture_ = std::move(picture);
            showPictures();
            setState(state_);
          }
          if (nextRender_ != patch) renderPatch(nextRender_);
        });
  });
}

}  // namespace ui
