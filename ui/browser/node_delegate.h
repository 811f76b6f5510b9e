// SPDX-License-Identifier: GPL-3.0-or-later
// Rows of node lists: a stripe in the category's colour, the name, a quiet note.
#pragma once

#include <QStyledItemDelegate>

namespace ui {

class NodeDelegate : public QStyledItemDelegate {
  Q_OBJECT
 public:
  using QStyledItemDelegate::QStyledItemDelegate;
  static constexpr int kTypeRole = Qt::UserRole, kStripeRole = Qt::UserRole + 1, kNoteRole = Qt::UserRole + 2;

  void paint(QPainter* p, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
  QSize sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const override { return {100, 26}; }
};

}  // namespace ui
