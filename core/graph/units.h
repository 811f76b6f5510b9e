// SPDX-License-Identifier: GPL-3.0-or-later
// Units and scalings of parameters: plain value (in its unit) <-> normalised value (0 to 1) <-> text.
// One table row decides the knob's law, its text, the optimiser's range and the tests' range.
#pragma once

#include <string>
#include <string_view>

#include "core/graph/result.h"

namespace core {

/// The unit a plain value is in. `none` is a bare number, `ratio` is shown as a percentage.
enum class Unit { none, hertz, seconds, decibels, ratio, semitones, cents, octaves, cycles, milliseconds };

/// How a knob's travel maps to the plain value.
/// linear: min + (max - min) u. log: min (max / min)^u, min > 0; cables add octaves on it.
enum class Scale { linear, log };

/// Short text of a unit, as a table or JSON shows it: "Hz", "s", "dB", "%", "st", "ct", "oct".
std::string_view unitSymbol(Unit unit);
std::string_view unitName(Unit unit);     ///< "hertz", ..., stable, for JSON
std::string_view scaleName(Scale scale);  ///< "linear" or "log", stable, for JSON

/// A closed range with the law between its ends.
struct Range {
  double min = 0;
  double max = 1;
  Scale scale = Scale::linear;

  double clamp(double plain) const;
  /// Plain -> normalised, clamped to [0, 1].
  double normalise(double plain) const;
  /// Normalised -> plain; u is clamped to [0, 1].
  double plain(double u) const;
  /// d plain / d normalised at u.
  double slope(double u) const;
};

/// "1.2 kHz", "-6.0 dB", "35 %", "40 ms": what a knob shows. Locale independent.
std::string formatValue(double plain, Unit unit);

/// Reads what a person types: a number with an optional unit or prefix ("1.2k", "1.2 kHz", "440",
/// "40 ms", "-6 dB", "50 %", "+7 ct", a note name "A4" where hertz are asked). A decimal comma is
/// read as a point. Error: a sentence that says what was expected.
Result<double> parseValue(std::string_view text, Unit unit);

/// MIDI note number of a name such as "C4" (60), "F#3", "Bb2", or of a plain number "60".
Result<double> parseNote(std::string_view text);
/// "C4" for 60.
std::string noteName(int midi);

/// Frequency of MIDI note 60 (C4) with A4 = 440 Hz: where a pitch signal of 0 octaves lies.
inline constexpr double kC4Hz = 261.6255653005986;
/// Equal-tempered frequency of a MIDI note number (A4 = 69 = 440 Hz).
double noteToHertz(double midi);
/// MIDI note number of a frequency > 0.
double hertzToNote(double hertz);

}  // namespace core
