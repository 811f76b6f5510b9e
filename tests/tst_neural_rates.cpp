// SPDX-License-Identifier: GPL-3.0-or-later
// A shipped model sounds the same wherever it runs: live as in the trainer's forward pass, at the rates of
// sound cards as at its own, and soon after what it hears.
#include <QTemporaryDir>
#include <QTest>
#include <numbers>

#include "core/analysis/stft.h"
#include "core/file/patch_rate.h"
#include "core/graph/gradient.h"
#include "core/graph/realtime.h"
#include "core/graph/render.h"
#include "core/graph/tick_engine.h"
#include "core/neural/batch.h"
#include "core/neural/dataset.h"
#include "nodes/registry.h"
#include "presets/model_file.h"

using namespace core;

namespace {
constexpr double kTurn = 2 * std::numbers::pi;

const Registry& registry() {
  static const Registry r = nodes::makeRegistry();
  return r;
}
Patch load(const char* path) {
  auto m = presets::readModel(std::filesystem::path(PRESETS_DIR) / path);
  if (!m) qFatal("%s", m.error().message.c_str());
  return m->patch;
}
void rows() {
  QTest::addColumn<QString>("path");
  for (const char* path : {"../models/alto-sax.safetensors", "../models/violin.safetensors"})
    QTest::newRow(path) << QString(path);
}

/// Phrases of gliding tones between silences, 30 s.
std::vector<float> melody(double rate, double seconds) {
  std::vector<float> x(static_cast<std::size_t>(rate * seconds));
  double phase = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double t = static_cast<double>(i) / rate, in = std::fmod(t, 2.5);
    phase += 330 * std::exp2(0.6 * std::sin(kTurn * 0.13 * t)) / rate;
    const double level = in < 2 ? 0.15 * std::min(1.0, in / 0.03) * (0.6 + 0.4 * std::sin(kTurn * 0.4 * t)) : 0;
    double y = 0;
    for (int k = 1; k <= 12; ++k) y += std::sin(kTurn * k * phase) / k;
    x[i] = static_cast<float>(level * y);
  }
  return x;
}

std::vector<float> playLive(const Patch& p, const std::vector<float>& x) {
  const DenormalsOff denormals;
  auto plan = compilePlan(p, registry(), {.rate = p.rate, .reuseBuffers = true});
  if (!plan) qFatal("%s", plan.error().message.c_str());
  StateStore store;
  auto executor = Executor::create(std::move(*plan), liveOptions(&store));
  if (!executor) qFatal("%s", executor.error().message.c_str());
  TickEngine engine;
  EngineCommand command;
  command.type = EngineCommand::Type::plan;
  engine.apply(command, executor->get(), nullptr);
  std::vector<float> y;
  Sample in[kTick];
  float left[kTick], right[kTick];
  for (std::size_t at = 0; at + kTick <= x.size(); at += kTick) {
    std::copy_n(x.begin() + static_cast<std::ptrdiff_t>(at), kTick, in);
    engine.runTick(in, in, left, right);
    y.insert(y.end(), left, left + kTick);
  }
  return y;
}

/// The trainer's forward pass over a whole recording as one clip.
std::vector<float> playAsTrained(const Patch& p, const std::filesystem::path& recording, std::size_t frames) {
  const int ticks = static_cast<int>(frames) / kTick;
  const auto cut = cutFront(p, registry(), ticks + 1);
  if (!cut) qFatal("%s", cut.error().message.c_str());
  DatasetOptions options;
  options.pitchCopies = false;
  const auto data = Dataset::load({recording}, *cut, registry(), options, [](const std::string&, double) {}, {});
  if (!data) qFatal("%s", data.error().message.c_str());
  auto plan = compilePlan(cut->rest, registry(), {.rate = p.rate});
  if (!plan) qFatal("%s", plan.error().message.c_str());
  const auto free = learnables(cut->rest, *plan);
  if (!free) qFatal("%s", free.error().message.c_str());
  GradientRequest request;
  for (const Learnable& l : *free) request.tensors.push_back(l.at);
  auto gradient = Gradient::create(std::move(*plan), request, ticks, {});
  if (!gradient) qFatal("%s", gradient.error().message.c_str());
  Executor& e = (*gradient)->executor();
  for (std::size_t f = 0; f < cut->features.size(); ++f) {
    const int node = e.plan().findNode(cut->features[f].track);
    const int count = e.plan().nodes[static_cast<std::size_t>(node)].tensors[0].shape[0];
    e.setTensor(node, 0, 0, data->track({0, 0, 0}, static_cast<int>(f), cut->features[f].width, 0, count));
  }
  const DenormalsOff denormals;
  (*gradient)->forward({});
  std::vector<float> y;
  y.reserve(static_cast<std::size_t>(ticks) * kTick);
  for (int i = 0; i < ticks * kTick; ++i) y.push_back(static_cast<float>((*gradient)->output(0, 0, i)));
  return y;
}

