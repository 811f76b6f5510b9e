// SPDX-License-Identifier: GPL-3.0-or-later
// links: app_parts
// The audio callback neither allocates, locks, sleeps nor touches files, whatever the user does
// meanwhile. Run with the guard of tests/guard preloaded (CMake does).
#include <QDir>
#include <QTest>
#include <cstdlib>

#include "app/rate_adapter.h"
#include "core/graph/live_engine.h"
#include "nodes/registry.h"
#include "presets/patch_file.h"

extern "C" {
__attribute__((weak)) void rtguard_enter();
__attribute__((weak)) void rtguard_exit();
__attribute__((weak)) int rtguard_hits();
__attribute__((weak)) const char* rtguard_last();
}

using namespace core;

class TestRealtime : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void guardSeesAllocation() {
    QVERIFY2(rtguard_hits, "the guard is not preloaded; run through ctest");
    rtguard_hits();
    rtguard_enter();
    void* volatile p = std::malloc(10);
    rtguard_exit();
    std::free(p);
    QCOMPARE(rtguard_hits(), 1);
  }

  void preset_data() {
    QTest::addColumn<QString>("path");
    QTest::addColumn<double>("rate");
    for (const QFileInfo& f : QDir(PRESETS_DIR).entryInfoList({"*.json", "*.safetensors"}))
      QTest::newRow(qPrintable(f.baseName())) << f.filePath() << 0.0;
    for (const QFileInfo& f : QDir(PRESETS_DIR "/../models").entryInfoList({"*.json"}))
      for (const double rate : {16000.0, 48000.0})  // frames that are ticks, and frames of three ticks
        QTest::addRow("%s @ %g", qPrintable(f.baseName()), rate) << f.filePath() << rate;
  }
  void preset() {
    QFETCH(QString, path);
    QFETCH(double, rate);
    const Registry registry = nodes::makeRegistry();
    auto patch = presets::readPatch(path.toStdString());
    QVERIFY2(patch.has_value(), patch ? "" : patch.error().message.c_str());
    if (rate > 0) patch->rate = rate;
    LiveEngine engine(registry);
    QVERIFY(engine.setPatch(*patch));
    engine.playPhrase(patch->phrase);
    std::vector<float> l(128), r(128);
    float* const out[2] = {l.data(), r.data()};
    rtguard_hits();
    int hits = 0;
    for (int block = 0; block < 400; ++block) {
      if (block % 40 == 7) engine.play({5, PlayerEvent::Type::noteOn, static_cast<float>(50 + block % 12), 0.8F});
      if (block % 50 == 20 && !patch->cables.empty()) {
        patch->cables.back().depth *= 0.9;
        QVERIFY(engine.setPatch(*patch));
      }
      if (block % 30 == 9)
        for (const PatchNode& n : patch->nodes)
          for (const auto& [input, value] : n.values) engine.setKnob(n.id, input, value * 1.01);
      const PatchNode& looked = patch->nodes[static_cast<std::size_t>(block) % patch->nodes.size()];
      engine.watch(looked.id, {"pitch", "loudness", "cutoff", "level"});
      rtguard_enter();
      engine.process(nullptr, out, 128);
      rtguard_exit();
      hits += rtguard_hits();
      engine.collect();
    }
    QVERIFY2(hits == 0, qPrintable(QString("%1 forbidden calls, the last one %2").arg(hits).arg(rtguard_last())));
  }

  void rateAdapter() {  // a device of another rate, from its first block on
    const auto play = [](void*, const float* const in[2], float* const out[2], int frames) {
      for (int c = 0; c < 2; ++c) std::copy(in[c], in[c] + frames, out[c]);
    };
    app::RateAdapter adapter(play, nullptr);
    std::vector<float> l(1024, 0.5F), r(l), toLeft(l), toRight(l);
    const float* const in[2] = {l.data(), r.data()};
    float* const out[2] = {toLeft.data(), toRight.data()};
    rtguard_hits();
    rtguard_enter();
    for (int i = 0; i < 300; ++i) adapter.process(48000, i < 150 ? 44100 : 96000, in, out, 1 + i * 37 % 1024);
    rtguard_exit();
    const int hits = rtguard_hits();
    QVERIFY2(hits == 0, qPrintable(QString("%1 forbidden calls, the last one %2").arg(hits).arg(rtguard_last())));
  }
};

QTEST_APPLESS_MAIN(TestRealtime)
#include "tst_realtime.moc"
