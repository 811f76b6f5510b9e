// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/document.h"

#include <QFileInfo>
#include <QLockFile>
#include <QSettings>
#include <QUndoCommand>
#include <QUuid>
#include <algorithm>

#include "core/graph/plan.h"
#include "presets/model_info.h"
#include "presets/patch_file.h"
#include "ui/node_extras.h"
#include "ui/theme.h"

namespace ui {

/// A step between two whole patches; what they share is not copied. `place`: the step also leads to another file.
class PatchEdit : public QUndoCommand {
 public:
  PatchEdit(Document& document, const QString& what, PatchPointer after, std::string mergeKey,
            std::optional<Document::Place> place = {})
      : QUndoCommand(what),
        document_(document),
        before_(document.patch_),
        after_(std::move(after)),
        mergeKey_(std::move(mergeKey)),
        otherPlace_(std::move(place)) {}

  void undo() override { go(before_); }
  void redo() override { go(after_); }
  int id() const override { return mergeKey_.empty() ? -1 : 1; }
  bool mergeWith(const QUndoCommand* other) override {
    const auto* next = static_cast<const PatchEdit*>(other);
    if (next->mergeKey_ != mergeKey_) return false;
    after_ = next->after_;
    setObsolete(*after_ == *before_);
    return true;
  }

 private:
  /// The place one leaves is kept as it is then: it may have been saved elsewhere since it was come to.
  void go(const PatchPointer& patch) {
    if (otherPlace_) std::swap(*otherPlace_, document_.place_);
    document_.show(patch);
    if (otherPlace_) Q_EMIT document_.fileChanged();
  }

