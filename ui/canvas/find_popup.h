// SPDX-License-Identifier: GPL-3.0-or-later
// Type a name, jump to the node.
#pragma once

#include <QFrame>

#include "ui/document.h"

class QLineEdit;
class QListWidget;

namespace ui {

class FindPopup : public QFrame {
  Q_OBJECT
 public:
  FindPopup(const Document& document, QWidget* parent);

  /// Shows all nodes of the patch, at the top of the parent.
  void open();
  QLineEdit* search() const { return search_; }
  QListWidget* list() const { return list_; }

 Q_SIGNALS:
  void chosen(const QString& node);

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void fill();
  void choose();

  const Document& document_;
  QLineEdit* search_;
  QListWidget* list_;
};

}  // namespace ui
