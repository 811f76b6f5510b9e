// SPDX-License-Identifier: GPL-3.0-or-later
// The left dock: node types by category, factory presets by tag, trained models with what they say of
// themselves; all searchable.
#pragma once

#include <QListWidget>
#include <QWidget>

#include "core/graph/registry.h"
#include "presets/patch_file.h"

class QLabel;
class QLineEdit;
class QTabWidget;

namespace ui {

/// What a node type carries while it is dragged onto the canvas: its id.
inline const QString kNodeMime = QStringLiteral("application/x-tonewright-node");

class Browser : public QWidget {
  Q_OBJECT
 public:
  /// `models`: beside the models among the presets.
  Browser(const core::Registry& registry, std::vector<presets::PresetInfo> presets,
          std::vector<presets::PresetInfo> models = {}, QWidget* parent = nullptr);

  QListWidget* nodeList() const { return nodes_; }
  QListWidget* presetList() const { return presetList_; }
  QListWidget* modelList() const { return modelList_; }
  QTabWidget* tabs() const { return tabs_; }
  /// What is said of the chosen preset or model.
  QString details() const;
  QLineEdit* search() const { return search_; }
  void refresh();

 Q_SIGNALS:
  void nodeChosen(const QString& type);
  void presetChosen(const QString& path);

 private:
  void fillNodes();
  void fillPresets();
  void fillModels();
  void addPreset(QListWidget* list, const presets::PresetInfo& preset);
  void showDetails();

  const core::Registry& registry_;
  std::vector<presets::PresetInfo> presets_, models_;
  QLineEdit* search_;
  QTabWidget* tabs_;
  QListWidget *nodes_, *presetList_, *modelList_;
  QLabel* details_;
};

/// Up to which frequency a patch of that rate sounds, where that is worth a word: "16 kHz: sounds end
/// at 8 kHz"; empty from 32 kHz.
QString bandNote(double rate);

}  // namespace ui
