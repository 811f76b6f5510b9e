// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/graph/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace core {
namespace {

struct UnitRow {
  Unit unit;
  std::string_view name, symbol;
};
constexpr std::array kUnits{UnitRow{Unit::none, "none", ""},        UnitRow{Unit::hertz, "hertz", "Hz"},
                            UnitRow{Unit::seconds, "seconds", "s"}, UnitRow{Unit::decibels, "decibels", "dB"},
                            UnitRow{Unit::ratio, "ratio", "%"},     UnitRow{Unit::semitones, "semitones", "st"},
                            UnitRow{Unit::cents, "cents", "ct"},    UnitRow{Unit::octaves, "octaves", "oct"},
                            UnitRow{Unit::cycles, "cycles", "cyc"}, UnitRow{Unit::milliseconds, "milliseconds", "ms"}};

const UnitRow& row(Unit unit) {
  return *std::find_if(kUnits.begin(), kUnits.end(), [unit](const UnitRow& r) { return r.unit == unit; });
}

/// A number with `digits` significant digits and no exponent, with a point whatever the locale.
std::string shortNumber(double x, int significant) {
  if (x == 0) return "0";
  const int magnitude = static_cast<int>(std::floor(std::log10(std::fabs(x) * (1 + 1e-12))));
  const int decimals = std::clamp(significant - 1 - magnitude, 0, 9);
  std::array<char, 64> buffer{};
  const auto r = std::to_chars(buffer.data(), buffer.data() + buffer.size(), x, std::chars_format::fixed, decimals);
  std::string text(buffer.data(), r.ptr);
  if (text.find('.') != std::string::npos) {
    while (text.back() == '0') text.pop_back();
    if (text.back() == '.') text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

std::string lower(std::string_view text) {
  std::string out;
  for (char c : text)
    if (c != ' ' && c != '\t') out += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return out;
}

struct Suffix {
  Unit unit;
  std::string_view text;
  double factor;
};
constexpr std::array kSuffixes{Suffix{Unit::hertz, "hz", 1},
                               Suffix{Unit::hertz, "khz", 1e3},
                               Suffix{Unit::hertz, "k", 1e3},
                               Suffix{Unit::seconds, "s", 1},
                               Suffix{Unit::seconds, "ms", 1e-3},
                               Suffix{Unit::seconds, "us", 1e-6},
                               Suffix{Unit::seconds, "min", 60},
                               Suffix{Unit::milliseconds, "ms", 1},
                               Suffix{Unit::milliseconds, "s", 1e3},
                               Suffix{Unit::decibels, "db", 1},
                               Suffix{Unit::ratio, "%", 1e-2},
                               Suffix{Unit::semitones, "st", 1},
                               Suffix{Unit::semitones, "ct", 1e-2},
                               Suffix{Unit::cents, "ct", 1},
                               Suffix{Unit::cents, "st", 100},
                               Suffix{Unit::cents, "cents", 1},
                               Suffix{Unit::octaves, "oct", 1},
                               Suffix{Unit::octaves, "st", 1.0 / 12},
                               Suffix{Unit::octaves, "ct", 1.0 / 1200},
                               Suffix{Unit::cycles, "cyc", 1},
                               Suffix{Unit::cycles, "deg", 1.0 / 360},
                               Suffix{Unit::none, "k", 1e3}};

}  // namespace

std::string_view unitSymbol(Unit unit) { return row(unit).symbol; }
std::string_view unitName(Unit unit) { return row(unit).name; }
std::string_view scaleName(Scale scale) { return scale == Scale::log ? "log" : "linear"; }

double Range::clamp(double plain) const { return std::clamp(plain, min, max); }
double Range::normalise(double plain) const {
  const double v = clamp(plain);
  if (max <= min) return 0;
  return scale == Scale::log ? std::log(v / min) / std::log(max / min) : (v - min) / (max - min);
}
double Range::plain(double u) const {
  u = std::clamp(u, 0.0, 1.0);
  if (u == 0) return min;
  if (u == 1) return max;
  return scale == Scale::log ? min * std::pow(max / min, u) : min + (max - min) * u;
}
double Range::slope(double u) const { return scale == Scale::log ? plain(u) * std::log(max / min) : max - min; }

std::string formatValue(double plain, Unit unit) {
  if (!std::isfinite(plain)) return "?";
  switch (unit) {
    case Unit::hertz:
      return std::fabs(plain) >= 999.5 ? shortNumber(plain / 1e3, 3) + " kHz" : shortNumber(plain, 3) + " Hz";
    case Unit::seconds:
      return std::fabs(plain) < 0.9995 ? shortNumber(plain * 1e3, 3) + " ms" : shortNumber(plain, 3) + " s";
    case Unit::ratio:
      return shortNumber(plain * 100, 3) + " %";
    case Unit::decibels: {
      std::array<char, 32> buffer{};
      const double rounded = std::round(plain * 10) / 10;
      const auto r = std::to_chars(buffer.data(), buffer.data() + buffer.size(), rounded == 0 ? 0.0 : rounded,
                                   std::chars_format::fixed, 1);
      return std::string(buffer.data(), r.ptr) + " dB";
    }
    case Unit::none:
      return shortNumber(plain, 3);
    default:
      return shortNumber(plain, 3) + " " + std::string(unitSymbol(unit));
  }
}

Result<double> parseValue(std::string_view text, Unit unit) {
  const std::string clean = lower(text);
  std::string number = clean;
  std::replace(number.begin(), number.end(), ',', '.');
  const char* begin = number.data() + (!number.empty() && number[0] == '+' ? 1 : 0);
  const char* end = number.data() + number.size();
  double value = 0;
  const auto read = std::from_chars(begin, end, value);
  const std::string expected = unit == Unit::none ? "a number" : "a number in " + std::string(unitSymbol(unit));
  if (read.ec != std::errc() || !std::isfinite(value)) {
    if (unit == Unit::hertz)
      if (const auto note = parseNote(text)) return noteToHertz(*note);
    return Error{"\"" + std::string(text) + "\" is not " + expected + "."};
  }
  const std::string suffix(read.ptr, end);
  if (suffix.empty()) return unit == Unit::ratio && std::fabs(value) > 1 ? value / 100 : value;
  for (const Suffix& s : kSuffixes)
    if (s.unit == unit && s.text == suffix) return value * s.factor;
  return Error{"\"" + std::string(text) + "\" is not " + expected + "."};
}

Result<double> parseNote(std::string_view text) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto plain = std::from_chars(text.data(), end, number);
  const Error bad{"\"" + std::string(text) +
                  "\" is not a note; write a name such as C4 or F#3, or a MIDI number 0-127."};
  if (plain.ec == std::errc() && plain.ptr == end) {
    if (!(number >= 0 && number <= 127)) return bad;  // "nan" too
    return number;
  }
  constexpr std::array kSemitone{9, 11, 0, 2, 4, 5, 7};  // a b c d e f g
  if (text.empty()) return bad;
  const char letter = static_cast<char>(text[0] | 0x20);
  if (letter < 'a' || letter > 'g') return bad;
  int semitone = kSemitone[static_cast<std::size_t>(letter - 'a')];
  std::size_t i = 1;
  for (; i < text.size() && (text[i] == '#' || text[i] == 'b'); ++i) semitone += text[i] == '#' ? 1 : -1;
  int octave = 0;
  const auto r = std::from_chars(text.data() + i, end, octave);
  if (r.ec != std::errc() || r.ptr != end || octave < -1 || octave > 9) return bad;
  const int midi = semitone + 12 * (octave + 1);
  if (midi < 0 || midi > 127) return bad;
  return static_cast<double>(midi);
}

std::string noteName(int midi) {
  constexpr std::array<const char*, 12> kNames{"C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"};
  return kNames[static_cast<std::size_t>(((midi % 12) + 12) % 12)] +
         std::to_string((midi >= 0 ? midi / 12 : (midi - 11) / 12) - 1);
}

double noteToHertz(double midi) { return 440.0 * std::exp2((midi - 69.0) / 12.0); }
double hertzToNote(double hertz) { return 69.0 + 12.0 * std::log2(hertz / 440.0); }

}  // namespace core
