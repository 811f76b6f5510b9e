// SPDX-License-Identifier: GPL-3.0-or-later
// Expression: turns notes into what a neural controller follows, pitch and loudness, as the player of
// the recordings would. Touch chooses among the loudnesses heard at that pitch, notes begin and end
// by the contours of the recordings, a slurred note glides and does not begin anew, vibrato comes late.
// The wish list is that of J. Engel et al., "DDSP", 2020, played from MIDI; tables: core/neural/playing_tables.h.
//
// It works once a tick. Each lane is a voice of its own, so a tick is scalar code, its adjoint beside it.
#pragma once

#include <cmath>

#include "core/dsp/math.h"
#include "nodes/neural/expression_rows.h"

namespace nodes {

using namespace core;

struct Expression : ExpressionRows {
  static constexpr Sample kSmooth = 0.012_s;    ///< s in which the sustained loudness follows hand and breath
  static constexpr Sample kDying = 500;         ///< dB a second at which an old note dies under a new attack
  static constexpr Sample kFall = 600;          ///< dB a second once the release contour has ended
  static constexpr Sample kJump = 0.75_s / 12;  ///< octaves in one tick that no bend makes: another note
  static constexpr Sample kOpening = 12;        ///< dB above the floor
  static constexpr Sample kLowest = -400;       ///< dB, far below any floor
  static constexpr Sample kOldest = 100000;     ///< frames of a contour after which nothing happens
  static constexpr Sample kMiddleTouch = 0.8_s;

  /// A voice between two ticks. place: in the contour, in its frames; from: loudness when the key was let
  /// go; dying: that of the note before under an attack; loud: the last output.
  enum Field { wasOpen, held, lastPitch, offset, sustained, place, from, dying, loud, age, phase, fields };
  template <int L>
  struct State {
    std::array<Vec<L>, fields> x{};
  };
  template <int L>
  static void reset(State<L>& s, const Setup&) {
    for (const Field f : {from, dying, loud}) s.x[f] = splat<L>(kLowest);
    s.x[place] = splat<L>(kOldest);
  }
  using Voice = std::array<Sample, fields>;
  using Values = std::array<Sample, inputCount>;

  /// What the gate does in a tick; since: part of the tick after it.
  struct Edges {
    bool attack = false, slur = false, release = false;
    Sample since = 1;
  };
  /// A gate that closes for a single frame is a voice struck again.
  static Edges takeGate(Voice& v, const Sample* frames, std::ptrdiff_t step, bool slurs) {
    Edges e;
    for (int i = 0; i < kTick; ++i) {
      const bool now = frames[i * step] > 0.5_s, before = v[wasOpen] > 0;
      const Sample left = static_cast<Sample>(kTick - i) * (1.0_s / kTick);
      if (now && !before && v[held] > 0 && slurs) {
        e.slur = true;
      } else if (now && !before) {
        e = {true, false, false, left};
        v[held] = 1;
      } else if (!now && !before && v[held] > 0) {
        e = {false, false, true, left};
        v[held] = 0;
      }
      v[wasOpen] = now ? 1.0_s : 0.0_s;
    }
    return e;
  }

  /// All of one tick that outputs and derivatives are made of.
  struct Tick {
    Values in;
    Edges edges;
    bool held, slur;
    Sample before, offset, decay, centre, grown, swing, sine, cosine;  ///< before: the offset before it decays
    TablePlace at{0, kTablePitches};
    Sample low, high, wanted, sustained, stretch, place, contour, dying, from, level, out, opened, age, phase;
  };
  static Sample part(Sample seconds, Sample time) { return exp2<1>(seconds * -std::numbers::log2e_v<Sample> / time); }

  static Sample rankOf(const Values& in) {
    return std::clamp(kMiddleTouch + in[touch] * (in[velocity] - kMiddleTouch), 0.0_s, 1.0_s);
  }
  static Sample contourAt(const Sample* row, Sample place, bool releasing) {
    const Sample beyond = place - static_cast<Sample>(kContourFrames - 1);
    const Sample y = TablePlace(place, kContourFrames).read(row);
    return releasing && beyond > 0 ? y - beyond * (kFall / static_cast<Sample>(kContourRate)) : y;
  }

