// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme.h"

#include <QApplication>
#include <QFont>
#include <QPalette>
#include <QStyle>
#include <QStyleFactory>
#include <QWidget>

namespace ui {
namespace {

constexpr Theme kDark{.ground = {0x14, 0x16, 0x1a},
                      .panel = {0x1b, 0x1e, 0x24},
                      .node = {0x24, 0x28, 0x31},
                      .line = {0x34, 0x3a, 0x46},
                      .field = {0x11, 0x13, 0x17},
                      .text = {0xe6, 0xe9, 0xef},
                      .secondary = {0x9a, 0xa3, 0xb2},
                      .audio = {0xf2, 0xb1, 0x3c},
                      .control = {0x3c, 0xc4, 0xb4},
                      .vector = {0xa5, 0x8c, 0xff},
                      .filter = {0xe0, 0x72, 0x9b},
                      .effect = {0x5a, 0xa2, 0xff},
                      .structure = {0x88, 0x92, 0xa4},
                      .accent = {0x5a, 0xa2, 0xff},
                      .good = {0x6f, 0xd0, 0x8c},
                      .warn = {0xf2, 0xb1, 0x3c},
                      .bad = {0xff, 0x6b, 0x6b},
                      .onAccent = {0x0d, 0x12, 0x1a}};
// every text colour >= 4.5:1 on its ground
constexpr Theme kLight{.ground = {0xe9, 0xec, 0xf1},
                       .panel = {0xf7, 0xf8, 0xfa},
                       .node = {0xff, 0xff, 0xff},
                       .line = {0xc3, 0xc9, 0xd4},
                       .field = {0xff, 0xff, 0xff},
                       .text = {0x1a, 0x1d, 0x24},
                       .secondary = {0x55, 0x5e, 0x6e},
                       .audio = {0x95, 0x5f, 0x00},
                       .control = {0x00, 0x74, 0x68},
                       .vector = {0x63, 0x45, 0xd6},
                       .filter = {0xb0, 0x2e, 0x62},
                       .effect = {0x15, 0x60, 0xc8},
                       .structure = {0x5b, 0x65, 0x78},
                       .accent = {0x15, 0x60, 0xc8},
                       .good = {0x1c, 0x7a, 0x3c},
                       .warn = {0x95, 0x5f, 0x00},
                       .bad = {0xc6, 0x28, 0x28},
                       .onAccent = {0xff, 0xff, 0xff}};

const Theme* current = &kDark;

QPalette paletteOf(const Theme& t) {
  QPalette p;
  p.setColor(QPalette::Window, t.panel);
  p.setColor(QPalette::WindowText, t.text);
  p.setColor(QPalette::Base, t.field);
  p.setColor(QPalette::AlternateBase, t.panel);
  p.setColor(QPalette::Text, t.text);
  p.setColor(QPalette::PlaceholderText, t.secondary);
  p.setColor(QPalette::Button, t.node);
  p.setColor(QPalette::ButtonText, t.text);
  p.setColor(QPalette::Highlight, t.accent);
  p.setColor(QPalette::HighlightedText, t.onAccent);
  p.setColor(QPalette::ToolTipBase, t.node);
  p.setColor(QPalette::ToolTipText, t.text);
  p.setColor(QPalette::Link, t.accent);
  for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText})
    p.setColor(QPalette::Disabled, role, t.structure);
  return p;
}

