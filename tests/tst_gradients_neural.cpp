// SPDX-License-Identifier: GPL-3.0-or-later
// Backward of neural nodes against central differences where their defaults do not lead: a controller
// that reads velocity and z through stacks of layers, a conditioner whose gate opens and closes.
#include <QTest>

#include "nodes/registry.h"
#include "tests/node_rig.h"

using namespace tests;

namespace {
const core::Registry& registry() {
  static const core::Registry r = nodes::makeRegistry();
  return r;
}

/// A node type whose settings default to other numbers: a NodeRig runs on defaults.
struct SetType {
  SetType(const char* id, const std::map<std::string, double>& numbers) : type(*registry().find(id)) {
    rows.assign(type.settings.begin(), type.settings.end());
    for (const auto& [name, number] : numbers) rows.at(tests::at(type.settingIndex(name))).def = number;
    type.settings = rows;
  }
  SetType(const SetType&) = delete;
  NodeType type;
  std::vector<Setting> rows;
};

/// What is derived along one direction of an input or a tensor, and the slope of the loss there.
struct Direction {
  std::string name;
  std::vector<Sample*> at;
  std::vector<double> v;
  double analytic = 0, differences = 0;
  double moves = 0;  ///< root of the sum of squares of what each number adds to the slope

  void take(Sample* x, double way, Sample slope) {
    at.push_back(x);
    v.push_back(way);
    const double part = way * static_cast<double>(slope);
    analytic += part;
    moves = std::hypot(moves, part);
  }
  void move(double h) const {
    for (std::size_t k = 0; k < at.size(); ++k) *at[k] += static_cast<Sample>(h * v[k]);
  }
};

class Slopes {
 public:
  Slopes(NodeRig& rig, std::vector<int> pieces) : rig_(rig), pieces_(std::move(pieces)) {
    rig_.forward(pieces_);
    for (const SignalBuffer& b : rig_.outputs) {
      double most = 1e-9;
      each(b, [&](Sample y) { most = std::max(most, std::fabs(static_cast<double>(y))); });
      sizes_.push_back(most);
    }
    loss(true);
    rig_.backward();
    collect();
    for (Direction& d : directions) difference(d);
  }
  std::vector<Direction> directions;

 private:
  template <class F>
  void each(const SignalBuffer& b, F f) const {
    for (int c = 0; c < b.planes(); ++c)
      for (int i = 0; i < b.tickSize() * rig_.ticks; ++i) f(b.at(0, 0, c)[i]);
  }
  /// Sum of w tanh(y / the output's size), with its cotangents when asked for.
  double loss(bool cotangents) {
    std::mt19937 random(3);
    std::normal_distribution<double> gauss;
    double sum = 0;
    for (std::size_t o = 0; o < rig_.outputs.size(); ++o)
      for (int c = 0; c < rig_.outputs[o].planes(); ++c)
        for (int i = 0; i < rig_.outputs[o].tickSize() * rig_.ticks; ++i) {
          const double w = gauss(random);
          const double t = std::tanh(static_cast<double>(rig_.outputs[o].at(0, 0, c)[i]) / sizes_[o]);
          sum += w * t;
          if (cotangents) rig_.dOutputs[o].at(0, 0, c)[i] = static_cast<Sample>(w * (1 - t * t) / sizes_[o]);
        }
    return sum;
  }
  void collect() {
    for (std::size_t i = 0; i < rig_.inputs.size(); ++i) {
      const Input& row = rig_.type.inputs[i];
      const double size = row.isParameter() ? 0.05 * (row.max - row.min) : 1;
      Direction d{std::string(row.id), {}, {}};
      for (int k = 0; k < rig_.inputs[i].tickSize() * rig_.ticks; ++k)
        d.take(rig_.inputs[i].at(0, 0) + k, size * rig_.gauss(), rig_.dInputs[i].at(0, 0)[k]);
      directions.push_back(std::move(d));
    }
    for (std::size_t t = 0; t < rig_.packedTensors.size(); ++t) {
      Direction d{"tensor", {}, {}};
      for (std::size_t k = 0; k < rig_.packedTensors[t].size(); ++k)
        d.take(&rig_.packedTensors[t][k], rig_.gauss(), rig_.dTensors[t][k]);
      directions.push_back(std::move(d));
    }
  }
  double lossAt(const Direction& d, double h) {
    d.move(h);
    prepareTensors();
    rig_.reset();
    rig_.forward(pieces_);
    d.move(-h);
    return loss(false);
  }
  /// The nearest of several steps: rounding spoils short ones, kinks long ones.
  void difference(Direction& d) {
    double best = 1e300;
    const std::vector<Sample> kept = values(d);
    for (const double h : {1e-3, 1e-4, 1e-5, 1e-6}) {
      const double above = lossAt(d, h), below = lossAt(d, -h), slope = (above - below) / (2 * h);
      for (std::size_t k = 0; k < kept.size(); ++k) *d.at[k] = kept[k];
      if (std::fabs(slope - d.analytic) >= best) continue;
      best = std::fabs(slope - d.analytic);
      d.differences = slope;
    }
    prepareTensors();
  }
  static std::vector<Sample> values(const Direction& d) {
    std::vector<Sample> all;
    for (const Sample* x : d.at) all.push_back(*x);
    return all;
  }
  /// Packed weights are made of the tensors' own values.
  void prepareTensors() {
    for (std::size_t t = 0; t < rig_.tensorValues.size(); ++t)
      std::copy_n(rig_.packedTensors[t].data(), rig_.packedTensors[t].size(), rig_.tensorValues[t].data.begin());
    rig_.prepare();
  }

