// SPDX-License-Identifier: GPL-3.0-or-later
// Training a model in the window: what is asked for, how the loss falls, what was left out and why,
// held-out takes to listen to while it learns. It works beside the sound: a thread that gives way.
#pragma once

#include <QElapsedTimer>
#include <QThreadPool>
#include <QWidget>
#include <optional>
#include <thread>

#include "presets/train_job.h"
#include "ui/document.h"

class QComboBox;
class QLabel;
class QListWidget;
class QPushButton;

namespace ui {

class LossCurves;
class TrainForm;

class TrainPanel : public QWidget {
  Q_OBJECT
 public:
  enum class State { idle, running, stopping, done };
  enum Clip { recording, model };

  TrainPanel(Document& document, presets::TrainRunner runner, std::filesystem::path decoder, QWidget* parent = nullptr);
  ~TrainPanel() override;

  State state() const { return state_; }
  /// There is something to listen to: what the training has come to so far.
  bool hasCheckpoint() const { return checkpoint_ != nullptr; }
  /// A folder of recordings; refused while training.
  void openFolder(const QString& path);
  /// Starts from the beginning or, when running, stops; what was reached stays at the model's place.
  void startOrStop();
  /// Goes on from the checkpoint.
  void resume();
  /// Stops and waits (the window closes).
  void stop();

  TrainForm& form() const { return *form_; }
  LossCurves& curves() const { return *curves_; }
  QPushButton* trainButton() const { return train_; }
  QPushButton* resumeButton() const { return resume_; }
  QPushButton* openButton() const { return open_; }
  QPushButton* listenButton(Clip clip) const { return listen_[clip]; }
  QComboBox* takes() const { return takes_; }
  QListWidget* notes() const { return notes_; }
  QLabel* progress() const { return progress_; }

 Q_SIGNALS:
  void said(const QString& sentence);
  /// The finished model is to be opened as a patch.
  void openWanted(const QString& path);

 protected:
  void dragEnterEvent(QDragEnterEvent*) override;
  void dropEvent(QDropEvent*) override;

 private:
  /// What the worker tells, copied out of its hands.
  struct Progress {
    QString stage;
    double part = 0, elapsed = 0, left = 0, loss = 0;
    int step = 0;
    std::vector<core::TrainPoint> curve;
    PatchPointer checkpoint;  ///< null: none since the last report
    QStringList heldOut, skipped, warnings;
  };
  static Progress copyOf(const core::TrainProgress& p);

  void build();
  void setState(State state);
  bool mayReplace();
  void start(bool resume);
  void takeProgress(const Progress& p);
  void takeResult(const core::Result<presets::Trained>& result);
  void showNotes(const QStringList& warnings, const QStringList& skipped);
  void showTakes(const QStringList& takes);
  void listen(Clip clip, bool on);
  void stopListening();
  void renderHeard();

  Document& document_;
  presets::TrainRunner runner_;
  State state_ = State::idle;
  presets::TrainJob job_;  ///< that runs, or ran last
  PatchPointer checkpoint_;
  std::optional<Clip> heard_;
  bool sounds_ = false;  ///< a clip was given to the engine
  int wanted_ = 0;       ///< number of the newest request for a rendering
  QElapsedTimer listened_;

  TrainForm* form_;
  LossCurves* curves_;
  QListWidget* notes_;
  QLabel* progress_;
  QComboBox* takes_;
  QPushButton *train_, *resume_, *open_;
  std::array<QPushButton*, 2> listen_{};
  QThreadPool pool_;
  std::jthread worker_;
};

/// "40 s", "12 min", "1 h 20 min".
QString spokenTime(double seconds);

}  // namespace ui
