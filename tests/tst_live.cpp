// SPDX-License-Identifier: GPL-3.0-or-later
// The live engine without a sound card: host buffers, edits without clicks, replay of the log bit for
// bit, voices that sleep.
#include <QTest>
#include <atomic>
#include <random>
#include <thread>

#include "core/graph/live_engine.h"
#include "core/graph/render.h"
#include "nodes/registry.h"

using namespace core;

namespace {
const Registry& registry() {
  static const Registry r = nodes::makeRegistry();
  return r;
}

/// Gate steps through a filter into an echo: sound made of the first nodes only.
Patch stepPatch(int voices = 1) {
  Patch p;
  p.voices = voices;
  for (const auto& [id, type] : {std::pair("note", "control.note"),
                                 {"svf", "filter.svf"},
                                 {"delay", "effect.delay"},
                                 {"out", "structure.output"}}) {
    PatchNode n;
    n.id = id;
    n.type = type;
    p.nodes.push_back(n);
  }
  p.find("svf")->values = {{"cutoff", 800}, {"q", 4}};
  p.find("delay")->values = {{"time", 0.05}};
  p.cables = {{"note", "gate", "svf", "in"},
              {"note", "pitch", "svf", "cutoff"},
              {"svf", "band", "delay", "in"},
              {"delay", "out", "out", "in"}};
  p.phrase = {{60, 0.01, 0.1, 0.8}, {67.3, 0.05, 0.2, 1}, {55, 0.3, 0.1, 0.5}};
  return p;
}

struct Player {
  explicit Player(LiveEngine& engine) : engine(engine) {}
  void run(int frames, int buffer) {
    std::vector<float> l(static_cast<std::size_t>(buffer)), r(l);
    for (int at = 0; at < frames; at += buffer) {
      const int n = std::min(buffer, frames - at);
      float* out[2] = {l.data(), r.data()};
      engine.process(nullptr, out, n);
      left.insert(left.end(), l.begin(), l.begin() + n);
      right.insert(right.end(), r.begin(), r.begin() + n);
      engine.collect();
    }
  }
  LiveEngine& engine;
  std::vector<float> left, right;
};

bool sameBits(const std::vector<float>& a, const std::vector<float>& b, std::size_t n) {
  return a.size() >= n && b.size() >= n && std::memcmp(a.data(), b.data(), n * sizeof(float)) == 0;
}
}  // namespace

