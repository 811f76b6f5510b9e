// SPDX-License-Identifier: GPL-3.0-or-later
// links: core_double
// The loss's adjoint against central differences in double, value by value: direction and magnitude.
#include <QtTest>
#include <cmath>
#include <numbers>
#include <random>

#include "core/fit/loss.h"

using namespace core;

namespace {
std::vector<double> sound(unsigned seed, double f0, std::size_t frames) {
  std::mt19937 random(seed);
  std::normal_distribution<double> gauss;
  std::vector<double> x(frames);
  for (std::size_t i = 0; i < frames; ++i)
    x[i] = 0.3 * std::sin(2 * std::numbers::pi * f0 * static_cast<double>(i) / 48000) + 0.01 * gauss(random);
  return x;
}
/// Largest |difference| between the adjoint and central differences, over the largest |gradient|.
double worst(const SpectralLoss& loss, std::vector<double> x, double h) {
  std::vector<double> d(x.size());
  loss.gradient(x, d);
  double largest = 0, off = 0;
  for (const double g : d) largest = std::max(largest, std::abs(g));
  for (std::size_t i = 0; i < x.size(); i += 37) {
    const double keep = x[i];
    x[i] = keep + h;
    const double up = loss.value(x);
    x[i] = keep - h;
    const double down = loss.value(x);
    x[i] = keep;
    off = std::max(off, std::abs((up - down) / (2 * h) - d[i]));
  }
  return off / largest;
}
}  // namespace

class TestGradientsLoss : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void smooth() {
    for (const double epsilon : {1e-3, 1e-5}) {
      const SpectralLoss loss(sound(1, 440, 3001), {LossKind::smooth, {128, 256, 1024}, epsilon, 0});
      const double off = worst(loss, sound(2, 455, 3001), 1e-7);
      QVERIFY2(off < 1e-6, qPrintable(QString::number(off)));
    }
  }
  /// The robust loss has kinks, but at a random point no difference quotient steps over one.
  void robust() {
    const SpectralLoss loss(sound(1, 440, 3001), {LossKind::robust, {128, 512}, 1e-4, 0.3});
    const double off = worst(loss, sound(2, 455, 3001), 1e-9);
    QVERIFY2(off < 1e-4, qPrintable(QString::number(off)));
  }
  void loudness() {
    LossOptions options{LossKind::smooth, {128, 512}, 1e-4, 0};
    options.loudness = 2;
    const SpectralLoss with(sound(1, 440, 3001), options);
    const double off = worst(with, sound(2, 455, 3001), 1e-8);
    QVERIFY2(off < 1e-5, qPrintable(QString::number(off)));
    // twice as loud is ln 2 away in every frame, whatever the sound
    options.kind = LossKind::robust;
    options.linear = 0;
    options.epsilon = 1e-7;
    std::vector<double> louder = sound(1, 440, 3001);
    for (double& v : louder) v *= 2;
    QVERIFY(std::abs(SpectralLoss(sound(1, 440, 3001), options).value(louder) - 3 * std::log(2.0)) < 0.01);
  }
  /// At a kink (the target itself) the adjoint is zero, not noise or NaN; next to it it has full size.
  void kink() {
    const std::vector<double> x = sound(1, 440, 3001);
    const SpectralLoss loss(x, {LossKind::robust, {256}, 1e-4, 0.3});
    std::vector<double> d(x.size());
    QCOMPARE(loss.gradient(x, d), 0.0);
    for (const double g : d) QCOMPARE(g, 0.0);
    std::vector<double> louder = x;
    for (double& v : louder) v *= 1 + 1e-6;
    QVERIFY(loss.gradient(louder, d) > 0);
    double along = 0;  // Euler: the derivative along x itself is about one for each log term
    for (std::size_t i = 0; i < x.size(); ++i) along += d[i] * x[i];
    QVERIFY2(along > 0.9, qPrintable(QString::number(along)));
  }
  void silenceIsFinite() {
    const std::vector<double> zero(2000, 0.0);
    for (const LossKind kind : {LossKind::smooth, LossKind::robust}) {
      const SpectralLoss loss(sound(1, 440, 2000), {kind, {128}, 1e-3, 0.3});
      std::vector<double> d(zero.size());
      QVERIFY(std::isfinite(loss.gradient(zero, d)));
      for (const double g : d) QVERIFY(std::isfinite(g));
    }
  }
};

QTEST_GUILESS_MAIN(TestGradientsLoss)
#include "tst_gradients_loss.moc"
