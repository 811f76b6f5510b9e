// SPDX-License-Identifier: GPL-3.0-or-later
// What the window keeps in a patch beyond the format's own fields: a node's MIDI controllers, whether
// it is drawn folded. It lies in fields that every reader of the format passes on unread.
#pragma once

#include <QJsonObject>
#include <QJsonValue>
#include <QString>

#include "core/graph/patch.h"

namespace ui {

/// The extra fields of a node; empty when there are none.
QJsonObject extras(const core::PatchNode& node);
/// Sets one of them; an undefined value removes it. Fields of others stay as they are.
void setExtra(core::PatchNode& node, const QString& key, const QJsonValue& value);

bool isCollapsed(const core::PatchNode& node);
void setCollapsed(core::PatchNode& node, bool collapsed);

}  // namespace ui
