// SPDX-License-Identifier: GPL-3.0-or-later
// Segment times and levels of the envelope, and the LFO's shapes, against closed forms.
#include <QTest>
#include <set>

#include "nodes/envelope/adsr.h"
#include "nodes/envelope/lfo.h"
#include "tests/node_rig.h"

using namespace tests;
using nodes::Adsr;
using nodes::Lfo;

namespace {
constexpr double kRate = 48000;

void setAll(NodeRig& rig, int input, double value) {
  for (int i = 0; i < kTick * rig.ticks; ++i) rig.inputs[at(input)].at(0, 0, 0)[i] = static_cast<Sample>(value);
}
struct Times {
  double attack, decay, sustain, release;
};
/// The envelope of a gate that is open in [from, to) for each pair.
std::vector<double> envelope(int curve, const Times& t, const std::vector<std::pair<int, int>>& open, int ticks) {
  static const NodeType type = makeNodeType<Adsr>();
  NodeRig rig(type, 1, kRate, ticks, 1);
  rig.settings[Adsr::curve].number = curve;
  setAll(rig, Adsr::attack, t.attack);
  setAll(rig, Adsr::decay, t.decay);
  setAll(rig, Adsr::sustain, t.sustain);
  setAll(rig, Adsr::release, t.release);
  setAll(rig, Adsr::gate, 0);
  for (const auto& [from, to] : open)
    for (int i = from; i < to; ++i) rig.inputs[Adsr::gate].at(0, 0, 0)[i] = 1;
  rig.reset();
  rig.forward({7, 3});
  const Sample* y = rig.outputs[0].at(0, 0, 0);
  return {y, y + ticks * kTick};
}
double linearLevel(const Times& t, double seconds, double closes) {
  const auto held = [&t](double s) {
    if (s < t.attack) return std::max(s, 0.0) / t.attack;
    return std::max(t.sustain, 1 - (1 - t.sustain) * (s - t.attack) / t.decay);
  };
  return seconds <= closes ? held(seconds) : std::max(0.0, held(closes) * (1 - (seconds - closes) / t.release));
}
double exponentialLevel(const Times& t, double seconds, double closes) {
  const auto held = [&t](double s) {
    if (s < t.attack) return 1.2 * (1 - std::pow(6, -std::max(s, 0.0) / t.attack));
    return t.sustain + (1 - t.sustain) * std::pow(1000, -(s - t.attack) / t.decay);
  };
  return seconds <= closes ? held(seconds) : held(closes) * std::pow(1000, -(seconds - closes) / t.release);
}
}  // namespace

class TestEnvelopes : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void segments_data() {
    QTest::addColumn<int>("curve");
    QTest::addColumn<double>("attack");
    QTest::addColumn<double>("decay");
    QTest::addColumn<double>("sustain");
    QTest::addColumn<double>("release");
    QTest::addColumn<double>("closes");
    for (const int curve : {int(Adsr::linear), int(Adsr::exponential)}) {
      const char* name = curve == Adsr::linear ? "linear" : "exponential";
      QTest::addRow("%s, the bench's", name) << curve << 0.01 << 0.2 << 0.6 << 0.3 << 0.7;
      QTest::addRow("%s, times between frames", name) << curve << 0.0123456 << 0.0567891 << 0.25 << 0.0345678 << 0.3;
      QTest::addRow("%s, shortest", name) << curve << 0.001 << 0.001 << 0.5 << 0.001 << 0.1;
      QTest::addRow("%s, closed in the attack", name) << curve << 0.4 << 0.2 << 0.6 << 0.3 << 0.15;
      QTest::addRow("%s, closed in the decay", name) << curve << 0.02 << 0.5 << 0.1 << 0.2 << 0.2;
      QTest::addRow("%s, full sustain", name) << curve << 0.02 << 0.5 << 1.0 << 0.2 << 0.4;
    }
  }
  void segments() {
    QFETCH(int, curve);
    QFETCH(double, attack);
    QFETCH(double, decay);
    QFETCH(double, sustain);
    QFETCH(double, release);
    QFETCH(double, closes);
    const Times t{attack, decay, sustain, release};
    const int start = 100, end = start + static_cast<int>(std::round(closes * kRate));
    const auto y = envelope(curve, t, {{start, end}}, 800);
    double worst = 0;
    for (int i = 0; i < 800 * kTick; ++i) {
      const double seconds = (i - start) / kRate, until = (end - start) / kRate;
      const double expected =
          curve == Adsr::linear ? linearLevel(t, seconds, until) : exponentialLevel(t, seconds, until);
      worst = std::max(worst, std::fabs(y[at(i)] - (i < start ? 0 : expected)));
    }
    QVERIFY2(worst < 2e-3, qPrintable(QString::number(worst)));
  }

  void repetitionDoesNotClick() {
    const Times t{0.02, 0.1, 0.5, 0.2};
    for (const int curve : {int(Adsr::linear), int(Adsr::exponential)}) {
      const auto y = envelope(curve, t, {{10, 3000}, {3001, 4000}, {5000, 6000}}, 120);
      double most = 0;
      for (std::size_t i = 1; i < y.size(); ++i) most = std::max(most, std::fabs(y[i] - y[i - 1]));
      QVERIFY2(most < 0.0025, qPrintable(QString::number(most)));  // the steepest: an exponential attack's start
      QVERIFY(y[3000] > 0.4 && *std::max_element(y.begin() + 3000, y.begin() + 4000) > 0.998);
    }
  }

  void lfoShapes_data() {
    QTest::addColumn<int>("shape");
    for (int s = 0; s < 5; ++s) QTest::addRow("%d", s) << s;
  }
  void lfoShapes() {
    QFETCH(int, shape);
    static const NodeType type = makeNodeType<Lfo>();
    NodeRig rig(type, 1, kRate, 750, 1);
    rig.settings[Lfo::shape].number = shape;
    setAll(rig, Lfo::rate, 5);
    setAll(rig, Lfo::phase, 0.25);
    setAll(rig, Lfo::gate, 0);
    rig.reset();
    rig.forward({16});
    const Sample* y = rig.outputs[0].at(0, 0, 0);
    std::set<float> values;
    for (int i = 0; i < 750 * kTick; ++i) {
      const double cycles = 0.25 + 5.0 * i / kRate, q = cycles - std::round(cycles);
      const double away = std::min(std::fabs(q), 0.5 - std::fabs(q));  // from the jumps
      const double expected = shape == Lfo::sine       ? std::sin(2 * std::numbers::pi * q)
                              : shape == Lfo::triangle ? (std::fabs(q) < 0.25 ? 4 * q : std::copysign(2, q) - 4 * q)
                              : shape == Lfo::saw      ? 2 * q
                                                       : std::copysign(1, q);
      values.insert(static_cast<float>(y[i]));
      if (shape != Lfo::random && away > 1e-3)
        QVERIFY2(std::fabs(static_cast<double>(y[i]) - expected) < 1e-3, qPrintable(QString::number(i)));
    }
    if (shape == Lfo::random) QCOMPARE(values.size(), 6u);  // five whole cycles and two parts of one
    QVERIFY(*values.begin() >= -1 && *values.rbegin() <= 1);
  }
};

QTEST_APPLESS_MAIN(TestEnvelopes)
#include "tst_envelopes.moc"