  /// One tick of one voice. v[wasOpen] and v[held] are those after the tick's edges.
  static Tick step(Voice& v, const Values& in, const Edges& e, std::array<const Sample*, 4> tables, Sample dt) {
    Tick t;
    t.in = in;
    t.edges = e;
    t.held = v[held] > 0;
    stepPitch(t, v, dt);
    // the sustained loudness, inside what was heard at this pitch
    t.at = TablePlace::pitch(t.centre);
    const Sample shift = t.at.read(tables[correction]);
    t.low = TableLoudness(tables[quantiles], t.at, 0).value + shift;
    t.high = TableLoudness(tables[quantiles], t.at, 1).value + shift;
    t.wanted = TableLoudness(tables[quantiles], t.at, rankOf(in)).value + shift + in[pressure] * in[swell] -
               (1.0_s - in[expression]) * in[fade];
    const Sample inside = t.wanted < t.low ? t.low : (t.wanted > t.high ? t.high : t.wanted);
    t.sustained = e.attack ? inside : v[sustained] + (1.0_s - part(dt, kSmooth)) * (inside - v[sustained]);
    // how the note begins and ends
    t.stretch = t.held ? in[attack] : in[release];
    const Sample frames = dt * static_cast<Sample>(kContourRate) / t.stretch;
    t.place = e.attack || e.release ? e.since * frames : std::min(v[place] + frames, kOldest);
    t.contour = contourAt(tables[t.held ? attackContour : releaseContour], t.place, !t.held);
    t.dying = std::max(e.attack ? v[loud] - e.since * dt * kDying : v[dying] - dt * kDying, kLowest);
    t.from = e.release ? v[loud] : v[from];
    t.level = t.held ? std::max(t.sustained + t.contour, t.dying) : t.from + t.contour;
    t.out = std::min(std::max(t.level, in[floor]), t.high);
    t.opened = std::clamp((t.out - in[floor]) * (1.0_s / kOpening), 0.0_s, 1.0_s);
    v = {v[wasOpen], v[held], in[pitch], t.offset, t.sustained, t.place, t.from, t.dying, t.out, t.age, t.phase};
    return t;
  }
  static void stepPitch(Tick& t, const Voice& v, Sample dt) {
    const Values& in = t.in;
    const Sample moved = v[lastPitch] - in[pitch];
    t.slur = t.held && !t.edges.attack && (t.edges.slur || std::fabs(moved) > kJump);
    t.before = t.edges.attack ? 0.0_s : (t.slur ? v[offset] + moved : v[offset]);
    t.decay = part(3.0_s * dt, in[glide]);  // within 5 % after the time of the knob
    t.offset = t.before * t.decay;
    t.centre = in[pitch] + t.offset;
    const Sample passed = t.edges.attack ? t.edges.since * dt : dt;
    t.age = std::min((t.edges.attack ? 0.0_s : v[age]) + passed, 1e4_s);
    t.phase = (t.edges.attack ? 0.0_s : v[phase]) + passed * in[rate];
    t.phase -= std::floor(t.phase);
    t.grown = std::clamp((t.age - in[delay]) / in[onset], 0.0_s, 1.0_s);
    t.swing = t.grown * t.grown * (3.0_s - 2.0_s * t.grown);
    t.sine = sinCycles<1>(t.phase);
    t.cosine = cosCycles<1>(t.phase);
  }
  static constexpr Sample kPerCent = 1.0_s / 1200;