QString styleSheet(const Theme& t) {
  QString s = QStringLiteral(R"(
QWidget { font-size: 13px; }
QMainWindow, QDialog { background: @panel; }
QToolTip { background: @node; color: @text; border: 1px solid @line; padding: 4px; }
QLabel[role="title"] { font-size: 15px; font-weight: 600; }
QLabel[role="heading"] { font-size: 12px; font-weight: 600; color: @secondary; }
QLabel[role="secondary"] { font-size: 12px; color: @secondary; }
QLabel[role="warning"] { color: @warn; }
QLabel[role="trouble"] { font-size: 12px; color: @bad; }
QLabel[role="number"] { font-size: 22px; font-weight: 600; }
QLabel[role="notice"] { background: @node; border: 1px solid @warn; border-radius: 5px; padding: 4px 8px; }
QPushButton, QToolButton { background: @node; color: @text; border: 1px solid @line; border-radius: 5px; padding: 4px 10px; }
QFileDialog QToolButton { padding: 4px; }
QPushButton:hover, QToolButton:hover { border-color: @secondary; }
QPushButton:focus, QToolButton:focus { border-color: @accent; }
QPushButton:pressed, QToolButton:pressed { background: @line; }
QPushButton:checked, QToolButton:checked { background: @accent; color: @onAccent; border-color: @accent; }
QPushButton:disabled, QToolButton:disabled { color: @structure; border-color: @node; }
QPushButton[role="primary"] { background: @accent; color: @onAccent; border-color: @accent; font-weight: 600; }
QPushButton[role="primary"]:disabled { background: @node; color: @structure; border-color: @node; }
QPushButton[role="stop"] { background: @bad; color: @onAccent; border-color: @bad; font-weight: 600; }
QPushButton[role="primary"]:focus, QPushButton[role="stop"]:focus, QPushButton:checked:focus, QToolButton:checked:focus {
  border: 3px double @onAccent; padding: 2px 8px; }
QPushButton[role="flat"], QToolButton[role="flat"] { background: transparent; border-color: transparent; color: @secondary; }
QPushButton[role="flat"]:hover, QToolButton[role="flat"]:hover { color: @text; border-color: @line; }
QPushButton[role="flat"]:focus, QToolButton[role="flat"]:focus { border-color: @accent; }
QPushButton[role="flat"]:disabled { color: @structure; }
QLineEdit, QPlainTextEdit { background: @field; color: @text; border: 1px solid @line;
  border-radius: 5px; padding: 3px 6px; selection-background-color: @accent; selection-color: @onAccent; }
QLineEdit:focus, QPlainTextEdit:focus { border-color: @accent; }
QLineEdit:disabled { color: @structure; }
QComboBox QAbstractItemView { background: @node; color: @text; border: 1px solid @line; selection-background-color: @accent;
  selection-color: @onAccent; }
QListView, QTreeView, QTableView, QListWidget, QTreeWidget { background: transparent; border: none; outline: none; }
QTableView { background: @field; border: 1px solid @line; border-radius: 5px; gridline-color: @line; }
QHeaderView::section { background: @panel; color: @secondary; border: none; border-bottom: 1px solid @line; padding: 2px 4px; font-size: 11px; }
QTabWidget::pane { border: none; }
QTabBar::tab { background: transparent; color: @secondary; padding: 6px 10px; border-bottom: 2px solid transparent; }
QTabBar::tab:selected { color: @text; font-weight: 600; border-bottom: 2px solid @accent; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: @line; border-radius: 4px; min-height: 24px; min-width: 24px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QSlider::groove:horizontal { background: @line; height: 4px; border-radius: 2px; }
QSlider::sub-page:horizontal { background: @accent; height: 4px; border-radius: 2px; }
QSlider::sub-page:horizontal:disabled { background: @line; }
QSlider::handle:horizontal { background: @text; width: 14px; height: 14px; margin: -5px 0; border-radius: 7px; }
QSlider::handle:horizontal:focus { border: 2px solid @accent; width: 12px; height: 12px; margin: -6px 0; border-radius: 8px; }
QSlider::handle:horizontal:disabled { background: @structure; }
QCheckBox::indicator { width: 13px; height: 13px; border: 1px solid @secondary; border-radius: 3px; background: @field; }
QCheckBox::indicator:checked { border-color: @accent; background: @accent; }
QCheckBox::indicator:focus { border-color: @accent; }
QMenuBar { background: @panel; } QMenuBar::item:selected { background: @line; }
QMenu { background: @node; color: @text; border: 1px solid @line; padding: 4px; }
QMenu::item { padding: 4px 24px 4px 12px; border-radius: 4px; } QMenu::item:selected { background: @accent; color: @onAccent; }
QMenu::item:disabled { color: @structure; } QMenu::separator { height: 1px; background: @line; margin: 4px; }
QSplitter::handle { background: @line; }
QProgressBar { background: @field; border: 1px solid @line; border-radius: 4px; text-align: center; height: 12px; font-size: 11px; }
QProgressBar::chunk { background: @accent; border-radius: 3px; }
QFrame[role="panel"] { background: @panel; border: none; }
QFrame[role="popup"] { background: @node; border: 1px solid @line; border-radius: 8px; }
QScrollArea, QScrollArea > QWidget > QWidget { background: transparent; border: none; }
)");
  const std::pair<const char*, QColor> names[] = {{"@onAccent", t.onAccent},
                                                  {"@panel", t.panel},
                                                  {"@node", t.node},
                                                  {"@line", t.line},
                                                  {"@field", t.field},
                                                  {"@text", t.text},
                                                  {"@secondary", t.secondary},
                                                  {"@structure", t.structure},
                                                  {"@accent", t.accent},
                                                  {"@warn", t.warn},
                                                  {"@bad", t.bad}};
  for (const auto& [name, colour] : names) s.replace(QLatin1String(name), colour.name());
  return s;
}

}  // namespace

