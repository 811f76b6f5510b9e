// SPDX-License-Identifier: GPL-3.0-or-later
// The patch as a picture to edit: nodes, cables, and every gesture on them. Selecting, moving and
// looking around never reach the engine.
#pragma once

#include <QElapsedTimer>
#include <QGraphicsScene>
#include <QGraphicsView>
#include <QTimer>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "ui/canvas/cable_item.h"
#include "ui/canvas/node_item.h"
#include "ui/canvas/node_picture.h"
#include "ui/document.h"

class QLabel;
class QLineEdit;

namespace ui {

class AddPopup;
class CableScope;
class DepthEditor;
class FindPopup;

class Canvas : public QGraphicsView {
  Q_OBJECT
 public:
  Canvas(Document& document, NodePictures& pictures, QWidget* parent = nullptr);
  ~Canvas() override;

  // ---- selection
  const std::set<std::string>& selectedNodes() const { return selected_; }
  const std::optional<core::Cable>& selectedCable() const { return selectedCable_; }
  void select(const std::set<std::string>& nodes);
  void selectAll();

  // ---- edits of the selection
  /// Adds a node near a scene point, never over another one, and selects it.
  void addNode(const std::string& type, QPointF scene);
  void removeSelection(bool reconnect = false);
  void copy() const;
  void cut();
  void paste();
  /// `keepInputs`: cables from nodes that are not selected lead to the copies too.
  void duplicate(bool keepInputs = false);
  void connectSelected();
  /// Out of the signal path, or back when all of them are out.
  void bypassSelection();
  /// To their titles, or back when all of them are folded.
  void collapseSelection();
  void renameNode(const std::string& node);

  // ---- view
  void frameAll();
  void frameSelected();
  void zoomBy(double factor, QPointF at);
  void resetZoom();
  double zoom() const { return transform().m11(); }

  /// Opens the list of nodes at a scene point; with `pulled` only what fits that port, which is
  /// then wired.
  void openAddPopup(QPointF scene, std::optional<Port> pulled = {});
  /// The same for a node that goes into a cable.
  void openInsertPopup(QPointF scene, const core::Cable& cable);
  /// Type a name, jump to the node.
  void openFind();
  FindPopup* findPopup() const { return find_; }
  AddPopup* addPopup() const { return popup_; }
  DepthEditor* depthEditor() const { return depth_; }
  QLineEdit* titleEditor() const { return titleEdit_; }
  /// The sentence at the cursor, or an empty text when none is shown.
  QString refusal() const;

  NodeItem* nodeItem(std::string_view id) const;
  CableItem* cableItem(const core::Cable& cable) const;
  /// Where a port is on the viewport.
  QPoint portOnView(const Port& port) const;
  void setStatus(const std::vector<NodeStatus>& status);
  /// Shows the level of the cable under the mouse; called with the meters.
  void pollScope();
  void refreshTheme();

 Q_SIGNALS:
  void selectionChanged();
  void said(const QString& sentence);
  /// Enter on a selected node: its controls want the focus.
  void controlsWanted();

 protected:
  void mousePressEvent(QMouseEvent*) override;
  void mouseMoveEvent(QMouseEvent*) override;
  void mouseReleaseEvent(QMouseEvent*) override;
  void mouseDoubleClickEvent(QMouseEvent*) override;
  void wheelEvent(QWheelEvent*) override;
  void keyPressEvent(QKeyEvent*) override;
  void keyReleaseEvent(QKeyEvent*) override;
  void drawBackground(QPainter* p, const QRectF& area) override;
  void dragEnterEvent(QDragEnterEvent*) override;
  void dragMoveEvent(QDragMoveEvent*) override;
  void dropEvent(QDropEvent*) override;
  void leaveEvent(QEvent*) override;
  bool viewportEvent(QEvent*) override;
  bool focusNextPrevChild(bool next) override;

 private:
  static constexpr double kCopyOffset = 24;  ///< scene units a copy is moved by
  enum class Drag { none, marquee, pan, nodes, cable, knife };
  /// A cable on the mouse: one end stays, the other follows.
  struct Pull {
    Port fixed;
    std::optional<core::Cable> old;  ///< picked up from an input
    std::vector<core::Cable> all{};  ///< of an output, whose source ends move together
    bool armed = false;              ///< clicked, not dragged: the next click drops it
  };

  void sync();
  void syncCables();
  void placeCables();
  void refreshPictures();
  void updateLooks();

  std::optional<Port> portAt(QPoint view, double radius, std::optional<bool> output = {}) const;
  NodeItem* nodeAt(QPoint view) const;
  CableItem* cableAt(QPoint view) const;
  std::optional<core::Cable> topCable(const Port& port) const;

  void pressPort(const Port& port, Qt::KeyboardModifiers modifiers);
  void pressNode(NodeItem& node, Qt::KeyboardModifiers modifiers);
  void pressEmpty(QMouseEvent* e);
  void startPull(const Port& fixed, std::optional<core::Cable> old, std::vector<core::Cable> all = {});
  void movePull(QPoint view);
  void endPull(QPoint view, bool sum);
  void dropPull();
  std::optional<Port> pullTarget(QPoint view) const;
  bool mayJoin(const Port& a, const Port& b) const;
  void moveDragged(QPoint view, bool free);
  void dragTo(QPoint view, Qt::KeyboardModifiers modifiers);
  void scrollAtEdge();
  void endMove(bool mayInsert);
  bool insertIntoCable(const NodeItem& node);
  void describeSelection();
  void endMarquee(Qt::KeyboardModifiers modifiers);
  void nudge(QPointF by);
  void startKnife();
  void moveKnife(QPoint view);
  void endKnife(bool cuts);
  void cancelDrag();
  void putBack();
  void toggleSelected(const std::string& id);
  void jumpTo(const std::string& node);
  void walk(int key);
  void duplicateAt(const std::vector<std::string>& nodes, QPointF by, bool keepInputs);
  void showMenu(QPoint view);
  void showRefusal(const QString& sentence, QPoint view);
  void openDepthEditor(const core::Cable& cable);
  void hover(QPoint view);
  QPointF freeSpot(QPointF at) const;

  Document& document_;
  NodePictures& pictures_;
  QGraphicsScene scene_;
  std::map<std::string, NodeItem*, std::less<>> nodes_;
  std::vector<CableItem*> cables_;
  PatchPointer synced_;  ///< what the items show
  std::set<std::string> selected_;
  std::optional<core::Cable> selectedCable_;

  Drag drag_ = Drag::none;
  QPoint pressed_, last_;
  QPointF grab_;
  QTimer restOfPictures_;
  QTimer edge_;  ///< scrolls while something is dragged at the border
  bool moved_ = false, space_ = false, viewFramed_ = false;
  bool control_ = false;  ///< Ctrl was down on the press: a click toggles, a drag copies
  QElapsedTimer nudged_;
  QPolygonF cut_;
  QGraphicsPathItem* knife_ = nullptr;
  std::map<std::string, QPointF> origins_;
  std::string primary_;
  std::optional<Pull> pull_;
  std::unique_ptr<CableItem> pullCable_;
  QGraphicsRectItem* marquee_ = nullptr;
  std::optional<core::Cable> clickedCable_;
  std::optional<core::Cable> hovered_;

  AddPopup* popup_ = nullptr;
  DepthEditor* depth_ = nullptr;
  FindPopup* find_ = nullptr;
  CableScope* scope_ = nullptr;
  QLineEdit* titleEdit_ = nullptr;
  QLabel* refusal_ = nullptr;
};

}  // namespace ui
