// SPDX-License-Identifier: GPL-3.0-or-later
// links: nodes
// What a fit finds: known parameters again, through the false valleys in which a descent alone stays.
#include <QMap>
#include <QtTest>

#include "core/analysis/compare.h"
#include "core/fit/variables.h"
#include "fit_rig.h"

using namespace tests;

namespace {
/// How far free knobs are from where they belong, of what they may be: two cents, or 3 % of the travel. Phases are
/// left out: that of a single wave is hardly heard.
QMap<QString, double> knobsOff(const Patch& found, const Patch& truth) {
  constexpr double kCents = 2, kTravel = 0.03;
  QMap<QString, double> off;
  for (const PatchNode& n : truth.nodes)
    for (const std::string& row : n.free) {
      if (row == "phase") continue;
      const NodeType& type = *registry().find(n.type);
      const Input& in = type.inputs[static_cast<std::size_t>(type.inputIndex(row))];
      const double is = knobValue(*found.find(n.id), in), was = knobValue(n, in);
      off[QString::fromStdString(n.id + '.' + row)] =
          row == "f0" ? std::abs(1200 * std::log2(is / was)) / kCents
                      : std::abs(in.range().normalise(is) - in.range().normalise(was)) / kTravel;
    }
  return off;
}
}  // namespace

