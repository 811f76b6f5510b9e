// SPDX-License-Identifier: GPL-3.0-or-later
// Parts of a model alone: they sound as in it, swap as from it, and are read without the rest of its file.
#include <QTemporaryDir>
#include <QTest>
#include <cstring>
#include <fstream>

#include "core/neural/parts.h"
#include "presets/model_file.h"
#include "presets/patch_file.h"
#include "tests/model_rig.h"

using namespace tests;
using core::Part;

Q_DECLARE_METATYPE(std::vector<core::Part>)

namespace {
const presets::ModelInfo kFlute{"CC0-1.0", "Flute by A.", {"f.wav#1"}, {"f.wav#2"}, "9 steps", {"flute", "viola"}};

/// Another instrument that listens otherwise and was trained on louder and higher sounds.
Patch another(double rate = kModelRate) {
  Patch p = instrument(7, rate);
  p.description = "Another one.";
  p.find("loudness")->settings["window"].number = 0.03;
  auto& c = p.find("controller")->settings;
  c["pitch-mean"].number = 2.1;
  c["pitch-low"].number = 1.5;
  c["pitch-high"].number = 2.8;
  return p;
}
Patch shipped(const char* name) { return *presets::readPatch(std::string(PRESETS_DIR "/") + name + ".safetensors"); }
Patch extracted(const Patch& p, const std::vector<Part>& parts) { return *core::extractParts(p, parts, registry()); }

std::set<std::string> idsOf(const Patch& p) {
  std::set<std::string> ids;
  for (const PatchNode& n : p.nodes) ids.insert(n.id);
  return ids;
}
bool playable(const Patch& p) {
  const auto plan = core::compilePlan(p, registry(), {.rate = p.rate});
  return plan && plan->outputNode >= 0;
}
double loudest(const std::vector<float>& x) {
  double most = 0;
  for (const float s : x) most = std::max(most, std::fabs(static_cast<double>(s)));
  return most;
}
bool sameBytes(const Patch& a, const Patch& b) {
  const presets::PatchText x = presets::writeText(a), y = presets::writeText(b);
  return x.json == y.json && x.blobs == y.blobs;
}
/// Bytes that this process has asked the system for.
std::uint64_t bytesRead() {
  std::ifstream in("/proc/self/io");
  std::string name;
  std::uint64_t count = 0;
  in >> name >> count;
  return name == "rchar:" ? count : 0;
}
bool oneSentence(const std::string& s) { return s.ends_with('.') && s.find('\n') == std::string::npos; }
}  // namespace

class TestParts : public QObject {
  Q_OBJECT
  QTemporaryDir dir_;
  std::string path(const char* name) const { return dir_.filePath(name).toStdString(); }
  void put(const char* name, const std::string& bytes) const { std::ofstream(path(name), std::ios::binary) << bytes; }
  core::Result<presets::ModelParts> read(const char* name, const std::vector<Part>& parts) const {
    return presets::readModelParts(path(name), parts, registry());
  }

 private Q_SLOTS:
  // ---- alone ----------------------------------------------------------------------------------

