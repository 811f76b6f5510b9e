// SPDX-License-Identifier: GPL-3.0-or-later
// What a training is asked to do: recordings, patch to start from, size, rate, time, takes to hold out,
// the model's name and what it says of itself.
#pragma once

#include <QWidget>

#include "presets/train_job.h"
#include "ui/document.h"

class QComboBox;
class QDoubleSpinBox;
class QGridLayout;
class QLineEdit;
class QPushButton;
class QSpinBox;

namespace ui {

class TrainForm : public QWidget {
  Q_OBJECT
 public:
  /// `decoder`: file of the untrained patch to start from when the open one has nothing to train.
  TrainForm(Document& document, std::filesystem::path decoder, QWidget* parent = nullptr);

  /// A folder of recordings, or a file of sound.
  void setFolder(const QString& path);
  QString folder() const;
  void setModel(const QString& path);
  QString model() const;
  /// A checkpoint lies at the model's place.
  bool canResume() const;
  /// Error: what is missing, in one sentence.
  core::Result<presets::TrainJob> job(bool resume) const;
  /// Takes held out, as they are named in the progress.
  QLineEdit* heldOut() const { return heldOut_; }
  QComboBox* start() const { return start_; }
  QComboBox* size() const { return size_; }
  QComboBox* rate() const { return rate_; }
  QDoubleSpinBox* minutes() const { return minutes_; }
  QSpinBox* threads() const { return threads_; }

 Q_SIGNALS:
  void changed();

 private:
  void build();
  QWidget* placeRow(QLineEdit* path, const QString& what, void (TrainForm::*choose)());
  void fillChoices();
  void readPatch();
  void chooseFolder();
  void chooseModel();
  bool fromThisPatch() const;
  core::Result<core::Patch> patch() const;

  Document& document_;
  std::filesystem::path decoder_;
  QLineEdit *folder_, *model_, *heldOut_, *credits_;
  QComboBox *start_, *size_, *rate_, *licence_;
  QDoubleSpinBox* minutes_;
  QSpinBox *threads_, *seed_;
  bool startChosen_ = false;  ///< by the user; else it follows the patch
};

/// A network, something that listens to the audio input, and something that may learn.
bool canTrain(const core::Patch& patch, const core::Registry& registry);

}  // namespace ui
