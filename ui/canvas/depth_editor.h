// SPDX-License-Identifier: GPL-3.0-or-later
// The small panel of one cable: depth as text and slider, whether a fit may change it, delete.
#pragma once

#include <QFrame>

#include "ui/document.h"

class QCheckBox;
class QLabel;
class QLineEdit;
class QSlider;

namespace ui {

class DepthEditor : public QFrame {
  Q_OBJECT
 public:
  DepthEditor(Document& document, QWidget* parent);

  void open(const core::Cable& cable, QPoint at);
  QLineEdit* edit() const { return edit_; }
  QCheckBox* freeBox() const { return free_; }

 Q_SIGNALS:
  void said(const QString& sentence);

 protected:
  void keyPressEvent(QKeyEvent*) override;

 private:
  void read();
  void apply();
  const core::Cable* current() const;
  core::Unit unit() const;

  Document& document_;
  core::Cable cable_;
  QLabel* title_;
  QLineEdit* edit_;
  QSlider* slider_;
  QCheckBox* free_;
};

}  // namespace ui
