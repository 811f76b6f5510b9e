// SPDX-License-Identifier: GPL-3.0-or-later
// Running a fit from the panel: worker, progress, outcome.
#include <QComboBox>
#include <QLabel>
#include <QPushButton>
#include <QSignalBlocker>
#include <QSlider>
#include <algorithm>
#include <chrono>

#include "core/analysis/compare.h"
#include "core/graph/render.h"
#include "ui/fit/distance_curve.h"
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
  title_->setText(name_);
  forgetRun();
  running_.start();
  request({before_, FitMoment{tr("Start"), 0, 0, 0, before_}});
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
  const QString steps = p.steps > 0 ? tr("step %1 of %2").arg(p.step).arg(p.steps) : tr("step %1").arg(p.step);
  progress_->setText(tr("%1 \u00b7 %2 \u00b7 %3 s left").arg(p.stage, steps).arg(std::max(0.0, p.left), 0, 'f', 0));
  if (!p.patch) return;
  best_ = p.patch;
  if (!chosen_) document_.preview(mergeFit(document_.patch(), *before_, *best_));
  request({best_, FitMoment{p.stage, p.step, static_cast<double>(running_.elapsed()) / 1000, 0, best_}});
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
  document_.preview(mergeFit(document_.patch(), *before_, *heardPatch()));
  setState(State::review);
  showResult(*result);
  request({best_, FitMoment{tr("Result"), result->steps, static_cast<double>(running_.elapsed()) / 1000, 0, best_}});
}

void FitPanel::showResult(const core::FitResult& r) {
  if (r.f0 > 0)
    title_->setText(tr("%1 \u00b7 f0 %2 \u00b7 onset %3")
                        .arg(name_, text(core::formatValue(r.f0, core::Unit::hertz)),
                             text(core::formatValue(r.onset, core::Unit::seconds))));
  QStringList changes;
  for (const core::FitTerm& t : r.terms)
    changes << tr("%1: %2, start %3").arg(text(t.name)).arg(t.end, 0, 'g', 3).arg(t.start, 0, 'g', 3);
  for (const core::FitChange& c : r.changes)
    changes
        << tr("%1: %2 to %3 %4").arg(text(c.name)).arg(c.before, 0, 'g', 4).arg(c.after, 0, 'g', 4).arg(text(c.unit));
  result_ = {tr("%1 steps in %2 s").arg(r.steps).arg(running_.elapsed() / 1000),
             tr("%n changed", "", static_cast<int>(r.changes.size()))};
  showNumbers();
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
  document_.applyFit(mergeFit(document_.patch(), *before_, *heardPatch()));
  document_.endPreview();
  progress_->setText(tr("Kept; Undo brings the patch before the fit back."));
}

void FitPanel::discard() {
  if (state_ != State::review) return;
  setState(State::idle);
  document_.endPreview();
  progress_->setText(tr("Discarded."));
  forgetRun();
  request({document_.snapshot(), {}});
}

// ---- history -------------------------------------------------------------------------------------

void FitPanel::hearMoment(int index) {
  if (index < 0 || index >= history_.size() || state_ == State::idle) return;
  const FitMoment& m = history_.at(index);
  chosen_ = index + 1 == history_.size() ? nullptr : m.patch;
  curve_->setMarked(index);
  document_.preview(mergeFit(document_.patch(), *before_, *m.patch));
  request({m.patch, {}});
  views_[patch]->setTitle(tr("Patch (%1, step %2)").arg(m.stage).arg(m.step));
}

void FitPanel::remember(FitMoment moment, double distance) {
  moment.distance = distance;
  history_.add(std::move(moment));
  int marked = history_.size() - 1;
  if (chosen_)  // what is heard stays, or when it was thinned out, its neighbour is marked
    for (int i = 0; i < history_.size(); ++i)
      if (history_.at(i).patch == chosen_) marked = i;
  const QSignalBlocker quiet(slider_);
  slider_->setRange(0, history_.size() - 1);
  slider_->setValue(marked);
  curve_->setHistory(history_);
  curve_->setMarked(marked);
}

/// The distance of what is heard, where the fit began, and what came of it.
void FitPanel::showNumbers() {
  number_->setText(patch_.sound.empty() ? QString() : tr("%1 dB").arg(patch_.distance, 0, 'f', 1));
  QStringList lines;
  if (!patch_.sound.empty())
    lines << (history_.size() > 1 ? tr("log-spectral, start %1").arg(history_.at(0).distance, 0, 'f', 1)
                                  : tr("log-spectral distance"));
  terms_->setText((lines + result_).join(QLatin1Char('\n')));
}

// ---- rendering -----------------------------------------------------------------------------------

/// Of each kind only the newest waits; where the fit began is never left out.
void FitPanel::request(Render wanted) {
  if (!target_) return;
  std::erase_if(waiting_, [&wanted](const Render& r) {
    return r.moment.has_value() == wanted.moment.has_value() && !(r.moment && r.moment->seconds == 0);
  });
  waiting_.push_back(std::move(wanted));
  renderNext();
}

void FitPanel::renderNext() {
  if (rendering_ || waiting_.empty()) return;
  rendering_ = true;
  pool_.start([this, next = waiting_.front(), target = target_, registry = &document_.registry()] {
    Rendered rendered = render(*next.patch, *registry, *target);
    QMetaObject::invokeMethod(this, [this, next, target, rendered = std::move(rendered)]() mutable {
      rendering_ = false;
      if (target == target_ && !rendered.sound.empty()) takeRender(next, std::move(rendered));
      renderNext();
    });
  });
  waiting_.pop_front();
}

FitPanel::Rendered FitPanel::render(const core::Patch& patch, const core::Registry& registry,
                                    const core::AudioData& target) {
  core::RenderOptions options;
  options.seconds = target.seconds();
  Rendered out;
  auto rendered = core::render(patch, registry, options);
  if (!rendered) return out;
  core::AudioData sound;
  sound.rate = rendered->rate;
  sound.channels = {std::move(rendered->channels[0]), std::move(rendered->channels[1])};
  if (sound.rate != target.rate) sound = core::resample(sound, target.rate);
  out.distance = core::logSpectralDistance(target, sound);
  out.sound = sound.folded();
  out.loudness = loopedLoudness(out.sound, sound.rate);
  out.picture = analyse(out.sound, sound.rate);
  return out;
}

void FitPanel::takeRender(const Render& done, Rendered rendered) {
  const double distance = rendered.distance;
  const bool heard = !done.moment || !chosen_;
  if (heard) patch_ = std::move(rendered);
  if (done.moment && state_ != State::idle) remember(*done.moment, distance);
  if (done.moment && heard)
    views_[patch]->setTitle(tr("Patch (%1, step %2)").arg(done.moment->stage).arg(done.moment->step));
  else if (state_ == State::idle)
    views_[patch]->setTitle(tr("Patch"));
  showNumbers();
  showPictures();
  setState(state_);
  if (heard && heard_ && *heard_ != target) listen(*heard_, true);
}

}  // namespace ui
