// SPDX-License-Identifier: GPL-3.0-or-later
// Type-to-search list of node types, opened on the canvas.
#pragma once

#include <QFrame>
#include <functional>

#include "core/graph/registry.h"

class QLineEdit;
class QListWidget;

namespace ui {

/// Node types whose name, help, id or category has every word of `search`, best first.
std::vector<const core::NodeType*> searchNodes(const core::Registry& registry, const QString& search);

class AddPopup : public QFrame {
  Q_OBJECT
 public:
  AddPopup(const core::Registry& registry, QWidget* parent);

  /// Shows the types `fits` allows (all when empty) at a point of the parent.
  void open(QPoint at, std::function<bool(const core::NodeType&)> fits);
  QLineEdit* search() const { return search_; }
  QListWidget* list() const { return list_; }

 Q_SIGNALS:
  void chosen(const QString& type);

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void fill();
  void choose();

  const core::Registry& registry_;
  std::function<bool(const core::NodeType&)> fits_;
  QLineEdit* search_;
  QListWidget* list_;
  QStringList recent_;
};

}  // namespace ui