  template <int L>
  static Tick stepLane(State<L>& s, const Block<L>& b, int tick, int l) {
    Voice v;
    for (std::size_t f = 0; f < fields; ++f) v[f] = lane<L>(s.x[f], l);
    Values in{};
    for (int i = pitch; i < inputCount; ++i) in[static_cast<std::size_t>(i)] = lane<L>(b.control(i)(tick), l);
    const auto open = b.audio(gate);
    const Edges e = takeGate(v, open.data + tick * kTick * open.step + l, open.step, b.setup().whole(legato) != 0);
    const Tick t = step(v, in, e, {b.tensor(0), b.tensor(1), b.tensor(2), b.tensor(3)}, kTick / b.rate());
    for (std::size_t f = 0; f < fields; ++f) setLane<L>(s.x[f], l, v[f]);
    return t;
  }
  template <int L>
  static void forward(State<L>& s, const Block<L>& b) {
    for (int tick = 0; tick < b.ticks(); ++tick) {
      std::array<Vec<L>, 3> y{};
      for (int l = 0; l < L; ++l) {
        const Tick t = stepLane<L>(s, b, tick, l);
        setLane<L>(y[pitchOut], l, t.centre + t.in[depth] * kPerCent * t.swing * t.sine);
        setLane<L>(y[loudnessOut], l, t.out);
        setLane<L>(y[open], l, t.opened);
      }
      for (int o = 0; o < 3; ++o) b.controlOut(o).set(tick, 0, y[static_cast<std::size_t>(o)]);
    }
  }

