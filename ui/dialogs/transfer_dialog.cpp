// SPDX-License-Identifier: GPL-3.0-or-later
// The layout of the dialog, what it shows before a transfer, and listening; the transfer itself is in
// transfer_session.cpp.
#include "ui/dialogs/transfer_dialog.h"

#include <QDesktopServices>
#include <QDragEnterEvent>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLabel>
#include <QMimeData>
#include <QProgressBar>
#include <QPushButton>
#include <QUrl>
#include <QVBoxLayout>
#include <cmath>

#include "core/neural/background.h"
#include "ui/browser/browser.h"
#include "ui/dialogs/transfer_form.h"
#include "ui/fit/fit_views.h"
#include "ui/inspector/tone_box.h"
#include "ui/theme.h"

namespace ui {
namespace {
constexpr const char* kNoSource = "Choose a recording first, or drop it here.";
constexpr int kEditPause = 150;  ///< ms without an edit until the preview follows
}  // namespace

TransferDialog::TransferDialog(Document& document, QWidget* parent)
    : QDialog(parent),
      document_(document),
      unread_{kNoSource},
      form_(new TransferForm),
      boxPlace_(new QVBoxLayout),
      noBox_(new SpectrogramView(tr("Tone box"))),
      message_(new QLabel),
      bar_(new QProgressBar),
      transfer_(new QPushButton(tr("Transfer"))),
      folder_(new QPushButton(tr("Open folder"))),
      close_(new QPushButton(tr("Close"))) {
  setWindowTitle(tr("Transfer a recording"));
  setAcceptDrops(true);
  pool_.setMaxThreadCount(1);
  build();
  connect(transfer_, &QPushButton::clicked, this, &TransferDialog::startOrCancel);
  connect(close_, &QPushButton::clicked, this, &TransferDialog::reject);
  connect(folder_, &QPushButton::clicked, this,
          [this] { QDesktopServices::openUrl(QUrl::fromLocalFile(QFileInfo(written_).absolutePath())); });
  for (const Clip clip : {recording, result})
    connect(listen_[clip], &QPushButton::clicked, this, [this, clip](bool on) { listen(clip, on); });
  connect(form_, &TransferForm::sourceChosen, this, &TransferDialog::openSource);
  edits_.setSingleShot(true);
  edits_.setInterval(kEditPause);
  connect(&edits_, &QTimer::timeout, this, [this] { preview(); });
  const auto later = [this] {
    if (isVisible()) edits_.start();
  };
  const auto other = [this, later] {
    if (isVisible()) readModel();
    later();
  };
  connect(form_, &TransferForm::optionsChanged, this, later);
  connect(&document_, &Document::valueChanged, this, later);
  connect(&document_, &Document::depthChanged, this, later);
  connect(&document_, &Document::structureChanged, this, other);
  connect(&document_, &Document::detailsChanged, this, other);
  readModel();
  setState(State::idle);
  say(tr("The model plays a recording again: its pitch and loudness, the model's sound."));
}

TransferDialog::~TransferDialog() {
  stop();
  ++wanted_;
  pool_.waitForDone();
}

void TransferDialog::build() {
  views_[recording] = new SpectrogramView(tr("Recording"));
  views_[result] = new SpectrogramView(tr("Result"));
  views_[recording]->setHint(tr("Drop a recording here"));
  views_[result]->setHint(tr("What the model makes of it"));
  noBox_->setHint(tr("What a model was trained on shows here"));
  boxPlace_->addWidget(noBox_);
  message_->setWordWrap(true);
  message_->setTextFormat(Qt::PlainText);
  message_->setAlignment(Qt::AlignTop | Qt::AlignLeft);
  message_->setMinimumHeight(64);  // four lines: nothing moves when it speaks
  bar_->setRange(0, 1000);
  bar_->setTextVisible(false);
  transfer_->setFixedWidth(96);
  transfer_->setDefault(true);
  folder_->setToolTip(tr("Opens the folder of the result."));
  auto* upper = new QHBoxLayout;
  upper->setSpacing(16);
  upper->addWidget(form_, 3);
  upper->addLayout(boxPlace_, 2);
  auto* pictures = new QHBoxLayout;
  pictures->setSpacing(8);
  for (SpectrogramView* view : views_) pictures->addWidget(view, 1);
  auto* foot = new QHBoxLayout;
  foot->addWidget(transfer_);
  foot->addSpacing(4);
  foot->addWidget(bar_, 1);
  foot->addSpacing(4);
  QSizePolicy kept = bar_->sizePolicy();
  kept.setRetainSizeWhenHidden(true);
  bar_->setSizePolicy(kept);
  auto* hear = new QLabel(tr("listen"));
  hear->setProperty("role", "secondary");
  foot->addWidget(hear);
  const QString names[] = {tr("Recording"), tr("Result")};
  for (std::size_t i = 0; i < 2; ++i) {
    listen_[i] = new QPushButton(names[i]);
    listen_[i]->setCheckable(true);
    listen_[i]->setAccessibleName(tr("Listen: %1").arg(names[i]));
    foot->addWidget(listen_[i]);
  }
  foot->addSpacing(8);
  foot->addWidget(folder_);
  foot->addWidget(close_);
  for (QPushButton* b : {listen_[0], listen_[1], folder_, close_}) b->setAutoDefault(false);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(16, 16, 16, 16);
  layout->setSpacing(12);
  layout->addLayout(upper);
  layout->addLayout(pictures, 1);
  layout->addWidget(message_);
  layout->addLayout(foot);
  resize(960, 600);
}

void TransferDialog::setState(State state) {
  state_ = state;
  const bool running = state == State::running || state == State::stopping;
  transfer_->setText(running ? tr("Cancel") : tr("Transfer"));
  setRole(*transfer_, running ? "stop" : "primary");
  transfer_->setEnabled(state != State::stopping);
  bar_->setVisible(running);
  form_->setBusy(running);
  listen_[recording]->setEnabled(source_ != nullptr);
  listen_[result]->setEnabled(result_ != nullptr);
  folder_->setEnabled(result_ != nullptr);
}

void TransferDialog::say(const QString& words, Tone tone) {
  setRole(*message_, tone == Tone::trouble ? "trouble" : "secondary");
  message_->setText(words);
}
QString TransferDialog::message() const { return message_->text(); }

// ---- before a transfer ---------------------------------------------------------------------------

/// The open patch may have become another one.
void TransferDialog::readModel() {
  const core::Patch& patch = document_.patch();
  reason_ = whyNoTransfer(patch, document_.title(), document_.registry());
  QStringList words{document_.title()};
  if (const QString band = bandNote(patch.rate); !band.isEmpty()) words << band;
  form_->setModel(reason_.isEmpty() ? words.join(QStringLiteral(" \u00b7 ")) : reason_, document_.title(),
                  reason_.isEmpty(), core::withoutReverb(patch, document_.registry()).has_value());
  if (!reason_.isEmpty() && state_ == State::idle) say({});  // what was said of another model
  showBox();
}

void TransferDialog::showBox() {
  delete box_;
  box_ = nullptr;
  noBox_->setVisible(!reason_.isEmpty());
  if (!reason_.isEmpty()) return;
  box_ = new ToneBox(*core::trainedRange(document_.patch(), document_.registry()));
  box_->setMaximumHeight(QWIDGETSIZE_MAX);
  boxPlace_->addWidget(box_);
}

void TransferDialog::openSource(const QString& path) {
  if (state_ == State::running || state_ == State::stopping)
    return say(tr("Cancel the transfer before choosing another recording."), Tone::trouble);
  form_->setSource(path);
  stopListening();
  source_ = result_ = nullptr;
  pictures_ = {};
  showPictures();
  if (box_) box_->setFrames({});
  setState(State::idle);
  ++wanted_;
  unread_ = core::Error{path.isEmpty() ? kNoSource : "The recording is still being read."};
  ++opened_;
  if (path.isEmpty()) return say({});
  say(tr("Reading..."));
  pool_.start([this, path, serial = opened_] {
    core::giveWay();
    auto read = core::readAudio(path.toStdString());
    Spectrogram picture;
    if (read) picture = analyse(read->folded(), read->rate);
    QMetaObject::invokeMethod(this, [this, serial, path, read = std::move(read), picture]() mutable {
      if (serial != opened_) return;
      if (!read) return sayError(unread_ = read.error());
      takeSource(path, std::make_shared<const core::AudioData>(std::move(*read)), std::move(picture));
    });
  });
}

void TransferDialog::takeSource(const QString& path, Sound sound, Spectrogram picture) {
  source_ = std::move(sound);
  pictures_[recording] = std::move(picture);
  nameView(recording, path);
  showPictures();
  say(reason_.isEmpty() ? tr("Listening...") : QString());
  setState(State::idle);
  preview();
}

/// Where the recording lies with these options, without playing it.
void TransferDialog::preview(Speech speech) {
  edits_.stop();
  if (!source_ || !reason_.isEmpty() || state_ == State::running || state_ == State::stopping) return;
  pool_.start([this, speech, serial = ++wanted_, source = source_, model = document_.snapshot(),
               options = form_->options(), registry = &document_.registry()]() mutable {
    core::giveWay();
    options.progress = [this, serial](double) { return serial == wanted_; };
    auto conditioned = core::condition(*model, *source, *registry, options);
    QMetaObject::invokeMethod(this, [this, speech, serial, conditioned = std::move(conditioned)] {
      if (serial != wanted_) return;
      if (speech == Speech::aloud) setState(State::idle);
      if (!conditioned) return sayError(conditioned.error());
      showConditioned(*conditioned);
      if (speech == Speech::aloud) say(spoken(conditioned->report, false));
    });
  });
}

void TransferDialog::showConditioned(const core::Conditioned& c) {
  if (!box_) return;
  std::vector<QPointF> frames;
  for (std::size_t i = 0; i < c.features.on.size(); ++i)
    if (c.features.on[i]) frames.emplace_back(c.features.pitch[i], c.features.loudness[i]);
  box_->setFrames(std::move(frames));
}

/// A picture ends after a minute, and says so.
void TransferDialog::nameView(Clip clip, const QString& path) {
  const Sound& sound = clip == recording ? source_ : result_;
  QStringList title{clip == recording ? tr("Recording") : tr("Result"), QFileInfo(path).fileName()};
  if (sound->seconds() > pictures_[clip].seconds + 0.5) title << tr("its first minute");
  views_[clip]->setTitle(title.join(QStringLiteral(" \u00b7 ")));
}

void TransferDialog::showPictures() {
  for (const Clip clip : {recording, result}) {
    const Spectrogram& p = pictures_[clip];
    views_[clip]->show(p.level.empty() ? QImage() : paintLevels(p), p.outline, p.seconds);
  }
  if (pictures_[recording].level.empty()) views_[recording]->setTitle(tr("Recording"));
  if (pictures_[result].level.empty()) views_[result]->setTitle(tr("Result"));
}

// ---- files dropped, theme ------------------------------------------------------------------------

void TransferDialog::dragEnterEvent(QDragEnterEvent* e) {
  if (e->mimeData()->hasUrls()) e->acceptProposedAction();
}
void TransferDialog::dropEvent(QDropEvent* e) {
  for (const QUrl& url : e->mimeData()->urls())
    if (url.isLocalFile()) return openSource(url.toLocalFile());
}

void TransferDialog::showEvent(QShowEvent* e) {
  QDialog::showEvent(e);
  if (e->spontaneous()) return;
  readModel();
  preview();
}

void TransferDialog::changeEvent(QEvent* e) {
  if (e->type() == QEvent::PaletteChange) showPictures();
  QDialog::changeEvent(e);
}

// ---- listening -----------------------------------------------------------------------------------

/// Both go round from the same moment, so that switching compares them.
void TransferDialog::listen(Clip clip, bool on) {
  for (const Clip other : {recording, result}) listen_[other]->setChecked(on && other == clip);
  if (!on) return stopListening();
  const core::AudioData& sound = clip == recording ? *source_ : *result_;
  if (!heard_) listened_.start();
  heard_ = clip;
  const double at = std::fmod(static_cast<double>(listened_.elapsed()) / 1000, std::max(0.01, sound.seconds()));
  document_.engine().playClip(sound.channels[0], sound.channels[sound.channels.size() > 1 ? 1 : 0], sound.rate, at);
}

void TransferDialog::stopListening() {
  if (heard_) document_.engine().stopClip();
  heard_.reset();
  for (QPushButton* b : listen_) b->setChecked(false);
}

}  // namespace ui
