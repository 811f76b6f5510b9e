// SPDX-License-Identifier: GPL-3.0-or-later
// The layout of the panel, its state and listening; the training itself is in train_session.cpp.
#include "ui/train/train_panel.h"

#include <QComboBox>
#include <QDragEnterEvent>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLabel>
#include <QListWidget>
#include <QMimeData>
#include <QPushButton>
#include <QUrl>
#include <QVBoxLayout>
#include <cmath>

#include "core/neural/background.h"
#include "core/neural/transfer.h"
#include "ui/theme.h"
#include "ui/train/loss_curves.h"
#include "ui/train/train_form.h"
#include "ui/widgets/elided_label.h"

namespace ui {

TrainPanel::TrainPanel(Document& document, presets::TrainRunner runner, std::filesystem::path decoder, QWidget* parent)
    : QWidget(parent),
      document_(document),
      runner_(std::move(runner)),
      form_(new TrainForm(document, std::move(decoder))),
      curves_(new LossCurves),
      notes_(new QListWidget),
      progress_(new ElidedLabel),
      takes_(new QComboBox),
      train_(new QPushButton(tr("Train"))),
      resume_(new QPushButton(tr("Resume"))),
      open_(new QPushButton(tr("Open as patch"))) {
  pool_.setMaxThreadCount(1);
  setAcceptDrops(true);
  build();
  connect(train_, &QPushButton::clicked, this, &TrainPanel::startOrStop);
  connect(resume_, &QPushButton::clicked, this, &TrainPanel::resume);
  connect(open_, &QPushButton::clicked, this, [this] {
    stopListening();
    Q_EMIT openWanted(QString::fromStdString(job_.model.string()));
  });
  for (const Clip clip : {recording, model})
    connect(listen_[clip], &QPushButton::clicked, this, [this, clip](bool on) { listen(clip, on); });
  connect(takes_, &QComboBox::activated, this, [this] {
    listened_.start();
    renderHeard();
  });
  connect(form_, &TrainForm::changed, this, [this] { setState(state_ == State::done ? State::idle : state_); });
  setState(State::idle);
}

TrainPanel::~TrainPanel() {
  stop();
  pool_.waitForDone();
}

void TrainPanel::build() {
  setMinimumHeight(196);
  progress_->setProperty("role", "secondary");
  progress_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);  // a long sentence widens nothing
  progress_->setText(tr("Recordings of one instrument become a model that plays."));
  notes_->setWordWrap(true);
  notes_->setAccessibleName(tr("Notes on the training"));
  notes_->setSelectionMode(QAbstractItemView::NoSelection);
  notes_->setFocusPolicy(Qt::TabFocus);
  notes_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  takes_->setAccessibleName(tr("Held-out take"));
  takes_->setMinimumWidth(120);
  takes_->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
  resume_->setToolTip(tr("Goes on from the checkpoint that lies at the model's place."));
  open_->setToolTip(tr("One undo step; Save writes over the file, Save as keeps it."));
  const QString names[] = {tr("Recording"), tr("Model")};
  for (std::size_t i = 0; i < 2; ++i) {
    listen_[i] = new QPushButton(names[i]);
    listen_[i]->setCheckable(true);
    listen_[i]->setAccessibleName(tr("Listen: %1").arg(names[i]));
  }
  listen_[model]->setToolTip(tr("What the last checkpoint makes of the held-out take."));
  auto* side = new QWidget;
  auto* column = new QVBoxLayout(side);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(4);
  auto* heading = new QLabel(tr("Notes"));
  heading->setProperty("role", "heading");
  column->addWidget(heading);
  column->addWidget(notes_, 1);
  side->setMinimumWidth(150);
  side->hide();
  auto* asked = new QVBoxLayout;
  asked->addWidget(form_);
  asked->addStretch();
  auto* upper = new QHBoxLayout;
  upper->setSpacing(16);
  upper->addLayout(asked, 9);
  upper->addWidget(curves_, 4);
  upper->addWidget(side, 3);
  auto* foot = new QHBoxLayout;
  train_->setFixedWidth(72);
  foot->addWidget(train_);
  foot->addWidget(resume_);
  foot->addSpacing(4);
  foot->addWidget(progress_, 2);
  auto* held = new QLabel(tr("held out"));
  held->setProperty("role", "secondary");
  foot->addWidget(held);
  foot->addWidget(takes_, 1);
  for (QPushButton* b : listen_) foot->addWidget(b);
  foot->addSpacing(8);
  foot->addWidget(open_);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(16, 8, 16, 8);
  layout->setSpacing(8);
  layout->addLayout(upper, 1);
  layout->addLayout(foot);
}

