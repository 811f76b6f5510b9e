// SPDX-License-Identifier: GPL-3.0-or-later
// links: app_parts jack
// A real sound server without hardware (jackd, dummy driver): plays while knobs turn and cables
// change, captures what the server gets and finds it bit for bit in the offline replay of the log;
// then kills the server and sees the engine live on and come back.
#include <rtmidi/RtMidi.h>

#include <QElapsedTimer>
#include <QTest>
#include <cmath>

#include "app/engine_host.h"
#include "nodes/registry.h"
#include "presets/patch_file.h"
#include "tests/jack_rig.h"

using namespace core;

namespace {

Patch testPatch() {
  Patch p;
  p.voices = 4;
  const auto node = [&p](const char* id, const char* type) -> PatchNode& {
    p.nodes.emplace_back();
    p.nodes.back().id = id;
    p.nodes.back().type = type;
    return p.nodes.back();
  };
  node("note", "control.note");
  node("osc", "source.oscillator");
  node("svf", "filter.svf").values = {{"cutoff", 900}, {"q", 3}};
  node("vca", "effect.gain");
  node("out", "structure.output").values = {{"level", -12}};
  p.cables = {{"note", "pitch", "osc", "f0"},
              {"osc", "out", "svf", "in"},
              {"svf", "low", "vca", "in"},
              {"note", "gate", "vca", "level"},
              {"vca", "out", "out", "in"}};
  return p;
}

/// Gives what was replayed, tick by tick.
struct Replayed {
  std::vector<float> left, right;
  std::size_t at = 0;
  static void give(void* self, const float* const*, float* const output[2], int frames) {
    auto& me = *static_cast<Replayed*>(self);
    for (int i = 0; i < frames; ++i, ++me.at) {
      output[0][i] = me.at < me.left.size() ? me.left[me.at] : 0.0F;
      output[1][i] = me.at < me.right.size() ? me.right[me.at] : 0.0F;
    }
  }
};

}  // namespace

class TestAudioServer : public QObject {
  Q_OBJECT

  std::unique_ptr<JackServer> server_;

 private Q_SLOTS:
  void initTestCase() {
    server_ = std::make_unique<JackServer>();
    QVERIFY2(server_->start(), "jackd did not start; install jackd2");
  }
  void cleanupTestCase() { server_.reset(); }

  void captureEqualsReplay() {
    const Registry registry = nodes::makeRegistry();
    app::EngineHost host(registry);
    Patch patch = testPatch();
    host.setPatch(patch);
    host.start({"JACK: " + std::string("system"), 48000, 256}, "");
    QVERIFY2(host.device().running(), qPrintable(host.status().notice));
    Capture capture;
    QVERIFY(capture.open(server_->name()));
    QVERIFY(capture.connect());
    QTest::qWait(200);
    for (int step = 0; step < 60; ++step) {
      const double hz = 200 * std::exp2((step * 7 % 20) / 5.0);
      if (step % 6 == 0) host.noteOn(48 + step % 24, 0.8F);
      if (step % 6 == 4) host.noteOff(48 + (step - 4) % 24);
      patch.find("svf")->values["cutoff"] = hz;
      host.setKnob("svf", "cutoff", hz);
      if (step % 5 == 2) {
        patch.cables[2].output = step % 2 ? "band" : "low";
        host.setPatch(patch);
      }
      QTest::qWait(40);
    }
    capture.close();
    host.device().close();
    host.engine().collect();
    QVERIFY(host.engine().logComplete());
    const auto left = capture.taken(0), right = capture.taken(1);
    QVERIFY(left.size() > 48000 && *std::max_element(left.begin(), left.end()) > 0.01F);
    const auto ticks = static_cast<std::int64_t>(host.engine().meters().frames) / kTick;
    const auto again = replay(host.engine().log(), ticks);
    QVERIFY(again.has_value());
    const auto& l = (*again)[0];
    const auto& r = (*again)[1];
    // find where the capture begins: the first loud stretch of it, then every sample from there
    const auto isSound = [](float x) { return x != 0.0F; };
    const std::size_t first = static_cast<std::size_t>(std::find_if(left.begin(), left.end(), isSound) - left.begin());
    const std::size_t there = static_cast<std::size_t>(std::find_if(l.begin(), l.end(), isSound) - l.begin());
    // the capture may have begun after the first sound: try every offset of whole buffers
    bool equal = false;
    std::size_t compared = 0;
    const auto matches = [&](std::size_t offset) {
      compared = std::min(left.size(), l.size() - offset);
      return compared > 48000 && std::memcmp(left.data(), l.data() + offset, compared * sizeof(float)) == 0 &&
             std::memcmp(right.data(), r.data() + offset, compared * sizeof(float)) == 0;
    };
    if (there >= first) equal = matches(there - first);
    QVERIFY2(equal, qPrintable(QString("captured %1 frames, replayed %2, first sound at %3 and %4")
                                   .arg(left.size())
                                   .arg(l.size())
                                   .arg(first)
                                   .arg(there)));
    qInfo("%zu frames equal bit for bit", compared);
  }

