// SPDX-License-Identifier: GPL-3.0-or-later
// The factory's neural instruments under a player's hands: every key as loud as the others, notes that
// speak at once, glides without steps, held notes that stay, silence when nothing is played.
#include <QTest>
#include <set>

#include "core/analysis/quantile.h"
#include "core/graph/executor.h"
#include "core/graph/render.h"
#include "core/neural/instrument_patch.h"
#include "core/neural/parts.h"
#include "nodes/registry.h"
#include "presets/model_file.h"

using namespace core;

namespace {
const Registry& registry() {
  static const Registry r = nodes::makeRegistry();
  return r;
}
Patch load(const QString& id) {
  auto m = presets::readModel(std::filesystem::path(PRESETS_DIR) / (id.toStdString() + ".safetensors"));
  if (!m) qFatal("%s", m.error().message.c_str());
  return m->patch;
}
void rows() {
  QTest::addColumn<QString>("id");
  for (const char* id : {"neural-saxophone", "neural-violin", "neural-duo"}) QTest::newRow(id) << QString(id);
}
/// Keys of the trained range, MIDI notes.
std::pair<int, int> keysOf(const Patch& p) {
  const auto range = trainedRange(p, registry());
  if (!range) qFatal("%s", range.error().message.c_str());
  return {static_cast<int>(std::ceil(60 + 12 * range->pitchLow - 0.3)),
          static_cast<int>(std::floor(60 + 12 * range->pitchHigh + 0.3))};
}
std::vector<float> play(Patch p, std::vector<Note> phrase, double seconds) {
  p.phrase = std::move(phrase);
  RenderOptions options;
  options.seconds = seconds;
  auto sound = render(p, registry(), options);
  if (!sound) qFatal("%s", sound.error().message.c_str());
  return sound->channels[0];
}
double rms(const std::vector<float>& x, std::size_t from, std::size_t to) {
  double sum = 0;
  for (std::size_t i = from; i < to; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return std::sqrt(sum / static_cast<double>(to - from));
}
double decibels(double x) { return 20 * std::log10(std::max(x, 1e-12)); }
double peak(const std::vector<float>& x, std::size_t from, std::size_t to) {
  double most = 0;
  for (std::size_t i = from; i < to; ++i) most = std::max(most, std::fabs(static_cast<double>(x[i])));
  return most;
}

const std::vector<float>& room(const Patch& p) { return p.find("room")->tensors.at("response")->data; }

/// Levels of the partials in each tick, as the controller tells the oscillator.
std::vector<std::vector<double>> partialsOf(Patch p, const std::vector<PlayerEvent>& events, int ticks) {
  const std::set<std::string> kept{"note", "player", "controller"};  // what its outputs drove would reuse their memory
  std::erase_if(p.nodes, [&](const PatchNode& n) { return !kept.contains(n.id); });
  std::erase_if(p.cables, [&](const Cable& c) { return !kept.contains(c.from) || !kept.contains(c.to); });
  auto plan = compilePlan(p, registry(), {.rate = p.rate});
  if (!plan) qFatal("%s", plan.error().message.c_str());
  const PlanNode& n = plan->nodes[static_cast<std::size_t>(plan->findNode("controller"))];
  const int amplitude = n.firstSignal + n.type->outputIndex("amplitude");
  const int harmonics = n.firstSignal + n.type->outputIndex("harmonics");
  const int width = n.outputWidths[static_cast<std::size_t>(n.type->outputIndex("harmonics"))];
  auto made = Executor::create(std::move(*plan), {});
  if (!made) qFatal("%s", made.error().message.c_str());
  Executor& e = **made;
  const std::vector<VoiceEvent> voices = allocate(events, 1);
  e.setEvents(voices);
  std::vector<std::vector<double>> out;
  for (int t = 0; t < ticks; ++t) {
    e.run(1);
    const SignalView level = e.signal(amplitude), row = e.signal(harmonics);
    std::vector<double> partials;
    double sum = 0;
    for (int k = 0; k < width; ++k) {
      partials.push_back(static_cast<double>(row.data[k * row.channel]));
      sum += partials.back();
    }
    for (double& x : partials) x *= static_cast<double>(level.data[0]) / sum;
    out.push_back(std::move(partials));
  }
  return out;
}
}  // namespace

class TestPlayability : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void keysAreEquallyLoud_data() {
    QTest::addColumn<QString>("id");
    QTest::addColumn<double>("velocity");
    for (const char* id : {"neural-saxophone", "neural-violin", "neural-duo"})
      for (const double velocity : {0.2, 0.35, 0.5, 0.65, 0.8, 1.0})
        QTest::newRow(qPrintable(QString("%1, velocity %2").arg(id).arg(velocity))) << QString(id) << velocity;
  }
  void keysAreEquallyLoud() {
    QFETCH(QString, id);
    QFETCH(double, velocity);
    const Patch p = load(id);
    const auto [lowest, highest] = keysOf(p);
    QVERIFY(highest - lowest >= 24);
    std::vector<double> lufs;
    QString table;
    for (int key = lowest; key <= highest; ++key) {
      const auto heard = keyLoudness(p, registry(), key, velocity);
      QVERIFY(heard.has_value());
      lufs.push_back(*heard);
      table += QString(" %1 %2").arg(noteName(key).c_str()).arg(*heard, 0, 'f', 1);
    }
    const double middle = quantile(lufs, 0.5);
    const auto [softest, loudest] = std::minmax_element(lufs.begin(), lufs.end());
    qInfo("%s, LUFS by key, median %.1f, %+.1f to %+.1f:%s", qPrintable(id), middle, *softest - middle,
          *loudest - middle, qPrintable(table));
    QVERIFY(middle - *softest <= 3 && *loudest - middle <= 3);
  }

