// SPDX-License-Identifier: GPL-3.0-or-later
// The right dock: everything about the selected node, or about the patch when nothing is selected.
#pragma once

#include <QScrollArea>
#include <map>

#include "ui/document.h"

class QVBoxLayout;

namespace ui {

class Knob;
class MidiMap;
class NodePictures;
class ToneBox;

class Inspector : public QScrollArea {
  Q_OBJECT
 public:
  Inspector(Document& document, NodePictures& pictures, MidiMap& midi, QWidget* parent = nullptr);

  /// Shows a node; an empty id or an unknown one: the patch.
  void show(const std::string& node);
  const std::string& shown() const { return node_; }
  Knob* knob(const std::string& input) const;
  /// Of the shown node, or null.
  ToneBox* toneBox() const { return toneBox_; }
  /// Shows what the engine hears now; 30 times a second.
  void poll();

 Q_SIGNALS:
  void said(const QString& sentence);

 private:
  void rebuildLater();
  void rebuild();
  void buildNode(QVBoxLayout& layout, const core::PatchNode& node);
  void buildKnobs(QVBoxLayout& layout, const core::PatchNode& node, const core::NodeType& type);
  void buildSettings(QVBoxLayout& layout, const core::PatchNode& node, const core::NodeType& type);
  void buildTensors(QVBoxLayout& layout, const core::PatchNode& node, const core::NodeType& type);
  void buildMidi(QVBoxLayout& layout, const core::PatchNode& node);
  void buildCables(QVBoxLayout& layout, const core::PatchNode& node);
  void buildTitle(QVBoxLayout& layout, const core::PatchNode& node, const QString& name, bool known);
  void showKnobMenu(const std::string& input, QPoint at);
  QWidget* settingEditor(const core::PatchNode& node, const core::Setting& row);
  void readValues();
  void readFree();

  Document& document_;
  NodePictures& pictures_;
  MidiMap& midi_;
  std::string node_;
  std::map<std::string, Knob*> knobs_;
  ToneBox* toneBox_ = nullptr;
  std::string foreign_;  ///< of the node, as it is shown
  bool pending_ = false;
};

}  // namespace ui
