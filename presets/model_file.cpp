// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/model_file.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "presets/patch_file.h"
#include "presets/safe_write.h"

namespace presets {
namespace {
using core::Error;
using core::Result;
using Json = nlohmann::ordered_json;
static_assert(std::endian::native == std::endian::little, "tensors are written as they lie in memory");

constexpr const char* kFormat = "tonewright-model";
constexpr int kVersion = 1;
constexpr std::uint64_t kLargestHeader = 64 << 20;  // a header holds the patch, not its tensors
constexpr std::uintmax_t kLargestFile = std::uintmax_t{1} << 31;

struct Bad {
  std::string message;
};

std::string assemble(const Json& header, const std::string& data) {
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t length = text.size();
  std::string out(8, '\0');
  std::memcpy(out.data(), &length, 8);
  return out + text + data;
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
/// Splits a file and checks that every tensor lies inside the data, fills its shape and overlaps no other.
Parts take(const std::string& bytes) {
  std::uint64_t length = 0;
  if (bytes.size() < 10) throw Bad{"It is too short to be a model."};
  std::memcpy(&length, bytes.data(), 8);
  if (length > kLargestHeader || length > bytes.size() - 8 || bytes[8] != '{')
    throw Bad{"It is no safetensors file, or it is cut off."};
  Parts p;
  p.header = Json::parse(bytes.begin() + 8, bytes.begin() + 8 + static_cast<std::ptrdiff_t>(length));
  p.data = bytes.substr(8 + length);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  for (const auto& [name, t] : p.header.items()) {
    if (name == "__metadata__") continue;
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
  for (std::size_t i = 1; i < ranges.size(); ++i)
    if (ranges[i].first < ranges[i - 1].second) throw Bad{"Two of its tensors overlap; the file is damaged."};
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

std::vector<std::string> list(const Json& metadata, const char* key) {
  std::vector<std::string> out;
  if (metadata.contains(key))
    for (const auto& item : Json::parse(metadata.at(key).get<std::string>())) out.push_back(item.get<std::string>());
  return out;
}

Model modelOf(const Parts& p) {
  const Json& metadata = p.header.at("__metadata__");
  if (metadata.value("format", "") != kFormat)
    throw Bad{"It holds tensors, but not of a model of this program (its metadata names no patch)."};
  const std::string version = metadata.value("version", "");
  if (version != std::to_string(kVersion))
    throw Bad{"It was made by a newer version of this program (format " + version + "); update to open it."};
  auto patch = readText(metadata.at("patch").get<std::string>(), p.data);
  if (!patch) throw Bad{patch.error().message};
  for (const core::PatchNode& n : patch->nodes)
    for (const auto& [row, blob] : n.tensors)
      if (!std::all_of(blob->data.begin(), blob->data.end(), [](float x) { return std::isfinite(x); }))
        throw Bad{"Its tensor \"" + n.id + "." + row + "\" holds numbers that are not finite; it cannot be played."};
  Model m;
  m.patch = std::move(*patch);
  m.info.licence = metadata.value("licence", "");
  m.info.credits = metadata.value("credits", "");
  m.info.training = metadata.value("training", "");
  m.info.trained = list(metadata, "trained");
  m.info.validated = list(metadata, "validated");
  m.info.instruments = list(metadata, "instruments");
  return m;
}
}  // namespace

std::string writeModelBytes(const Model& model) {
  // the data are the patch's own blobs, so that its offsets and checksums hold
  const PatchText text = writeText(model.patch);
  Json header;
  header["__metadata__"] = {{"format", kFormat},
                            {"version", std::to_string(kVersion)},
                            {"licence", model.info.licence},
                            {"credits", model.info.credits},
                            {"training", model.info.training},
                            {"trained", Json(model.info.trained).dump()},
                            {"validated", Json(model.info.validated).dump()},
                            {"instruments", Json(model.info.instruments).dump()},
                            {"patch", text.json}};
  std::uint64_t at = 0;
  for (const core::PatchNode& n : model.patch.nodes)
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
  return safeWrite(path, writeModelBytes(model));
}

using Arrays = std::vector<std::pair<std::string, std::vector<double>>>;

Result<void> writeArrays(const Arrays& arrays, const std::filesystem::path& path) {
  Json header;
  std::string data;
  for (const auto& [name, values] : arrays) {
    const std::size_t begin = data.size();
    data.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double));
    header[name] = {{"dtype", "F64"}, {"shape", {values.size()}}, {"data_offsets", {begin, data.size()}}};
  }
  return safeWrite(path, assemble(header, data));
}

Result<Arrays> readArrays(const std::filesystem::path& path) {
  auto bytes = readAll(path);
  if (!bytes) return bytes.error();
  return guarded(path, [&]() -> Result<Arrays> {
    const Parts p = take(*bytes);
    Arrays out;
    for (const auto& [name, t] : p.header.items()) {
      if (name == "__metadata__") continue;
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
