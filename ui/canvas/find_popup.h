// SPDX-License-Identifier: GPL-3.0-or-later
// Type a name, jump to the node.
#pragma once

#include "ui/canvas/search_popup.h"
#include "ui/document.h"

namespace ui {

class FindPopup : public SearchPopup {
  Q_OBJECT
 public:
  FindPopup(const Document& document, QWidget* parent);

  /// Shows all nodes of the patch, at the top of the parent.
  void open();

 protected:
  void fill() override;

 private:
  const Document& document_;
};

}  // namespace ui
