// SPDX-License-Identifier: GPL-3.0-or-later
// The parts of neural instruments: frame clock, pitch and loudness against known tones, a network
// against a direct computation of its formulas, the controller across sample rates.
#include <QTest>
#include <numeric>
#include <random>

#include "core/dsp/pitch_estimator.h"
#include "core/graph/executor.h"
#include "core/neural/frame_clock.h"
#include "core/neural/matrix.h"
#include "core/neural/sequence_net.h"
#include "nodes/registry.h"
#include "tests/node_rig.h"

using namespace tests;

namespace {
const core::Registry& registry() {
  static const core::Registry r = nodes::makeRegistry();
  return r;
}

/// A tone of `harmonics` partials falling by 1 / k.
std::vector<float> tone(double hertz, double rate, double seconds, int harmonics, double amplitude = 0.3) {
  std::vector<float> x(static_cast<std::size_t>(seconds * rate));
  for (std::size_t i = 0; i < x.size(); ++i)
    for (int k = 1; k <= harmonics && k * hertz < 0.45 * rate; ++k)
      x[i] += static_cast<float>(amplitude / k *
                                 std::sin(2 * std::numbers::pi * k * hertz * static_cast<double>(i) / rate + 0.7 * k));
  return x;
}

/// Histories of a network over a clip.
struct NetRig {
  NetRig(const SequenceNet& net, int frames, int lanes, bool ring = false) {
    const HistoryShape activationShape{net.activationLines(), 3, true, false},
        hiddenShape{net.shape().recurrent, 3, true, true};
    const Domain domain(lanes, 1);
    const std::int64_t clip = ring ? -1 : frames * kTick;
    activations = HistoryBuffer(activationShape, domain, clip, kTick);
    hidden = HistoryBuffer(hiddenShape, domain, clip, kTick);
  }
  template <int L>
  NetMemory<L> memory(const std::vector<Sample>& weights) const {
    return {{activations.view(0)}, {hidden.view(0)}, weights.data()};
  }
  HistoryBuffer activations, hidden;
};

/// Starting weights of a network, packed in it.
std::vector<Sample> start(SequenceNet& net, unsigned seed) {
  std::vector<Sample> weights(static_cast<std::size_t>(net.weightCount()));
  net.initialise(weights, seed);
  net.pack(weights.data());
  return weights;
}

template <int L>
std::vector<Sample> outputs(const SequenceNet& net, const NetMemory<L>& m, int frame) {
  std::vector<Sample> out;
  out.reserve(static_cast<std::size_t>(net.shape().outputs));
  for (int o = 0; o < net.shape().outputs; ++o)
    out.push_back(lane<L>(m.activations.read(net.outputLine() + o, frame), 0));
  return out;
}
}  // namespace

