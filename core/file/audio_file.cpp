// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/file/audio_file.h"

#include <fcntl.h>
#include <sndfile.h>
#include <soxr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <system_error>

namespace core {
namespace {
namespace fs = std::filesystem;

constexpr int kMostChannels = 64;
constexpr std::size_t kMostSamples = std::size_t{1} << 30;  // 4 GiB of floats
constexpr sf_count_t kBlock = 4096;                         // libsndfile's Vorbis writer keeps a block on the stack

std::string quoted(const fs::path& path) { return "\"" + path.string() + "\""; }
Error systemError(const std::string& what, int code) {
  return {what + ": " + std::generic_category().message(code) + "."};
}

struct SoundCloser {
  void operator()(SNDFILE* f) const { sf_close(f); }
};
using Sound = std::unique_ptr<SNDFILE, SoundCloser>;

Result<void> checkReadable(const fs::path& path) {
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  if (!fs::exists(status)) return Error{"There is no file " + quoted(path) + "."};
  if (fs::is_directory(status)) return Error{quoted(path) + " is a folder; choose a sound file."};
  if (!fs::is_regular_file(status)) return Error{quoted(path) + " is not a file that sound can be read from."};
  if (::access(path.c_str(), R_OK) != 0) return systemError("The file " + quoted(path) + " cannot be read", errno);
  if (fs::file_size(path, code) == 0) return Error{"The file " + quoted(path) + " is empty."};
  return {};
}

Result<void> checkHeader(const fs::path& path, const SF_INFO& info) {
  if (info.channels < 1) return Error{"The file " + quoted(path) + " has no channels."};
  if (info.channels > kMostChannels)
    return Error{"The file " + quoted(path) + " has " + std::to_string(info.channels) + " channels; at most " +
                 std::to_string(kMostChannels) + " can be read."};
  if (info.samplerate < 1000 || info.samplerate > 1000000)
    return Error{"The file " + quoted(path) + " claims " + std::to_string(info.samplerate) +
                 " samples a second; 1000 to 1000000 can be read."};
  return {};
}
}  // namespace

std::vector<float> AudioData::folded() const {
  std::vector<float> mono(frames(), 0.0f);
  const float scale = channels.empty() ? 0.0f : 1.0f / static_cast<float>(channels.size());
  for (const auto& channel : channels)
    for (std::size_t i = 0; i < mono.size(); ++i) mono[i] += channel[i] * scale;
  return mono;
}

Result<AudioData> readAudio(const fs::path& path, double mostSeconds) {
  if (auto ok = checkReadable(path); !ok) return ok.error();
  SF_INFO info{};
  const Sound sound(sf_open(path.c_str(), SFM_READ, &info));
  if (!sound)
    return Error{"The file " + quoted(path) + " is not a sound file that can be read (WAV, AIFF, FLAC, OGG or MP3)."};
  if (auto ok = checkHeader(path, info); !ok) return ok.error();
  AudioData audio;
  audio.rate = info.samplerate;
  const auto channels = static_cast<std::size_t>(info.channels);
  audio.channels.resize(channels);
  const std::size_t mostFrames = kMostSamples / channels;
  const double most = std::min(mostSeconds * info.samplerate, static_cast<double>(mostFrames));
  std::vector<float> block(static_cast<std::size_t>(kBlock) * channels);
  bool finite = false;
  // the header's length is not believed: what is there is read, block by block
  for (sf_count_t got; (got = sf_readf_float(sound.get(), block.data(), kBlock)) > 0;) {
    if (static_cast<double>(audio.frames()) + static_cast<double>(got) > most)
      return Error{"The file " + quoted(path) + " is longer than " +
                   std::to_string(std::lround(most / info.samplerate)) + " seconds; cut it first."};
    for (std::size_t c = 0; c < channels; ++c)
      for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) {
        const float x = block[i * channels + c];
        finite = finite || std::isfinite(x);
        audio.channels[c].push_back(std::isfinite(x) ? x : 0.0f);
      }
  }
  if (audio.frames() == 0) return Error{"The file " + quoted(path) + " holds no sound."};
  if (!finite) return Error{"The file " + quoted(path) + " is damaged: none of its samples is a finite number."};
  return audio;
}

