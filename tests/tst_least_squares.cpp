// SPDX-License-Identifier: GPL-3.0-or-later
// Least squares on logarithmic spectra: equations against differences, steps against known solutions.
#include <QtTest>
#include <cmath>
#include <numbers>
#include <random>

#include "core/fit/gauss_newton.h"

using namespace core;

namespace {
constexpr std::size_t kLength = 6000;

/// Two partials with two levels (natural logarithm), over a little noise.
std::vector<Sample> chord(double a, double b) {
  std::mt19937 random(5);
  std::uniform_real_distribution<double> noise(-1e-3, 1e-3);
  std::vector<Sample> x(kLength);
  for (std::size_t i = 0; i < kLength; ++i) {
    const double t = 2 * std::numbers::pi * static_cast<double>(i) / 48000;
    x[i] = static_cast<Sample>(0.3 * std::exp(a) * std::sin(700 * t) + 0.2 * std::exp(b) * std::sin(3100 * t) +
                               noise(random));
  }
  return x;
}
ResidualOptions options(double bend, int threads = 1) {
  ResidualOptions o;
  o.sizes = {256, 1024};
  o.epsilon = 1e-3;
  o.bend = bend;
  o.threads = threads;
  return o;
}
}  // namespace

class TestLeastSquares : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void valueIsTheMeanOfSquares() {
    // a bend far beyond the residuals leaves their mean square: ln 2 everywhere but near the floor
    std::vector<Sample> loud(kLength), twice(kLength);
    std::mt19937 random(1);
    std::uniform_real_distribution<double> noise(-0.4, 0.4);
    for (std::size_t i = 0; i < kLength; ++i) {
      loud[i] = static_cast<Sample>(noise(random));
      twice[i] = 2 * loud[i];
    }
    ResidualOptions o = options(100);
    o.epsilon = 1e-5;
    const LogSpectralResidual squares(loud, o);
    const double expected = std::numbers::ln2 * std::numbers::ln2;
    const double got = squares.value(twice);
    QVERIFY2(std::abs(got - expected) < 0.002 * expected, qPrintable(QString::number(got)));
    QCOMPARE(squares.value(loud), 0.0);
    // and a small one grows only linearly: 2 bend^2 (sqrt(1 + (r / bend)^2) - 1)
    o.bend = 0.1;
    const double bent = 0.02 * (std::sqrt(1 + expected / 0.01) - 1);
    QVERIFY(std::abs(LogSpectralResidual(loud, o).value(twice) - bent) < 0.002 * bent);
  }
  void slopeIsHalfTheGradient() {
    for (const double bend : {100.0, 0.3}) {
      const LogSpectralResidual loss(chord(0.2, -0.4), options(bend));
      const auto base = chord(0, 0);
      const double step = 1e-3;
      const std::vector<std::vector<Sample>> moved{chord(step, 0), chord(0, step)};
      const std::vector<double> steps{step, step};
      const NormalEquations e = loss.equations(base, moved, steps);
      QVERIFY(std::abs(e.value - loss.value(base)) < 1e-6 * e.value);
      const double h = 0.02;
      const double d[] = {(loss.value(chord(h, 0)) - loss.value(chord(-h, 0))) / (2 * h),
                          (loss.value(chord(0, h)) - loss.value(chord(0, -h))) / (2 * h)};
      for (std::size_t i = 0; i < 2; ++i) {
        qInfo("bend %g: slope %.6g, difference %.6g", bend, 2 * e.slope[i], d[i]);
        QVERIFY(std::abs(2 * e.slope[i] - d[i]) < 0.02 * std::abs(d[i]));
      }
      QVERIFY(e.squares(0, 1) == e.squares(1, 0) && e.squares(0, 0) > 0 && e.squares(1, 1) > 0);
    }
  }
  void threadsDoNotMatter() {
    const auto base = chord(0, 0);
    const std::vector<std::vector<Sample>> moved{chord(1e-3, 0), chord(0, 1e-3)};
    const std::vector<double> steps{1e-3, 1e-3};
    const auto a = LogSpectralResidual(chord(0.2, -0.4), options(1, 1)).equations(base, moved, steps);
    const auto b = LogSpectralResidual(chord(0.2, -0.4), options(1, 2)).equations(base, moved, steps);
    QVERIFY(a.value == b.value && a.squares == b.squares && a.slope == b.slope);
  }
  /// Levels are nearly linear in log magnitudes: a few steps find both.
  void stepsFindLevels() {
    const LogSpectralResidual loss(chord(0.5, -0.7), options(1));
    double a = 0, b = 0;
    for (int round = 0; round < 6; ++round) {
      const double h = 1e-3;
      const std::vector<std::vector<Sample>> moved{chord(a + h, b), chord(a, b + h)};
      const std::vector<double> steps{h, h};
      const auto step = dampedStep(loss.equations(chord(a, b), moved, steps), 1e-6, {false, false});
      QCOMPARE(step.size(), std::size_t{2});
      a += step[0];
      b += step[1];
    }
    QVERIFY2(std::abs(a - 0.5) < 1e-3 && std::abs(b + 0.7) < 1e-3, qPrintable(QString("%1 %2").arg(a).arg(b)));
  }
  void dampedSteps() {
    const NormalEquations e{1, {{4, 1}, {1, 3}}, {1, 2}};
    const auto free = dampedStep(e, 0, {false, false});  // [4 1; 1 3] x = -[1; 2]
    QVERIFY(std::abs(free[0] + 1.0 / 11) < 1e-12 && std::abs(free[1] + 7.0 / 11) < 1e-12);
    const auto damped = dampedStep(e, 1, {false, false});  // [8 1; 1 6] x = -[1; 2]
    QVERIFY(std::abs(damped[0] + 4.0 / 47) < 1e-12 && std::abs(damped[1] + 15.0 / 47) < 1e-12);
    const auto one = dampedStep(e, 0, {true, false});
    QVERIFY(one[0] == 0 && std::abs(one[1] + 2.0 / 3) < 1e-12);
    // a coordinate without effect stays, and nothing at all to move gives no step
    const auto dead = dampedStep({1, {{4, 0}, {0, 0}}, {1, 0}}, 0, {false, false});
    QVERIFY(std::abs(dead[0] + 0.25) < 1e-12 && dead[1] == 0);
    QVERIFY(dampedStep(e, 0, {true, true}).empty());
    QVERIFY(dampedStep({1, {{1, 2}, {2, 1}}, {1, 1}}, 0, {false, false}).empty());  // not positive definite
  }
};

QTEST_GUILESS_MAIN(TestLeastSquares)
#include "tst_least_squares.moc"