  void holdsWhatItNeeds() {
    Patch p = instrument(3);
    p.nodes.push_back(node("saw", "source.oscillator"));  // of another instrument in the same patch
    p.cables.push_back({"saw", "out", "out", "in"});
    const std::set<std::string> ears{"in", "pitch", "loudness", "out"};
    auto head = ears, heads = ears, all = ears;
    head.insert({"controller", "noise"});
    heads.insert({"controller", "noise", "harmonic"});
    all.insert({"controller", "noise", "harmonic", "room"});
    QVERIFY(idsOf(extracted(p, {Part::noise})) == head);
    QVERIFY(idsOf(extracted(p, {Part::decoder})) == heads);
    QVERIFY(idsOf(extracted(p, {Part::reverb, Part::decoder})) == all);
    QVERIFY(idsOf(extracted(p, {Part::encoder})) == ears);
    QVERIFY(idsOf(extracted(p, {Part::reverb})) == (std::set<std::string>{"in", "room", "out"}));
    const Patch timbre = extracted(withTensors(playerOfTwo(true)), {Part::encoder});
    auto with = ears;
    with.insert({"timbre", "encoder"});
    QVERIFY(idsOf(timbre) == with);
  }
  void soundsAsInTheWhole() {
    const Patch p = instrument(3);
    const AudioData x = notes(kModelRate, 1, {220, 330});
    const auto hear = [&](const std::vector<Part>& parts) { return sound(extracted(p, parts), x); };
    QVERIFY(hear({Part::harmonic}) == alone(p, "harmonic", x));
    QVERIFY(hear({Part::noise}) == alone(p, "noise", x));
    QVERIFY(hear({Part::decoder}) == sound(*core::withoutReverb(p, registry()), x));
    QVERIFY(hear({Part::reverb, Part::decoder}) == sound(p, x));
    QVERIFY(hear({Part::encoder, Part::noise}) == alone(p, "noise", x));
    for (const Part part : {Part::harmonic, Part::noise, Part::reverb}) QVERIFY(loudest(hear({part})) > 1e-4);
    QVERIFY(loudest(hear({Part::encoder})) == 0);
    Patch room = p;
    room.cables = {{"in", "left", "room", "in"}, {"room", "out", "out", "in"}};
    QVERIFY(hear({Part::reverb}) == sound(room, x));
  }
  /// Played from keys: notes come along, a room gets the audio input that the whole has not.
  void keysAndInputs() {
    const Patch p = shipped("neural-duo");
    for (std::size_t i = 0; i < core::kPartNames.size(); ++i) {
      const Patch part = extracted(p, {static_cast<Part>(i)});
      QVERIFY2(playable(part), core::kPartNames[i]);
      QVERIFY(part.foreign == p.foreign && part.description == p.description && part.phrase == p.phrase);
      QVERIFY2(extracted(part, {static_cast<Part>(i)}) == part, core::kPartNames[i]);
    }
    const Patch tone = extracted(p, {Part::harmonic}), room = extracted(p, {Part::reverb});
    QVERIFY(tone.find("note") && tone.find("player") && tone.find("instruments") && tone.find("breath"));
    QVERIFY(!tone.find("room") && !tone.find("noise"));
    RenderOptions o;
    o.seconds = 0.5;
    QVERIFY(loudest(render(tone, registry(), o)->channels[0]) > 0.001);
    QCOMPARE(room.nodes.size(), std::size_t(3));
    QVERIFY(loudest(sound(room, notes(kModelRate, 0.5, {220}))) > 0.01);
    QVERIFY(idsOf(extracted(p, {Part::encoder})) == (std::set<std::string>{"instruments", "out"}));
  }
  /// What goes on from the heads stays, such as a gate; what else is heard there does not, such as the input.
  void goesItsWayToTheOutput() {
    const Patch keys = extracted(shipped("neural-saxophone"), {Part::decoder}),
                live = extracted(shipped("neural-live-saxophone"), {Part::harmonic});
    RenderOptions o;
    o.seconds = 2;
    Patch keyed = keys;
    keyed.phrase = {core::Note{60, 0, 0.5, 0.8}};
    const std::vector<float> x = render(keyed, registry(), o)->channels[0];
    const auto rate = static_cast<std::ptrdiff_t>(keys.rate);
    QVERIFY(loudest({x.begin(), x.begin() + rate / 2}) > 0.05);
    const double after = loudest({x.end() - rate / 2, x.end()});  // without the gate: 0.003
    QVERIFY2(after < 3e-4, qPrintable(QString::number(after)));
    QVERIFY(live.find("open") && live.find("wet") && live.find("hum"));
    const auto goes = [&](const Cable& c) {
      return std::find(live.cables.begin(), live.cables.end(), c) != live.cables.end();
    };
    QVERIFY(goes({"open", "out", "wet", "b"}) && goes({"conditioner", "open", "open", "level"}));
    QVERIFY(!goes({"in", "left", "wet", "a"}) && goes({"in", "left", "pitch", "in"}));
    // a room that the part does not go through
    Patch apart = instrument(1);
    std::erase_if(apart.cables, [](const Cable& c) { return c.from == "noise"; });
    apart.cables.push_back({"noise", "out", "out", "in"});
    const Patch noisy = extracted(apart, {Part::noise, Part::reverb});
    apart.cables.back().to = "room";
    std::erase_if(apart.cables, [](const Cable& c) { return c.from == "harmonic"; });
    const AudioData in = notes(kModelRate, 0.5, {220});
    QVERIFY(sound(noisy, in) == sound(apart, in));
  }
  void everyShippedModelHasPlayableParts() {
    for (const char* name : {"neural-live-saxophone", "neural-saxophone", "../models/violin"}) {
      const Patch p = shipped(name);
      for (const Part part : {Part::harmonic, Part::noise, Part::reverb, Part::decoder})
        QVERIFY2(playable(extracted(p, {part})), name);
    }
    Patch silent = instrument(1);  // without an output
    std::erase_if(silent.nodes, [](const PatchNode& n) { return n.id == "out"; });
    std::erase_if(silent.cables, [](const Cable& c) { return c.to == "out"; });
    QVERIFY(playable(extracted(silent, {Part::noise})));
  }
  void whatIsNotThere() {
    const auto says = [](const Patch& p, const std::vector<Part>& parts, const char* words) {
      const auto part = core::extractParts(p, parts, registry());
      return !part && oneSentence(part.error().message) && part.error().message.find(words) != std::string::npos;
    };
    Patch dry = *core::withoutReverb(instrument(1), registry()), mute = instrument(1);
    std::erase_if(mute.nodes, [](const PatchNode& n) { return n.id == "noise"; });
    QVERIFY(says(dry, {Part::reverb}, "\"Instrument 1\" has no reverb part"));
    QVERIFY(says(mute, {Part::decoder}, "\"Instrument 1\" has no noise part"));
    QVERIFY(says(shipped("neural-saxophone"), {Part::noise, Part::encoder}, "has no encoder part"));
    QVERIFY(says(dry, {}, "No part is named"));
    // what the room feeds back into is no way to the output
    Patch loop = instrument(1);
    loop.cables.push_back({"room", "out", "pitch", "in", 1, true});
    QVERIFY(playable(extracted(loop, {Part::decoder, Part::reverb})));
    loop.cables.push_back({"nowhere", "out", "pitch", "in"});
    QVERIFY(core::extractParts(loop, {Part::encoder}, registry()).has_value());
  }