  /// The meters show what is heard: a clip, while the patch behind it is silent.
  void clipsAreMetered() {
    const Registry registry = nodes::makeRegistry();
    app::EngineHost host(registry);
    host.setPatch(testPatch());
    host.start({"JACK: system", 48000, 256}, "");
    QVERIFY2(host.device().running(), qPrintable(host.status().notice));
    std::vector<float> clip(48000);
    for (std::size_t i = 0; i < clip.size(); ++i) clip[i] = 0.5F * std::sin(0.1F * static_cast<float>(i));
    host.playClip(clip, clip, 48000, 0);
    float most = 0;  // a look takes the peak away
    QTRY_VERIFY((most = std::max(most, host.status().peak[0])) > 0.4F);
    QTRY_VERIFY(host.status().loudness > -20);
    host.stopClip();
    QTRY_VERIFY(host.status().loudness < -60);
  }

  /// Every key pressed is in what the server gets; how soon is printed, in captured frames.
  void keysSound() {
    const Registry registry = nodes::makeRegistry();
    app::EngineHost host(registry);
    host.setPatch(testPatch());
    QElapsedTimer timer;
    timer.start();
    host.start({"", 48000, 256}, "");
    const auto started = timer.elapsed();
    QVERIFY(host.device().running());
    Capture capture;
    QVERIFY(capture.open(server_->name()) && capture.connect());
    double worst = 0, sum = 0;
    constexpr int kKeys = 10;
    for (int i = 0; i < kKeys; ++i) {
      const auto heard = [&](std::size_t from) {
        const auto x = capture.taken(0);
        return std::find_if(x.begin() + static_cast<std::ptrdiff_t>(std::min(from, x.size())), x.end(),
                            [](float v) { return std::fabs(v) > 1e-4F; }) != x.end();
      };
      const std::size_t before = capture.taken(0).size();
      host.noteOn(60 + i, 0.8F);
      QTRY_VERIFY_WITH_TIMEOUT(heard(before), 5000);
      const auto x = capture.taken(0);
      const auto first = std::find_if(x.begin() + static_cast<std::ptrdiff_t>(before), x.end(),
                                      [](float v) { return std::fabs(v) > 1e-4F; });
      const double seconds = static_cast<double>(first - x.begin() - static_cast<std::ptrdiff_t>(before)) / 48000;
      worst = std::max(worst, seconds);
      sum += seconds / kKeys;
      host.noteOff(60 + i);
      QTRY_VERIFY_WITH_TIMEOUT(!heard(capture.taken(0).size() - 2048), 5000);
    }
    capture.close();
    qInfo("the device started in %lld ms; a key sounds %.1f ms into the next block, worst of %d %.1f ms", started,
          1000 * sum, kKeys, 1000 * worst);
  }

  void serverDeath() {
    const Registry registry = nodes::makeRegistry();
    app::EngineHost host(registry);
    host.setPatch(testPatch());
    host.start({"", 48000, 256}, "");
    QVERIFY(host.device().running());
    server_->kill();
    QTRY_VERIFY_WITH_TIMEOUT(!host.device().running(), 5000);
    QVERIFY(!host.status().notice.isEmpty());
    const auto frames = host.engine().meters().frames;
    QTest::qWait(300);
    QVERIFY2(host.engine().meters().frames > frames, "the clock does not run");
    QVERIFY(server_->start());
    QTRY_VERIFY_WITH_TIMEOUT(host.device().running(), 10000);
    const auto back = host.engine().meters().frames;
    QTest::qWait(300);
    QVERIFY(host.engine().meters().frames > back);
  }

  /// A keyboard that is another process to the server: its keys sound, and let go.
  void midiKeyboard() {
    const Registry registry = nodes::makeRegistry();
    app::EngineHost host(registry);
    host.setPatch(testPatch());
    RtMidiOut keyboard(RtMidi::UNIX_JACK, "keyboard");
    keyboard.openVirtualPort("keys");
    QStringList ports;
    QTRY_VERIFY(!(ports = host.midiInputs().filter("keyboard")).isEmpty());
    host.start({"", 48000, 256}, ports[0].toStdString());
    QVERIFY2(host.status().notice.isEmpty(), qPrintable(host.status().notice));
    QVERIFY(host.device().running());
    std::vector<int> keys;
    QObject::connect(&host, &ui::EngineControl::keyPlayed,
                     [&](int key, float velocity) { keys.push_back(velocity > 0 ? key : -key); });
    const auto send = [&](std::vector<unsigned char> m) { keyboard.sendMessage(&m); };
    send({0x90, 60, 100});
    send({0x90, 67, 100});
    QTRY_COMPARE(host.engine().meters().voicesHeld, 2);
    float peak = 0;  // reading it resets it
    QTRY_VERIFY((peak = std::max(peak, host.status().peak[0])) > 0.01F);
    send({0x90, 60, 0});
    QTRY_COMPARE(host.engine().meters().voicesHeld, 1);
    send({0xb0, 64, 127});  // the pedal holds the second
    send({0x80, 67, 0});
    QTRY_COMPARE(keys, (std::vector<int>{60, 67, -60, -67}));
    QTest::qWait(50);
    QCOMPARE(host.engine().meters().voicesHeld, 1);
    send({0xb0, 64, 0});
    QTRY_COMPARE(host.engine().meters().voicesHeld, 0);
    send({0x90, 62, 100});
    QTRY_COMPARE(host.engine().meters().voicesHeld, 1);
    send({0xb0, 123, 0});
    QTRY_COMPARE(host.engine().meters().voicesHeld, 0);
  }

