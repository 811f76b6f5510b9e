// SPDX-License-Identifier: GPL-3.0-or-later
// Taking parts of one model into another: which ones, what comes along, what it costs.
#pragma once

#include <QDialog>
#include <array>
#include <optional>

#include "core/neural/parts.h"
#include "presets/patch_file.h"
#include "ui/document.h"

class QCheckBox;
class QComboBox;
class QLabel;
class QPushButton;

namespace ui {

/// The models of two listings: all of the first that are models, then those of the second.
std::vector<presets::PresetInfo> knownModels(const std::vector<presets::PresetInfo>& models,
                                             const std::vector<presets::PresetInfo>& presets);

class SwapDialog : public QDialog {
  Q_OBJECT
 public:
  SwapDialog(Document& document, std::vector<presets::PresetInfo> models, QWidget* parent = nullptr);

  /// The new patch; none until something is ticked that works.
  const std::optional<core::Patch>& result() const { return result_; }
  QComboBox* keeps() const { return a_; }
  QComboBox* gives() const { return b_; }
  QCheckBox* part(core::Part part) const { return parts_[static_cast<std::size_t>(part)]; }
  QPushButton* makeButton() const { return make_; }
  QString cost() const;
  QString notes() const;

 private:
  void build();
  void fill(QComboBox* box, bool withThisPatch);
  void preselectOther();
  void chosen(QComboBox* box);
  /// What a box names, or only those parts of it.
  core::Result<core::Patch> side(const QComboBox* box, const std::vector<core::Part>& parts = {}) const;
  void update();

  Document& document_;
  std::vector<presets::PresetInfo> models_;
  std::optional<core::Patch> result_;
  QComboBox *a_, *b_;
  std::array<QCheckBox*, core::kPartNames.size()> parts_{};
  QLabel *cost_, *notes_;
  QPushButton* make_;
};

}  // namespace ui
