// SPDX-License-Identifier: GPL-3.0-or-later
// The steps of a training: their size and the bound on the gradient, when they end before their number, and a disk
// that fills up meanwhile.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <QTest>
#include <csignal>
#include <fstream>

#include "tests/training_rig.h"

using namespace tests;

namespace {
double norm(const std::vector<double>& x) {
  double sum = 0;
  for (const double v : x) sum += v * v;
  return std::sqrt(sum);
}
std::string bytesOf(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
std::ptrdiff_t entries(const std::filesystem::path& folder) {
  return std::distance(std::filesystem::directory_iterator(folder), {});
}
std::vector<double> weightsOf(const Patch& patch) {
  const auto& data = patch.find("controller")->tensors.at("weights")->data;
  return {data.begin(), data.end()};
}
}  // namespace

class TestTrainSteps : public QObject {
  Q_OBJECT
  TrainingRig rig_;
  std::filesystem::path at(const char* name) const { return rig_.at(name); }
  /// The follower's training, with the state after each step.
  Result<TrainResult> trained(const TrainOptions& options, std::vector<TrainState>* states = nullptr,
                              const TrainState* resume = nullptr, const char* folder = "folder",
                              const std::vector<std::string>& heldOut = {"b.wav#1"}) const {
    return train(follower(), registry(), recordings(at(folder)), {{}, heldOut, false, 1}, options, resume,
                 [&](const TrainProgress& p) {
                   if (p.checkpoint && states) states->push_back(p.checkpoint->state);
                 },
                 {});
  }

 private Q_SLOTS:
  void initTestCase() {
    QVERIFY(rig_.fill("folder", notes(kModelRate, 1.6, {262}, -16)));
    QVERIFY(std::filesystem::create_directory(at("single")));
    std::filesystem::copy(at("folder/a.wav"), at("single/a.wav"));
  }

  /// Adam's step size follows from what it leaves behind: values and moments before and after.
  void theRateFalls() {
    TrainOptions options = shortTraining(4);
    options.validateSeconds = 1e9;
    std::vector<TrainState> states;
    QVERIFY(trained(options, &states).has_value());
    QCOMPARE(states.size(), std::size_t{4});
    std::vector<double> before = weightsOf(follower());
    for (int step = 0; step < 4; ++step) {
      const TrainState& s = states[static_cast<std::size_t>(step)];
      std::size_t most = 0;
      for (std::size_t i = 0; i < before.size(); ++i)
        if (std::fabs(s.values[i] - before[i]) > std::fabs(s.values[most] - before[most])) most = i;
      const double mean = s.mean[most] / (1 - std::pow(0.9, step + 1));
      const double size = std::sqrt(s.square[most] / (1 - std::pow(0.999, step + 1))) + 1e-8;
      const double rate = (before[most] - s.values[most]) * size / mean;
      const double expected = 2e-3 * std::pow(1e-4 / 2e-3, step / 4.0);
      QVERIFY2(std::fabs(rate / expected - 1) < 1e-6, qPrintable(QString("%1: %2").arg(step).arg(rate)));
      before = s.values;
    }
  }
  /// The first moment after one step is a tenth of the gradient that was stepped by.
  void longGradientsAreScaledDown() {
    const auto gradient = [&](double bound) {
      TrainOptions options = shortTraining(1);
      options.validateSeconds = 1e9;
      if (bound > 0) options.gradientNorm = bound;
      auto d = trained(options)->state.mean;
      for (double& x : d) x *= 10;
      return d;
    };
    const auto free = gradient(1e9), usual = gradient(0);
    QVERIFY2(norm(free) > 4, qPrintable(QString::number(norm(free))));  // or this tells nothing
    QVERIFY2(std::fabs(norm(usual) - 3) < 1e-9, qPrintable(QString::number(norm(usual))));
    for (std::size_t i = 0; i < free.size(); ++i) QVERIFY(std::fabs(usual[i] - free[i] * 3 / norm(free)) < 1e-9);
    QVERIFY(gradient(1.01 * norm(free)) == free);
  }

  // ---- ends -----------------------------------------------------------------------------------

