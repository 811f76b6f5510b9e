// SPDX-License-Identifier: GPL-3.0-or-later
// links: app_parts jack
// A real sound server without hardware (jackd, dummy driver): plays while knobs turn and cables
// change, captures what the server gets and finds it bit for bit in the offline replay of the log;
// then kills the server and sees the engine live on and come back.
#include <jack/jack.h>

#include <QElapsedTimer>
#include <QProcess>
#include <QTest>
#include <atomic>
#include <cstring>

#include "app/engine_host.h"
#include "nodes/registry.h"

using namespace core;

namespace {

/// Records two ports of another client.
class Capture {
 public:
  bool open(const char* server) {
    client_ =
        jack_client_open("capture", static_cast<jack_options_t>(JackNoStartServer | JackServerName), nullptr, server);
    if (!client_) return false;
    for (int c = 0; c < 2; ++c) {
      ports_[c] = jack_port_register(client_, c ? "right" : "left", JACK_DEFAULT_AUDIO_TYPE, JackPortIsInput, 0);
      samples_[c].resize(48000 * 30);
    }
    jack_set_process_callback(client_, &Capture::process, this);
    return jack_activate(client_) == 0;
  }
  bool connect() {
    const char** found = jack_get_ports(client_, "Tonewright:outport", JACK_DEFAULT_AUDIO_TYPE, JackPortIsOutput);
    bool ok = found && found[0] && found[1];
    for (int c = 0; ok && c < 2; ++c) ok = jack_connect(client_, found[c], jack_port_name(ports_[c])) == 0;
    jack_free(found);
    return ok;
  }
  void close() {
    if (client_) jack_client_close(client_);
    client_ = nullptr;
  }
  ~Capture() { close(); }
  std::vector<float> taken(int c) const { return {samples_[c].begin(), samples_[c].begin() + filled_.load()}; }

 private:
  static int process(jack_nframes_t frames, void* self) {
    auto& me = *static_cast<Capture*>(self);
    const int at = me.filled_.load();
    if (at + static_cast<int>(frames) > static_cast<int>(me.samples_[0].size())) return 0;
    for (int c = 0; c < 2; ++c)
      std::memcpy(me.samples_[c].data() + at, jack_port_get_buffer(me.ports_[c], frames), frames * sizeof(float));
    me.filled_.store(at + static_cast<int>(frames));
    return 0;
  }
  jack_client_t* client_ = nullptr;
  jack_port_t* ports_[2] = {};
  std::vector<float> samples_[2];
  std::atomic<int> filled_{0};
};

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

}  // namespace

class TestAudioServer : public QObject {
  Q_OBJECT

  QByteArray server_;
  QProcess jackd_;

  bool startServer() {
    jackd_.start("jackd", {"-n", server_, "-R", "-P", "60", "-d", "dummy", "-r", "48000", "-p", "256"});
    if (!jackd_.waitForStarted(5000)) return false;
    return QProcess::execute("jack_wait", {"-s", server_, "-w", "-t", "10"}) == 0;
  }

 private Q_SLOTS:
  void initTestCase() {
    server_ = "tonewright_" + QByteArray::number(QCoreApplication::applicationPid());
    qputenv("JACK_DEFAULT_SERVER", server_);
    qputenv("JACK_NO_START_SERVER", "1");
    qputenv("JACK_NO_AUDIO_RESERVATION", "1");
    jackd_.setProcessChannelMode(QProcess::MergedChannels);
    QVERIFY2(startServer(), "jackd did not start; install jackd2");
  }
  void cleanupTestCase() {
    jackd_.terminate();
    jackd_.waitForFinished(5000);
  }

  void captureEqualsReplay() {
    const Registry registry = nodes::makeRegistry();
    app::EngineHost host(registry);
    Patch patch = testPatch();
    host.setPatch(patch);
    host.start({"JACK: " + std::string("system"), 48000, 256}, "");
    QVERIFY2(host.device().running(), qPrintable(host.status().notice));
    Capture capture;
    QVERIFY(capture.open(server_.constData()));
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

  void serverDeath() {
    const Registry registry = nodes::makeRegistry();
    app::EngineHost host(registry);
    host.setPatch(testPatch());
    host.start({"", 48000, 256}, "");
    QVERIFY(host.device().running());
    jackd_.kill();
    jackd_.waitForFinished(5000);
    QTRY_VERIFY_WITH_TIMEOUT(!host.device().running(), 5000);
    QVERIFY(!host.status().notice.isEmpty());
    const auto frames = host.engine().meters().frames;
    QTest::qWait(300);
    QVERIFY2(host.engine().meters().frames > frames, "the clock does not run");
    QVERIFY(startServer());
    QTRY_VERIFY_WITH_TIMEOUT(host.device().running(), 10000);
    const auto back = host.engine().meters().frames;
    QTest::qWait(300);
    QVERIFY(host.engine().meters().frames > back);
  }
};

QTEST_GUILESS_MAIN(TestAudioServer)
#include "tst_audio_server.moc"