/// The model at another rate under one pitch and loudness; without the sources that are not asked for.
std::vector<float> steady(Patch p, double rate, const std::string& only, double pitch, double loudness,
                          double seconds) {
  if (const auto done = setPatchRate(p, registry(), rate); !done) qFatal("%s", done.error().message.c_str());
  const int ticks = static_cast<int>(seconds * rate) / kTick;
  auto cut = cutFront(p, registry(), ticks + 1);
  if (!cut) qFatal("%s", cut.error().message.c_str());
  for (const Feature& f : cut->features) {
    PatchNode& track = *cut->rest.find(f.track);
    track.settings["frame-rate"].number = 250;
    track.settings["length"].number = seconds;
    const int count = static_cast<int>(std::ceil(seconds * 250)) + 1;
    const auto value = static_cast<float>(f.output == "pitch" ? pitch : loudness);
    track.tensors["track"] = std::make_shared<const Blob>(
        Blob{{count, f.width}, std::vector<float>(static_cast<std::size_t>(count * f.width), value)});
  }
  std::erase_if(cut->rest.cables, [&](const Cable& c) {
    const PatchNode* from = cut->rest.find(c.from);
    return (from->type == "source.harmonic" || from->type == "source.filtered-noise") && from->type != only;
  });
  RenderOptions options;
  options.seconds = seconds;
  auto sound = render(cut->rest, registry(), options);
  if (!sound) qFatal("%s", sound.error().message.c_str());
  return sound->channels[0];
}
double levelAt(const std::vector<float>& x, double rate, double hertz, double from) {
  const auto first = static_cast<std::size_t>(from * rate);
  std::complex<double> sum = 0;
  double weight = 0;
  for (std::size_t i = first; i < x.size(); ++i) {
    const double w =
        0.5 - 0.5 * std::cos(kTurn * static_cast<double>(i - first) / static_cast<double>(x.size() - first));
    sum += w * static_cast<double>(x[i]) * std::polar(1.0, -kTurn * hertz * static_cast<double>(i) / rate);
    weight += w;
  }
  return 20 * std::log10(2 * std::abs(sum) / weight + 1e-12);
}
/// Power a hertz in bands of 500 Hz up to 7 kHz, dB.
std::vector<double> bands(const std::vector<float>& x, double rate, double from) {
  constexpr double kBin = 25, kWidth = 500;
  const int size = static_cast<int>(std::lround(rate / kBin));
  const std::vector<double> late(x.begin() + static_cast<std::ptrdiff_t>(from * rate), x.end());
  const Spectrogram s = spectrogram(late, size, size / 2);
  std::vector<double> power(14, 0.0);
  for (int f = 0; f < s.frames; ++f)
    for (int k = 1; k * kBin < kWidth * static_cast<double>(power.size()); ++k)
      power[static_cast<std::size_t>(k * kBin / kWidth)] += std::pow(s.row(f)[static_cast<std::size_t>(k)], 2);
  // |X|^2 of a density grows with the sum of the squared window
  for (double& v : power) v = 10 * std::log10(v / s.frames / size / rate + 1e-30);
  return power;
}
}  // namespace

