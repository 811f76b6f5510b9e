// SPDX-License-Identifier: GPL-3.0-or-later
// Conditioner: what a player turns between the features of a sound and the controller that plays
// them: octave and transposition, tuning towards a scale, loudness brought into the range that the
// controller knows, a gate for what has no pitch or is quiet. At its defaults it changes no bit.
// After the post-processing of J. Engel et al., "DDSP", 2020 (timbre transfer), made causal.
#pragma once

#include "core/dsp/math.h"
#include "core/graph/node.h"

namespace nodes {

using namespace core;

struct Conditioner {
  static constexpr NodeInfo info{.id = "neural.conditioner",
                                 .name = "Conditioner",
                                 .help = "Fits pitch and loudness of what comes in to what a controller knows.",
                                 .category = Category::neural,
                                 .backwardTicks = 64};
  enum InputRow {
    pitch,
    loudness,
    confidence,
    octave,
    transpose,
    offset,
    range,
    quiet,
    autotune,
    tuning,
    gate,
    sure,
    floor
  };
  static constexpr std::array inputs{
      Input{.id = "pitch", .name = "Pitch", .help = "Octaves from C4.", .rate = Rate::control},
      Input{.id = "loudness", .name = "Loudness", .help = "Decibels.", .def = -60, .rate = Rate::control},
      Input{.id = "confidence",
            .name = "Confidence",
            .help = "How sure the pitch is, 0 to 1; the gate listens to it.",
            .def = 1,
            .rate = Rate::control},
      Input{.id = "octave",
            .name = "Octave",
            .help = "Shifts the pitch.",
            .unit = Unit::octaves,
            .min = -4,
            .max = 4,
            .def = 0,
            .rate = Rate::control},
      Input{.id = "transpose",
            .name = "Transpose",
            .help = "Shifts the pitch.",
            .unit = Unit::semitones,
            .min = -24,
            .max = 24,
            .def = 0,
            .rate = Rate::control},
      Input{.id = "offset",
            .name = "Loudness",
            .help = "Added to the loudness.",
            .unit = Unit::decibels,
            .min = -60,
            .max = 60,
            .def = 0,
            .rate = Rate::control},
      Input{.id = "range",
            .name = "Range",
            .help = "Widens (above 100 %) or narrows the loudness above the quiet level.",
            .unit = Unit::ratio,
            .min = 0.1,
            .max = 4,
            .def = 1,
            .rate = Rate::control},
      Input{.id = "quiet",
            .name = "Quiet level",
            .help = "Loudness from which the range acts; what is quieter only shifts.",
            .unit = Unit::decibels,
            .min = -100,
            .max = 0,
            .def = -60,
            .rate = Rate::control},
      Input{.id = "autotune",
            .name = "Autotune",
            .help = "How far the pitch is drawn to the nearest note of the scale.",
            .unit = Unit::ratio,
            .min = 0,
            .max = 1,
            .def = 0,
            .rate = Rate::control},
      Input{.id = "tuning",
            .name = "Tuning",
            .help = "Where the notes of the scale lie, beside A4 = 440 Hz.",
            .unit = Unit::cents,
            .min = -50,
            .max = 50,
            .def = 0,
            .rate = Rate::control},
      Input{.id = "gate",
            .name = "Gate",
            .help = "How far it closes where the sound is quiet or has no pitch.",
            .unit = Unit::ratio,
            .min = 0,
            .max = 1,
            .def = 0,
            .rate = Rate::control},
      Input{.id = "sure",
            .name = "Gate: confidence",
            .help = "Confidence under which the gate closes.",
            .unit = Unit::ratio,
            .min = 0,
            .max = 1,
            .def = 0.5,
            .rate = Rate::control},
      Input{.id = "floor",
            .name = "Gate: level",
            .help = "Loudness under which the gate closes.",
            .unit = Unit::decibels,
            .min = -100,
            .max = 0,
            .def = -60,
            .rate = Rate::control}};
  enum OutputRow { pitchOut, loudnessOut, open };
  static constexpr std::array outputs{
      Output{.id = "pitch", .name = "Pitch", .help = "Octaves from C4, shifted and tuned.", .rate = Rate::control},
      Output{.id = "loudness",
             .name = "Loudness",
             .help = "Decibels, brought into range; 40 dB less while it is too quiet for the gate.",
             .rate = Rate::control},
      Output{.id = "open",
             .name = "Open",
             .help = "1 while the gate is open, for the level of an amplifier.",
             .rate = Rate::control}};
  enum SettingRow { scale, tonic, glide, release };
  static constexpr std::array settings{Setting{.id = "scale",
                                               .name = "Scale",
                                               .help = "The notes that autotune draws to.",
                                               .kind = SettingKind::choice,
                                               .choices = "chromatic|major|minor|pentatonic|whole-tone"},
                                       Setting{.id = "tonic",
                                               .name = "Tonic",
                                               .help = "First note of the scale.",
                                               .kind = SettingKind::choice,
                                               .choices = "C|C#|D|D#|E|F|F#|G|G#|A|A#|B"},
                                       Setting{.id = "glide",
                                               .name = "Glide",
                                               .help = "Time in which autotune goes to another note.",
                                               .unit = Unit::seconds,
                                               .min = 0.001,
                                               .max = 0.5,
                                               .def = 0.02},
                                       Setting{.id = "release",
                                               .name = "Gate: release",
                                               .help = "Time in which the gate closes.",
                                               .unit = Unit::seconds,
                                               .min = 0.001,
                                               .max = 0.5,
                                               .def = 0.02}};
  /// Notes of each scale above its tonic, bit by bit from the tonic up.
  static constexpr std::array<unsigned, 5> kScales{0xfff, 0xab5, 0x5ad, 0x295, 0x555};
  static constexpr Sample kKnee = 3;                                 ///< dB over which the range begins to act
  static constexpr Sample kClosed = 40;                              ///< dB the loudness loses while the gate is closed
  static constexpr Sample kSureWidth = 0.04_s, kFloorWidth = 1.5_s;  ///< softness of the gate's two decisions
  static constexpr double kAttack = 0.004;  ///< s in which the gate opens: what it waits for is late already

