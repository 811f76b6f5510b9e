// SPDX-License-Identifier: GPL-3.0-or-later
// Parts swapped between instruments that follow a sound or are played from keys, what a swap refuses to make, and what
// is true of its result whatever the order of its nodes.
#include <QTest>

#include "core/analysis/pitch.h"
#include "core/analysis/quantile.h"
#include "core/neural/transfer.h"
#include "presets/patch_file.h"
#include "tests/model_rig.h"

using namespace tests;
using core::Part;

Q_DECLARE_METATYPE(std::vector<core::Part>)

namespace {
/// An instrument whose controller follows a player of notes, with vibrato and glides.
Patch keyed(double seed) {
  Patch p = instrument(seed);
  for (const char* ear : {"in", "pitch", "loudness"}) {
    std::erase_if(p.nodes, [ear](const PatchNode& n) { return n.id == ear; });
    std::erase_if(p.cables, [ear](const Cable& c) { return c.from == ear; });
  }
  p.nodes.push_back(node("note", "control.note"));
  p.nodes.push_back(
      node("player", "neural.expression", {{"depth", 30}, {"delay", 0.02}, {"onset", 0.05}, {"glide", 0.2}}));
  p.cables.insert(p.cables.end(), {{"note", "gate", "player", "gate"},
                                   {"note", "pitch", "player", "pitch"},
                                   {"note", "velocity", "player", "velocity"},
                                   {"player", "pitch", "controller", "pitch"},
                                   {"player", "loudness", "controller", "loudness"},
                                   {"player", "pitch", "harmonic", "f0"}});
  p.phrase = {{69, 0, 0.6, 0.8}, {64, 0.5, 0.6, 0.6}};  // the second is slurred to
  return p;
}
Patch shipped(const char* name) { return *presets::readPatch(std::string(PRESETS_DIR "/") + name + ".safetensors"); }
std::vector<float> play(const Patch& patch, double seconds) {
  RenderOptions o;
  o.seconds = seconds;
  return render(patch, registry(), o)->channels[0];
}
double loudest(const std::vector<float>& x) {
  double most = 0;
  for (const float s : x) most = std::max(most, std::fabs(static_cast<double>(s)));
  return most;
}
/// Half of the way that the pitch of a held A4 goes, in cents.
double vibrato(Patch patch) {
  patch.phrase = {{69, 0, 5, 0.8}};
  const std::vector<float> x = play(*core::withoutReverb(patch, registry()), 5);
  const core::PitchTrack track = core::trackPitch(std::vector<double>(x.begin(), x.end()), patch.rate, {});
  std::vector<double> cents;
  for (double t = 2.5; t < 4.5; t += 0.005) cents.push_back(1200 * std::log2(track.at(t) / 440));
  return 0.5 * (core::quantile(cents, 0.98) - core::quantile(cents, 0.02));
}
bool has(const Patch& p, const Cable& cable) {
  return std::find(p.cables.begin(), p.cables.end(), cable) != p.cables.end();
}
core::Result<core::Swapped> swap(const Patch& a, const Patch& b, std::vector<Part> parts) {
  return core::swapParts(a, b, parts, registry());
}
/// One sentence that holds all the words; what was said otherwise is shown.
bool refuses(const core::Result<core::Swapped>& swapped, const std::vector<std::string>& words) {
  if (swapped) return false;
  const std::string& says = swapped.error().message;
  const bool all = std::all_of(words.begin(), words.end(),
                               [&says](const std::string& w) { return says.find(w) != std::string::npos; });
  if (!all) qWarning("%s", says.c_str());
  return all && says.ends_with('.') && says.find('\n') == std::string::npos;
}
}  // namespace

