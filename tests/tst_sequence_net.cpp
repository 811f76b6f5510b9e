// SPDX-License-Identifier: GPL-3.0-or-later
// A network over frames: one computation however it is cut, its formulas, its sweep back.
#include <QTest>
#include <numbers>
#include <random>

#include "core/neural/sequence_net.h"
#include "tests/node_rig.h"

using namespace tests;

namespace {
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

std::vector<Sample> draw(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> gauss;
  std::vector<Sample> v(count);
  for (Sample& x : v) x = static_cast<Sample>(gauss(random));
  return v;
}

/// Whether panels [0, to), one by one and all at once, give the bits of sums with one rounding a step, and touch no
/// other row. The inputs come in two runs.
template <int L>
bool panelsAreSums(const Panels& panels, int to, const std::vector<Sample>& w, const Sample* bias) {
  constexpr Sample kUntouched = 77;
  const auto at = [](int i) { return static_cast<std::size_t>(i); };
  const int rows = panels.rows(), columns = panels.columns(), cut = columns / 3;
  const int written = to == panels.panels() ? rows : to * 24;
  std::vector<Sample> x = draw(at(columns * L), 8), pieces(at((rows + 1) * L), kUntouched), whole = pieces;
  const FeatureRun runs[] = {{{x.data(), L}, cut}, {{&x[at(cut * L)], L}, columns - cut}};
  for (int p = 0; p < to; ++p) panels.apply<L>(p, p + 1, bias, runs, {pieces.data(), L});
  panels.apply<L>(0, to, bias, runs, {whole.data(), L});
  bool same = true;
  for (int i = 0; i < (rows + 1) * L; ++i) {
    const int row = i / L;
    Sample sum = row >= written ? kUntouched : (bias ? bias[row] : 0.0_s);
    for (int c = 0; row < written && c < columns; ++c)
      sum = std::fma(w[at(row * columns + c)], x[at(c * L + i % L)], sum);
    same = same && pieces[at(i)] == sum && whole[at(i)] == sum;
  }
  return same;
}

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

class TestSequenceNet : public QObject {
  Q_OBJECT
 private Q_SLOTS:
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

  /// The sweep back against differences of the outputs, also where several layers read the inputs, few or many.
  void sweepIsTheSlope_data() {
    QTest::addColumn<std::vector<int>>("inputs");
    QTest::addColumn<int>("before");
    QTest::addColumn<int>("after");
    QTest::newRow("tiny") << std::vector<int>{1, 1} << 0 << 0;
    QTest::newRow("inputs read twice") << std::vector<int>{1, 1, 1} << 0 << 1;
    QTest::newRow("many inputs read twice") << std::vector<int>{1, 6} << 0 << 2;
    QTest::newRow("stacks") << std::vector<int>{1, 4, 5} << 2 << 1;
  }
  void sweepIsTheSlope() {
    QFETCH(std::vector<int>, inputs);
    QFETCH(int, before);
    QFETCH(int, after);
    const NetShape shape{inputs, 10, before, 12, after, 7};
    SequenceNet net(shape);
    std::vector<Sample> weights = start(net, 4);
    constexpr int kFrames = 37, kLanes = 4, kColumns = kFrames * kLanes;
    std::mt19937 random(8);
    std::normal_distribution<float> gauss;
    const auto draw = [&](std::size_t count) {
      std::vector<Sample> v(count);
      for (Sample& x : v) x = static_cast<Sample>(gauss(random));
      return v;
    };
    const std::size_t numbers = at(shape.inputCount() * kColumns);
    std::vector<Sample> x = draw(numbers);
    const std::vector<Sample> dOut = draw(at(shape.outputs * kColumns));
    const NetRig rig(net, kFrames, kLanes);
    const auto heard = [&] {
      net.pack(weights.data());
      const auto m = rig.memory<kLanes>(weights);
      for (int i = 0; i < shape.inputCount(); ++i)
        for (int f = 0; f < kFrames; ++f) m.activations.write(i, f, load<kLanes>(&x[at(i * kColumns + f * kLanes)]));
      net.run<kLanes>(m, 0, kFrames);
      double sum = 0;
      for (int o = 0; o < shape.outputs; ++o)
        for (int c = 0; c < kColumns; ++c)
          sum += static_cast<double>(dOut[at(o * kColumns + c)]) *
                 static_cast<double>(m.activations.at(net.outputLine() + o, 0)[c]);
      return sum;
    };
    heard();
    const NetRig d(net, kFrames, kLanes);
    std::vector<Sample> dX(numbers), dW(weights.size());
    for (int twice = 0; twice < 2; ++twice) {  // what the call before left behind must not matter
      std::fill(dX.begin(), dX.end(), 0.0_s);
      std::fill(dW.begin(), dW.end(), 0.0_s);
      net.sweep<kLanes>(rig.memory<kLanes>(weights), {d.hidden.view(0)}, 0, kFrames, dOut.data(), dX.data(), dW.data());
    }
    // a leaky ReLU may bend between the two ends of a difference: a few may be off
    const auto off = [&](std::vector<Sample>& numbersOf, const std::vector<Sample>& slopes, std::size_t first,
                         std::size_t count) {
      int far = 0, looked = 0;
      for (std::size_t i = first; i < first + count; i += 1 + count / 40, ++looked) {
        constexpr float kStep = 2e-3F;
        const Sample there = numbersOf[i];
        numbersOf[i] = there + kStep;
        const double above = heard();
        numbersOf[i] = there - kStep;
        const double below = heard(), slope = (above - below) / (2 * static_cast<double>(kStep));
        numbersOf[i] = there;
        far += std::fabs(slope - static_cast<double>(slopes[i])) > 2e-3 + 0.01 * std::fabs(slope);
      }
      return static_cast<double>(far) / looked;
    };
    for (int i = 0; i < shape.inputCount(); ++i) {
      const double share = off(x, dX, at(i * kColumns), at(kColumns));
      QVERIFY2(share < 0.15, qPrintable(QString("input %1: %2 off").arg(i).arg(share)));
    }
    const double share = off(weights, dW, 0, weights.size());
    QVERIFY2(share < 0.15, qPrintable(QString("weights: %1 off").arg(share)));
  }

