// SPDX-License-Identifier: GPL-3.0-or-later
// The fit as a sentence: target, patch, difference, distance, the number, keep or discard; below
// it listening at equal loudness.
#pragma once

#include <QElapsedTimer>
#include <QThreadPool>
#include <QWidget>
#include <array>
#include <optional>
#include <thread>

#include "ui/document.h"
#include "ui/fit/fit_runner.h"
#include "ui/fit/spectrogram.h"

class QComboBox;
class QLabel;
class QPushButton;

namespace ui {

class LossCurve;
class SpectrogramView;

/// Carries what a fit changed over to a patch that was edited meanwhile: knobs, depths, tensors,
/// the phrase. Nodes and cables that are gone are left out.
core::Patch mergeFit(const core::Patch& current, const core::Patch& before, const core::Patch& fitted);

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

  QPushButton* fitButton() const { return fit_; }
  QPushButton* keepButton() const { return keep_; }
  QPushButton* discardButton() const { return discard_; }
  QPushButton* listenButton(Clip clip) const { return listen_[clip]; }
  QLabel* numbers() const { return terms_; }
  LossCurve* curve() const { return curve_; }

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

  void build();
  void start();
  void takeTarget(const QString& path, core::AudioData sound);
  void takeProgress(const Progress& p);
  void takeResult(const core::Result<core::FitResult>& result);
  void showResult(const core::FitResult& result);
  void setState(State state);
  void renderPatch(const PatchPointer& patch);
  void showPictures();
  void readFree();
  void listen(Clip clip, bool on);
  void stopListening();
  std::vector<float> clipSamples(Clip clip) const;

  Document& document_;
  FitRunner runner_;
  State state_ = State::idle;
  std::shared_ptr<const core::AudioData> target_;
  std::vector<float> targetSound_, patchSound_;  ///< mono, at the target's rate
  Spectrogram targetPicture_, patchPicture_;
  QString stage_;  ///< of the fit that runs
  PatchPointer before_, best_;
  bool rendering_ = false;
  PatchPointer nextRender_;
  QElapsedTimer listened_;
  std::optional<Clip> heard_;

  QLabel *title_, *progress_, *number_, *terms_, *free_;
  SpectrogramView* views_[3];
  LossCurve* curve_;
  QPushButton *open_, *fit_, *keep_, *discard_;
  std::array<QPushButton*, 3> listen_{};
  QComboBox* budget_;
  QThreadPool pool_;
  std::jthread worker_;
};

}  // namespace ui
