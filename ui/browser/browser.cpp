// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/browser/browser.h"

#include <QLabel>
#include <QLineEdit>
#include <QMimeData>
#include <QTabBar>
#include <QTabWidget>
#include <QVBoxLayout>
#include <algorithm>
#include <set>

#include "core/graph/units.h"
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
           text(preset.licence).contains(word, Qt::CaseInsensitive) ||
           text(preset.description).contains(word, Qt::CaseInsensitive) ||
           std::any_of(preset.tags.begin(), preset.tags.end(),
                       [&word](const std::string& tag) { return text(tag).startsWith(word, Qt::CaseInsensitive); });
  });
}

/// A tooltip that wraps: only rich text does.
QString wrapping(const QStringList& lines) {
  QStringList escaped;
  for (const QString& line : lines)
    if (!line.isEmpty()) escaped << line.toHtmlEscaped();
  return QStringLiteral("<qt>%1</qt>").arg(escaped.join(QStringLiteral("<br>")));
}

/// Licence, credits and band of a preset or model.
constexpr int kDetailsRole = Qt::UserRole + 10;
}  // namespace

QString bandNote(double rate) {
  if (rate >= 32000) return {};
  return QObject::tr("%1: sounds end at %2")
      .arg(text(core::formatValue(rate, core::Unit::hertz)), text(core::formatValue(rate / 2, core::Unit::hertz)));
}

Browser::Browser(const core::Registry& registry, std::vector<presets::PresetInfo> presets,
                 std::vector<presets::PresetInfo> models, QWidget* parent)
    : QWidget(parent),
      registry_(registry),
      presets_(std::move(presets)),
      models_(std::move(models)),
      search_(new QLineEdit),
      tabs_(new QTabWidget),
      nodes_(new NodeList),
      presetList_(new QListWidget),
      modelList_(new QListWidget),
      details_(new QLabel) {
  setUp(nodes_, tr("Nodes"));
  setUp(presetList_, tr("Presets"));
  setUp(modelList_, tr("Models"));
  search_->setPlaceholderText(tr("Search (Enter on the canvas)"));
  search_->setAccessibleName(tr("Search nodes, presets and models"));
  search_->setClearButtonEnabled(true);
  tabs_->setDocumentMode(true);
  tabs_->tabBar()->setDrawBase(false);
  tabs_->tabBar()->setUsesScrollButtons(false);  // three short names; buttons would cover the first
  tabs_->tabBar()->setElideMode(Qt::ElideRight);
  tabs_->tabBar()->setStyleSheet(QStringLiteral("QTabBar::tab { padding: 6px 5px; }"));  // whole in 200 pixels
  tabs_->addTab(nodes_, tr("Nodes"));
  tabs_->addTab(presetList_, tr("Presets"));
  tabs_->addTab(modelList_, tr("Models"));
  details_->setProperty("role", "secondary");
  details_->setWordWrap(true);
  details_->setTextFormat(Qt::PlainText);
  details_->setTextInteractionFlags(Qt::TextSelectableByMouse);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(8, 8, 8, 8);
  layout->setSpacing(8);
  layout->addWidget(search_);
  layout->addWidget(tabs_, 1);
  layout->addWidget(details_);
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
  for (QListWidget* list : {presetList_, modelList_}) {
    connect(list, &QListWidget::itemDoubleClicked, this, [this](const QListWidgetItem* item) {
      if (const QVariant path = item->data(NodeDelegate::kTypeRole); path.isValid())
        Q_EMIT presetChosen(path.toString());
    });
    connect(list, &QListWidget::currentItemChanged, this, &Browser::showDetails);
  }
  connect(tabs_, &QTabWidget::currentChanged, this, &Browser::showDetails);
  refresh();
}

void Browser::refresh() {
  const auto chosen = [](const QListWidget* list) {
    return list->currentItem() ? list->currentItem()->data(NodeDelegate::kTypeRole) : QVariant();
  };
  const QVariant preset = chosen(presetList_), model = chosen(modelList_);
  fillNodes();
  fillPresets();
  fillModels();
  for (const auto& [list, path] : {std::pair(presetList_, preset), {modelList_, model}})
    for (int i = 0; path.isValid() && i < list->count(); ++i)
      if (list->item(i)->data(NodeDelegate::kTypeRole) == path) list->setCurrentRow(i);
  showDetails();
}

QString Browser::details() const { return details_->text(); }

void Browser::showDetails() {
  const auto* list = qobject_cast<const QListWidget*>(tabs_->currentWidget());
  const QListWidgetItem* item = list && list != nodes_ ? list->currentItem() : nullptr;
  details_->setText(item ? item->data(kDetailsRole).toString() : QString());
  details_->setVisible(!details_->text().isEmpty());
}

void Browser::addPreset(QListWidget* list, const presets::PresetInfo& p) {
  auto* item = new QListWidgetItem(text(p.name), list);
  item->setData(NodeDelegate::kTypeRole, QString::fromStdString(p.path.string()));
  item->setData(NodeDelegate::kStripeRole, p.isModel() ? theme().vector : theme().accent);
  item->setData(NodeDelegate::kNoteRole, text(p.licence));
  QStringList tags, details{text(p.description)};
  for (const std::string& tag : p.tags) tags << text(tag);
  if (p.isModel()) {
    details << (p.licence.empty() ? tr("No licence is given.") : tr("Licence: %1").arg(text(p.licence)));
    if (!p.credits.empty()) details << text(p.credits);
  }
  if (const QString band = bandNote(p.rate); !band.isEmpty()) details << band;
  item->setData(kDetailsRole, details.join(QLatin1Char('\n')));
  item->setToolTip(wrapping(details << tags.join(QStringLiteral(", "))));
}

/// Those that follow a sound, those that are played from keys, and what training starts from.
void Browser::fillModels() {
  modelList_->clear();
  const QStringList words = search_->text().split(QLatin1Char(' '), Qt::SkipEmptyParts);
  using Lists = std::vector<const std::vector<presets::PresetInfo>*>;
  const auto group = [&](const QString& name, const Lists& lists, const auto& belongs) {
    bool headed = false;
    for (const auto* list : lists)
      for (const presets::PresetInfo& p : *list) {
        if (!belongs(p) || !matches(p, words)) continue;
        if (!std::exchange(headed, true)) addHeading(modelList_, name);
        addPreset(modelList_, p);
      }
  };
  const auto keys = [](const presets::PresetInfo& p) {
    return std::find(p.tags.begin(), p.tags.end(), "keys") != p.tags.end();
  };
  const Lists all{&models_, &presets_};
  group(tr("follow what comes in"), all, [&](const presets::PresetInfo& p) { return p.isModel() && !keys(p); });
  group(tr("played from the keys"), all, [&](const presets::PresetInfo& p) { return p.isModel() && keys(p); });
  group(tr("to train"), {&models_}, [](const presets::PresetInfo& p) { return !p.isModel(); });
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
    item->setToolTip(wrapping({text(type->info.help)}));
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
      addPreset(presetList_, p);
    }
  }
}

}  // namespace ui
