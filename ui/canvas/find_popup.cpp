// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/canvas/find_popup.h"

#include <QKeyEvent>
#include <QLineEdit>
#include <QListWidget>
#include <QVBoxLayout>
#include <algorithm>

#include "ui/browser/node_delegate.h"
#include "ui/theme.h"

namespace ui {

FindPopup::FindPopup(const Document& document, QWidget* parent)
    : QFrame(parent), document_(document), search_(new QLineEdit), list_(new QListWidget) {
  setProperty("role", "popup");
  setFixedSize(280, 280);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(8, 8, 8, 8);
  layout->addWidget(search_);
  layout->addWidget(list_);
  search_->setPlaceholderText(tr("Find a node of the patch"));
  search_->setAccessibleName(tr("Find a node of the patch"));
  list_->setAccessibleName(tr("Nodes found"));
  list_->setItemDelegate(new NodeDelegate(list_));
  list_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  list_->setFocusProxy(search_);
  search_->installEventFilter(this);
  connect(search_, &QLineEdit::textChanged, this, &FindPopup::fill);
  connect(list_, &QListWidget::itemClicked, this, &FindPopup::choose);
  hide();
}

void FindPopup::open() {
  search_->clear();
  fill();
  move(std::max(4, (parentWidget()->width() - width()) / 2), 16);
  show();
  raise();
  search_->setFocus();
}

void FindPopup::fill() {
  list_->clear();
  for (const core::PatchNode& n : document_.patch().nodes) {
    const core::NodeType* type = document_.typeOf(n.id);
    const QString name = !n.label.empty() ? text(n.label) : type ? text(type->info.name) : text(n.type);
    const QString all =
        name + QLatin1Char(' ') + text(n.id) + QLatin1Char(' ') + (type ? text(type->info.name) : QString());
    if (!all.contains(search_->text().trimmed(), Qt::CaseInsensitive)) continue;
    auto* item = new QListWidgetItem(name, list_);
    item->setData(NodeDelegate::kTypeRole, text(n.id));
    item->setData(NodeDelegate::kStripeRole, type ? categoryColour(type->info.category) : theme().structure);
    item->setData(NodeDelegate::kNoteRole, text(n.id));
  }
  list_->setCurrentRow(0);
}

void FindPopup::choose() {
  const QListWidgetItem* item = list_->currentItem();
  if (!item) return;
  const QString node = item->data(NodeDelegate::kTypeRole).toString();
  hide();
  parentWidget()->setFocus();
  Q_EMIT chosen(node);
}

bool FindPopup::eventFilter(QObject* watched, QEvent* event) {
  if (event->type() == QEvent::FocusOut && isVisible()) hide();
  if (event->type() != QEvent::KeyPress) return QFrame::eventFilter(watched, event);
  switch (static_cast<QKeyEvent*>(event)->key()) {
    case Qt::Key_Escape:
      hide();
      parentWidget()->setFocus();
      return true;
    case Qt::Key_Return:
    case Qt::Key_Enter:
      choose();
      return true;
    case Qt::Key_Down:
      list_->setCurrentRow(std::min(list_->currentRow() + 1, list_->count() - 1));
      return true;
    case Qt::Key_Up:
      list_->setCurrentRow(std::max(list_->currentRow() - 1, 0));
      return true;
    default:
      return QFrame::eventFilter(watched, event);
  }
}

}  // namespace ui
