// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/file/midi_file.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <system_error>

#include "core/file/midi_message.h"

namespace core {
namespace {
constexpr std::uintmax_t kMostBytes = std::uintmax_t{64} << 20;
constexpr double kMostSeconds = 86400;

/// Reads forward; past the end it yields zeros and says so.
class Cursor {
 public:
  explicit Cursor(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  bool ended() const { return at_ >= bytes_.size(); }
  bool broken() const { return broken_; }
  std::uint32_t byte() {
    if (ended()) {
      broken_ = true;
      return 0;
    }
    return bytes_[at_++];
  }
  std::uint32_t peek() const { return ended() ? 0 : bytes_[at_]; }
  std::uint32_t number(int count) {
    std::uint32_t v = 0;
    for (int i = 0; i < count; ++i) v = v << 8 | byte();
    return v;
  }
  std::uint32_t variable() {
    std::uint32_t v = 0;
    for (int i = 0; i < 4; ++i) {
      const std::uint32_t b = byte();
      v = v << 7 | (b & 0x7f);
      if (!(b & 0x80)) return v;
    }
    broken_ = true;  // a longer number is not allowed
    return v;
  }
  /// The next `count` bytes, or what is left of them.
  std::span<const std::uint8_t> take(std::size_t count) {
    const std::size_t n = std::min(count, bytes_.size() - std::min(at_, bytes_.size()));
    const auto part = bytes_.subspan(at_, n);
    at_ += n;
    return part;
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
  bool broken_ = false;
};

struct Timed {
  std::uint64_t time = 0;  ///< in file ticks
  PlayerEvent event;
};
struct Song {
  std::vector<Timed> events;
  std::map<std::uint64_t, std::uint32_t> tempo;  ///< microseconds a quarter, by file tick
};

using Type = PlayerEvent::Type;

void metaEvent(Cursor& in, std::uint64_t time, Song& song, bool& ended) {
  const std::uint32_t type = in.byte();
  const auto data = in.take(in.variable());
  if (type == 0x2f) ended = true;
  if (type == 0x51 && data.size() == 3)
    song.tempo[time] = static_cast<std::uint32_t>(data[0]) << 16 | static_cast<std::uint32_t>(data[1]) << 8 | data[2];
}

void parseTrack(std::span<const std::uint8_t> bytes, Song& song) {
  Cursor in(bytes);
  std::uint64_t time = 0;
  std::uint32_t running = 0;
  for (bool ended = false; !ended && !in.ended() && !in.broken();) {
    time += in.variable();
    std::uint32_t status = in.peek();
    if (status & 0x80)
      in.byte();
    else
      status = running;
    if (status == 0xff) {
      metaEvent(in, time, song, ended);
    } else if (status == 0xf0 || status == 0xf7) {
      in.take(in.variable());
    } else if (status >= 0x80 && status < 0xf0) {
      running = status;
      const std::uint32_t a = in.byte();
      const bool one = (status & 0xe0) == 0xc0;  // program change and channel pressure
      const std::uint32_t b = one ? 0 : in.byte();
      if (!in.broken())
        for (const PlayerEvent& e : playerEventsOf(status, a, b)) song.events.push_back({time, e});
    } else {
      return;  // no status to continue with: the rest cannot be read
    }
  }
}

/// File ticks -> seconds by the tempo map.
class Clock {
 public:
  Clock(const Song& song, std::uint32_t division) : tempo_(song.tempo) {
    if (division & 0x8000) {  // frames a second (negative) and ticks a frame
      const int frames = 256 - static_cast<int>(division >> 8);
      const double perSecond = (frames == 29 ? 29.97 : frames) * static_cast<double>(division & 0xff);
      perTick_ = perSecond > 0 ? 1 / perSecond : 0;
    } else {
      quarter_ = std::max(1u, division);
    }
  }
  double seconds(std::uint64_t time) const {
    if (perTick_ > 0) return static_cast<double>(time) * perTick_;
    double seconds = 0, tempo = 500000;
    std::uint64_t from = 0;
    for (const auto& [at, next] : tempo_) {
      if (at >= time) break;
      seconds += static_cast<double>(at - from) * tempo;
      from = at;
      tempo = next;
    }
    return (seconds + static_cast<double>(time - from) * tempo) * 1e-6 / quarter_;
  }

 private:
  const std::map<std::uint64_t, std::uint32_t>& tempo_;
  double perTick_ = 0, quarter_ = 480;
};

int order(const PlayerEvent& e) { return e.type == Type::noteOff ? 0 : e.type == Type::noteOn ? 2 : 1; }
}  // namespace

Result<std::vector<PlayerEvent>> parseMidi(std::span<const std::uint8_t> bytes, double rate, const std::string& name) {
  Cursor in(bytes);
  if (in.number(4) != 0x4d546864 || in.broken()) return Error{name + " is not a MIDI file."};
  Cursor header(in.take(in.number(4)));
  const std::uint32_t format = header.number(2), tracks = header.number(2), division = header.number(2);
  if (header.broken()) return Error{name + " breaks off in its header."};
  if (format > 1)
    return Error{name + " is a MIDI file of format 2, which has no single time line; save it as format 1."};
  Song song;
  for (std::uint32_t t = 0; t < tracks && !in.ended(); ++t) {
    const bool isTrack = in.number(4) == 0x4d54726b;
    const auto chunk = in.take(in.number(4));
    if (isTrack)
      parseTrack(chunk, song);
    else
      --t;  // foreign chunks do not count
  }
  const Clock clock(song, division);
  std::vector<PlayerEvent> events;
  bool notes = false;
  for (Timed& e : song.events) {
    const double seconds = clock.seconds(e.time);
    if (!(seconds < kMostSeconds)) return Error{name + " is longer than a day."};
    e.event.frame = static_cast<std::int64_t>(std::llround(seconds * rate));
    notes = notes || e.event.type == Type::noteOn;
    events.push_back(e.event);
  }
  if (!notes) return Error{name + " has no notes."};
  std::stable_sort(events.begin(), events.end(), [](const PlayerEvent& a, const PlayerEvent& b) {
    return a.frame != b.frame ? a.frame < b.frame : order(a) < order(b);
  });
  return events;
}

Result<std::vector<PlayerEvent>> readMidi(const std::filesystem::path& path, double rate) {
  const std::string name = "The file \"" + path.string() + "\"";
  std::error_code code;
  if (!std::filesystem::is_regular_file(path, code)) return Error{"There is no file \"" + path.string() + "\"."};
  const auto size = std::filesystem::file_size(path, code);
  if (size > kMostBytes) return Error{name + " is too large for a MIDI file."};
  std::ifstream in(path, std::ios::binary);
  std::vector<std::uint8_t> bytes(size);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (!in) return Error{name + " cannot be read."};
  return parseMidi(bytes, rate, name);
}

}  // namespace core
