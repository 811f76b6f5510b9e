// SPDX-License-Identifier: GPL-3.0-or-later
// The oscillator's promises in numbers: partials, aliases, pitch, restarts.
#include <QTest>
#include <complex>
#include <numbers>

#include "core/dsp/fft.h"
#include "nodes/source/oscillator.h"
#include "tests/node_rig.h"

using namespace tests;
using nodes::Oscillator;

namespace {
constexpr int kSize = 1 << 16;
constexpr double kPi = std::numbers::pi;

void setAll(NodeRig& rig, int input, double value) {
  SignalBuffer& b = rig.inputs[at(input)];
  for (int i = 0; i < kTick * rig.ticks * rig.lanes; ++i) b.at(0, 0, 0)[i] = static_cast<Sample>(value);
}
std::vector<Sample> play(int wave, double rate, double hertz, double width) {
  static const NodeType type = makeNodeType<Oscillator>();
  NodeRig rig(type, 1, rate, kSize / kTick, 1);
  rig.settings[Oscillator::waveform].number = wave;
  setAll(rig, Oscillator::f0, hertz);
  setAll(rig, Oscillator::width, width);
  for (const int row : {Oscillator::phase, Oscillator::fm, Oscillator::gate}) setAll(rig, row, 0);
  rig.reset();
  rig.forward({16});
  return {rig.outputs[0].at(0, 0, 0), rig.outputs[0].at(0, 0, 0) + kSize};
}
/// Amplitude of the ideal waveform's partial k.
double ideal(int wave, int k, double width) {
  switch (wave) {
    case Oscillator::saw:
      return 2 / (kPi * k);
    case Oscillator::square:
      return 4 / (kPi * k) * std::fabs(std::sin(kPi * k * width));
    case Oscillator::triangle:
      return k % 2 ? 8 / (kPi * kPi * k * k) : 0;
    default:
      return k == 1 ? 1 : 0;
  }
}
double decibels(double ratio) { return 20 * std::log10(std::max(ratio, 1e-12)); }
/// Seven-term Blackman-Harris window (side lobes below -180 dB), scaled so that a partial shows its amplitude.
std::vector<std::complex<Sample>> spectrum(std::vector<Sample> y) {
  constexpr double a[] = {0.27105140069342, 0.43329793923448, 0.21812299954311, 0.06592544638803,
                          0.01081174209837, 0.00077658482522, 0.00001388721735};
  for (int i = 0; i < kSize; ++i) {
    double w = 0;
    for (int k = 0; k < 7; ++k) w += (k % 2 ? -1 : 1) * a[k] * std::cos(2 * kPi * k * i / kSize);
    y[at(i)] *= static_cast<Sample>(w / a[0] * 2 / kSize);
  }
  const RealFft fft(kSize);
  std::vector<std::complex<Sample>> x(at(fft.bins()));
  fft.forward(y.data(), x.data());
  return x;
}
}  // namespace

