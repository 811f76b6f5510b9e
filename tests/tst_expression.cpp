// SPDX-License-Identifier: GPL-3.0-or-later
// Expression, as a player hears it: touch and quantiles, contours, slurs, vibrato, limits, controllers.
#include <QTest>

#include "core/file/midi_file.h"
#include "core/graph/render.h"
#include "core/neural/playing_tables.h"
#include "nodes/registry.h"
#include "tests/node_rig.h"

using namespace tests;

namespace {
const core::Registry& registry() {
  static const core::Registry r = nodes::makeRegistry();
  return r;
}
constexpr double kRate = 16000;
constexpr int kNever = 1 << 30;

/// One voice at 16 kHz (a tick is 4 ms); knobs at their defaults, tables set to plain shapes.
class Voice {
 public:
  explicit Voice(double seconds)
      : rig(*registry().find("neural.expression"), 1, kRate, static_cast<int>(seconds * kRate / kTick), 1, 3) {
    constant("pitch", 0);
    constant("velocity", 0.8);
    constant("pressure", 0);
    constant("expression", 1);
    constant("depth", 0);
    gate({});
    fill("attack-contour", [](int i) { return i < 10 ? -30 + 3 * i : 0; });  // 40 ms
    fill("release-contour", [](int i) { return -2.0 * i; });                 // 500 dB a second
    fill("level-correction", [](int) { return 0.0; });
    fill("loudness-quantiles", [](int i) {
      return -50.0 + 10 * (i % kTableQuantiles) + 0.1 * std::floor(i / static_cast<double>(kTableQuantiles));
    });
  }
  template <class F>
  void fill(const char* tensor, F f) {
    const auto t = at(rig.type.tensorIndex(tensor));
    for (std::size_t i = 0; i < rig.tensorValues[t].data.size(); ++i)
      rig.tensorValues[t].data[i] = static_cast<Sample>(f(static_cast<int>(i)));
    rig.packTensors();
  }
  void constant(const char* input, double value) {
    move(input, [value](double) { return value; });
  }
  /// f(seconds) at each tick's end.
  template <class F>
  void move(const char* input, F f) {
    for (int t = 0; t < rig.ticks; ++t)
      *rig.inputs[at(rig.type.inputIndex(input))].at(0, t) = static_cast<Sample>(f((t + 1) * kTick / kRate));
  }
  /// Open in these frames [from, to); closed for one frame at `struck`.
  void gate(std::vector<std::pair<int, int>> stretches, int struck = -1) {
    Sample* g = rig.inputs[at(rig.type.inputIndex("gate"))].at(0, 0);
    for (int i = 0; i < rig.ticks * kTick; ++i) {
      bool open = false;
      for (const auto& [from, to] : stretches) open = open || (i >= from && i < to);
      g[i] = open && i != struck ? 1.0_s : 0.0_s;
    }
  }
  void play() {
    rig.prepare();
    rig.reset();
    rig.forward({7});
  }
  double out(const char* output, double seconds) {
    const int tick = static_cast<int>(std::lround(seconds * kRate / kTick)) - 1;
    return static_cast<double>(*rig.outputs[at(rig.type.outputIndex(output))].at(0, tick));
  }
  NodeRig rig;
};
/// Of C4, 36 semitones above the tables' first.
double loudnessAt(double rank) { return -50 + 40 * rank + 3.6; }
void close(double a, double b, double within = 1e-3) {
  QVERIFY2(std::fabs(a - b) <= within, qPrintable(QString("%1 against %2").arg(a).arg(b)));
}
}  // namespace

