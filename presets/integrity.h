// SPDX-License-Identifier: GPL-3.0-or-later
// What is known of bytes from disk before anything is made of them: whether they are those that were
// written (FNV-1a; no protection against those who mean it), and how deep their brackets go.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace presets {

inline constexpr std::uint64_t kChecksumStart = 14695981039346656037ULL;

/// `before`: the checksum of what came before these bytes.
inline std::uint64_t checksum(std::string_view bytes, std::uint64_t before = kChecksumStart) {
  std::uint64_t h = before;
  for (const char c : bytes) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return h;
}

/// 16 digits.
inline std::string hex(std::uint64_t x) {
  std::string out(16, '0');
  for (std::size_t i = 16; i-- > 0; x >>= 4) out[i] = "0123456789abcdef"[x & 15];
  return out;
}

/// JSON nested deeper is no patch and no header, and takes the stack of who copies it.
inline constexpr int kDeepest = 64;
/// Deepest nesting of brackets outside texts. (A parser callback could tell too, but the library then
/// walks each list once an element: 100,000 nodes take half a minute.)
inline int nesting(std::string_view json) {
  int depth = 0, deepest = 0;
  bool inside = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (inside && c == '\\')
      ++i;
    else if (c == '"')
      inside = !inside;
    else if (!inside && (c == '[' || c == '{'))
      deepest = std::max(deepest, ++depth);
    else if (!inside && (c == ']' || c == '}'))
      --depth;
  }
  return deepest;
}

}  // namespace presets