  /// Panels are the product they stand for, bit by bit: any rows, lanes, cuts; and turned over.
  void panelsAreProducts() {
    constexpr int kColumns = 17;
    for (const int rows : {1, 8, 13, 24, 53, 72, 100}) {
      const std::vector<Sample> w = draw(at(rows * kColumns), 5), bias = draw(at(rows), 6);
      std::vector<Sample> turned(w.size());
      for (int i = 0; i < rows * kColumns; ++i) turned[at(i % kColumns * rows + i / kColumns)] = w[at(i)];
      const Panels panels(w.data(), rows, kColumns), back = panels.transposed();
      for (const int to : {panels.panels() / 2, panels.panels()}) {
        QVERIFY2(panelsAreSums<1>(panels, to, w, bias.data()), qPrintable(QString("%1 rows, 1 lane").arg(rows)));
        QVERIFY2(panelsAreSums<4>(panels, to, w, nullptr), qPrintable(QString("%1 rows, 4 lanes").arg(rows)));
        QVERIFY2(panelsAreSums<8>(panels, to, w, bias.data()), qPrintable(QString("%1 rows, 8 lanes").arg(rows)));
      }
      QCOMPARE(back.rows(), kColumns);
      QVERIFY(panelsAreSums<8>(back, back.panels(), turned, nullptr));
    }
  }

  /// Layers with a handful of inputs give the bits of the panels, whatever is left over at the end.
  void narrowLayersAreTheSame() {
    constexpr int kRows = 11, kColumns = 27;
    for (int inputs = 1; inputs <= kNarrow; ++inputs) {
      std::vector<Sample> w = draw(at(kRows * inputs), 6), bias = draw(kRows, 7), x = draw(at(inputs * kColumns), 8);
      std::vector<Sample> y(at(kRows * kColumns)), one(kRows);
      applyNarrow(kRows, inputs, kColumns, w.data(), bias.data(), {x.data(), kColumns}, {y.data(), kColumns});
      const Panels panels(w.data(), kRows, inputs);
      for (int i = 0; i < kColumns; ++i) {
        const FeatureRun run{{x.data() + i, kColumns}, inputs};
        panels.apply<1>(0, panels.panels(), bias.data(), {&run, 1}, {one.data(), 1});
        for (int r = 0; r < kRows; ++r) QVERIFY(y[at(r * kColumns + i)] == one[at(r)]);  // not QCOMPARE: fuzzy
      }
    }
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

QTEST_APPLESS_MAIN(TestSequenceNet)
#include "tst_sequence_net.moc"
