// SPDX-License-Identifier: GPL-3.0-or-later
// A window over a small patch and a fake engine, with the mouse in reach.
#pragma once

#include <QApplication>
#include <QDir>
#include <QStandardPaths>
#include <QTest>

#include "nodes/registry.h"
#include "tests/fake_engine.h"
#include "ui/canvas/canvas.h"
#include "ui/main_window.h"
#include "ui/theme.h"

inline const core::Registry& windowRegistry() {
  static const core::Registry r = nodes::makeRegistry();
  return r;
}

/// Three nodes side by side, not connected: svf, delay, output.
struct Rig {
  FakeEngine engine;
  ui::Document document{windowRegistry(), engine};
  ui::MainWindow window;

  explicit Rig(ui::WindowServices services = {}) : window(windowRegistry(), engine, document, std::move(services)) {
    window.resize(1500, 950);
    window.show();
    (void)QTest::qWaitForWindowExposed(&window);
    window.activateWindow();
    (void)document.addNode("filter.svf", {0, 0});
    (void)document.addNode("effect.delay", {300, 0});
    (void)document.addNode("structure.output", {600, 0});
    canvas().frameAll();
    document.undoStack().clear();
    QCoreApplication::processEvents();
  }
  ui::Canvas& canvas() { return window.canvas(); }
  QWidget* ground() { return canvas().viewport(); }
  const core::Patch& patch() { return document.patch(); }

  /// `held`: on the press; `dropped`: on the release.
  void drag(QPoint from, QPoint to, Qt::KeyboardModifiers held = {}, Qt::KeyboardModifiers dropped = {}) {
    QTest::mousePress(ground(), Qt::LeftButton, held, from);
    for (int i = 1; i <= 8; ++i) QTest::mouseMove(ground(), from + (to - from) * i / 8);
    QTest::mouseRelease(ground(), Qt::LeftButton, held | dropped, to);
  }
  void connectByMouse() { drag(port("svf", "low", true), port("delay", "in", false)); }
  QPoint port(const char* node, const char* id, bool output) { return canvas().portOnView({node, id, output}); }
  QPoint middleOf(const char* node) { return canvas().mapFromScene(canvas().nodeItem(node)->pos() + QPointF(60, 16)); }
  QPoint emptySpot() { return {ground()->width() / 2, ground()->height() - 30}; }
};

/// Settings and autosaves of the tests stay apart from the user's.
inline void useTestFolders(const char* name) {
  QStandardPaths::setTestModeEnabled(true);
  QCoreApplication::setOrganizationName(QStringLiteral("tonewright-test"));
  QCoreApplication::setApplicationName(QString::fromLatin1(name));
  ui::applyTheme(*qApp, ui::ThemeKind::dark);
}
