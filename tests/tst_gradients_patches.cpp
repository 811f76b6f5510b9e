// SPDX-License-Identifier: GPL-3.0-or-later
// links: nodes_double
// Gradients through whole patches against central differences, in double, with the whole tape and
// with checkpoints.
#include <QtTest>
#include <cmath>
#include <numbers>

#include "core/fit/loss.h"
#include "core/fit/variables.h"
#include "core/graph/voices.h"
#include "patch_rig.h"

using namespace tests;

namespace {
constexpr int kTicks = 40;

/// The loss of a patch as a function of its free coordinates.
class Problem {
 public:
  Problem(const Patch& patch, int stretchTicks) : loss_(target(), {LossKind::smooth, {256, 1024}, 1e-2, 0}) {
    Plan plan = compilePlan(patch, registry(), {.rate = 48000}).value();
    space = FitSpace::create(plan, declaredFree(patch, registry())).value();
    events_ = allocate(playerEvents(patch.phrase, 48000), plan.voices);
    x = space.read(plan);
    Gradient::Options options;
    options.stretchTicks = stretchTicks;
    gradient_ = std::move(Gradient::create(std::move(plan), space.request(), kTicks, options).value());
  }
  double value(const std::vector<double>& at, std::vector<double>* d = nullptr) {
    space.write(at, gradient_->executor(), 0);
    gradient_->executor().setEvents(events_);
    gradient_->forward();
    std::vector<double> y(static_cast<std::size_t>(kTicks * kTick)), dy(y.size());
    for (std::size_t i = 0; i < y.size(); ++i)
      y[i] = gradient_->output(0, 0, static_cast<int>(i)) + 0.5 * gradient_->output(1, 0, static_cast<int>(i));
    if (!d) return loss_.value(y);
    const double v = loss_.gradient(y, dy);
    gradient_->setCotangent(0, 0, dy);
    for (double& g : dy) g *= 0.5;
    gradient_->setCotangent(1, 0, dy);
    gradient_->backward();
    d->assign(at.size(), 0);
    space.gather(*gradient_, at, 0, *d);
    return v;
  }
  bool checkpointed() const { return gradient_->checkpointed(); }
  FitSpace space;
  std::vector<double> x;

 private:
  static std::vector<double> target() {
    std::vector<double> t(static_cast<std::size_t>(kTicks * kTick));
    for (std::size_t i = 0; i < t.size(); ++i)
      t[i] = 0.3 * std::sin(2 * std::numbers::pi * 300 * static_cast<double>(i) / 48000) +
             0.1 * std::sin(0.71 * static_cast<double>(i));
    return t;
  }
  SpectralLoss loss_;
  std::vector<VoiceEvent> events_;
  std::unique_ptr<Gradient> gradient_;
};
}  // namespace

class TestGradientsPatches : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void wholePatch_data() {
    QTest::addColumn<int>("which");
    for (const char* name : {"feedback", "two voices", "tracks", "reverb", "modulated depth", "six voices"})
      QTest::newRow(name) << static_cast<int>(row_++);
  }
  void wholePatch() {
    QFETCH(int, which);
    const Patch patch = which == 0   ? feedbackPatch()
                        : which == 1 ? voicesPatch(2)
                        : which == 2 ? tracksPatch()
                        : which == 3 ? reverbPatch()
                        : which == 4 ? modulatedPatch()
                                     : voicesPatch(6);
    Problem whole(patch, 0), cut(patch, 7);
    QVERIFY(!whole.checkpointed() && cut.checkpointed());
    std::vector<double> d, e;
    const double a = whole.value(whole.x, &d), b = cut.value(whole.x, &e);
    QCOMPARE(a, b);
    double norm = 0;
    for (const double g : d) norm = std::max(norm, std::abs(g));
    QVERIFY(norm > 1e-6);
    for (std::size_t i = 0; i < d.size(); ++i)
      QVERIFY2(std::abs(d[i] - e[i]) <= 1e-11 * norm, qPrintable(QString("%1: %2 and %3").arg(i).arg(d[i]).arg(e[i])));
    for (std::size_t i = 0; i<d.size(); i += d.size()> 30 ? 11 : 1) {
      double off = 1e300;
      for (const double h : {1e-5, 1e-6, 1e-7, 1e-8}) {
        std::vector<double> x = whole.x;
        x[i] += h;
        const double up = whole.value(x);
        x[i] -= 2 * h;
        off = std::min(off, std::abs((up - whole.value(x)) / (2 * h) - d[i]));
      }
      QVERIFY2(off <= 1e-6 * std::max(std::abs(d[i]), 1e-3 * norm) + 1e-12,
               qPrintable(QString("coordinate %1: %2, off by %3").arg(i).arg(d[i]).arg(off)));
    }
  }

 private:
  int row_ = 0;
};

QTEST_GUILESS_MAIN(TestGradientsPatches)
#include "tst_gradients_patches.moc"
