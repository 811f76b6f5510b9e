// SPDX-License-Identifier: GPL-3.0-or-later
// Timbre transfer and swapped parts, on tiny instruments made here.
#include <QTest>
#include <clocale>

#include "core/analysis/evaluation.h"
#include "core/analysis/target.h"
#include "core/graph/render.h"
#include "core/neural/lag.h"
#include "core/neural/transfer.h"
#include "core/neural/transfer_features.h"
#include "tests/model_rig.h"
#include "tests/node_rig.h"

using namespace tests;

namespace {
/// The conditioner driven by hand: constant inputs over a number of ticks.
struct Conditioning {
  explicit Conditioning(std::map<std::string, double> values, const char* scale = "")
      : type(*registry().find("neural.conditioner")), rig(type, 1, 48000, 400, 1, 3) {
    if (*scale) rig.settings[0].number = std::string(scale) == "major" ? 1 : 0;
    rig.prepare();
    rig.reset();
    for (std::size_t i = 0; i < type.inputs.size(); ++i) {
      const auto given = values.find(std::string(type.inputs[i].id));
      for (int t = 0; t < rig.ticks; ++t)
        rig.inputs[i].at(0, t)[0] = static_cast<Sample>(given == values.end() ? type.inputs[i].def : given->second);
    }
    rig.forward({400});
  }
  double out(int o, int tick = 399) {
    return static_cast<double>(rig.outputs[static_cast<std::size_t>(o)].at(0, tick)[0]);
  }
  const NodeType& type;
  NodeRig rig;
};

double peak(const std::vector<float>& x, double from, double to, double rate) {
  double most = 0;
  for (auto i = static_cast<std::size_t>(from * rate); i < static_cast<std::size_t>(to * rate) && i < x.size(); ++i)
    most = std::max(most, std::fabs(static_cast<double>(x[i])));
  return 20 * std::log10(most + 1e-9);
}
}  // namespace