void TrainPanel::setState(State state) {
  state_ = state;
  const bool running = state == State::running || state == State::stopping;
  train_->setText(running ? tr("Stop") : tr("Train"));
  setRole(*train_, running ? "stop" : state == State::done ? "" : "primary");
  setRole(*open_, state == State::done ? "primary" : "");
  train_->setEnabled(state != State::stopping);
  form_->setEnabled(!running);
  resume_->setEnabled(!running && form_->canResume());
  open_->setEnabled(!running && checkpoint_);
  for (QPushButton* b : listen_) b->setEnabled(takes_->count() > 0);
  listen_[model]->setEnabled(checkpoint_ && takes_->count() > 0);
}

void TrainPanel::openFolder(const QString& path) {
  if (state_ == State::running || state_ == State::stopping)
    return Q_EMIT said(tr("Stop the training before choosing other recordings."));
  form_->setFolder(path);
}

void TrainPanel::dragEnterEvent(QDragEnterEvent* e) {
  if (e->mimeData()->hasUrls()) e->acceptProposedAction();
}
void TrainPanel::dropEvent(QDropEvent* e) {
  for (const QUrl& url : e->mimeData()->urls()) {
    if (!url.isLocalFile()) continue;
    const QFileInfo info(url.toLocalFile());  // one of several files stands for their folder
    return openFolder(info.isDir() || e->mimeData()->urls().size() == 1 ? info.filePath() : info.path());
  }
}

void TrainPanel::showNotes(const QStringList& warnings, const QStringList& skipped) {
  QStringList lines;
  for (const QString& w : warnings) lines << QStringLiteral("\u26a0 ") + w;
  for (const QString& s : skipped) lines << tr("Left out %1").arg(s);
  bool same = lines.size() == notes_->count();
  for (int i = 0; same && i < notes_->count(); ++i) same = notes_->item(i)->text() == lines[i];
  if (same) return;
  notes_->clear();
  notes_->parentWidget()->setVisible(!lines.isEmpty());  // room for the form while there are none
  for (const QString& line : lines) {
    auto* item = new QListWidgetItem(line, notes_);
    item->setToolTip(line);
    if (notes_->count() <= warnings.size()) item->setForeground(theme().warn);
  }
}

void TrainPanel::showTakes(const QStringList& takes) {
  bool same = takes.size() == takes_->count();
  for (int i = 0; same && i < takes_->count(); ++i) same = takes_->itemText(i) == takes[i];
  if (same) return;
  takes_->clear();
  takes_->addItems(takes);
  setState(state_);
}

// ---- listening -----------------------------------------------------------------------------------

void TrainPanel::listen(Clip clip, bool on) {
  for (const Clip other : {recording, model}) listen_[other]->setChecked(on && other == clip);
  if (!on) return stopListening();
  if (!heard_) listened_.start();
  heard_ = clip;
  renderHeard();
}

void TrainPanel::stopListening() {
  if (sounds_) document_.engine().stopClip();
  sounds_ = false;
  heard_.reset();
  ++wanted_;
  for (QPushButton* b : listen_) b->setChecked(false);
}

/// The recording, or what the last checkpoint makes of it, off this thread; both from the same moment.
void TrainPanel::renderHeard() {
  if (!heard_ || takes_->currentText().isEmpty()) return;
  const PatchPointer played = *heard_ == model ? checkpoint_ : nullptr;
  const double rate = checkpoint_ ? checkpoint_->rate : job_.patch.rate;
  pool_.clear();
  pool_.start([this, serial = ++wanted_, played, rate, files = job_.files, take = takes_->currentText().toStdString(),
               registry = &document_.registry()] {
    core::giveWay();
    auto sound = presets::takeSound(files, take, rate);
    if (sound && played) sound = core::openLoop(*played, *sound, *registry);
    QMetaObject::invokeMethod(this, [this, serial, sound = std::move(sound)]() mutable {
      if (serial != wanted_ || !heard_) return;
      if (!sound) {
        stopListening();
        return Q_EMIT said(text(sound.error().message));
      }
      const double at = std::fmod(static_cast<double>(listened_.elapsed()) / 1000, std::max(0.01, sound->seconds()));
      sounds_ = true;
      document_.engine().playClip(sound->channels[0], sound->channels[0], sound->rate, at);
    });
  });
}

}  // namespace ui
