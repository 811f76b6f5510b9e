// SPDX-License-Identifier: GPL-3.0-or-later
// How late a model is: what its listening nodes say, what a transfer makes up for, the pitch of a recording.
#include <QTest>
#include <functional>

#include "core/analysis/evaluation.h"
#include "core/analysis/target.h"
#include "core/neural/lag.h"
#include "core/neural/transfer.h"
#include "tests/model_rig.h"

using namespace tests;

namespace {
using OverTime = std::function<double(double)>;  // of seconds

/// A voice of six harmonics, so many octaves above 220 Hz.
std::vector<float> voiceOf(const OverTime& octaves) {
  std::vector<float> x(static_cast<std::size_t>(3 * kModelRate));
  double turns = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    turns += 220 * std::exp2(octaves(static_cast<double>(i) / kModelRate)) / kModelRate;
    for (int k = 1; k <= 6; ++k) x[i] += static_cast<float>(0.1 * std::sin(2 * std::numbers::pi * k * turns) / k);
  }
  return x;
}
/// What a tracker says that hears such a pitch.
core::SourceFeatures featuresOf(const OverTime& octaves) {
  core::SourceFeatures f;
  for (int tick = 0; tick < 3 * static_cast<int>(kModelRate) / kTick; ++tick) {
    f.pitch.push_back(std::log2(220 / kC4Hz) + octaves((tick + 1) * kTick / kModelRate));
    f.on.push_back(true);
  }
  return f;
}
/// Six times a second up and down.
double swing(double seconds, double cents) { return cents / 1200 * std::sin(2 * std::numbers::pi * 6 * seconds); }
std::vector<float> voice(double cents) {
  return voiceOf([cents](double t) { return swing(t, cents); });
}
/// Notes a whole tone apart, six a second.
double steps(double seconds) { return static_cast<int>(std::floor(6 * seconds)) % 2 == 0 ? 0 : 2.0 / 12; }

/// How much later than those of a the levels of b move, ms: at their best likeness.
int lateness(const std::vector<float>& a, const std::vector<float>& b) {
  const auto levels = [](const std::vector<float>& x) {
    return core::envelope(std::vector<double>(x.begin(), x.end()), kModelRate, 0.001, 0.02).rms;
  };
  const auto from = levels(a), to = levels(b);
  const auto alike = [&](int lag) {
    double ab = 0, bb = 0;
    for (std::size_t i = 500; i + 100 < from.size(); ++i) {
      const double other = to[static_cast<std::size_t>(static_cast<int>(i) + lag)];
      ab += from[i] * other;
      bb += other * other;
    }
    return ab / std::sqrt(bb);
  };
  int best = -40;
  for (int lag = -40; lag <= 40; ++lag)
    if (alike(lag) > alike(best)) best = lag;
  return best;
}
}  // namespace

