// SPDX-License-Identifier: GPL-3.0-or-later
// A training with its files: checkpoints, stopping and going on, what is held out.
#include <QTest>

#include "tests/training_rig.h"

using namespace tests;

class TestTrainJob : public QObject {
  Q_OBJECT
  TrainingRig rig_;
  std::filesystem::path at(const char* name) const { return rig_.at(name); }

 private Q_SLOTS:
  void initTestCase() {
    QVERIFY(rig_.fill("folder", notes(kModelRate, 1.6, {262}, -16)));
    QVERIFY(std::filesystem::create_directory(at("other")));
    QVERIFY(writeAudio(at("other/d.wav"), notes(kModelRate, 1.6, {262}, -16), AudioFormat::wav16).has_value());
  }

  void aJobLeavesAModel() {
    presets::TrainJob job = rig_.job("model.safetensors", 2);
    presets::setInfo(job.patch, {"CC0-1.0", "", {}, {}, ""});  // it starts from weights
    const auto trained = TrainingRig::run(job);
    QVERIFY2(trained.has_value(), trained ? "" : trained.error().message.c_str());
    const auto read = presets::readModel(at("model.safetensors"));
    QVERIFY(read.has_value());
    QCOMPARE(read->info.licence, std::string("CC0-1.0"));
    QCOMPARE(read->info.validated, std::vector<std::string>{"b.wav#1"});
    QVERIFY(read->info.training.starts_with("2 steps"));
    // goes on, and an empty licence does not take the one from before away
    presets::TrainJob more = rig_.job("model.safetensors", 3);
    more.patch = {};
    more.info = {};
    more.resume = true;
    const auto again = TrainingRig::run(more);
    QVERIFY2(again.has_value(), again ? "" : again.error().message.c_str());
    QCOMPARE(again->result.state.step, 3);
    QCOMPARE(again->model.info.licence, std::string("CC0-1.0"));
    // with the curve from its beginning
    QVERIFY(trained->result.curve.size() >= 2);
    QVERIFY(again->result.curve.size() > trained->result.curve.size());
    for (std::size_t i = 0; i < trained->result.curve.size(); ++i) {
      QCOMPARE(again->result.curve[i].step, trained->result.curve[i].step);
      QCOMPARE(again->result.curve[i].validation, trained->result.curve[i].validation);
    }
  }

  /// Whoever is to be named for the weights that training starts from is named by what comes of them.
  void weightsKeepTheirCredits() {
    presets::TrainJob from = rig_.job("credited.safetensors", 1);
    presets::setInfo(from.patch, {"CC-BY-4.0", "Ada", {}, {}, ""});
    from.info = {"CC-BY-4.0", "", {}, {}, ""};
    const auto trained = TrainingRig::run(from);
    QVERIFY(trained.has_value());
    const auto read = presets::readModel(at("credited.safetensors"));
    QVERIFY(read.has_value());
    QCOMPARE(read->info.licence, std::string("CC-BY-4.0"));
    QCOMPARE(read->info.credits, std::string("Ada"));
    // beside those of the recordings, also when it goes on
    presets::TrainJob own = from;
    own.info = {"CC0-1.0", "Bob", {}, {}, ""};
    own.model = at("own.safetensors");
    QVERIFY(TrainingRig::run(own).has_value());
    const auto named = [&] {
      const presets::ModelInfo info = presets::readModel(at("own.safetensors"))->info;
      return QString::fromStdString(info.licence + " | " + info.credits);
    };
    QCOMPARE(named(), QString("CC0-1.0; CC-BY-4.0 | Bob; Ada"));
    own.patch.foreign.clear();
    own.resume = true;
    own.options.steps = 2;
    QVERIFY(TrainingRig::run(own).has_value());
    QCOMPARE(named(), QString("CC0-1.0; CC-BY-4.0 | Bob; Ada"));
  }
  /// Neither of the two speaks for the other where it states no licence.
  void weightsWithoutALicence() {
    presets::TrainJob job = rig_.job("unstated.safetensors", 1);
    QVERIFY(presets::hasLearned(job.patch));
    const auto licence = [&](const char* ofWeights, const char* ofRecordings) {
      presets::setInfo(job.patch, {ofWeights, "", {}, {}, ""});
      job.info = {ofRecordings, "", {}, {}, ""};
      const auto trained = TrainingRig::run(job);
      return trained ? QString::fromStdString(trained->model.info.licence) : "nothing was trained";
    };
    QCOMPARE(licence("", "CC0-1.0"), QString("CC0-1.0; the weights it started from: not stated"));
    QCOMPARE(licence("CC-BY-4.0", ""), QString("CC-BY-4.0; the rest: not stated"));
    QCOMPARE(licence("CC-BY-4.0", "CC-BY-4.0"), QString("CC-BY-4.0"));
    QCOMPARE(licence("", ""), QString());
  }
  /// What was best so far stays the result until something is better on the same takes.
  void goingOnKeepsTheBest() {
    const auto first = TrainingRig::run(rig_.job("best.safetensors", 3));
    QVERIFY(first.has_value());
    auto state = presets::readTrainState(at("best.safetensors"));
    QVERIFY(state.has_value());
    QCOMPARE(state->bestValues.size(), state->values.size());
    // the latest values are spoilt, as an unlucky step may do
    auto arrays = presets::readArrays(presets::statePath(at("best.safetensors")));
    QVERIFY(arrays.has_value());
    for (auto& [name, values] : *arrays)
      if (name == "values") std::fill(values.begin(), values.end(), 0.3);
    QVERIFY(presets::writeArrays(*arrays, presets::statePath(at("best.safetensors"))).has_value());
    presets::TrainJob more = rig_.job("best.safetensors", 4);
    more.resume = true;
    const auto again = TrainingRig::run(more);
    QVERIFY2(again.has_value(), again ? "" : again.error().message.c_str());
    QVERIFY(again->result.curve.back().validation > 1.1 * state->best);
    QCOMPARE(again->result.state.best, state->best);
    const auto weights = [](const presets::Model& m) {
      return m.patch.find("controller")->tensors.at("weights")->data;
    };
    QVERIFY(weights(again->model) == weights(first->model));
    const auto read = presets::readModel(at("best.safetensors"));
    QVERIFY(read.has_value() && weights(*read) == weights(first->model));
  }

