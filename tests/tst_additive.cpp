// SPDX-License-Identifier: GPL-3.0-or-later
// The two halves of a DDSP voice against their definitions: partials of the harmonic oscillator
// against a sum of sines in double, noise against the bands it was given.
#include <QTest>
#include <complex>

#include "core/dsp/fft.h"
#include "nodes/source/filtered_noise.h"
#include "nodes/source/harmonic_oscillator.h"
#include "tests/node_rig.h"

using namespace tests;

namespace {
const NodeType& harmonicType() {
  static const NodeType t = makeNodeType<nodes::HarmonicOscillator>();
  return t;
}
const NodeType& noiseType() {
  static const NodeType t = makeNodeType<nodes::FilteredNoise>();
  return t;
}
void setAudio(NodeRig& rig, int input, double x) {
  std::fill_n(rig.inputs[at(input)].at(0, 0), rig.ticks * kTick, static_cast<Sample>(x));
}
/// Amplitude of the partial at `hertz`, by a Hann-windowed correlation.
double partial(const Sample* y, int frames, double hertz, double rate) {
  std::complex<double> sum = 0;
  double weight = 0;
  for (int i = 0; i < frames; ++i) {
    const double w = 0.5 - 0.5 * std::cos(2 * M_PI * (i + 0.5) / frames);
    sum += w * static_cast<double>(y[i]) * std::polar(1.0, -2 * M_PI * hertz * i / rate);
    weight += w;
  }
  return 2 * std::abs(sum) / weight;
}
double decibels(double x) { return 20 * std::log10(std::max(x, 1e-12)); }
}  // namespace

class TestAdditive : public QObject {
  Q_OBJECT
 private:
  using Harmonic = nodes::HarmonicOscillator;

  /// A steady tone: harmonic k has the level 1 / k, of 60, amplitude 0.5, normalised.
  static void steady(NodeRig& rig, double hertz) {
    setAudio(rig, Harmonic::f0, hertz);
    setAudio(rig, Harmonic::phase, 0);
    setAudio(rig, Harmonic::gate, 0);
    for (int t = 0; t < rig.ticks; ++t) {
      *rig.inputs[Harmonic::amplitude].at(0, t) = static_cast<Sample>(0.5);
      for (int k = 0; k < 60; ++k) rig.inputs[Harmonic::harmonics].at(0, t)[k] = static_cast<Sample>(1.0 / (k + 1));
    }
    rig.reset();
    rig.forward({4});
  }

 private Q_SLOTS:
  void levels_data() {
    QTest::addColumn<double>("hertz");
    for (const double hz : {27.5, 110.0, 261.6, 380.0}) QTest::addRow("%g Hz", hz) << hz;
  }
  /// Every frame against the sum of sines in double: -100 dB of full scale.
  void levels() {
    QFETCH(double, hertz);
    NodeRig rig(harmonicType(), 1, 48000, 64, 1);
    steady(rig, hertz);
    const Sample* y = rig.outputs[0].at(0, 0);
    double total = 0, error = 0;
    for (int k = 1; k <= 60; ++k) total += 1.0 / k;
    const int frames = rig.ticks * kTick;
    for (int k = 1; k <= 60; ++k)
      QVERIFY2(
          std::fabs(decibels(partial(y, frames, k * hertz, 48000) / (0.5 / k / total))) < (hertz > 100 ? 0.05 : 0.5),
          qPrintable(QString("harmonic %1").arg(k)));
    // the phase itself drifts by its own rounding (below 1e-4 cents); compare within the first ticks
    for (int i = 0; i < 4 * kTick; ++i) {
      double exact = 0;
      for (int k = 1; k <= 60; ++k) exact += 0.5 / k / total * std::sin(2 * M_PI * k * hertz * i / 48000);
      error = std::max(error, std::fabs(exact - static_cast<double>(y[i])));
    }
    QVERIFY2(decibels(error) < -90, qPrintable(QString("error %1 dB").arg(decibels(error))));
  }

  /// Pitch over 10 s, from the phase of the first harmonic at both ends.
  void pitch() {
    NodeRig rig(harmonicType(), 1, 48000, 7500, 1);
    steady(rig, 220);
    const Sample* y = rig.outputs[0].at(0, 0);
    const auto phase = [&](int from) {
      std::complex<double> sum = 0;
      for (int i = 0; i < 4800; ++i)
        sum += (0.5 - 0.5 * std::cos(2 * M_PI * i / 4800)) * static_cast<double>(y[from + i]) *
               std::polar(1.0, -2 * M_PI * 220 * (from + i) / 48000.0);
      return std::arg(sum);
    };
    const int apart = 470000;
    const double cycles = std::remainder(phase(apart) - phase(0), 2 * M_PI) / (2 * M_PI);
    const double cents = 1200 * std::log2(1 + cycles / (apart / 48000.0) / 220);
    QVERIFY2(std::fabs(cents) < 0.01, qPrintable(QString("%1 cents").arg(cents)));
  }

