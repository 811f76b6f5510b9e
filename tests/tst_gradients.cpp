// SPDX-License-Identifier: GPL-3.0-or-later
// Every registered node's backward against central differences, in the double build: all inputs and
// tensors, through a smooth loss, over two blocks so that the state's cotangent is checked too.
#include <QTest>

#include "nodes/registry.h"
#include "tests/node_rig.h"

using namespace tests;

namespace {
const core::Registry& registry() {
  static const core::Registry r = nodes::makeRegistry();
  return r;
}

/// Smooth loss: sum of w tanh(y / size of that output); also sets d loss / d y when asked, and then
/// the sizes, so that outputs in decibels do not lie where tanh is flat.
double loss(NodeRig& rig, unsigned seed, bool cotangents) {
  static std::vector<double> sizes;
  if (cotangents) {
    sizes.assign(rig.outputs.size(), 1.0);
    for (std::size_t o = 0; o < rig.outputs.size(); ++o)
      for (int c = 0; c < rig.outputs[o].planes(); ++c)
        for (int i = 0; i < rig.outputs[o].tickSize() * rig.ticks; ++i)
          sizes[o] = std::max(sizes[o], std::fabs(static_cast<double>(rig.outputs[o].at(0, 0, c)[i])));
  }
  std::mt19937 random(seed);
  std::normal_distribution<double> gauss;
  double sum = 0;
  for (std::size_t o = 0; o < rig.outputs.size(); ++o)
    for (int c = 0; c < rig.outputs[o].planes(); ++c) {
      Sample* y = rig.outputs[o].at(0, 0, c);
      Sample* d = rig.dOutputs[o].at(0, 0, c);
      for (int i = 0; i < rig.outputs[o].tickSize() * rig.ticks; ++i) {
        const double w = gauss(random), t = std::tanh(static_cast<double>(y[i]) / sizes[o]);
        sum += w * t;
        if (cotangents) d[i] = static_cast<Sample>(w * (1 - t * t) / sizes[o]);
      }
    }
  return sum;
}

struct Direction {
  std::string name;
  std::vector<Sample*> at;
  std::vector<double> v;
  double analytic = 0;
};

/// One direction an input channel set or tensor, with analytic directional derivative.
std::vector<Direction> directions(NodeRig& rig) {
  std::vector<Direction> all;
  for (std::size_t i = 0; i < rig.inputs.size(); ++i) {
    const Input& row = rig.type.inputs[i];
    if (!row.differentiable) continue;
    Direction d{std::string(row.id), {}, {}, 0};
    const double size = row.isParameter() ? 0.05 : 1;
    for (int c = 0; c < rig.inputs[i].planes(); ++c)
      for (int k = 0; k < rig.inputs[i].tickSize() * rig.ticks; ++k) {
        Sample* x = rig.inputs[i].at(0, 0, c) + k;
        d.at.push_back(x);
        const double slope = row.isParameter() ? row.range().slope(row.range().normalise(static_cast<double>(*x))) : 1;
        d.v.push_back(rig.gauss() * size * slope);
        d.analytic += d.v.back() * static_cast<double>(rig.dInputs[i].at(0, 0, c)[k]);
      }
    all.push_back(std::move(d));
  }
  for (std::size_t t = 0; t < rig.packedTensors.size(); ++t) {
    Direction d{"tensor " + std::string(rig.type.tensors[t].id), {}, {}, 0};
    for (std::size_t k = 0; k < rig.packedTensors[t].size(); ++k) {
      d.at.push_back(&rig.packedTensors[t][k]);
      d.v.push_back(rig.gauss());
      d.analytic += d.v.back() * static_cast<double>(rig.dTensors[t][k]);
    }
    all.push_back(std::move(d));
  }
  return all;
}
}  // namespace

