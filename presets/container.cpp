// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/container.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <memory>

#include "presets/integrity.h"

namespace presets {
namespace {
using core::Error;
using core::Result;
static_assert(std::endian::native == std::endian::little, "tensors are written as they lie in memory");

constexpr std::uintmax_t kLargestFile = std::uintmax_t{1} << 31;
constexpr std::uint64_t kLengthBytes = 8;  // the length of the header, before it

/// A size or a place: nothing but a whole number that is not negative.
std::uint64_t whole(const Json& j) {
  if (!j.is_number_unsigned()) throw Bad{"Its header gives a size that is no whole number; the file is damaged."};
  return j.get<std::uint64_t>();
}

/// Where a tensor lies in the data. Throws when that is not where its shape fits.
std::pair<std::uint64_t, std::uint64_t> rangeOf(const std::string& name, const Json& t, std::uint64_t dataSize) {
  const std::string type = t.at("dtype");
  const std::uint64_t size = type == "F32" ? 4 : type == "F64" ? 8 : 0;
  if (!size) throw Bad{"Tensor \"" + name + "\" is of type " + type + "; this program reads F32."};
  std::uint64_t count = 1;
  for (const auto& d : t.at("shape")) {
    const std::uint64_t n = whole(d);
    if (n > kLargestFile || (n && count > kLargestFile / n)) throw Bad{"Tensor \"" + name + "\" is too large."};
    count *= n;
  }
  const std::uint64_t begin = whole(t.at("data_offsets").at(0)), end = whole(t.at("data_offsets").at(1));
  if (begin > end || end > dataSize || end - begin != count * size)
    throw Bad{"Tensor \"" + name + "\" does not fit its place in the file; the file is damaged or cut off."};
  return {begin, end};
}

void checkRanges(const Json& header, std::uint64_t dataSize) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  for (const auto& [name, t] : header.items()) {
    if (name == kMetadata) continue;
    const auto range = rangeOf(name, t, dataSize);
    if (range.second > range.first) ranges.push_back(range);
  }
  std::sort(ranges.begin(), ranges.end());
  std::uint64_t filled = 0;
  for (const auto& [begin, end] : ranges) {
    if (begin < filled) throw Bad{"Two of its tensors overlap; the file is damaged."};
    if (begin > filled) break;
    filled = end;
  }
  if (filled != dataSize) throw Bad{"It holds bytes that belong to none of its tensors; the file is damaged."};
}

}  // namespace

Bytes bytesIn(std::string_view memory) {
  return {memory.size(), [memory](std::uint64_t from, std::span<char> to) {
            std::memcpy(to.data(), memory.data() + from, to.size());
          }};
}

Result<Bytes> bytesOf(const std::filesystem::path& path) {
  std::error_code code;
  if (!std::filesystem::is_regular_file(path, code)) return Error{"There is no model file \"" + path.string() + "\"."};
  const std::uintmax_t size = std::filesystem::file_size(path, code);
  if (size > kLargestFile)
    return Error{"The file \"" + path.string() + "\" is larger than 2 GB; that is no model of this program."};
  const auto in = std::make_shared<std::ifstream>(path, std::ios::binary);
  if (!*in) return Error{"The file \"" + path.string() + "\" could not be read; check its permissions."};
  return Bytes{size, [in](std::uint64_t from, std::span<char> to) {
                 in->seekg(static_cast<std::streamoff>(from));
                 in->read(to.data(), static_cast<std::streamsize>(to.size()));
                 if (!*in) throw Bad{"It could not be read to its end; check the disk it lies on."};
               }};
}

std::string Container::data(std::uint64_t from, std::uint64_t count) const {
  std::string bytes(static_cast<std::size_t>(count), '\0');
  if (count) file.read(start + from, bytes);
  return bytes;
}

Container openContainer(Bytes file) {
  if (file.size < kLengthBytes + 2) throw Bad{"It is too short to be a model."};
  std::string first(kLengthBytes + 1, '\0');
  file.read(0, first);
  const std::uint64_t length = headerLength(first);
  if (length > file.size - kLengthBytes || first.back() != '{')
    throw Bad{"It is no safetensors file, or it is cut off."};
  if (length > kLargestHeader)
    throw Bad{"Its header has " + std::to_string(length >> 20) + " MB; that of a model has at most " +
              std::to_string(kLargestHeader >> 20) + " MB."};
  std::string header(static_cast<std::size_t>(length), '\0');
  file.read(kLengthBytes, header);
  if (nesting(header) > kDeepest) throw Bad{"Its header is nested too deep; the file is damaged."};
  Container c{Json::parse(header), std::move(file), kLengthBytes + length};
  checkRanges(c.header, c.size());
  return c;
}

std::string dumped(const Written& j) { return j.dump(-1, ' ', false, Written::error_handler_t::replace); }

std::string assemble(const Written& header, std::string_view data) {
  std::string text = dumped(header);
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t length = text.size();
  std::string out(kLengthBytes, '\0');
  std::memcpy(out.data(), &length, kLengthBytes);
  return out.append(text).append(data);
}

std::uint64_t headerLength(std::string_view bytes) {
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  return length;
}

}  // namespace presets
