// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/node_extras.h"

#include <QJsonDocument>

namespace ui {
namespace {
const QString kCollapsed = QStringLiteral("collapsed");
}

QJsonObject extras(const core::PatchNode& node) {
  if (node.foreign.empty()) return {};
  return QJsonDocument::fromJson(QByteArray::fromStdString(node.foreign)).object();
}

void setExtra(core::PatchNode& node, const QString& key, const QJsonValue& value) {
  QJsonObject all = extras(node);
  if (value.isUndefined())
    all.remove(key);
  else
    all.insert(key, value);
  node.foreign = all.isEmpty() ? std::string() : QJsonDocument(all).toJson(QJsonDocument::Compact).toStdString();
}

bool isCollapsed(const core::PatchNode& node) { return extras(node).value(kCollapsed).toBool(); }

void setCollapsed(core::PatchNode& node, bool collapsed) {
  setExtra(node, kCollapsed, collapsed ? QJsonValue(true) : QJsonValue(QJsonValue::Undefined));
}

}  // namespace ui
