// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/model_file.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "presets/integrity.h"
#include "presets/patch_file.h"
#include "presets/safe_write.h"

namespace presets {
namespace {
using core::Error;
using core::Result;
using Json = nlohmann::json;             // read: fields are found at once, however many there are
using Written = nlohmann::ordered_json;  // written: the metadata first
static_assert(std::endian::native == std::endian::little, "tensors are written as they lie in memory");

constexpr const char* kFormat = "tonewright-model";
constexpr int kVersion = 1;
constexpr std::uint64_t kLargestHeader = 16 << 20;  // a header holds the patch, not its tensors; real ones have 10 kB
constexpr const char* kMetadata = "__metadata__";
constexpr const char* kChecksum = "checksum";
constexpr std::uintmax_t kLargestFile = std::uintmax_t{1} << 31;

struct Bad {
  std::string message;
};

/// Texts and their names, as metadata hold them.
using Metadata = std::vector<std::pair<std::string, std::string>>;

/// What metadata say, whoever wrote them and in whatever order.
std::string checksumOf(const Metadata& metadata) {
  std::uint64_t sum = kChecksumStart;
  for (const auto& [name, text] : metadata) sum = checksum(text + '\n', checksum(name + '\n', sum));
  return hex(sum);
}

/// JSON text of anything; names of files may be no UTF-8, which JSON has to be.
std::string dumped(const Written& j) { return j.dump(-1, ' ', false, Written::error_handler_t::replace); }
std::string valid(const std::string& text) { return Written::parse(dumped(text)).get<std::string>(); }

std::string assemble(const Written& header, const std::string& data) {
  std::string text = dumped(header);
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t length = text.size();
  std::string out(8, '\0');
  std::memcpy(out.data(), &length, 8);
  return out + text + data;
}

std::uint64_t headerLength(const std::string& bytes) {
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  return length;
}

/// A size or a place: nothing but a whole number that is not negative.
std::uint64_t whole(const Json& j) {
  if (!j.is_number_unsigned()) throw Bad{"Its header gives a size that is no whole number; the file is damaged."};
  return j.get<std::uint64_t>();
}

struct Parts {
  Json header;
  std::string data;
};
/// Splits a file and checks that every tensor lies inside the data and fills its shape, and that all of them
/// fill the data without gaps or overlaps.
Parts take(const std::string& bytes) {
  if (bytes.size() < 10) throw Bad{"It is too short to be a model."};
  const std::uint64_t length = headerLength(bytes);
  if (length > bytes.size() - 8 || bytes[8] != '{') throw Bad{"It is no safetensors file, or it is cut off."};
  if (length > kLargestHeader)
    throw Bad{"Its header has " + std::to_string(length >> 20) + " MB; that of a model has at most " +
              std::to_string(kLargestHeader >> 20) + " MB."};
  const std::string_view header(bytes.data() + 8, length);
  if (nesting(header) > kDeepest) throw Bad{"Its header is nested too deep; the file is damaged."};
  Parts p;
  p.header = Json::parse(header);
  p.data = bytes.substr(8 + length);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  for (const auto& [name, t] : p.header.items()) {
    if (name == kMetadata) continue;
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
    if (begin > end || end > p.data.size() || end - begin != count * size)
      throw Bad{"Tensor \"" + name + "\" does not fit its place in the file; the file is damaged or cut off."};
    if (end > begin) ranges.emplace_back(begin, end);
  }
  std::sort(ranges.begin(), ranges.end());
  std::uint64_t filled = 0;
  for (const auto& [begin, end] : ranges) {
    if (begin < filled) throw Bad{"Two of its tensors overlap; the file is damaged."};
    if (begin > filled) break;
    filled = end;
  }
  if (filled != p.data.size()) throw Bad{"It holds bytes that belong to none of its tensors; the file is damaged."};
  return p;
}

Result<std::string> readAll(const std::filesystem::path& path) {
  std::error_code code;
  if (!std::filesystem::is_regular_file(path, code)) return Error{"There is no model file \"" + path.string() + "\"."};
  if (std::filesystem::file_size(path, code) > kLargestFile)
    return Error{"The file \"" + path.string() + "\" is larger than 2 GB; that is no model of this program."};
  std::ifstream in(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), {});
  if (!in) return Error{"The file \"" + path.string() + "\" could not be read; check its permissions."};
  return bytes;
}

/// Runs what may find the file bad; its sentence then names the file.
template <class F>
auto guarded(const std::filesystem::path& path, F f) -> decltype(f()) {
  const std::string name = path.empty() ? std::string("The model") : path.filename().string();
  try {
    return f();
  } catch (const Bad& bad) {
    return Error{name + ": " + bad.message};
  } catch (const Json::exception&) {
    return Error{name + ": Its header is damaged."};
  }
}

std::vector<std::string> list(const std::string& json) {
  std::vector<std::string> out;
  if (json.empty()) return out;
  for (const auto& item : Json::parse(json)) out.push_back(item.get<std::string>());
  return out;
}

/// Everything that the checksum covers, in its order.
Metadata metadataOf(const ModelInfo& info, const std::string& patch) {
  Metadata all{{"format", kFormat},
               {"version", std::to_string(kVersion)},
               {"licence", info.licence},
               {"credits", info.credits},
               {"training", info.training},
               {"trained", dumped(info.trained)},
               {"validated", dumped(info.validated)},
               {"instruments", dumped(info.instruments)},
               {"patch", patch}};
  for (auto& [name, text] : all) text = valid(text);
  return all;
}

void checkVersion(const std::string& version) {
  if (version == std::to_string(kVersion)) return;
  const bool number = !version.empty() && version.size() < 10 &&
                      std::all_of(version.begin(), version.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!number || std::stoi(version) < kVersion)
    throw Bad{"Its metadata give no valid format version; the file is damaged, restore it from a backup."};
  throw Bad{"It was made by a newer version of this program (format " + version + "); update to open it."};
}

/// What other readers of the format find must be what the patch plays.
void checkTensors(const core::Patch& patch, const Parts& p) {
  std::size_t held = 0;
  for (const core::PatchNode& n : patch.nodes)
    for (const auto& [row, blob] : n.tensors) {
      const std::string name = n.id + "." + row;
      if (!std::all_of(blob->data.begin(), blob->data.end(), [](float x) { return std::isfinite(x); }))
        throw Bad{"Its tensor \"" + name + "\" holds numbers that are not finite; it cannot be played."};
      const auto at = p.header.find(name);
      const std::size_t size = blob->data.size() * sizeof(float);
      if (at == p.header.end() || at->at("dtype") != "F32" || at->at("shape") != Json(blob->shape) ||
          std::memcmp(p.data.data() + at->at("data_offsets").at(0).get<std::size_t>(), blob->data.data(), size) != 0)
        throw Bad{"Its tensor \"" + name + "\" is not the one that its patch asks for; the file is damaged."};
      ++held;
    }
  if (held == p.header.size() - 1) return;
  for (const auto& [name, t] : p.header.items())
    if (const auto dot = name.find('.'); name != kMetadata) {
      const core::PatchNode* n = patch.find(name.substr(0, dot));
      if (dot == std::string::npos || !n || !n->tensors.contains(name.substr(dot + 1)))
        throw Bad{"Its tensor \"" + name + "\" belongs to no node of its patch; the file is damaged."};
    }
}

Model modelOf(const Parts& p) {
  const Json metadata = p.header.value(kMetadata, Json::object());
  if (!metadata.is_object() || metadata.value("format", "") != kFormat)
    throw Bad{"It holds tensors, but not of a model of this program (its metadata name no patch)."};
  checkVersion(metadata.value("version", ""));
  if (!metadata.contains("patch")) throw Bad{"Its metadata hold no patch; the file is damaged."};
  Metadata said = metadataOf({}, {});
  for (auto& [name, text] : said) text = metadata.value(name, "");
  if (metadata.contains(kChecksum) && metadata.at(kChecksum) != checksumOf(said))  // older files have none
    throw Bad{"What it says of its patch and its origin is damaged (checksum differs); restore it from a backup."};
  auto patch = readText(metadata.at("patch").get<std::string>(), p.data);
  if (!patch) throw Bad{patch.error().message};
  checkTensors(*patch, p);
  Model m;
  m.patch = std::move(*patch);
  m.info.licence = metadata.value("licence", "");
  m.info.credits = metadata.value("credits", "");
  m.info.training = metadata.value("training", "");
  m.info.trained = list(metadata.value("trained", ""));
  m.info.validated = list(metadata.value("validated", ""));
  m.info.instruments = list(metadata.value("instruments", ""));
  return m;
}

}  // namespace