  // ---- swapped --------------------------------------------------------------------------------

  void swapsAsTheWhole_data() {
    QTest::addColumn<std::vector<Part>>("parts");
    const auto row = [](const char* name, const std::vector<Part>& parts) { QTest::newRow(name) << parts; };
    row("harmonic", {Part::harmonic});
    row("noise", {Part::noise});
    row("reverb", {Part::reverb});
    row("decoder", {Part::decoder});
    row("encoder", {Part::encoder});
    row("noise, encoder", {Part::noise, Part::encoder});
    row("decoder, reverb", {Part::decoder, Part::reverb});
    row("all", {Part::encoder, Part::decoder, Part::reverb});
  }
  void swapsAsTheWhole() {
    QFETCH(std::vector<Part>, parts);
    const Patch one = instrument(1), other = another(), encodes = withTensors(playerOfTwo(true)),
                encoder = withTensors(playerOfTwo(true, 5)), keys = shipped("neural-saxophone"),
                duo = shipped("neural-duo"), live = shipped("neural-live-saxophone");
    const AudioData x = notes(kModelRate, 0.6, {220, 330});
    int made = 0;
    for (const auto& [a, b] : {std::pair(&one, &other), {&encodes, &encoder}, {&keys, &duo}, {&duo, &live}}) {
      const auto direct = core::swapParts(*a, *b, parts, registry());
      const auto part = core::extractParts(*b, parts, registry());
      if (!part) {
        QVERIFY(!direct.has_value());
        continue;
      }
      const auto by = core::swapParts(*a, *part, parts, registry());
      QCOMPARE(by.has_value(), direct.has_value());
      if (!direct) {
        QCOMPARE(by.error().message, direct.error().message);
        continue;
      }
      ++made;
      QVERIFY(by->patch == direct->patch && by->notes == direct->notes && by->otherPlays == direct->otherPlays);
      // and through a file
      QVERIFY(presets::writePatch(*b, path("whole.safetensors")).has_value());
      QVERIFY(presets::writePatch(*part, path("part.safetensors")).has_value());
      const Patch whole = *presets::readPatch(path("whole.safetensors"));
      const auto kept = presets::swapModels(*a, *presets::readPatch(path("part.safetensors")), parts, registry());
      QVERIFY(kept && sameBytes(kept->patch, presets::swapModels(*a, whole, parts, registry())->patch));
      QVERIFY(sound(kept->patch, x) == sound(direct->patch, x));
    }
    QVERIFY2(made >= 2, qPrintable(QString::number(made)));
  }
  void acrossRates() {
    const Patch a = instrument(1, 32000), b = another();
    for (const Part part : {Part::noise, Part::reverb}) {
      const auto direct = core::swapParts(a, b, {part}, registry());
      const auto by = core::swapParts(a, extracted(b, {part}), {part}, registry());
      QVERIFY(direct && by && sameBytes(direct->patch, by->patch));
    }
  }

  // ---- read alone -----------------------------------------------------------------------------

