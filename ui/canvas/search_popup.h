// SPDX-License-Identifier: GPL-3.0-or-later
// A search field over a list, opened on the canvas: typing narrows, arrows move, Return takes, Escape leaves.
#pragma once

#include <QFrame>

class QLineEdit;
class QListWidget;
class QListWidgetItem;

namespace ui {

class SearchPopup : public QFrame {
  Q_OBJECT
 public:
  QLineEdit* search() const { return search_; }
  QListWidget* list() const { return list_; }

 Q_SIGNALS:
  /// The id of what was taken.
  void chosen(const QString& id);

 protected:
  /// placeholder: what the field searches; name: of the field, listName: of the list, both for screen readers.
  SearchPopup(QSize size, const QString& placeholder, const QString& name, const QString& listName, QWidget* parent);

  /// Shows everything, with an empty field, at a point of the parent; stays within it.
  void openAt(QPoint at);
  void addItem(const QString& name, const QString& id, const QColor& stripe, const QString& note,
               const QString& toolTip = {});
  /// Adds the items that fit what is searched, best first.
  virtual void fill() = 0;
  /// Before `chosen` is sent.
  virtual void taken(const QString& id);

  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void refill();
  void choose();
  void leave();

  QLineEdit* search_;
  QListWidget* list_;
};

}  // namespace ui
