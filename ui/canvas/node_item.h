// SPDX-License-Identifier: GPL-3.0-or-later
// One node on the canvas, painted whole by one item; less detail when zoomed out.
#pragma once

#include <QGraphicsItem>
#include <string>
#include <vector>

#include "ui/document.h"
#include "ui/theme.h"

namespace ui {

class NodePictures;

/// One end of a cable: an output or input of a node.
struct Port {
  std::string node, id;
  bool output = false;
  bool operator==(const Port&) const = default;
};

class NodeItem : public QGraphicsItem {
 public:
  enum { Type = UserType + 1 };
  int type() const override { return Type; }

  NodeItem(const Document& document, const NodePictures& pictures, std::string id);

  const std::string& id() const { return id_; }
  /// Reads node, cables and type again: title, ports, values, size.
  void refresh();
  /// Reads the knob values again; cheap.
  void refreshValues();

  struct Row {
    std::string id;
    QString label, value;
    SignalKind kind = SignalKind::audio;
    bool connected = false;
    bool dim = false;  ///< cannot take the cable being dragged
  };
  const std::vector<Row>& rows(bool output) const { return output ? outputs_ : inputs_; }
  /// Middle of a port in scene coordinates; of the node's edge for an unknown port.
  QPointF portPosition(bool output, std::string_view port) const;
  QPointF rowPosition(bool output, int row) const;  ///< in item coordinates
  SignalKind portKind(bool output, std::string_view port) const;
  QRectF titleRect() const;
  QRectF body() const { return {0, 0, width_, height_}; }
  bool known() const { return nodeType_ != nullptr; }
  bool collapsed() const { return collapsed_; }

  void setSelectedLook(bool selected);
  bool looksSelected() const { return selected_; }
  /// Dims ports that `allowed` refuses; an empty function ends it.
  void dimPorts(const std::function<bool(const Port&)>& allowed);
  void setTarget(const Port* port);  ///< the port a cable would snap to, or null
  void setStatus(float load, int faults);

  QRectF boundingRect() const override { return body().adjusted(-8, -4, 8, 4); }
  void paint(QPainter* p, const QStyleOptionGraphicsItem* option, QWidget*) override;

  static constexpr double kHeader = 30, kRow = 20, kPicture = 56, kPort = 5;

 private:
  void readPorts(const core::PatchNode& node);
  void readPlaceholderPorts();
  void layout();
  void paintFar(QPainter& p, double zoom) const;
  void paintHeader(QPainter& p) const;
  void paintPort(QPainter& p, QPointF at, const Row& row, bool target) const;
  void paintRows(QPainter& p) const;
  void paintPicture(QPainter& p) const;

  const Document& document_;
  const NodePictures& pictures_;
  std::string id_;
  const core::NodeType* nodeType_ = nullptr;
  QString title_;
  QColor stripe_;
  std::vector<Row> inputs_, outputs_;
  double width_ = 168, height_ = 60;
  bool selected_ = false, hasPicture_ = false, bypassed_ = false, collapsed_ = false;
  float load_ = 0;
  int faults_ = 0;
  Port target_;
};

}  // namespace ui
