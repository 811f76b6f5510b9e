// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/model_file.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "presets/container.h"
#include "presets/integrity.h"
#include "presets/patch_file.h"
#include "presets/patch_outline.h"
#include "presets/safe_write.h"

namespace presets {
namespace {
using core::Error;
using core::Result;

constexpr const char* kFormat = "tonewright-model";
constexpr int kVersion = 1;
constexpr const char* kChecksum = "checksum";

/// Texts and their names, as metadata hold them.
using Metadata = std::vector<std::pair<std::string, std::string>>;

/// What metadata say, whoever wrote them and in whatever order.
std::string checksumOf(const Metadata& metadata) {
  std::uint64_t sum = kChecksumStart;
  for (const auto& [name, text] : metadata) sum = checksum(text + '\n', checksum(name + '\n', sum));
  return hex(sum);
}

std::string valid(const std::string& text) { return Written::parse(dumped(text)).get<std::string>(); }

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
void checkPlaces(const Outline& outline, const Json& header) {
  for (const auto& [name, place] : outline.tensors) {
    const auto at = header.find(name);
    if (at == header.end() || at->at("dtype") != "F32" || at->at("shape") != Json(place.shape) ||
        (place.bytes && at->at("data_offsets").at(0) != place.offset))
      throw Bad{"Its tensor \"" + name + "\" is not the one that its patch asks for; the file is damaged."};
  }
  for (const auto& [name, t] : header.items())
    if (name != kMetadata && !outline.tensors.contains(name))
      throw Bad{"Its tensor \"" + name + "\" belongs to no node of its patch; the file is damaged."};
}

/// Reads the numbers of the tensors of a patch.
void fill(core::Patch& patch, const Outline& outline, const Container& c) {
  for (core::PatchNode& n : patch.nodes)
    for (auto& [row, blob] : n.tensors) {
      const std::string name = n.id + "." + row;
      const TensorPlace& place = outline.tensors.at(name);
      auto read = readTensor(place, c.data(place.offset, place.bytes));
      if (!read) throw Bad{read.error().message};
      blob = std::move(*read);
      if (!std::all_of(blob->data.begin(), blob->data.end(), [](float x) { return std::isfinite(x); }))
        throw Bad{"Its tensor \"" + name + "\" holds numbers that are not finite; it cannot be played."};
    }
}

/// The metadata, as they were written.
Json metadataIn(const Container& c) {
  Json metadata = c.header.value(kMetadata, Json::object());
  if (!metadata.is_object() || metadata.value("format", "") != kFormat)
    throw Bad{"It holds tensors, but not of a model of this program (its metadata name no patch)."};
  checkVersion(metadata.value("version", ""));
  if (!metadata.contains("patch")) throw Bad{"Its metadata hold no patch; the file is damaged."};
  Metadata said = metadataOf({}, {});
  for (auto& [name, text] : said) text = metadata.value(name, "");
  if (metadata.contains(kChecksum) && metadata.at(kChecksum) != checksumOf(said))  // older files have none
    throw Bad{"What it says of its patch and its origin is damaged (checksum differs); restore it from a backup."};
  return metadata;
}

ModelInfo infoIn(const Json& metadata) {
  ModelInfo info;
  info.licence = metadata.value("licence", "");
  info.credits = metadata.value("credits", "");
  info.training = metadata.value("training", "");
  info.trained = list(metadata.value("trained", ""));
  info.validated = list(metadata.value("validated", ""));
  info.instruments = list(metadata.value("instruments", ""));
  return info;
}

/// What `choose` makes of the patch, of which it sees no numbers; only those of the result are read.
template <class Choose>
Result<Model> modelIn(Bytes file, Choose choose) {
  const Container c = openContainer(std::move(file));
  const Json metadata = metadataIn(c);
  const auto outline = readOutline(metadata.at("patch").get<std::string>(), c.size());
  if (!outline) throw Bad{outline.error().message};
  checkPlaces(*outline, c.header);
  Result<core::Patch> patch = choose(outline->patch);
  if (!patch) return patch.error();
  fill(*patch, *outline, c);
  return Model{std::move(*patch), infoIn(metadata)};
}
Result<core::Patch> all(const core::Patch& patch) { return patch; }

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
  return guarded({}, [&] { return modelIn(bytesIn(bytes), all); });
}

Result<Model> readModel(const std::filesystem::path& path) {
  auto file = bytesOf(path);
  if (!file) return file.error();
  return guarded(path, [&] { return modelIn(std::move(*file), all); });
}

Result<ModelParts> readModelParts(const std::filesystem::path& path, const std::vector<core::Part>& parts,
                                  const core::Registry& registry) {
  auto file = bytesOf(path);
  if (!file) return file.error();
  core::ParameterCount whole;
  auto model = guarded(path, [&] {
    return modelIn(std::move(*file), [&](const core::Patch& patch) {
      whole = core::countParameters(patch, registry);
      return core::extractParts(patch, parts, registry);
    });
  });
  if (!model) return model.error();
  return ModelParts{std::move(*model), whole};
}

Result<void> checkModelName(const std::filesystem::path& path) {
  if (path.extension() == kModelEnding) return {};
  return Error{"\"" + path.string() + "\" must end in .safetensors; that is the format of models."};
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
  auto file = bytesOf(path);
  if (!file) return file.error();
  return guarded(path, [&]() -> Result<Arrays> {
    const Container c = openContainer(std::move(*file));
    const std::string data = c.data(0, c.size());
    const Json sum = c.header.value(kMetadata, Json::object());
    if (sum.contains(kChecksum) && sum.at(kChecksum) != hex(checksum(data)))  // older files have none
      throw Bad{"Its numbers are damaged (checksum differs); restore it from a backup."};
    Arrays out;
    for (const auto& [name, t] : c.header.items()) {
      if (name == kMetadata) continue;
      if (t.at("dtype") != "F64") throw Bad{"Array \"" + name + "\" is no array of F64."};
      // by its place, which is checked: a shape may have further sizes
      const auto begin = t.at("data_offsets").at(0).get<std::size_t>(),
                 end = t.at("data_offsets").at(1).get<std::size_t>();
      std::vector<double> values((end - begin) / sizeof(double));
      if (!values.empty()) std::memcpy(values.data(), data.data() + begin, values.size() * sizeof(double));
      out.emplace_back(name, std::move(values));
    }
    return out;
  });
}

}  // namespace presets
