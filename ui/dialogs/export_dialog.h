// SPDX-License-Identifier: GPL-3.0-or-later
// Export to a sound file: what, how long, how loud; progress and cancel.
#pragma once

#include <QDialog>
#include <QString>
#include <functional>
#include <stop_token>
#include <thread>

#include "core/file/audio_file.h"
#include "ui/document.h"

class QComboBox;
class QDoubleSpinBox;
class QCheckBox;
class QLabel;
class QLineEdit;
class QProgressBar;
class QPushButton;

namespace ui {

enum class Normalise { none, peak, loudness };

/// What the user asked for.
struct ExportRequest {
  QString path;
  core::AudioFormat format = core::AudioFormat::wav24;
  double rate = 48000;  ///< of the file; the patch's own sound is resampled
  double seconds = 0;   ///< 0: the phrase and its tail
  Normalise normalise = Normalise::none;
  double peakDb = -1;     ///< dBFS, for Normalise::peak
  double loudness = -16;  ///< LUFS, for Normalise::loudness
};

/// Renders and writes; called in a worker. `progress` takes 0 to 1. Error "Cancelled." on stop.
using Exporter =
    std::function<core::Result<void>(const core::Patch&, const ExportRequest&,
                                     const std::function<void(double)>& progress, const std::stop_token& stop)>;

class ExportDialog : public QDialog {
  Q_OBJECT
 public:
  ExportDialog(Document& document, Exporter exporter, QWidget* parent = nullptr);
  ~ExportDialog() override;

  ExportRequest request() const;
  void setPath(const QString& path);
  QPushButton* startButton() const { return start_; }
  QString message() const;
  void reject() override;

 private:
  void start();
  void finish(const core::Result<void>& done);
  void choosePath();
  void fixEnding();

  Document& document_;
  Exporter exporter_;
  QLineEdit* path_;
  QComboBox *format_, *rate_, *normalise_;
  QCheckBox* tail_;
  QDoubleSpinBox *seconds_, *level_;
  QProgressBar* bar_;
  QLabel* message_;
  QPushButton *start_, *close_;
  bool running_ = false;
  std::jthread worker_;
};

}  // namespace ui
