// SPDX-License-Identifier: GPL-3.0-or-later
// The picture of a node, large, with what its edges mean.
#pragma once

#include <QWidget>

#include "ui/canvas/node_picture.h"

namespace ui {

class PictureView : public QWidget {
  Q_OBJECT
 public:
  PictureView(const NodePictures& pictures, std::string node, QColor colour, QWidget* parent = nullptr);
  QSize sizeHint() const override { return {240, 112}; }

 protected:
  void paintEvent(QPaintEvent*) override;

 private:
  const NodePictures& pictures_;
  std::string node_;
  QColor colour_;
};

}  // namespace ui
