// SPDX-License-Identifier: GPL-3.0-or-later
// Gradients of what the generic test does not reach: choices of a setting other than the default, for
// nodes of single audio signals (oscillators, envelopes).
#include <QTest>

#include "nodes/registry.h"
#include "tests/node_rig.h"

using namespace tests;

namespace {
const core::Registry& registry() {
  static const core::Registry r = nodes::makeRegistry();
  return r;
}
/// Smooth loss sum of w tanh(y) over all outputs; sets its cotangents when asked.
double loss(NodeRig& rig, bool cotangents) {
  std::mt19937 random(4);
  std::normal_distribution<double> gauss;
  double sum = 0;
  for (std::size_t o = 0; o < rig.outputs.size(); ++o)
    for (int i = 0; i < kTick * rig.ticks * rig.lanes; ++i) {
      const double w = gauss(random), t = std::tanh(static_cast<double>(rig.outputs[o].at(0, 0, 0)[i]));
      sum += w * t;
      if (cotangents) rig.dOutputs[o].at(0, 0, 0)[i] = static_cast<Sample>(w * (1 - t * t));
    }
  return sum;
}
}  // namespace

class TestGradientsWaveforms : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void choices_data() {
    QTest::addColumn<int>("type");
    QTest::addColumn<int>("setting");
    QTest::addColumn<int>("choice");
    for (int t = 0; t < static_cast<int>(registry().types().size()); ++t) {
      const NodeType& type = registry().types()[at(t)];
      const auto plain = [](const auto& row) { return row.rate == Rate::audio && row.width.size == 1; };
      if (!std::all_of(type.inputs.begin(), type.inputs.end(), plain) || type.outputs.size() != 1 ||
          !plain(type.outputs[0]) || type.histories.size() || type.makeWork)
        continue;
      for (int s = 0; s < static_cast<int>(type.settings.size()); ++s) {
        if (type.settings[at(s)].kind != SettingKind::choice) continue;
        const auto choices = type.settings[at(s)].choices;
        for (int c = 0; c <= static_cast<int>(std::count(choices.begin(), choices.end(), '|')); ++c)
          QTest::addRow("%s %s %d", std::string(type.info.id).c_str(), std::string(type.settings[at(s)].id).c_str(), c)
              << t << s << c;
      }
    }
  }
  void choices() {
    QFETCH(int, type);
    QFETCH(int, setting);
    QFETCH(int, choice);
    for (const double rate : {11025.0, 48000.0})  // the low rate: several jumps within reach of a sample
      for (const int lanes : {1, 8}) {
        NodeRig rig(registry().types()[at(type)], lanes, rate, 6, 17);
        rig.settings[at(setting)].number = choice;
        rig.prepare();
        rig.reset();
        rig.forward({2, 4});
        loss(rig, true);
        rig.backward();
        check(rig);
      }
  }

 private:
  static void check(NodeRig& rig) {
    std::vector<double> analytic(rig.inputs.size()), off(rig.inputs.size());
    double norm = 0;
    for (std::size_t i = 0; i < rig.inputs.size(); ++i) {
      const Input& row = rig.type.inputs[i];
      if (!row.differentiable) continue;
      const int count = kTick * rig.ticks * rig.lanes;
      Sample* x = rig.inputs[i].at(0, 0, 0);
      std::vector<double> v, kept(x, x + count);
      for (int k = 0; k < count; ++k) {
        const double slope =
            row.isParameter() ? 0.05 * row.range().slope(row.range().normalise(static_cast<double>(x[k]))) : 1;
        v.push_back(rig.gauss() * slope);
        analytic[i] += v.back() * static_cast<double>(rig.dInputs[i].at(0, 0, 0)[k]);
      }
      off[i] = 1e300;
      for (const double h : {1e-3, 1e-4, 1e-5, 1e-6, 1e-7}) {
        double values[2];
        for (int side = 0; side < 2; ++side) {
          for (int k = 0; k < count; ++k) x[k] = static_cast<Sample>(kept[at(k)] + (side ? h : -h) * v[at(k)]);
          rig.reset();
          rig.forward({2, 4});
          values[side] = loss(rig, false);
        }
        off[i] = std::min(off[i], std::fabs((values[1] - values[0]) / (2 * h) - analytic[i]));
      }
      for (int k = 0; k < count; ++k) x[k] = static_cast<Sample>(kept[at(k)]);
      norm += analytic[i] * analytic[i];
    }
    for (std::size_t i = 0; i < rig.inputs.size(); ++i)
      if (rig.type.inputs[i].differentiable)
        QVERIFY2(
            off[i] <= 1e-6 * std::max(std::fabs(analytic[i]), 1e-3 * std::sqrt(norm)),
            qPrintable(QString("%1: %2, off by %3").arg(rig.type.inputs[i].id.data()).arg(analytic[i]).arg(off[i])));
  }
};

QTEST_APPLESS_MAIN(TestGradientsWaveforms)
#include "tst_gradients_waveforms.moc"
