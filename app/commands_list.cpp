// SPDX-License-Identifier: GPL-3.0-or-later
// `nodes`, `presets`, `check`.
#include <array>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/catalog.h"
#include "app/commands.h"
#include "core/graph/plan.h"
#include "core/neural/parts.h"

namespace app {
namespace {

using Json = nlohmann::ordered_json;

const char* categoryName(core::Category c) {
  switch (c) {
    case core::Category::source:
      return "source";
    case core::Category::filter:
      return "filter";
    case core::Category::envelope:
      return "envelope";
    case core::Category::effect:
      return "effect";
    case core::Category::control:
      return "control";
    case core::Category::neural:
      return "neural";
    case core::Category::structure:
      return "structure";
  }
  return "";
}

Json widthJson(const core::Width& w) { return w.variable ? Json(std::string(1, w.variable)) : Json(w.size); }
const char* rateName(core::Rate r) { return r == core::Rate::audio ? "audio" : "control"; }

Json nodeJson(const core::NodeType& t) {
  Json j{{"id", t.info.id}, {"name", t.info.name}, {"help", t.info.help}, {"category", categoryName(t.info.category)}};
  for (const char* key : {"inputs", "settings", "tensors", "outputs"}) j[key] = Json::array();
  for (const core::Input& i : t.inputs) {
    Json row{{"id", i.id}, {"name", i.name}, {"help", i.help}, {"unit", core::unitName(i.unit)}};
    row["min"] = i.isParameter() ? Json(i.min) : Json();
    row["max"] = i.isParameter() ? Json(i.max) : Json();
    row.update({{"default", i.def},
                {"scale", core::scaleName(i.scale)},
                {"rate", rateName(i.rate)},
                {"width", widthJson(i.width)},
                {"parameter", i.isParameter()},
                {"differentiable", i.differentiable}});
    j["inputs"].push_back(row);
  }
  for (const core::Setting& s : t.settings) {
    constexpr std::array kinds{"number", "choice", "seed", "file"};
    Json row{{"id", s.id}, {"name", s.name}, {"help", s.help}, {"kind", kinds[static_cast<std::size_t>(s.kind)]}};
    if (s.kind == core::SettingKind::choice)
      row["choices"] = s.choices;
    else if (s.kind != core::SettingKind::file)
      row.update({{"unit", core::unitName(s.unit)}, {"min", s.min}, {"max", s.max}});
    if (s.kind != core::SettingKind::file) row["default"] = s.def;
    j["settings"].push_back(row);
  }
  for (const core::Tensor& s : t.tensors)
    j["tensors"].push_back({{"id", s.id},
                            {"name", s.name},
                            {"help", s.help},
                            {"sharing", s.sharing == core::Sharing::shared ? "shared" : "per lane"}});
  for (const core::Output& o : t.outputs)
    j["outputs"].push_back(
        {{"id", o.id}, {"name", o.name}, {"help", o.help}, {"rate", rateName(o.rate)}, {"width", widthJson(o.width)}});
  return j;
}

}  // namespace

int fail(const core::Error& error) {
  std::string line = error.message;  // names in it may hold anything
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = ' ';
  std::cerr << "tonewright: " << line << "\n";
  return 1;
}

int failUsage(const core::Error& error) {
  fail(error);
  return 2;
}

int nodesCommand(const core::Registry& registry, bool json) {
  if (json) {
    Json all = Json::array();
    for (const core::NodeType& t : registry.types()) all.push_back(nodeJson(t));
    std::cout << all.dump(1, ' ', false, Json::error_handler_t::replace) << "\n";
    return 0;
  }
  for (const core::NodeType& t : registry.types()) {
    std::printf("%-24s %s\n", std::string(t.info.id).c_str(), std::string(t.info.help).c_str());
    for (const core::Input& i : t.inputs)
      std::printf(
          "    %-14s %s%s\n", std::string(i.id).c_str(), std::string(i.help).c_str(),
          i.isParameter()
              ? (" [" + core::formatValue(i.min, i.unit) + " ... " + core::formatValue(i.max, i.unit) + "]").c_str()
              : "");
  }
  return 0;
}

int presetsCommand(bool json) {
  const auto all = allPresets();
  if (json) {
    Json list = Json::array();
    for (const auto& p : all)
      list.push_back({{"id", p.id},
                      {"name", p.name},
                      {"description", p.description},
                      {"tags", p.tags},
                      {"model", p.isModel()},
                      {"licence", p.licence},
                      {"credits", p.credits}});
    std::cout << list.dump(1, ' ', false, Json::error_handler_t::replace) << "\n";
    return 0;
  }
  std::filesystem::path folder = presetFolder();
  for (const auto& p : all) {
    if (p.path.parent_path() != folder) std::printf("\nModels, and patches that training starts from:\n");
    folder = p.path.parent_path();
    std::printf("%-20s %s%s\n", p.id.c_str(), p.description.c_str(),
                p.licence.empty() ? "" : (" (" + p.licence + ")").c_str());
  }
  return 0;
}

int checkCommand(const core::Registry& registry, const std::string& name, bool json) {
  const auto patch = loadPatch(name);
  std::vector<std::string> problems, notes;
  if (!patch) {
    problems.push_back(patch.error().message);
  } else {
    for (const core::PatchNode& n : patch->nodes)
      if (!registry.find(n.type))
        notes.push_back("Node \"" + n.id + "\" is of the unknown type \"" + n.type + "\"; it is kept but silent.");
    for (const std::string& node : core::untrainedNodes(*patch, registry))
      notes.push_back("Node \"" + node + "\" has not learned anything yet; train the patch to play it.");
    const auto plan = core::compilePlan(*patch, registry, {.rate = patch->rate});
    if (!plan)
      problems.push_back(plan.error().message);
    else if (plan->outputNode < 0)
      notes.push_back("The patch has no output node; it is silent.");
  }
  if (json) {
    std::cout << Json{{"ok", problems.empty()}, {"problems", problems}, {"notes", notes}}.dump(
                     1, ' ', false, Json::error_handler_t::replace)
              << "\n";
  } else {
    for (const auto& n : notes) std::cout << "note: " << n << "\n";
    if (problems.empty()) std::cout << "The patch can be played.\n";
  }
  return problems.empty() ? 0 : fail({problems[0]});
}

}  // namespace app
