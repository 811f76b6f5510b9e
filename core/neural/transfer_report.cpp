// SPDX-License-Identifier: GPL-3.0-or-later
// The report of a transfer in words, as the window and the command say it.
#include <array>
#include <charconv>

#include "core/neural/transfer.h"

namespace core {
namespace {
/// With a point, whatever the locale.
std::string number(double x, std::chars_format format, int precision) {
  std::array<char, 400> buffer{};  // enough for every double
  return {buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), x, format, precision).ptr};
}
std::string fixed(double x, int decimals) { return number(x, std::chars_format::fixed, decimals); }
std::string withSign(std::string digits) { return digits.starts_with('-') ? digits : '+' + digits; }
std::string percent(double share) { return fixed(100 * share, 1) + " %"; }

/// Where anything was set the octave is named too, also when it stayed.
std::string whatWasSet(const TransferReport& r) {
  const bool loudness = r.loudnessOffset != 0 || r.loudnessRange != 1;
  if (r.octave == 0 && !loudness && r.key.empty()) return "Pitch and loudness as they are.";
  std::string set = "Octave " + withSign(number(r.octave, std::chars_format::general, 6));
  if (loudness)
    set += ", loudness " + withSign(fixed(r.loudnessOffset, 1)) + " dB, its range x " + fixed(r.loudnessRange, 2);
  if (!r.key.empty()) set += ", drawn to " + r.key + ", " + withSign(fixed(r.tuningCents, 0)) + " ct";
  return set + '.';
}

std::string whatIsInside(const TransferReport& r) {
  const std::string loudness = percent(r.insideLoudness),
                    sounds = percent(r.soundingShare) + " of the frames sound; of these ";
  if (r.pitchFound)
    return sounds + percent(r.insidePitch) + " lie in the trained range of pitch, " + loudness + " of loudness.";
  const std::string none = "No pitch was found in the recording; what comes out says little.";
  return r.soundingShare > 0 ? sounds + loudness + " lie in the trained range of loudness. " + none : none;
}
}  // namespace

std::vector<std::string> sentences(const TransferReport& r, bool played) {
  std::vector<std::string> lines{whatWasSet(r), whatIsInside(r)};
  if (played) {
    lines.push_back(r.latencyMeasured ? "Latency of " + fixed(1000 * r.latencySeconds, 1) + " ms compensated."
                                      : "The model does not follow loudness, so its latency could not be measured.");
    if (r.waitSeconds > 0)
      lines.push_back("The pitch of the recording is known late; its level waited " + fixed(1000 * r.waitSeconds, 1) +
                      " ms for it.");
  }
  lines.insert(lines.end(), r.notes.begin(), r.notes.end());
  return lines;
}

}  // namespace core
