// SPDX-License-Identifier: GPL-3.0-or-later
// links: core
// Pitch, loudness, onset, decay and the distance measures, against known signals and an independent
// implementation of the measures.
#include <QDir>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QtTest>
#include <cmath>
#include <functional>
#include <map>
#include <numbers>
#include <random>

#include "core/analysis/compare.h"
#include "core/analysis/decay.h"
#include "core/analysis/loudness.h"
#include "core/analysis/target.h"

using namespace core;

namespace {
constexpr double kTurn = 2 * std::numbers::pi;

/// Harmonic tone of 1/k partials with seconds of silence before.
std::vector<double> tone(double f0, double rate, double seconds, double silence = 0, int partials = 8) {
  std::vector<double> x(static_cast<std::size_t>((seconds + silence) * rate), 0.0);
  const auto first = static_cast<std::size_t>(silence * rate);
  for (std::size_t i = first; i < x.size(); ++i)
    for (int k = 1; k <= partials && k * f0 < rate / 2; ++k)
      x[i] += 0.2 / k * std::sin(kTurn * f0 * k * static_cast<double>(i - first) / rate + k * k);
  return x;
}
/// Notes of one instrument: partial k of amplitude `timbre(k)`, k^2 times `stiff` sharp, each note `each` s long.
struct Playing {
  std::vector<double> hertz;
  double each = 0.5;
  std::function<double(int)> timbre = [](int k) { return 1.0 / k; };
  double stiff = 0, vibratoCents = 0, decaySeconds = 1e9, level = 0.1;

  std::vector<double> sound(double rate, double seconds) const {
    std::vector<double> x(static_cast<std::size_t>(seconds * rate), 0.0), phases(25, 0.0);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double t = static_cast<double>(i) / rate, in = std::fmod(t, each);
      const double f0 = hertz[static_cast<std::size_t>(t / each) % hertz.size()] *
                        std::exp2(vibratoCents / 1200 * std::sin(kTurn * 5.5 * t));
      const double edge = std::clamp(std::min(in, each - in) / 0.015, 0.0, 1.0) * std::exp(-in / decaySeconds);
      for (int k = 1; k <= 24; ++k) {
        const double f = f0 * k * std::sqrt(1 + stiff * k * k);
        double& phase = phases[static_cast<std::size_t>(k)];
        phase += f / rate;
        if (f < 0.45 * rate) x[i] += level * edge * timbre(k) * std::sin(kTurn * phase);
      }
    }
    return x;
  }
};
std::vector<double> together(std::vector<double> a, const std::vector<double>& b, double gain = 1) {
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) a[i] += gain * b[i];
  return a;
}
/// In a room that rings for `t60` seconds, `gain` times as loud as the direct sound.
std::vector<double> inRoom(const std::vector<double>& x, double rate, double t60, double gain = 1) {
  std::mt19937 random(3);
  std::normal_distribution<double> gauss;
  std::vector<double> y = x;
  const auto length = static_cast<std::size_t>(t60 * rate);
  const double scale = gain * std::sqrt(13.8 / static_cast<double>(length));
  for (std::size_t k = 50; k < length; ++k) {
    const double h = scale * gauss(random) * std::pow(10, -3 * static_cast<double>(k) / static_cast<double>(length));
    for (std::size_t i = k; i < y.size(); ++i) y[i] += h * x[i - k];
  }
  return y;
}
std::vector<double> withNoise(std::vector<double> x, double level) {
  std::mt19937 random(8);
  std::normal_distribution<double> gauss;
  for (double& v : x) v += level * gauss(random);
  return x;
}
AudioData audio(const std::vector<double>& x, double rate) {
  AudioData a;
  a.rate = rate;
  a.channels = {std::vector<float>(x.begin(), x.end())};
  return a;
}
double cents(double a, double b) { return 1200 * std::log2(a / b); }
/// The two sounds the recorded figures below were measured on.
std::pair<AudioData, AudioData> pair() {
  std::vector<double> a = tone(440, 48000, 1), b = tone(442, 48000, 1);
  for (std::size_t i = 0; i < a.size(); ++i) {
    a[i] *= std::exp(-3.0 * static_cast<double>(i) / 48000);
    b[i] *= 0.8 * std::exp(-2.0 * static_cast<double>(i) / 48000);
  }
  return {audio(a, 48000), audio(b, 48000)};
}
}  // namespace

