// SPDX-License-Identifier: GPL-3.0-or-later
// The container of models (safetensors: header length, JSON header, little-endian data), shared by what reads
// and writes such files: its header is checked whole, of its data only what is asked for is read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "core/graph/result.h"

namespace presets {

using Json = nlohmann::json;             // read: fields are found at once, however many there are
using Written = nlohmann::ordered_json;  // written: the metadata first

inline constexpr std::uint64_t kLargestHeader =
    16 << 20;  // a header holds the patch, not its tensors; real ones have 10 kB
inline constexpr const char* kMetadata = "__metadata__";

/// Thrown while a file is read and caught in guarded(); carries the sentence without the file's name.
struct Bad {
  std::string message;
};

/// Bytes in memory or on disk, any range of which can be read.
struct Bytes {
  std::uint64_t size = 0;
  /// Ranges within size only. Throws Bad where the disk fails.
  std::function<void(std::uint64_t from, std::span<char> to)> read;
};
/// They have to outlive the result.
Bytes bytesIn(std::string_view memory);
/// Error: no such file, larger than a model can be, not readable.
core::Result<Bytes> bytesOf(const std::filesystem::path& path);

/// A file whose header is known and right.
struct Container {
  Json header;
  Bytes file;
  std::uint64_t start = 0;  ///< where in the file the data begin

  std::uint64_t size() const { return file.size - start; }
  /// Bytes of the data, counted as in the header.
  std::string data(std::uint64_t from, std::uint64_t count) const;
};
/// Reads the header. Throws Bad, unless every tensor lies inside the data and fills its shape, and all of them fill
/// the data without gaps or overlaps.
Container openContainer(Bytes file);

/// Bytes of a file; what is no UTF-8 in the header is replaced.
std::string assemble(const Written& header, std::string_view data);
/// Of such bytes.
std::uint64_t headerLength(std::string_view bytes);
/// JSON text of anything; names of files may be no UTF-8, which JSON has to be.
std::string dumped(const Written& j);

/// Runs what may find a file bad; its sentence then names the file.
template <class F>
auto guarded(const std::filesystem::path& path, F f) -> decltype(f()) {
  const std::string name = path.empty() ? std::string("The model") : path.filename().string();
  try {
    return f();
  } catch (const Bad& bad) {
    return core::Error{name + ": " + bad.message};
  } catch (const Json::exception&) {
    return core::Error{name + ": Its header is damaged."};
  }
}

}  // namespace presets
