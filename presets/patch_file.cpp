// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/patch_file.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "presets/model_file.h"
#include "presets/safe_write.h"

namespace presets {
namespace {

using core::Error;
using core::Patch;
using core::Result;
using Json = nlohmann::ordered_json;

constexpr const char* kSchema = "tonewright-patch";
constexpr int kVersion = 1;
constexpr int kDeepest = 64;

/// Thrown inside this file only; carries the sentence.
struct Bad {
  std::string message;
};

std::string inQuotes(const std::string& a) { return "\"" + a + "\""; }

std::uint64_t checksum(const char* bytes, std::size_t size) {  // FNV-1a
  std::uint64_t h = 14695981039346656037ULL;
  for (std::size_t i = 0; i < size; ++i) h = (h ^ static_cast<unsigned char>(bytes[i])) * 1099511628211ULL;
  return h;
}

std::string hex(std::uint64_t x) {
  std::string out(16, '0');
  for (std::size_t i = 16; i-- > 0; x >>= 4) out[i] = "0123456789abcdef"[x & 15];
  return out;
}

/// Deepest nesting of brackets outside texts. (A parser callback could tell too, but the library then
/// walks each list once an element: 100,000 nodes take half a minute.)
int nesting(const std::string& json) {
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

// ---- reading one object, field by field; what is left over is kept -----------------------------

class Reader {
 public:
  Reader(const Json& object, std::string where) : left_(object), where_(std::move(where)) {
    if (!object.is_object()) throw Bad{where_ + " must be an object {...}."};
  }
  double number(const char* key, double otherwise) {
    const auto at = left_.find(key);
    if (at == left_.end()) return otherwise;
    if (!at->is_number()) throw Bad{where_ + ": " + inQuotes(key) + " must be a number."};
    const double v = at->get<double>();
    if (!std::isfinite(v)) throw Bad{where_ + ": " + inQuotes(key) + " must be a finite number."};
    left_.erase(key);
    return v;
  }
  std::string text(const char* key, const std::string& otherwise = {}) {
    const auto at = left_.find(key);
    if (at == left_.end()) return otherwise;
    if (!at->is_string()) throw Bad{where_ + ": " + inQuotes(key) + " must be a text."};
    std::string v = at->get<std::string>();
    left_.erase(key);
    return v;
  }
  std::string needText(const char* key) {
    if (!left_.contains(key)) throw Bad{where_ + " has no " + inQuotes(key) + "."};
    return text(key);
  }
  bool flag(const char* key) {
    const auto at = left_.find(key);
    if (at == left_.end()) return false;
    if (!at->is_boolean()) throw Bad{where_ + ": " + inQuotes(key) + " must be true or false."};
    const bool v = at->get<bool>();
    left_.erase(key);
    return v;
  }
  Json list(const char* key) { return container(key, true); }
  Json object(const char* key) { return container(key, false); }
  /// JSON text of the fields nobody took.
  std::string foreign() const { return left_.empty() ? std::string() : left_.dump(); }
  const std::string& where() const { return where_; }

 private:
  Json container(const char* key, bool array) {
    const auto at = left_.find(key);
    if (at == left_.end()) return array ? Json::array() : Json::object();
    if (array ? !at->is_array() : !at->is_object())
      throw Bad{where_ + ": " + inQuotes(key) + (array ? " must be a list [...]." : " must be an object {...}.")};
    Json v = *at;
    left_.erase(key);
    return v;
  }
  Json left_;
  std::string where_;
};

std::vector<std::string> texts(const Json& list, const std::string& where) {
  std::vector<std::string> out;
  for (const Json& j : list) {
    if (!j.is_string()) throw Bad{where + " must be a list of texts."};
    out.push_back(j.get<std::string>());
  }
  return out;
}

std::shared_ptr<const core::Blob> readBlob(const Json& j, const std::string& where, const std::string& bytes) {
  Reader r(j, where);
  auto blob = std::make_shared<core::Blob>();
  double count = 1;
  for (const Json& d : r.list("shape")) {
    if (!d.is_number_integer() || d.get<std::int64_t>() < 0 || d.get<std::int64_t>() > (1 << 28))
      throw Bad{where + ": a shape holds whole numbers from 0."};
    blob->shape.push_back(d.get<int>());
    count *= blob->shape.back();
  }
  const double offset = r.number("offset", 0);
  const std::string sum = r.text("checksum");
  if (bytes.empty() && count > 0)
    throw Bad{where + ": the file with its numbers (.blobs) is missing; put it beside the patch."};
  if (offset < 0 || count * 4 + offset > static_cast<double>(bytes.size()))
    throw Bad{where + ": the file with its numbers (.blobs) is too short; it is damaged or from another patch."};
  const char* from = bytes.data() + static_cast<std::size_t>(offset);
  blob->data.resize(static_cast<std::size_t>(count));
  std::memcpy(blob->data.data(), from, blob->data.size() * 4);
  if (hex(checksum(from, blob->data.size() * 4)) != sum)
    throw Bad{where + ": the numbers in the .blobs file are damaged (checksum differs); restore it from a backup."};
  return blob;
}

core::PatchNode readNode(const Json& j, std::size_t index, const std::string& blobs) {
  Reader r(j, "Node " + std::to_string(index + 1));
  core::PatchNode n;
  n.id = r.needText("id");
  n.type = r.needText("type");
  const std::string where = "Node " + inQuotes(n.id);
  if (n.id.empty() || n.id.find_first_of(". =\n") != std::string::npos)
    throw Bad{where + ": an id is a word without dots, spaces or equal signs."};
  n.label = r.text("label");
  n.x = r.number("x", 0);
  n.y = r.number("y", 0);
  n.bypassed = r.flag("bypassed");
  const Json values = r.object("values"), settings = r.object("settings"), tensors = r.object("tensors");
  for (const auto& [id, v] : values.items()) {
    if (!v.is_number() || !std::isfinite(v.get<double>()))
      throw Bad{where + ": value " + inQuotes(id) + " must be a number."};
    n.values[id] = v.get<double>();
  }
  for (const auto& [id, v] : settings.items()) {
    if (v.is_number())
      n.settings[id] = {v.get<double>(), {}};
    else if (v.is_string())
      n.settings[id] = {0, v.get<std::string>()};
    else
      throw Bad{where + ": setting " + inQuotes(id) + " must be a number or a text."};
  }
  for (const auto& [id, v] : tensors.items()) n.tensors[id] = readBlob(v, where + ", tensor " + inQuotes(id), blobs);
  for (const std::string& id : texts(r.list("free"), where + ": \"free\"")) n.free.insert(id);
  n.foreign = r.foreign();
  return n;
}

core::Cable readCable(const Json& j, std::size_t index) {
  Reader r(j, "Cable " + std::to_string(index + 1));
  const auto split = [&r](const char* key) {
    const std::string end = r.needText(key);
    const auto dot = end.find('.');
    if (dot == std::string::npos) throw Bad{r.where() + ": " + inQuotes(key) + " must be written node.port."};
    return std::pair(end.substr(0, dot), end.substr(dot + 1));
  };
  core::Cable c;
  std::tie(c.from, c.output) = split("from");
  std::tie(c.to, c.input) = split("to");
  c.depth = r.number("depth", 1);
  c.delayed = r.flag("delayed");
  c.free = r.flag("free");
  return c;
}

core::Note readNote(const Json& j, std::size_t index) {
  Reader r(j, "Note " + std::to_string(index + 1));
  core::Note n;
  n.pitch = r.number("pitch", 60);
  n.start = r.number("start", 0);
  n.length = r.number("length", 1);
  n.velocity = r.number("velocity", 0.8);
  if (n.pitch < 0 || n.pitch > 127 || n.start < 0 || n.length <= 0 || n.length > 3600 || n.start > 36000 ||
      n.velocity < 0 || n.velocity > 1)
    throw Bad{r.where() + ": pitch is 0 to 127, start from 0 s, length above 0 s, velocity 0 to 1."};
  return n;
}

Patch readPatchObject(const Json& j, const std::string& blobs) {
  Reader r(j, "The patch");
  if (r.text("schema") != kSchema)
    throw Bad{"This is not a Tonewright patch (\"schema\" is not \"tonewright-patch\")."};
  const double version = r.number("version", 0);
  if (version > kVersion)
    throw Bad{"The patch was written by a newer Tonewright (version " + std::to_string(static_cast<int>(version)) +
              "); update the program to open it."};
  if (version < 1) throw Bad{"The patch has no valid \"version\"."};
  Patch p;
  p.name = r.text("name");
  p.description = r.text("description");
  p.author = r.text("author");
  p.tags = texts(r.list("tags"), "\"tags\"");
  p.rate = r.number("rate", 48000);
  if (p.rate < 8000 || p.rate > 192000) throw Bad{"The patch's rate must be from 8000 to 192000 Hz."};
  const double voices = r.number("voices", 1);
  if (voices < 1 || voices > 16) throw Bad{"The patch's \"voices\" must be from 1 to 16."};
  p.voices = static_cast<int>(voices);
  const Json nodes = r.list("nodes"), cables = r.list("cables"), phrase = r.list("phrase");
  std::set<std::string> ids;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    p.nodes.push_back(readNode(nodes[i], i, blobs));
    if (!ids.insert(p.nodes.back().id).second)
      throw Bad{"Two nodes are called " + inQuotes(p.nodes.back().id) + "; give one of them another id."};
  }
  for (std::size_t i = 0; i < cables.size(); ++i) p.cables.push_back(readCable(cables[i], i));
  p.phrase.clear();
  for (std::size_t i = 0; i < phrase.size(); ++i) p.phrase.push_back(readNote(phrase[i], i));
  p.foreign = r.foreign();
  return p;
}

// ---- writing ------------------------------------------------------------------------------------

void addForeign(Json& to, const std::string& foreign) {
  if (foreign.empty()) return;
  const Json kept = Json::parse(foreign);
  for (const auto& [key, value] : kept.items())
    if (!to.contains(key)) to[key] = value;
}

Json writeNode(const core::PatchNode& n, std::string& blobs) {
  Json j{{"id", n.id}, {"type", n.type}};
  if (!n.label.empty()) j["label"] = n.label;
  j["x"] = n.x;
  j["y"] = n.y;
  if (n.bypassed) j["bypassed"] = true;
  if (!n.values.empty()) j["values"] = n.values;
  for (const auto& [id, s] : n.settings) {
    if (s.text.empty())
      j["settings"][id] = s.number;
    else
      j["settings"][id] = s.text;
  }
  for (const auto& [id, blob] : n.tensors) {
    const auto* bytes = reinterpret_cast<const char*>(blob->data.data());
    const std::size_t size = blob->data.size() * 4;
    j["tensors"][id] = {{"shape", blob->shape}, {"offset", blobs.size()}, {"checksum", hex(checksum(bytes, size))}};
    blobs.append(bytes, size);
  }
  if (!n.free.empty()) j["free"] = n.free;
  addForeign(j, n.foreign);
  return j;
}

Json writeCable(const core::Cable& c) {
  Json j{{"from", c.from + "." + c.output}, {"to", c.to + "." + c.input}};
  if (c.depth != 1) j["depth"] = c.depth;
  if (c.delayed) j["delayed"] = true;
  if (c.free) j["free"] = true;
  return j;
}

Result<std::string> readAll(const std::filesystem::path& path) {
  std::error_code code;
  if (!std::filesystem::is_regular_file(path, code)) return Error{"There is no file " + inQuotes(path.string()) + "."};
  if (std::filesystem::file_size(path, code) > (std::uintmax_t{1} << 30))
    return Error{"The file " + inQuotes(path.string()) + " is larger than 1 GB; that is no patch."};
  std::ifstream in(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  if (!in) return Error{"The file " + inQuotes(path.string()) + " could not be read; check its permissions."};
  return text;
}

std::filesystem::path blobPath(const std::filesystem::path& path) {
  return std::filesystem::path(path).replace_extension(".blobs");
}

}  // namespace

PatchText writeText(const Patch& patch) {
  PatchText out;
  Json j{{"schema", kSchema}, {"version", kVersion}, {"name", patch.name}};
  if (!patch.description.empty()) j["description"] = patch.description;
  if (!patch.author.empty()) j["author"] = patch.author;
  if (!patch.tags.empty()) j["tags"] = patch.tags;
  j["rate"] = patch.rate;
  j["voices"] = patch.voices;
  j["phrase"] = Json::array();
  for (const core::Note& n : patch.phrase)
    j["phrase"].push_back({{"pitch", n.pitch}, {"start", n.start}, {"length", n.length}, {"velocity", n.velocity}});
  j["nodes"] = Json::array();
  for (const core::PatchNode& n : patch.nodes) j["nodes"].push_back(writeNode(n, out.blobs));
  j["cables"] = Json::array();
  for (const core::Cable& c : patch.cables) j["cables"].push_back(writeCable(c));
  addForeign(j, patch.foreign);
  out.json = j.dump(1, '\t', false, Json::error_handler_t::replace) + "\n";
  return out;
}

Result<Patch> readText(const std::string& json, const std::string& blobs) {
  try {
    if (nesting(json) > kDeepest)
      throw Bad{"The patch is nested deeper than " + std::to_string(kDeepest) + " levels; it is damaged."};
    return readPatchObject(Json::parse(json), blobs);
  } catch (const Bad& bad) {
    return Error{bad.message};
  } catch (const Json::parse_error& e) {
    return Error{"The patch is not valid JSON (near byte " + std::to_string(e.byte) +
                 "); it is damaged or not a patch."};
  } catch (const Json::exception& e) {
    return Error{"The patch could not be understood: " + std::string(e.what()) + "."};
  }
}

Result<Patch> readPatch(const std::filesystem::path& path) {
  if (path.extension() == kModelEnding) {
    auto model = readModel(path);
    if (!model) return model.error();
    return std::move(model->patch);
  }
  auto json = readAll(path);
  if (!json) return json.error();
  std::string blobs;
  if (std::error_code code; std::filesystem::exists(blobPath(path), code)) {
    auto bytes = readAll(blobPath(path));
    if (!bytes) return bytes.error();
    blobs = std::move(*bytes);
  }
  auto patch = readText(*json, blobs);
  if (!patch) return Error{path.filename().string() + ": " + patch.error().message};
  return patch;
}

Result<void> writePatch(const Patch& patch, const std::filesystem::path& path) {
  const PatchText text = writeText(patch);
  // The patch names no blob file but its own; blobs carry checksums, so a crash between the two
  // renames is noticed, and the earlier blobs stay as .blobs~ until the patch is in place.
  const std::filesystem::path blobs = blobPath(path), kept = blobs.string() + "~";
  std::error_code code;
  if (std::filesystem::exists(blobs, code)) std::filesystem::rename(blobs, kept, code);
  const auto restore = [&](const Error& error) {
    std::filesystem::remove(blobs, code);
    if (std::filesystem::exists(kept, code)) std::filesystem::rename(kept, blobs, code);
    return error;
  };
  if (!text.blobs.empty())
    if (auto done = safeWrite(blobs, text.blobs); !done) return restore(done.error());
  if (auto done = safeWrite(path, text.json); !done) return restore(done.error());
  std::filesystem::remove(kept, code);
  return {};
}

std::vector<PresetInfo> factoryPresets(const std::filesystem::path& folder) {
  std::vector<PresetInfo> out;
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator(folder, code)) {
    if (entry.path().extension() != ".json") continue;
    const auto patch = readPatch(entry.path());
    if (!patch) continue;
    out.push_back({entry.path().stem().string(), patch->name, patch->description, patch->tags, entry.path()});
  }
  std::sort(out.begin(), out.end(), [](const PresetInfo& a, const PresetInfo& b) { return a.id < b.id; });
  return out;
}

}  // namespace presets
