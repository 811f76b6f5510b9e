// SPDX-License-Identifier: GPL-3.0-or-later
// What a controller was trained on, as a box in pitch and loudness, and where the sound that it follows
// is now: inside a green disc, outside an orange diamond. Or a whole recording at once, a dot a frame.
#pragma once

#include <QWidget>
#include <deque>
#include <optional>
#include <vector>

#include "core/neural/parts.h"
#include "ui/document.h"

namespace ui {

/// The range that a node's picture shows: a controller's own, or for a conditioner that of the
/// controller it feeds. None when the node is neither, or nothing was trained.
std::optional<core::TrainedRange> toneRange(const Document& document, const std::string& node);

class ToneBox : public QWidget {
  Q_OBJECT
 public:
  explicit ToneBox(const core::TrainedRange& range, QWidget* parent = nullptr);
  /// Octaves from C4 and dB, as the controller hears them.
  void setPoint(double pitch, double loudness);
  /// A whole recording instead of what is heard now: (octaves, dB) of its frames that sound.
  void setFrames(std::vector<QPointF> frames);
  const std::vector<QPointF>& frames() const { return frames_; }
  bool hasPoint() const { return !trail_.empty(); }
  bool inside() const;
  /// Nothing is played, or far too softly to be a note.
  bool resting() const;
  const core::TrainedRange& range() const { return range_; }
  /// "A4, -24 dB: inside", or of a recording "97 % inside".
  QString sentence() const;
  QPointF pointAt(double pitch, double loudness) const;
  QSize sizeHint() const override { return {260, 168}; }

 protected:
  void paintEvent(QPaintEvent*) override;

 private:
  QRectF area() const;
  bool holds(QPointF point) const;
  QColor pointColour() const;
  void paintAxes(QPainter& p) const;
  void paintFrames(QPainter& p) const;
  void paintPoint(QPainter& p) const;

  core::TrainedRange range_;
  double pitchFrom_, pitchTo_, loudFrom_, loudTo_;
  std::deque<QPointF> trail_;  ///< (octaves, dB), newest last
  std::vector<QPointF> frames_;
};

}  // namespace ui
