// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/canvas/add_popup.h"

#include <QKeyEvent>
#include <QLineEdit>
#include <QListWidget>
#include <QVBoxLayout>
#include <algorithm>

#include "ui/browser/node_delegate.h"
#include "ui/theme.h"

namespace ui {
namespace {
constexpr int kRecent = 8;

/// 0: no match; the higher the better.
int score(const core::NodeType& type, const QStringList& words) {
  int sum = 1;
  for (const QString& word : words) {
    const QString name = text(type.info.name);
    if (name.startsWith(word, Qt::CaseInsensitive))
      sum += 8;
    else if (name.contains(word, Qt::CaseInsensitive))
      sum += 4;
    else if (text(type.info.id).contains(word, Qt::CaseInsensitive))
      sum += 3;
    else if (categoryName(type.info.category).startsWith(word, Qt::CaseInsensitive))
      sum += 2;
    else if (text(type.info.help).contains(word, Qt::CaseInsensitive))
      sum += 1;
    else
      return 0;
  }
  return sum;
}
}  // namespace

std::vector<const core::NodeType*> searchNodes(const core::Registry& registry, const QString& search) {
  const QStringList words = search.split(QLatin1Char(' '), Qt::SkipEmptyParts);
  std::vector<const core::NodeType*> out;
  for (const core::NodeType& type : registry.types())
    if (score(type, words) > 0) out.push_back(&type);
  std::stable_sort(out.begin(), out.end(), [&words](const core::NodeType* a, const core::NodeType* b) {
    if (words.isEmpty()) return a->info.category < b->info.category;
    return score(*a, words) > score(*b, words);
  });
  return out;
}

AddPopup::AddPopup(const core::Registry& registry, QWidget* parent)
    : QFrame(parent), registry_(registry), search_(new QLineEdit), list_(new QListWidget) {
  setProperty("role", "popup");
  setFixedSize(280, 340);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(8, 8, 8, 8);
  layout->addWidget(search_);
  layout->addWidget(list_);
  search_->setPlaceholderText(tr("Search nodes"));
  search_->setAccessibleName(tr("Search nodes to add"));
  list_->setAccessibleName(tr("Nodes to add"));
  list_->setItemDelegate(new NodeDelegate(list_));
  list_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  list_->setFocusProxy(search_);
  search_->installEventFilter(this);
  connect(search_, &QLineEdit::textChanged, this, &AddPopup::fill);
  connect(list_, &QListWidget::itemClicked, this, &AddPopup::choose);
  hide();
}

void AddPopup::open(QPoint at, std::function<bool(const core::NodeType&)> fits) {
  fits_ = std::move(fits);
  search_->clear();
  fill();
  move(std::clamp(at.x(), 4, std::max(4, parentWidget()->width() - width() - 4)),
       std::clamp(at.y(), 4, std::max(4, parentWidget()->height() - height() - 4)));
  show();
  raise();
  search_->setFocus();
}

void AddPopup::fill() {
  list_->clear();
  auto types = searchNodes(registry_, search_->text());
  if (search_->text().isEmpty())  // what was used last comes first
    std::stable_partition(types.begin(), types.end(),
                          [this](const auto* t) { return recent_.contains(text(t->info.id)); });
  for (const core::NodeType* type : types) {
    if (fits_ && !fits_(*type)) continue;
    auto* item = new QListWidgetItem(text(type->info.name), list_);
    item->setData(NodeDelegate::kTypeRole, text(type->info.id));
    item->setData(NodeDelegate::kStripeRole, categoryColour(type->info.category));
    item->setData(NodeDelegate::kNoteRole, categoryName(type->info.category));
    item->setToolTip(text(type->info.help));
  }
  list_->setCurrentRow(0);
}

void AddPopup::choose() {
  const QListWidgetItem* item = list_->currentItem();
  if (!item) return;
  const QString type = item->data(NodeDelegate::kTypeRole).toString();
  recent_.removeAll(type);
  recent_.prepend(type);
  recent_ = recent_.mid(0, kRecent);
  hide();
  Q_EMIT chosen(type);
}

bool AddPopup::eventFilter(QObject* watched, QEvent* event) {
  if (event->type() == QEvent::KeyPress) {
    const auto* key = static_cast<QKeyEvent*>(event);
    switch (key->key()) {
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
        break;
    }
  } else if (event->type() == QEvent::FocusOut && isVisible()) {
    hide();
  }
  return QFrame::eventFilter(watched, event);
}

}  // namespace ui
