// SPDX-License-Identifier: GPL-3.0-or-later
// The right editor for a setting's row: a list, a number, a seed, a file.
#pragma once

#include "ui/document.h"

class QWidget;

namespace ui {

/// An editor that shows the node's setting and writes it into the document.
QWidget* makeSettingEditor(Document& document, const core::PatchNode& node, const core::Setting& row);

/// "a|b|c" as a list.
QStringList choicesOf(const core::Setting& row);

}  // namespace ui