  NodeRig& rig_;
  std::vector<int> pieces_;
  std::vector<double> sizes_;
};

/// Empty when every direction moves the loss (a sum of numbers of order one), by what backward says to 1e-6.
QString disagreement(const Slopes& slopes) {
  for (const Direction& d : slopes.directions) {
    const QString told = QString("%1: backward %2, differences %3, moves by %4")
                             .arg(d.name.c_str())
                             .arg(d.analytic, 0, 'g', 12)
                             .arg(d.differences, 0, 'g', 12)
                             .arg(d.moves);
    if (d.moves < 1e-4) return "does not reach the outputs: " + told;
    if (std::fabs(d.differences - d.analytic) > 1e-6 * std::max(std::fabs(d.analytic), d.moves)) return told;
  }
  return {};
}

void rows() {
  QTest::addColumn<double>("rate");
  QTest::addColumn<int>("lanes");
  for (const double rate : {16000.0, 48000.0})
    for (const int lanes : {1, 8}) QTest::addRow("%g Hz, %d lanes", rate, lanes) << rate << lanes;
}
}  // namespace

class TestGradientsNeural : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void controllerReadsVelocityAndZ_data() { rows(); }
  void controllerReadsVelocityAndZ() {
    QFETCH(double, rate);
    QFETCH(int, lanes);
    constexpr int kZ = 4, kTicks = 24;
    const SetType set("neural.controller", {{"velocity", 1},
                                            {"z", kZ},
                                            {"before", 2},
                                            {"after", 2},
                                            {"dense", 12},
                                            {"recurrent", 10},
                                            {"harmonics", 7},
                                            {"bands", 5}});
    NodeRig rig(set.type, lanes, rate, kTicks, 11);
    QVERIFY2(rig.error.empty(), rig.error.c_str());
    QCOMPARE(rig.inputWidths[at(set.type.inputIndex("z"))], kZ);
    const Slopes slopes(rig, {5, 7});  // no whole frames at 48 kHz: work and sweep are cut inside them
    const QString wrong = disagreement(slopes);
    QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
    // each number of z, which a direction through all of them does not tell apart
    const SignalBuffer& dz = rig.dInputs[at(set.type.inputIndex("z"))];
    for (int k = 0; k < kZ; ++k) {
      double sum = 0;
      for (int t = 0; t < kTicks; ++t) sum += std::fabs(static_cast<double>(dz.at(0, t)[k * lanes]));
      QVERIFY2(sum > 1e-4, qPrintable(QString("z %1: %2").arg(k).arg(sum)));
    }
  }

  void conditionerGateMoves_data() { rows(); }
  void conditionerGateMoves() {
    QFETCH(double, rate);
    QFETCH(int, lanes);
    constexpr int kTicks = 96;
    const SetType set("neural.conditioner", {});
    NodeRig rig(set.type, lanes, rate, kTicks, 12);
    const auto put = [&](const char* id, double mean, double swing, double period) {
      for (int t = 0; t < kTicks; ++t)
        for (int l = 0; l < lanes; ++l)
          rig.inputs[at(set.type.inputIndex(id))].at(0, t)[l] =
              static_cast<Sample>(mean + swing * std::sin(2 * std::numbers::pi * t / period + 0.4 * l));
    };
    put("pitch", 0.02, 0.01, 30);  // between two notes, towards one
    put("octave", 1, 0, 1);
    put("transpose", 3, 0, 1);
    put("gate", 1, 0, 1);
    put("confidence", 0.52, 0.1, 40);
    put("sure", 0.5, 0, 1);
    put("loudness", -56, 6, 64);
    put("floor", -60, 0, 1);
    put("quiet", -57, 0, 1);
    put("range", 1.6, 0, 1);
    put("autotune", 0.7, 0, 1);
    const Slopes slopes(rig, {36, 60});
    const QString wrong = disagreement(slopes);
    QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
    rig.reset();
    rig.forward({kTicks});
    int opening = 0, closing = 0;
    const SignalBuffer& open = rig.outputs[at(set.type.outputIndex("open"))];
    for (int t = 1; t < kTicks; ++t) {
      const double before = static_cast<double>(open.at(0, t - 1)[0]), now = static_cast<double>(open.at(0, t)[0]);
      if (now < 0.1 || now > 0.9) continue;
      opening += now > before + 0.01;
      closing += now < before - 0.01;
    }
    QVERIFY2(opening >= 5 && closing >= 10, qPrintable(QString("%1 %2").arg(opening).arg(closing)));
  }
};

QTEST_APPLESS_MAIN(TestGradientsNeural)
#include "tst_gradients_neural.moc"