class TestExpression : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void touchChoosesARank() {
    for (const double velocity : {0.0, 0.1, 0.5, 0.8, 1.0}) {
      Voice v(0.4);
      v.constant("velocity", velocity);
      v.gate({{0, kNever}});
      v.play();
      close(v.out("loudness", 0.3), loudnessAt(velocity));
      close(v.out("open", 0.3), 1);
    }
    Voice untouched(0.4);  // without touch every note is played alike
    untouched.constant("velocity", 0.2);
    untouched.constant("touch", 0);
    untouched.gate({{0, kNever}});
    untouched.play();
    close(untouched.out("loudness", 0.3), loudnessAt(0.8));
  }

  void loudnessIsThatOfThePitch() {
    Voice v(1);
    v.move("pitch", [](double s) { return s; });  // an octave up, no jump: all of it held
    v.gate({{0, kNever}});
    v.play();
    // the sustain follows within 12 ms, over which the table rises by 0.0144 dB
    close(v.out("loudness", 0.4), loudnessAt(0.8) + 1.2 * 0.4, 0.02);
    close(v.out("loudness", 0.9), loudnessAt(0.8) + 1.2 * 0.9, 0.02);
    close(v.out("pitch", 0.9), 0.9);
    Voice far(0.4);  // outside the tables: the pitch stays, the loudness is that of their edge
    far.constant("pitch", 6);
    far.gate({{0, kNever}});
    far.play();
    close(far.out("pitch", 0.3), 6);
    close(far.out("loudness", 0.3), -50 + 40 * 0.8 + 8.4);
  }

  void noteBeginsByTheContour() {
    Voice v(0.5);
    v.gate({{1600, kNever}});  // at 100 ms
    v.play();
    close(v.out("loudness", 0.1), -100);
    close(v.out("open", 0.1), 0);
    for (int tick = 1; tick < 10; ++tick) close(v.out("loudness", 0.1 + 0.004 * tick), loudnessAt(0.8) - 30 + 3 * tick);
    close(v.out("loudness", 0.2), loudnessAt(0.8));
    Voice slow(0.5);  // twice as long
    slow.constant("attack", 2);
    slow.gate({{1600, kNever}});
    slow.play();
    close(slow.out("loudness", 0.14), loudnessAt(0.8) - 15);
    Voice late(0.5);  // struck in the middle of a tick: half of one has passed at its end
    late.gate({{1632, kNever}});
    late.play();
    close(late.out("loudness", 0.104), loudnessAt(0.8) - 28.5);
  }

  void noteEndsByTheContour() {
    Voice v(1);
    v.gate({{0, 6400}});  // until 400 ms
    v.play();
    close(v.out("loudness", 0.4), loudnessAt(0.8));
    const double frame = 500 / kRate;  // dB: a gate is closed when it is so for two frames
    close(v.out("loudness", 0.42), loudnessAt(0.8) - 10 + frame);
    close(v.out("loudness", 0.5), loudnessAt(0.8) - 50 + frame);
    for (double s = 0.9; s < 1; s += 0.01) {  // half a second later: silence
      close(v.out("loudness", s), -100);
      close(v.out("open", s), 0);
    }
    Voice shallow(1.2);  // a contour that stops early: the rest falls by 600 dB a second
    shallow.fill("release-contour", [](int i) { return i ? -10 : 0; });
    shallow.gate({{0, 6400}});
    shallow.play();
    close(shallow.out("loudness", 0.6), loudnessAt(0.8) - 10);
    close(shallow.out("loudness", 0.752), loudnessAt(0.8) - 10 - 600 * 0.052, 0.05);
    close(shallow.out("loudness", 0.9), -100);
  }

  void slurGlidesAndDoesNotBeginAnew() {
    Voice v(1);
    v.constant("glide", 0.1);
    v.move("pitch", [](double s) { return s > 0.5 ? 1.0 : 0.0; });
    v.gate({{0, kNever}}, 8000);  // the note input closes a struck voice for one frame
    v.play();
    for (double s = 0.1; s < 1; s += 0.02)  // 1.2 dB an octave in the table, no attack
      QVERIFY2(v.out("loudness", s) > loudnessAt(0.8) - 0.01, qPrintable(QString::number(s)));
    close(v.out("pitch", 0.5), 0);
    for (double s = 0.504; s < 0.9; s += 0.02) close(v.out("pitch", s), 1 - std::exp(-3 * (s - 0.5) / 0.1), 1e-3);
    Voice detached(1);  // let go for 10 ms: the new note speaks at its own pitch
    detached.constant("glide", 0.1);
    detached.move("pitch", [](double s) { return s > 0.5 ? 1.0 : 0.0; });
    detached.gate({{0, 7840}, {8000, kNever}});
    detached.play();
    close(detached.out("pitch", 0.504), 1);
    QVERIFY(detached.out("loudness", 0.516) < loudnessAt(0.8) - 5);
    Voice off(1);  // several voices: a stolen one begins anew
    off.rig.settings[at(off.rig.type.settingIndex("legato"))].number = 0;
    off.move("pitch", [](double s) { return s > 0.5 ? 1.0 : 0.0; });
    off.gate({{0, kNever}}, 8000);
    off.play();
    close(off.out("pitch", 0.504), 1);
    QVERIFY(off.out("loudness", 0.516) < loudnessAt(0.8) - 5);
  }

  void bendDoesNotGlide() {
    Voice v(1);
    v.constant("glide", 0.5);
    v.move("pitch", [](double s) { return (s > 0.3 ? 1.0 : 0.0) + (s > 0.7 ? 0.04 : 0.0); });
    v.gate({{0, kNever}}, 4800);
    v.play();
    const double before = v.out("pitch", 0.7), after = v.out("pitch", 0.704);
    const double left = std::exp(-3 * 0.4 / 0.5) - std::exp(-3 * 0.404 / 0.5);  // what the slur still moves
    close(after - before, 0.04 + left, 1e-4);
  }

  void vibratoComesLate() {
    Voice v(3);
    v.constant("rate", 5);
    v.constant("depth", 60);
    v.constant("delay", 0.5);
    v.constant("onset", 0.5);
    v.gate({{1600, kNever}});
    v.play();
    const auto swing = [&v](double from, double to) {
      double most = 0;
      for (double s = from; s < to; s += 0.004) most = std::max(most, std::fabs(v.out("pitch", s)));
      return 1200 * most;
    };
    close(swing(0.004, 0.6), 0, 1e-3);
    QVERIFY(swing(0.6, 0.7) > 0.1 && swing(0.6, 0.7) < 15);
    close(swing(1.2, 2), 60, 1);
    int crossings = 0;
    for (double s = 1.2; s < 2.2; s += 0.004) crossings += (v.out("pitch", s) > 0) != (v.out("pitch", s + 0.004) > 0);
    QVERIFY2(crossings == 10, qPrintable(QString::number(crossings)));  // five swings in a second
  }

  void breathAndPressureStayInsideTheRange() {
    const auto held = [](double pressure, double expression) {
      Voice v(0.5);
      v.constant("pressure", pressure);
      v.constant("expression", expression);
      v.constant("velocity", 0.5);
      v.gate({{0, kNever}});
      v.play();
      return v.out("loudness", 0.45);
    };
    close(held(0, 1), loudnessAt(0.5));
    close(held(0.5, 1), loudnessAt(0.5) + 4.5);
    close(held(0, 0.5), loudnessAt(0.5) - 15);
    close(held(1, 0.9), loudnessAt(0.5) + 6);
    close(held(3, 1), loudnessAt(1));  // never louder than the loudest that was heard
    close(held(0, 0), loudnessAt(0));  // never softer than the softest
  }

  void correctionShiftsTheWholeRange() {
    Voice v(0.5);
    v.fill("level-correction", [](int i) { return i == 36 ? 4 : 0; });
    v.constant("velocity", 1);
    v.gate({{0, kNever}});
    v.play();
    close(v.out("loudness", 0.4), loudnessAt(1) + 4);
  }

  void newNoteUnderAnOldOneDoesNotJump() {
    Voice v(1);
    v.gate({{0, 6400}, {6560, kNever}});  // let go for 10 ms, 5 dB down
    v.play();
    for (double s = 0.4; s < 0.5; s += 0.004) {
      const double step = v.out("loudness", s + 0.004) - v.out("loudness", s);
      QVERIFY2(step > -4 && step < 4, qPrintable(QString("%1 dB at %2 s").arg(step).arg(s)));
    }
    close(v.out("loudness", 0.6), loudnessAt(0.8));
  }
};

QTEST_APPLESS_MAIN(TestExpression)
#include "tst_expression.moc"
