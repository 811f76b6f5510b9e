// SPDX-License-Identifier: GPL-3.0-or-later
// Text in the inspector, styled by its role: "title", "heading" or "secondary".
#pragma once

#include <QLabel>

namespace ui {

inline QLabel* label(const QString& words, const char* role) {
  auto* l = new QLabel(words);
  l->setProperty("role", role);
  l->setWordWrap(true);
  l->setTextFormat(Qt::PlainText);
  return l;
}

}  // namespace ui
