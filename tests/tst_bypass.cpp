// SPDX-License-Identifier: GPL-3.0-or-later
// links: nodes
// Bypassed nodes: the wiring goes around them, bit for bit as if they were not there.
#include <QtTest>
#include <cmath>

#include "core/graph/bypass.h"
#include "core/graph/live_engine.h"
#include "core/graph/render.h"
#include "patch_rig.h"

using namespace tests;

namespace {

/// osc -> svf -> delay -> out, nothing bypassed.
Patch chain() {
  Patch p = notePatch();
  p.nodes.push_back(node("svf", "filter.svf", {{"cutoff", 700}}));
  p.nodes.push_back(node("delay", "effect.delay", {{"time", 40}}));
  p.cables.push_back({"osc", "out", "svf", "in"});
  p.cables.push_back({"svf", "low", "delay", "in"});
  p.cables.push_back({"delay", "out", "out", "in"});
  return p;
}

std::vector<float> soundOf(const Patch& p) {
  const auto r = render(p, registry(), {.seconds = 0.2});
  return r ? r->channels[0] : std::vector<float>();
}
float peakOf(const std::vector<float>& x) {
  float peak = 0;
  for (const float v : x) peak = std::max(peak, std::fabs(v));
  return peak;
}

}  // namespace

class TestBypass : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void soundsAsIfItWereNotThere() {
    Patch p = chain(), direct = chain();
    QVERIFY(peakOf(soundOf(p)) > 0.01F);
    p.find("svf")->bypassed = true;
    direct.cables[3] = {"osc", "out", "delay", "in"};
    QVERIFY(soundOf(p) != soundOf(chain()));
    QCOMPARE(soundOf(p), soundOf(direct));
    p.find("delay")->bypassed = true;  // two in a row
    direct.cables[4] = {"osc", "out", "out", "in"};
    QCOMPARE(soundOf(p), soundOf(direct));
  }

  void depthsMultiply() {
    Patch p = chain(), direct = chain();
    p.find("svf")->bypassed = true;
    p.cables[2].depth = 0.5;
    p.cables[3].depth = 0.5;
    direct.cables[3] = {"osc", "out", "delay", "in", 0.25};
    QCOMPARE(soundOf(p), soundOf(direct));
  }

  void sourcesAndOtherOutputsFallSilent() {
    Patch p = chain();
    p.find("osc")->bypassed = true;
    QCOMPARE(peakOf(soundOf(p)), 0.0F);
    p = chain();
    p.find("svf")->bypassed = true;
    p.cables[3].output = "high";
    QCOMPARE(peakOf(soundOf(p)), 0.0F);
  }

  void cyclesKeepTheirDelay() {
    Patch p = feedbackPatch();
    p.find("svf")->bypassed = true;
    const Patch routed = withoutBypassed(p, registry());
    const bool loops = std::any_of(routed.cables.begin(), routed.cables.end(),
                                   [](const Cable& c) { return c.from == "gain" && c.to == "gain" && c.delayed; });
    QVERIFY(loops);
    const auto sound = soundOf(p);
    QVERIFY(peakOf(sound) > 0.01F);
    for (const float v : sound) QVERIFY(std::isfinite(v));
  }

  void everyPathFits() {
    for (const NodeType& t : registry().types()) {
      const auto path = bypassPath(t);
      if (!path) continue;
      Patch p = notePatch();
      p.nodes.push_back(node("x", std::string(t.info.id).c_str()));
      p.nodes.back().bypassed = true;
      if (t.info.isOutput) continue;
      p.cables.push_back({"osc", "out", "x", std::string(t.inputs[static_cast<std::size_t>(path->first)].id)});
      p.cables.push_back({"x", std::string(t.outputs[static_cast<std::size_t>(path->second)].id), "out", "in"});
      QVERIFY2(peakOf(soundOf(p)) > 0.01F, std::string(t.info.id).c_str());
    }
    QVERIFY(bypassPath(*registry().find("structure.pan")));
    QVERIFY(!bypassPath(*registry().find("source.oscillator")));
  }

  void switchesLiveWithoutAJump() {
    Patch p = chain();
    p.find("osc")->settings["waveform"].text = "sine";
    p.find("svf")->values["cutoff"] = 18000;
    p.find("delay")->bypassed = true;
    p.voices = 1;
    LiveEngine engine(registry());
    QVERIFY(engine.setPatch(p));
    engine.play({0, PlayerEvent::Type::noteOn, 60, 0.8F});
    std::vector<float> heard;
    const auto run = [&](int blocks) {
      std::vector<float> left(128), right(128);
      float* const out[2] = {left.data(), right.data()};
      const float* const in[2] = {nullptr, nullptr};
      for (int b = 0; b < blocks; ++b) {
        engine.process(in, out, 128);
        heard.insert(heard.end(), left.begin(), left.end());
        engine.collect();
      }
    };
    run(100);
    float steady = 0;
    for (std::size_t i = heard.size() - 4000; i < heard.size(); ++i)
      steady = std::max(steady, std::fabs(heard[i] - heard[i - 1]));
    const std::size_t before = heard.size();
    p.find("svf")->bypassed = true;
    QVERIFY(engine.setPatch(p));
    run(60);
    p.find("svf")->bypassed = false;
    QVERIFY(engine.setPatch(p));
    run(60);
    QVERIFY(steady > 0);
    float jump = 0;
    for (std::size_t i = before; i < heard.size(); ++i) jump = std::max(jump, std::fabs(heard[i] - heard[i - 1]));
    QVERIFY2(jump < 1.2F * steady, qPrintable(QString("%1 against %2").arg(double(jump)).arg(double(steady))));
  }
};

QTEST_APPLESS_MAIN(TestBypass)
#include "tst_bypass.moc"