class TestNeuralRates : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void liveEqualsTraining_data() { rows(); }
  void liveEqualsTraining() {
    QFETCH(QString, path);
    const Patch p = load(path.toUtf8());
    const std::vector<float> x = melody(p.rate, 30);
    QTemporaryDir dir;
    const auto file = std::filesystem::path(dir.filePath("melody.wav").toStdString());
    QVERIFY(writeAudio(file, AudioData{p.rate, {x}}, AudioFormat::wav32f).has_value());
    const std::vector<float> live = playLive(p, x), trained = playAsTrained(p, file, x.size());
    double worst = 0, peak = 0;
    for (std::size_t i = 0; i < std::min(live.size(), trained.size()); ++i) {
      worst = std::max(worst, std::fabs(static_cast<double>(live[i]) - static_cast<double>(trained[i])));
      peak = std::max(peak, std::fabs(static_cast<double>(trained[i])));
    }
    qInfo("%s: live differs from the trainer's forward pass by %.1e of the peak (%.2f) over 30 s", qPrintable(path),
          worst / peak, peak);
    QVERIFY(live.size() == trained.size() && peak > 0.05 && worst <= 1e-5 * peak);
  }

  void otherRatesSoundTheSame_data() { rows(); }
  void otherRatesSoundTheSame() {
    QFETCH(QString, path);
    const Patch p = load(path.toUtf8());
    const double own = p.rate;
    for (const double pitch : {0.1, 0.9}) {  // octaves from C4
      const double f0 = kC4Hz * std::exp2(pitch);
      const auto tone = steady(p, own, "source.harmonic", pitch, -25, 3);
      const auto noise = bands(steady(p, own, "source.filtered-noise", pitch, -25, 40), own, 2);
      for (const double rate : {44100.0, 48000.0}) {
        const auto other = steady(p, rate, "source.harmonic", pitch, -25, 3);
        double strongest = -200, worst = 0, worstBand = 0;
        for (int k = 1; k * f0 < 7000; ++k) strongest = std::max(strongest, levelAt(tone, own, k * f0, 1.5));
        for (int k = 1; k * f0 < 7000; ++k)
          if (const double level = levelAt(tone, own, k * f0, 1.5); level > strongest - 60)
            worst = std::max(worst, std::fabs(levelAt(other, rate, k * f0, 1.5) - level));
        const auto others = bands(steady(p, rate, "source.filtered-noise", pitch, -25, 40), rate, 2);
        for (std::size_t b = 0; b < noise.size(); ++b) worstBand = std::max(worstBand, std::fabs(others[b] - noise[b]));
        qInfo("%s at %.0f Hz, f0 %.0f Hz: harmonics differ by %.3f dB, noise up to 7 kHz by %.2f dB", qPrintable(path),
              rate, f0, worst, worstBand);
        QVERIFY(strongest > -60 && worst <= 0.2 && worstBand <= 0.5);
      }
    }
  }

  void aRateAndBackIsTheSame() {
    const Patch before = load("../models/alto-sax.safetensors");
    Patch p = before;
    QVERIFY(setPatchRate(p, registry(), 48000).has_value());
    QCOMPARE(p.find("noise")->settings["top"].number, 8000.0);
    QCOMPARE(p.find("room")->tensors["response"]->shape, std::vector<int>{48000});
    QVERIFY(setPatchRate(p, registry(), before.rate).has_value());
    QCOMPARE(p.find("noise")->settings["top"].number, 0.0);
    QCOMPARE(p.find("room")->tensors["response"]->shape, before.find("room")->tensors.at("response")->shape);
    // out of range, or with noise above half of the rate: refused, and left as it was
    const Patch kept = p;
    for (const double rate : {0.0, 4000.0, 1e6, std::nan("")}) QVERIFY(!setPatchRate(p, registry(), rate).has_value());
    const auto refused = setPatchRate(p, registry(), 11025);
    QVERIFY(!refused.has_value());
    QVERIFY2(refused.error().message.find("bands reach") != std::string::npos, refused.error().message.c_str());
    QVERIFY(p == kept);
  }

  void followsSoon_data() {
    QTest::addColumn<double>("f0");
    QTest::addColumn<double>("most");
    QTest::newRow("150 Hz") << 150.0 << 0.030;
    QTest::newRow("220 Hz") << 220.0 << 0.025;
    QTest::newRow("440 Hz") << 440.0 << 0.025;
  }
  void followsSoon() {
    QFETCH(double, f0);
    QFETCH(double, most);
    const Patch p = load("neural-live-saxophone.safetensors");
    double worst = 0, sum = 0;
    constexpr int kPhases = 20;
    for (int phase = 0; phase < kPhases; ++phase) {
      const double start = 0.3 + 2.0 * kTick / p.rate * phase / kPhases;
      std::vector<float> x(static_cast<std::size_t>((start + 0.3) * p.rate));
      const auto first = static_cast<std::size_t>(start * p.rate),
                 last = first + static_cast<std::size_t>(0.1 * p.rate);
      for (std::size_t i = first; i < last; ++i)
        for (int k = 1; k <= 10; ++k)
          x[i] += static_cast<float>(0.1 / k * std::sin(kTurn * k * f0 * static_cast<double>(i - first) / p.rate));
      const std::vector<float> y = playLive(p, x);
      float top = 0;
      for (const float v : y) top = std::max(top, std::fabs(v));
      QVERIFY(top > 1e-3F);
      // the envelope: the largest so far
      const auto heard = std::find_if(y.begin(), y.end(), [top](float v) { return std::fabs(v) >= 0.5F * top; });
      const double late = static_cast<double>(heard - y.begin()) / p.rate - start;
      worst = std::max(worst, late);
      sum += late / kPhases;
    }
    qInfo(
        "a tenth of a second of %.0f Hz is answered at -6 dB after %.1f ms, worst of %d phases %.1f ms (without the "
        "device)",
        f0, 1000 * sum, kPhases, 1000 * worst);
    QVERIFY(worst <= most);
  }
};

QTEST_GUILESS_MAIN(TestNeuralRates)
#include "tst_neural_rates.moc"
