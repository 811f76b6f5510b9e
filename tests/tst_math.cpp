// SPDX-License-Identifier: GPL-3.0-or-later
// Elementary functions against the C library over their whole ranges, to the errors that they promise,
// and lane by lane the same bits in vectors of one, four and eight.
#include <QtTest>
#include <bit>
#include <cmath>
#include <cstdint>

#include "core/dsp/math.h"

using namespace core;

namespace {
constexpr int kPoints = 400001;

struct Error {
  double absolute = 0, relative = 0;
};
/// Largest errors of f over evenly spaced points.
template <class F, class Exact>
Error worst(double from, double to, F f, Exact exact) {
  Error e;
  for (int i = 0; i < kPoints; ++i) {
    const auto x = static_cast<Sample>(from + (to - from) * i / (kPoints - 1));
    const double is = static_cast<double>(f(x)), should = exact(static_cast<double>(x));
    e.absolute = std::max(e.absolute, std::fabs(is - should));
    if (should != 0) e.relative = std::max(e.relative, std::fabs(is / should - 1));
  }
  return e;
}
/// The same bits in every lane of every width.
template <class F1, class F4, class F8>
bool alike(double from, double to, F1 one, F4 four, F8 eight) {
  for (int i = 0; i < kPoints; i += 8) {
    Vec<8> x;
    for (int l = 0; l < 8; ++l) x[l] = static_cast<Sample>(from + (to - from) * (i + l) / (kPoints - 1));
    const Vec<8> y = eight(x);
    for (int h = 0; h < 8; h += 4) {
      Vec<4> part;
      for (int l = 0; l < 4; ++l) part[l] = x[h + l];
      const Vec<4> z = four(part);
      for (int l = 0; l < 4; ++l) {
        const auto a = std::bit_cast<std::uint32_t>(one(part[l]));
        if (a != std::bit_cast<std::uint32_t>(z[l]) || a != std::bit_cast<std::uint32_t>(y[h + l])) return false;
      }
    }
  }
  return true;
}
#define LANES_ALIKE(from, to, f) \
  QVERIFY(alike(                 \
      from, to, [](Sample x) { return f<1>(x); }, [](Vec<4> x) { return f<4>(x); }, [](Vec<8> x) { return f<8>(x); }))
#define AT_MOST(error, bound) QVERIFY2(error <= (bound), qPrintable(QString::number(error)))
constexpr double kTurn = 2 * std::numbers::pi;
}  // namespace

class TestMath : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void sines() {
    AT_MOST(worst(-3, 3, sinCycles<1>, [](double x) { return std::sin(kTurn * x); }).absolute, 1.7e-7);
    AT_MOST(worst(-3, 3, cosCycles<1>, [](double x) { return std::cos(kTurn * x); }).absolute, 1.7e-7);
    AT_MOST(worst(-0.25, 0.25, sinQuarterCycle<1>, [](double x) { return std::sin(kTurn * x); }).absolute, 1.7e-7);
    QCOMPARE(sinCycles<1>(0), 0.0_s);  // a phase that starts at zero starts in silence
    QVERIFY(sinCycles<1>(0.125_s) == -sinCycles<1>(-0.125_s));
    LANES_ALIKE(-3, 3, sinCycles);
    LANES_ALIKE(-3, 3, cosCycles);
  }
  void tangent() {
    AT_MOST(worst(0, 0.49, tanPi<1>, [](double x) { return std::tan(std::numbers::pi * x); }).relative, 3e-6);
    LANES_ALIKE(0, 0.49, tanPi);
  }
  void powersOfTwo() {
    AT_MOST(worst(-126, 126, exp2<1>, [](double x) { return std::exp2(x); }).relative, 1.2e-7);
    QCOMPARE(exp2<1>(0), 1.0_s);
    QCOMPARE(exp2<1>(7), 128.0_s);
    QCOMPARE(exp2<1>(1000), std::exp2(126.0F));  // finite, whatever a cable brings
    QCOMPARE(exp2<1>(-1000), std::exp2(-126.0F));
    LANES_ALIKE(-126, 126, exp2);
  }
  void logarithms() {
    AT_MOST(worst(1e-6, 4, log2<1>, [](double x) { return std::log2(x); }).absolute, 2e-6);
    AT_MOST(worst(0.9, 1.1, log2<1>, [](double x) { return std::log2(x); }).absolute, 1e-7);
    AT_MOST(worst(1, 1e6, log2<1>, [](double x) { return std::log2(x); }).absolute, 2e-6);
    QCOMPARE(log2<1>(1), 0.0_s);
    QCOMPARE(log2<1>(1024), 10.0_s);
    LANES_ALIKE(1e-6, 4, log2);
  }
  void hyperbolicTangent() {
    AT_MOST(worst(-12, 12, core::tanh<1>, [](double x) { return std::tanh(x); }).absolute, 3e-7);
    AT_MOST(worst(-0.2, 0.2, core::tanh<1>, [](double x) { return std::tanh(x); }).relative, 2e-6);
    LANES_ALIKE(-12, 12, core::tanh);
  }
  void decibels() {
    AT_MOST(worst(-100, 40, fromDecibels<1>, [](double x) { return std::pow(10, x / 20); }).relative, 1.5e-6);
    // the slope that adjoints multiply by
    const double x = -6, h = 1e-3, slope = (std::pow(10, (x + h) / 20) - std::pow(10, (x - h) / 20)) / (2 * h);
    QVERIFY(std::fabs(static_cast<double>(fromDecibels<1>(-6) * kDecibelSlope) / slope - 1) < 1e-6);
    LANES_ALIKE(-100, 40, fromDecibels);
  }
  void rounding() {
    for (const double x : {-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999, -7.2, 1e6 + 0.25})
      QCOMPARE(roundNearest<1>(static_cast<Sample>(x)), std::nearbyint(static_cast<Sample>(x)));
    LANES_ALIKE(-1000, 1000, roundNearest);
    AT_MOST(worst(0, 1e6, squareRoot<1>, [](double x) { return std::sqrt(x); }).relative, 6e-8);
    LANES_ALIKE(0, 1e6, squareRoot);
  }
};

QTEST_APPLESS_MAIN(TestMath)
#include "tst_math.moc"