class TestOscillator : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void partialsAndAliases_data() {
    QTest::addColumn<int>("wave");
    QTest::addColumn<double>("rate");
    QTest::addColumn<double>("width");
    for (const double rate : {44100.0, 48000.0}) {
      for (const double width : {0.1, 0.23, 0.5, 0.77, 0.9})
        QTest::addRow("square %g @ %g Hz", width, rate) << int(Oscillator::square) << rate << width;
      QTest::addRow("saw @ %g Hz", rate) << int(Oscillator::saw) << rate << 0.5;
      QTest::addRow("triangle @ %g Hz", rate) << int(Oscillator::triangle) << rate << 0.5;
      QTest::addRow("sine @ %g Hz", rate) << int(Oscillator::sine) << rate << 0.5;
    }
  }
  void partialsAndAliases() {
    QFETCH(int, wave);
    QFETCH(double, rate);
    QFETCH(double, width);
    const double top = rate < 46000 ? 14000 : 16000, bin = rate / kSize;
    double worstAlias = -200, worstPartial = 0;
    for (const double asked : {55.0, 220.0, 523.25, 1046.5, 1567.98, 1975.5}) {
      const double hertz = (std::floor(asked / bin) + 0.5) * bin * 1.00013;  // on no bin, no divisor of the rate
      const auto x = spectrum(play(wave, rate, hertz, width));
      double strongest = 0;
      for (int k = 1; k * hertz < top; ++k) {
        const double expected = ideal(wave, k, width);
        double energy = 0, main = 0;  // the partial's lobe as a whole, against the same lobe of a pure sine
        for (int i = -8; i <= 8; ++i) {
          const double offset = std::round(k * hertz / bin) + i - k * hertz / bin;
          energy += std::norm(std::complex<double>(x[at(static_cast<int>(std::round(k * hertz / bin)) + i)]));
          main += lobe(offset) * lobe(offset);
        }
        const double amplitude = std::sqrt(energy / main);
        strongest = std::max(strongest, amplitude);
        if (expected > 0.02 / k) worstPartial = std::max(worstPartial, std::fabs(decibels(amplitude / expected)));
      }
      for (int i = 8; i < static_cast<int>(top / bin); ++i) {
        const double nearest = std::round(i * bin / hertz) * hertz;
        if (std::fabs(i * bin - nearest) < 8 * bin) continue;
        worstAlias = std::max(worstAlias, decibels(static_cast<double>(std::abs(x[at(i)])) / strongest));
      }
    }
    qInfo("aliases %.1f dB, partials off by %.2f dB at most", worstAlias, worstPartial);
    QVERIFY2(worstAlias < -80, qPrintable(QString::number(worstAlias)));
    QVERIFY2(worstPartial < 0.5, qPrintable(QString::number(worstPartial)));
  }

  void pitch() {
    // the phase of the analytic fundamental between two far stretches tells the frequency
    for (const double hertz : {27.5, 261.6256, 1760.0}) {
      const auto y = play(Oscillator::sine, 48000, hertz, 0.5);
      const auto phaseAt = [&](int from) {
        std::complex<double> sum = 0;
        for (int i = 0; i < 16384; ++i) {
          const double w = 0.5 - 0.5 * std::cos(2 * kPi * i / 16384);
          sum += w * static_cast<double>(y[at(from + i)]) * std::polar(1.0, -2 * kPi * hertz / 48000 * i);
        }
        return std::arg(sum);
      };
      const int apart = kSize - 16384;
      const double turn = std::remainder(phaseAt(apart) - phaseAt(0) - 2 * kPi * hertz / 48000 * apart, 2 * kPi);
      const double error = turn / (2 * kPi) / (apart / 48000.0);
      const double cents = 1200 * std::log2(1 + error / hertz);
      QVERIFY2(std::fabs(cents) < 0.1, qPrintable(QString("%1 Hz: %2 ct").arg(hertz).arg(cents)));
    }
  }

  void restart() {
    const NodeType type = makeNodeType<Oscillator>();
    NodeRig rig(type, 1, 48000, 4, 1);
    rig.settings[Oscillator::waveform].number = Oscillator::sine;
    setAll(rig, Oscillator::f0, 317);
    setAll(rig, Oscillator::phase, 0.25);
    setAll(rig, Oscillator::fm, 0);
    setAll(rig, Oscillator::gate, 0);
    for (int i = 100; i < 256; ++i) rig.inputs[Oscillator::gate].at(0, 0, 0)[i] = i == 170 ? 0 : 1;
    rig.reset();
    rig.forward({4});
    const Sample* y = rig.outputs[0].at(0, 0, 0);
    QVERIFY(std::fabs(y[100] - 1) < 1e-6 && std::fabs(y[171] - 1) < 1e-6);
    for (int i = 0; i < 60; ++i) QVERIFY(y[100 + i] == y[171 + i]);
    QVERIFY(std::fabs(y[99] - 1) > 0.1);
  }

  void runsBackwards() {  // an FM of -2 turns time around: the wave mirrors about its start
    const NodeType type = makeNodeType<Oscillator>();
    std::vector<Sample> out[2];
    for (int side = 0; side < 2; ++side) {
      NodeRig rig(type, 1, 48000, 8, 1);
      setAll(rig, Oscillator::f0, 441);
      setAll(rig, Oscillator::phase, 0);
      setAll(rig, Oscillator::fm, side ? -2 : 0);
      setAll(rig, Oscillator::gate, 0);
      rig.reset();
      rig.forward({8});
      out[side].assign(rig.outputs[0].at(0, 0, 0), rig.outputs[0].at(0, 0, 0) + 512);
    }
    for (std::size_t i = 0; i < 512; ++i) QVERIFY(std::fabs(out[0][i] + out[1][i]) < 2e-4);
  }

 private:
  /// Size of the window's transform, as `spectrum` scales it, this many bins off a partial.
  static double lobe(double offset) {
    constexpr double a[] = {0.27105140069342, 0.43329793923448, 0.21812299954311, 0.06592544638803,
                            0.01081174209837, 0.00077658482522, 0.00001388721735};
    const auto sinc = [](double x) { return x == 0 ? 1 : std::sin(kPi * x) / (kPi * x); };
    double sum = a[0] * sinc(offset);
    for (int k = 1; k < 7; ++k) sum += a[k] / 2 * (sinc(offset - k) + sinc(offset + k));
    return sum / a[0];
  }
};

QTEST_APPLESS_MAIN(TestOscillator)
#include "tst_oscillator.moc"