  template <int L>
  struct State {
    Vec<L> correction{}, open{}, heard{};
  };
  struct Prepared {
    std::array<bool, 12> note{};                ///< by semitone above C
    Sample glide = 1, attack = 1, release = 1;  ///< part of the way that one tick goes
  };
  static Result<Prepared> prepare(const Setup& s) {
    Prepared p;
    const unsigned notes = kScales[static_cast<std::size_t>(s.whole(scale))];
    for (int k = 0; k < 12; ++k) p.note[static_cast<std::size_t>((k + s.whole(tonic)) % 12)] = notes >> k & 1U;
    const auto part = [&s](double seconds) { return static_cast<Sample>(1 - std::exp(-kTick / (seconds * s.rate))); };
    p.glide = part(s.number(glide));
    p.attack = part(kAttack);
    p.release = part(s.number(release));
    return p;
  }

  /// Semitones from the nearest note of the scale.
  static Sample deviation(const Prepared& p, Sample semitones) {
    const Sample at = std::clamp(semitones, -600.0_s, 600.0_s), below = std::floor(at);
    Sample best = 600;
    for (int k = -3; k <= 4; ++k) {  // no scale leaves more than three semitones out
      const int note = static_cast<int>(below) + k;
      const Sample away = at - static_cast<Sample>(note);
      if (p.note[static_cast<std::size_t>(((note % 12) + 12) % 12)] && std::fabs(away) < std::fabs(best)) best = away;
    }
    return best;
  }
  template <int L>
  static Vec<L> deviations(const Prepared& p, Vec<L> semitones) {
    if constexpr (L == 1) {
      return deviation(p, semitones);
    } else {
      for (int l = 0; l < L; ++l) semitones[l] = deviation(p, semitones[l]);
      return semitones;
    }
  }
  template <int L>
  static Vec<L> sigmoid(Vec<L> x) {
    return 1.0_s / (1.0_s + exp2<L>(x * -std::numbers::log2e_v<Sample>));
  }
  /// ln(1 + e^x).
  template <int L>
  static Vec<L> softplus(Vec<L> x) {
    const Vec<L> zero = splat<L>(0), size = x < 0.0_s ? -x : x;
    return maximum(x, zero) +
           std::numbers::ln2_v<Sample> * log2<L>(1.0_s + exp2<L>(size * -std::numbers::log2e_v<Sample>));
  }

