// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/canvas/node_item.h"

#include <QFontMetricsF>
#include <QPainter>
#include <QStyleOptionGraphicsItem>
#include <algorithm>
#include <cmath>

#include "ui/canvas/node_picture.h"
#include "ui/node_extras.h"

namespace ui {
namespace {
constexpr double kFar = 0.5;                      ///< below this zoom: no antialiasing, no text but the name
constexpr double kFarText = 9, kNamedWidth = 44;  ///< px on the screen: of that name, of a node that shows it
constexpr double kMinWidth = 168, kMargin = 14, kGap = 14;

QFont rowFont(int pixels, bool bold = false) {
  QFont f;
  f.setFamilies({QStringLiteral("Noto Sans"), QStringLiteral("DejaVu Sans")});
  f.setPixelSize(pixels);
  f.setWeight(bold ? QFont::DemiBold : QFont::Normal);
  return f;
}
}  // namespace

NodeItem::NodeItem(const Document& document, const NodePictures& pictures, std::string id)
    : document_(document), pictures_(pictures), id_(std::move(id)) {
  setZValue(1);
  refresh();
}

void NodeItem::refresh() {
  const core::PatchNode* node = document_.patch().find(id_);
  if (!node) return;
  nodeType_ = document_.registry().find(node->type);
  title_ = !node->label.empty() ? text(node->label) : nodeType_ ? text(nodeType_->info.name) : text(node->type);
  stripe_ = nodeType_ ? categoryColour(nodeType_->info.category) : theme().structure;
  collapsed_ = isCollapsed(*node);
  bypassed_ = node->bypassed;
  hasPicture_ = nodeType_ && nodeType_->info.picture != core::Picture::none && !collapsed_;
  inputs_.clear();
  outputs_.clear();
  if (nodeType_)
    readPorts(*node);
  else
    readPlaceholderPorts();
  refreshValues();
  layout();
  setPos(node->x, node->y);
  update();
}

void NodeItem::readPorts(const core::PatchNode& node) {
  for (const core::Input& i : nodeType_->inputs)
    inputs_.push_back({std::string(i.id), text(i.name), {}, inputKind(*nodeType_, i)});
  for (const core::Output& o : nodeType_->outputs)
    outputs_.push_back({std::string(o.id), text(o.name), {}, outputKind(*nodeType_, o)});
  const auto mark = [](std::vector<Row>& rows, const std::string& id) {
    for (Row& r : rows) r.connected = r.connected || r.id == id;
  };
  for (const core::Cable& c : document_.patch().cables) {
    if (c.to == node.id) mark(inputs_, c.input);
    if (c.from == node.id) mark(outputs_, c.output);
  }
}

void NodeItem::readPlaceholderPorts() {
  const auto add = [](std::vector<Row>& rows, const std::string& id) {
    if (std::none_of(rows.begin(), rows.end(), [&id](const Row& r) { return r.id == id; }))
      rows.push_back({id, text(id), {}, SignalKind::audio, true});
  };
  for (const core::Cable& c : document_.patch().cables) {
    if (c.to == id_) add(inputs_, c.input);
    if (c.from == id_) add(outputs_, c.output);
  }
}

void NodeItem::refreshValues() {
  const core::PatchNode* node = document_.patch().find(id_);
  if (!node || !nodeType_) return;
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    if (const core::Input& row = nodeType_->inputs[i]; row.isParameter() && !inputs_[i].connected)
      inputs_[i].value = text(core::formatValue(core::knobValue(*node, row), row.unit));
  update();
}

void NodeItem::layout() {
  static const QFontMetricsF label(rowFont(12)), title(rowFont(13, true));  // dear to make, always the same
  double width = std::max(kMinWidth, title.horizontalAdvance(title_) + 2 * kMargin + 48);
  const std::size_t rows = std::max(inputs_.size(), outputs_.size());
  const double valueWidth = label.horizontalAdvance(QStringLiteral("00.0 kHz"));
  for (std::size_t i = 0; i < rows; ++i) {
    double w = 2 * kMargin;
    if (i < inputs_.size())
      w += label.horizontalAdvance(inputs_[i].label) + (inputs_[i].value.isEmpty() ? 0 : kGap + valueWidth);
    if (i < outputs_.size()) w += kGap + label.horizontalAdvance(outputs_[i].label);
    width = std::max(width, w);
  }
  prepareGeometryChange();
  width_ = std::ceil(width / 8) * 8;
  if (collapsed_)
    height_ = kHeader;
  else
    height_ = kHeader + kRow * static_cast<double>(rows) + (hasPicture_ ? kPicture + 8 : 0) + 8;
}

/// Of a folded node all ports lie at the middle of its edges.
QPointF NodeItem::rowPosition(bool output, int row) const {
  if (collapsed_) return {output ? width_ : 0, kHeader / 2};
  return {output ? width_ : 0, kHeader + kRow * (row + 0.5)};
}

QPointF NodeItem::portPosition(bool output, std::string_view port) const {
  const auto& list = rows(output);
  const auto at = std::find_if(list.begin(), list.end(), [port](const Row& r) { return r.id == port; });
  return pos() + rowPosition(output, at == list.end() ? 0 : static_cast<int>(at - list.begin()));
}

SignalKind NodeItem::portKind(bool output, std::string_view port) const {
  const auto& list = rows(output);
  const auto at = std::find_if(list.begin(), list.end(), [port](const Row& r) { return r.id == port; });
  return at == list.end() ? SignalKind::audio : at->kind;
}

QRectF NodeItem::titleRect() const { return {kMargin - 2, 4, width_ - 2 * kMargin - 40, kHeader - 6}; }

void NodeItem::setSelectedLook(bool selected) {
  if (selected == selected_) return;
  selected_ = selected;
  setZValue(selected ? 2 : 1);
  update();
}

void NodeItem::dimPorts(const std::function<bool(const Port&)>& allowed) {
  for (const bool output : {false, true})
    for (Row& r : output ? outputs_ : inputs_) r.dim = allowed && !allowed({id_, r.id, output});
  update();
}

void NodeItem::setTarget(const Port* port) {
  const Port next = port ? *port : Port{};
  if (next == target_) return;
  target_ = next;
  update();
}

void NodeItem::setStatus(float load, int faults) {
  const bool changed = std::lround(load * 1000) != std::lround(load_ * 1000) || faults != faults_;
  load_ = load;
  faults_ = faults;
  if (changed) update(QRectF(0, 0, width_, kHeader));
}

// ---- painting ----------------------------------------------------------------------------------

void NodeItem::paint(QPainter* p, const QStyleOptionGraphicsItem* option, QWidget*) {
  const double zoom = QStyleOptionGraphicsItem::levelOfDetailFromTransform(p->worldTransform());
  if (zoom < kFar) return paintFar(*p, zoom);
  const Theme& t = theme();
  p->setRenderHint(QPainter::Antialiasing);
  if (!nodeType_ || bypassed_) p->setOpacity(0.6);
  p->setPen(QPen(selected_ ? t.accent : t.line, selected_ ? 2 : 1, bypassed_ ? Qt::DashLine : Qt::SolidLine));
  p->setBrush(t.node);
  p->drawRoundedRect(body(), 8, 8);
  p->setPen(Qt::NoPen);
  p->setBrush(stripe_);
  p->drawRoundedRect(QRectF(6, 8, 3, height_ - 16), 1.5, 1.5);
  paintHeader(*p);
  if (hasPicture_) paintPicture(*p);
  paintRows(*p);
  Q_UNUSED(option);
}

void NodeItem::paintFar(QPainter& p, double zoom) const {
  const Theme& t = theme();
  p.setRenderHint(QPainter::Antialiasing, false);
  QPen edge(selected_ ? t.accent : t.line, selected_ ? 2 : 1);
  edge.setCosmetic(true);
  p.setPen(edge);
  p.setBrush(t.node);
  p.drawRect(body());
  p.fillRect(QRectF(0, 0, 8, height_), stripe_);
  if (faults_ > 0) p.fillRect(QRectF(width_ - 24, 4, 20, 20), t.bad);
  for (const bool output : {false, true})
    for (std::size_t i = 0; i < rows(output).size(); ++i) {
      const QPointF at = rowPosition(output, static_cast<int>(i));
      p.fillRect(QRectF(at.x() - 4, at.y() - 4, 8, 8), signalColour(rows(output)[i].kind));
    }
  if (width_ * zoom < kNamedWidth) return;
  QFont font = rowFont(13, true);
  font.setPixelSize(static_cast<int>(std::ceil(kFarText / zoom)));  // as large on the screen at any zoom
  p.setFont(font);
  p.setPen(t.text);
  const QRectF room = body().adjusted(kMargin, 4, -kMargin, -4);
  QStringList words = title_.split(QLatin1Char(' '));
  for (QString& word : words)  // a word is never broken: one that is too long would lose both its ends
    word = p.fontMetrics().elidedText(word, Qt::ElideRight, static_cast<int>(room.width()));
  p.drawText(room, Qt::AlignCenter | Qt::TextWordWrap, words.join(QLatin1Char(' ')));
}

void NodeItem::paintHeader(QPainter& p) const {
  const Theme& t = theme();
  p.setFont(rowFont(13, true));
  p.setPen(t.text);
  const QRectF title = titleRect();
  p.drawText(title, Qt::AlignVCenter | Qt::AlignLeft,
             p.fontMetrics().elidedText(title_, Qt::ElideRight, static_cast<int>(title.width())));
  const QRectF right(width_ - 66, 4, 56, kHeader - 6);
  p.setFont(rowFont(10));
  if (faults_ > 0) {
    p.setPen(t.bad);
    p.drawText(right, Qt::AlignVCenter | Qt::AlignRight, QObject::tr("! %1 faults").arg(std::min(faults_, 999)));
  } else if (!nodeType_ || bypassed_) {
    p.setPen(t.secondary);
    p.drawText(right, Qt::AlignVCenter | Qt::AlignRight, nodeType_ ? QObject::tr("bypass") : QObject::tr("unknown"));
  } else if (load_ > 0.0005F) {
    p.setPen(t.secondary);
    p.drawText(right, Qt::AlignVCenter | Qt::AlignRight,
               QStringLiteral("%1 %").arg(static_cast<double>(load_) * 100, 0, 'f', 1));
  }
}

void NodeItem::paintPort(QPainter& p, QPointF at, const Row& row, bool target) const {
  const Theme& t = theme();
  const QColor colour = signalColour(row.kind);
  if (row.dim) p.setOpacity(0.33);
  p.setPen(QPen(target ? t.text : colour, target ? 2.5 : 1.6));
  p.setBrush(row.connected || target ? colour : t.ground);
  const double r = target ? kPort + 2 : kPort;
  if (row.kind == SignalKind::audio) {
    p.drawEllipse(at, r, r);
  } else if (row.kind == SignalKind::control) {
    const double d = r * 1.2;
    const QPointF diamond[] = {at + QPointF(0, -d), at + QPointF(d, 0), at + QPointF(0, d), at + QPointF(-d, 0)};
    p.drawPolygon(diamond, 4);
  } else {
    p.drawRect(QRectF(at.x() - r * 0.9, at.y() - r * 0.9, r * 1.8, r * 1.8));
  }
  if (row.dim) p.setOpacity(nodeType_ && !bypassed_ ? 1 : 0.6);
}

void NodeItem::paintRows(QPainter& p) const {
  const Theme& t = theme();
  p.setFont(rowFont(12));
  const QFontMetricsF fm(p.font());
  for (const bool output : {false, true})
    for (std::size_t i = 0; i < rows(output).size(); ++i) {
      const Row& row = rows(output)[i];
      const QPointF at = rowPosition(output, static_cast<int>(i));
      if (collapsed_) {  // one port stands for all of a side
        if (i == 0) paintPort(p, at, row, target_.output == output && !target_.node.empty());
        continue;
      }
      const QRectF line(kMargin, at.y() - kRow / 2, width_ - 2 * kMargin, kRow);
      p.setPen(row.dim ? t.structure : t.text);
      p.drawText(line, Qt::AlignVCenter | (output ? Qt::AlignRight : Qt::AlignLeft), row.label);
      if (!output && !row.value.isEmpty()) {
        const double taken = i < outputs_.size() ? fm.horizontalAdvance(outputs_[i].label) + kGap : 0;
        p.setPen(t.secondary);
        p.drawText(line.adjusted(0, 0, -taken, 0), Qt::AlignVCenter | Qt::AlignRight, row.value);
      }
      paintPort(p, at, row, target_.output == output && target_.id == row.id && !target_.node.empty());
    }
}

void NodeItem::paintPicture(QPainter& p) const {
  const QRectF area(12, height_ - kPicture - 8, width_ - 20, kPicture);
  p.setPen(Qt::NoPen);
  p.setBrush(theme().ground);
  p.drawRoundedRect(area, 4, 4);
  if (const core::PictureCurve* curve = pictures_.find(id_))
    paintCurve(p, area.adjusted(4, 4, -4, -4), *curve, stripe_);
}

}  // namespace ui
