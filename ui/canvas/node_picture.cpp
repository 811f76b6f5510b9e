// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/canvas/node_picture.h"

#include <QPainter>
#include <QPainterPath>
#include <algorithm>

#include "ui/theme.h"

namespace ui {
namespace {
constexpr int kPoints = 160;
}  // namespace

NodePictures::NodePictures(const core::Registry& registry, QObject* parent) : QObject(parent), registry_(registry) {
  pool_.setMaxThreadCount(1);
  pool_.setThreadPriority(QThread::LowPriority);
}

NodePictures::~NodePictures() { pool_.waitForDone(); }

const core::PictureCurve* NodePictures::find(const std::string& node) const {
  const auto at = known_.find(node);
  return at == known_.end() ? nullptr : &at->second;
}

void NodePictures::request(const core::Patch& patch, const std::string& node) {
  const core::PatchNode* own = patch.find(node);
  const core::NodeType* type = own ? registry_.find(own->type) : nullptr;
  if (!type || type->info.picture == core::Picture::none) return;
  core::Patch subject = core::pictureSubject(patch, node, registry_);
  if (const auto at = asked_.find(node); at != asked_.end() && at->second == subject) return;
  asked_[node] = subject;
  waiting_.insert_or_assign(node, std::move(subject));
  startNext();
}

void NodePictures::startNext() {
  if (busy_ || waiting_.empty()) return;
  busy_ = true;
  auto job = waiting_.extract(waiting_.begin());
  pool_.start([this, id = job.key(), subject = std::move(job.mapped())] {
    auto curve = core::subjectPicture(subject, id, registry_, kPoints);
    QMetaObject::invokeMethod(this, [this, id, curve = std::move(curve)] {
      busy_ = false;
      if (curve && asked_.contains(id)) {
        known_[id] = *curve;
        Q_EMIT ready(text(id));
      }
      startNext();
    });
  });
}

void NodePictures::keepOnly(const core::Patch& patch) {
  std::erase_if(asked_, [&patch](const auto& entry) { return !patch.find(entry.first); });
  std::erase_if(waiting_, [&patch](const auto& entry) { return !patch.find(entry.first); });
  std::erase_if(known_, [&patch](const auto& entry) { return !patch.find(entry.first); });
}

void paintCurve(QPainter& p, const QRectF& area, const core::PictureCurve& curve, const QColor& colour) {
  if (curve.values.empty() || curve.high <= curve.low) return;
  const auto y = [&](float v) {
    const double u = std::clamp((v - curve.low) / (curve.high - curve.low), 0.0F, 1.0F);
    return area.bottom() - u * area.height();
  };
  const auto count = static_cast<double>(curve.values.size());
  if (curve.kind == core::Picture::bars) {
    const double step = area.width() / count;
    for (std::size_t i = 0; i < curve.values.size(); ++i) {
      const double top = y(curve.values[i]), base = y(0);
      p.fillRect(QRectF(area.left() + static_cast<double>(i) * step, std::min(top, base), std::max(1.0, step - 1),
                        std::max(1.0, std::fabs(base - top))),
                 colour);
    }
    return;
  }
  QPolygonF line;
  for (std::size_t i = 0; i < curve.values.size(); ++i)
    line << QPointF(area.left() + area.width() * static_cast<double>(i) / std::max(1.0, count - 1), y(curve.values[i]));
  p.setPen(QPen(colour, 1.5));
  p.setBrush(Qt::NoBrush);
  p.drawPolyline(line);
}

}  // namespace ui
