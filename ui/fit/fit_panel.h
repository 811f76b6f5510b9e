// SPDX-License-Identifier: GPL-3.0-or-later
// The fit as a sentence: target, patch, difference, distance, the number, keep or discard; below
// it listening at equal loudness and the history, any moment of which can be heard and kept.
#pragma once

#include <QElapsedTimer>
#include <QThreadPool>
#include <QWidget>
#include <array>
#include <deque>
#include <optional>
#include <thread>

#include "ui/document.h"
#include "ui/fit/fit_history.h"
#include "ui/fit/fit_runner.h"
#include "ui/fit/spectrogram.h"

class QComboBox;
class QLabel;
class QPushButton;
class QSlider;

namespace ui {

class DistanceCurve;
class SpectrogramView;

/// Carries what a fit changed over to a patch that was edited meanwhile: knobs, depths, tensors,
/// the phrase. Nodes and cables that are gone are left out.
core::Patch mergeFit(const core::Patch& current, const core::Patch& before, const core::Patch& fitted);

/// Integrated loudness of a mono sound as it is heard here, over and over: short ones are repeated
/// until they can be measured. LUFS; -HUGE_VAL for silence.
double loopedLoudness(const std::vector<float>& sound, double rate);

class FitPanel : public QWidget {
  Q_OBJECT
 public:
  enum class State { idle, running, stopping, review };
  enum Clip { target, patch, difference };

  FitPanel(Document& document, FitRunner runner, QWidget* parent = nullptr);
  ~FitPanel() override;

  State state() const { return state_; }
  void openTarget(const QString& path);
  void chooseTarget();
  bool hasTarget() const { return target_ != nullptr; }
  /// Starts or, when running, cancels.
  void startOrStop();
  /// Cancels and waits (the window closes).
  void stop();
  void keep();
  void discard();
  /// Target, patch, target, ...
  void toggleListening();
  /// Plays and shows a moment of the history; the newest one: what comes is followed again.
  void hearMoment(int index);

  /// The target's name and the button that opens another: for the head of the dock.
  QWidget* head() const { return head_; }
  QPushButton* fitButton() const { return fit_; }
  QPushButton* keepButton() const { return keep_; }
  QPushButton* discardButton() const { return discard_; }
  QPushButton* listenButton(Clip clip) const { return listen_[clip]; }
  QLabel* number() const { return number_; }
  QLabel* numbers() const { return terms_; }
  DistanceCurve* curve() const { return curve_; }
  QSlider* historySlider() const { return slider_; }
  const FitHistory& history() const { return history_; }
  /// Nothing is being rendered or waits for it.
  bool settled() const { return !rendering_ && waiting_.empty(); }

 Q_SIGNALS:
  void said(const QString& sentence);

 protected:
  void dragEnterEvent(QDragEnterEvent*) override;
  void dropEvent(QDropEvent*) override;

 private:
  struct Progress {
    QString stage;
    int step = 0, steps = 0;
    double loss = 0, best = 0, left = 0;
    PatchPointer patch;  ///< null when it did not change since the last report
  };
  /// A patch to be heard as the target is: for the pictures, listening and its distance.
  struct Render {
    PatchPointer patch;
    std::optional<FitMoment> moment;  ///< becomes part of the history
  };
  struct Rendered {
    std::vector<float> sound;  ///< mono, at the target's rate
    Spectrogram picture;
    double loudness = 0, distance = 0;
  };

  void build();
  void start();
  void takeTarget(const QString& path, core::AudioData sound);
  void forgetRun();
  void takeProgress(const Progress& p);
  void takeResult(const core::Result<core::FitResult>& result);
  void showResult(const core::FitResult& result);
  void setState(State state);
  void request(Render wanted);
  void renderNext();
  static Rendered render(const core::Patch& patch, const core::Registry& registry, const core::AudioData& target);
  void takeRender(const Render& done, Rendered rendered);
  void remember(FitMoment moment, double distance);
  void showNumbers();
  void showPictures();
  void edited();
  const PatchPointer& heardPatch() const { return chosen_ ? chosen_ : best_; }
  void readFree();
  void listen(Clip clip, bool on);
  void stopListening();
  std::vector<float> clipSamples(Clip clip) const;

  Document& document_;
  FitRunner runner_;
  State state_ = State::idle;
  std::shared_ptr<const core::AudioData> target_;
  std::vector<float> targetSound_;  ///< mono
  double targetLoudness_ = 0;
  Spectrogram targetPicture_;
  Rendered patch_;
  PatchPointer before_, best_;
  PatchPointer chosen_;  ///< the moment of the history that is heard; null: the newest
  FitHistory history_;
  QElapsedTimer running_;
  QString name_;  ///< of the target, with its length
  QStringList result_;
  bool rendering_ = false;
  std::deque<Render> waiting_;
  QTimer edits_;  ///< the patch is rendered again a moment after an edit
  QElapsedTimer listened_;
  std::optional<Clip> heard_;

  QWidget* head_;
  QLabel *title_, *progress_, *number_, *terms_, *free_;
  SpectrogramView* views_[3];
  DistanceCurve* curve_;
  QPushButton *open_, *fit_, *keep_, *discard_;
  std::array<QPushButton*, 3> listen_{};
  QComboBox* budget_;
  QSlider* slider_;
  QThreadPool pool_;
  std::jthread worker_;
};

}  // namespace ui
