// SPDX-License-Identifier: GPL-3.0-or-later
// z, from what measures a timbre to a model that plays two of them: MFCC against their formulas, the
// embedding, instruments by folders, and small trainings in which z alone must move the timbre.
#include <QTemporaryDir>
#include <QTest>

#include "core/analysis/centroid.h"
#include "core/neural/instruments.h"
#include "core/neural/morph.h"
#include "core/neural/trainer.h"
#include "tests/model_rig.h"
#include "tests/node_rig.h"

using namespace tests;

namespace {
/// Notes of twelve partials, the k-th at k^-tilt, of one RMS, with silences between them.
AudioData toneOf(const std::vector<double>& hertz, double tilt, double db) {
  const double each = 0.6, rate = kModelRate;
  AudioData a{rate, {std::vector<float>(static_cast<std::size_t>(each * rate * static_cast<double>(hertz.size())))}};
  double phase = 0;
  for (std::size_t i = 0; i < a.channels[0].size(); ++i) {
    const double t = static_cast<double>(i) / rate;
    const auto n = std::min(hertz.size() - 1, static_cast<std::size_t>(t / each));
    const double in = t - static_cast<double>(n) * each,
                 edge = std::clamp(std::min(in - 0.02, 0.45 - in) / 0.02, 0.0, 1.0);
    phase += hertz[n] / rate;
    double y = 0, energy = 0;
    for (int k = 1; k <= 12; ++k) {
      const double amplitude = std::pow(k, -tilt);
      y += amplitude * std::sin(2 * std::numbers::pi * k * phase + k);
      energy += 0.5 * amplitude * amplitude;
    }
    a.channels[0][i] = static_cast<float>(edge * std::pow(10, db / 20) * y / std::sqrt(energy));
  }
  return a;
}
constexpr double kDark = 2.2, kBright = 0.5;

/// Runs the MFCC node over a sound; coefficient k at the last tick is in out(k).
struct Measured {
  Measured(const AudioData& x, int ticks) : rig(*registry().find("neural.mfcc"), 1, x.rate, ticks, 1) {
    for (int i = 0; i < ticks * kTick; ++i)
      rig.inputs[0].at(0, 0)[i] = at(i) < x.frames() ? static_cast<Sample>(x.channels[0][at(i)]) : 0.0_s;
    rig.reset();
    rig.forward({ticks});
  }
  double out(int k, int ticksBack = 1) const {
    return static_cast<double>(rig.outputs[0].at(0, rig.ticks - ticksBack)[k]);
  }
  NodeRig rig;
};
AudioData steady(double rate, double seconds, double amplitude) {
  AudioData a{rate, {std::vector<float>(static_cast<std::size_t>(seconds * rate))}};
  for (std::size_t i = 0; i < a.frames(); ++i)
    for (int k = 1; k <= 15; ++k)
      a.channels[0][i] += static_cast<float>(
          amplitude / k * std::sin(2 * std::numbers::pi * 310 * k * static_cast<double>(i) / rate + 0.4 * k * k));
  return a;
}
}  // namespace

class TestTimbre : public QObject {
  Q_OBJECT
  QTemporaryDir dir_;
  std::filesystem::path path(const char* name) const { return dir_.filePath(name).toStdString(); }
  std::vector<std::filesystem::path> files() const { return {path("bright/a.wav"), path("dark/a.wav")}; }

 private Q_SLOTS:
  void initTestCase() {
    for (const char* name : {"bright", "dark"}) QVERIFY(QDir().mkpath(dir_.filePath(name)));
    std::vector<double> hertz;
    hertz.reserve(12);
    for (int i = 0; i < 12; ++i) hertz.push_back(200 * std::exp2(i / 12.0));
    for (const bool dark : {false, true}) {
      AudioData all = toneOf(hertz, dark ? kDark : kBright, -24);
      const AudioData loud = toneOf(hertz, dark ? kDark : kBright, -14);
      all.channels[0].insert(all.channels[0].end(), loud.channels[0].begin(), loud.channels[0].end());
      QVERIFY(core::writeAudio(files()[dark ? 1 : 0], all, AudioFormat::wav16).has_value());
    }
  }

