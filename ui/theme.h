// SPDX-License-Identifier: GPL-3.0-or-later
// Colours by role, in a dark and a light set; type is told by colour, line style and port shape.
#pragma once

#include <QColor>
#include <QString>

#include "core/graph/node.h"

class QApplication;
class QWidget;

namespace ui {

struct Theme {
  QColor ground, panel, node, line, field;
  QColor text, secondary;
  QColor audio, control, vector;
  QColor filter, effect, structure;
  QColor accent, good, warn, bad;
  QColor onAccent;  ///< text on a filled button
};

enum class ThemeKind { dark, light };

/// The set in use, chosen by applyTheme like the application's palette. [ui-thread]
const Theme& theme();
/// Sets palette, font and style sheet of the program.
void applyTheme(QApplication& app, ThemeKind kind);

/// Gives a widget another part of the style sheet ("primary", "stop", "secondary", ...).
void setRole(QWidget& widget, const char* role);

/// What a cable carries, as an eye should tell it apart.
enum class SignalKind { audio, control, vector };
SignalKind outputKind(const core::NodeType& type, const core::Output& row);
SignalKind inputKind(const core::NodeType& type, const core::Input& row);

QColor signalColour(SignalKind kind);
QColor categoryColour(core::Category category);
QString categoryName(core::Category category);

inline QString text(std::string_view s) { return QString::fromUtf8(s.data(), static_cast<qsizetype>(s.size())); }

}  // namespace ui
