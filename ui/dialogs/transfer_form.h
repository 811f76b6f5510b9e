// SPDX-License-Identifier: GPL-3.0-or-later
// What a transfer is asked for: the model that plays, the recording, the file that is made, the options of
// `tonewright transfer` under the same names.
#pragma once

#include <QWidget>

#include "core/neural/transfer.h"

class QCheckBox;
class QComboBox;
class QDoubleSpinBox;
class QGridLayout;
class QLabel;
class QLineEdit;

namespace ui {

class TransferForm : public QWidget {
  Q_OBJECT
 public:
  explicit TransferForm(QWidget* parent = nullptr);

  core::TransferOptions options() const;
  /// What plays, in words; `usable` false: they say why nothing does. `title` is for the name of the result.
  void setModel(const QString& words, const QString& title, bool usable, bool hasRoom);
  QString model() const;
  /// The recording; names a result beside it, unless the user has named one.
  void setSource(const QString& path);
  QString source() const;
  void setOutput(const QString& path);
  QString output() const;
  void setBusy(bool busy);

  QLineEdit* sourceField() const { return source_; }
  QComboBox* octave() const { return octave_; }
  QDoubleSpinBox* autotune() const { return autotune_; }
  QDoubleSpinBox* wet() const { return wet_; }
  QCheckBox* matchLoudness() const { return match_; }
  QCheckBox* gate() const { return gate_; }
  QCheckBox* noReverb() const { return dry_; }

 Q_SIGNALS:
  /// Another recording was chosen, by the button or by typing its name.
  void sourceChosen(const QString& path);
  void optionsChanged();

 private:
  void buildPlaces(QGridLayout* grid);
  void buildOptions(QGridLayout* grid);
  void chooseSource();
  void chooseOutput();
  void propose();

  QLabel* model_;
  QLineEdit *source_, *output_;
  QComboBox* octave_;
  QDoubleSpinBox *autotune_, *wet_;
  QCheckBox *match_, *gate_, *dry_;
  std::vector<QWidget*> choosers_;
  QString title_, proposed_, opened_;
  bool hasRoom_ = true;
};

}  // namespace ui
