// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspector/tone_box.h"

#include <QPainter>
#include <QPainterPath>
#include <algorithm>
#include <array>
#include <cmath>

#include "ui/theme.h"

namespace ui {
namespace {
constexpr std::size_t kTrail = 20;
constexpr double kPitchRoom = 0.6, kLoudRoom = 12;  ///< octaves and dB around the box
constexpr double kRest = 10;                        ///< dB under the box from which on nothing sounds
constexpr double kFarthest = 2;                     ///< octaves beyond the box that a recording may widen the view by
constexpr std::size_t kMostDots = 6000;             ///< of a recording; more look the same

QString noteName(double octaves) {
  constexpr std::array kNames{"C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"};
  const int semitones = static_cast<int>(std::lround(12 * octaves)) + 48;
  const int octave = static_cast<int>(std::floor(semitones / 12.0));
  return QStringLiteral("%1%2")
      .arg(QLatin1String(kNames[static_cast<std::size_t>(semitones - 12 * octave)]))
      .arg(octave);
}
}  // namespace

std::optional<core::TrainedRange> toneRange(const Document& document, const std::string& node) {
  const core::Patch& patch = document.patch();
  std::string at = node;
  for (int hop = 0; hop < 4; ++hop) {  // a conditioner stands a cable or two before its controller
    const core::PatchNode* n = patch.find(at);
    const core::NodeType* type = document.typeOf(at);
    if (!n || !type) return std::nullopt;
    if (n->settings.contains("pitch-low") && n->settings.contains("loudness-low")) {
      core::Patch alone;
      alone.nodes = {*n};
      const auto range = core::trainedRange(alone, document.registry());
      return range ? std::optional(*range) : std::nullopt;
    }
    if (type->outputIndex("pitch") < 0 || type->inputIndex("pitch") < 0) return std::nullopt;
    const auto next = std::find_if(patch.cables.begin(), patch.cables.end(), [&at](const core::Cable& c) {
      return c.from == at && c.output == "pitch" && c.input == "pitch";
    });
    if (next == patch.cables.end()) return std::nullopt;
    at = next->to;
  }
  return std::nullopt;
}

ToneBox::ToneBox(const core::TrainedRange& range, QWidget* parent)
    : QWidget(parent),
      range_(range),
      pitchFrom_(range.pitchLow - kPitchRoom),
      pitchTo_(range.pitchHigh + kPitchRoom),
      loudFrom_(std::max(-110.0, range.loudnessLow - kLoudRoom)),
      loudTo_(range.loudnessHigh + kLoudRoom) {
  setFixedHeight(168);
  setAccessibleName(tr("Trained pitch and loudness"));
  setToolTip(
      tr("The box is what the controller was trained on, %1 to %2 and %3 to %4 dB. The mark is what it hears now: a "
         "disc inside, a diamond outside, where it can only guess.")
          .arg(noteName(range.pitchLow), noteName(range.pitchHigh))
          .arg(range.loudnessLow, 0, 'f', 0)
          .arg(range.loudnessHigh, 0, 'f', 0));
}

void ToneBox::setPoint(double pitch, double loudness) {
  if (!std::isfinite(pitch) || !std::isfinite(loudness)) return;
  trail_.emplace_back(pitch, loudness);
  if (trail_.size() > kTrail) trail_.pop_front();
  setAccessibleDescription(sentence());
  update();
}

/// The view widens to what the recording holds, so that one sees how far away it is.
void ToneBox::setFrames(std::vector<QPointF> frames) {
  frames_ = std::move(frames);
  pitchFrom_ = range_.pitchLow - kPitchRoom;
  pitchTo_ = range_.pitchHigh + kPitchRoom;
  loudFrom_ = std::max(-110.0, range_.loudnessLow - kLoudRoom);
  loudTo_ = range_.loudnessHigh + kLoudRoom;
  for (const QPointF& f : frames_) {
    pitchFrom_ = std::clamp(f.x() - 0.1, range_.pitchLow - kFarthest, pitchFrom_);
    pitchTo_ = std::clamp(f.x() + 0.1, pitchTo_, range_.pitchHigh + kFarthest);
    loudFrom_ = std::clamp(f.y() - 2, -110.0, loudFrom_);
    loudTo_ = std::clamp(f.y() + 2, loudTo_, std::max(loudTo_, 10.0));
  }
  setAccessibleDescription(sentence());
  update();
}

bool ToneBox::holds(QPointF p) const {
  return p.x() >= range_.pitchLow && p.x() <= range_.pitchHigh && p.y() >= range_.loudnessLow &&
         p.y() <= range_.loudnessHigh;
}
bool ToneBox::inside() const { return !trail_.empty() && holds(trail_.back()); }
bool ToneBox::resting() const { return trail_.empty() || trail_.back().y() < range_.loudnessLow - kRest; }
QColor ToneBox::pointColour() const { return resting() ? theme().secondary : inside() ? theme().good : theme().warn; }

QString ToneBox::sentence() const {
  if (!frames_.empty()) {
    const auto in = std::count_if(frames_.begin(), frames_.end(), [this](QPointF f) { return holds(f); });
    return tr("%1 % inside").arg(100.0 * static_cast<double>(in) / static_cast<double>(frames_.size()), 0, 'f', 0);
  }
  if (trail_.empty()) return tr("nothing comes in");
  if (resting()) return tr("nothing sounds");
  const QPointF p = trail_.back();
  QStringList off;
  if (p.x() < range_.pitchLow) off << tr("too low");
  if (p.x() > range_.pitchHigh) off << tr("too high");
  if (p.y() < range_.loudnessLow) off << tr("too soft");
  if (p.y() > range_.loudnessHigh) off << tr("too loud");
  const QString where = tr("%1, %2 dB: ").arg(noteName(p.x())).arg(p.y(), 0, 'f', 0);
  return where + (off.isEmpty() ? tr("inside") : off.join(QStringLiteral(", ")));
}

QRectF ToneBox::area() const { return QRectF(rect()).adjusted(30, 22, -8, -20); }

QPointF ToneBox::pointAt(double pitch, double loudness) const {
  const QRectF a = area();
  const double u = std::clamp((pitch - pitchFrom_) / (pitchTo_ - pitchFrom_), 0.0, 1.0);
  const double v = std::clamp((loudness - loudFrom_) / (loudTo_ - loudFrom_), 0.0, 1.0);
  return {a.left() + u * a.width(), a.bottom() - v * a.height()};
}

void ToneBox::paintAxes(QPainter& p) const {
  const Theme& t = theme();
  const QRectF a = area();
  for (double octave = std::ceil(pitchFrom_); octave <= pitchTo_; ++octave) {
    const double x = pointAt(octave, loudFrom_).x();
    p.setPen(QPen(t.line, 1, Qt::DotLine));
    p.drawLine(QPointF(x, a.top()), QPointF(x, a.bottom()));
    p.setPen(t.secondary);
    p.drawText(QRectF(x - 20, a.bottom() + 3, 40, 14), Qt::AlignCenter, noteName(octave));
  }
  const double step = loudTo_ - loudFrom_ > 70 ? 40 : 20;
  for (double db = step * std::ceil(loudFrom_ / step); db <= loudTo_; db += step) {
    const double y = pointAt(pitchFrom_, db).y();
    p.setPen(QPen(t.line, 1, Qt::DotLine));
    p.drawLine(QPointF(a.left(), y), QPointF(a.right(), y));
    p.setPen(t.secondary);
    p.drawText(QRectF(0, y - 7, a.left() - 4, 14), Qt::AlignRight | Qt::AlignVCenter, QString::number(db));
  }
}

/// Dots that add up where the recording dwells.
void ToneBox::paintFrames(QPainter& p) const {
  const std::size_t step = frames_.size() / kMostDots + 1;
  for (const bool in : {true, false}) {
    QColor colour = in ? theme().good : theme().warn;
    colour.setAlphaF(in ? 0.35F : 0.6F);
    p.setPen(QPen(colour, 3, Qt::SolidLine, Qt::RoundCap));
    for (std::size_t i = 0; i < frames_.size(); i += step)
      if (holds(frames_[i]) == in) p.drawPoint(pointAt(frames_[i].x(), frames_[i].y()));
  }
}

void ToneBox::paintPoint(QPainter& p) const {
  if (trail_.empty()) return;
  const Theme& t = theme();
  const QColor colour = pointColour();
  for (std::size_t i = 0; i + 1 < trail_.size(); ++i) {
    QColor faint = colour;
    faint.setAlphaF(0.35F * static_cast<float>(i + 1) / static_cast<float>(trail_.size()));
    p.setPen(Qt::NoPen);
    p.setBrush(faint);
    p.drawEllipse(pointAt(trail_[i].x(), trail_[i].y()), 2, 2);
  }
  const QPointF at = pointAt(trail_.back().x(), trail_.back().y());
  p.setPen(QPen(t.ground, 1.5));
  p.setBrush(colour);
  if (inside()) {
    p.drawEllipse(at, 5.5, 5.5);
    return;
  }
  QPainterPath diamond;
  diamond.moveTo(at + QPointF(0, -7));
  for (const QPointF corner : {QPointF(7, 0), QPointF(0, 7), QPointF(-7, 0)}) diamond.lineTo(at + corner);
  diamond.closeSubpath();
  p.drawPath(diamond);
}

void ToneBox::paintEvent(QPaintEvent*) {
  const Theme& t = theme();
  QPainter p(this);
  p.setRenderHint(QPainter::Antialiasing);
  p.setPen(QPen(t.line, 1));
  p.setBrush(t.ground);
  p.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5);
  QFont font = this->font();
  font.setPixelSize(11);
  p.setFont(font);
  p.setPen(t.secondary);
  p.drawText(QRectF(8, 3, width() - 16.0, 16), Qt::AlignVCenter | Qt::AlignLeft, tr("Tone box"));
  if (!trail_.empty()) p.setPen(pointColour());
  p.drawText(QRectF(8, 3, width() - 16.0, 16), Qt::AlignVCenter | Qt::AlignRight, sentence());
  font.setPixelSize(10);
  p.setFont(font);
  paintAxes(p);
  QColor fill = t.vector;
  fill.setAlphaF(0.16F);
  p.setPen(QPen(t.vector, 1.5));
  p.setBrush(fill);
  p.drawRect(QRectF(pointAt(range_.pitchLow, range_.loudnessHigh), pointAt(range_.pitchHigh, range_.loudnessLow)));
  paintFrames(p);
  paintPoint(p);
}

}  // namespace ui