  /// A model that is killed at its first checkpoint says what it was trained on; what goes on holds the same out.
  void goingOnHoldsOutTheSame() {
    presets::TrainJob held = rig_.job("held.safetensors", 2);
    held.data.seed = held.options.seed = 5;
    int seen = 0;
    const auto first =
        presets::trainModel(held, registry(),
                            [&](const TrainProgress& p) {
                              if (!p.checkpoint) return;
                              const auto read = presets::readModel(at("held.safetensors"));
                              seen += read && read->info.validated == std::vector<std::string>{"b.wav#1"} &&
                                      read->info.trained == p.checkpoint->trained && read->info.trained.size() == 2 &&
                                      read->info.training.find("seed 5") != std::string::npos;
                            },
                            {});
    QVERIFY(first.has_value());
    QCOMPARE(seen, 2);
    presets::TrainJob more = rig_.job("held.safetensors", 3);
    more.resume = true;
    more.data.validate.clear();
    const auto again = TrainingRig::run(more);
    QVERIFY2(again.has_value(), again ? "" : again.error().message.c_str());
    QCOMPARE(again->model.info.validated, std::vector<std::string>{"b.wav#1"});
    QVERIFY(again->model.info.training.find("seed 5") != std::string::npos);
    // other takes, or other recordings, are refused and change nothing
    const auto bytes = [&] { return presets::readModel(at("held.safetensors"))->info.training; };
    const std::string before = bytes();
    more.options.steps = 4;
    more.data.validate = {"a.wav"};
    const auto other = TrainingRig::run(more);
    QVERIFY(!other.has_value() && other.error().message.find("b.wav#1") != std::string::npos);
    more.data.validate.clear();
    more.files = recordings(at("other"));
    QVERIFY(!TrainingRig::run(more).has_value());
    QCOMPARE(bytes(), before);
  }

  /// No loss before there is one, and no word of takes that have not been judged.
  void checkpointsSayOnlyWhatIsKnown() {
    presets::TrainJob job = rig_.job("early.safetensors", 2);
    job.options.validateSeconds = 1e9;
    QStringList said;
    const auto trained = presets::trainModel(job, registry(),
                                             [&](const TrainProgress& p) {
                                               if (!p.checkpoint) return;
                                               const auto read = presets::readModel(at("early.safetensors"));
                                               said << (read ? QString::fromStdString(read->info.training) : QString());
                                             },
                                             {});
    QVERIFY(trained.has_value() && said.size() == 2);
    QVERIFY2(said[0].contains("no loss yet, held out but not judged yet, "), qPrintable(said[0]));
    QVERIFY2(!said[0].contains("0.0000") && !said[0].contains("nothing held out"), qPrintable(said[0]));
    const std::string& end = trained->model.info.training;
    QVERIFY2(end.find(", loss ") != std::string::npos && end.find(", held out ") != std::string::npos, end.c_str());
    QVERIFY2(end.find("yet") == std::string::npos, end.c_str());
  }

