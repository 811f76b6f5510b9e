// SPDX-License-Identifier: GPL-3.0-or-later
// A small scope beside the mouse: the signal on a cable and its level.
#pragma once

#include <QWidget>
#include <vector>

namespace ui {

class CableScope : public QWidget {
  Q_OBJECT
 public:
  explicit CableScope(QWidget* parent);
  void setSamples(std::vector<float> samples);
  void setColour(const QColor& colour) { colour_ = colour; }

 protected:
  void paintEvent(QPaintEvent*) override;

 private:
  std::vector<float> samples_;
  QColor colour_;
};

}  // namespace ui