AudioData resample(const AudioData& audio, double rate, ResampleQuality quality, const std::function<bool()>& stop) {
  if (audio.rate == rate) return audio;
  AudioData out;
  out.rate = rate;
  const auto frames =
      static_cast<std::size_t>(std::max(1.0, std::round(static_cast<double>(audio.frames()) * rate / audio.rate)));
  const soxr_quality_spec_t spec = soxr_quality_spec(quality == ResampleQuality::best ? SOXR_VHQ : SOXR_HQ, 0);
  const soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
  const soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
  const auto destroy = [](soxr_t s) { soxr_delete(s); };
  for (const auto& channel : audio.channels) {
    std::vector<float> to(frames, 0.0f);
    soxr_error_t error = nullptr;
    const std::unique_ptr<std::remove_pointer_t<soxr_t>, decltype(destroy)> resampler(
        soxr_create(audio.rate, rate, 1, &error, &io, &spec, &runtime), destroy);
    std::size_t used = 0, done = 0;
    while (!error && resampler && done < frames && !(stop && stop())) {
      const std::size_t left = channel.size() - used;
      std::size_t in = 0, got = 0;
      // what is left last is marked as the end, by the complement of its length
      const std::size_t length = std::min<std::size_t>(left, kBlock);
      error = soxr_process(resampler.get(), channel.data() + used, length == left ? ~length : length, &in,
                           to.data() + done, frames - done, &got);
      used += in;
      done += got;
      if (in == 0 && got == 0) break;
    }
    out.channels.push_back(std::move(to));
  }
  return out;
}

Result<AudioFormat> formatOf(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  if (ending == ".wav") return AudioFormat::wav16;
  if (ending == ".flac") return AudioFormat::flac;
  if (ending == ".ogg") return AudioFormat::ogg;
  if (ending == ".mp3") return AudioFormat::mp3;
  return Error{"The file name " + quoted(path) + " must end in .wav, .flac, .ogg or .mp3."};
}

namespace {
/// A file written through libsndfile's callbacks, so that no failed write is lost (its Vorbis and
/// MP3 writers ignore some). Removed again unless `keep` succeeds.
class PartFile {
 public:
  explicit PartFile(const fs::path& target) : target_(target) {
    for (int i = 0; i < 100 && fd_ < 0; ++i) {
      path_ = target.parent_path() /
              ("." + target.filename().string() + "." + std::to_string(::getpid()) + "-" + std::to_string(i) + ".part");
      fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (fd_ < 0 && errno != EEXIST) break;
    }
    if (fd_ < 0) failure_ = errno;
  }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;
  ~PartFile() {
    if (fd_ < 0) return;
    ::close(fd_);
    ::unlink(path_.c_str());
  }
  int failure() const { return failure_; }
  /// Flushes and renames; 0 or an errno.
  int keep() {
    if (failure_ == 0 && ::fsync(fd_) != 0) failure_ = errno;
    if (failure_ == 0 && ::rename(path_.c_str(), target_.c_str()) != 0) failure_ = errno;
    if (failure_ != 0) return failure_;
    ::close(fd_);
    fd_ = -1;
    return 0;
  }
  static SF_VIRTUAL_IO callbacks() {
    SF_VIRTUAL_IO io{};
    io.get_filelen = [](void* self) -> sf_count_t {
      PartFile& f = *static_cast<PartFile*>(self);
      const auto here = ::lseek(f.fd_, 0, SEEK_CUR), end = ::lseek(f.fd_, 0, SEEK_END);
      ::lseek(f.fd_, here, SEEK_SET);
      return end;
    };
    io.seek = [](sf_count_t offset, int whence, void* self) -> sf_count_t {
      return ::lseek(static_cast<PartFile*>(self)->fd_, offset, whence);
    };
    io.read = [](void* to, sf_count_t count, void* self) -> sf_count_t {
      return ::read(static_cast<PartFile*>(self)->fd_, to, static_cast<std::size_t>(count));
    };
    io.write = [](const void* from, sf_count_t count, void* self) {
      return static_cast<PartFile*>(self)->write(from, count);
    };
    io.tell = [](void* self) -> sf_count_t { return ::lseek(static_cast<PartFile*>(self)->fd_, 0, SEEK_CUR); };
    return io;
  }

