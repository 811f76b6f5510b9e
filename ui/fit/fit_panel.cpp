// SPDX-License-Identifier: GPL-3.0-or-later
// The layout of the panel, its target and listening; the fit itself is in fit_session.cpp.
#include "ui/fit/fit_panel.h"

#include <QComboBox>
#include <QDragEnterEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLabel>
#include <QMimeData>
#include <QPushButton>
#include <QSettings>
#include <QSlider>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "core/analysis/loudness.h"
#include "ui/fit/distance_curve.h"
#include "ui/fit/fit_views.h"
#include "ui/theme.h"

namespace ui {
namespace {
constexpr double kLongestTarget = 120;  ///< s

QLabel* label(const QString& words, const char* role) {
  auto* l = new QLabel(words);
  l->setProperty("role", role);
  return l;
}
}  // namespace

double loopedLoudness(const std::vector<float>& sound, double rate) {
  constexpr double kLeast = 3;  // s: several gating blocks of 400 ms
  if (sound.empty()) return -HUGE_VAL;
  core::AudioData looped;
  looped.rate = rate;
  looped.channels.resize(1);
  do looped.channels[0].insert(looped.channels[0].end(), sound.begin(), sound.end());
  while (looped.seconds() < kLeast);
  return core::integratedLoudness(looped);
}

FitPanel::FitPanel(Document& document, FitRunner runner, QWidget* parent)
    : QWidget(parent),
      document_(document),
      runner_(std::move(runner)),
      head_(new QWidget(this)),
      title_(label({}, "secondary")),
      progress_(label({}, "secondary")),
      number_(label({}, "number")),
      terms_(label({}, "secondary")),
      free_(label({}, "secondary")),
      curve_(new DistanceCurve),
      open_(new QPushButton(tr("Open target..."))),
      fit_(new QPushButton(tr("Fit"))),
      keep_(new QPushButton(tr("Keep"))),
      discard_(new QPushButton(tr("Discard"))),
      budget_(new QComboBox),
      slider_(new QSlider(Qt::Horizontal)) {
  pool_.setMaxThreadCount(1);
  setAcceptDrops(true);
  build();
  connect(open_, &QPushButton::clicked, this, &FitPanel::chooseTarget);
  connect(views_[target], &SpectrogramView::clicked, this, [this] {
    if (!target_) chooseTarget();
  });
  connect(fit_, &QPushButton::clicked, this, &FitPanel::startOrStop);
  connect(keep_, &QPushButton::clicked, this, &FitPanel::keep);
  connect(discard_, &QPushButton::clicked, this, &FitPanel::discard);
  for (const Clip clip : {target, patch, difference})
    connect(listen_[clip], &QPushButton::clicked, this, [this, clip](bool on) { listen(clip, on); });
  connect(slider_, &QSlider::valueChanged, this, &FitPanel::hearMoment);
  connect(curve_, &DistanceCurve::picked, this, [this](int moment) {
    if (slider_->isEnabled()) slider_->setValue(moment);
  });
  connect(&document_, &Document::detailsChanged, this, &FitPanel::readFree);
  connect(&document_, &Document::structureChanged, this, &FitPanel::readFree);
  edits_.setSingleShot(true);
  edits_.setInterval(300);
  connect(&edits_, &QTimer::timeout, this, &FitPanel::edited);
  const auto later = [this] { edits_.start(); };
  connect(&document_, &Document::structureChanged, this, later);
  connect(&document_, &Document::valueChanged, this, later);
  connect(&document_, &Document::depthChanged, this, later);
  readFree();
  setState(State::idle);
}

FitPanel::~FitPanel() {
  stop();
  pool_.waitForDone();
}

void FitPanel::build() {
  setMinimumHeight(196);
  views_[target] = new SpectrogramView(tr("Target"));
  views_[patch] = new SpectrogramView(tr("Patch"));
  views_[difference] = new SpectrogramView(tr("Difference (blue louder, red quieter)"));
  views_[target]->setHint(tr("Drop a recording here or click to open one"));
  keep_->setProperty("role", "primary");
  budget_->setAccessibleName(tr("Time for the fit"));
  for (const int s : {10, 30, 60, 120, 300}) budget_->addItem(tr("%1 s").arg(s), s);
  budget_->setCurrentIndex(2);
  terms_->setWordWrap(true);
  terms_->setAlignment(Qt::AlignTop | Qt::AlignLeft);
  auto* head = new QHBoxLayout(head_);
  head->setContentsMargins(0, 0, 16, 0);
  head->addWidget(title_);
  head->addWidget(open_);
  auto* pictures = new QHBoxLayout;
  pictures->setSpacing(8);
  for (auto* view : views_) pictures->addWidget(view, 3);
  pictures->addWidget(curve_, 2);
  auto* result = new QVBoxLayout;
  result->setSpacing(4);
  result->addWidget(number_);
  result->addWidget(terms_, 1);
  auto* choice = new QHBoxLayout;
  choice->addWidget(keep_);
  choice->addWidget(discard_);
  result->addLayout(choice);
  auto* side = new QWidget;
  side->setFixedWidth(196);
  result->setContentsMargins(0, 0, 0, 0);
  side->setLayout(result);
  pictures->addWidget(side);
  auto* foot = new QHBoxLayout;
  fit_->setFixedWidth(72);
  foot->addWidget(fit_);
  foot->addWidget(budget_);
  foot->addWidget(free_);
  foot->addWidget(progress_, 1);
  const QString names[] = {tr("Target"), tr("Patch"), tr("Difference")};
  for (int i = 0; i < 3; ++i) {
    listen_[static_cast<std::size_t>(i)] = new QPushButton(names[i]);
    listen_[static_cast<std::size_t>(i)]->setCheckable(true);
    listen_[static_cast<std::size_t>(i)]->setAccessibleName(tr("Listen: %1").arg(names[i]));
    foot->addWidget(listen_[static_cast<std::size_t>(i)]);
  }
  auto* matched = label(tr("level-matched"), "secondary");
  matched->setToolTip(tr("All three are played at the target's loudness (LUFS). The key ` switches target and patch."));
  foot->addWidget(matched);
  foot->addSpacing(8);
  slider_->setAccessibleName(tr("History of the fit"));
  slider_->setToolTip(tr("Drag to hear any moment of the fit; Keep takes the one that is heard."));
  slider_->setMinimumWidth(56);  // on small screens; else it takes what is left
  foot->addWidget(label(tr("history"), "secondary"));
  foot->addWidget(slider_, 1);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(16, 8, 16, 8);
  layout->setSpacing(8);
  layout->addLayout(pictures, 1);
  layout->addLayout(foot);
}

void FitPanel::setState(State state) {
  state_ = state;
  const bool running = state == State::running || state == State::stopping;
  fit_->setText(running ? tr("Stop") : tr("Fit"));
  setRole(*fit_, running ? "stop" : state == State::review ? "" : "primary");
  fit_->setEnabled(target_ && state != State::stopping);
  open_->setEnabled(!running);
  budget_->setEnabled(!running);
  keep_->setEnabled(state == State::review);
  discard_->setEnabled(state == State::review);
  slider_->setEnabled((running || state == State::review) && history_.size() > 1);
  for (const Clip clip : {target, patch, difference})
    listen_[clip]->setEnabled(clip == target ? !targetSound_.empty() : !patch_.sound.empty() && !targetSound_.empty());
}

void FitPanel::readFree() {
  std::size_t count = 0;
  for (const core::PatchNode& n : document_.patch().nodes) count += n.free.size();
  for (const core::Cable& c : document_.patch().cables) count += c.free ? 1 : 0;
  free_->setText(count == 0 ? tr("nothing is free") : tr("%n free", "", static_cast<int>(count)));
  free_->setToolTip(
      tr("Inputs, depths and learned numbers that a fit may change; the dots in the inspector choose them."));
}

// ---- target ----------------------------------------------------------------------------------------

void FitPanel::chooseTarget() {
  const QString folder = QSettings().value(QStringLiteral("targetFolder")).toString();
  const QString path = QFileDialog::getOpenFileName(this, tr("Open target"), folder,
                                                    tr("Sound (*.wav *.flac *.ogg *.mp3 *.aif *.aiff)"));
  if (path.isEmpty()) return;
  QSettings().setValue(QStringLiteral("targetFolder"), QFileInfo(path).path());
  openTarget(path);
}

void FitPanel::openTarget(const QString& path) {
  if (state_ == State::running || state_ == State::stopping)
    return Q_EMIT said(tr("Stop the fit before opening another target."));
  pool_.start([this, path] {
    auto sound = core::readAudio(path.toStdString(), kLongestTarget);
    QMetaObject::invokeMethod(this, [this, path, sound = std::move(sound)]() mutable {
      if (!sound) return Q_EMIT said(text(sound.error().message));
      takeTarget(path, std::move(*sound));
    });
  });
}

void FitPanel::takeTarget(const QString& path, core::AudioData sound) {
  stopListening();
  if (state_ == State::review) discard();
  target_ = std::make_shared<core::AudioData>(std::move(sound));
  targetSound_ = target_->folded();
  targetLoudness_ = loopedLoudness(targetSound_, target_->rate);
  patch_ = {};
  name_ = tr("%1 \u00b7 %2")
              .arg(QFileInfo(path).fileName(), text(core::formatValue(target_->seconds(), core::Unit::seconds)));
  title_->setText(name_);
  forgetRun();
  setState(State::idle);
  pool_.start([this, target = target_] {
    auto picture = analyse(target->folded(), target->rate);
    QMetaObject::invokeMethod(this, [this, target, picture = std::move(picture)]() mutable {
      if (target != target_) return;
      targetPicture_ = std::move(picture);
      showPictures();
    });
  });
  request({document_.snapshot(), {}});
}

/// Before another target or fit: history, curve and numbers are of the last one.
void FitPanel::forgetRun() {
  history_.clear();
  chosen_.reset();
  result_.clear();
  curve_->setHistory(history_);
  slider_->setRange(0, 0);
  views_[patch]->setTitle(tr("Patch"));
  showNumbers();
}

/// The patch was edited: while no fit is shown, the pictures follow.
void FitPanel::edited() {
  if (target_ && state_ == State::idle) request({document_.snapshot(), {}});
}

void FitPanel::showPictures() {
  if (!targetPicture_.level.empty())
    views_[target]->show(paintLevels(targetPicture_), targetPicture_.outline, targetPicture_.seconds);
  if (patch_.picture.level.empty()) return;
  views_[patch]->show(paintLevels(patch_.picture), patch_.picture.outline, patch_.picture.seconds);
  views_[difference]->show(paintDifference(targetPicture_, patch_.picture));
}

void FitPanel::dragEnterEvent(QDragEnterEvent* e) {
  if (e->mimeData()->hasUrls()) e->acceptProposedAction();
}
void FitPanel::dropEvent(QDropEvent* e) {
  for (const QUrl& url : e->mimeData()->urls())
    if (url.isLocalFile()) return openTarget(url.toLocalFile());
}

// ---- listening ---------------------------------------------------------------------------------------

/// What is heard: the patch at the target's loudness, the difference of the two, or the target. If
/// that would clip, all of them are lowered by the same amount, so that they still compare.
std::vector<float> FitPanel::clipSamples(Clip clip) const {
  std::vector<float> matched = patch_.sound;
  matched.resize(targetSound_.size());
  const double gain = std::isfinite(targetLoudness_) && std::isfinite(patch_.loudness)
                          ? std::pow(10, (targetLoudness_ - patch_.loudness) / 20)
                          : 1;
  float peak = 0;
  for (float& x : matched) peak = std::max(peak, std::fabs(x *= static_cast<float>(gain)));
  const float headroom = peak > 1 ? 1 / peak : 1;
  std::vector<float> out = clip == target ? targetSound_ : matched;
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = headroom * (clip == difference ? out[i] - targetSound_[i] : out[i]);
  return out;
}

void FitPanel::listen(Clip clip, bool on) {
  for (const Clip other : {target, patch, difference}) listen_[other]->setChecked(on && other == clip);
  if (!on) return stopListening();
  const double length = std::max(0.01, target_->seconds());
  const double at = heard_ ? std::fmod(static_cast<double>(listened_.elapsed()) / 1000, length) : 0;
  if (!heard_) listened_.start();
  heard_ = clip;
  auto sound = clipSamples(clip);
  auto right = sound;
  document_.engine().playClip(std::move(sound), std::move(right), target_->rate, at);
}

void FitPanel::stopListening() {
  if (heard_) document_.engine().stopClip();
  heard_.reset();
  for (QPushButton* b : listen_) b->setChecked(false);
}

void FitPanel::toggleListening() {
  if (!target_) return;
  listen(heard_ == target && !patch_.sound.empty() ? patch : target, true);
}

}  // namespace ui