class TestLive : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void hostBuffers_data() {
    QTest::addColumn<int>("buffer");
    for (const int b : {1, 17, 64, 100, 441, 1024}) QTest::addRow("%d frames", b) << b;
  }
  void hostBuffers() {
    QFETCH(int, buffer);
    const int frames = 48000;
    const auto play = [&](int size) {
      LiveEngine engine(registry());
      [&] { QVERIFY(engine.setPatch(stepPatch(3))); }();
      engine.playPhrase(stepPatch().phrase);
      Player p(engine);
      p.run(frames, size);
      return p.left;
    };
    const auto whole = play(256), other = play(buffer);
    QVERIFY(*std::max_element(whole.begin(), whole.end()) > 0.01F);
    QVERIFY(sameBits(whole, other, frames));
  }

  void liveEqualsOffline() {  // below the limiter's knee the live path is the offline render
    Patch patch = stepPatch(3);
    patch.find("out")->values["level"] = -20;
    LiveEngine engine(registry());
    QVERIFY(engine.setPatch(patch));
    engine.playPhrase(patch.phrase);
    Player p(engine);
    p.run(48000, 128);
    const auto offline = render(patch, registry(), {.seconds = 1.0});
    QVERIFY(offline.has_value());
    QVERIFY(sameBits(p.left, offline->channels[0], 48000));
  }

  /// Knob and cables summed, while buffers are shared and plans change; no bit of the sound changes.
  void watchedInputs() {
    Patch patch = stepPatch();
    for (const auto& [id, type] : {std::pair("low", "control.constant"), {"cond", "neural.conditioner"}}) {
      PatchNode n;
      n.id = id;
      n.type = type;
      patch.nodes.push_back(n);
    }
    patch.find("low")->values["value"] = 0.5;
    patch.find("cond")->values["octave"] = 1;
    patch.cables.push_back({"low", "out", "cond", "pitch", 0.5});
    patch.cables.push_back({"note", "pitch", "cond", "pitch"});
    patch.cables.push_back({"low", "out", "cond", "octave", -1});
    patch.cables.push_back({"cond", "pitch", "svf", "q", 0});
    const auto play = [&](bool watching) {
      LiveEngine engine(registry());
      [&] { QVERIFY(engine.setPatch(patch)); }();
      Player p(engine);
      const int plans = engine.plansSent();
      if (watching) engine.watch("cond", {"pitch", "loudness", "octave"});
      [&] { QCOMPARE(engine.plansSent(), plans); }();  // selecting a node compiles nothing
      engine.play({0, PlayerEvent::Type::noteOn, 72, 1});
      p.run(4800, 128);
      engine.setKnob("low", "value", 1);
      p.run(9600, 128);
      const std::vector<float> seen = engine.watched();
      [&] {
        QCOMPARE(seen.size(), watching ? std::size_t{3} : std::size_t{0});
        if (!watching) return;
        QVERIFY2(std::fabs(seen[0] - 1.5F) < 1e-4F, qPrintable(QString::number(seen[0])));  // C5 and half of 1
        QCOMPARE(seen[1], -60.0F);                                                          // nothing connected
        QVERIFY2(std::fabs(seen[2]) < 1e-4F, qPrintable(QString::number(seen[2])));
      }();
      patch.cables.push_back({"low", "out", "cond", "loudness", -20});  // another plan, a transition before it
      [&] { QVERIFY(engine.setPatch(patch)); }();
      p.run(9600, 128);
      if (watching) [&] { QCOMPARE(engine.watched()[1], -10.0F); }();
      patch.cables.pop_back();
      return p.left;
    };
    const auto plain = play(false), watched = play(true);
    QVERIFY(*std::max_element(plain.begin(), plain.end()) > 0.01F);
    QVERIFY(sameBits(plain, watched, plain.size()));
  }

  void replayIsBitExact() {  // random knobs, cables, settings, notes; then the log offline
    LiveEngine engine(registry());
    Patch patch = stepPatch(4);
    QVERIFY(engine.setPatch(patch));
    Player p(engine);
    std::mt19937 random(5);
    for (int step = 0; step < 300; ++step) {
      const int what = static_cast<int>(random() % 8);
      const double u = std::uniform_real_distribution<double>()(random);
      if (what < 3) {
        const double hz = 100 * std::exp2(5 * u);
        patch.find("svf")->values["cutoff"] = hz;
        engine.setKnob("svf", "cutoff", hz);
      } else if (what == 3) {
        engine.play({static_cast<std::int64_t>(random() % 64), PlayerEvent::Type::noteOn,
                     static_cast<float>(48 + random() % 24), 0.9F});
      } else if (what == 4) {
        engine.play({0, PlayerEvent::Type::noteOff, static_cast<float>(48 + random() % 24), 0});
      } else if (what == 5) {
        patch.cables[0] = {"note", random() % 2 ? "gate" : "velocity", "svf", "in"};
        QVERIFY(engine.setPatch(patch));
      } else if (what == 6) {
        patch.find("delay")->settings["longest"] = {0.5 + u, ""};
        QVERIFY(engine.setPatch(patch));
      } else {
        engine.setDepth(patch.cables[1], u);
        patch.cables[1].depth = u;
      }
      p.run(64 * (1 + static_cast<int>(random() % 8)), 64);
    }
    engine.collect();
    QVERIFY(engine.logComplete());
    QVERIFY(engine.plansSent() > 10);
    const auto again = replay(engine.log(), static_cast<std::int64_t>(p.left.size()) / kTick);
    QVERIFY(again.has_value());
    QVERIFY(*std::max_element(p.left.begin(), p.left.end()) > 0.01F);
    QVERIFY(sameBits(p.left, (*again)[0], p.left.size()) && sameBits(p.right, (*again)[1], p.right.size()));
  }

  void editsDoNotClick() {  // a steady tone's largest step must not grow when cables change
    Patch patch = stepPatch();
    patch.cables = {{"note", "gate", "out", "in"}};  // a constant 1 after note-on
    patch.find("out")->values["level"] = -6;
    LiveEngine engine(registry());
    QVERIFY(engine.setPatch(patch));
    engine.play({0, PlayerEvent::Type::noteOn, 60, 0.5F});
    Player p(engine);
    p.run(4800, 64);
    const auto from = p.left.size();
    patch.cables = {{"note", "velocity", "out", "in"}};
    QVERIFY(engine.setPatch(patch));
    p.run(4800, 64);
    float step = 0;
    for (std::size_t i = from; i < p.left.size(); ++i) step = std::max(step, std::fabs(p.left[i] - p.left[i - 1]));
    QVERIFY2(step < 0.5F / 300, qPrintable(QString::number(double(step))));
    QVERIFY(std::fabs(p.left.back() - 0.2506F) < 1e-3F);
    QVERIFY(!engine.inTransition());
  }

  /// Everything the window and a MIDI keyboard may do, while another thread makes the sound. What it
  /// is for shows under ThreadSanitizer (tests/run.sh).
  void threads() {
    LiveEngine engine(registry());
    Patch patch = stepPatch(4);
    PatchNode room;  // what it prepares is large and made anew with every plan
    room.id = "room";
    room.type = "effect.convolution";
    room.settings["length"] = {0.2, ""};
    patch.nodes.push_back(room);
    patch.cables.back() = {"delay", "out", "room", "in"};
    patch.cables.push_back({"room", "out", "out", "in"});
    QVERIFY(engine.setPatch(patch));
    std::atomic<bool> loud = false;
    std::jthread audio([&](const std::stop_token& stop) {
      std::vector<float> l(128), r(128);
      float* const out[2] = {l.data(), r.data()};
      while (!stop.stop_requested()) {
        engine.process(nullptr, out, 128);
        if (*std::max_element(l.begin(), l.end()) > 0.01F) loud = true;
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
    });
    std::jthread midi([&](const std::stop_token& stop) {
      for (int i = 0; !stop.stop_requested(); ++i) {
        engine.playFromMidi({0, PlayerEvent::Type::noteOn, static_cast<float>(60 + i % 12), 0.8F});
        engine.playFromMidi({0, PlayerEvent::Type::noteOff, static_cast<float>(60 + i % 12), 0});
        std::this_thread::sleep_for(std::chrono::milliseconds(3));
      }
    });
    std::vector<float> heard;
    std::size_t heardSamples = 0, probed = 0;
    bool measured = false;
    const auto look = [&] {
      engine.collect();
      engine.meters();
      for (const auto& m : engine.nodeMeters()) measured = measured || m.nanoseconds > 0;
      engine.takeHeard(heard);
      heardSamples += heard.size();
      probed += engine.probeSamples().size();
    };
    for (int i = 0; i < 100; ++i) {
      engine.play({0, PlayerEvent::Type::noteOn, static_cast<float>(48 + i % 12), 0.8F});
      engine.setKnob("svf", "cutoff", 200 + 20 * i);
      if (i % 10 == 2) engine.setDepth(patch.cables[1], patch.cables[1].depth = 0.01 * i);
      if (i % 20 == 3) engine.playPhrase(patch.phrase);
      if (i % 20 == 13) engine.stopPhrase();
      if (i % 14 == 4) engine.probe("svf", i % 28 == 4 ? "low" : "band");
      if (i % 10 == 5) {
        patch.cables[0].output = i % 20 == 5 ? "velocity" : "gate";
        if (i % 30 == 5) patch.rate = patch.rate == 48000 ? 44100 : 48000;
        QVERIFY(engine.setPatch(patch));
      }
      look();
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    QTRY_VERIFY((look(), loud && measured && heardSamples > 0 && probed > 0));
    midi.request_stop();
    midi.join();
    audio.request_stop();
    audio.join();
    engine.collect();
    QVERIFY(engine.logComplete());
  }

  void fullQueueKeepsOrder() {  // nobody calls process: knob moves wait, MIDI that is lost lets go of all keys
    LiveEngine engine(registry());
    QVERIFY(engine.setPatch(stepPatch()));
    engine.playFromMidi({0, PlayerEvent::Type::noteOn, 60, 0.8F});
    for (int i = 0; i < 10000; ++i) {
      engine.setKnob("svf", "cutoff", 200 + i);
      engine.playFromMidi({0, PlayerEvent::Type::bend, 0, 0.0F});
    }
    engine.playFromMidi({0, PlayerEvent::Type::noteOff, 60, 0});  // does not fit any more
    Player p(engine);
    p.run(64 * 60, 64);
    std::vector<double> moves;
    for (const LogEntry& e : engine.log().entries)
      if (e.command.type == EngineCommand::Type::parameter) moves.push_back(e.command.value);
    QCOMPARE(moves.size(), std::size_t{10000});
    QVERIFY(std::is_sorted(moves.begin(), moves.end()));
    QCOMPARE(engine.meters().voicesHeld, 0);
  }

  void patchKeepsItsRate() {
    LiveEngine engine(registry());
    Patch patch = stepPatch();
    patch.rate = 32000;
    QVERIFY(engine.setPatch(patch));
    Player p(engine);
    p.run(64, 64);
    QCOMPARE(engine.rate(), 32000.0);
    patch.rate = 44100;
    QVERIFY(engine.setPatch(patch));
    p.run(4096, 64);  // the old rate fades out first
    QCOMPARE(engine.rate(), 44100.0);
    QVERIFY(!engine.inTransition());
  }

  void movingSendsNothing() {
    LiveEngine engine(registry());
    QVERIFY(engine.setPatch(stepPatch()));
    const int before = engine.plansSent();
    engine.setKnob("svf", "cutoff", 500);
    engine.play({0, PlayerEvent::Type::noteOn, 60, 1});
    QCOMPARE(engine.plansSent(), before);
  }

  void badPatchKeepsPlaying() {
    LiveEngine engine(registry());
    QVERIFY(engine.setPatch(stepPatch()));
    Patch bad = stepPatch();
    bad.cables.push_back({"svf", "lowe", "out", "in"});
    const auto refused = engine.setPatch(bad);
    QVERIFY(!refused);
    QVERIFY(refused.error().message.find("did you mean \"low\"") != std::string::npos);
    engine.play({0, PlayerEvent::Type::noteOn, 60, 1});
    Player p(engine);
    p.run(4800, 64);
    QVERIFY(*std::max_element(p.left.begin(), p.left.end()) > 0.01F);
  }
};

QTEST_APPLESS_MAIN(TestLive)
#include "tst_live.moc"
