// SPDX-License-Identifier: GPL-3.0-or-later
// The pictures of the fit panel: a spectrogram with a waveform under it.
#pragma once

#include <QImage>
#include <QWidget>
#include <vector>

class QPainter;

namespace ui {

class SpectrogramView : public QWidget {
  Q_OBJECT
 public:
  explicit SpectrogramView(const QString& title, QWidget* parent = nullptr);
  void setTitle(const QString& title);
  /// `hint` is shown while there is no image.
  void setHint(const QString& hint);
  void show(const QImage& image, std::vector<float> outline = {}, double seconds = 0);
  bool empty() const { return image_.isNull(); }
  QSize sizeHint() const override { return {260, 140}; }

 Q_SIGNALS:
  void clicked();

 protected:
  void paintEvent(QPaintEvent*) override;
  void mouseReleaseEvent(QMouseEvent*) override { Q_EMIT clicked(); }

 private:
  QString title_, hint_;
  QImage image_;
  std::vector<float> outline_;
  double seconds_ = 0;
};

/// The frame and title that all views of the panel share.
inline constexpr int kViewTitle = 20;
void paintViewFrame(QPainter& p, const QWidget& view, const QString& title);

}  // namespace ui