  Document& document_;
  PatchPointer before_, after_;
  std::string mergeKey_;
  std::optional<Document::Place> otherPlace_;
};

namespace {
constexpr int kUndoSteps = 500;
constexpr int kRecentFiles = 10;

}  // namespace

core::Patch subPatch(const core::Patch& patch, const std::vector<std::string>& nodes) {
  core::Patch out;
  out.rate = patch.rate;
  const auto inside = [&nodes](const std::string& id) {
    return std::find(nodes.begin(), nodes.end(), id) != nodes.end();
  };
  std::copy_if(patch.nodes.begin(), patch.nodes.end(), std::back_inserter(out.nodes),
               [&](const core::PatchNode& n) { return inside(n.id); });
  std::copy_if(patch.cables.begin(), patch.cables.end(), std::back_inserter(out.cables),
               [&](const core::Cable& c) { return inside(c.from) && inside(c.to); });
  if (presets::hasLearned(out)) presets::setInfo(out, presets::infoOf(patch));  // who is to be named for it
  return out;
}

Document::Document(const core::Registry& registry, EngineControl& engine, QObject* parent)
    : QObject(parent),
      registry_(registry),
      engine_(engine),
      patch_(std::make_shared<core::Patch>()),
      heard_(patch_),
      autosaved_(patch_),
      place_{QString(), patch_, false},
      session_(QUuid::createUuid().toString(QUuid::WithoutBraces)) {
  undo_.setUndoLimit(kUndoSteps);
  connect(&undo_, &QUndoStack::cleanChanged, this, &Document::fileChanged);
  autosaveTimer_.setInterval(10'000);
  connect(&autosaveTimer_, &QTimer::timeout, this, &Document::autosaveNow);
  autosaveTimer_.start();
}

Document::~Document() {
  finishAutosave();
  if (!dirty()) removeAutosave();
}

const core::NodeType* Document::typeOf(std::string_view node) const {
  const core::PatchNode* n = patch_->find(node);
  return n ? registry_.find(n->type) : nullptr;
}

// ---- the way of every change -------------------------------------------------------------------

void Document::push(const QString& what, core::Patch next, const std::string& mergeKey) {
  if (next == *patch_) return;
  const std::string key = mergeKey.empty() ? std::string() : mergeKey + '#' + std::to_string(gesture_);
  undo_.push(new PatchEdit(*this, what, std::make_shared<core::Patch>(std::move(next)), key));
}

void Document::show(const PatchPointer& next) {
  const bool dirtyBefore = dirty();
  const PatchPointer before = std::exchange(patch_, next);
  const PatchDiff diff = diffPatches(*before, *next);
  sendToEngine(next);
  if (dirty() != dirtyBefore) Q_EMIT fileChanged();
  if (diff.structure) {
    Q_EMIT structureChanged();
  } else {
    for (const auto& [node, input] : diff.values) Q_EMIT valueChanged(text(node), text(input));
    if (!diff.depths.empty()) Q_EMIT depthChanged();
    if (diff.positions) Q_EMIT positionsChanged();
  }
  if (diff.details) Q_EMIT detailsChanged();
}

void Document::sendToEngine(const PatchPointer& next) {
  const PatchPointer before = std::exchange(heard_, next);
  const PatchDiff diff = diffPatches(*before, *next);
  if (diff.structure || diff.phrase) {
    engine_.setPatch(*next);
    return;
  }
  for (const auto& [id, input] : diff.values) {
    const core::PatchNode* node = next->find(id);
    const core::NodeType* type = registry_.find(node->type);
    const int row = type ? type->inputIndex(input) : -1;
    if (row >= 0) engine_.setKnob(id, input, core::knobValue(*node, type->inputs[static_cast<std::size_t>(row)]));
  }
  for (const core::Cable& c : diff.depths) engine_.setDepth(c, c.depth);
}

void Document::preview(const core::Patch& patch) { sendToEngine(std::make_shared<core::Patch>(patch)); }
void Document::endPreview() { sendToEngine(patch_); }

// ---- edits -------------------------------------------------------------------------------------

void Document::change(const QString& what, const std::function<void(core::Patch&)>& edit, const std::string& mergeKey) {
  core::Patch next = *patch_;
  edit(next);
  push(what, std::move(next), mergeKey);
}

core::Result<std::string> Document::addNode(std::string_view type, QPointF at, std::optional<core::Cable> wire) {
  const core::NodeType* found = registry_.find(type);
  if (!found) return core::Error{"This program has no node type \"" + std::string(type) + "\"."};
  core::Patch next = *patch_;
  core::PatchNode node = core::makeNode(next, *found);
  node.x = at.x();
  node.y = at.y();
  const std::string id = node.id;
  next.nodes.push_back(std::move(node));
  if (wire) {
    (wire->from.empty() ? wire->from : wire->to) = id;
    if (auto fits = core::checkCable(next, registry_, *wire); !fits) return fits.error();
    wire->delayed = core::closesCycle(next, wire->from, wire->to);
    next.cables.push_back(*wire);
  }
  push(tr("Add %1").arg(text(found->info.name)), std::move(next));
  return id;
}

void Document::setKnob(const std::string& node, const std::string& input, double value) {
  const core::NodeType* type = typeOf(node);
  const int row = type ? type->inputIndex(input) : -1;
  if (row < 0) return;
  const double clamped = type->inputs[static_cast<std::size_t>(row)].range().clamp(value);
  change(
      tr("Turn %1").arg(text(type->inputs[static_cast<std::size_t>(row)].name)),
      [&](core::Patch& p) { p.find(node)->values[input] = clamped; }, "knob " + node + '.' + input);
}

void Document::setSetting(const std::string& node, const std::string& setting, const core::PatchSetting& value) {
  change(tr("Change %1").arg(text(setting)), [&](core::Patch& p) {
    if (core::PatchNode* n = p.find(node)) n->settings[setting] = value;
  });
}

void Document::moveNodes(const std::map<std::string, QPointF>& positions, const std::string& mergeKey) {
  change(
      tr("Move"),
      [&](core::Patch& p) {
        for (core::PatchNode& n : p.nodes)
          if (const auto at = positions.find(n.id); at != positions.end()) {
            n.x = at->second.x();
            n.y = at->second.y();
          }
      },
      mergeKey);
}

void Document::renameNode(const std::string& node, const QString& label) {
  change(tr("Rename"), [&](core::Patch& p) {
    if (core::PatchNode* n = p.find(node)) n->label = label.toStdString();
  });
}

void Document::setBypassed(const std::vector<std::string>& nodes, bool bypassed) {
  change(bypassed ? tr("Bypass") : tr("End bypass"), [&](core::Patch& p) {
    for (const std::string& id : nodes)
      if (core::PatchNode* n = p.find(id)) n->bypassed = bypassed;
  });
}

void Document::setCollapsedNodes(const std::vector<std::string>& nodes, bool collapsed) {
  change(collapsed ? tr("Fold") : tr("Unfold"), [&](core::Patch& p) {
    for (const std::string& id : nodes)
      if (core::PatchNode* n = p.find(id)) setCollapsed(*n, collapsed);
  });
}

std::vector<std::string> Document::paste(const core::Patch& part, QPointF at,
                                         const std::vector<core::Cable>& incoming) {
  core::Patch next = *patch_;
  presets::takeInfo(next, part);
  std::map<std::string, std::string> renamed;
  std::vector<std::string> ids;
  QPointF middle;
  for (const core::PatchNode& n : part.nodes) middle += QPointF(n.x, n.y) / static_cast<double>(part.nodes.size());
  for (core::PatchNode n : part.nodes) {
    const std::string old = n.id;
    n.id = next.freshId(n.type);
    n.x += at.x() - middle.x();
    n.y += at.y() - middle.y();
    renamed[old] = n.id;
    ids.push_back(n.id);
    next.nodes.push_back(std::move(n));
  }
  for (core::Cable c : part.cables) {
    c.from = renamed[c.from];
    c.to = renamed[c.to];
    next.cables.push_back(std::move(c));
  }
  for (core::Cable c : incoming) {
    c.to = renamed[c.to];
    next.cables.push_back(std::move(c));
  }
  push(tr("Paste"), std::move(next));
  return ids;
}

void Document::setFree(const std::string& node, const std::string& row, bool free) {
  change(free ? tr("Free for the fit") : tr("Lock for the fit"), [&](core::Patch& p) {
    if (core::PatchNode* n = p.find(node)) {
      if (free)
        n->free.insert(row);
      else
        n->free.erase(row);
    }
  });
}

void Document::applyFit(const core::Patch& fitted) { push(tr("Fit"), fitted); }

void Document::loadPreset(const core::Patch& preset, const QString& path) {
  const auto next = std::make_shared<const core::Patch>(preset);
  // what lies unsaved beneath keeps it dirty: whoever quits is asked
  const Place place{path, path.isEmpty() || dirty() ? nullptr : next, false};
  undo_.push(new PatchEdit(*this, tr("Load %1").arg(text(preset.name)), next, {}, place));
  if (!path.isEmpty()) remember(path);
}

// ---- file --------------------------------------------------------------------------------------

QString Document::title() const {
  if (!patch_->name.empty()) return text(patch_->name);
  return path().isEmpty() ? tr("Untitled") : QFileInfo(path()).completeBaseName();
}

void Document::replaceAll(core::Patch patch, const QString& path) {
  undo_.clear();
  const auto next = std::make_shared<const core::Patch>(std::move(patch));
  place_ = {path, next, false};
  show(next);
  autosaved_ = patch_;
  removeAutosave();
  Q_EMIT fileChanged();
}

void Document::newPatch() { replaceAll(core::Patch{}, QString()); }
void Document::startWith(const core::Patch& patch) { replaceAll(patch, QString()); }

core::Result<void> Document::open(const QString& path) {
  auto read = presets::readPatch(path.toStdString());
  if (!read) return read.error();
  replaceAll(std::move(*read), path);
  remember(path);
  return {};
}

core::Result<void> Document::save(const QString& path) {
  if (auto written = presets::writePatch(*patch_, path.toStdString()); !written) return written;
  place_ = {path, patch_, false};
  undo_.setClean();
  finishAutosave();
  autosaved_ = patch_;
  removeAutosave();
  remember(path);
  Q_EMIT fileChanged();
  return {};
}

void Document::remember(const QString& path) {
  QSettings settings;
  QStringList recent = settings.value(QStringLiteral("recentFiles")).toStringList();
  const QString whole = QFileInfo(path).absoluteFilePath();
  recent.removeAll(whole);
  recent.prepend(whole);
  settings.setValue(QStringLiteral("recentFiles"), recent.mid(0, kRecentFiles));
}

QStringList Document::recentFiles() { return QSettings().value(QStringLiteral("recentFiles")).toStringList(); }

}  // namespace ui