  /// A high tone with 60 harmonics: nothing may fold back between the partials.
  void nyquist() {
    NodeRig rig(harmonicType(), 1, 48000, 128, 1);
    steady(rig, 3100);
    const Sample* y = rig.outputs[0].at(0, 0);
    const int frames = rig.ticks * kTick;
    for (int k = 8; k < 60; ++k) {
      const double folded = std::fabs(std::remainder(k * 3100.0, 48000));
      const double level = decibels(partial(y, frames, folded, 48000));
      QVERIFY2(level < -85, qPrintable(QString("harmonic %1 folds to %2 Hz at %3 dB").arg(k).arg(folded).arg(level)));
    }
    for (int k = 1; k <= 7; ++k) QVERIFY(partial(y, frames, k * 3100.0, 48000) > 0.02);
  }

  /// Bands of very different gain: each is met within 1 dB on average away from the steps.
  void noiseBands() {
    using Noise = nodes::FilteredNoise;
    NodeRig rig(noiseType(), 1, 48000, 4000, 1);
    setAudio(rig, Noise::level, 0);
    const auto gain = [](int band) { return band < 16 ? 1.0 : band < 40 ? 0.1 : 0.5; };
    for (int t = 0; t < rig.ticks; ++t)
      for (int k = 0; k < 65; ++k) rig.inputs[Noise::magnitudes].at(0, t)[k] = static_cast<Sample>(gain(k));
    rig.reset();
    rig.forward({2});
    constexpr int kSize = 512;
    const RealFft fft(kSize);
    std::vector<double> power(kSize / 2 + 1, 0.0);
    int count = 0;
    for (int from = 512; from + kSize <= rig.ticks * kTick; from += kSize / 2, ++count) {
      Sample x[kSize];
      std::complex<Sample> spectrum[kSize / 2 + 1];
      for (int i = 0; i < kSize; ++i)
        x[i] = rig.outputs[0].at(0, 0)[from + i] * static_cast<Sample>(0.5 - 0.5 * std::cos(2 * M_PI * i / kSize));
      fft.forward(x, spectrum);
      for (std::size_t k = 0; k < power.size(); ++k) power[k] += static_cast<double>(std::norm(spectrum[k]));
    }
    // white noise in [-1, 1) has the variance 1 / 3; the window's energy is 3/8 of its length
    const double white = count * kSize * 3.0 / 8 / 3;
    for (const auto& [first, last] : {std::pair{3, 13}, {19, 37}, {43, 61}}) {
      double sum = 0;
      for (int bin = first * 4; bin < last * 4; ++bin) sum += power[at(bin)];
      const double level = 10 * std::log10(sum / ((last - first) * 4) / white),
                   asked = decibels(gain((first + last) / 2));
      QVERIFY2(std::fabs(level - asked) < 1,
               qPrintable(QString("bands %1-%2: %3 dB, asked %4").arg(first).arg(last).arg(level).arg(asked)));
    }
  }

  /// One tick of noise through the response must be heard in that tick and the two after it only.
  void noiseTail() {
    using Noise = nodes::FilteredNoise;
    NodeRig rig(noiseType(), 1, 48000, 6, 1);
    setAudio(rig, Noise::level, 0);
    for (int t = 0; t < rig.ticks; ++t)
      for (int k = 0; k < 65; ++k) rig.inputs[Noise::magnitudes].at(0, t)[k] = t == 1 ? 1 : 0;
    rig.reset();
    rig.forward({1});
    const Sample* y = rig.outputs[0].at(0, 0);
    double loudest = 0;
    for (int i = 0; i < 6 * kTick; ++i) {
      if (i < kTick || i >= 4 * kTick) QCOMPARE(y[i], Sample(0));
      loudest = std::max(loudest, std::fabs(static_cast<double>(y[i])));
    }
    QVERIFY(loudest > 0.1);
    // flat magnitudes: the response is one tap, 64 frames late, so each frame is the noise itself
    Sample x[kTick];
    whiteNoise(1, 0, kTick, kTick, x);
    for (int i = 0; i < kTick; ++i) QVERIFY(std::fabs(y[2 * kTick + i] - x[i]) < 1e-5F);
  }
};

QTEST_APPLESS_MAIN(TestAdditive)
#include "tst_additive.moc"
