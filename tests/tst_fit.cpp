// SPDX-License-Identifier: GPL-3.0-or-later
// links: nodes
// A fit as its callers see it: the same seed gives the same bits, cancelling is quick and leaves the
// best so far, the report adds up, targets that cannot work are named.
#include <QElapsedTimer>
#include <QtTest>
#include <ctime>
#include <numbers>
#include <set>
#include <thread>

#include "core/analysis/compare.h"
#include "fit_rig.h"

using namespace tests;

class TestFit : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void sameSeedSameBits() {
    const AudioData target = sound(subtractive(), 0.4);
    const Patch start = perturbed(subtractive());
    FitOptions options;
    options.steps = 24;
    const auto a = fit(start, registry(), target, options, {}, {});
    const auto b = fit(start, registry(), target, options, [](const FitProgress&) {}, {});
    QVERIFY(a && b && a->patch == b->patch && a->curve == b->curve);
    // the seed shows in the starts that are tried after those that were measured
    const AudioData other = sound(pulse(), 0.4);  // which the saw cannot reach
    options.steps = 80;
    const auto c = fit(start, registry(), other, options, {}, {});
    options.seed = 2;
    const auto d = fit(start, registry(), other, options, {}, {});
    QVERIFY(c && d && c->curve != d->curve);
  }
  void cancelKeepsTheBest() {
    const AudioData target = sound(subtractive(), 2.0);
    const Patch start = perturbed(subtractive());
    std::stop_source source;
    FitOptions options;
    options.budgetSeconds = 60;
    int calls = 0;
    const auto got = fit(
        start, registry(), target, options,
        [&](const FitProgress& p) {
          QVERIFY(p.patch);
          if (p.stage == "Coarse" && ++calls == 3) source.request_stop();
        },
        source.get_token());
    QVERIFY(got && got->cancelled);
    QVERIFY(calls < 30);  // it did not go on
    const double was = compare(target, sound(start, 2)).lsdDb, is = compare(target, sound(got->patch, 2)).lsdDb;
    QVERIFY2(is <= was, qPrintable(QString("%1 -> %2").arg(was).arg(is)));
    std::stop_source early;
    early.request_stop();
    const auto none = fit(start, registry(), target, options, {}, early.get_token());
    QVERIFY(none && none->cancelled);
  }
  /// A budget that is over before the search has begun: what is given back is whole, judged, and no
  /// worse than what was given; nobody has cancelled.
  void budgetUsedUp() {
    const AudioData target = sound(subtractive(), 4.0);
    const Patch start = perturbed(subtractive());
    FitOptions options;
    options.budgetSeconds = 0.01;
    const auto got = fit(start, registry(), target, options, {}, {});
    QVERIFY(got && !got->cancelled);
    QVERIFY2(got->steps == 0, qPrintable(QString::number(got->steps)));
    QVERIFY(!got->terms.empty() && got->terms[0].start > 0 && got->terms[0].end <= got->terms[0].start);
    const double was = compare(target, sound(start, 4)).lsdDb, is = compare(target, sound(got->patch, 4)).lsdDb;
    QVERIFY2(is <= was, qPrintable(QString("%1 -> %2").arg(was).arg(is)));
  }
  /// How soon a fit ends after being told, wherever it is; how long it may say nothing.
  void quickToStop_data() {
    QTest::addColumn<double>("after");
    QTest::newRow("listening") << 0.05;
    QTest::newRow("early") << 0.7;
    QTest::newRow("later") << 2.5;
  }
  void quickToStop() {
    QFETCH(double, after);
    const AudioData target = sound(subtractive(), 12.0);
    const Patch start = perturbed(subtractive());
    FitOptions options;
    options.budgetSeconds = 60;
    std::stop_source source;
    QElapsedTimer since, last;
    double longest = 0;
    std::string stage;
    std::clock_t work = 0;  // on a busy machine the processor's time tells more than the clock on the wall
    last.start();
    std::jthread stopper([&] {
      std::this_thread::sleep_for(std::chrono::duration<double>(after));
      since.start();
      work = std::clock();
      source.request_stop();
    });
    const auto got = fit(
        start, registry(), target, options,
        [&](const FitProgress& p) {
          longest = std::max(longest, 1e-9 * static_cast<double>(last.nsecsElapsed()));
          last.restart();
          stage = p.stage;
        },
        source.get_token());
    stopper.join();
    const double took = 1e-9 * static_cast<double>(since.nsecsElapsed());
    qInfo("stopped in stage %s after %.3f s (%.3f s of work); longest silence %.3f s", stage.c_str(), took,
          static_cast<double>(std::clock() - work) / CLOCKS_PER_SEC, longest);
    QVERIFY(got && got->cancelled);
    QVERIFY(took < 2);  // a machine may be busy: what is aimed at is 0.05
    QVERIFY(longest < 2);
  }
  /// What the report lists adds up, and falls.
  void termsAddUp() {
    const AudioData target = sound(subtractive(), 0.5);
    const Patch start = perturbed(subtractive());
    FitOptions options;
    options.steps = 40;
    const auto got = fit(start, registry(), target, options, {}, {});
    QVERIFY(got && got->terms.size() >= 5);
    double first = 0, last = 0;
    for (std::size_t i = 1; i < got->terms.size(); ++i) {
      first += got->terms[i].start;
      last += got->terms[i].end;
      QVERIFY(got->terms[i].start > 0 && got->terms[i].end >= 0);
    }
    QVERIFY(std::abs(first - got->terms[0].start) < 1e-9 && std::abs(last - got->terms[0].end) < 1e-9);
    QVERIFY(got->terms[0].end < 0.5 * got->terms[0].start);
    QVERIFY(mentions({got->terms[1].name}, "Log magnitudes, window"));
    QVERIFY(mentions({got->terms.back().name}, "Linear magnitudes, window"));
    const auto change = std::find_if(got->changes.begin(), got->changes.end(),
                                     [](const FitChange& c) { return c.name == "svf.cutoff"; });
    QVERIFY(change != got->changes.end() && change->unit == "Hz" && change->before != change->after);
    QVERIFY(change->before == start.find("svf")->values.at("cutoff"));
    QVERIFY(got->seconds > 0 && got->steps > 20 && got->steps <= 40);
  }
  /// A fit leaves out voices that the phrase never reaches; what it renders is still the patch.
  void idleVoicesChangeNothing() {
    for (const int voices : {4, 16}) {
      Patch p = tests::voicesPatch(voices);
      p.phrase = {{60, 0, 0.3, 0.8}, {64, 0.05, 0.2, 0.7}, {60, 0.35, 0.1, 0.8}};
      FitOptions options;
      options.steps = 1;
      options.keepPhrase = true;
      const auto got = fit(p, registry(), sound(p, 0.6), options, {}, {});
      QVERIFY(got && got->patch.voices == voices);
      QVERIFY2(got->terms.at(0).start < 1e-6, qPrintable(QString::number(got->terms.at(0).start)));
    }
  }
  void progressComesOften() {
    const AudioData target = sound(pulse(), 1.0);  // which the saw cannot reach, so that no stage is skipped
    FitOptions options;
    options.budgetSeconds = 4;
    int calls = 0;
    std::set<std::string> stages;
    const auto got = fit(subtractive(), registry(), target, options,
                         [&](const FitProgress& p) {
                           ++calls;
                           stages.insert(p.stage);
                         },
                         {});
    QVERIFY(got.has_value());
    QVERIFY2(calls >= 20, qPrintable(QString::number(calls)));
    QVERIFY(stages.contains("Coarse") && stages.contains("Fine") && stages.contains("Searching"));
  }
  void neverWorseThanTheStart() {
    const AudioData target = sound(subtractive(), 0.5);
    FitOptions options;
    options.steps = 8;
    options.keepPhrase = true;
    const auto got = fit(subtractive(), registry(), target, options, {}, {});
    QVERIFY(got && got->terms.at(0).end <= got->terms.at(0).start);
    QVERIFY(compare(target, sound(got->patch, 0.5)).lsdDb < 0.01);  // it was there already
  }
  void phraseIsWritten() {
    const AudioData target = sound(subtractive(), 0.8);
    FitOptions options;
    options.steps = 4;
    const auto got = fit(subtractive(), registry(), target, options, {}, {});
    QVERIFY(got.has_value());
    const Note n = got->patch.phrase.at(0);
    QVERIFY(std::abs(n.pitch - 57) < 0.02 && std::abs(n.start - 0.02) < 0.008 && std::abs(n.length - 0.5) < 0.02);
    QVERIFY(std::abs(got->f0 - 220) < 0.2);
  }
  /// Tracks take their pitch from the target's, their length too, and the descent improves on that.
  void tracksStartFromMeasurements() {
    AudioData target;
    target.channels = {std::vector<float>(24000)};
    double phase = 0;
    for (std::size_t i = 0; i < 24000; ++i) {
      phase += 330 * std::exp2(static_cast<double>(i) / 48000) / 48000;
      for (int k = 1; k <= 4; ++k)
        target.channels[0][i] += static_cast<float>(0.2 / k * std::sin(2 * std::numbers::pi * k * phase));
    }
    FitOptions options;
    options.steps = 60;
    Patch patch = tests::tracksPatch();
    patch.find("osc")->settings["normalise"].text = "off";
    const auto got = fit(patch, registry(), target, options, {}, {});
    QVERIFY2(got.has_value(), got ? "" : got.error().message.c_str());
    const PatchNode& f0 = *got->patch.find("f0");
    QVERIFY(std::abs(f0.settings.at("length").number - 0.5) < 0.01);
    const Blob& track = *f0.tensors.at("track");
    for (const double t : {0.1, 0.25, 0.4}) {
      const double octaves = std::log2(330 / kC4Hz) + t;
      QVERIFY(std::abs(static_cast<double>(track.data[static_cast<std::size_t>(t * 200)]) - octaves) < 0.02);
    }
    QVERIFY(got->terms.at(0).end < 0.95 * got->terms.at(0).start);
    const Comparison c = compare(target, sound(got->patch, 0.5));
    QVERIFY2(c.f0Semitones < 0.1 && c.loudDb < 1, qPrintable(QString("%1 %2").arg(c.f0Semitones).arg(c.loudDb)));
  }
  void targetsThatCannotWork() {
    FitOptions options;
    options.steps = 2;
    AudioData silence;
    silence.channels = {std::vector<float>(24000, 0.0f)};
    const auto silent = fit(subtractive(), registry(), silence, options, {}, {});
    QVERIFY(silent && mentions(silent->warnings, "silent"));
    AudioData chord;
    chord.channels = {std::vector<float>(48000)};
    for (std::size_t i = 0; i < 48000; ++i)
      for (const double f : {261.63, 329.63, 392.0})
        for (int k = 1; k < 8; ++k)
          chord.channels[0][i] +=
              static_cast<float>(0.05 / k * std::sin(2 * std::numbers::pi * f * k * static_cast<double>(i) / 48000));
    const auto many = fit(subtractive(), registry(), chord, options, {}, {});
    QVERIFY(many && mentions(many->warnings, "several notes"));
    AudioData one;
    one.channels = {{0.5f}};
    const auto tiny = fit(tests::tracksPatch(), registry(), one, options, {}, {});
    QVERIFY(!tiny && tiny.error().message.find("20 ms") != std::string::npos);
    QVERIFY(!fit(subtractive(), registry(), AudioData{}, options, {}, {}));
    Patch stuck = subtractive();
    for (PatchNode& n : stuck.nodes) n.free.clear();
    const auto nothing = fit(stuck, registry(), chord, options, {}, {});
    QVERIFY(!nothing && nothing.error().message.find("free") != std::string::npos);
    Patch mute = subtractive();
    mute.nodes.pop_back();
    mute.cables.pop_back();
    QVERIFY(!fit(mute, registry(), chord, options, {}, {}));
  }
};

QTEST_GUILESS_MAIN(TestFit)
#include "tst_fit.moc"
