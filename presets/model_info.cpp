// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/model_info.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace presets {
namespace {
using Json = nlohmann::json;

constexpr const char* kField = "model";

/// Members by the names they have in patches; the same rows read and write.
constexpr std::pair<const char*, std::string ModelInfo::*> kTexts[] = {
    {"licence", &ModelInfo::licence}, {"credits", &ModelInfo::credits}, {"training", &ModelInfo::training}};
constexpr std::pair<const char*, std::vector<std::string> ModelInfo::*> kLists[] = {
    {"trained", &ModelInfo::trained}, {"validated", &ModelInfo::validated}, {"instruments", &ModelInfo::instruments}};

/// Fields of a patch that the program does not read; an object, whatever was there.
Json fieldsOf(const core::Patch& patch) {
  Json fields = Json::parse(patch.foreign, nullptr, false);
  return fields.is_object() ? fields : Json::object();
}

/// Whether a text holds another as a whole item or sentence.
bool says(const std::string& text, const std::string& item) {
  for (auto at = text.find(item); at != std::string::npos; at = text.find(item, at + 1)) {
    const std::size_t end = at + item.size();
    if ((at == 0 || text[at - 1] == ' ') && (end == text.size() || text[end] == ';' || text[end] == ' ')) return true;
  }
  return false;
}
/// Two texts as one, what both say once.
std::string joined(const std::string& a, const std::string& b) {
  if (b.empty() || says(a, b)) return a;
  return a.empty() || says(b, a) ? b : a + (a.ends_with('.') ? " " : "; ") + b;
}

/// A licence that one of the two does not state is not that of the other. `whatOf`: what is of the other.
std::string licences(const std::string& of, const std::string& other, const std::string& whatOf) {
  if (of.empty() == other.empty()) return joined(of, other);
  return of.empty() ? joined(other, "the rest: not stated") : joined(of, whatOf + ": not stated");
}

/// Whether tensors of the whole come from a patch (`is`), or from elsewhere.
bool holdsTensors(const core::Patch& whole, const core::Patch& of, bool is) {
  std::set<const core::Blob*> tensors;
  for (const core::PatchNode& n : of.nodes)
    for (const auto& [row, blob] : n.tensors) tensors.insert(blob.get());
  for (const core::PatchNode& n : whole.nodes)
    for (const auto& [row, blob] : n.tensors)
      if (tensors.contains(blob.get()) == is) return true;
  return false;
}

/// `taken`: a line on what is of the other. `otherPlays`: the takes that are named are those of the other.
ModelInfo merged(ModelInfo info, const ModelInfo& other, const std::string& taken, bool otherPlays) {
  if (otherPlays) {
    info.trained = other.trained;
    info.validated = other.validated;
    info.instruments = other.instruments;
    info.training = joined(taken, info.training.empty() ? "" : "the rest from: " + info.training);
  } else {
    info.training = joined(info.training, taken);
  }
  addOrigin(info, other);
  return info;
}
}  // namespace

ModelInfo infoOf(const core::Patch& patch) {
  ModelInfo info;
  const Json fields = fieldsOf(patch), said = fields.value(kField, Json::object());
  if (!said.is_object()) return info;
  for (const auto& [name, member] : kTexts)
    if (said.contains(name) && said[name].is_string()) info.*member = said[name].get<std::string>();
  for (const auto& [name, member] : kLists)
    for (const Json& item : said.value(name, Json::array()))
      if (item.is_string()) (info.*member).push_back(item.get<std::string>());
  return info;
}

void setInfo(core::Patch& patch, const ModelInfo& info) {
  Json said = Json::object(), fields = fieldsOf(patch);
  for (const auto& [name, member] : kTexts)
    if (!(info.*member).empty()) said[name] = info.*member;
  for (const auto& [name, member] : kLists)
    if (!(info.*member).empty()) said[name] = info.*member;
  if (!said.empty())
    fields[kField] = std::move(said);
  else if (fields.contains(kField) && fields[kField].is_object())
    fields.erase(kField);
  patch.foreign = fields.empty() ? std::string() : fields.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool hasLearned(const core::Patch& patch) {
  return std::any_of(patch.nodes.begin(), patch.nodes.end(), [](const auto& n) { return !n.tensors.empty(); });
}

void addOrigin(ModelInfo& info, const ModelInfo& of) {
  info.licence = joined(info.licence, of.licence);
  info.credits = joined(info.credits, of.credits);
}

void addStart(ModelInfo& info, const core::Patch& from) {
  const ModelInfo of = infoOf(from);
  if (hasLearned(from)) info.licence = licences(info.licence, of.licence, "the weights it started from");
  addOrigin(info, of);
}

void takeInfo(core::Patch& patch, const core::Patch& part) {
  const ModelInfo info = infoOf(patch), other = infoOf(part);
  if (!hasLearned(part) || other == info) return;
  if (!hasLearned(patch)) {  // what it says of its own training is of nothing that is there
    ModelInfo all = other;
    addOrigin(all, info);
    return setInfo(patch, all);
  }
  const bool said = other.training.empty() || says(info.training, other.training);
  ModelInfo both = merged(info, other, said ? "" : "nodes from: " + other.training, false);
  both.licence = licences(info.licence, other.licence, "some nodes");
  setInfo(patch, both);
}

core::Result<core::Swapped> swapModels(const core::Patch& a, const core::Patch& b, const std::vector<core::Part>& parts,
                                       const core::Registry& registry) {
  auto swapped = core::swapParts(a, b, parts, registry);
  if (!swapped) return swapped;
  const ModelInfo of = infoOf(a), other = infoOf(b);
  std::string taken;
  for (const core::Part part : parts)
    taken += (taken.empty() ? "" : ", ") + std::string(core::kPartNames[static_cast<std::size_t>(part)]);
  ModelInfo info =
      merged(of, other, taken + " from: " + (other.training.empty() ? b.name : other.training), swapped->otherPlays);
  if (holdsTensors(swapped->patch, a, true) && holdsTensors(swapped->patch, a, false))
    info.licence = licences(of.licence, other.licence, taken);
  // what gives z comes with the decoder that reads it, or with the encoder
  if (std::find(parts.begin(), parts.end(), core::Part::encoder) != parts.end()) info.instruments = other.instruments;
  setInfo(swapped->patch, info);
  return swapped;
}

}  // namespace presets