  /// The server runs at 44.1 kHz, the patch at its own 48: what the server gets is the replay of the
  /// log, resampled.
  void otherRate() {
    server_->stop();
    QVERIFY(server_->start(44100));
    const Registry registry = nodes::makeRegistry();
    app::EngineHost host(registry);
    Patch patch = testPatch();
    patch.phrase = {{60, 0.3, 0.4, 0.9}, {67, 0.8, 0.5, 0.8}};
    host.setPatch(patch);
    host.start({"JACK: system", 48000, 256}, "");
    QVERIFY2(host.device().running(), qPrintable(host.status().notice));
    QCOMPARE(host.device().rate(), 44100.0);
    Capture capture;
    QVERIFY(capture.open(server_->name()));
    QVERIFY(capture.connect());
    QTest::qWait(200);
    host.playPhrase();
    QTest::qWait(2000);
    QVERIFY(host.status().latencyMs > 1e3 * host.device().latencySeconds());
    capture.close();
    host.device().close();
    host.engine().collect();
    QCOMPARE(host.engine().rate(), 48000.0);
    const auto got = capture.taken(0);
    QVERIFY(*std::max_element(got.begin(), got.end()) > 0.01F);
    const auto ticks = static_cast<std::int64_t>(host.engine().meters().frames) / kTick;
    const auto again = replay(host.engine().log(), ticks);
    QVERIFY(again.has_value());
    // the same adapter offline, in blocks of another length (its quality: tst_rate_adapter)
    Replayed source{again->at(0), again->at(1)};
    app::RateAdapter adapter(&Replayed::give, &source);
    std::vector<float> want(static_cast<std::size_t>(got.size())), right(want);
    for (std::size_t at = 0; at + 100 <= want.size(); at += 100) {
      float* const out[2] = {want.data() + at, right.data() + at};
      adapter.process(48000, 44100, nullptr, out, 100);
    }
    // the capture began at some frame of the server: align at the loudest sample
    const auto loudest = [](const std::vector<float>& x) { return std::max_element(x.begin(), x.end()) - x.begin(); };
    const auto offset = static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, loudest(want) - loudest(got)));
    double error = 0, level = 0;
    for (std::size_t i = 0; i + offset < want.size(); ++i) {
      error += std::pow(got[i] - want[i + offset], 2);
      level += std::pow(got[i], 2);
    }
    const double best = 10 * std::log10(error / level + 1e-30);
    qInfo("differs from the resampled replay by %.1f dB", best);
    QVERIFY2(best < -100, qPrintable(QString("%1 dB").arg(best)));
  }

  /// A model of 16 kHz plays at the server's rate, as its knobs are, also when the rate becomes another; how late it
  /// answers is told.
  void modelsPlayAtTheServersRate() {
    server_->stop();
    QVERIFY(server_->start(48000));
    const Registry registry = nodes::makeRegistry();
    app::EngineHost host(registry);
    const auto model = presets::readPatch(std::filesystem::path(PRESETS_DIR) / "neural-live-saxophone.safetensors");
    QVERIFY(model && model->rate == 16000);
    host.setPatch(*model);
    host.start({"JACK: system", 48000, 256}, "");
    QVERIFY2(host.device().running(), qPrintable(host.status().notice));
    QTRY_COMPARE(host.engine().rate(), 48000.0);
    QCOMPARE(host.status().answerMs, 0.0);  // not asked yet
    host.measureAnswer();
    QTRY_VERIFY_WITH_TIMEOUT(host.status().answerMs > 0, 20000);
    const ui::EngineStatus now = host.status();
    QVERIFY2(now.answerMs > now.latencyMs + 5 && now.answerMs < now.latencyMs + 40,
             qPrintable(QString("%1 after %2").arg(now.answerMs).arg(now.latencyMs)));
    host.setKnob("conditioner", "octave", 1);
    host.setDepth(model->cables.front(), 0.5);
    server_->kill();  // one that leaves in order can lock libjack up
    QTRY_VERIFY_WITH_TIMEOUT(!host.device().running(), 5000);
    QVERIFY(server_->start(44100));
    QTRY_VERIFY_WITH_TIMEOUT(host.device().running(), 10000);
    QTRY_COMPARE_WITH_TIMEOUT(host.engine().rate(), 44100.0, 5000);
    QCOMPARE(host.engine().playing().find("conditioner")->values.at("octave"), 1.0);
    QCOMPARE(host.engine().playing().cables.front().depth, 0.5);
    host.setPatch(testPatch());  // of 48 kHz: at its own
    QTRY_COMPARE_WITH_TIMEOUT(host.engine().rate(), 48000.0, 5000);
  }
};

QTEST_GUILESS_MAIN(TestAudioServer)
#include "tst_audio_server.moc"
