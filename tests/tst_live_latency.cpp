// SPDX-License-Identifier: GPL-3.0-or-later
// links: app_parts
// Neural instruments as a musician hears them, at a sound card of 48 kHz and 64 frames: from a key to the sound, from
// the sound at the microphone to the answer; and the rate that they are played at.
#include <QTest>
#include <numbers>

#include "app/playing_rate.h"
#include "app/rate_adapter.h"
#include "core/graph/live_engine.h"
#include "core/graph/realtime.h"
#include "nodes/registry.h"
#include "presets/model_file.h"

using core::Patch;

namespace {
constexpr double kRate = 48000, kTurn = 2 * std::numbers::pi;
constexpr int kBuffer = 64, kPhases = 100;

const core::Registry& registry() {
  static const core::Registry r = nodes::makeRegistry();
  return r;
}
Patch load(const char* id) {
  auto m = presets::readModel(std::filesystem::path(PRESETS_DIR) / (std::string(id) + ".safetensors"));
  if (!m) qFatal("%s", m.error().message.c_str());
  return m->patch;
}

/// What stands between a patch and a sound card.
class Desk {
 public:
  explicit Desk(const Patch& patch)
      : engine_(registry()),
        adapter_([](void* e, const float* const in[2], float* const out[2],
                    int frames) { static_cast<core::LiveEngine*>(e)->process(in, out, frames); },
                 &engine_) {
    app::PlayingRate rates(registry());
    const auto done = engine_.setPatch(rates.at(patch, app::playingRate(patch, kRate)));
    if (!done) qFatal("%s", done.error().message.c_str());
  }
  core::LiveEngine& engine() { return engine_; }
  /// The next buffers, of the left channel; input: silence where it ends.
  std::vector<float> play(int buffers, const std::vector<float>& input = {}) {
    const core::DenormalsOff denormals;
    std::vector<float> all, heard(kBuffer), left(kBuffer), right(kBuffer);
    for (int b = 0; b < buffers; ++b) {
      for (std::size_t i = 0; i < kBuffer; ++i) {
        const std::size_t at = static_cast<std::size_t>(b) * kBuffer + i;
        heard[i] = at < input.size() ? input[at] : 0;
      }
      const float* const in[2] = {heard.data(), heard.data()};
      float* const out[2] = {left.data(), right.data()};
      adapter_.process(engine_.rate(), kRate, in, out, kBuffer);
      engine_.collect();
      all.insert(all.end(), left.begin(), left.end());
    }
    return all;
  }

 private:
  core::LiveEngine engine_;
  app::RateAdapter adapter_;
};
double rms(const std::vector<float>& x, std::size_t from, std::size_t to) {
  double sum = 0;
  for (std::size_t i = from; i < to; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return std::sqrt(sum / static_cast<double>(to - from));
}
int buffersOf(double seconds) { return static_cast<int>(std::ceil(seconds * kRate / kBuffer)); }

/// Seconds from a key to -40 dB of the sustain, the worst of notes that begin anywhere in a frame of the network.
double worstOnset(const Patch& patch, int key, float velocity) {
  constexpr std::size_t kWindow = 96;  // 2 ms
  double worst = 0, sustain = 0;
  for (int phase = 0; phase < kPhases; ++phase) {
    Desk desk(patch);
    desk.play(buffersOf(0.1) + phase);  // buffers and frames of 4 ms drift past each other
    desk.engine().play({0, core::PlayerEvent::Type::noteOn, static_cast<float>(key), velocity});
    const auto x = desk.play(buffersOf(phase == 0 ? 1 : 0.1));
    if (phase == 0) sustain = rms(x, static_cast<std::size_t>(0.5 * kRate), static_cast<std::size_t>(0.9 * kRate));
    std::size_t i = kWindow;
    while (i < x.size() && rms(x, i - kWindow, i) < 0.01 * sustain) ++i;
    worst = std::max(worst, static_cast<double>(i) / kRate);
  }
  return worst;
}
/// Seconds until a tenth of a second of a tone is answered at -6 dB of the answer, the worst of places in a frame.
double worstAnswer(const Patch& patch, double f0) {
  double worst = 0;
  for (int phase = 0; phase < kPhases; ++phase) {
    Desk desk(patch);
    const auto first = static_cast<std::size_t>(0.3 * kRate) + static_cast<std::size_t>(384 * phase / kPhases),
               last = first + static_cast<std::size_t>(0.1 * kRate);
    std::vector<float> x(last);
    for (std::size_t i = first; i < last; ++i)
      for (int k = 1; k <= 10; ++k)
        x[i] += static_cast<float>(0.1 / k * std::sin(kTurn * k * f0 * static_cast<double>(i - first) / kRate));
    const std::vector<float> y = desk.play(buffersOf(0.6), x);
    float top = 0;
    for (const float v : y) top = std::max(top, std::fabs(v));
    if (top < 1e-3F) return 1;
    const auto heard = std::find_if(y.begin(), y.end(), [top](float v) { return std::fabs(v) >= 0.5F * top; });
    worst = std::max(worst, static_cast<double>(heard - y.begin() - static_cast<std::ptrdiff_t>(first)) / kRate);
  }
  return worst;
}
}  // namespace

class TestLiveLatency : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void keysSpeakAtOnce_data() {
    QTest::addColumn<QString>("id");
    for (const char* id : {"neural-saxophone", "neural-violin", "neural-duo"}) QTest::newRow(id) << QString(id);
  }
  /// In 10 ms and a buffer, whenever the key is pressed.
  void keysSpeakAtOnce() {
    QFETCH(QString, id);
    const Patch p = load(id.toUtf8());
    for (const int key : {57, 66, 76})
      for (const float velocity : {0.3F, 0.8F}) {
        const double worst = worstOnset(p, key, velocity);
        qInfo("%s, key %d at %.1f: -40 dB of the sustain level after %.1f ms, worst of %d", qPrintable(id), key,
              static_cast<double>(velocity), 1000 * worst, kPhases);
        QVERIFY(worst > 0 && worst <= 0.010 + kBuffer / kRate);
      }
  }

