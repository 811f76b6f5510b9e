// SPDX-License-Identifier: GPL-3.0-or-later
// links: app_parts
// Between a patch and a device of different sample rates: a tone stays a clean tone in time, equal
// rates change no bit, input arrives whole and as late as is said.
#include <QElapsedTimer>
#include <QTest>
#include <cmath>
#include <numbers>

#include "app/rate_adapter.h"
#include "core/file/audio_file.h"

namespace {
/// An engine that plays a sine at its own rate and keeps what it hears.
struct Engine {
  double rate = 48000, hz = 997;
  std::int64_t frame = 0;
  std::vector<float> played{}, heard{};
  static void run(void* self, const float* const input[2], float* const output[2], int frames) {
    auto& me = *static_cast<Engine*>(self);
    for (int i = 0; i < frames; ++i, ++me.frame) {
      const auto x =
          static_cast<float>(0.5 * std::sin(2 * std::numbers::pi * me.hz * static_cast<double>(me.frame) / me.rate));
      output[0][i] = x;
      output[1][i] = -x;
      me.played.push_back(x);
      me.heard.push_back(input ? input[0][i] : 0.0F);
    }
  }
};
std::vector<float> play(Engine& engine, app::RateAdapter& adapter, double deviceRate, int frames, int buffer,
                        const std::vector<float>& input = {}) {
  std::vector<float> left, l(static_cast<std::size_t>(buffer)), r(l);
  for (int at = 0; at < frames; at += buffer) {
    float* const out[2] = {l.data(), r.data()};
    const float* const in[2] = {input.data() + at, input.data() + at};
    adapter.process(engine.rate, deviceRate, input.empty() ? nullptr : in, out, buffer);
    left.insert(left.end(), l.begin(), l.end());
    for (std::size_t i = 0; i < l.size(); ++i)
      if (r[i] != -l[i]) return {};
  }
  return left;
}
/// What differs from a sine of 997 Hz that began `late` seconds after frame 0, dB of its level.
double errorDb(const std::vector<float>& x, double rate, double late, std::size_t from) {
  double sum = 0;
  for (std::size_t i = from; i < x.size(); ++i)
    sum += std::pow(x[i] - 0.5 * std::sin(2 * std::numbers::pi * 997 * (static_cast<double>(i) / rate - late)), 2);
  return 10 * std::log10(sum / static_cast<double>(x.size() - from) / 0.125);
}
}  // namespace

class TestRateAdapter : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void equalRatesChangeNothing() {
    Engine engine;
    app::RateAdapter adapter(&Engine::run, &engine);
    const auto out = play(engine, adapter, 48000, 48000, 441);
    QVERIFY(out == engine.played);
    QCOMPARE(adapter.outputLatency(), 0.0);
  }

  void tone_data() {
    QTest::addColumn<double>("engine");
    QTest::addColumn<double>("device");
    QTest::addColumn<int>("buffer");
    for (const auto& [e, d] : {std::pair(48000.0, 44100.0), {44100.0, 48000.0}, {48000.0, 96000.0}, {96000.0, 44100.0}})
      for (const int b : {1, 17, 256, 1024}) QTest::addRow("%g to %g by %d", e, d, b) << e << d << b;
  }
  void tone() {
    QFETCH(double, engine);
    QFETCH(double, device);
    QFETCH(int, buffer);
    Engine sine{.rate = engine};
    app::RateAdapter adapter(&Engine::run, &sine);
    const auto out = play(sine, adapter, device, static_cast<int>(device), buffer);
    QVERIFY(!out.empty());
    const double error = errorDb(out, device, 0, 1000);
    QVERIFY2(error < -100, qPrintable(QString("%1 dB").arg(error)));
    QVERIFY2(adapter.outputLatency() > 0 && adapter.outputLatency() < 0.01,
             qPrintable(QString::number(adapter.outputLatency())));
  }

  void inputArrivesWhole_data() { tone_data(); }
  void inputArrivesWhole() {
    QFETCH(double, engine);
    QFETCH(double, device);
    QFETCH(int, buffer);
    std::vector<float> sine(static_cast<std::size_t>(device) + 2048);
    for (std::size_t i = 0; i < sine.size(); ++i)
      sine[i] = static_cast<float>(0.5 * std::sin(2 * std::numbers::pi * 997 * static_cast<double>(i) / device));
    Engine ear{.rate = engine};
    app::RateAdapter adapter(&Engine::run, &ear);
    play(ear, adapter, device, static_cast<int>(device), buffer, sine);
    const double late = adapter.inputLatency();
    QVERIFY2(late > 0 && late < 0.03, qPrintable(QString::number(late)));
    const double error = errorDb(ear.heard, engine, late, static_cast<std::size_t>(engine / 5));
    QVERIFY2(error < -100, qPrintable(QString("%1 dB").arg(error)));
  }

  void ratesMayChange() {
    Engine sine;
    app::RateAdapter adapter(&Engine::run, &sine);
    play(sine, adapter, 44100, 4410, 441);
    sine = Engine{.rate = 32000};
    const auto out = play(sine, adapter, 44100, 44100, 441);
    QVERIFY(errorDb(out, 44100, 0, 1000) < -100);
    sine = Engine{.rate = 1e6};  // no such device: silence, not noise
    for (const float x : play(sine, adapter, 8000, 441, 441)) QCOMPARE(x, 0.0F);
  }

  void cost() {
    Engine sine;
    app::RateAdapter adapter(&Engine::run, &sine);
    play(sine, adapter, 44100, 441, 441);
    sine.played.reserve(1 << 20), sine.heard.reserve(1 << 20);
    QElapsedTimer timer;
    timer.start();
    play(sine, adapter, 44100, 441000, 441);
    qInfo("10 s of stereo from 48 to 44.1 kHz: %lld ms, sine included", static_cast<long long>(timer.elapsed()));
  }
};

QTEST_APPLESS_MAIN(TestRateAdapter)
#include "tst_rate_adapter.moc"