class TestSwap : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  // ---- of those that follow a sound -------------------------------------------------------------

  void noiseOfAnother() {
    const Patch a = instrument(1), b = instrument(7);
    const auto swapped = core::swapParts(a, b, {core::Part::noise}, registry());
    QVERIFY(swapped.has_value());
    const Patch& s = swapped->patch;
    const AudioData x = notes(kModelRate, 2, {220, 330, 275});
    const std::vector<float> theirs = alone(b, "noise", x), mine = alone(a, "noise", x);
    QVERIFY(worst(theirs, mine) > 1e-3);
    QVERIFY2(worst(alone(s, other(s, "source.filtered-noise"), x), theirs) <= 1e-5, "the noise is not b's");
    QVERIFY2(worst(alone(s, "harmonic", x), alone(a, "harmonic", x)) == 0, "pitch and harmonics are not a's");
    // both controllers run, one of them under a new name; nothing else came along
    QCOMPARE(s.nodes.size(), a.nodes.size() + 1);
    QVERIFY(!swapped->notes.empty() && QString::fromStdString(swapped->notes[0]).contains("both controllers run"));
    const auto count = [](const Patch& p) { return core::countParameters(p, registry()); };
    QCOMPARE(count(s).all, 2 * count(a).all - count(a).response);
    QCOMPARE(count(a).response, std::size_t(800));
  }
  void decoderOfAnotherLeavesNoTrunkBehind() {
    const Patch a = instrument(1), b = instrument(7);
    const auto s = core::swapParts(a, b, {core::Part::decoder}, registry());
    QVERIFY(s.has_value());
    QCOMPARE(s->patch.nodes.size(), a.nodes.size());
    const AudioData x = notes(kModelRate, 1, {220});
    Patch mixed = b;  // b with a's room
    mixed.find("room")->tensors = a.find("room")->tensors;
    QVERIFY(worst(sound(s->patch, x), sound(mixed, x)) < 1e-5);
  }
  void roomOfAnotherAndNone() {
    const Patch a = instrument(1), b = instrument(7);
    const auto s = core::swapParts(a, b, {core::Part::reverb}, registry());
    QVERIFY(s.has_value());
    Patch expected = a;
    expected.find("room")->tensors = b.find("room")->tensors;
    const AudioData x = notes(kModelRate, 1, {220});
    QVERIFY(worst(sound(s->patch, x), sound(expected, x)) == 0);
    const auto dry = core::withoutReverb(a, registry());
    QVERIFY(dry.has_value() && !dry->find("room"));
    std::vector<float> sum = alone(a, "harmonic", x), noise = alone(a, "noise", x);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += noise[i];
    QVERIFY(worst(sound(*dry, x), sum) < 1e-6);
    QVERIFY(!core::withoutReverb(*dry, registry()).has_value());
    // into a dry one, and across rates: the same energy in a second of sound
    QVERIFY(core::swapParts(*dry, b, {core::Part::reverb}, registry()).has_value());
    const auto across = core::swapParts(instrument(1, 32000), b, {core::Part::reverb}, registry());
    QVERIFY(across.has_value());
    QCOMPARE(across->patch.find(other(across->patch, "effect.convolution"))->tensors.at("response")->data.size(),
             std::size_t(1600));
    const auto noisy = core::swapParts(instrument(1, 32000), b, {core::Part::noise}, registry());
    QVERIFY(noisy.has_value());
    QCOMPARE(noisy->patch.find(other(noisy->patch, "source.filtered-noise"))->settings.at("top").number,
             8000.0);  // bands end where they did
    QVERIFY(!core::swapParts(b, instrument(1, 32000), {core::Part::noise}, registry()).has_value());
  }
  /// Octaves and offsets are wishes of the one who plays: of two players' they do not add up.
  void wishesDoNotAddUp() {
    const auto wished = [](double seed, double octave) {
      Patch p = instrument(seed);
      p.find(*core::insertConditioner(p, registry()))->values["octave"] = octave;
      return p;
    };
    const auto conditioners = [](const Patch& p) {
      std::vector<std::string> ids;
      for (const PatchNode& n : p.nodes)
        if (n.type == "neural.conditioner" && n.label != "Adapter") ids.push_back(n.id);
      return ids;
    };
    const Patch a = wished(1, 1), b = wished(7, -1);
    for (const std::vector<Part>& parts : {std::vector{Part::noise}, std::vector{Part::decoder}}) {
      const auto both = swap(a, b, parts);
      QVERIFY(both.has_value());
      const auto left = conditioners(both->patch);
      QCOMPARE(left.size(), 1U);
      QCOMPARE(both->patch.find(left[0])->values.at("octave"), 1.0);
      QVERIFY(has(both->patch, {left[0], "pitch", other(both->patch, "neural.controller", "controller"), "pitch"}));
      // where only one has wishes they stay
      const auto theirs = swap(instrument(1), b, parts);
      QVERIFY(theirs.has_value());
      const auto kept = conditioners(theirs->patch);
      QCOMPARE(kept.size(), 1U);
      QCOMPARE(theirs->patch.find(kept[0])->values.at("octave"), -1.0);
      QVERIFY(has(theirs->patch, {"pitch", "pitch", kept[0], "pitch"}));
    }
  }
  void encoderOfAnother() {
    const Patch a = instrument(1);
    Patch b = instrument(7);
    b.find("loudness")->settings["window"].number = 0.03;
    const auto s = core::swapParts(a, b, {core::Part::encoder}, registry());
    QVERIFY(s.has_value());
    QCOMPARE(s->patch.find("loudness")->settings.at("window").number, 0.03);
    QVERIFY(s->patch.find("controller")->tensors == a.find("controller")->tensors);
  }

  // ---- played from keys -----------------------------------------------------------------------

  /// Two players that are alike, fed by the same notes, are one.
  void ofItselfSoundsAsItself_data() {
    QTest::addColumn<std::vector<Part>>("parts");
    const auto row = [](const char* name, const std::vector<Part>& parts) { QTest::newRow(name) << parts; };
    row("harmonic", {Part::harmonic});
    row("noise", {Part::noise});
    row("decoder", {Part::decoder});
    row("decoder, reverb", {Part::decoder, Part::reverb});
  }
  void ofItselfSoundsAsItself() {
    QFETCH(std::vector<Part>, parts);
    Patch saxophone = shipped("neural-saxophone");
    saxophone.phrase = {{69, 0, 1.2, 0.8}, {64, 1, 0.6, 0.6}};
    for (const Patch& p : {keyed(1), saxophone}) {
      const auto twice = swap(p, p, parts);
      QVERIFY(twice.has_value());
      const std::vector<float> one = play(p, 2), two = play(twice->patch, 2);
      QVERIFY(loudest(one) > 0.005);
      QVERIFY2(worst(one, two) <= 1e-6 * loudest(one),
               qPrintable(QString("%1 differs by %2").arg(p.name.c_str()).arg(worst(one, two) / loudest(one))));
    }
  }
  void playersHearTheNotes() {
    const Patch a = keyed(1), b = keyed(7);
    const auto s = swap(a, b, {Part::noise});
    QVERIFY(s.has_value());
    const std::string player = other(s->patch, "neural.expression", "player");
    QVERIFY(!player.empty());
    for (const char* row : {"gate", "pitch", "velocity"}) QVERIFY(has(s->patch, {"note", row, player, row}));
    QVERIFY(!has(s->patch, {"player", "pitch", player, "pitch"}));
    // what a has put between its notes and its player is a's wish for all that is played
    Patch transposed = a;
    transposed.nodes.push_back(node("shift", "neural.conditioner", {{"octave", 1}}));
    for (Cable& c : transposed.cables)
      if (c.to == "player" && c.input == "pitch") c.from = "shift";
    transposed.cables.push_back({"note", "pitch", "shift", "pitch"});
    const auto high = swap(transposed, b, {Part::noise});
    QVERIFY(high && has(high->patch, {"shift", "pitch", other(high->patch, "neural.expression", "player"), "pitch"}));
    QVERIFY(worst(play(swap(transposed, transposed, {Part::decoder})->patch, 1), play(transposed, 1)) == 0);
  }
  /// How it is played belongs to who plays.
  void vibratoIsThatOfTheOneThatPlays() {
    const Patch saxophone = shipped("neural-saxophone"), violin = shipped("neural-violin");
    const double of = vibrato(violin), own = vibrato(saxophone);
    QVERIFY2(of > 12 && of < 20 && own > 8 && own < 14, qPrintable(QString("%1 %2").arg(of).arg(own)));
    const double decoder = vibrato(swap(saxophone, violin, {Part::decoder})->patch);
    QVERIFY2(std::fabs(decoder - of) < 1, qPrintable(QString("%1 instead of %2").arg(decoder).arg(of)));
    const double noise = vibrato(swap(saxophone, violin, {Part::noise})->patch);
    QVERIFY2(std::fabs(noise - own) < 1, qPrintable(QString("%1 instead of %2").arg(noise).arg(own)));
  }

  // ---- what is not made -----------------------------------------------------------------------

  void whatHasLearnedNothingIsNotTaken() {
    const Patch a = instrument(1), b = instrument(7);
    Patch raw = b, start = a;
    raw.find("controller")->tensors.clear();
    start.find("controller")->tensors.clear();
    for (const Part part : {Part::harmonic, Part::noise, Part::decoder})
      QVERIFY(refuses(swap(a, raw, {part}), {"\"Instrument 7\" has not learned", "tonewright train"}));
    for (const Part part : {Part::harmonic, Part::noise, Part::encoder})
      QVERIFY(refuses(swap(start, b, {part}), {"\"Instrument 1\" has not learned", "tonewright train"}));
    // nothing of what has yet to learn is left, or only its room is asked for
    QVERIFY(swap(start, b, {Part::decoder}).has_value());
    QVERIFY(swap(a, raw, {Part::reverb}).has_value());
    QVERIFY(swap(start, b, {Part::reverb}).has_value());
    const Patch hears = withTensors(playerOfTwo(true));
    Patch deaf = hears;
    deaf.name = "Deaf";
    deaf.find("encoder")->tensors.clear();
    QVERIFY(refuses(swap(hears, deaf, {Part::encoder}), {"\"Deaf\" has not learned"}));
    QVERIFY(swap(deaf, hears, {Part::encoder}).has_value());
  }
  void whatCannotBePlayedIsNotMade() {
    Patch broken = instrument(1);
    broken.find("harmonic")->settings["harmonics"].number = 1e9;
    QVERIFY(!core::compilePlan(broken, registry(), {.rate = broken.rate}).has_value());
    QVERIFY(refuses(swap(broken, instrument(7), {Part::noise}), {"cannot be played", "harmonic"}));
    QVERIFY(refuses(swap(instrument(7), broken, {Part::harmonic}), {"cannot be played", "harmonic"}));
    QVERIFY(swap(broken, instrument(7), {Part::harmonic}).has_value());
  }
  void noiseOfAHigherRate() {
    QVERIFY(refuses(swap(instrument(1), instrument(7, 48000), {Part::noise}),
                    {"bring \"Instrument 1\" to 48 kHz", "Edit > Sample rate of the patch"}));
  }

  // ---- what is made ---------------------------------------------------------------------------

  /// Of two controllers it is the one of the harmonics whose range counts.
  void orderOfNodesIsNoMatter() {
    const Patch a = follower();
    Patch b = follower();
    b.name = "Another";
    auto& c = b.find("controller")->settings;
    c["loudness-low"].number = -90;
    c["loudness-high"].number = -60;
    c["loudness-mean"].number = -75;
    const Patch one = swap(a, b, {Part::noise})->patch;
    Patch turned = one;
    std::reverse(turned.nodes.begin(), turned.nodes.end());
    const auto rangeOne = core::trainedRange(one, registry()), rangeTurned = core::trainedRange(turned, registry());
    QVERIFY(rangeOne && rangeTurned);
    QCOMPARE(rangeOne->controller, std::string("controller"));
    QCOMPARE(rangeTurned->controller, std::string("controller"));
    QVERIFY(rangeOne->loudnessLow == rangeTurned->loudnessLow && rangeOne->loudnessMean == rangeTurned->loudnessMean);
    const auto late = core::measureLatency(one, registry()), lateTurned = core::measureLatency(turned, registry());
    QVERIFY(late && lateTurned && late->has_value() && **late == **lateTurned);
    const AudioData x = notes(kModelRate, 2, {220, 262}, -16);
    core::TransferOptions o;
    o.matchLoudness = true;
    const auto t = core::transfer(one, x, registry(), o), u = core::transfer(turned, x, registry(), o);
    QVERIFY(t && u && core::sentences(t->report, true) == core::sentences(u->report, true));
    // without harmonics it is the first
    Patch noisy = one;
    std::erase_if(noisy.nodes, [](const PatchNode& n) { return n.type == "source.harmonic"; });
    QCOMPARE(core::trainedRange(noisy, registry())->controller, std::string("controller"));
  }
  /// Notes name nodes as the canvas does.
  void copiesSayWhoseTheyAre() {
    Patch b = instrument(7);
    b.find("room")->label = "Hall";
    const auto s = swap(instrument(1), b, {Part::noise, Part::reverb});
    QVERIFY(s.has_value());
    const auto labelOf = [&](const char* type, const char* except) {
      return s->patch.find(other(s->patch, type, except))->label;
    };
    QCOMPARE(labelOf("neural.controller", "controller"), std::string("Neural controller of Instrument 7"));
    QCOMPARE(labelOf("effect.convolution", ""), std::string("Hall of Instrument 7"));
    QVERIFY(s->patch.find("controller")->label.empty());
    QVERIFY2(s->notes.at(0).find("came along as \"Neural controller of Instrument 7\"; both") != std::string::npos,
             s->notes.at(0).c_str());
    // taken on from there, it is still of whom it was
    const auto on = swap(instrument(3), s->patch, {Part::noise});
    QVERIFY(on.has_value());
    QCOMPARE(on->patch.find(other(on->patch, "neural.controller", "controller"))->label,
             std::string("Neural controller of Instrument 7"));
    // an adapter that comes along stays one, so that a transfer does not take it for the patch's own conditioner
    Patch adapted = instrument(7);
    adapted.nodes.push_back(node("fits", "neural.conditioner"));
    adapted.find("fits")->label = "Adapter";
    for (Cable& c : adapted.cables)
      if (c.to == "controller") c.from = "fits";
    adapted.cables.push_back({"pitch", "pitch", "fits", "pitch"});
    adapted.cables.push_back({"loudness", "loudness", "fits", "loudness"});
    const auto with = swap(instrument(1), adapted, {Part::noise});
    QCOMPARE(with->patch.find(other(with->patch, "neural.conditioner"))->label, std::string("Adapter"));
  }
};

QTEST_APPLESS_MAIN(TestSwap)
#include "tst_swap.moc"