class TestLatency : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void lagsAreThoseOfTheListeningNodes() {
    Patch patch = instrument(1);
    const auto at = [&](double mean, double window, double rate) {
      patch.find("controller")->settings["pitch-mean"].number = mean;
      patch.find("controller")->settings["pitch-spread"].number = 0.2;
      patch.find("loudness")->settings["window"].number = window;
      patch.rate = rate;
      const auto lags = core::measureLags(patch, registry());
      return lags ? *lags : core::FeatureLags{-1, -1};
    };
    const auto low = at(-1.3, 0.006, kModelRate), high = at(0.7, 0.006, kModelRate), slow = at(0.7, 0.012, kModelRate);
    qInfo("pitch %.1f ms low, %.1f high; loudness %.1f, %.1f with twice the window", 1e3 * low.pitch, 1e3 * high.pitch,
          1e3 * high.loudness, 1e3 * slow.loudness);
    // two windows in a row are late by the sum of their times; a low note takes longer to be known
    QVERIFY(std::fabs(high.loudness - 0.012) < 0.0015 && std::fabs(low.loudness - 0.012) < 0.0015);
    QVERIFY(std::fabs(slow.loudness - 0.024) < 0.004);
    QVERIFY(high.pitch > 0.002 && low.pitch > high.pitch + 0.004 && low.pitch < 0.045);
    QCOMPARE(slow.pitch, high.pitch);
    QCOMPARE(low.most(), low.pitch);
    QCOMPARE(slow.most(), slow.loudness);
    for (const double rate : {44100.0, 48000.0}) {
      const auto there = at(0.7, 0.006, rate);
      QVERIFY2(std::fabs(there.loudness - high.loudness) < 0.001, qPrintable(QString::number(there.loudness)));
      QVERIFY2(std::fabs(there.pitch - high.pitch) < 0.005, qPrintable(QString::number(there.pitch)));
    }
    std::erase_if(patch.cables, [](const Cable& c) { return c.to == "loudness"; });
    QVERIFY(!core::measureLags(patch, registry()).has_value());
  }
  /// What a transfer makes up for is what its features are late by, when the network adds nothing to it.
  void latencyIsThatOfTheFeatures() {
    const Patch model = follower();
    const auto lags = core::measureLags(model, registry());
    const auto latency = core::measureLatency(model, registry());
    QVERIFY(lags.has_value() && latency.has_value() && latency->has_value());
    QVERIFY2(std::fabs(**latency - lags->loudness) < 0.003,
             qPrintable(QString("%1 and %2 s").arg(**latency).arg(lags->loudness)));
  }

  /// The lag of a pitch is found where it moves, wherever the analysis has its windows.
  void pitchOfARecordingIsLate_data() {
    QTest::addColumn<double>("late");
    for (const int ms : {4, 12, 25}) QTest::addRow("%d ms", ms) << 0.001 * ms;
  }
  void pitchOfARecordingIsLate() {
    QFETCH(double, late);
    const auto lagOf = [late](double cents) {
      return core::pitchLag(featuresOf([&](double t) { return swing(t - late, cents); }), voice(cents), kModelRate);
    };
    const auto found = lagOf(50);
    QVERIFY(found.has_value());
    // the least that is within half a cent of the best: never more, and not much less
    QVERIFY2(*found > late - 0.003 && *found < late + 0.0005, qPrintable(QString::number(*found)));
    QVERIFY(!lagOf(0).has_value());    // it says nothing
    QVERIFY(!lagOf(0.5).has_value());  // nobody hears it
  }
  /// What sways by a few cents is smoothed, and so known late; the notes, which are known at once, decide.
  void notesDecideAndNotWhatSways() {
    constexpr double kNotesLate = 0.006, kSwayLate = 0.03, kCents = 3;
    const auto found =
        core::pitchLag(featuresOf([](double t) { return steps(t - kNotesLate) + swing(t - kSwayLate, kCents); }),
                       voiceOf([](double t) { return steps(t) + swing(t, kCents); }), kModelRate);
    QVERIFY(found.has_value());
    QVERIFY2(*found > 0.002 && *found < kNotesLate + 0.004, qPrintable(QString::number(*found)));
  }
  /// A pitch that is known later than the level: the level waits for it, and both come out in time.
  void transferBringsPitchAndLevelTogether() {
    const Patch model = follower();
    const auto latency = core::measureLatency(model, registry());
    QVERIFY(latency.has_value() && latency->has_value());
    const auto swelling = [](std::vector<float> x) {  // levels that tell when they are
      for (std::size_t i = 0; i < x.size(); ++i)
        x[i] *=
            static_cast<float>(0.6 + 0.4 * std::sin(2 * std::numbers::pi * 3.7 * static_cast<double>(i) / kModelRate));
      return AudioData{kModelRate, {std::move(x)}};
    };
    const AudioData moves = swelling(voice(50)), stays = swelling(voice(0));
    const auto moving = core::transfer(model, moves, registry(), {}),
               still = core::transfer(model, stays, registry(), {});
    QVERIFY(moving.has_value() && still.has_value() && moving->pitchLag.has_value());
    QCOMPARE(still->report.latencySeconds, **latency);
    QCOMPARE(still->report.waitSeconds, 0.0);
    QCOMPARE(moving->report.latencySeconds, **latency);
    QVERIFY2(moving->report.waitSeconds > 0.001, qPrintable(QString::number(moving->report.waitSeconds)));
    QCOMPARE(moving->report.waitSeconds, *moving->pitchLag - **latency);
    const int late = lateness(moves.channels[0], moving->sound.channels[0]);
    QVERIFY2(std::abs(late) <= 2, qPrintable(QString("%1 ms").arg(late)));
    const auto without = core::openLoop(model, moves, registry(), **latency);
    const double with = core::evaluate(moves, moving->sound).f0Mean, before = core::evaluate(moves, *without).f0Mean;
    QVERIFY2(with < 0.75 * before && with < 0.05, qPrintable(QString("%1, without waiting %2").arg(with).arg(before)));
    // what plays live does not wait
    QVERIFY(other(moving->patch, "effect.delay").empty());
  }
  /// All that listens for anything but the pitch waits, the encoder too.
  void allButThePitchWaits() {
    Patch model = playerOfTwo(true);
    QVERIFY(core::waitForPitch(model, registry(), 0.01).has_value());
    std::map<std::string, std::string> from;
    for (const core::Cable& c : model.cables)
      if (c.input == "in") from[c.to] = model.find(c.from)->type;
    QCOMPARE(from["pitch"], std::string("source.audio-input"));
    QCOMPARE(from["loudness"], std::string("effect.delay"));
    QCOMPARE(from["timbre"], std::string("effect.delay"));
    QVERIFY(core::compilePlan(model, registry(), {.rate = kModelRate}).has_value());
  }
};

QTEST_APPLESS_MAIN(TestLatency)
#include "tst_latency.moc"