 private:
  sf_count_t write(const void* from, sf_count_t count) {
    sf_count_t done = 0;
    while (done < count) {
      const auto n = ::write(fd_, static_cast<const char*>(from) + done, static_cast<std::size_t>(count - done));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        failure_ = n < 0 ? errno : ENOSPC;
        break;
      }
      done += n;
    }
    return done;
  }
  fs::path target_, path_;
  int fd_ = -1, failure_ = 0;
};

int formatBits(AudioFormat format) {
  return format == AudioFormat::wav16 ? 16 : format == AudioFormat::wav24 || format == AudioFormat::flac ? 24 : 0;
}

SF_INFO soundInfo(const AudioData& audio, AudioFormat format) {
  SF_INFO info{};
  info.samplerate = static_cast<int>(std::lround(audio.rate));
  info.channels = static_cast<int>(audio.channels.size());
  const bool huge = static_cast<double>(audio.frames()) * static_cast<double>(audio.channels.size()) * 4 > 4.2e9;
  const int wav = huge ? SF_FORMAT_RF64 : SF_FORMAT_WAV;
  switch (format) {
    case AudioFormat::wav16:
      info.format = wav | SF_FORMAT_PCM_16;
      break;
    case AudioFormat::wav24:
      info.format = wav | SF_FORMAT_PCM_24;
      break;
    case AudioFormat::wav32f:
      info.format = wav | SF_FORMAT_FLOAT;
      break;
    case AudioFormat::flac:
      info.format = SF_FORMAT_FLAC | SF_FORMAT_PCM_24;
      break;
    case AudioFormat::ogg:
      info.format = SF_FORMAT_OGG | SF_FORMAT_VORBIS;
      break;
    case AudioFormat::mp3:
      info.format = SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III;
      break;
  }
  return info;
}

/// One block, interleaved: floats as they are, or dithered whole numbers left-justified in 32 bits.
class BlockWriter {
 public:
  BlockWriter(SNDFILE* to, const AudioData& audio, int bits) : to_(to), audio_(audio), bits_(bits) {}
  sf_count_t write(std::size_t from, std::size_t count) {
    const std::size_t channels = audio_.channels.size();
    floats_.resize(count * channels);
    for (std::size_t c = 0; c < channels; ++c)
      for (std::size_t i = 0; i < count; ++i) {
        const float x = audio_.channels[c][from + i];
        floats_[i * channels + c] = std::isfinite(x) ? x : 0.0f;
      }
    if (bits_ == 0) return sf_writef_float(to_, floats_.data(), static_cast<sf_count_t>(count));
    whole_.resize(floats_.size());
    for (std::size_t i = 0; i < floats_.size(); ++i) whole_[i] = quantise(floats_[i]);
    return sf_writef_int(to_, whole_.data(), static_cast<sf_count_t>(count));
  }

 private:
  int quantise(float x) {
    const double full = std::ldexp(1.0, bits_ - 1);
    const double dither = (static_cast<double>(random_()) - static_cast<double>(random_())) / 4294967296.0;
    const double q = std::clamp(std::nearbyint(x * full + dither), -full, full - 1);
    return static_cast<int>(static_cast<std::int64_t>(q) * (std::int64_t{1} << (32 - bits_)));
  }
  SNDFILE* to_;
  const AudioData& audio_;
  int bits_;
  std::mt19937 random_{1};
  std::vector<float> floats_;
  std::vector<int> whole_;
};

void setQuality(SNDFILE* sound, AudioFormat format) {
  if (format == AudioFormat::ogg) {
    double quality = 0.8;
    sf_command(sound, SFC_SET_VBR_ENCODING_QUALITY, &quality, sizeof quality);
  }
  if (format == AudioFormat::mp3) {
    double compression = 0.1;
    sf_command(sound, SFC_SET_COMPRESSION_LEVEL, &compression, sizeof compression);
  }
  // the PEAK chunk holds the time of day; without it the same sound gives the same file
  sf_command(sound, SFC_SET_ADD_PEAK_CHUNK, nullptr, SF_FALSE);
}

