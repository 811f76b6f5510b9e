// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/browser/browser.h"

#include <QLineEdit>
#include <QMimeData>
#include <QTabBar>
#include <QTabWidget>
#include <QVBoxLayout>
#include <algorithm>
#include <set>

#include "ui/browser/node_delegate.h"
#include "ui/canvas/add_popup.h"
#include "ui/theme.h"

namespace ui {
namespace {

/// A list whose rows can be dragged onto the canvas.
class NodeList : public QListWidget {
 public:
  NodeList() { setDragEnabled(true); }

 protected:
  QStringList mimeTypes() const override { return {kNodeMime}; }
  QMimeData* mimeData(const QList<QListWidgetItem*>& items) const override {
    auto* data = new QMimeData;
    if (!items.isEmpty()) data->setData(kNodeMime, items[0]->data(NodeDelegate::kTypeRole).toString().toUtf8());
    return data;
  }
};

void setUp(QListWidget* list, const QString& name) {
  list->setItemDelegate(new NodeDelegate(list));
  list->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  list->setMouseTracking(true);
  list->setAccessibleName(name);
}

void addHeading(QListWidget* list, const QString& name) {
  auto* item = new QListWidgetItem(name, list);
  item->setFlags(Qt::NoItemFlags);
}

bool matches(const presets::PresetInfo& preset, const QStringList& words) {
  return std::all_of(words.begin(), words.end(), [&preset](const QString& word) {
    return text(preset.name).contains(word, Qt::CaseInsensitive) ||
           text(preset.description).contains(word, Qt::CaseInsensitive) ||
           std::any_of(preset.tags.begin(), preset.tags.end(),
                       [&word](const std::string& tag) { return text(tag).startsWith(word, Qt::CaseInsensitive); });
  });
}

}  // namespace

Browser::Browser(const core::Registry& registry, std::vector<presets::PresetInfo> presets, QWidget* parent)
    : QWidget(parent),
      registry_(registry),
      presets_(std::move(presets)),
      search_(new QLineEdit),
      tabs_(new QTabWidget),
      nodes_(new NodeList),
      presetList_(new QListWidget) {
  setUp(nodes_, tr("Nodes"));
  setUp(presetList_, tr("Presets"));
  search_->setPlaceholderText(tr("Search (Enter on the canvas)"));
  search_->setAccessibleName(tr("Search nodes and presets"));
  search_->setClearButtonEnabled(true);
  tabs_->setDocumentMode(true);
  tabs_->tabBar()->setDrawBase(false);
  tabs_->addTab(nodes_, tr("Nodes"));
  tabs_->addTab(presetList_, tr("Presets"));
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(8, 8, 8, 8);
  layout->setSpacing(8);
  layout->addWidget(search_);
  layout->addWidget(tabs_);
  setMinimumWidth(200);
  connect(search_, &QLineEdit::textChanged, this, &Browser::refresh);
  const auto activate = [this](const QListWidgetItem* item) {
    if (const QVariant type = item->data(NodeDelegate::kTypeRole); type.isValid()) Q_EMIT nodeChosen(type.toString());
  };
  connect(nodes_, &QListWidget::itemDoubleClicked, this, activate);
  connect(search_, &QLineEdit::returnPressed, this, [this, activate] {
    if (tabs_->currentIndex() != 0) return;
    for (int i = 0; i < nodes_->count(); ++i)
      if (nodes_->item(i)->flags() != Qt::NoItemFlags) return activate(nodes_->item(i));
  });
  connect(presetList_, &QListWidget::itemDoubleClicked, this, [this](const QListWidgetItem* item) {
    if (const QVariant path = item->data(NodeDelegate::kTypeRole); path.isValid()) Q_EMIT presetChosen(path.toString());
  });
  refresh();
}

void Browser::refresh() {
  fillNodes();
  fillPresets();
}

void Browser::fillNodes() {
  nodes_->clear();
  const QString wanted = search_->text().trimmed();
  const core::NodeType* before = nullptr;
  for (const core::NodeType* type : searchNodes(registry_, wanted)) {
    if (wanted.isEmpty() && (!before || before->info.category != type->info.category))
      addHeading(nodes_, categoryName(type->info.category));
    before = type;
    auto* item = new QListWidgetItem(text(type->info.name), nodes_);
    item->setData(NodeDelegate::kTypeRole, text(type->info.id));
    item->setData(NodeDelegate::kStripeRole, categoryColour(type->info.category));
    item->setToolTip(text(type->info.help));
  }
}

void Browser::fillPresets() {
  presetList_->clear();
  const QStringList words = search_->text().split(QLatin1Char(' '), Qt::SkipEmptyParts);
  std::set<std::string> groups;
  for (const auto& p : presets_) groups.insert(p.tags.empty() ? "other" : p.tags[0]);
  for (const std::string& group : groups) {
    bool headed = false;
    for (const auto& p : presets_) {
      if ((p.tags.empty() ? "other" : p.tags[0]) != group || !matches(p, words)) continue;
      if (!std::exchange(headed, true)) addHeading(presetList_, text(group));
      auto* item = new QListWidgetItem(text(p.name), presetList_);
      item->setData(NodeDelegate::kTypeRole, QString::fromStdString(p.path.string()));
      item->setData(NodeDelegate::kStripeRole, theme().accent);
      QStringList tags;
      for (const std::string& tag : p.tags) tags << text(tag);
      item->setToolTip(text(p.description) + QStringLiteral("\n") + tags.join(QStringLiteral(", ")));
    }
  }
}

}  // namespace ui