  void velocityIsHeard_data() { rows(); }
  void velocityIsHeard() {
    QFETCH(QString, id);
    const Patch p = load(id);
    double before = -100;
    for (const double velocity : {0.1, 0.5, 1.0}) {
      const auto heard = keyLoudness(p, registry(), 66, velocity);
      QVERIFY(heard.has_value());
      QVERIFY2(*heard > before + 2, qPrintable(QString("%1 LUFS at %2").arg(*heard).arg(velocity)));
      before = *heard;
    }
  }

  void noteSpeaksAtOnce_data() { rows(); }
  void noteSpeaksAtOnce() {
    QFETCH(QString, id);
    const Patch p = load(id);
    const auto window = static_cast<std::size_t>(0.002 * p.rate);
    const double sustain = rms(play(p, {{66, 0, 1, 0.8}}, 1), static_cast<std::size_t>(0.5 * p.rate),
                               static_cast<std::size_t>(0.9 * p.rate));
    double worst = 0;
    for (int phase = 0; phase < 100; ++phase) {
      const double start = 0.02 + 2 * kTick / p.rate * phase / 100;  // two ticks: where frames and ticks begin
      const auto x = play(p, {{66, start, 1, 0.8}}, 0.1);
      const auto on = static_cast<std::size_t>(std::llround(start * p.rate));
      std::size_t i = on + window;
      while (i < x.size() && rms(x, i - window, i) < 0.01 * sustain) ++i;
      worst = std::max(worst, static_cast<double>(i - on) / p.rate);
    }
    qInfo("%s: -40 dB of the sustain level after %.1f ms, worst of 100 phases", qPrintable(id), 1000 * worst);
    QVERIFY(worst <= 0.010 + 64 / 48000.0);  // and a buffer of a sound card
  }

  void glideHasNoSteps_data() { rows(); }
  void glideHasNoSteps() {
    QFETCH(QString, id);
    Patch p = load(id);
    for (PatchNode& n : p.nodes)
      if (n.values.contains("glide")) n.values["glide"] = 2;
    const auto frame = [&p](double seconds) { return static_cast<std::int64_t>(seconds * p.rate); };
    using Type = PlayerEvent::Type;
    const auto partials = partialsOf(
        p, {{0, Type::noteOn, 55, 0.8F}, {frame(1), Type::noteOn, 79, 0.8F}, {frame(4), Type::noteOff, 79, 0}},
        static_cast<int>(4 * p.rate / kTick));
    double worst = 0, worstSum = 0;
    for (std::size_t t = static_cast<std::size_t>(0.9 * p.rate / kTick); t + 1 < partials.size(); ++t) {
      const double strongest = *std::max_element(partials[t].begin(), partials[t].end());
      double before = 0, after = 0;
      for (std::size_t k = 0; k < partials[t].size(); ++k) {
        before += partials[t][k] * partials[t][k];
        after += partials[t + 1][k] * partials[t + 1][k];
        if (partials[t][k] > 0.01 * strongest)
          worst = std::max(worst, std::fabs(decibels(partials[t + 1][k]) - decibels(partials[t][k])));
      }
      worstSum = std::max(worstSum, std::fabs(decibels(std::sqrt(after)) - decibels(std::sqrt(before))));
    }
    qInfo("%s: a glide over two octaves moves a partial by at most %.2f dB a frame, their sum by %.2f dB",
          qPrintable(id), worst, worstSum);
    QVERIFY(worst > 0 && worst <= 1 && worstSum <= 1);
  }