class TestNeural : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void framesLieOverTicks_data() {
    QTest::addColumn<double>("rate");
    for (const double rate : {8000.0, 16000.0, 22050.0, 44100.0, 48000.0, 96000.0}) QTest::addRow("%g", rate) << rate;
  }
  void framesLieOverTicks() {
    QFETCH(double, rate);
    const FrameClock clock(rate);
    const double perTick = std::min(1.0, 250.0 * kTick / rate);
    QCOMPARE(clock.everyTick(), rate <= 16000);
    std::int64_t frames = 0;
    for (std::int64_t tick = 0; tick < 4000; ++tick) {
      const std::int64_t frame = clock.frameOf(tick);
      if (clock.begins(tick)) {
        QCOMPARE(frame, frames++);
        QCOMPARE(clock.firstTick(frame), tick);
      }
      QVERIFY(std::fabs(static_cast<double>(frame) - static_cast<double>(tick) * perTick) < 1.0001);
      const bool last = clock.frameOf(tick + 1) != frame;
      QCOMPARE(clock.progress(tick) == 1, last);
      QVERIFY(clock.progress(tick) > 0);
    }
  }

  void pitchOfTones_data() {
    QTest::addColumn<double>("hertz");
    QTest::addColumn<double>("rate");
    QTest::addColumn<int>("harmonics");
    for (const double rate : {16000.0, 44100.0, 48000.0})
      for (const double hertz : {65.4, 110.0, 196.3, 440.7, 831.6, 1568.4, 2093.0})
        for (const int harmonics : {1, 12})
          QTest::addRow("%g Hz, %d harmonics @ %g", hertz, harmonics, rate) << hertz << rate << harmonics;
  }
  void pitchOfTones() {
    QFETCH(double, hertz);
    QFETCH(double, rate);
    QFETCH(int, harmonics);
    const PitchEstimator estimator(rate, 60, 2200);
    auto scratch = estimator.makeScratch();
    const auto x = tone(hertz, rate, 0.4, harmonics);
    double worst = 0;
    for (int shift = 0; shift < 50; ++shift) {
      const std::size_t end = x.size() - static_cast<std::size_t>(shift * 61);
      const auto found = estimator.estimate(
          {x.data() + end - static_cast<std::size_t>(estimator.span()), static_cast<std::size_t>(estimator.span())},
          scratch);
      QVERIFY(found.hertz > 0);
      QVERIFY2(found.confidence > 0.85, qPrintable(QString::number(found.confidence)));
      worst = std::max(worst, std::fabs(1200 * std::log2(found.hertz / hertz)));
    }
    QVERIFY2(worst < 5, qPrintable(QString("%1 cents off").arg(worst)));
  }
  void noPitchInNoise() {
    const PitchEstimator estimator(48000, 60, 2200);
    auto scratch = estimator.makeScratch();
    std::mt19937 random(3);
    std::normal_distribution<float> gauss(0, 0.1F);
    std::vector<float> x(static_cast<std::size_t>(estimator.span()));
    int sure = 0;
    for (int i = 0; i < 100; ++i) {
      for (float& v : x) v = gauss(random);
      if (estimator.estimate(x, scratch).confidence > 0.8) ++sure;
    }
    QVERIFY2(sure <= 5, qPrintable(QString::number(sure)));
    std::fill(x.begin(), x.end(), 0.0F);
    QCOMPARE(estimator.estimate(x, scratch).hertz, 0.0);
  }

  /// A weighted 1 kHz sine reads its own power; 100 Hz lies 19.1 dB lower (IEC 61672).
  void loudnessIsAWeighted_data() {
    QTest::addColumn<double>("rate");
    for (const double rate : {16000.0, 44100.0, 48000.0, 96000.0}) QTest::addRow("%g", rate) << rate;
  }
  void loudnessIsAWeighted() {
    QFETCH(double, rate);
    const NodeType* type = registry().find("neural.loudness");
    const auto read = [&](double hertz) {
      NodeRig rig(*type, 1, rate, 200, 1);
      const auto x = tone(hertz, rate, 200.0 * kTick / rate + 0.01, 1, 0.1);
      for (int i = 0; i < 200 * kTick; ++i) rig.inputs[0].at(0, 0)[i] = static_cast<Sample>(x[at(i)]);
      rig.reset();
      rig.forward({200});
      double sum = 0;
      for (int t = 150; t < 200; ++t) sum += static_cast<double>(rig.outputs[0].at(0, t)[0]) / 50;
      return sum;
    };
    const double kilo = read(1000);
    QVERIFY2(std::fabs(kilo + 23.01) < 0.15, qPrintable(QString::number(kilo)));
    QVERIFY2(std::fabs(read(100) - kilo + 19.14) < 0.6, qPrintable(QString::number(read(100) - kilo)));
    QVERIFY2(std::fabs(read(440) - kilo + 4.1) < 0.3, qPrintable(QString::number(read(440) - kilo)));
  }

  /// Frame by frame, in parts, in a ring, and by the library: the same network.
  void networkIsOne() {
    NetShape shape;
    shape.inputs = {1, 1, 5};
    shape.width = 24;
    shape.before = 2;
    shape.recurrent = 40;
    shape.after = 2;
    shape.outputs = 19;
    SequenceNet net(shape);
    const std::vector<Sample> weights = start(net, 5);
    constexpr int kFrames = 12;
    NetRig whole(net, kFrames, 8), parts(net, kFrames, 1), ring(net, kFrames, 1, true);
    std::mt19937 random(1);
    std::normal_distribution<float> gauss;
    for (int f = 0; f < kFrames; ++f)
      for (int i = 0; i < shape.inputCount(); ++i) {
        const auto x = static_cast<Sample>(gauss(random));
        whole.memory<8>(weights).activations.write(i, f, splat<8>(x));
        parts.memory<1>(weights).activations.write(i, f, x);
      }
    net.run<8>(whole.memory<8>(weights), 0, kFrames);  // by the library: 96 columns
    double worst = 0;
    for (int f = 0; f < kFrames; ++f) {
      const std::vector<double> cuts =
          f % 2 ? std::vector<double>{0, 1} : std::vector<double>{0, 0.13, 0.4, 0.41, 0.87, 1};
      for (std::size_t c = 1; c < cuts.size(); ++c) net.runPart<1>(parts.memory<1>(weights), f, cuts[c - 1], cuts[c]);
      for (int i = 0; i < shape.inputCount(); ++i)
        ring.memory<1>(weights).activations.write(i, f, parts.memory<1>(weights).activations.read(i, f));
      net.run<1>(ring.memory<1>(weights), f, 1);
      const auto a = outputs<8>(net, whole.memory<8>(weights), f), b = outputs<1>(net, parts.memory<1>(weights), f),
                 c = outputs<1>(net, ring.memory<1>(weights), f);
      QVERIFY(std::memcmp(b.data(), c.data(), b.size() * sizeof(Sample)) == 0);
      for (std::size_t o = 0; o < a.size(); ++o) worst = std::max(worst, std::fabs(static_cast<double>(a[o] - b[o])));
    }
    QVERIFY2(worst < 2e-6, qPrintable(QString::number(worst)));
  }

  /// Sweeping back over a clip at once or a few frames at a time adds up to the same.
  void sweepsAddUp() {
    NetShape shape;
    shape.inputs = {1, 3};
    shape.width = 12;
    shape.before = shape.after = 1;
    shape.recurrent = 20;
    shape.outputs = 5;
    SequenceNet net(shape);
    const std::vector<Sample> weights = start(net, 6);
    constexpr int kFrames = 300, kLanes = 4, kColumns = kFrames * kLanes;
    const NetRig rig(net, kFrames, kLanes);
    const auto m = rig.memory<kLanes>(weights);
    std::mt19937 random(2);
    std::normal_distribution<float> gauss;
    for (int f = 0; f < kFrames; ++f)
      for (int i = 0; i < shape.inputCount(); ++i)
        m.activations.write(i, f, splat<kLanes>(static_cast<Sample>(gauss(random))));
    net.run<kLanes>(m, 0, kFrames);
    std::vector<Sample> dOut(at(shape.outputs * kColumns));
    for (Sample& d : dOut) d = static_cast<Sample>(gauss(random));
    const auto sweep = [&](int part) {
      const NetRig d(net, kFrames, kLanes);
      std::vector<Sample> dWeights(weights.size()), dInputs;
      for (int end = kFrames, count = 0; end > 0; end -= count) {
        count = std::min(part, end);
        const int columns = count * kLanes;
        std::vector<Sample> out, in(at(shape.inputCount() * columns));
        for (int o = 0; o < shape.outputs; ++o) {
          const auto from = dOut.begin() + o * kColumns + (end - count) * kLanes;
          out.insert(out.end(), from, from + columns);
        }
        net.sweep<kLanes>(m, {d.hidden.view(0)}, end - count, count, out.data(), in.data(), dWeights.data());
        for (int f = count; f-- > 0;)  // from the last frame on, whatever the parts
          for (int i = 0; i < shape.inputCount(); ++i) dInputs.push_back(in[at(i * columns + f * kLanes)]);
      }
      dWeights.insert(dWeights.end(), dInputs.begin(), dInputs.end());
      return dWeights;
    };
    const std::vector<Sample> whole = sweep(kFrames), parts = sweep(7);
    double worst = 0, most = 0;
    for (std::size_t i = 0; i < whole.size(); ++i) {
      most = std::max(most, std::fabs(static_cast<double>(whole[i])));
      worst = std::max(worst, std::fabs(static_cast<double>(whole[i] - parts[i])));
    }
    QVERIFY2(worst < 1e-5 * most, qPrintable(QString("%1 of %2").arg(worst).arg(most)));
  }

  /// The recurrent unit against its formulas, written out in double.
  void recurrentUnitIsThatOfThePaper() {
    NetShape shape;
    shape.inputs = {2};
    shape.recurrent = 3;
    shape.outputs = 1;
    SequenceNet net(shape);
    std::vector<Sample> w = start(net, 9);
    for (std::size_t i = 0; i < w.size(); ++i) w[i] += static_cast<Sample>(0.1 * std::sin(static_cast<double>(i)));
    net.pack(w.data());
    NetRig rig(net, 4, 1);
    const auto m = rig.memory<1>(w);
    std::vector<double> h(3, 0.0);
    for (int f = 0; f < 4; ++f) {
      const double x[2] = {std::sin(f + 1.0), 0.3 * f - 0.5};
      for (int i = 0; i < 2; ++i) m.activations.write(i, f, static_cast<Sample>(x[i]));
      net.run<1>(m, f, 1);
      // W: 9 x 2 and its bias, U: 9 x 3 and its bias, head: 1 x 3 and its bias
      const auto value = [&](int i) { return static_cast<double>(w[at(i)]); };
      std::vector<double> in(9), product(9), next(3);
      for (int r = 0; r < 9; ++r) {
        in[at(r)] = value(18 + r) + value(2 * r) * x[0] + value(2 * r + 1) * x[1];
        product[at(r)] = value(27 + 27 + r);
        for (int c = 0; c < 3; ++c) product[at(r)] += value(27 + 3 * r + c) * h[at(c)];
      }
      const auto logistic = [](double v) { return 1 / (1 + std::exp(-v)); };
      double y = value(63 + 3);
      for (int u = 0; u < 3; ++u) {
        const double r = logistic(in[at(u)] + product[at(u)]), z = logistic(in[at(3 + u)] + product[at(3 + u)]);
        const double n = std::tanh(in[at(6 + u)] + r * product[at(6 + u)]);
        next[at(u)] = (1 - z) * n + z * h[at(u)];
        y += value(63 + u) * next[at(u)];
      }
      h = next;
      QVERIFY(std::fabs(static_cast<double>(outputs<1>(net, m, f)[0]) - y) < 1e-6);
    }
  }

  /// At 44.1 and 48 kHz the controller reaches what it gives at 16 kHz for the same conditions.
  void controllerHoldsAcrossRates() {
    const NodeType* type = registry().find("neural.controller");
    const auto settled = [&](double rate) {
      const int ticks = static_cast<int>(rate / kTick);  // one second
      NodeRig rig(*type, 1, rate, ticks, 4);
      for (int t = 0; t < ticks; ++t) {
        rig.inputs[0].at(0, t)[0] = static_cast<Sample>(0.4);
        rig.inputs[1].at(0, t)[0] = -30;
      }
      NodeRig same(*type, 1, 16000, 1, 4);
      rig.tensorValues = same.tensorValues;
      rig.setup.tensors = rig.tensorValues;
      rig.packTensors();
      rig.prepare();
      rig.reset();
      rig.forward({ticks});
      std::vector<double> y;
      for (const SignalBuffer& b : rig.outputs)
        for (int k = 0; k < b.tickSize(); ++k) y.push_back(static_cast<double>(b.at(0, ticks - 1)[k]));
      return y;
    };
    const auto at16 = settled(16000);
    for (const double rate : {44100.0, 48000.0}) {
      const auto y = settled(rate);
      for (std::size_t k = 0; k < y.size(); ++k)
        QVERIFY2(std::fabs(y[k] - at16[k]) < 1e-3 * (1e-3 + std::fabs(at16[k])),
                 qPrintable(QString("%1: %2 against %3").arg(k).arg(y[k]).arg(at16[k])));
    }
  }

  /// Printed, never judged: one frame of a decoder for one voice and for eight.
  void speed_data() {
    QTest::addColumn<int>("units");
    QTest::addColumn<int>("layers");
    QTest::newRow("tiny") << 256 << 0;
    QTest::newRow("full") << 512 << 3;
  }
  void speed() {
    QFETCH(int, units);
    QFETCH(int, layers);
    NetShape shape;
    shape.inputs = {1, 1};
    shape.width = 512;
    shape.before = shape.after = layers;
    shape.recurrent = units;
    shape.outputs = 166;
    SequenceNet net(shape);
    const std::vector<Sample> weights = start(net, 5);
    NetRig one(net, 4, 1, true);
    std::int64_t frame = 0;
    QBENCHMARK {
      net.run<1>(one.memory<1>(weights), frame, 1);
      ++frame;
    }
  }
};

QTEST_APPLESS_MAIN(TestNeural)
#include "tst_neural.moc"
