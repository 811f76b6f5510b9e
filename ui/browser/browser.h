// SPDX-License-Identifier: GPL-3.0-or-later
// The left dock: node types by category and factory presets by tag, both searchable.
#pragma once

#include <QListWidget>
#include <QWidget>

#include "core/graph/registry.h"
#include "presets/patch_file.h"

class QLineEdit;
class QTabWidget;

namespace ui {

/// What a node type carries while it is dragged onto the canvas: its id.
inline const QString kNodeMime = QStringLiteral("application/x-tonewright-node");

class Browser : public QWidget {
  Q_OBJECT
 public:
  Browser(const core::Registry& registry, std::vector<presets::PresetInfo> presets, QWidget* parent = nullptr);

  QListWidget* nodeList() const { return nodes_; }
  QListWidget* presetList() const { return presetList_; }
  QLineEdit* search() const { return search_; }
  void refresh();

 Q_SIGNALS:
  void nodeChosen(const QString& type);
  void presetChosen(const QString& path);

 private:
  void fillNodes();
  void fillPresets();

  const core::Registry& registry_;
  std::vector<presets::PresetInfo> presets_;
  QLineEdit* search_;
  QTabWidget* tabs_;
  QListWidget *nodes_, *presetList_;
};

}  // namespace ui