void setRole(QWidget& widget, const char* role) {
  widget.setProperty("role", role);
  widget.style()->unpolish(&widget);  // the style sheet is looked up once
  widget.style()->polish(&widget);
}

const Theme& theme() { return *current; }

void applyTheme(QApplication& app, ThemeKind kind) {
  current = kind == ThemeKind::dark ? &kDark : &kLight;
  app.setStyle(QStyleFactory::create(QStringLiteral("Fusion")));
  QFont font;
  font.setFamilies({QStringLiteral("Noto Sans"), QStringLiteral("DejaVu Sans")});
  font.setPixelSize(13);
  app.setFont(font);
  app.setPalette(paletteOf(*current));
  app.setStyleSheet(styleSheet(*current));
}

namespace {
/// Gates, envelopes and notes run at audio rate, yet a musician reads them as control.
bool controls(core::Category c) { return c == core::Category::control || c == core::Category::envelope; }
bool isVector(core::Rate rate, const core::Width& w) {
  return w.size > 2 || (w.variable && rate == core::Rate::control);
}
}  // namespace

SignalKind outputKind(const core::NodeType& type, const core::Output& row) {
  if (isVector(row.rate, row.width)) return SignalKind::vector;
  return row.rate == core::Rate::control || controls(type.info.category) ? SignalKind::control : SignalKind::audio;
}

SignalKind inputKind(const core::NodeType& type, const core::Input& row) {
  if (isVector(row.rate, row.width)) return SignalKind::vector;
  const bool control = row.isParameter() || !row.differentiable || row.rate == core::Rate::control;
  return control || controls(type.info.category) ? SignalKind::control : SignalKind::audio;
}

QColor signalColour(SignalKind kind) {
  const Theme& t = theme();
  return kind == SignalKind::audio ? t.audio : kind == SignalKind::control ? t.control : t.vector;
}

QColor categoryColour(core::Category category) {
  const Theme& t = theme();
  switch (category) {
    case core::Category::source:
      return t.audio;
    case core::Category::filter:
      return t.filter;
    case core::Category::envelope:
    case core::Category::control:
      return t.control;
    case core::Category::effect:
      return t.effect;
    case core::Category::neural:
      return t.vector;
    case core::Category::structure:
      break;
  }
  return t.structure;
}

QString categoryName(core::Category category) {
  constexpr std::array names{"Source", "Filter", "Envelope", "Effect", "Control", "Neural", "Structure"};
  return QLatin1String(names[static_cast<std::size_t>(category)]);
}

}  // namespace ui