  // ---- MFCC -----------------------------------------------------------------------------------

  /// The formulas written out: window, transform, triangles integrated finely, cosines.
  void mfccIsItsFormula() {
    constexpr int kSize = 1024, kBands = 128;
    const AudioData x = steady(16000, 0.2, 0.1);
    const Measured measured(x, 40);
    std::vector<double> frame;
    double energy = 0;
    for (int i = 0; i < kSize; ++i) {
      const double w = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * (i + 0.5) / kSize);
      energy += w * w;
      frame.push_back(w * static_cast<double>(x.channels[0][at(40 * kTick - kSize + i)]));
    }
    std::vector<double> power;
    for (int k = 0; k <= kSize / 2; ++k) {
      double re = 0, im = 0;
      for (int i = 0; i < kSize; ++i) {
        re += frame[at(i)] * std::cos(2 * std::numbers::pi * k * i / kSize);
        im += frame[at(i)] * std::sin(2 * std::numbers::pi * k * i / kSize);
      }
      power.push_back(2 * (re * re + im * im) / (kSize * energy));
    }
    const auto mel = [](double f) { return 2595 * std::log10(1 + f / 700); };
    const double step = (mel(8000) - mel(20)) / (kBands + 1);
    std::vector<double> db;
    for (int b = 0; b < kBands; ++b) {
      const auto edge = [&](int i) { return 700 * (std::pow(10, (mel(20) + (b + i) * step) / 2595) - 1); };
      const double low = edge(0), centre = edge(1), high = edge(2);
      double sum = 0;
      constexpr int kParts = 400;
      for (int k = 0; k <= kSize / 2; ++k)
        for (int j = 0; j < kParts; ++j) {
          const double f = (k - 0.5 + (j + 0.5) / kParts) * 16000 / kSize;
          const double up = (f - low) / (centre - low), down = (high - f) / (high - centre);
          sum += power[at(k)] * std::max(0.0, std::min(up, down)) / kParts;
        }
      db.push_back(10 * std::log10(sum + 1e-10));
    }
    for (int k = 0; k < 30; ++k) {
      double c = 0;
      for (int b = 0; b < kBands; ++b)
        c += db[at(b)] * std::cos(std::numbers::pi * k * (b + 0.5) / kBands) * (k ? 2 : 1) / kBands;
      QVERIFY2(std::fabs(c - measured.out(k)) < 0.01,
               qPrintable(QString("%1: %2 against %3").arg(k).arg(measured.out(k)).arg(c)));
    }
  }
  void louderIsTheFirstCoefficient() {
    AudioData x = steady(16000, 0.2, 0.05);
    std::mt19937 random(1);
    std::normal_distribution<float> gauss(0, 0.01F);  // no band is empty, so that none lies at the floor
    for (float& v : x.channels[0]) v += gauss(random);
    const Measured soft(x, 40);
    for (float& v : x.channels[0]) v *= 2;
    const Measured loud(x, 40);
    QVERIFY2(std::fabs(loud.out(0) - soft.out(0) - 6.0206) < 0.01,
             qPrintable(QString::number(loud.out(0) - soft.out(0))));
    for (int k = 1; k < 30; ++k) QVERIFY(std::fabs(loud.out(k) - soft.out(k)) < 0.01);
    const Measured silence({16000, {std::vector<float>(3200)}}, 40);
    QCOMPARE(std::lround(silence.out(0)), -100L);
    for (int k = 1; k < 30; ++k) QVERIFY(std::fabs(silence.out(k)) < 1e-3);
  }
  void mfccHoldsAcrossRates() {
    const Measured low(steady(16000, 0.3, 0.1), 64);
    for (const double rate : {44100.0, 48000.0, 96000.0}) {
      const int ticks = static_cast<int>(0.25 * rate / kTick);
      const Measured high(steady(rate, 0.3, 0.1), ticks);
      for (int k = 0; k < 30; ++k)
        QVERIFY2(std::fabs(high.out(k) - low.out(k)) < 1.5,
                 qPrintable(QString("%1 at %2: %3 against %4").arg(k).arg(rate).arg(high.out(k)).arg(low.out(k))));
    }
  }

  // ---- instruments ----------------------------------------------------------------------------

  void embeddingLiesBetweenItsRows() {
    NodeRig rig(*registry().find("neural.embedding"), 1, 48000, 5, 1);  // four instruments, z of 8
    const double knob[5] = {0, 1.0 / 3, 0.5, 1, 0.9};
    for (int t = 0; t < 5; ++t) rig.inputs[0].at(0, t)[0] = static_cast<Sample>(knob[t]);
    rig.forward({5});
    const auto row = [&](int i, int k) { return static_cast<double>(rig.tensorValues[0].data[at(i * 8 + k)]); };
    for (int k = 0; k < 8; ++k) {
      const auto z = [&](int t) { return static_cast<double>(rig.outputs[0].at(0, t)[k]); };
      QVERIFY(std::fabs(z(0) - row(0, k)) < 1e-6 && std::fabs(z(1) - row(1, k)) < 1e-6);
      QVERIFY(std::fabs(z(2) - 0.5 * (row(1, k) + row(2, k))) < 1e-6);
      QVERIFY(std::fabs(z(3) - row(3, k)) < 1e-6);
      QVERIFY(std::fabs(z(4) - 0.3 * row(2, k) - 0.7 * row(3, k)) < 1e-6);
    }
  }
  void instrumentsAreFolders() {
    QCOMPARE(core::instrumentOf("violin/slow/a.flac"), std::string("violin"));
    QCOMPARE(core::instrumentOf("a.flac"), std::string());
    QCOMPARE(core::instrumentsOf({"violin/b.wav", "sax/a.wav", "violin/a.wav"}),
             (std::vector<std::string>{"sax", "violin"}));
    Patch p = playerOfTwo(false);
    core::setInstruments(p, registry(), 3);
    p.find("instruments")->tensors["table"] = std::make_shared<const Blob>(Blob{{3, 2}, std::vector<float>(6)});
    core::setInstruments(p, registry(), 3);
    QVERIFY(p.find("instruments")->tensors.contains("table"));
    QCOMPARE(core::asInstrument(p, registry(), "b/x.wav", {"a", "b", "c"}).find("instruments")->values["instrument"],
             0.5);
    core::setInstruments(p, registry(), 2);
    QVERIFY(!p.find("instruments")->tensors.contains("table"));
  }
  void recordingsAreNamedByFolder() {
    const auto cut = core::cutFront(playerOfTwo(true), registry(), 100);
    QVERIFY(cut.has_value());
    QCOMPARE(cut->features.size(), std::size_t(3));
    core::DatasetOptions options;
    options.root = path("");
    options.pitchCopies = false;
    options.validate = {"dark/a.wav#3"};
    const auto data = core::Dataset::load(files(), *cut, registry(), options, [](const std::string&, double) {}, {});
    QVERIFY(data.has_value());
    QCOMPARE(data->instruments(), (std::vector<std::string>{"bright", "dark"}));
    QCOMPARE(data->sources()[1].file, std::string("dark/a.wav"));
    QCOMPARE(data->sources()[1].instrument, 1);
    QCOMPARE(data->takeNames(true), std::vector<std::string>{"dark/a.wav#3"});
    // a louder clip raises the level alone
    const auto f = static_cast<int>(std::find_if(cut->features.begin(), cut->features.end(),
                                                 [](const core::Feature& x) { return x.output == "mfcc"; }) -
                                    cut->features.begin());
    const auto plain = data->track({0, 40, 0}, f, 30, 1, 9), louder = data->track({0, 40, 4.5F}, f, 30, 1, 9);
    for (std::size_t i = 0; i < plain.size(); ++i)
      QVERIFY(std::fabs(static_cast<double>(louder[i] - plain[i]) - (i % 30 == 0 ? 4.5 : 0)) < 1e-4);
  }

  // ---- swapped ------------------------------------------------------------------------------

  void zEncoderOfAnother() {
    const Patch a = withTensors(playerOfTwo(true, 1));
    Patch b = playerOfTwo(true, 7);
    b.find("encoder")->settings["seed"].number = 5;
    b.find("timbre")->settings["window"].number = 0.05;
    b = withTensors(b);
    const auto s = core::swapParts(a, b, {core::Part::encoder}, registry());
    QVERIFY2(s.has_value(), s ? "" : s.error().message.c_str());
    const AudioData x = notes(kModelRate, 1, {220});
    const auto theirs = core::latentOf(b, registry(), x), mine = core::latentOf(a, registry(), x),
               taken = core::latentOf(s->patch, registry(), x);
    QVERIFY(*taken == *theirs && *taken != *mine);
    // the decoder is a's, and nothing of a's encoder is left
    QCOMPARE(s->patch.nodes.size(), a.nodes.size());
    QVERIFY(s->patch.find("controller")->settings.at("seed") == a.find("controller")->settings.at("seed"));
    QCOMPARE(worst(sound(s->patch, x), sound(a, x)) > 1e-4, true);
    QCOMPARE(std::count_if(s->patch.cables.begin(), s->patch.cables.end(),
                           [](const Cable& c) { return c.input == "z" && c.depth == 1; }),
             1);
  }
  void zOfAnotherSpreadIsScaled() {
    Patch a = withTensors(playerOfTwo(true, 1)), b = withTensors(playerOfTwo(true, 7));
    a.find("encoder")->settings["z-spread"].number = 2;
    b.find("encoder")->settings["z-spread"].number = 0.5;
    const auto s = core::swapParts(a, b, {core::Part::encoder}, registry());
    QVERIFY(s.has_value());
    const auto z =
        std::find_if(s->patch.cables.begin(), s->patch.cables.end(), [](const Cable& c) { return c.input == "z"; });
    QCOMPARE(z->depth, 4.0);
    QVERIFY(std::any_of(s->notes.begin(), s->notes.end(),
                        [](const std::string& n) { return n.find("depth of the cables") != std::string::npos; }));
    b.find("encoder")->settings["z"].number = 3;
    b.find("controller")->settings["z"].number = 3;
    const auto refused = core::swapParts(a, b, {core::Part::encoder}, registry());
    QVERIFY(!refused.has_value());
    QVERIFY2(refused.error().message.find("has 2 numbers") != std::string::npos, refused.error().message.c_str());
  }
  void zComesInPlaceOfAnEmbeddingAndWithADecoder() {
    const Patch b = withTensors(playerOfTwo(true, 7)), choosing = withTensors(playerOfTwo(false, 1)),
                plain = instrument(1);
    const auto s = core::swapParts(choosing, b, {core::Part::encoder}, registry());
    QVERIFY2(s.has_value(), s ? "" : s.error().message.c_str());
    QVERIFY(other(s->patch, "neural.embedding").empty() && !other(s->patch, "neural.encoder").empty());
    const AudioData x = notes(kModelRate, 1, {220});
    QVERIFY(*core::latentOf(s->patch, registry(), x) == *core::latentOf(b, registry(), x));
    const auto back = core::swapParts(b, choosing, {core::Part::encoder}, registry());
    QVERIFY(back.has_value() && other(back->patch, "neural.encoder").empty() &&
            other(back->patch, "neural.mfcc").empty());
    // a decoder that reads z brings what it reads, though a lacks it
    const auto decoder = core::swapParts(plain, b, {core::Part::decoder}, registry());
    QVERIFY2(decoder.has_value(), decoder ? "" : decoder.error().message.c_str());
    Patch mixed = b;  // b behind a's room
    mixed.nodes.push_back(*plain.find("room"));
    std::erase_if(mixed.cables, [](const Cable& c) { return c.to == "out"; });
    for (const Cable& c : {Cable{"harmonic", "out", "room", "in"}, Cable{"noise", "out", "room", "in"},
                           Cable{"room", "out", "out", "in"}})
      mixed.cables.push_back(c);
    QVERIFY(worst(sound(decoder->patch, x), sound(mixed, x)) < 1e-5);
    // where nobody reads z it stays behind, and the sentence says so
    const auto left = core::swapParts(plain, b, {core::Part::encoder}, registry());
    QVERIFY(left.has_value() && other(left->patch, "neural.encoder").empty());
    QVERIFY(std::any_of(left->notes.begin(), left->notes.end(),
                        [](const std::string& n) { return n.find("reads z") != std::string::npos; }));
  }

  // ---- z alone --------------------------------------------------------------------------------

  void zAloneMovesTheTimbre_data() {
    QTest::addColumn<bool>("encoder");
    QTest::newRow("embedding") << false;
    QTest::newRow("encoder") << true;
  }
  void zAloneMovesTheTimbre() {
    QFETCH(bool, encoder);
    core::DatasetOptions data;
    data.root = path("");
    data.pitchCopies = false;
    core::TrainOptions options;
    options.steps = 160;
    options.threads = 1;
    options.lanes = 8;
    options.clipSeconds = 0.4;
    options.warmSeconds = 0.1;
    options.firstRate = 1.5e-2;
    options.lastRate = 2e-3;
    options.validateSeconds = 1e6;
    const auto trained = core::train(playerOfTwo(encoder), registry(), files(), data, options, nullptr,
                                     [](const core::TrainProgress&) {}, {});
    QVERIFY2(trained.has_value(), trained ? "" : trained.error().message.c_str());
    using Names = std::vector<std::string>;
    QCOMPARE(trained->instruments, encoder ? Names() : (Names{"bright", "dark"}));  // an encoder is told of none
    if (encoder) {
      const PatchNode& e = *trained->patch.find("encoder");
      const auto& statistics = e.tensors.at("mfcc-statistics")->data;
      QVERIFY(statistics[0] < -30 && statistics[0] > -90 && statistics[30] > 1);
      QVERIFY(e.settings.at("z-spread").number != 1);
    } else {
      QCOMPARE(trained->patch.find("instruments")->tensors.at("table")->shape, (std::vector<int>{2, 2}));
    }
    const std::vector<double> between{214, 303, 349};  // pitches that lie between those of the training
    const auto morphs = core::measureMorphs(
        trained->patch, registry(),
        {{"bright/x.wav", toneOf(between, kBright, -18)}, {"dark/x.wav", toneOf(between, kDark, -18)}});
    QVERIFY2(morphs.has_value(), morphs ? "" : morphs.error().message.c_str());
    QCOMPARE(morphs->size(), std::size_t(2));
    for (const core::Morph& m : *morphs) {
      const QString says = QString("%1 to %2 Hz, played %3 to %4 Hz, loudness by %5, pitch by %6")
                               .arg(m.centroidFrom)
                               .arg(m.centroidTo)
                               .arg(m.playedFrom)
                               .arg(m.playedTo)
                               .arg(m.loudSigma)
                               .arg(m.f0Semitones);
      qInfo("%s", qPrintable(says));
      QVERIFY2(m.part() >= 0.5, qPrintable(says));
      QVERIFY2(m.loudSigma <= 0.25, qPrintable(says));
      QVERIFY2(m.f0Semitones <= 0.05, qPrintable(says));
    }
  }
};

QTEST_APPLESS_MAIN(TestTimbre)
#include "tst_timbre.moc"