  void carriesItsOrigin() {
    QVERIFY(presets::writeModel({another(), kFlute}, path("flute.safetensors")).has_value());
    const Patch whole = presets::readModel(path("flute.safetensors"))->patch;
    for (std::size_t i = 0; i < core::kPartNames.size(); ++i) {
      const std::vector<Part> parts{static_cast<Part>(i)};
      const auto part = read("flute.safetensors", parts);
      QVERIFY2(part.has_value(), part ? "" : part.error().message.c_str());
      QVERIFY(part->model.info == kFlute);
      QCOMPARE(part->whole.all, core::countParameters(whole, registry()).all);
      QCOMPARE(part->whole.response, std::size_t(800));
      QVERIFY(sameBytes(part->model.patch, extracted(whole, parts)));
      QVERIFY(presets::writeModel(part->model, path("part.safetensors")).has_value());
      const auto back = presets::readModel(path("part.safetensors"));
      QVERIFY(back && back->info == kFlute && sameBytes(back->patch, part->model.patch));
    }
  }
  /// Damage is found where it matters and named, and is no matter elsewhere.
  void damageOfOthersIsNoMatter() {
    const std::string good = presets::writeModelBytes({instrument(3), kFlute});
    const std::size_t weights = instrument(3).find("controller")->tensors.at("weights")->data.size() * sizeof(float);
    const std::size_t data = good.size() - weights - 800 * sizeof(float);  // controller.weights, room.response
    const std::vector<Part> needWeights{Part::harmonic, Part::noise, Part::decoder};
    for (const std::size_t at : {data, data + weights - 1, data + weights, good.size() - 1}) {
      std::string bad = good;
      bad[at] ^= 1;
      put("bad.safetensors", bad);
      QVERIFY(!presets::readModel(path("bad.safetensors")).has_value());
      const bool room = at >= data + weights;
      for (const Part part : {Part::harmonic, Part::noise, Part::decoder, Part::reverb, Part::encoder}) {
        const bool hit = part == Part::reverb ? room : part != Part::encoder && !room;
        const auto p = read("bad.safetensors", {part});
        QCOMPARE(p.has_value(), !hit);
        if (p) continue;
        const std::string& says = p.error().message;
        QVERIFY2(oneSentence(says) && says.starts_with("bad.safetensors: ") &&
                     says.find(room ? "Node \"room\", tensor \"response\""
                                    : "Node \"controller\", tensor \"weights\"") != std::string::npos,
                 says.c_str());
      }
    }
    put("bad.safetensors", good.substr(0, good.size() - 1));  // cut off behind the weights
    QVERIFY(!read("bad.safetensors", {Part::noise}).has_value());
    put("bad.safetensors", good + "x");
    QVERIFY(!read("bad.safetensors", {Part::noise}).has_value());
  }
  void notFinite() {
    Patch p = instrument(3);
    auto response = std::make_shared<Blob>(*p.find("room")->tensors["response"]);
    response->data[77] = std::nanf("");
    p.find("room")->tensors["response"] = response;
    QVERIFY(presets::writeModel({p, kFlute}, path("nan.safetensors")).has_value());
    QVERIFY(read("nan.safetensors", {Part::noise}).has_value());
    const auto room = read("nan.safetensors", {Part::reverb});
    QVERIFY(!room && room.error().message.find("room.response") != std::string::npos);
  }
  /// A patch that asks for the bytes of another tensor, which the header gives to that one.
  void tensorsAreThoseOfTheHeader() {
    std::string bytes = presets::writeModelBytes({instrument(3), kFlute});
    const auto replace = [&](const std::string& from, const std::string& to) {
      const auto at = bytes.find(from);
      if (at != std::string::npos) bytes.replace(at, from.size(), to);
      return at != std::string::npos && from.size() == to.size();
    };
    QVERIFY(replace("\"checksum\":\"", "\"chekksum\":\""));  // as programs of before wrote it
    QVERIFY(replace("\\\"offset\\\": 664", "\\\"offset\\\": 660"));
    put("moved.safetensors", bytes);
    for (const Part part : {Part::noise, Part::reverb}) {
      const auto p = read("moved.safetensors", {part});
      QVERIFY(!p && p.error().message.find("\"room.response\" is not the one") != std::string::npos);
    }
  }
  void readsNoMoreThanItNeeds() {
    const std::string model = PRESETS_DIR "/../models/alto-sax.safetensors";
    const auto cost = [&](const std::vector<Part>& parts) {
      const std::uint64_t before = bytesRead();
      const auto part = presets::readModelParts(model, parts, registry());
      return part ? bytesRead() - before : 0;
    };
    QVERIFY(bytesRead() > 0);
    const std::uint64_t size = std::filesystem::file_size(model), room = cost({Part::reverb}),
                        ears = cost({Part::encoder}), noise = cost({Part::noise});
    QVERIFY2(ears > 5000 && ears < 40000, qPrintable(QString::number(ears)));
    QVERIFY2(room > 64000 && room < 110000, qPrintable(QString::number(room)));
    QVERIFY2(noise > 969368 && noise < size, qPrintable(QString::number(noise)));
  }
};

QTEST_APPLESS_MAIN(TestParts)
#include "tst_parts.moc"