  template <int L>
  static void backward(const State<L>& start, State<L>& d, const Block<L>& b, const Grad<L>& grad) {
    std::array<std::array<Tick, L>, info.backwardTicks> ticks;
    State<L> s = start;
    for (int t = 0; t < b.ticks(); ++t)
      for (int l = 0; l < L; ++l)
        ticks[static_cast<std::size_t>(t)][static_cast<std::size_t>(l)] = stepLane<L>(s, b, t, l);
    for (int t = b.ticks(); t-- > 0;)
      for (int l = 0; l < L; ++l) {
        Voice v;
        for (std::size_t f = 0; f < fields; ++f) v[f] = lane<L>(d.x[f], l);
        const auto out = [&](int o) { return lane<L>(grad.controlOut(o)(t), l); };
        const Values to = sweep(ticks[static_cast<std::size_t>(t)][static_cast<std::size_t>(l)], v,
                                {out(pitchOut), out(loudnessOut), out(open)}, b, grad);
        for (std::size_t f = 0; f < fields; ++f) setLane<L>(d.x[f], l, v[f]);
        for (int i = pitch; i < inputCount; ++i)
          if (const auto into = grad.controlIn(i)) {
            Vec<L> add{};
            setLane<L>(add, l, to[static_cast<std::size_t>(i)]);
            into.add(t, 0, add);
          }
      }
  }
  /// Adjoint of a tick: d, the cotangent of the voice after it, becomes that before it. Returns those of
  /// the inputs.
  template <int L>
  static Values sweep(const Tick& t, Voice& d, std::array<Sample, 3> out, const Block<L>& b, const Grad<L>& grad) {
    const Sample dt = kTick / b.rate();
    Values to{};
    Sample dHigh = 0, dOut = out[loudnessOut] + d[loud];
    if (t.opened > 0 && t.opened < 1) {
      dOut += out[open] * (1.0_s / kOpening);
      to[floor] -= out[open] * (1.0_s / kOpening);
    }
    Sample dLevel = dOut;
    if (std::max(t.level, t.in[floor]) > t.high) {
      dHigh += dOut;
      dLevel = 0;
    } else if (t.level < t.in[floor]) {
      to[floor] += dOut;
      dLevel = 0;
    }
    d[loud] = 0;
    const Sample dSustained = d[sustained] + sweepContour(t, d, dLevel, to, grad, b);
    const Sample dInside = t.edges.attack ? dSustained : (1.0_s - part(dt, kSmooth)) * dSustained;
    d[sustained] = dSustained - (t.edges.attack ? dSustained : dInside);
    const Sample dCentre = out[pitchOut] + sweepTables(t, dInside, dHigh, to, b, grad);
    sweepPitch(t, d, dCentre, out[pitchOut], to, dt);
    return to;
  }
  /// Returns what reaches the sustained loudness.
  template <int L>
  static Sample sweepContour(const Tick& t, Voice& d, Sample dLevel, Values& to, const Grad<L>& grad,
                             const Block<L>& b) {
    const bool rises = t.held && t.sustained + t.contour >= t.dying;
    const Sample dContour = !t.held || rises ? dLevel : 0.0_s;
    const TablePlace at(t.place, kContourFrames);
    const int row = t.held ? attackContour : releaseContour;
    at.add(grad.tensor(row), dContour);
    const bool beyond = !t.held && t.place > static_cast<Sample>(kContourFrames - 1);
    const Sample slope =
        at.inside ? at.slope(b.tensor(row)) : (beyond ? -kFall / static_cast<Sample>(kContourRate) : 0.0_s);
    const Sample dPlace = d[place] + dContour * slope;
    const bool edge = t.edges.attack || t.edges.release;
    const Sample frames = kTick / b.rate() * static_cast<Sample>(kContourRate) / t.stretch;
    const bool aged = !edge && t.place >= kOldest;
    if (!aged) to[t.held ? attack : release] -= dPlace * (edge ? t.edges.since : 1.0_s) * frames / t.stretch;
    d[place] = edge || aged ? 0.0_s : dPlace;
    const Sample dDying = t.dying > kLowest ? d[dying] + (t.held && !rises ? dLevel : 0.0_s) : 0.0_s;
    d[dying] = t.edges.attack ? 0.0_s : dDying;
    const Sample dFrom = d[from] + (t.held ? 0.0_s : dLevel);
    d[from] = t.edges.release ? 0.0_s : dFrom;
    d[loud] += (t.edges.attack ? dDying : 0.0_s) + (t.edges.release ? dFrom : 0.0_s);
    return rises ? dLevel : 0.0_s;
  }
  /// Returns what reaches the pitch at which the tables are read.
  template <int L>
  static Sample sweepTables(const Tick& t, Sample dInside, Sample dHigh, Values& to, const Block<L>& b,
                            const Grad<L>& grad) {
    Sample dLow = 0, dWanted = 0;
    (t.wanted < t.low ? dLow : (t.wanted > t.high ? dHigh : dWanted)) += dInside;
    Sample dCentre = 0;
    const auto read = [&](Sample rank, Sample d) {
      const TableLoudness y(b.tensor(quantiles), t.at, rank);
      y.add(grad.tensor(quantiles), d);
      t.at.add(grad.tensor(correction), d);
      dCentre += d * (y.perOctave + (t.at.inside ? 12.0_s * t.at.slope(b.tensor(correction)) : 0.0_s));
      return d * y.perRank;
    };
    read(0, dLow);
    read(1, dHigh);
    const Sample dRank = read(rankOf(t.in), dWanted);
    to[velocity] += dRank * t.in[touch];
    to[touch] += dRank * (t.in[velocity] - kMiddleTouch);
    to[pressure] += dWanted * t.in[swell];
    to[swell] += dWanted * t.in[pressure];
    to[expression] += dWanted * t.in[fade];
    to[fade] -= dWanted * (1.0_s - t.in[expression]);
    return dCentre;
  }
  static void sweepPitch(const Tick& t, Voice& d, Sample dCentre, Sample dOut, Values& to, Sample dt) {
    const Values& in = t.in;
    to[depth] += dOut * kPerCent * t.swing * t.sine;
    const Sample dSwing = dOut * in[depth] * kPerCent * t.sine;
    const Sample dGrown = t.grown > 0 && t.grown < 1 ? dSwing * 6.0_s * t.grown * (1.0_s - t.grown) / in[onset] : 0.0_s;
    to[delay] -= dGrown;
    to[onset] -= dGrown * t.grown;
    const Sample dPhase =
        d[phase] + dOut * in[depth] * kPerCent * t.swing * 2.0_s * std::numbers::pi_v<Sample> * t.cosine;
    to[rate] += dPhase * (t.edges.attack ? t.edges.since * dt : dt);
    d[phase] = t.edges.attack ? 0.0_s : dPhase;
    const Sample dOffset = d[offset] + dCentre, dBefore = dOffset * t.decay;
    to[pitch] += d[lastPitch] + dCentre - (t.slur ? dBefore : 0.0_s);
    to[glide] += dOffset * t.offset * 3.0_s * dt / (in[glide] * in[glide]);
    d[offset] = t.edges.attack ? 0.0_s : dBefore;
    d[lastPitch] = t.slur ? dBefore : 0.0_s;
    d[age] = 0;
  }
};

}  // namespace nodes
