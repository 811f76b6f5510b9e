// SPDX-License-Identifier: GPL-3.0-or-later
// links: core
// What the loss measures: known values, sizes, threads, stopping; the optimiser on known problems.
#include <QtTest>
#include <cmath>
#include <numbers>

#include "core/fit/loss.h"
#include "core/fit/optimizer.h"

using namespace core;

namespace {
std::vector<Sample> sine(double amplitude, double f0, std::size_t frames = 24000) {
  std::vector<Sample> x(frames);
  for (std::size_t i = 0; i < frames; ++i)
    x[i] = static_cast<Sample>(amplitude * std::sin(2 * std::numbers::pi * f0 * static_cast<double>(i) / 48000));
  return x;
}
}  // namespace

class TestLoss : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void sizesFollowRateAndPitch() {
    QCOMPARE(lossSizes(48000, 0), (std::vector<int>{128, 256, 512, 1024, 2048, 4096}));
    QCOMPARE(lossSizes(48000, 440), (std::vector<int>{512, 1024, 2048, 4096}));
    QCOMPARE(lossSizes(44100, 440).front(), 512);
    QCOMPARE(lossSizes(96000, 0), (std::vector<int>{256, 512, 1024, 2048, 4096, 8192}));
    QCOMPARE(lossSizes(48000, 30), (std::vector<int>{2048, 4096}));
  }
  /// Twice as loud is ln 2 in every bin well above epsilon: broadband sounds give exactly that.
  void gainIsItsLogarithm() {
    std::vector<Sample> x(24000), y(24000);
    unsigned state = 1;
    for (std::size_t i = 0; i < x.size(); ++i) {
      state = state * 1664525u + 1013904223u;
      x[i] = static_cast<Sample>(static_cast<double>(state) / 4294967296.0 - 0.5);
      y[i] = 2 * x[i];
    }
    const SpectralLoss smooth(x, {LossKind::smooth, {256, 1024}, 1e-7, 0});
    QVERIFY(std::abs(smooth.value(y) / std::pow(std::numbers::ln2, 2) - 1) < 1e-3);
    const SpectralLoss robust(x, {LossKind::robust, {256, 1024}, 1e-7, 0});
    QVERIFY(std::abs(robust.value(y) / std::numbers::ln2 - 1) < 1e-3);
    QVERIFY(smooth.value(x) < 1e-12);
  }
  /// The linear term reads amplitudes: a sinusoid of 0.5 against silence, in bins of coherent gain.
  void linearTermIsAmplitude() {
    const SpectralLoss loss(std::vector<Sample>(24000, 0), {LossKind::robust, {1024}, 1e3, 1});
    const double f0 = 48000.0 * 50 / 1024;  // on a bin: 1, 1/2 and 1/2 of the amplitude in three bins
    QVERIFY(std::abs(loss.value(sine(0.5, f0)) / (0.5 * 2 * 256 / 513) - 1) < 0.05);
  }
  void threadsChangeNothing() {
    const std::vector<Sample> x = sine(0.3, 440), y = sine(0.4, 450);
    LossOptions options{LossKind::robust, lossSizes(48000, 440), 1e-4, 0.3, 1};
    const SpectralLoss one(x, options);
    options.threads = 2;
    const SpectralLoss two(x, options);
    std::vector<Sample> d1(x.size()), d2(x.size());
    QCOMPARE(one.gradient(y, d1), two.gradient(y, d2));
    QVERIFY(d1 == d2);
    QVERIFY(std::abs(one.gradient(y, d1) / one.value(y) - 1) < 1e-9);
  }
  void stopping() {
    std::stop_source source;
    const SpectralLoss loss(sine(0.3, 440), {LossKind::smooth, {512}, 1e-3, 0});
    source.request_stop();
    QVERIFY(std::isnan(loss.value(sine(0.2, 440), source.get_token())));
  }
  void shortTargets() {
    for (const std::size_t n : {std::size_t{1}, std::size_t{10}, std::size_t{500}}) {
      const SpectralLoss loss(sine(0.3, 440, n), {LossKind::robust, lossSizes(48000, 0), 1e-3, 0.3});
      std::vector<Sample> d(n);
      QVERIFY(std::isfinite(loss.gradient(sine(0.1, 300, n), d)));
    }
  }
  void adamFindsAMinimum() {
    std::vector<double> x{3, -2, 5}, rate{0.1, 0.1, 0.1}, g(3);
    Adam adam(3);
    for (int i = 0; i < 800; ++i) {
      g = {2 * (x[0] - 1), 200 * (x[1] - 0.5), 0};
      QVERIFY(adam.step(x, g, rate, i < 600 ? 1 : 0.05));
    }
    QVERIFY(std::abs(x[0] - 1) < 1e-2 && std::abs(x[1] - 0.5) < 1e-2);
    QCOMPARE(x[2], 5.0);  // a dead gradient moves nothing
    const std::vector<double> before = x;
    g[0] = std::nan("");
    QVERIFY(!adam.step(x, g, rate, 1));
    QVERIFY(x == before);
  }
};

QTEST_GUILESS_MAIN(TestLoss)
#include "tst_loss.moc"