  void heldNoteStays_data() { rows(); }
  void heldNoteStays() {
    QFETCH(QString, id);
    const Patch p = load(id);
    const bool longer = qEnvironmentVariableIsSet("TONEWRIGHT_LONG");
    const double length = longer ? 600 : 60;
    const auto x = play(p, {{66, 0, length, 0.8}}, length);
    const auto second = static_cast<std::size_t>(p.rate);
    const double first = decibels(rms(x, 2 * second, 4 * second));
    double worst = 0;
    for (std::size_t s = 4; s + 2 <= static_cast<std::size_t>(length); s += 2)
      worst = std::max(worst, std::fabs(decibels(rms(x, s * second, (s + 2) * second)) - first));
    qInfo("%s: a note held for %g s drifts by %.3f dB", qPrintable(id), length, worst);
    QVERIFY(worst < 0.5);
  }

  void silenceIsSilent_data() { rows(); }
  void silenceIsSilent() {
    QFETCH(QString, id);
    const Patch p = load(id);
    const auto at = [&p](double seconds) { return static_cast<std::size_t>(seconds * p.rate); };
    const auto [lowest, highest] = keysOf(p);
    for (const double velocity : {0.3, 1.0})
      for (int key = lowest; key <= highest; ++key) {
        const auto x = play(p, {{double(key), 1, 1, velocity}}, 3);
        const double before = decibels(peak(x, 0, at(1))), after = decibels(peak(x, at(2.5), at(3)));
        std::size_t last = x.size();
        while (last > 0 && std::fabs(x[last - 1]) < 1e-4F) --last;
        qInfo(
            "%s, key %d at %.1f: %.1f dBFS before the note, %.1f dBFS half a second after it, under -80 dBFS after "
            "%.0f ms",
            qPrintable(id), key, velocity, before, after, 1000 * (double(last) / p.rate - 2));
        QVERIFY(before < -80 && after < -80);
      }
  }

  /// A room that learned to ring on at the pitch of one note lets go of it; what makes no other noise is left alone.
  void roomsSettle() {
    constexpr int kKey = 69;
    Patch p = load("neural-saxophone");
    const auto same = settle(p, registry(), kKey, kKey);
    QVERIFY(same && same->faster == 0 && same->ringing == -1);
    const Patch shipped = load("neural-saxophone");
    QVERIFY(room(p) == room(shipped));
    Blob ringing{{int(room(p).size())}, room(p)};
    for (std::size_t i = 0; i < ringing.data.size(); ++i) {
      const double seconds = double(i) / p.rate;
      ringing.data[i] += float(1e-4 * std::exp(-6 * seconds) * std::sin(2 * M_PI * 440 * seconds));
    }
    p.find("room")->tensors["response"] = std::make_shared<const Blob>(ringing);
    const auto left = [&p] {
      const auto x = play(p, {{kKey, 0, 1, 1}}, 2);
      return decibels(peak(x, static_cast<std::size_t>(1.5 * p.rate), x.size()));
    };
    QVERIFY(left() > -75);
    const auto settled = settle(p, registry(), kKey, kKey);
    QVERIFY(settled && settled->faster > 0 && settled->ringing == -1);
    QVERIFY(left() < -80);
    const auto& now = room(p);
    const double decay = std::pow(10, -settled->faster / 20 / 2);  // in half a second
    QVERIFY(now[0] == ringing.data[0]);
    QVERIFY(std::fabs(double(now[8000]) - decay * double(ringing.data[8000])) < 1e-9);
  }
  void whatNoRoomSilencesIsSaid() {
    Patch p = load("neural-saxophone");
    PatchNode hiss;
    hiss.id = "hiss";
    hiss.type = "source.noise";
    p.nodes.push_back(hiss);
    p.cables.push_back({"hiss", "out", "out", "in"});
    const auto settled = settle(p, registry(), 69, 70);
    QVERIFY(settled && settled->faster == 0 && settled->ringing == 70);
    const Patch shipped = load("neural-saxophone");
    QVERIFY(room(p) == room(shipped));
    const auto cancelled = settle(p, registry(), 69, 70, [](double) { return false; });
    QVERIFY(!cancelled && cancelled.error().message == "Cancelled.");
  }
};

QTEST_APPLESS_MAIN(TestPlayability)
#include "tst_playability.moc"
