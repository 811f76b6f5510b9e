// SPDX-License-Identifier: GPL-3.0-or-later
// links: app_parts
// Every factory preset: complete, playable, at the house level, with enough to fit.
#include <QTest>
#include <set>

#include "app/catalog.h"
#include "app/export.h"
#include "core/analysis/loudness.h"
#include "core/fit/session.h"
#include "nodes/registry.h"

using namespace core;

namespace {
const Registry& registry() {
  static const Registry r = nodes::makeRegistry();
  return r;
}
void rows() {
  QTest::addColumn<QString>("id");
  for (const auto& p : presets::factoryPresets(PRESETS_DIR))
    QTest::newRow(p.id.c_str()) << QString::fromStdString(p.id);
}
Patch load(const QString& id) {
  auto p = app::loadPatch(id.toStdString());
  if (!p) qFatal("%s", p.error().message.c_str());
  return *p;
}
}  // namespace

class TestPresets : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void thereAreTwelve() {
    std::set<std::string> ids;
    for (const auto& p : presets::factoryPresets(PRESETS_DIR)) ids.insert(p.id);
    QVERIFY(ids.size() >= 12);
    for (const char* id : {"subtractive-voice", "subtractive-poly", "sms-resynthesis", "fm-bell", "plucked-delay",
                           "noise-wind", "feedback-drone", "live-input-filter"})
      QVERIFY2(ids.contains(id), id);
  }

  void complete_data() { rows(); }
  void complete() {
    QFETCH(QString, id);
    const Patch p = load(id);
    QVERIFY(!p.name.empty() && p.tags.size() >= 2 && p.description.ends_with(".") && !p.phrase.empty());
    const auto plan = compilePlan(p, registry(), {.rate = p.rate});
    QVERIFY2(plan.has_value(), plan ? "" : plan.error().message.c_str());
    QVERIFY(plan->outputNode >= 0);
    const auto free = declaredFree(p, registry());
    QVERIFY2(free.size() >= 6, qPrintable(QString::number(free.size())));
    for (const FitVariable& v : free) QVERIFY2(v.row != "time" && v.row != "rate" && v.row != "seed", v.row.c_str());
    for (const PatchNode& n : p.nodes)
      for (const std::string& row : n.free) {
        const NodeType* type = registry().find(n.type);
        QVERIFY2(type && (type->inputIndex(row) >= 0 || type->tensorIndex(row) >= 0), (n.id + "." + row).c_str());
      }
  }

  void level_data() { rows(); }
  void level() {
    QFETCH(QString, id);
    app::ExportOptions options;
    options.format = AudioFormat::wav32f;
    const auto sound = app::renderForExport(load(id), registry(), options);
    QVERIFY(sound.has_value());
    const double lufs = core::integratedLoudness(*sound);
    QVERIFY2(std::fabs(lufs + 18) <= 1, qPrintable(QString("%1 LUFS").arg(lufs)));
    float peak = 0;
    for (const auto& c : sound->channels)
      for (const float x : c) peak = std::max(peak, std::fabs(x));
    QVERIFY2(peak < 1, qPrintable(QString("peak %1").arg(double(peak))));
  }

  void feedbackPresetHasACycle() {
    const Patch p = load("feedback-drone");
    QVERIFY(std::any_of(p.cables.begin(), p.cables.end(), [](const Cable& c) { return c.delayed; }));
    QCOMPARE(load("subtractive-poly").voices, 16);
  }

  void roundTrip_data() { rows(); }
  void roundTrip() {
    QFETCH(QString, id);
    const Patch p = load(id);
    const auto text = presets::writeText(p);
    const auto back = presets::readText(text.json, text.blobs);
    QVERIFY(back.has_value());
    QCOMPARE(presets::writeText(*back).json, text.json);
    QVERIFY(presets::writeText(*back).blobs == text.blobs);
  }
};

QTEST_APPLESS_MAIN(TestPresets)
#include "tst_presets.moc"