class TestGradients : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void node_data() {
    QTest::addColumn<int>("type");
    QTest::addColumn<double>("rate");
    QTest::addColumn<int>("lanes");
    for (int t = 0; t < static_cast<int>(registry().types().size()); ++t)
      for (const double rate : {16000.0, 44100.0, 48000.0})
        for (const int lanes : {1, 8})
          QTest::addRow("%s @ %g Hz, %d lanes", std::string(registry().types()[at(t)].info.id).c_str(), rate, lanes)
              << t << rate << lanes;
  }

  void node() {
    QFETCH(int, type);
    QFETCH(double, rate);
    QFETCH(int, lanes);
    NodeRig rig(registry().types()[at(type)], lanes, rate, 6, 7);
    QVERIFY2(rig.error.empty(), rig.error.c_str());
    const std::vector<int> pieces = rig.type.info.backwardTicks == 0 ? std::vector<int>{6} : std::vector<int>{2, 4};
    rig.forward(pieces);
    loss(rig, 3, true);
    rig.backward();
    auto all = directions(rig);
    double norm = 0;
    for (const Direction& d : all) norm += d.analytic * d.analytic;
    norm = std::sqrt(norm);
    for (Direction& d : all) {
      double best = 1e300, estimate = 0;
      for (const double h : {1e-3, 1e-4, 1e-5, 1e-6}) {
        double values[2];
        for (int side = 0; side < 2; ++side) {
          std::vector<Sample> kept;
          for (std::size_t k = 0; k < d.at.size(); ++k) {
            kept.push_back(*d.at[k]);
            *d.at[k] += static_cast<Sample>((side ? h : -h) * d.v[k]);
          }
          if (d.name.starts_with("tensor ") && rig.type.prepare) refreshTensors(rig);
          rig.reset();
          rig.forward(pieces);
          values[side] = loss(rig, 3, false);
          for (std::size_t k = 0; k < d.at.size(); ++k) *d.at[k] = kept[k];
        }
        const double g = (values[1] - values[0]) / (2 * h);
        if (std::fabs(g - d.analytic) < best) {
          best = std::fabs(g - d.analytic);
          estimate = g;
        }
      }
      if (d.name.starts_with("tensor ") && rig.type.prepare) refreshTensors(rig);
      const double bound = 1e-6 * std::max(std::fabs(d.analytic), 1e-3 * norm);
      QVERIFY2(best <= bound, qPrintable(QString("%1: backward %2, differences %3, off by %4, allowed %5")
                                             .arg(d.name.c_str())
                                             .arg(d.analytic, 0, 'g', 12)
                                             .arg(estimate, 0, 'g', 12)
                                             .arg(best)
                                             .arg(bound)));
    }
  }

  /// What a node leaves out because nobody asks for it changes nothing of what somebody does.
  void inputsAskedForAlone_data() {
    QTest::addColumn<int>("type");
    QTest::addColumn<int>("lanes");
    for (int t = 0; t < static_cast<int>(registry().types().size()); ++t)
      for (const int lanes : {1, 8})
        QTest::addRow("%s, %d lanes", std::string(registry().types()[at(t)].info.id).c_str(), lanes) << t << lanes;
  }
  void inputsAskedForAlone() {
    QFETCH(int, type);
    QFETCH(int, lanes);
    NodeRig rig(registry().types()[at(type)], lanes, 48000, 6, 7);
    QVERIFY2(rig.error.empty(), rig.error.c_str());
    rig.forward(rig.type.info.backwardTicks == 0 ? std::vector<int>{6} : std::vector<int>{2, 4});
    loss(rig, 3, true);
    rig.backward();
    const auto values = [&rig](std::size_t i) {
      std::vector<double> all;
      for (int c = 0; c < rig.inputs[i].planes(); ++c)
        for (int k = 0; k < rig.inputs[i].tickSize() * rig.ticks; ++k)
          all.push_back(static_cast<double>(rig.dInputs[i].at(0, 0, c)[k]));
      return all;
    };
    std::vector<std::vector<double>> together;
    for (std::size_t i = 0; i < rig.inputs.size(); ++i) together.push_back(values(i));
    for (std::size_t i = 0; i < rig.inputs.size(); ++i) {
      if (!rig.type.inputs[i].differentiable) continue;
      rig.backward(static_cast<int>(i));
      const std::vector<double> alone = values(i);
      double most = 0, apart = 0;
      for (std::size_t k = 0; k < alone.size(); ++k) {
        most = std::max(most, std::fabs(together[i][k]));
        apart = std::max(apart, std::fabs(alone[k] - together[i][k]));
      }
      QVERIFY2(apart <= 1e-10 * most, std::string(rig.type.inputs[i].id).c_str());
    }
  }

 private:
  /// Shared tensors go into what prepare makes.
  static void refreshTensors(NodeRig& rig) {
    for (std::size_t t = 0; t < rig.tensorValues.size(); ++t)
      if (rig.type.tensors[t].sharing == Sharing::shared)
        std::copy(rig.packedTensors[t].data(), rig.packedTensors[t].data() + rig.packedTensors[t].size(),
                  rig.tensorValues[t].data.begin());
    rig.prepare();
  }
};

QTEST_APPLESS_MAIN(TestGradients)
#include "tst_gradients.moc"