class TestAnalysis : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void steadyPitchWithinACent() {
    for (const double rate : {44100.0, 48000.0})
      for (const double f0 : {55.3, 110.0, 261.6, 439.2, 997.0, 1975.0}) {
        const TargetAnalysis a = analyse(tone(f0, rate, 0.8), rate);
        QVERIFY2(std::abs(cents(a.f0, f0)) < 1, qPrintable(QString("%1 Hz: %2").arg(f0).arg(a.f0)));
        QVERIFY(a.warnings.empty());
        for (std::size_t i = 20; i + 20 < a.pitch.f0.size(); ++i)
          QVERIFY2(a.pitch.voiced[i] && std::abs(cents(a.pitch.f0[i], f0)) < 2,
                   qPrintable(QString::number(a.pitch.f0[i])));
      }
  }
  void glideIsFollowed() {
    const double rate = 48000;
    std::vector<double> x(48000);
    double phase = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double f = 220 * std::exp2(static_cast<double>(i) / 48000);
      phase += f / rate;
      for (int k = 1; k < 9; ++k) x[i] += 0.2 / k * std::sin(kTurn * k * phase);
    }
    const PitchTrack track = analyse(x, rate).pitch;
    for (double t = 0.1; t < 0.9; t += 0.05) QVERIFY(std::abs(cents(track.at(t), 220 * std::exp2(t))) < 8);
  }
  void onsetAndDecay() {
    std::mt19937 random(1);
    std::normal_distribution<double> gauss;
    std::vector<double> x(96000, 0.0);
    for (std::size_t i = 24000; i < x.size(); ++i)
      x[i] = 0.3 * gauss(random) * std::exp(-6.9078 * static_cast<double>(i - 24000) / 48000 / 0.8);
    QVERIFY(std::abs(onsetTime(x, 48000) - 0.5) < 0.004);
    QVERIFY(std::abs(decayTime(x, 48000, 0.5) / 0.8 - 1) < 0.1);
    const TargetAnalysis a = analyse(tone(330, 48000, 0.5, 0.3), 48000);
    QVERIFY(std::abs(a.onset - 0.3) < 0.004);
    QVERIFY(std::abs(a.release - 0.8) < 0.02);
    QCOMPARE(a.t60, 0.0);  // it breaks off
  }
  /// Tones that break off, in a room that is noise dying away, and without one.
  void roomsAreHeard() {
    constexpr double kRate = 16000;
    for (const double t60 : {0.3, 0.6, 1.2}) {
      std::vector<float> dry, wet;
      std::mt19937 random(4);
      std::normal_distribution<double> gauss;
      for (int note = 0; note < 6; ++note) {
        const std::vector<double> played = tone(180 + 40 * note, kRate, 0.5);
        for (std::size_t i = 0; i < static_cast<std::size_t>(1.6 * kRate); ++i) {
          const double after = static_cast<double>(i) / kRate - 0.5, x = i < played.size() ? played[i] : 0;
          dry.push_back(static_cast<float>(x));
          wet.push_back(static_cast<float>(x + (after > 0 ? 0.1 * gauss(random) * std::pow(10, -3 * after / t60) : 0)));
        }
      }
      const double heard = reverberationTime(freeDecays(wet, kRate));
      QVERIFY2(std::abs(heard / t60 - 1) < 0.12, qPrintable(QString("%1 s heard as %2").arg(t60).arg(heard)));
      QCOMPARE(reverberationTime(freeDecays(dry, kRate)), 0.0);
    }
    QVERIFY(freeDecays({}, kRate).empty());
    QVERIFY(freeDecays(std::vector<float>(100), kRate).empty());
  }
  void warnings() {
    const auto has = [](const TargetAnalysis& a, const char* word) {
      for (const std::string& w : a.warnings)
        if (w.find(word) != std::string::npos) return true;
      return false;
    };
    QVERIFY(has(analyse(std::vector<double>(48000, 0.0), 48000), "silent"));
    std::vector<double> chord = tone(261.63, 48000, 1), bell(48000, 0.0);
    for (const double f : {329.63, 392.0}) {
      const std::vector<double> more = tone(f, 48000, 1);
      for (std::size_t i = 0; i < chord.size(); ++i) chord[i] += more[i];
    }
    QVERIFY(has(analyse(chord, 48000), "several notes"));
    for (const double f : {300.0, 623.0, 1011.0, 1460.0, 2070.0, 2790.0})
      for (std::size_t i = 0; i < bell.size(); ++i)
        bell[i] += 0.1 * std::sin(kTurn * f * static_cast<double>(i) / 48000);
    QVERIFY(has(analyse(bell, 48000), "not multiples"));
  }
  /// One voice, however it sounds, is one voice; two are two, whatever they play on.
  void voicesAreTold_data() {
    constexpr double kRate = 16000, kLong = 4;
    const std::vector<double> melody{262, 330, 294, 392, 349, 440, 294, 247}, below{196, 220, 175, 233},
        leaps{330, 660, 495, 330, 660, 330, 440, 880};
    const auto odd = [](int k) { return k % 2 ? 1.0 / k : 0.02 / k; };
    const auto thinRoot = [](int k) { return k == 1 ? 0.02 : 1.0 / k; };
    const auto subharmonic = [](int k) { return k % 2 ? 0.13 : 0.4; };
    const auto brass = [](int k) { return k < 4 ? 0.1 * k : 1.2 / k; };
    const auto bright = [](int k) { return std::pow(k, -0.4); };
    const auto few = [](int k) { return k <= 4 ? std::pow(0.4, k) * 2.5 : 0.0; };
    QTest::addColumn<std::vector<double>>("x");
    QTest::addColumn<bool>("several");
    const auto row = [](const char* name, bool several, const std::vector<double>& x) {
      QTest::newRow(name) << x << several;
    };
    const auto play = [](const Playing& p) { return p.sound(kRate, kLong); };
    row("melody", false, play({melody}));
    row("melody in a room", false, inRoom(play({melody}), kRate, 0.6));
    row("melody in a hall", false, inRoom(play({melody, 0.5, few}), kRate, 1.5));
    row("breath", false, withNoise(play({melody, 0.5, few}), 0.02));
    row("vibrato", false, play({melody, 0.5, [](int k) { return 1.0 / k; }, 0, 60}));
    row("odd partials", false, play({melody, 0.5, odd}));
    row("thin root", false, play({below, 1, thinRoot}));
    row("strong octave", false, play({{65, 73}, 1, subharmonic}));
    row("low", false, play({{32.7, 36.7, 41.2}, 1}));
    row("stiff strings", false, play({melody, 0.5, [](int k) { return 1.0 / k; }, 4e-4, 0, 0.3}));
    row("stiff strings in a room", false,
        inRoom(play({melody, 0.5, [](int k) { return 1.0 / k; }, 4e-4, 0, 0.3}), kRate, 0.6));
    row("brass in a room", false, inRoom(play({melody, 0.25, brass}), kRate, 1.0, 3));
    // a partial that vibrato smears over several peaks is no second voice, least of all an octave or a twelfth away
    row("wide vibrato in a room", false, inRoom(play({leaps, 0.5, bright, 0, 45}), kRate, 1.0, 3));
    row("third", true, together(play({{220}, 4}), play({{277.2}, 4})));
    row("fourth, two timbres", true, together(play({{220}, 4, odd}), play({{293.7}, 4, few, 0, 20})));
    row("fifth", true, together(play({{220}, 4}), play({{330}, 4})));
    row("fifth, 6 dB softer", true, together(play({{220}, 4, few}), play({{330}, 4}), 0.5));
    row("triad of saws", true, together(together(play({{131}, 4}), play({{165}, 4})), play({{196}, 4})));
    const auto struck = [&](double f) { return play({{f}, 4, few, 4e-4, 0, 0.25}); };
    row("chord that dies away", true, together(together(struck(262), struck(330)), struck(392)));
    const std::vector<double> duet = together(play({melody, 0.5, few, 0, 20}), play({below, 1}));
    row("duet", true, duet);
    row("duet in a room", true, inRoom(duet, kRate, 0.6));
    row("duet, 6 dB softer", true, together(play({melody}), play({below, 1, few}), 0.5));
  }
  void voicesAreTold() {
    QFETCH(std::vector<double>, x);
    QFETCH(bool, several);
    for (const double rate : {16000.0, 44100.0}) {
      const AudioData heard = resample(audio(x, 16000), rate);
      const auto& y = heard.channels[0];
      QCOMPARE(analyse(std::vector<double>(y.begin(), y.end()), rate).polyphonic, several);
    }
  }
  void loudnessOfKnownTones() {
    QVERIFY(std::abs(aWeight(100) + 19.142) < 0.01 && std::abs(aWeight(1000)) < 0.01 &&
            std::abs(aWeight(4000) - 0.964) < 0.01);
    std::vector<double> sine(16000);
    for (std::size_t i = 0; i < sine.size(); ++i) sine[i] = std::sin(kTurn * 440 * static_cast<double>(i) / 16000);
    QVERIFY(std::abs(loudnessDecibels(sine)[100] - 15.711) < 0.01);
    QVERIFY(std::abs(loudnessDecibels(std::vector<double>(16000, 0.0))[100] + 80) < 1e-9);
  }
  void recordedFigures() {
    const auto [a, b] = pair();
    // from the independent implementation, for the same two sounds
    const std::map<std::string_view, double> want = {
        {"rms_target", 0.0712544}, {"rms_output", 0.0692621}, {"mss", 0.492903},       {"lsd_db", 2.53994},
        {"loud_sigma", 0.0930784}, {"loud_db", 2.85232},      {"f0_median", 0.0798688}};
    const Comparison c = compare(a, b);
    for (const Measure& m : measures(c)) {
      QVERIFY(!m.definition.empty());
      if (want.contains(m.key))
        QVERIFY2(std::abs(m.value - want.at(m.key)) <= 0.01 * std::abs(want.at(m.key)),
                 qPrintable(QString("%1: %2").arg(QString::fromUtf8(m.key.data())).arg(m.value)));
    }
    QVERIFY(compare(a, a).mss == 0 && compare(a, a).lsdDb == 0);
  }
  /// TONEWRIGHT_METRICS names the script; without it, or without numpy or sox, there is nothing to compare with.
  void independentImplementation() {
    const QString script = qEnvironmentVariable("TONEWRIGHT_METRICS");
    if (script.isEmpty()) QSKIP("TONEWRIGHT_METRICS is not set");
    QTemporaryDir dir;
    const auto [a, b] = pair();
    const QString x = dir.filePath("a.wav"), y = dir.filePath("b.wav");
    QVERIFY(writeAudio(x.toStdString(), a, AudioFormat::wav32f) && writeAudio(y.toStdString(), b, AudioFormat::wav32f));
    QProcess run;
    run.start("/usr/bin/python3", {script, x, y, "--json"});
    QVERIFY(run.waitForFinished(60000));
    if (run.exitCode() != 0) QSKIP("the script does not run here");
    const QJsonObject theirs = QJsonDocument::fromJson(run.readAllStandardOutput()).object();
    for (const Measure& m : measures(compare(a, b))) {
      const double other = theirs[QString::fromUtf8(m.key.data(), static_cast<int>(m.key.size()))].toDouble(1e9);
      QVERIFY2(std::abs(m.value - other) <= 0.01 * std::abs(other) + 1e-6,
               qPrintable(QString("%1: %2, theirs %3").arg(QString::fromUtf8(m.key.data())).arg(m.value).arg(other)));
    }
  }
  void oddLengths() {
    for (const std::size_t n : {std::size_t{1}, std::size_t{7}, std::size_t{100}, std::size_t{3000}}) {
      const AudioData a = audio(std::vector<double>(n, 0.1), 48000);
      for (const Measure& m : measures(compare(a, a))) QVERIFY(std::isfinite(m.value));
      analyse(std::vector<double>(n, 0.1), 48000);
    }
  }
};

QTEST_GUILESS_MAIN(TestAnalysis)
#include "tst_analysis.moc"
