// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/canvas/search_popup.h"

#include <QKeyEvent>
#include <QLineEdit>
#include <QListWidget>
#include <QVBoxLayout>
#include <algorithm>

#include "ui/browser/node_delegate.h"

namespace ui {
namespace {
constexpr int kMargin = 8, kFromEdge = 4;  // px
}  // namespace

SearchPopup::SearchPopup(QSize size, const QString& placeholder, const QString& name, const QString& listName,
                         QWidget* parent)
    : QFrame(parent), search_(new QLineEdit), list_(new QListWidget) {
  setProperty("role", "popup");
  setFixedSize(size);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(kMargin, kMargin, kMargin, kMargin);
  layout->addWidget(search_);
  layout->addWidget(list_);
  search_->setPlaceholderText(placeholder);
  search_->setAccessibleName(name);
  list_->setAccessibleName(listName);
  list_->setItemDelegate(new NodeDelegate(list_));
  list_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  list_->setFocusProxy(search_);
  search_->installEventFilter(this);
  connect(search_, &QLineEdit::textChanged, this, &SearchPopup::refill);
  connect(list_, &QListWidget::itemClicked, this, &SearchPopup::choose);
  hide();
}

void SearchPopup::openAt(QPoint at) {
  search_->clear();
  refill();
  const QWidget* parent = parentWidget();
  move(std::clamp(at.x(), kFromEdge, std::max(kFromEdge, parent->width() - width() - kFromEdge)),
       std::clamp(at.y(), kFromEdge, std::max(kFromEdge, parent->height() - height() - kFromEdge)));
  show();
  raise();
  search_->setFocus();
}

void SearchPopup::addItem(const QString& name, const QString& id, const QColor& stripe, const QString& note,
                          const QString& toolTip) {
  auto* item = new QListWidgetItem(name, list_);
  item->setData(NodeDelegate::kTypeRole, id);
  item->setData(NodeDelegate::kStripeRole, stripe);
  item->setData(NodeDelegate::kNoteRole, note);
  item->setToolTip(toolTip);
}

void SearchPopup::taken(const QString&) {}

void SearchPopup::refill() {
  list_->clear();
  fill();
  list_->setCurrentRow(0);
}

void SearchPopup::leave() {
  hide();
  parentWidget()->setFocus();
}

void SearchPopup::choose() {
  const QListWidgetItem* item = list_->currentItem();
  if (!item) return;
  const QString id = item->data(NodeDelegate::kTypeRole).toString();
  taken(id);
  leave();
  Q_EMIT chosen(id);
}

bool SearchPopup::eventFilter(QObject* watched, QEvent* event) {
  if (event->type() == QEvent::FocusOut && isVisible()) hide();
  if (event->type() != QEvent::KeyPress) return QFrame::eventFilter(watched, event);
  switch (static_cast<QKeyEvent*>(event)->key()) {
    case Qt::Key_Escape:
      leave();
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
