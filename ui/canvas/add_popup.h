// SPDX-License-Identifier: GPL-3.0-or-later
// Type-to-search list of node types, opened on the canvas.
#pragma once

#include <functional>

#include "core/graph/registry.h"
#include "ui/canvas/search_popup.h"

namespace ui {

/// Node types whose name, help, id or category has every word of `search`, best first.
std::vector<const core::NodeType*> searchNodes(const core::Registry& registry, const QString& search);

class AddPopup : public SearchPopup {
  Q_OBJECT
 public:
  AddPopup(const core::Registry& registry, QWidget* parent);

  /// Shows the types `fits` allows (all when empty) at a point of the parent.
  void open(QPoint at, std::function<bool(const core::NodeType&)> fits);

 protected:
  void fill() override;
  void taken(const QString& type) override;

 private:
  const core::Registry& registry_;
  std::function<bool(const core::NodeType&)> fits_;
  QStringList recent_;
};

}  // namespace ui