constexpr double kMp3Rate = 48000;  ///< for rates that MP3 does not have
bool holdsRate(double rate) { return rate == 48000 || rate == 44100 || rate == 32000; }

Result<void> checkWritable(const fs::path& path, const AudioData& audio, AudioFormat format) {
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  if (fs::is_directory(status)) return Error{quoted(path) + " is a folder; give a file name."};
  if (fs::exists(status) && !fs::is_regular_file(status))  // renaming would replace a device
    return Error{quoted(path) + " is not an ordinary file; choose another place."};
  if (audio.frames() == 0) return Error{"There is no sound to write to " + quoted(path) + "."};
  const SF_INFO info = soundInfo(audio, format);
  if (!sf_format_check(&info))
    return Error{"The file " + quoted(path) + " cannot hold " + std::to_string(info.channels) + " channels at " +
                 std::to_string(info.samplerate) + " Hz; choose WAV."};
  return {};
}
}  // namespace

Result<AudioFormat> parseFormat(const std::string& name) {
  constexpr std::array names{"wav16", "wav24", "wav32f", "flac", "ogg", "mp3"};
  for (std::size_t i = 0; i < names.size(); ++i)
    if (name == names[i]) return static_cast<AudioFormat>(i);
  return Error{"There is no format \"" + name + "\"; choose wav16, wav24, wav32f, flac, ogg or mp3."};
}

std::vector<std::string> lossesOf(const AudioData& audio, AudioFormat format) {
  std::vector<std::string> lines;
  float peak = 0;
  for (const auto& channel : audio.channels)
    for (const float x : channel) peak = std::max(peak, std::isfinite(x) ? std::fabs(x) : 0.0F);
  const auto tenths = static_cast<int>(std::ceil(200 * std::log10(std::max(peak, 1e-9F))));  // of a decibel
  if (format != AudioFormat::wav32f && peak > 1)
    lines.push_back("The sound goes " + std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) +
                    " dB above full scale and is cut off there; a WAV of 32 bit floats holds all of it.");
  if (format == AudioFormat::mp3 && !holdsRate(audio.rate))
    lines.push_back("An MP3 file cannot hold " + std::to_string(std::lround(audio.rate)) + " Hz; it is written at " +
                    std::to_string(std::lround(kMp3Rate)) + " Hz.");
  return lines;
}

Result<void> writeAudio(const fs::path& path, const AudioData& audio, AudioFormat format,
                        const std::function<bool(double)>& progress) {
  if (format == AudioFormat::mp3 && !holdsRate(audio.rate))
    return writeAudio(path, resample(audio, kMp3Rate), format, progress);
  if (auto ok = checkWritable(path, audio, format); !ok) return ok;
  std::error_code code;
  const fs::path target = fs::is_symlink(path, code) ? fs::weakly_canonical(path, code) : path;
  PartFile part(target);
  const std::string cannot = "The file " + quoted(path) + " cannot be written";
  if (part.failure()) return systemError(cannot, part.failure());
  SF_INFO info = soundInfo(audio, format);
  SF_VIRTUAL_IO io = PartFile::callbacks();
  Sound sound(sf_open_virtual(&io, SFM_WRITE, &info, &part));
  if (!sound) return part.failure() ? systemError(cannot, part.failure()) : Error{cannot + " in that format."};
  setQuality(sound.get(), format);
  BlockWriter writer(sound.get(), audio, formatBits(format));
  for (std::size_t at = 0; at < audio.frames(); at += kBlock) {
    if (progress && !progress(static_cast<double>(at) / static_cast<double>(audio.frames())))
      return Error{"Cancelled."};
    const std::size_t count = std::min<std::size_t>(kBlock, audio.frames() - at);
    if (writer.write(at, count) != static_cast<sf_count_t>(count) || part.failure())
      return systemError(cannot, part.failure() ? part.failure() : EIO);
  }
  sound.reset();
  if (const int failure = part.keep()) return systemError(cannot, failure);
  if (progress) progress(1);
  return {};
}

}  // namespace core
