// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/canvas/add_popup.h"

#include <QLineEdit>
#include <algorithm>

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
    : SearchPopup({280, 340}, tr("Search nodes"), tr("Search nodes to add"), tr("Nodes to add"), parent),
      registry_(registry) {}

void AddPopup::open(QPoint at, std::function<bool(const core::NodeType&)> fits) {
  fits_ = std::move(fits);
  openAt(at);
}

void AddPopup::fill() {
  auto types = searchNodes(registry_, search()->text());
  if (search()->text().isEmpty())  // what was used last comes first
    std::stable_partition(types.begin(), types.end(),
                          [this](const auto* t) { return recent_.contains(text(t->info.id)); });
  for (const core::NodeType* type : types) {
    if (fits_ && !fits_(*type)) continue;
    addItem(text(type->info.name), text(type->info.id), categoryColour(type->info.category),
            categoryName(type->info.category), text(type->info.help));
  }
}

void AddPopup::taken(const QString& type) {
  recent_.removeAll(type);
  recent_.prepend(type);
  recent_ = recent_.mid(0, kRecent);
}

}  // namespace ui
