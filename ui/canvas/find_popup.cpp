// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/canvas/find_popup.h"

#include <QLineEdit>

#include "ui/theme.h"

namespace ui {

FindPopup::FindPopup(const Document& document, QWidget* parent)
    : SearchPopup({280, 280}, tr("Find a node of the patch"), tr("Find a node of the patch"), tr("Nodes found"),
                  parent),
      document_(document) {}

void FindPopup::open() { openAt({(parentWidget()->width() - width()) / 2, 16}); }

void FindPopup::fill() {
  for (const core::PatchNode& n : document_.patch().nodes) {
    const core::NodeType* type = document_.typeOf(n.id);
    const QString name = !n.label.empty() ? text(n.label) : type ? text(type->info.name) : text(n.type);
    const QString all =
        name + QLatin1Char(' ') + text(n.id) + QLatin1Char(' ') + (type ? text(type->info.name) : QString());
    if (!all.contains(search()->text().trimmed(), Qt::CaseInsensitive)) continue;
    addItem(name, text(n.id), type ? categoryColour(type->info.category) : theme().structure, text(n.id));
  }
}

}  // namespace ui