  /// Interrupted after any step and gone on with, training gives the bits of one run.
  void goingOnIsTheSameAsOneRun() {
    constexpr int kSteps = 5, kStopped = 2;
    const auto whole = TrainingRig::run(rig_.job("whole.safetensors", kSteps));
    std::stop_source stop;
    presets::TrainJob parts = rig_.job("parts.safetensors", kSteps);
    const auto first = presets::trainModel(
        parts, registry(),
        [&](const TrainProgress& p) {
          if (p.step >= kStopped) stop.request_stop();
        },
        stop.get_token());
    QVERIFY(whole.has_value() && first.has_value() && first->result.cancelled);
    QCOMPARE(first->result.state.step, kStopped);
    parts.resume = true;
    const auto second = TrainingRig::run(parts);
    QVERIFY2(second.has_value(), second ? "" : second.error().message.c_str());
    QCOMPARE(second->result.state.step, kSteps);
    QVERIFY(second->result.state.values == whole->result.state.values);
    QVERIFY(second->result.state.mean == whole->result.state.mean);
    QVERIFY(first->result.state.values != whole->result.state.values);  // or this tells nothing
  }

  /// Time left goes by the speed of this session: what earlier ones took tells little of it.
  void timeLeftIsThatOfThisSession() {
    QVERIFY(TrainingRig::run(rig_.job("slow.safetensors", 2)).has_value());
    auto arrays = presets::readArrays(presets::statePath(at("slow.safetensors")));
    QVERIFY(arrays.has_value());
    constexpr double kEarlier = 7200;
    for (auto& [name, values] : *arrays)
      if (name == "count") values[1] = kEarlier;
    QVERIFY(presets::writeArrays(*arrays, presets::statePath(at("slow.safetensors"))).has_value());
    presets::TrainJob more = rig_.job("slow.safetensors", 6);
    more.resume = true;
    int judged = 0;
    const auto again = presets::trainModel(more, registry(),
                                           [&](const TrainProgress& p) {
                                             if (p.step < 3 || p.stage != "Training") return;
                                             const double right = (p.elapsed - kEarlier) / (p.step - 2) * (6 - p.step);
                                             judged +=
                                                 std::fabs(p.left - right) <= 1e-6 * std::max(1.0, right) ? 1 : -100;
                                           },
                                           {});
    QVERIFY2(again.has_value(), again ? "" : again.error().message.c_str());
    QVERIFY2(judged >= 4, qPrintable(QString::number(judged)));
  }

  void goingOnNeedsSomethingToDo() {
    QVERIFY(TrainingRig::run(rig_.job("left.safetensors", 2)).has_value());
    presets::TrainJob more = rig_.job("left.safetensors", 2);
    more.resume = true;
    const auto done = TrainingRig::run(more);
    QVERIFY(!done.has_value() && done.error().message.find("2 steps) already") != std::string::npos);
    more.options.steps = 0;
    more.options.minutes = 1e-9;
    QVERIFY(!TrainingRig::run(more).has_value());
    more.options.steps = 3;
    QVERIFY(std::filesystem::remove(presets::statePath(at("left.safetensors"))));
    const auto missing = TrainingRig::run(more);
    QVERIFY(!missing.has_value() && missing.error().message.find("left.training") != std::string::npos);
  }