std::string writeModelBytes(const Model& model) {
  core::Patch patch = model.patch;
  setInfo(patch, {});  // the metadata say it
  // the data are the patch's own blobs, so that its offsets and checksums hold
  const PatchText text = writeText(patch);
  const Metadata metadata = metadataOf(model.info, text.json);
  Written header;
  for (const auto& [name, said] : metadata) header[kMetadata][name] = said;
  header[kMetadata][kChecksum] = checksumOf(metadata);
  std::uint64_t at = 0;
  for (const core::PatchNode& n : patch.nodes)
    for (const auto& [row, blob] : n.tensors) {
      const std::uint64_t end = at + blob->data.size() * sizeof(float);
      header[n.id + "." + row] = {{"dtype", "F32"}, {"shape", blob->shape}, {"data_offsets", {at, end}}};
      at = end;
    }
  return assemble(header, text.blobs);
}

Result<Model> readModelBytes(const std::string& bytes) {
  return guarded({}, [&]() -> Result<Model> { return modelOf(take(bytes)); });
}

Result<Model> readModel(const std::filesystem::path& path) {
  auto bytes = readAll(path);
  if (!bytes) return bytes.error();
  return guarded(path, [&]() -> Result<Model> { return modelOf(take(*bytes)); });
}

Result<void> writeModel(const Model& model, const std::filesystem::path& path) {
  const std::string bytes = writeModelBytes(model);
  if (headerLength(bytes) > kLargestHeader)
    return Error{"The patch \"" + model.patch.name + "\" is too large for a model (its nodes, cables and notes take " +
                 std::to_string(headerLength(bytes) >> 20) + " MB of at most " + std::to_string(kLargestHeader >> 20) +
                 "); save it as a patch, .json."};
  return safeWrite(path, bytes);
}