class TestTransfer : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  // ---- the conditioner ------------------------------------------------------------------------

  void conditionerAtRestChangesNothing() {
    const Patch a = instrument(1);
    Patch b = a;
    QVERIFY(core::insertConditioner(b, registry()).has_value());
    QCOMPARE(b.nodes.size(), a.nodes.size() + 1);
    const AudioData x = notes(kModelRate, 1.5, {220, 330});
    QCOMPARE(worst(sound(a, x), sound(b, x)), 0.0);
    QCOMPARE(*core::insertConditioner(b, registry()), other(b, "neural.conditioner"));  // the one that is there
  }
  void conditionerShiftsAndTunes() {
    QVERIFY(std::fabs(Conditioning({{"pitch", 0.25}, {"octave", 1}, {"transpose", -2}}).out(0) - (1.25 - 2.0 / 12)) <
            1e-6);
    // 0.3 semitone above E4, drawn half and all of the way; 20 cents of tuning move the grid
    const double e = 4.0 / 12;
    QVERIFY(std::fabs(Conditioning({{"pitch", e + 0.025}, {"autotune", 1}}).out(0) - e) < 1e-5);
    QVERIFY(std::fabs(Conditioning({{"pitch", e + 0.025}, {"autotune", 0.5}}).out(0) - e - 0.0125) < 1e-5);
    QVERIFY(std::fabs(Conditioning({{"pitch", e + 0.025}, {"autotune", 1}, {"tuning", 20}}).out(0) - e - 0.2 / 12) <
            1e-5);
    // C major has no D#: 0.4 semitone above it lies nearer to E
    QVERIFY(std::fabs(Conditioning({{"pitch", 3.4 / 12}, {"autotune", 1}}, "major").out(0) - e) < 1e-5);
  }
  void conditionerMapsLoudness() {
    // range 0.5 above -60: -20 becomes -60 + 20 + 5; far under it only the offset acts
    const std::map<std::string, double> knobs{{"range", 0.5}, {"quiet", -60}, {"offset", 5}};
    auto loud = knobs, quiet = knobs;
    loud["loudness"] = -20;
    quiet["loudness"] = -95;
    QVERIFY(std::fabs(Conditioning(loud).out(1) + 35) < 0.01);
    QVERIFY(std::fabs(Conditioning(quiet).out(1) + 90) < 0.01);
  }
  void gateClosesWhereNothingSounds() {
    const std::map<std::string, double> gate{{"gate", 1}, {"floor", -50}, {"sure", 0.5}};
    auto open = gate, quiet = gate, unsure = gate;
    open["loudness"] = quiet["confidence"] = unsure["loudness"] = -20;
    open["confidence"] = 0.95;
    quiet = open;
    quiet["loudness"] = -80;
    unsure = open;
    unsure["confidence"] = 0.1;
    QVERIFY(Conditioning(open).out(2) > 0.999);
    QVERIFY(Conditioning(quiet).out(2) < 1e-4);
    QVERIFY(Conditioning(unsure).out(2) < 1e-4);
    QVERIFY(std::fabs(Conditioning(quiet).out(1) + 120) < 0.01);  // 40 dB less
    QVERIFY(std::fabs(Conditioning(unsure).out(1) + 20) < 0.01);  // heard already, from the first tick on
    QVERIFY(std::fabs(Conditioning(unsure).out(1, 0) + 20) < 0.01);
  }

  // ---- parts ----------------------------------------------------------------------------------

  void adapterBetweenRanges() {
    const Patch a = instrument(1);
    Patch b = instrument(7);
    auto& c = b.find("controller")->settings;
    c["loudness-low"].number = -90;
    c["loudness-high"].number = -60;
    c["pitch-mean"].number = 2.1;
    c["pitch-low"].number = 1.5;
    c["pitch-high"].number = 2.8;
    const auto s = core::swapParts(a, b, {core::Part::noise}, registry());
    QVERIFY(s.has_value());
    const std::string id = other(s->patch, "neural.conditioner");
    QVERIFY(!id.empty());
    QVERIFY(QString::fromStdString(s->notes[0]).contains("Adapter"));
    auto knobs = s->patch.find(id)->values;
    QCOMPARE(knobs["octave"], 2.0);
    knobs["loudness"] = -8;  // a's highest is b's highest, a's lowest b's lowest
    QVERIFY(std::fabs(Conditioning(knobs).out(1) + 60) < 0.1);
    knobs["loudness"] = -50;
    QVERIFY(std::fabs(Conditioning(knobs).out(1) + 90 - 5 * 30.0 / 47) < 1.5);
    // the sounding pitch stays a's
    const AudioData x = notes(kModelRate, 1, {220});
    QCOMPARE(worst(alone(s->patch, "harmonic", x), alone(a, "harmonic", x)), 0.0);
  }
  // ---- transfer -------------------------------------------------------------------------------

  void transferIsInTimeAndOfTheSourcesLength() {
    const Patch model = follower();
    const auto latency = core::measureLatency(model, registry());
    QVERIFY(latency.has_value() && latency->has_value());
    QVERIFY2(**latency > 0.004 && **latency < 0.04, qPrintable(QString::number(**latency)));
    AudioData x = notes(44100, 3.0001, {220, 262, 330}, -16);
    x.channels.push_back(x.channels[0]);
    const auto t = core::transfer(model, x, registry(), {});
    QVERIFY(t.has_value());
    QCOMPARE(t->sound.frames(), x.frames());
    QCOMPARE(t->sound.rate, x.rate);
    // levels of both move together: at their lag of best likeness
    const auto levels = [](const std::vector<float>& s) {
      const std::vector<double> d(s.begin(), s.end());
      return core::envelope(d, 44100, 0.001, 0.02).rms;
    };
    const auto a = levels(x.channels[0]), b = levels(t->sound.channels[0]);
    double best = -1;
    int lag = -99;
    for (int l = -40; l <= 40; ++l) {
      double ab = 0, bb = 0;
      for (int i = 50; i + 50 < static_cast<int>(a.size()); ++i) {
        ab += a[at(i)] * b[at(i + l)];
        bb += b[at(i + l)] * b[at(i + l)];
      }
      if (ab / std::sqrt(bb) > best) {
        best = ab / std::sqrt(bb);
        lag = l;
      }
    }
    QVERIFY2(std::abs(lag) <= 4, qPrintable(QString("%1 ms late").arg(lag)));
    const auto e = core::evaluate(x, t->sound);
    QVERIFY2(e.f0Median < 0.05, qPrintable(QString::number(e.f0Median)));
  }
  void octaveAndLoudnessIntoRange() {
    const Patch model = follower();  // -0.8 to 0.8 octaves from C4, -55 to -8 dB
    const AudioData low = notes(kModelRate, 3, {70, 80, 65}, -55);
    core::TransferOptions o;
    o.octaveAuto = o.matchLoudness = true;
    const auto t = core::transfer(model, low, registry(), o);
    QVERIFY(t.has_value());
    QCOMPARE(t->report.octave, 2.0);
    QVERIFY2(t->report.insidePitch > 0.9, qPrintable(QString::number(t->report.insidePitch)));
    QVERIFY2(t->report.insideLoudness > 0.9, qPrintable(QString::number(t->report.insideLoudness)));
    const auto plain = core::transfer(model, low, registry(), {});
    QCOMPARE(plain->report.octave, 0.0);
    QVERIFY(plain->report.insidePitch < 0.1);
    QVERIFY(plain->report.insideLoudness < 0.5);
    // what is in range already stays
    core::TransferOptions only;
    only.octaveAuto = true;
    QCOMPARE(core::transfer(model, notes(kModelRate, 2, {220, 180}), registry(), only)->report.octave, 0.0);
  }
  /// The distance to the trained mean is no reason to move what is in range, nor are a few frames.
  void whatIsInRangeStays() {
    core::TrainedRange range;
    range.pitchMean = 0;
    range.pitchLow = -1.5;
    range.pitchHigh = 1.5;
    core::SourceFeatures f;
    const auto play = [&](int inside, int above) {
      f.pitch.assign(static_cast<std::size_t>(inside), 0.9);
      f.pitch.insert(f.pitch.end(), static_cast<std::size_t>(above), 1.7);
      f.on.assign(f.pitch.size(), true);
      f.pitched = f.on;
      return core::bestOctave(f, range);
    };
    QCOMPARE(play(100, 0), 0.0);
    QCOMPARE(play(199, 1), 0.0);
    QCOMPARE(play(90, 10), -1.0);  // a tenth gained
    range.pitchLow = 4.95;         // of narrow ranges that no shift reaches, the nearest
    range.pitchMean = 5;
    range.pitchHigh = 5.05;
    QCOMPARE(play(100, 0), 4.0);
  }
  void autotuneFindsTuningAndKey() {
    std::vector<double> scale;  // G major, 20 cents high
    for (const int s : {7, 9, 11, 12, 14, 16, 18, 7, 11, 14}) scale.push_back(kC4Hz * std::exp2((s - 12 + 0.2) / 12));
    core::TransferOptions o;
    o.autotune = 1;
    const auto t = core::transfer(follower(), notes(kModelRate, 6, scale, -16), registry(), o);
    QVERIFY(t.has_value());
    QCOMPARE(QString::fromStdString(t->report.key), QString("G major"));
    QVERIFY2(std::fabs(t->report.tuningCents - 20) <= 4, qPrintable(QString::number(t->report.tuningCents)));
  }
  void gateIsSilent() {
    Patch model = follower();
    AudioData x = notes(kModelRate, 3, {220, 262, 330}, -16);
    for (std::size_t i = 0; i < x.frames(); ++i)  // a hiss under everything
      x.channels[0][i] += 0.0005F * static_cast<float>(static_cast<int>((i * 2654435761U) >> 16 & 0xff) - 128) / 128;
    core::TransferOptions o;
    const auto open = core::transfer(model, x, registry(), o);
    o.gate = true;
    const auto gated = core::transfer(model, x, registry(), o);
    QVERIFY(open.has_value() && gated.has_value());
    QVERIFY2(peak(gated->sound.channels[0], 0.92, 1.02, kModelRate) < -70,
             qPrintable(QString::number(peak(gated->sound.channels[0], 0.92, 1.02, kModelRate))));
    QVERIFY(std::fabs(peak(gated->sound.channels[0], 0.3, 0.6, kModelRate) -
                      peak(open->sound.channels[0], 0.3, 0.6, kModelRate)) < 0.1);
  }
  /// What the window and the command say.
  void saysWhatItDid_data() {
    QTest::addColumn<core::TransferReport>("report");
    QTest::addColumn<bool>("played");
    QTest::addColumn<QStringList>("says");
    const QString
        untouched = "Pitch and loudness as they are.",
        late = "Latency of 12.3 ms compensated.",
        none = "No pitch was found in the recording; what comes out says little.",
        inside = "62.5 % of the frames sound; of these 90.0 % lie in the trained range of pitch, 7.0 % of loudness.";
    core::TransferReport plain;
    plain.soundingShare = 0.625;
    plain.insidePitch = 0.9;
    plain.insideLoudness = 0.07;
    plain.latencySeconds = 0.01234;
    plain.latencyMeasured = true;
    const auto row = [](const char* name, const core::TransferReport& r, bool played, const QStringList& says) {
      QTest::newRow(name) << r << played << says;
    };
    const auto with = [&](const auto& change) {
      core::TransferReport r = plain;
      change(r);
      return r;
    };
    row("nothing set", plain, true, {untouched, inside, late});
    row("preview", plain, false, {untouched, inside});
    row("octave", with([](auto& r) { r.octave = 2; }), false, {"Octave +2.", inside});
    row("part of an octave", with([](auto& r) { r.octave = -3 * 0.1; }), false, {"Octave -0.3.", inside});
    const auto loudness = with([](auto& r) {
      r.loudnessOffset = -4.25;
      r.loudnessRange = 0.625;
    });
    row("loudness", loudness, true, {"Octave +0, loudness -4.2 dB, its range x 0.62.", inside, late});
    row("range alone", with([](auto& r) { r.loudnessRange = 1.5; }), false,
        {"Octave +0, loudness +0.0 dB, its range x 1.50.", inside});
    const auto key = with([](auto& r) {
      r.octave = -1;
      r.loudnessOffset = 6;
      r.key = "F# major";
      r.tuningCents = 19.7;
    });
    row("key", key, false, {"Octave -1, loudness +6.0 dB, its range x 1.00, drawn to F# major, +20 ct.", inside});
    row("no pitch", with([](auto& r) { r.pitchFound = false; }), false,
        {untouched, "62.5 % of the frames sound; of these 7.0 % lie in the trained range of loudness. " + none});
    row("nothing", with([](auto& r) {
          r.pitchFound = false;
          r.soundingShare = 0;
        }),
        true, {untouched, none, late});
    row("waiting", with([](auto& r) { r.waitSeconds = 0.0058; }), true,
        {untouched, inside, late, "The pitch of the recording is known late; its level waited 5.8 ms for it."});
    row("no latency", with([](auto& r) { r.latencyMeasured = false; }), true,
        {untouched, inside, "The model does not follow loudness, so its latency could not be measured."});
    row("notes", with([](auto& r) { r.notes = {"One.", "Two."}; }), true, {untouched, inside, late, "One.", "Two."});
  }
  void saysWhatItDid() {
    QFETCH(core::TransferReport, report);
    QFETCH(bool, played);
    QFETCH(QStringList, says);
    const char* comma = std::setlocale(LC_ALL, "de_DE.UTF-8");  // where there is one; numbers keep their point
    QStringList lines;
    for (const std::string& s : core::sentences(report, played)) lines << QString::fromStdString(s);
    if (comma) std::setlocale(LC_ALL, "C");
    QCOMPARE(lines, says);
  }
  void wetAndRoom() {
    const Patch model = instrument(3);
    const AudioData x = notes(kModelRate, 1, {220});
    core::TransferOptions o;
    o.wet = 0;
    QVERIFY(worst(core::transfer(model, x, registry(), o)->sound.channels[0], x.channels[0]) < 1e-6);
    o = {};
    o.noReverb = true;
    const auto dry = core::transfer(model, x, registry(), o);
    QVERIFY(dry.has_value() && !dry->patch.find("room"));
    Patch deaf = model;
    std::erase_if(deaf.cables, [](const Cable& c) { return c.to == "controller"; });
    QVERIFY(!core::transfer(deaf, x, registry(), {}).has_value());
    QVERIFY(!core::transfer(notePatch(), x, registry(), {}).has_value());
  }

  void nothingToPlayIsRefused() {
    const auto says = [](const AudioData& x) {
      const auto t = core::transfer(follower(), x, registry(), {});
      return t ? QString() : QString::fromStdString(t.error().message);
    };
    AudioData x = notes(kModelRate, 1, {220}, -16);
    QVERIFY2(says(x).isEmpty(), qPrintable(says(x)));
    x.channels[0].resize(1500);  // 94 ms
    QVERIFY2(says(x).contains("shorter than"), qPrintable(says(x)));
    QVERIFY(says({kModelRate, {std::vector<float>(16000)}}).contains("silent"));
    QVERIFY(says({kModelRate, {std::vector<float>(16000, 0.3F)}}).contains("silent"));
  }
  /// What is shown before a transfer is what the transfer then plays from.
  void conditionedBeforeItIsPlayed() {
    const Patch model = follower();
    const AudioData low = notes(44100, 2, {70, 80}, -55);
    core::TransferOptions o;
    o.octaveAuto = o.matchLoudness = true;
    const auto before = core::condition(model, low, registry(), o);
    const auto t = core::transfer(model, low, registry(), o);
    QVERIFY(before.has_value() && t.has_value());
    QCOMPARE(before->features.pitch, t->features.pitch);
    QCOMPARE(before->features.loudness, t->features.loudness);
    QCOMPARE(before->report.octave, 2.0);
    QCOMPARE(before->range.pitchHigh, 0.8);
    const auto sounding = before->features.pitches();
    const auto in = std::count_if(sounding.begin(), sounding.end(), [](double p) { return p >= -0.8 && p <= 0.8; });
    QCOMPARE(static_cast<double>(in) / static_cast<double>(sounding.size()), t->report.insidePitch);
  }
  /// Listening and playing can both be stopped, and say how far they are, in one rising count.
  void transferCanBeStopped() {
    const Patch model = follower();
    const AudioData x = notes(kModelRate, 20, {220, 262}, -16);
    std::vector<double> told;
    core::TransferOptions o;
    o.progress = [&told](double p) {
      told.push_back(p);
      return true;
    };
    QVERIFY(core::transfer(model, x, registry(), o).has_value());
    QVERIFY(told.size() > 6 && std::is_sorted(told.begin(), told.end()));
    QVERIFY(told.front() < 0.1 && told.back() > 0.9 && told.back() <= 1);
    for (const double last : {0.0, 0.2, 0.7}) {
      int after = 0;
      o.progress = [&](double p) {
        if (p >= last) ++after;
        return p < last;
      };
      const auto t = core::transfer(model, x, registry(), o);
      QVERIFY(!t.has_value());
      QCOMPARE(t.error().message, std::string("Cancelled."));
      QCOMPARE(after, 1);
    }
  }
};

QTEST_APPLESS_MAIN(TestTransfer)
#include "tst_transfer.moc"
