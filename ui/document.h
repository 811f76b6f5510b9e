// SPDX-License-Identifier: GPL-3.0-or-later
// The patch being edited: every change goes through here, is one undo step and reaches the engine
// in its cheapest form. Also the file it lies in, autosave and recovery.
#pragma once

#include <QObject>
#include <QPointF>
#include <QString>
#include <QStringList>
#include <QTimer>
#include <QUndoStack>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "core/graph/patch.h"
#include "core/graph/registry.h"
#include "core/graph/result.h"
#include "ui/engine_control.h"
#include "ui/patch_diff.h"

class QLockFile;

namespace ui {

using PatchPointer = std::shared_ptr<const core::Patch>;

/// One whole patch for the clipboard or another document: nodes and the cables between them, and where any of
/// them has learned something, what the patch says of its model.
core::Patch subPatch(const core::Patch& patch, const std::vector<std::string>& nodes);

class Document : public QObject {
  Q_OBJECT
 public:
  Document(const core::Registry& registry, EngineControl& engine, QObject* parent = nullptr);
  ~Document() override;

  const core::Patch& patch() const { return *patch_; }
  PatchPointer snapshot() const { return patch_; }
  const core::Registry& registry() const { return registry_; }
  EngineControl& engine() const { return engine_; }
  QUndoStack& undoStack() { return undo_; }
  /// The type of a node, or null: then it is a placeholder.
  const core::NodeType* typeOf(std::string_view node) const;

  // ---- edits: each is one undo step, unless the gesture goes on --------------------------------

  /// Starts a new gesture: knob moves before and after it are separate steps.
  void newGesture() { ++gesture_; }

  /// Adds a node; with `wire` also a cable, whose empty end becomes the new node. Returns its id,
  /// or the reason why that cable cannot be.
  core::Result<std::string> addNode(std::string_view type, QPointF at, std::optional<core::Cable> wire = {});
  void removeNodes(const std::vector<std::string>& nodes, bool reconnect = false);
  /// Draws a cable (delayed when it closes a cycle). `replace`: it takes the place of what is there.
  core::Result<void> connectCable(core::Cable cable, bool replace);
  /// Moves one end of a cable elsewhere, depth kept.
  core::Result<void> moveCable(const core::Cable& old, core::Cable next, bool replace);
  /// Moves the sources of several cables to another output, as one step. Error: the first refusal;
  /// then nothing moves.
  core::Result<void> moveSources(const std::vector<core::Cable>& cables, const std::string& node,
                                 const std::string& output);
  void disconnectCables(const std::vector<core::Cable>& cables);
  void setKnob(const std::string& node, const std::string& input, double value);
  void setDepth(const core::Cable& cable, double depth);
  void setSetting(const std::string& node, const std::string& setting, const core::PatchSetting& value);
  /// `mergeKey`: equal ones within a gesture are one step.
  void moveNodes(const std::map<std::string, QPointF>& positions, const std::string& mergeKey = {});
  /// Moves a node and puts it into a cable: from its source into `input`, from `output` to its goal.
  core::Result<void> insertNode(const std::string& node, QPointF at, const core::Cable& cable, const std::string& input,
                                const std::string& output);
  /// Adds a node right into a cable: one step. Returns its id, or why it cannot be.
  core::Result<std::string> addIntoCable(std::string_view type, QPointF at, const core::Cable& cable,
                                         const std::string& input, const std::string& output);
  void renameNode(const std::string& node, const QString& label);
  /// Takes nodes out of the signal path, or back into it (core/graph/bypass.h).
  void setBypassed(const std::vector<std::string>& nodes, bool bypassed);
  /// Folds nodes to their titles; heard by nobody.
  void setCollapsedNodes(const std::vector<std::string>& nodes, bool collapsed);
  /// Inserts nodes and their cables with fresh ids, moved so that their middle is at `at`; new ids.
  /// `incoming`: cables from nodes that stay to nodes of `part`, drawn to the copies too. Licence and credits of
  /// what they have learned come along.
  std::vector<std::string> paste(const core::Patch& part, QPointF at, const std::vector<core::Cable>& incoming = {});
  /// Whether a fit may change a knob or tensor.
  void setFree(const std::string& node, const std::string& row, bool free);
  void setCableFree(const core::Cable& cable, bool free);
  /// Name, description, tags, voices, phrase: any other change of the patch, as one step.
  void change(const QString& what, const std::function<void(core::Patch&)>& edit, const std::string& mergeKey = {});
  /// The outcome of a fit: one step.
  void applyFit(const core::Patch& fitted);
  /// A preset in place of everything: one step, whose undo leads back to the file from before. The file it came
  /// from is never written to; only a model of one's own lies at a `path`, and is clean there when nothing unsaved was
  /// left for it.
  void loadPreset(const core::Patch& preset, const QString& path = {});

  // ---- what the engine hears besides -----------------------------------------------------------

  /// Lets the engine play another state (a fit that converges) without editing.
  void preview(const core::Patch& patch);
  void endPreview();

  // ---- file ------------------------------------------------------------------------------------

  QString path() const { return place_.path; }
  /// The patch's name, else the file's, else "Untitled".
  QString title() const;
  /// Whether the patch is not what lies in its file: the stack knows the newest save, the place what was saved there.
  bool dirty() const { return place_.recovered || !(undo_.isClean() || patch_ == place_.saved); }
  void newPatch();
  /// A patch to begin with: clean, without a path, nothing to undo.
  void startWith(const core::Patch& patch);
  core::Result<void> open(const QString& path);
  core::Result<void> save(const QString& path);
  static QStringList recentFiles();

  // ---- autosave --------------------------------------------------------------------------------

  /// Where unsaved work of a crashed session lies; empty when there is none.
  static QStringList recoverable();
  /// Opens it without a path, so that Save asks where to put it.
  core::Result<void> recover(const QString& autosaved);
  static void discardRecoverable(const QString& autosaved);
  /// The user gave the work up (closing without saving): nothing to recover later.
  void discardAutosave() {
    removeAutosave();
    autosaved_ = patch_;  // or the timer would write it again
  }
  /// Writes now if something changed since the last time (the timer does so every 10 s).
  void autosaveNow();
  /// Waits for the writing to end; for tests and for closing.
  void finishAutosave();
  static QString autosaveFolder();

 Q_SIGNALS:
  void structureChanged();
  void valueChanged(const QString& node, const QString& input);
  void depthChanged();
  void positionsChanged();
  void detailsChanged();
  void fileChanged();  ///< path or dirtiness
  void failed(const QString& sentence);

 private:
  friend class PatchEdit;
  /// Where the patch lies and what was last written there, by its address: patches are immutable.
  struct Place {
    QString path;
    PatchPointer saved;
    bool recovered = false;  ///< from a crashed session: dirty until it is saved
  };
  void push(const QString& what, core::Patch next, const std::string& mergeKey = {});
  void show(const PatchPointer& next);
  void sendToEngine(const PatchPointer& next);
  void replaceAll(core::Patch patch, const QString& path);
  void remember(const QString& path);
  void removeAutosave();

  const core::Registry& registry_;
  EngineControl& engine_;
  PatchPointer patch_, heard_, autosaved_;
  Place place_;
  QUndoStack undo_;
  int gesture_ = 0;
  QTimer autosaveTimer_;
  QString session_;
  std::unique_ptr<QLockFile> lock_;
  std::jthread writer_;
};

}  // namespace ui
