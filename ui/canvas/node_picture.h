// SPDX-License-Identifier: GPL-3.0-or-later
// Small live pictures of nodes, computed in one background thread and kept until a value changes.
#pragma once

#include <QObject>
#include <QThreadPool>
#include <map>
#include <optional>

#include "core/graph/picture.h"

class QPainter;
class QRectF;

namespace ui {

class NodePictures : public QObject {
  Q_OBJECT
 public:
  explicit NodePictures(const core::Registry& registry, QObject* parent = nullptr);
  ~NodePictures() override;

  /// Asks for the picture of a node as it is now; `ready` follows when it is not known yet.
  void request(const core::Patch& patch, const std::string& node);
  /// The newest picture known, or null.
  const core::PictureCurve* find(const std::string& node) const;
  /// Forgets nodes that are gone.
  void keepOnly(const core::Patch& patch);

 Q_SIGNALS:
  void ready(const QString& node);

 private:
  void startNext();

  const core::Registry& registry_;
  std::map<std::string, core::Patch> asked_;  ///< the subject the picture was last asked for
  std::map<std::string, core::PictureCurve> known_;
  std::map<std::string, core::Patch> waiting_;
  bool busy_ = false;
  QThreadPool pool_;
};

/// Draws a curve into a rectangle: a line for curves, columns for bars.
void paintCurve(QPainter& p, const QRectF& area, const core::PictureCurve& curve, const QColor& colour);

}  // namespace ui
