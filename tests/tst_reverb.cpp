// SPDX-License-Identifier: GPL-3.0-or-later
// The two reverbs against their definitions: decay time of the delay network, convolution against
// the direct sum, and its sweep back over a tape cut into stretches against the adjoint identity.
#include <QTest>

#include "core/graph/gradient.h"
#include "nodes/effect/convolution.h"
#include "nodes/effect/fdn_reverb.h"
#include "nodes/registry.h"
#include "tests/node_rig.h"

using namespace tests;

namespace {
const NodeType& fdnType() {
  static const NodeType t = makeNodeType<nodes::FdnReverb>();
  return t;
}
const NodeType& convolutionType() {
  static const NodeType t = makeNodeType<nodes::Convolution>();
  return t;
}
void setInput(NodeRig& rig, int input, double x) {
  SignalBuffer& b = rig.inputs[at(input)];
  for (int c = 0; c < b.planes(); ++c)
    for (int i = 0; i < b.tickSize() * rig.ticks; ++i) b.at(0, 0, c)[i] = static_cast<Sample>(x);
}
void setNoise(NodeRig& rig, int input, int frames) {
  SignalBuffer& b = rig.inputs[at(input)];
  setInput(rig, input, 0);
  for (int c = 0; c < b.planes(); ++c) whiteNoise(7, c, 0, frames, b.at(0, 0, c));
}
}  // namespace

