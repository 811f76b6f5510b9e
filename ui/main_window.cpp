// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/main_window.h"

#include <QApplication>
#include <QCloseEvent>
#include <QFile>
#include <QFileInfo>
#include <QLabel>
#include <QLineEdit>
#include <QMenuBar>
#include <QMessageBox>
#include <QMimeData>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSplitter>
#include <QTabBar>
#include <QTabWidget>
#include <QVBoxLayout>

#include "presets/train_job.h"
#include "ui/browser/browser.h"
#include "ui/canvas/canvas.h"
#include "ui/dialogs/audio_dialog.h"
#include "ui/dialogs/transfer_dialog.h"
#include "ui/fit/fit_panel.h"
#include "ui/inspector/inspector.h"
#include "ui/midi_map.h"
#include "ui/theme.h"
#include "ui/train/train_panel.h"
#include "ui/widgets/keyboard.h"
#include "ui/widgets/knob.h"
#include "ui/widgets/top_bar.h"

namespace ui {
namespace {
constexpr int kPollMs = 33;
constexpr int kNoticeMs = 6000;

/// A patch by its name, or by its first letter: earlier versions saved names with a dot without an ending.
bool isPatchFile(const QString& path) {
  QFile file(path);
  return presets::isPatchPath(path.toStdString()) || (file.open(QIODevice::ReadOnly) && file.peek(1) == "{");
}

/// The patch that training starts from unless the open one is to be trained.
std::filesystem::path decoderAmong(const std::vector<presets::PresetInfo>& models) {
  const auto at =
      std::find_if(models.begin(), models.end(), [](const auto& m) { return m.id == presets::kTrainedFrom; });
  return at == models.end() ? std::filesystem::path() : at->path;
}
}  // namespace

MainWindow::MainWindow(const core::Registry& registry, EngineControl& engine, Document& document,
                       WindowServices services)
    : registry_(registry),
      engine_(engine),
      document_(document),
      services_(std::move(services)),
      pictures_(new NodePictures(registry, this)),
      midi_(new MidiMap(document, engine, this)),
      topBar_(new TopBar(document)),
      browser_(new Browser(registry, services_.presets, services_.models)),
      canvas_(new Canvas(document, *pictures_)),
      inspector_(new Inspector(document, *pictures_, *midi_)),
      fitPanel_(new FitPanel(document, services_.fit)),
      trainPanel_(new TrainPanel(document, services_.train, decoderAmong(services_.models))),
      dock_(new QTabWidget),
      keyboard_(new Keyboard),
      notice_(new QLabel(canvas_)),
      badge_(new QLabel) {
  resize(1600, 1000);
  setAcceptDrops(true);
  buildLayout();
  buildFileMenu();
  buildEditMenu();
  buildModelMenu();
  buildViewMenu();
  buildPlayMenu();
  wire();
  setWindowTitle(QStringLiteral("Tonewright"));
  qApp->installEventFilter(this);
  canvas_->setFocus();
}

MainWindow::~MainWindow() { qApp->removeEventFilter(this); }

void MainWindow::buildLayout() {
  notice_->setProperty("role", "notice");
  notice_->setWordWrap(true);
  notice_->setAttribute(Qt::WA_TransparentForMouseEvents);  // what it lies over stays in reach
  notice_->hide();
  badge_->setText(tr("Typing plays notes: A to L, Z and X change octave, Ctrl+Shift+K ends"));
  badge_->setProperty("role", "warning");
  badge_->setContentsMargins(0, 0, 12, 0);
  menuBar()->setCornerWidget(badge_);
  badge_->hide();
  auto* middle = new QSplitter(Qt::Horizontal);
  middle->setHandleWidth(1);
  middle->addWidget(canvas_);
  middle->addWidget(inspector_);
  middle->setStretchFactor(0, 1);
  middle->setCollapsible(0, false);
  auto* right = new QSplitter(Qt::Vertical);
  right->setHandleWidth(1);
  right->addWidget(middle);
  dock_->tabBar()->setDrawBase(false);
  dock_->tabBar()->setAccessibleName(tr("Fit and training"));
  dock_->addTab(fitPanel_, tr("Fit"));
  dock_->addTab(trainPanel_, tr("Train"));
  dock_->setCornerWidget(fitPanel_->head());
  connect(dock_, &QTabWidget::currentChanged, this,
          [this] { fitPanel_->head()->setVisible(dock_->currentWidget() == fitPanel_); });
  right->addWidget(dock_);
  right->setStretchFactor(0, 1);
  right->setCollapsible(0, false);
  auto* below = new QWidget;
  auto* column = new QVBoxLayout(below);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(0);
  column->addWidget(right, 1);
  column->addWidget(keyboard_);
  auto* whole = new QSplitter(Qt::Horizontal);
  whole->setHandleWidth(1);
  whole->addWidget(browser_);
  whole->addWidget(below);
  whole->setStretchFactor(1, 1);
  whole->setSizes({236, 1364});
  middle->setSizes({1044, 320});
  right->setSizes({596, 274});
  auto* central = new QWidget;
  auto* rows = new QVBoxLayout(central);
  rows->setContentsMargins(0, 0, 0, 0);
  rows->setSpacing(0);
  rows->addWidget(topBar_);
  auto* line = new QFrame;
  line->setFixedHeight(1);
  line->setStyleSheet(QStringLiteral("background: palette(button);"));
  rows->addWidget(line);
  rows->addWidget(whole, 1);
  setCentralWidget(central);
}

void MainWindow::wire() {
  connect(browser_, &Browser::nodeChosen, this, [this](const QString& type) {
    const QPointF at = canvas_->mapToScene(canvas_->viewport()->rect().center()) - QPointF(84, 40);
    canvas_->addNode(type.toStdString(), at);
  });
  connect(browser_, &Browser::presetChosen, this, &MainWindow::openPreset);
  connect(canvas_, &Canvas::selectionChanged, this, [this] {
    const auto& chosen = canvas_->selectedNodes();
    inspector_->show(chosen.size() == 1 ? *chosen.begin() : std::string());
  });
  connect(canvas_, &Canvas::controlsWanted, this, [this] {
    if (Knob* first = inspector_->findChild<Knob*>()) first->setFocus();
  });
  connect(canvas_, &Canvas::said, this, &MainWindow::say);
  connect(inspector_, &Inspector::said, this, &MainWindow::say);
  connect(fitPanel_, &FitPanel::said, this, &MainWindow::say);
  connect(trainPanel_, &TrainPanel::said, this, &MainWindow::say);
  connect(trainPanel_, &TrainPanel::openWanted, this, &MainWindow::openTrained);
  connect(midi_, &MidiMap::said, this, &MainWindow::say);
  connect(&document_, &Document::failed, this, &MainWindow::say);
  connect(&engine_, &EngineControl::patchRefused, this, &MainWindow::say);
  connect(keyboard_, &Keyboard::pressed, this, [this](int key, float velocity) { engine_.noteOn(key, velocity); });
  connect(keyboard_, &Keyboard::released, this, [this](int key) { engine_.noteOff(key); });
  connect(&engine_, &EngineControl::keyPlayed, this,
          [this](int key, float velocity) { keyboard_->showKey(key, velocity > 0); });
  connect(topBar_->playButton(), &QPushButton::clicked, this, &MainWindow::togglePlay);
  connect(topBar_, &TopBar::deviceClicked, this, [this] { AudioDialog(engine_, this).exec(); });
  playing_.setSingleShot(true);
  connect(&playing_, &QTimer::timeout, this, [this] { topBar_->playButton()->setText(tr("Play")); });
  noticeTimer_.setSingleShot(true);
  connect(&noticeTimer_, &QTimer::timeout, notice_, &QWidget::hide);
  connect(&poll_, &QTimer::timeout, this, &MainWindow::poll);
  poll_.start(kPollMs);
}

void MainWindow::poll() {
  if (!isVisible()) return;
  const EngineStatus status = engine_.status();
  topBar_->setStatus(status);
  if (!status.notice.isEmpty() && notice_->text() != status.notice) say(status.notice);
  canvas_->setStatus(engine_.nodeStatus());
  canvas_->pollScope();
  inspector_->poll();
}

void MainWindow::say(const QString& sentence) {
  notice_->setText(sentence);
  placeNotice();
  notice_->show();
  notice_->raise();
  noticeTimer_.start(kNoticeMs);
}

/// Over the foot of the canvas, so that nothing moves from under the mouse when it comes and goes.
void MainWindow::placeNotice() {
  constexpr int kMargin = 12, kMostWidth = 640;
  notice_->ensurePolished();
  const int room = std::max(120, canvas_->width() - 2 * kMargin);
  const int line = notice_->fontMetrics().horizontalAdvance(notice_->text()) + 24;  // its padding and border
  const int width = std::min({line, room, kMostWidth});
  const int height = notice_->heightForWidth(width);
  notice_->setGeometry((canvas_->width() - width) / 2, canvas_->height() - height - kMargin, width, height);
}

void MainWindow::togglePlay() {
  if (playing_.isActive()) {
    engine_.stopPhrase();
    playing_.stop();
    topBar_->playButton()->setText(tr("Play"));
    return;
  }
  engine_.playPhrase();
  topBar_->playButton()->setText(tr("Stop"));
  playing_.start(static_cast<int>(document_.patch().phraseSeconds() * 1000) + 500);
}

void MainWindow::panic() {
  engine_.panic();
  for (int key = Keyboard::kLowest; key <= Keyboard::kHighest; ++key) keyboard_->showKey(key, false);
}

// ---- files dropped, closing ----------------------------------------------------------------------

bool MainWindow::mayDiscard(const QString& also) {
  if (!document_.dirty()) return true;
  QMessageBox box(QMessageBox::Question, tr("Unsaved changes"),
                  tr("\"%1\" has unsaved changes.").arg(document_.title()),
                  QMessageBox::Save | QMessageBox::Discard | QMessageBox::Cancel, this);
  box.setInformativeText(also);
  box.setDefaultButton(QMessageBox::Save);
  const int answer = box.exec();
  return answer == QMessageBox::Discard || (answer == QMessageBox::Save && save());
}

void MainWindow::closeEvent(QCloseEvent* e) {
  const auto training = trainPanel_->state();
  const bool trains = training == TrainPanel::State::running || training == TrainPanel::State::stopping;
  if (!mayDiscard(trains ? tr("A training is running: it ends here, and what it has reached stays in its model.")
                         : QString()))
    return e->ignore();
  fitPanel_->stop();
  trainPanel_->stop();
  if (transfer_) transfer_->stop();
  document_.discardAutosave();
  e->accept();
}

void MainWindow::openFile(const QString& path) {
  const QFileInfo info(path);
  if (info.isDir()) {
    showTraining();
    return trainPanel_->openFolder(path);
  }
  if (!isPatchFile(path)) {
    showFit();
    return fitPanel_->openTarget(path);
  }
  if (!mayDiscard()) return;
  if (const auto done = document_.open(path); !done) return say(text(done.error().message));
  canvas_->frameAll();
}

void MainWindow::dragEnterEvent(QDragEnterEvent* e) {
  if (e->mimeData()->hasUrls()) e->acceptProposedAction();
}
void MainWindow::dropEvent(QDropEvent* e) {
  for (const QUrl& url : e->mimeData()->urls())
    if (url.isLocalFile()) return openFile(url.toLocalFile());
}

void MainWindow::offerRecovery() {
  for (const QString& file : Document::recoverable()) {
    const auto read = presets::readPatch(file.toStdString());
    const QString name = read && !read->name.empty() ? text(read->name) : tr("Untitled");
    QMessageBox box(QMessageBox::Question, tr("Unsaved work"),
                    tr("An earlier session ended before \"%1\" was saved (%2).")
                        .arg(name, QFileInfo(file).lastModified().toString(Qt::TextDate)),
                    QMessageBox::NoButton, this);
    const QPushButton* recover = box.addButton(tr("Recover"), QMessageBox::AcceptRole);
    const QPushButton* discard = box.addButton(tr("Discard"), QMessageBox::DestructiveRole);
    box.addButton(tr("Decide later"), QMessageBox::RejectRole);
    box.exec();
    if (box.clickedButton() == discard) Document::discardRecoverable(file);
    if (box.clickedButton() != recover) continue;
    if (const auto done = document_.recover(file); !done) say(text(done.error().message));
    canvas_->frameAll();
    return;
  }
}

// ---- notes from the computer keyboard --------------------------------------------------------------

void MainWindow::setTyping(bool on) {
  releaseTyped();
  typing_ = on;
  badge_->setVisible(on);
  if (typingAction_) typingAction_->setChecked(on);
}

void MainWindow::releaseTyped() {
  for (const auto& [key, note] : typed_) {
    engine_.noteOff(note);
    keyboard_->showKey(note, false);
  }
  typed_.clear();
}

bool MainWindow::typedKey(QEvent* event) {
  const auto* e = static_cast<QKeyEvent*>(event);
  if (e->modifiers() & (Qt::ControlModifier | Qt::AltModifier | Qt::MetaModifier)) return false;
  const int note = typedNote(e->key(), octave_);
  const bool shortcut = e->key() == Qt::Key_M || e->key() == Qt::Key_QuoteLeft;  // single keys rest in this mode
  if (note < 0 && !shortcut && e->key() != Qt::Key_Z && e->key() != Qt::Key_X) return false;
  if (e->isAutoRepeat() || event->type() == QEvent::ShortcutOverride) {
    event->accept();
    return true;
  }
  if (event->type() == QEvent::KeyPress && note >= 0) {
    typed_[e->key()] = note;
    engine_.noteOn(note, 0.8F);
    keyboard_->showKey(note, true);
  } else if (event->type() == QEvent::KeyPress && !shortcut) {
    releaseTyped();
    octave_ = std::clamp(octave_ + (e->key() == Qt::Key_X ? 1 : -1), 0, 8);
  } else if (const auto at = typed_.find(e->key()); at != typed_.end()) {
    engine_.noteOff(at->second);
    keyboard_->showKey(at->second, false);
    typed_.erase(at);
  }
  return true;
}

/// The keyboard's way from panel to panel.
void MainWindow::cyclePanels(int step) {
  QWidget* const panels[] = {browser_, canvas_, inspector_, fitPanel_, trainPanel_};
  constexpr int kCount = 5;
  const QWidget* focus = QApplication::focusWidget();
  int at = 0;
  for (int i = 0; i < kCount; ++i)
    if (focus && (panels[i] == focus || panels[i]->isAncestorOf(focus))) at = i;
  for (int i = 1; i <= kCount; ++i) {
    QWidget* panel = panels[(at + step * i + kCount * kCount) % kCount];
    if (!panel->isVisible()) continue;
    if (panel == canvas_) return canvas_->setFocus(Qt::TabFocusReason);
    for (QWidget* child : panel->findChildren<QWidget*>())
      if (child->focusPolicy() & Qt::TabFocus && child->isVisible() && child->isEnabled())
        return child->setFocus(Qt::TabFocusReason);
  }
}

bool MainWindow::eventFilter(QObject* watched, QEvent* event) {
  if (watched == canvas_ && event->type() == QEvent::Resize && notice_->isVisible()) placeNotice();
  if (event->type() == QEvent::KeyPress && midi_->learning() &&
      static_cast<QKeyEvent*>(event)->key() == Qt::Key_Escape) {
    midi_->cancelLearning();
    return true;
  }
  const bool key = event->type() == QEvent::KeyPress || event->type() == QEvent::KeyRelease ||
                   event->type() == QEvent::ShortcutOverride;
  if (!typing_ || !key || !watched->isWidgetType() || !isActiveWindow())
    return QMainWindow::eventFilter(watched, event);
  const QWidget* focus = QApplication::focusWidget();  // text fields keep their letters
  if (qobject_cast<const QLineEdit*>(focus) || qobject_cast<const QPlainTextEdit*>(focus)) return false;
  return typedKey(event);
}

void MainWindow::changeEvent(QEvent* e) {
  // a key released in another window never arrives here
  if (e->type() == QEvent::ActivationChange && !isActiveWindow()) releaseTyped();
  QMainWindow::changeEvent(e);
}

}  // namespace ui