  void answersSoon_data() {
    QTest::addColumn<double>("f0");
    QTest::addColumn<double>("most");
    QTest::newRow("150 Hz") << 150.0 << 0.030;
    QTest::newRow("220 Hz") << 220.0 << 0.025;
    QTest::newRow("440 Hz") << 440.0 << 0.025;
  }
  void answersSoon() {
    QFETCH(double, f0);
    QFETCH(double, most);
    const double card = 2 * kBuffer / kRate;  // it gives a buffer when it is full, and plays one after the other
    const double worst = worstAnswer(load("neural-live-saxophone"), f0);
    qInfo("a tenth of a second of %.0f Hz is answered at -6 dB after %.1f ms and %.1f of the sound card, worst of %d",
          f0, 1000 * worst, 1000 * card, kPhases);
    QVERIFY(worst > 0 && worst + card <= most);
  }

  /// Models are played at the card's rate; what is made for rates like it, sample for sample at its own.
  void ratesOfPlaying() {
    Patch loop = load("neural-saxophone");
    auto rate = [p = loop](double own, double device) mutable {
      p.rate = own;
      return app::playingRate(p, device);
    };
    QCOMPARE(rate(16000, 48000), 48000.0);
    QCOMPARE(rate(16000, 44100), 44100.0);
    QCOMPARE(rate(44100, 48000), 44100.0);
    QCOMPARE(rate(48000, 44100), 48000.0);
    QCOMPARE(rate(48000, 96000), 96000.0);
    QCOMPARE(rate(16000, 16000), 16000.0);
    QCOMPARE(rate(16000, 384000), 16000.0);  // no patch has such a rate
    loop.cables.front().delayed = true;
    QCOMPARE(app::playingRate(loop, kRate), loop.rate);
  }
  /// An edit elsewhere leaves a response the same object: the engine must not take it for another one.
  void responsesAreResampledOnce() {
    app::PlayingRate rates(registry());
    Patch p = load("neural-saxophone");
    const auto response = [](const Patch& played) { return played.find("room")->tensors.at("response"); };
    const auto first = response(rates.at(p, kRate));
    QCOMPARE(first->data.size(), 3 * response(p)->data.size());
    p.find("player")->values["depth"] = 3;
    QVERIFY(response(rates.at(p, kRate)) == first);
    QVERIFY(response(rates.at(p, 44100)) != first);  // another device
    const auto again = response(rates.at(p, kRate));
    core::Blob louder = *response(p);
    for (float& x : louder.data) x *= 2;
    p.find("room")->tensors["response"] = std::make_shared<const core::Blob>(louder);
    const auto changed = response(rates.at(p, kRate));
    QVERIFY(changed != again);
    QVERIFY(std::fabs(changed->data[40] - 2 * again->data[40]) < 1e-6F);
    QVERIFY(response(rates.at(p, p.rate)) == response(p));  // its own rate: as it is
  }
};

QTEST_APPLESS_MAIN(TestLiveLatency)
#include "tst_live_latency.moc"
