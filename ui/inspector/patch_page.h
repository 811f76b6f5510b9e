// SPDX-License-Identifier: GPL-3.0-or-later
// What the inspector shows when no node is selected: name, description, tags, voices, phrase.
#pragma once

#include <QWidget>

#include "ui/document.h"

class QLineEdit;
class QPlainTextEdit;
class QSpinBox;
class QTableWidget;

namespace ui {

class PatchPage : public QWidget {
  Q_OBJECT
 public:
  explicit PatchPage(Document& document, QWidget* parent = nullptr);

  QTableWidget* phrase() const { return phrase_; }
  QSpinBox* voices() const { return voices_; }

 private:
  void read();
  void readPhrase();
  void writeCell(int row, int column);
  void addNote();
  void removeNote();

  Document& document_;
  QLineEdit *name_, *tags_;
  QPlainTextEdit* description_;
  QSpinBox* voices_;
  QTableWidget* phrase_;
  bool reading_ = false;
};

}  // namespace ui