  /// A checkpoint that is not whole, or not of this model, is refused before anything is written.
  void damagedCheckpointsAreRefused() {
    QVERIFY(TrainingRig::run(rig_.job("hurt.safetensors", 2)).has_value());
    const auto whole = presets::readArrays(presets::statePath(at("hurt.safetensors")));
    QVERIFY(whole.has_value());
    const auto before = presets::readModel(at("hurt.safetensors"))->info.training;
    const auto refused = [&](const char* name, const std::function<void(std::vector<double>&)>& hurt) {
      auto arrays = *whole;
      for (auto& [n, values] : arrays)
        if (n == name) hurt(values);
      presets::TrainJob more = rig_.job("hurt.safetensors", 3);
      more.resume = true;
      return presets::writeArrays(arrays, presets::statePath(at("hurt.safetensors"))).has_value() &&
             !TrainingRig::run(more).has_value() && presets::readModel(at("hurt.safetensors"))->info.training == before;
    };
    const auto nothing = [](std::vector<double>&) {};
    for (const char* name : {"values", "mean", "square", "best"}) {
      QVERIFY2(refused(name, [](auto& v) { v.resize(v.size() / 2); }), name);
      QVERIFY2(refused(name, [](auto& v) { v[1] = std::numeric_limits<double>::quiet_NaN(); }), name);
    }
    QVERIFY(refused("count", [](auto& v) { v[0] = std::numeric_limits<double>::quiet_NaN(); }));
    QVERIFY(refused("count", [](auto& v) { v[0] = -4; }));
    QVERIFY(refused("count", [](auto& v) { v.clear(); }));
    QVERIFY(!refused("none", nothing));  // whole it goes on
  }

  void recordingsAreFoundOrSaid() {
    const auto found = findRecordings(at("folder"));
    QVERIFY(found.has_value());
    QCOMPARE(found->size(), std::size_t{3});
    QCOMPARE(recordingName(found->front(), at("folder")), std::string("a.wav"));
    QCOMPARE(recordingName(found->front(), found->front()), std::string("a.wav"));  // the one file that was named
    const auto missing = findRecordings(at("nowhere"));
    QVERIFY(!missing.has_value() && missing.error().message.find("nowhere") != std::string::npos);
    QVERIFY(std::filesystem::create_directory(at("bare")));
    const auto bare = findRecordings(at("bare"));
    QVERIFY(!bare.has_value() && bare.error().message.find("holds no recordings") != std::string::npos);
  }
  void namesMayHoldCommas() {
    const std::vector<std::filesystem::path> files{"/r/a, b.wav", "/r/low/c.wav", "/r/d.wav"};
    using Names = std::vector<std::string>;
    QCOMPARE(splitNames("a, b.wav#2, low/c.wav,d.wav#1", files, "/r"), (Names{"a, b.wav#2", "low/c.wav", "d.wav#1"}));
    QCOMPARE(splitNames(" d.wav ,, ", files, "/r"), Names{"d.wav"});
    QCOMPARE(splitNames("", files, "/r"), Names{});
  }

  void aStopLeavesACheckpoint() {
    std::stop_source stop;
    const auto trained = presets::trainModel(
        rig_.job("stopped.safetensors", 1000000), registry(),
        [&](const TrainProgress& p) {
          if (p.step >= 2) stop.request_stop();
        },
        stop.get_token());
    QVERIFY(trained.has_value() && trained->result.cancelled);
    const auto state = presets::readTrainState(at("stopped.safetensors"));
    QVERIFY(state.has_value() && state->step >= 2);
    QVERIFY(presets::readModel(at("stopped.safetensors")).has_value());
  }

  void aJobIsRefusedBeforeItBegins() {
    for (const char* name : {"model.wav", "nowhere/model.safetensors", "folder"}) {
      bool began = false;
      presets::TrainJob j = rig_.job(name, 1);
      const auto r = presets::trainModel(j, registry(), [&](const TrainProgress&) { began = true; }, {});
      QVERIFY(!r.has_value() && !began);
      QVERIFY(r.error().message.ends_with("."));
    }
    presets::TrainJob j = rig_.job("never.safetensors", 1);
    j.resume = true;
    QVERIFY(!TrainingRig::run(j).has_value());
  }

  void takesAreFoundAgain() {
    const auto files = recordings(at("folder"));
    QCOMPARE(files.size(), std::size_t{3});
    const auto take = presets::takeSound(files, "b.wav#2", kModelRate);
    QVERIFY2(take.has_value(), take ? "" : take.error().message.c_str());
    QVERIFY(std::fabs(take->seconds() - 0.9) < 0.15);  // half a second of note, silence around
    QVERIFY(!presets::takeSound(files, "b.wav#3", kModelRate).has_value());
    QVERIFY(!presets::takeSound(files, "z.wav#1", kModelRate).has_value());
  }
};

QTEST_GUILESS_MAIN(TestTrainJob)
#include "tst_train_job.moc"