using Arrays = std::vector<std::pair<std::string, std::vector<double>>>;

Result<void> writeArrays(const Arrays& arrays, const std::filesystem::path& path) {
  Written header;
  std::string data;
  header[kMetadata] = Written::object();
  for (const auto& [name, values] : arrays) {
    const std::size_t begin = data.size();
    data.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double));
    header[name] = {{"dtype", "F64"}, {"shape", {values.size()}}, {"data_offsets", {begin, data.size()}}};
  }
  header[kMetadata][kChecksum] = hex(checksum(data));
  return safeWrite(path, assemble(header, data));
}

Result<Arrays> readArrays(const std::filesystem::path& path) {
  auto bytes = readAll(path);
  if (!bytes) return bytes.error();
  return guarded(path, [&]() -> Result<Arrays> {
    const Parts p = take(*bytes);
    const Json sum = p.header.value(kMetadata, Json::object());
    if (sum.contains(kChecksum) && sum.at(kChecksum) != hex(checksum(p.data)))  // older files have none
      throw Bad{"Its numbers are damaged (checksum differs); restore it from a backup."};
    Arrays out;
    for (const auto& [name, t] : p.header.items()) {
      if (name == kMetadata) continue;
      if (t.at("dtype") != "F64") throw Bad{"Array \"" + name + "\" is no array of F64."};
      std::vector<double> values(t.at("shape").at(0).get<std::size_t>());
      if (!values.empty())
        std::memcpy(values.data(), p.data.data() + t.at("data_offsets").at(0).get<std::size_t>(),
                    values.size() * sizeof(double));
      out.emplace_back(name, std::move(values));
    }
    return out;
  });
}

}  // namespace presets
