// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "presets/integrity.h"
#include "presets/patch_file.h"
#include "presets/patch_outline.h"

namespace presets {
namespace {

using core::Error;
using core::Patch;
using core::Result;
using Json = nlohmann::json;             // read: fields are found at once, however many there are
using Written = nlohmann::ordered_json;  // written: in the order in which people read them

constexpr const char* kSchema = "tonewright-patch";
constexpr int kVersion = 1;
constexpr std::size_t kMostNotes = 100000;
constexpr std::size_t kMostSizes = 8;  // of a tensor's shape

/// Thrown inside this file only; carries the sentence.
struct Bad {
  std::string message;
};

std::string inQuotes(const std::string& a) { return "\"" + a + "\""; }

bool isControl(char c) { return static_cast<unsigned char>(c) < 32 || c == 127; }

/// Names go into sentences of one line: they hold no line breaks or other control characters.
const std::string& name(const std::string& text, const std::string& where) {
  if (std::any_of(text.begin(), text.end(), isControl))
    throw Bad{where + ": the name " + inQuotes(text) + " holds a control character."};
  return text;
}

/// An error as one line, whatever was quoted in it.
Error oneLine(std::string message) {
  std::replace_if(message.begin(), message.end(), isControl, ' ');
  return Error{std::move(message)};
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

/// How many numbers a shape asks for, never more than `most` + 1: products of hostile sizes wrap around.
std::uint64_t countOf(const std::vector<int>& shape, std::uint64_t most) {
  std::uint64_t count = 1;
  for (const int size : shape) count = std::min(count * static_cast<std::uint64_t>(size), most + 1);
  return count;
}

TensorPlace readPlace(const Json& j, const std::string& where, std::uint64_t size) {
  Reader r(j, where);
  TensorPlace place{where, {}, 0, 0, {}};
  const Json shape = r.list("shape");
  if (shape.size() > kMostSizes)
    throw Bad{where + ": a shape has at most " + std::to_string(kMostSizes) + " sizes; it is damaged."};
  for (const Json& d : shape) {
    if (!d.is_number_integer() || d.get<std::int64_t>() < 0 || d.get<std::int64_t>() > (1 << 28))
      throw Bad{where + ": a shape holds whole numbers from 0."};
    place.shape.push_back(d.get<int>());
  }
  const std::uint64_t most = size / sizeof(float), count = countOf(place.shape, most);
  const double offset = r.number("offset", 0);
  place.checksum = r.text("checksum");
  if (size == 0 && count > 0)
    throw Bad{where + ": the file with its numbers (.blobs) is missing; put it beside the patch."};
  if (!(offset >= 0) || offset > static_cast<double>(size) || count > most ||
      count * sizeof(float) > size - static_cast<std::uint64_t>(offset))
    throw Bad{where + ": the file with its numbers (.blobs) is too short; it is damaged or from another patch."};
  place.offset = static_cast<std::uint64_t>(offset);
  place.bytes = count * sizeof(float);
  return place;
}

core::PatchNode readNode(const Json& j, std::size_t index, Outline& outline, std::uint64_t size) {
  Reader r(j, "Node " + std::to_string(index + 1));
  core::PatchNode n;
  n.id = name(r.needText("id"), r.where());
  n.type = name(r.needText("type"), r.where());
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
    n.values[name(id, where)] = v.get<double>();
  }
  for (const auto& [id, v] : settings.items()) {
    if (v.is_number())
      n.settings[name(id, where)] = {v.get<double>(), {}};
    else if (v.is_string())
      n.settings[name(id, where)] = {0, name(v.get<std::string>(), where)};
    else
      throw Bad{where + ": setting " + inQuotes(id) + " must be a number or a text."};
  }
  for (const auto& [id, v] : tensors.items()) {
    TensorPlace place = readPlace(v, where + ", tensor " + inQuotes(id), size);
    n.tensors[name(id, where)] = std::make_shared<const core::Blob>(core::Blob{place.shape, {}});
    outline.tensors[n.id + "." + id] = std::move(place);
  }
  for (const std::string& id : texts(r.list("free"), where + ": \"free\"")) n.free.insert(name(id, where));
  n.foreign = r.foreign();
  return n;
}

core::Cable readCable(const Json& j, std::size_t index) {
  Reader r(j, "Cable " + std::to_string(index + 1));
  const auto split = [&r](const char* key) {
    const std::string end = name(r.needText(key), r.where());
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

Outline readPatchObject(const Json& j, std::uint64_t size) {
  Reader r(j, "The patch");
  if (r.text("schema") != kSchema)
    throw Bad{"This is not a Tonewright patch (\"schema\" is not \"tonewright-patch\")."};
  const double version = r.number("version", 0);
  if (version > kVersion)
    throw Bad{"The patch was written by a newer Tonewright" +
              (version < 1e6 ? " (version " + std::to_string(static_cast<int>(version)) + ")" : std::string()) +
              "; update the program to open it."};
  if (version < 1) throw Bad{"The patch has no valid \"version\"."};
  Outline outline;
  Patch& p = outline.patch;
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
  for (const auto& [list, most, what] : {std::tuple(&nodes, core::kMostNodes, "nodes"),
                                         {&cables, core::kMostCables, "cables"},
                                         {&phrase, kMostNotes, "notes in its phrase"}})
    if (list->size() > most)
      throw Bad{"The patch has " + std::to_string(list->size()) + " " + what + "; the most is " + std::to_string(most) +
                ". Split it."};
  std::set<std::string> ids;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    p.nodes.push_back(readNode(nodes[i], i, outline, size));
    if (!ids.insert(p.nodes.back().id).second)
      throw Bad{"Two nodes are called " + inQuotes(p.nodes.back().id) + "; give one of them another id."};
  }
  for (std::size_t i = 0; i < cables.size(); ++i) p.cables.push_back(readCable(cables[i], i));
  p.phrase.clear();
  for (std::size_t i = 0; i < phrase.size(); ++i) p.phrase.push_back(readNote(phrase[i], i));
  p.foreign = r.foreign();
  return outline;
}

// ---- writing ------------------------------------------------------------------------------------

/// What the program does not know, behind what it wrote itself.
void addForeign(Written& to, const std::string& foreign) {
  if (foreign.empty()) return;
  const Json kept = Json::parse(foreign);
  std::set<std::string> own;
  for (const auto& [key, value] : to.items()) own.insert(key);
  auto& fields = to.get_ref<Written::object_t&>();  // asking the list for each of many keys takes seconds
  for (const auto& [key, value] : kept.items())
    if (!own.contains(key)) fields.emplace_back(key, value);
}

Written writeNode(const core::PatchNode& n, std::string& blobs) {
  Written j{{"id", n.id}, {"type", n.type}};
  if (!n.label.empty()) j["label"] = n.label;
  j["x"] = n.x;
  j["y"] = n.y;
  if (n.bypassed) j["bypassed"] = true;
  if (!n.values.empty()) j["values"] = n.values;
  std::map<std::string, Written> settings, tensors;
  for (const auto& [id, s] : n.settings) settings[id] = s.text.empty() ? Written(s.number) : Written(s.text);
  if (!settings.empty()) j["settings"] = settings;
  for (const auto& [id, blob] : n.tensors) {
    const std::string_view bytes(reinterpret_cast<const char*>(blob->data.data()), blob->data.size() * sizeof(float));
    tensors[id] = {{"shape", blob->shape}, {"offset", blobs.size()}, {"checksum", hex(checksum(bytes))}};
    blobs.append(bytes);
  }
  if (!tensors.empty()) j["tensors"] = tensors;
  if (!n.free.empty()) j["free"] = n.free;
  addForeign(j, n.foreign);
  return j;
}

Written writeCable(const core::Cable& c) {
  Written j{{"from", c.from + "." + c.output}, {"to", c.to + "." + c.input}};
  if (c.depth != 1) j["depth"] = c.depth;
  if (c.delayed) j["delayed"] = true;
  if (c.free) j["free"] = true;
  return j;
}

}  // namespace

PatchText writeText(const Patch& patch) {
  PatchText out;
  Written j{{"schema", kSchema}, {"version", kVersion}, {"name", patch.name}};
  if (!patch.description.empty()) j["description"] = patch.description;
  if (!patch.author.empty()) j["author"] = patch.author;
  if (!patch.tags.empty()) j["tags"] = patch.tags;
  j["rate"] = patch.rate;
  j["voices"] = patch.voices;
  j["phrase"] = Written::array();
  for (const core::Note& n : patch.phrase)
    j["phrase"].push_back({{"pitch", n.pitch}, {"start", n.start}, {"length", n.length}, {"velocity", n.velocity}});
  j["nodes"] = Written::array();
  for (const core::PatchNode& n : patch.nodes) j["nodes"].push_back(writeNode(n, out.blobs));
  j["cables"] = Written::array();
  for (const core::Cable& c : patch.cables) j["cables"].push_back(writeCable(c));
  addForeign(j, patch.foreign);
  out.json = j.dump(1, '\t', false, Written::error_handler_t::replace) + "\n";
  return out;
}

Result<Outline> readOutline(const std::string& json, std::uint64_t size) {
  try {
    if (nesting(json) > kDeepest)
      throw Bad{"The patch is nested deeper than " + std::to_string(kDeepest) + " levels; it is damaged."};
    return readPatchObject(Json::parse(json), size);
  } catch (const Bad& bad) {
    return oneLine(bad.message);
  } catch (const Json::parse_error& e) {
    return Error{"The patch is not valid JSON (near byte " + std::to_string(e.byte) +
                 "); it is damaged or not a patch."};
  } catch (const Json::exception& e) {
    return oneLine("The patch could not be understood: " + std::string(e.what()) + ".");
  }
}

Result<std::shared_ptr<const core::Blob>> readTensor(const TensorPlace& place, std::string_view bytes) {
  if (bytes.size() != place.bytes || hex(checksum(bytes)) != place.checksum)
    return oneLine(place.where + ": its numbers are damaged (checksum differs); restore the file from a backup.");
  auto blob = std::make_shared<core::Blob>();
  blob->shape = place.shape;
  blob->data.resize(bytes.size() / sizeof(float));
  if (!bytes.empty()) std::memcpy(blob->data.data(), bytes.data(), bytes.size());
  return std::shared_ptr<const core::Blob>(std::move(blob));
}

Result<Patch> readText(const std::string& json, const std::string& blobs) {
  auto outline = readOutline(json, blobs.size());
  if (!outline) return outline.error();
  for (core::PatchNode& n : outline->patch.nodes)
    for (auto& [row, blob] : n.tensors) {
      const TensorPlace& place = outline->tensors.at(n.id + "." + row);
      auto read = readTensor(place, std::string_view(blobs).substr(place.offset, place.bytes));
      if (!read) return read.error();
      blob = std::move(*read);
    }
  return std::move(outline->patch);
}

}  // namespace presets