  /// All of one tick that its outputs and their derivatives are made of.
  template <int L>
  struct Tick {
    Vec<L> pitch, away, loudness, above, aboveSlope, sure, loud, openPart, correction, open;
    Vec<L> heardPart, heard;  ///< how far the loudness is let through
  };
  template <int L>
  static Tick<L> step(const State<L>& s, const Block<L>& b, int t) {
    const auto& p = b.template prepared<Prepared>();
    const auto in = [&](int row) { return b.control(row)(t); };
    Tick<L> y;
    y.pitch = in(pitch) + in(octave) + in(transpose) * (1.0_s / 12);
    y.away = deviations<L>(p, 12.0_s * y.pitch - 0.01_s * in(tuning));
    y.correction = s.correction + p.glide * (in(autotune)*y.away * (-1.0_s / 12) - s.correction);
    y.loudness = in(loudness);
    const Vec<L> over = (y.loudness - in(quiet)) * (1.0_s / kKnee);
    y.above = kKnee * softplus<L>(over);
    y.aboveSlope = sigmoid<L>(over);
    y.sure = sigmoid<L>((in(confidence)-in(sure)) * (1.0_s / kSureWidth));
    y.loud = sigmoid<L>((y.loudness - in(floor)) * (1.0_s / kFloorWidth));
    const Vec<L> wanted = y.sure * y.loud;
    y.openPart = wanted > s.open ? splat<L>(p.attack) : splat<L>(p.release);
    y.open = s.open + y.openPart * (wanted - s.open);
    // the network is told at once of what sounds, and is under way when the pitch is known and the level opens
    y.heardPart = y.loud > s.heard ? splat<L>(1) : splat<L>(p.release);
    y.heard = s.heard + y.heardPart * (y.loud - s.heard);
    return y;
  }

  template <int L>
  static void forward(State<L>& s, const Block<L>& b) {
    for (int t = 0; t < b.ticks(); ++t) {
      const Tick<L> y = step(s, b, t);
      const Vec<L> closed = b.control(gate)(t) * (1.0_s - y.heard);
      b.controlOut(pitchOut).set(t, 0, y.pitch + y.correction);
      b.controlOut(loudnessOut)
          .set(t, 0, y.loudness + b.control(offset)(t) + (b.control(range)(t) - 1.0_s) * y.above - kClosed * closed);
      b.controlOut(open).set(t, 0, 1.0_s - b.control(gate)(t) * (1.0_s - y.open));
      s.correction = y.correction;
      s.open = y.open;
      s.heard = y.heard;
    }
  }

  template <int L>
  static void backward(const State<L>& start, State<L>& d, const Block<L>& b, const Grad<L>& grad) {
    const auto& p = b.template prepared<Prepared>();
    std::array<Tick<L>, info.backwardTicks> ticks;
    State<L> s = start;
    for (int t = 0; t < b.ticks(); ++t) {
      const Tick<L> y = step(s, b, t);
      s = {y.correction, y.open, y.heard};
      ticks[static_cast<std::size_t>(t)] = y;
    }
    for (int t = b.ticks(); t-- > 0;) sweepTick(p, ticks[static_cast<std::size_t>(t)], d, b, grad, t);
  }
  template <int L>
  static void sweepTick(const Prepared& p, const Tick<L>& y, State<L>& d, const Block<L>& b, const Grad<L>& grad,
                        int t) {
    const auto add = [&](int row, Vec<L> v) {
      if (const auto to = grad.controlIn(row)) to.add(t, 0, v);
    };
    const auto in = [&](int row) { return b.control(row)(t); };
    const Vec<L> dLoudness = grad.controlOut(loudnessOut)(t);
    // the gate
    const Vec<L> dQuiet = -kClosed * dLoudness, dShut = -grad.controlOut(open)(t);
    add(gate, dQuiet * (1.0_s - y.heard) + dShut * (1.0_s - y.open));
    const Vec<L> dOpen = d.open - dShut * in(gate), dWanted = dOpen * y.openPart;
    d.open = dOpen - dWanted;
    const Vec<L> dAllHeard = d.heard - dQuiet * in(gate), dHeard = dAllHeard * y.heardPart;
    d.heard = dAllHeard - dHeard;
    const Vec<L> dSure = dWanted * y.loud * y.sure * (1.0_s - y.sure) * (1.0_s / kSureWidth);
    const Vec<L> dLoud = (dWanted * y.sure + dHeard) * y.loud * (1.0_s - y.loud) * (1.0_s / kFloorWidth);
    add(confidence, dSure);
    add(sure, -dSure);
    add(floor, -dLoud);
    // the loudness
    const Vec<L> dAbove = dLoudness * (in(range)-1.0_s) * y.aboveSlope;
    add(loudness, dLoudness + dAbove + dLoud);
    add(offset, dLoudness);
    add(range, dLoudness * y.above);
    add(quiet, -dAbove);
    // the pitch; the note that it is drawn to stays where it is
    const Vec<L> dCorrection = d.correction + grad.controlOut(pitchOut)(t), dTarget = dCorrection * p.glide;
    d.correction = dCorrection - dTarget;
    add(autotune, dTarget * y.away * (-1.0_s / 12));
    const Vec<L> dAway = dTarget * in(autotune) * (-1.0_s / 12);
    add(tuning, -0.01_s * dAway);
    const Vec<L> dPitch = grad.controlOut(pitchOut)(t) + 12.0_s * dAway;
    add(pitch, dPitch);
    add(octave, dPitch);
    add(transpose, dPitch * (1.0_s / 12));
  }
};

}  // namespace nodes