  void itEndsWhenItNoLongerGetsBetter_data() {
    QTest::addColumn<double>("patience");
    QTest::addColumn<bool>("judged");
    QTest::addColumn<int>("ends");
    QTest::newRow("impatient") << 1e-9 << true << 2;
    QTest::newRow("patient") << 1e9 << true << 5;
    QTest::newRow("never") << 0.0 << true << 5;
    QTest::newRow("nothing held out") << 1e-9 << false << 5;
  }
  /// It goes on from a best that nothing reaches, so that no step is an improvement however long it takes.
  void itEndsWhenItNoLongerGetsBetter() {
    QFETCH(double, patience);
    QFETCH(bool, judged);
    QFETCH(int, ends);
    const auto run = [&](const TrainOptions& options, const TrainState* resume) {
      return judged ? trained(options, nullptr, resume) : trained(options, nullptr, resume, "single", {});
    };
    TrainState before = run(shortTraining(1), nullptr)->state;
    before.best = 1e-6;
    before.bestValues[0] += 0.25;  // not the latest
    TrainOptions options = shortTraining(5);
    options.patienceSeconds = patience;
    const auto r = run(options, &before);
    QVERIFY2(r.has_value(), r ? "" : r.error().message.c_str());
    QCOMPARE(r->state.step, ends);
    QVERIFY(!r->cancelled);
    const bool said = std::any_of(r->warnings.begin(), r->warnings.end(), [](const std::string& w) {
      return w.starts_with("Stopped early: the held-out takes");
    });
    QCOMPARE(said, ends < 5);
    const std::vector<double>& best = judged ? before.bestValues : r->state.values;
    QVERIFY(r->state.bestValues == best && best != (judged ? r->state.values : before.bestValues));
    const std::vector<double> weights = weightsOf(r->patch);
    for (std::size_t i = 0; i < weights.size(); ++i)
      QCOMPARE(static_cast<float>(weights[i]), static_cast<float>(best[i]));
  }

  void aDiskThatIsFull_data() {
    QTest::addColumn<bool>("longModel");
    QTest::addColumn<QString>("names");
    QTest::newRow("state") << false << "model.training\"";
    QTest::newRow("model") << true << "model.safetensors\"";
  }
  /// A limit on file size stands for it, in a child process, which has it alone. The model from before stays, and what
  /// lies beside it can be gone on with.
  void aDiskThatIsFull() {
    QFETCH(bool, longModel);
    QFETCH(QString, names);
    const std::filesystem::path folder = at(QTest::currentDataTag());
    std::filesystem::create_directory(folder);
    presets::TrainJob job = rig_.job((folder.filename() / "model.safetensors").c_str(), 1);
    QVERIFY(TrainingRig::run(job).has_value());
    const std::filesystem::path state = presets::statePath(job.model);
    const std::string model = bytesOf(job.model), values = bytesOf(state);
    constexpr rlim_t kRoom = 100000;
    QVERIFY(model.size() < kRoom / 2 && values.size() < kRoom / 2 && values.size() > model.size());
    const rlim_t most = longModel ? kRoom : values.size() / 2;
    rlimit before{};
    QCOMPARE(getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit limit{most, before.rlim_max};
    if (longModel) job.patch.description.assign(kRoom, 'x');
    job.options.steps = 3;
    const pid_t child = fork();
    if (child == 0) {
      std::signal(SIGXFSZ, SIG_IGN);
      setrlimit(RLIMIT_FSIZE, &limit);
      int steps = 0;
      const auto r = presets::trainModel(job, registry(),
                                         [&](const TrainProgress& p) {
                                           steps = p.step;
                                           if (p.checkpoint) setrlimit(RLIMIT_FSIZE, &before);  // room again, too late
                                         },
                                         {});
      const std::string says = r ? "" : r.error().message;
      _exit(r                                             ? 1
            : !says.starts_with("Cannot write \"")        ? 2
            : says.find(names.toStdString()) == says.npos ? 3
            : steps != 1                                  ? 4
                                                          : 0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    QVERIFY(WIFEXITED(status));
    QCOMPARE(WEXITSTATUS(status), 0);
    QVERIFY(bytesOf(job.model) == model && presets::readModel(job.model).has_value());
    QCOMPARE(bytesOf(state) == values, !longModel);
    QCOMPARE(entries(folder), std::ptrdiff_t{2});
    job.resume = true;
    const auto more = TrainingRig::run(job);
    QVERIFY2(more.has_value() && more->result.state.step == 3, more ? "" : more.error().message.c_str());
  }
};

QTEST_GUILESS_MAIN(TestTrainSteps)
#include "tst_train_steps.moc"
