// SPDX-License-Identifier: GPL-3.0-or-later
// links: ui nodes presets
// The window around the canvas: menus as the README names them, room on small screens, nothing that moves by itself.
#include <QFileDialog>
#include <QLabel>
#include <QMenuBar>
#include <QPushButton>
#include <QRegularExpression>
#include <QTabBar>
#include <QTabWidget>
#include <QToolButton>

#include "tests/window_rig.h"
#include "ui/browser/browser.h"
#include "ui/fit/fit_panel.h"
#include "ui/train/train_panel.h"
#include "ui/widgets/keyboard.h"
#include "ui/widgets/top_bar.h"

using namespace ui;

class TestFrame : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() { useTestFolders("tst_frame"); }

  void readmeNamesWhatTheMenusSay() {
    Rig rig;
    QFile file(QStringLiteral(PRESETS_DIR "/../../README.md"));
    QVERIFY(file.open(QIODevice::ReadOnly));
    const auto plain = [](QString name) { return name.remove(QLatin1Char('&')).section(QLatin1Char('\t'), 0, 0); };
    QStringList entries;  // "Menu → Entry", as the README writes it
    for (const QAction* menu : rig.window.menuBar()->actions())
      for (const QAction* entry : menu->menu()->actions())
        entries << plain(menu->text()) + QStringLiteral(" \u2192 ") +
                       plain(entry->text()).replace(QStringLiteral("..."), QStringLiteral("\u2026"));
    auto found = QRegularExpression(QStringLiteral("\\*(\\w+ \u2192 [^*]+)\\*"))
                     .globalMatch(QString::fromUtf8(file.readAll()).simplified());
    QVERIFY(found.hasNext());
    while (found.hasNext()) {
      const QString said = found.next().captured(1);
      QVERIFY2(entries.contains(said), qPrintable(said));
    }
  }

  /// The style's padding leaves them the room to be recognised.
  void fileDialogsShowTheirButtons() {
    QFileDialog dialog;
    dialog.setOption(QFileDialog::DontUseNativeDialog);
    dialog.show();
    const auto buttons = dialog.findChildren<QToolButton*>();
    QVERIFY(buttons.size() >= 6);
    for (QToolButton* b : buttons) {
      const QImage with = b->grab().toImage();
      b->setIcon({});
      const QImage without = b->grab().toImage();
      QRect drawn;
      for (int y = 0; y < with.height(); ++y)
        for (int x = 0; x < with.width(); ++x)
          if (with.pixel(x, y) != without.pixel(x, y)) drawn |= QRect(x, y, 1, 1);
      QVERIFY2(drawn.width() >= 8 && drawn.height() >= 8, qPrintable(b->objectName()));
    }
  }

  void nothingMovesFromUnderTheMouse() {
    Rig rig;
    const auto* bar = rig.window.findChild<TopBar*>();
    const auto settled = [&] {
      rig.window.grab();  // lays out what is due
      return QList<QRect>{QRect(bar->playButton()->mapTo(&rig.window, QPoint()), bar->playButton()->size()),
                          QRect(rig.canvas().mapTo(&rig.window, QPoint()), rig.canvas().size()),
                          QRect(rig.window.keyboard().mapTo(&rig.window, QPoint()), rig.window.keyboard().size())};
    };
    const QList<QRect> before = settled();
    rig.engine.current.dropouts = 1;
    rig.engine.current.running = true;
    rig.engine.current.device = QStringLiteral("A device whose name goes on for quite a while");
    rig.document.change(QStringLiteral("Name"), [](core::Patch& p) { p.name.assign(300, 'm'); });
    rig.window.say(QStringLiteral("A sentence. ").repeated(20));
    rig.window.setTyping(true);
    QTRY_VERIFY(bar->deviceButton()->toolTip().contains(rig.engine.current.device));
    QStringList words;
    for (const QLabel* l : bar->findChildren<QLabel*>()) words << l->text();
    QVERIFY2(words.contains(QStringLiteral("1 dropout")), qPrintable(words.join(QLatin1Char(';'))));
    QCOMPARE(settled(), before);
    rig.window.setTyping(false);
  }

  void fitsASmallScreen() {
    Rig rig;
    constexpr int kScreen = 1024;
    const int aside = rig.window.browser().minimumWidth() + 16;
    QVERIFY(rig.window.findChild<TopBar*>()->minimumSizeHint().width() <= kScreen);
    QVERIFY2(aside + rig.window.fitPanel().minimumSizeHint().width() <= kScreen,
             qPrintable(QString::number(rig.window.fitPanel().minimumSizeHint().width())));
    rig.window.resize(kScreen, 640);
    rig.window.grab();
    // nothing but the panel of training may ask for more
    const int training = rig.window.trainPanel().minimumSizeHint().width();
    QVERIFY2(rig.window.width() <= std::max(kScreen, aside + training),
             qPrintable(QStringLiteral("%1, training %2").arg(rig.window.width()).arg(training)));
    const QTabBar* tabs = rig.window.browser().tabs()->tabBar();
    for (int i = 0; i < tabs->count(); ++i) QVERIFY(tabs->rect().contains(tabs->tabRect(i)));
  }
};

QTEST_MAIN(TestFrame)
#include "tst_frame.moc"