class TestFitSearch : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void recovers_data() {
    QTest::addColumn<int>("patch");
    QTest::newRow("subtractive") << 0;
    QTest::newRow("two oscillators") << 1;
    QTest::newRow("pulse") << 2;
  }
  void recovers() {
    QFETCH(int, patch);
    const Patch truth = patch == 0 ? subtractive() : patch == 1 ? twoVoices() : pulse();
    const AudioData target = sound(truth, 0.7);
    Patch start = perturbed(truth);
    FitOptions options;
    options.steps = 400;
    const auto got = fit(start, registry(), target, options, {}, {});
    QVERIFY2(got.has_value(), got ? "" : got.error().message.c_str());
    const Comparison before = compare(target, sound(start, 0.7)), after = compare(target, sound(got->patch, 0.7));
    qInfo("lsd %.2f -> %.3f dB", before.lsdDb, after.lsdDb);
    for (const FitChange& c : got->changes) qInfo("%s %g -> %g", c.name.c_str(), c.before, c.after);
    // What is left lies between 0.5 and 1.2 dB, by rounding: a start moved by a millionth ends elsewhere on a ridge of
    // start phase, cents and the softer voice's level, with more steps as well. So the distance is judged coarsely
    // and the knobs themselves finely; a fit cut short is under 1 dB with the second voice silent.
    QVERIFY2(after.lsdDb < 2, qPrintable(QString::number(after.lsdDb)));
    QVERIFY(before.lsdDb > 2 * after.lsdDb);
    const auto off = knobsOff(got->patch, truth);
    for (auto o = off.cbegin(); o != off.cend(); ++o)
      QVERIFY2(o.value() < 1, qPrintable(QString("%1: %2 times what it may be").arg(o.key()).arg(o.value())));
    QVERIFY(got->terms.at(0).end < got->terms.at(0).start);
    QVERIFY(!got->changes.empty() && got->curve.size() > 100);
  }
  /// Two saws close together beat; their distance has a false valley for every beat.
  void detunedPair() {
    Patch truth = subtractive();
    truth.find("osc")->free = {"f0"};
    truth.nodes.push_back(node("second", "source.oscillator", {{"f0", kC4Hz * std::exp2(9.0 / 1200)}}, {"f0"}));
    truth.nodes.back().settings["waveform"].text = "saw";
    truth.cables.push_back({"note", "pitch", "second", "f0"});
    truth.cables.push_back({"note", "gate", "second", "gate"});
    truth.cables.push_back({"second", "out", "svf", "in"});
    truth.phrase = {{57, 0.02, 1.2, 0.8}};
    const AudioData target = sound(truth, 1.4);
    Patch start = perturbed(truth);
    start.find("osc")->values["f0"] = kC4Hz * std::exp2(22.0 / 1200);
    start.find("second")->values["f0"] = kC4Hz * std::exp2(-16.0 / 1200);
    FitOptions options;
    options.steps = 160;
    options.keepPhrase = true;
    const auto got = fit(start, registry(), target, options, {}, {});
    QVERIFY(got.has_value());
    const double lsd = compare(target, sound(got->patch, 1.4)).lsdDb;
    const auto cents = [&](const char* id) { return 1200 * std::log2(got->patch.find(id)->values.at("f0") / kC4Hz); };
    qInfo("lsd %.3f dB; %.3f and %.3f cents", lsd, cents("osc"), cents("second"));
    QVERIFY2(lsd < 0.5, qPrintable(QString::number(lsd)));
    // the two are alike: which is which does not matter
    QVERIFY(std::abs(std::abs(cents("osc") - cents("second")) - 9) < 0.1);
  }
  /// Two filters of which each starts where the other belongs: one of them moves, so it matters which. Either
  /// exchanging them or following the low partials first is enough.
  void filtersChangePlaces() {
    Patch truth = subtractive();
    truth.find("osc")->free.clear();
    truth.find("svf")->values = {{"cutoff", 400}, {"q", 4}};
    truth.nodes.push_back(node("noise", "source.noise"));
    truth.nodes.push_back(node("second", "filter.svf", {{"cutoff", 2500}, {"q", 7}}, {"cutoff", "q"}));
    truth.nodes.push_back(node("lfo", "envelope.lfo", {{"rate", 3}}));
    truth.cables = {{"noise", "out", "svf", "in"},    {"svf", "band", "gain", "in"},
                    {"noise", "out", "second", "in"}, {"second", "band", "gain", "in"},
                    {"lfo", "out", "svf", "cutoff"},  {"note", "gate", "gain", "level"},
                    {"gain", "out", "out", "in"}};
    truth.cables[4].depth = 0.8;
    truth.phrase = {{57, 0.02, 0.9, 0.8}};
    const AudioData target = sound(truth, 1);
    Patch start = truth;
    std::swap(start.find("svf")->values, start.find("second")->values);
    FitOptions options;
    options.steps = 60;
    options.keepPhrase = true;
    const auto got = fit(start, registry(), target, options, {}, {});
    QVERIFY(got.has_value());
    const double lsd = compare(target, sound(got->patch, 1)).lsdDb,
                 cutoff = got->patch.find("svf")->values.at("cutoff");
    qInfo("lsd %.3f dB, cutoff %.1f Hz", lsd, cutoff);
    QVERIFY2(lsd < 0.5 && std::abs(cutoff - 400) < 4, qPrintable(QString("%1 dB, %2 Hz").arg(lsd).arg(cutoff)));
  }
  /// A pulse of width 1 - w has the spectrum of one of width w, but what moves its width moves its pitch
  /// the other way: a valley nearly as deep as the right one, and far from it.
  void mirroredPulse() {
    Patch truth = pulse();
    truth.find("osc")->free = {"f0", "width"};
    truth.nodes.push_back(node("lfo", "envelope.lfo", {{"rate", 1.3}}));
    truth.cables.push_back({"lfo", "out", "osc", "width"});
    truth.cables.back().depth = 0.15;
    truth.cables.back().free = true;
    truth.phrase = {{57, 0.02, 1, 0.8}};
    const AudioData target = sound(truth, 1.2);
    Patch start = truth;
    start.find("osc")->values["width"] = 0.7;
    start.cables.back().depth = -0.15;
    FitOptions options;
    options.steps = 110;
    options.keepPhrase = true;
    const auto got = fit(start, registry(), target, options, {}, {});
    QVERIFY(got.has_value());
    const double before = compare(target, sound(start, 1.2)).lsdDb,
                 after = compare(target, sound(got->patch, 1.2)).lsdDb;
    qInfo("lsd %.3f -> %.3f dB, width %.3f", before, after, got->patch.find("osc")->values.at("width"));
    QVERIFY2(after < 0.4 * before, qPrintable(QString("%1 -> %2").arg(before).arg(after)));
  }
  /// A phase that runs past an end comes in at the other; a knob stops there.
  void phasesGoRound() {
    const Patch p = pulse();
    const auto plan = compilePlan(p, registry(), {.rate = p.rate});
    QVERIFY(plan.has_value());
    const auto space = FitSpace::create(*plan, declaredFree(p, registry()));
    QVERIFY(space.has_value());
    for (const auto& [from, phase] : {std::pair(1.25, 0.25), {-0.1, 0.9}, {0.999, 0.999}, {0.3, 0.3}}) {
      std::vector<double> x(space->size(), from);
      space->clamp(x);
      for (const FitEntry& e : space->entries()) {
        QCOMPARE(e.circular, e.variable.row == "phase");
        QVERIFY(std::abs(x[e.first] - (e.circular ? phase : std::clamp(from, 1e-3, 1 - 1e-3))) < 1e-9);
      }
    }
  }
};

QTEST_GUILESS_MAIN(TestFitSearch)
#include "tst_fit_search.moc"