class TestReverb : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void decay_data() {
    QTest::addColumn<double>("seconds");
    QTest::addColumn<double>("rate");
    for (const double rate : {44100.0, 48000.0, 96000.0})
      for (const double s : {0.5, 2.0}) QTest::addRow("%g s @ %g Hz", s, rate) << s << rate;
  }
  /// T60 from the backward integral between -5 and -35 dB (M. R. Schroeder, 1965), without damping.
  void decay() {
    QFETCH(double, seconds);
    QFETCH(double, rate);
    using Fdn = nodes::FdnReverb;
    NodeRig rig(fdnType(), 1, rate, static_cast<int>(seconds * 1.5 * rate / kTick), 1);
    setInput(rig, Fdn::in, 0);
    setInput(rig, Fdn::t60, seconds);
    setInput(rig, Fdn::damping, 0);
    setInput(rig, Fdn::mix, 1);
    for (int c = 0; c < 2; ++c) rig.inputs[Fdn::in].at(0, 0, c)[0] = 1;
    rig.reset();
    rig.forward({3});
    for (int c = 0; c < 2; ++c) {
      const Sample* y = rig.outputs[0].at(0, 0, c);
      const int frames = rig.ticks * kTick;
      std::vector<double> left(at(frames + 1), 0.0);
      for (int i = frames; i-- > 0;)
        left[at(i)] = left[at(i + 1)] + static_cast<double>(y[i]) * static_cast<double>(y[i]);
      const auto reaches = [&](double db) {
        int i = 0;
        while (i < frames && 10 * std::log10(left[at(i)] / left[0]) > db) ++i;
        return i / rate;
      };
      const double t60 = 2 * (reaches(-35) - reaches(-5));
      QVERIFY2(std::fabs(t60 / seconds - 1) < 0.1, qPrintable(QString("channel %1: T60 %2 s").arg(c).arg(t60)));
    }
  }

  /// With damping the tail gets darker: high frequencies die first.
  void damping() {
    using Fdn = nodes::FdnReverb;
    double share[2];  // of differences in the late tail's energy
    for (int k = 0; k < 2; ++k) {
      NodeRig rig(fdnType(), 1, 48000, 750, 1);
      setNoise(rig, Fdn::in, 4800);
      setInput(rig, Fdn::t60, 2);
      setInput(rig, Fdn::damping, k ? 0.5 : 0.0);
      setInput(rig, Fdn::mix, 1);
      rig.reset();
      rig.forward({4});
      double energy = 0, fast = 0;
      const Sample* y = rig.outputs[0].at(0, 0);
      for (int i = 36000; i < 48000; ++i) {
        energy += static_cast<double>(y[i] * y[i]);
        fast += static_cast<double>((y[i] - y[i - 1]) * (y[i] - y[i - 1]));
      }
      share[k] = fast / energy;
    }
    QVERIFY2(share[1] < 0.2 * share[0], qPrintable(QString("%1 against %2").arg(share[1]).arg(share[0])));
  }

  void direct_data() {
    QTest::addColumn<double>("rate");
    for (const double rate : {8000.0, 48000.0}) QTest::addRow("%g Hz", rate) << rate;
  }
  /// Against the direct sum in double: -110 dB, over all sizes of partitions; and split bit for bit.
  void direct() {
    QFETCH(double, rate);
    using Node = nodes::Convolution;
    const int ticks = 420;
    NodeRig rig(convolutionType(), 1, rate, ticks, 1);
    setNoise(rig, Node::in, ticks * kTick);
    setInput(rig, Node::wet, 0);
    Node::tensorDefault(0, rig.setup, rig.tensorValues[0].data);
    rig.packTensors();
    rig.prepare();
    rig.reset();
    rig.forward({3});
    const Sample *x = rig.inputs[0].at(0, 0), *y = rig.outputs[0].at(0, 0);
    const auto& h = rig.tensorValues[0].data;
    double error = 0, energy = 0;
    for (int n = 0; n < ticks * kTick; n += 7) {
      double exact = static_cast<double>(x[n]);
      for (int j = 0; j <= n && j < static_cast<int>(h.size()); ++j)
        exact += static_cast<double>(h[at(j)]) * static_cast<double>(x[n - j]);
      error += (exact - static_cast<double>(y[n])) * (exact - static_cast<double>(y[n]));
      energy += exact * exact;
    }
    QVERIFY2(10 * std::log10(error / energy) < -110, qPrintable(QString("%1 dB").arg(10 * std::log10(error / energy))));
    const std::vector<Sample> whole(y, y + ticks * kTick);
    for (const std::vector<int>& pieces : {std::vector<int>{420}, {1}, {5, 64, 2}}) {
      rig.reset();
      rig.forward(pieces);
      QVERIFY(std::memcmp(whole.data(), y, whole.size() * sizeof(Sample)) == 0);
    }
  }

  /// <dy, A x> = <A' dy, x> for every learnable thing, the tape in one stretch and in several.
  void adjoint_data() {
    QTest::addColumn<int>("stretch");
    QTest::newRow("whole") << 0;
    QTest::newRow("stretches of 70 ticks") << 70;
  }
  void adjoint() {
    QFETCH(int, stretch);
    const core::Registry registry = nodes::makeRegistry();
    Patch patch;
    patch.rate = 16000;
    PatchNode noise = makeNode(patch, *registry.find("source.filtered-noise"));
    noise.id = "noise";
    PatchNode room = makeNode(patch, *registry.find("effect.convolution"));
    room.id = "room";
    room.settings["dry"] = {0, "off"};
    room.settings["length"] = {0.7, ""};
    room.values["wet"] = 0;
    PatchNode out = makeNode(patch, *registry.find("structure.output"));
    out.id = "out";
    patch.nodes = {noise, room, out};
    patch.cables = {{"noise", "out", "room", "in", 1, false, false}, {"room", "out", "out", "in", 1, false, false}};
    auto plan = compilePlan(patch, registry, {.rate = patch.rate});
    QVERIFY2(bool(plan), plan ? "" : plan.error().message.c_str());
    const int node = plan->findNode("room"), level = plan->findKnob("noise", "level");
    const std::vector<Sample> h = plan->nodes[at(node)].tensors[0].data;
    Gradient::Options options;
    options.stretchTicks = stretch;
    auto made = Gradient::create(std::move(*plan), {{level}, {{node, 0}}}, 250, options);
    QVERIFY(bool(made));
    Gradient& g = **made;
    QCOMPARE(g.checkpointed(), stretch > 0);
    g.forward();
    std::vector<Sample> y(at(g.frames())), dy(at(g.frames()));
    g.copyOutput(0, 0, y);
    whiteNoise(99, 0, 0, g.frames(), dy.data());
    g.setCotangent(0, 0, dy);
    g.backward();
    double product = 0, response = 0;
    for (int i = 0; i < g.frames(); ++i) product += static_cast<double>(y[at(i)]) * static_cast<double>(dy[at(i)]);
    const auto dResponse = g.tensor(0, 0);
    for (std::size_t j = 0; j < h.size(); ++j)
      response += static_cast<double>(h[j]) * static_cast<double>(dResponse[j]);
    QVERIFY2(std::fabs(response / product - 1) < 1e-4, qPrintable(QString("%1 against %2").arg(response).arg(product)));
    // the sound is proportional to the noise's amplitude: d / d dB = slope x <dy, y>
    const double slope = product * static_cast<double>(kDecibelSlope);
    QVERIFY2(std::fabs(g.parameter(level, 0) / slope - 1) < 1e-4,
             qPrintable(QString("%1 against %2").arg(g.parameter(level, 0)).arg(slope)));
  }
};

QTEST_APPLESS_MAIN(TestReverb)
#include "tst_reverb.moc"
