// SPDX-License-Identifier: GPL-3.0-or-later
// A recording played again by the open model: what is asked for, where the recording lies in what the
// model was trained on, both sounds to look at and to hear. The window stays usable beside it.
#pragma once

#include <QDialog>
#include <QElapsedTimer>
#include <QThreadPool>
#include <QTimer>
#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <thread>

#include "core/neural/transfer.h"
#include "ui/document.h"
#include "ui/fit/spectrogram.h"

class QLabel;
class QProgressBar;
class QPushButton;
class QVBoxLayout;

namespace ui {

class SpectrogramView;
class ToneBox;
class TransferForm;

class TransferDialog : public QDialog {
  Q_OBJECT
 public:
  enum class State { idle, running, stopping, done };
  enum Clip { recording, result };

  explicit TransferDialog(Document& document, QWidget* parent = nullptr);
  ~TransferDialog() override;

  State state() const { return state_; }
  /// Reads and shows a recording; refused while a transfer runs.
  void openSource(const QString& path);
  /// Starts or, when running, cancels: then nothing is written.
  void startOrCancel();
  /// Cancels and waits (the window closes).
  void stop();
  /// Closing cancels; what came of it is told by `ended`.
  void reject() override;

  TransferForm& form() const { return *form_; }
  ToneBox* toneBox() const { return box_; }  ///< null: the patch is no model
  SpectrogramView* view(Clip clip) const { return views_[clip]; }
  QPushButton* transferButton() const { return transfer_; }
  QPushButton* listenButton(Clip clip) const { return listen_[clip]; }
  QPushButton* folderButton() const { return folder_; }
  QString message() const;

 Q_SIGNALS:
  /// A transfer ended while nobody looked: what the dialog would say.
  void ended(const QString& words);

 protected:
  void dragEnterEvent(QDragEnterEvent*) override;
  void dropEvent(QDropEvent*) override;
  void showEvent(QShowEvent*) override;
  void changeEvent(QEvent*) override;

 private:
  using Sound = std::shared_ptr<const core::AudioData>;
  enum class Tone { plain, trouble };
  enum class Speech { aloud, quiet };

  struct Job {
    PatchPointer model;
    Sound source;
    core::TransferOptions options;
    QString output;
    core::AudioFormat format;
  };
  struct Outcome {
    core::Conditioned by;
    Sound sound;
    Spectrogram picture;
  };
  void build();
  void setState(State state);
  void say(const QString& words, Tone tone = Tone::plain);
  void sayError(const core::Error& error) { say(QString::fromStdString(error.message), Tone::trouble); }
  void readModel();
  void showBox();
  void takeSource(const QString& path, Sound sound, Spectrogram picture);
  void preview(Speech speech = Speech::aloud);
  void showConditioned(const core::Conditioned& c);
  void nameView(Clip clip, const QString& path);
  void showPictures();
  core::Result<Job> job() const;
  bool mayReplace(const QString& path);
  void start(Job job);
  core::Result<Outcome> run(const Job& job, const std::stop_token& stop);
  void finish(const Job& job, core::Result<Outcome> outcome);
  void take(const Job& job, core::Result<Outcome> outcome);
  void listen(Clip clip, bool on);
  void stopListening();

  Document& document_;
  State state_ = State::idle;
  QString reason_;  ///< why the open patch plays no recording; empty: it does
  Sound source_, result_;
  QString written_;     ///< where the result lies
  core::Error unread_;  ///< why there is no source
  std::array<Spectrogram, 2> pictures_;
  std::optional<Clip> heard_;
  QElapsedTimer listened_;
  int opened_ = 0;               ///< number of the newest request for a recording
  std::atomic<int> wanted_ = 0;  ///< number of the newest preview; older ones end early

  TransferForm* form_;
  ToneBox* box_ = nullptr;
  QVBoxLayout* boxPlace_;
  SpectrogramView* noBox_;
  std::array<SpectrogramView*, 2> views_{};
  QLabel* message_;
  QProgressBar* bar_;
  QPushButton *transfer_, *folder_, *close_;
  std::array<QPushButton*, 2> listen_{};
  QTimer edits_;
  QThreadPool pool_;
  std::jthread worker_;
};

/// Why a patch cannot play a recording again and what to open instead; empty when it can.
QString whyNoTransfer(const core::Patch& patch, const QString& title, const core::Registry& registry);
/// What a transfer did (core::sentences), a line each; `played`: it is more than a preview.
QString spoken(const core::TransferReport& report, bool played);

}  // namespace ui
