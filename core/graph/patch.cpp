// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/graph/patch.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

namespace core {

const PatchNode* Patch::find(std::string_view id) const {
  const auto at = std::find_if(nodes.begin(), nodes.end(), [id](const PatchNode& n) { return n.id == id; });
  return at == nodes.end() ? nullptr : &*at;
}
PatchNode* Patch::find(std::string_view id) { return const_cast<PatchNode*>(std::as_const(*this).find(id)); }

std::string Patch::freshId(std::string_view type) const {
  const std::string base(type.substr(type.find('.') == std::string_view::npos ? 0 : type.find('.') + 1));
  std::unordered_set<std::string_view> used;
  for (const PatchNode& n : nodes) used.insert(n.id);
  for (int i = 1;; ++i) {
    const std::string candidate = i == 1 ? base : base + std::to_string(i);
    if (!used.contains(candidate)) return candidate;
  }
}

double Patch::phraseSeconds() const {
  double end = 0;
  for (const Note& n : phrase) end = std::max(end, n.start + n.length);
  return end;
}

PatchNode makeNode(const Patch& patch, const NodeType& type) {
  PatchNode node;
  node.type = type.info.id;
  node.id = patch.freshId(type.info.id);
  return node;
}

double knobValue(const PatchNode& node, const Input& input) {
  const auto at = node.values.find(std::string(input.id));
  const double v = at == node.values.end() ? input.def : at->second;
  return input.isParameter() ? input.range().clamp(v) : input.def;
}

namespace {
std::vector<std::string> splitChoices(std::string_view choices) {
  std::vector<std::string> out;
  while (!choices.empty()) {
    const auto bar = choices.find('|');
    out.emplace_back(choices.substr(0, bar));
    choices.remove_prefix(bar == std::string_view::npos ? choices.size() : bar + 1);
  }
  return out;
}
}  // namespace

Result<std::vector<SettingValue>> resolveSettings(const PatchNode& node, const NodeType& type) {
  std::vector<SettingValue> out;
  for (const Setting& row : type.settings) {
    const auto at = node.settings.find(std::string(row.id));
    SettingValue value{row.def, {}};
    if (at != node.settings.end()) {
      value = {at->second.number, at->second.text};
      if (row.kind == SettingKind::choice) {
        const auto choices = splitChoices(row.choices);
        const auto found = std::find(choices.begin(), choices.end(), at->second.text);
        if (found == choices.end())
          return Error{"Node \"" + node.id + "\": setting \"" + std::string(row.id) + "\" has no choice \"" +
                       at->second.text + "\"; choose one of " + std::string(row.choices) + "."};
        value.number = static_cast<double>(found - choices.begin());
      } else if (row.kind != SettingKind::file) {
        value.number = std::clamp(value.number, row.min, row.max);
      }
    }
    out.push_back(std::move(value));
  }
  return out;
}

bool closesCycle(const Patch& patch, std::string_view from, std::string_view to) {
  std::unordered_map<std::string_view, std::vector<std::string_view>> next;
  for (const Cable& c : patch.cables)
    if (!c.delayed) next[c.from].push_back(c.to);
  std::vector<std::string_view> stack{to};
  std::unordered_set<std::string_view> seen{to};
  while (!stack.empty()) {
    const std::string_view at = stack.back();
    stack.pop_back();
    if (at == from) return true;
    for (const std::string_view n : next[at])
      if (seen.insert(n).second) stack.push_back(n);
  }
  return false;
}

std::string nearest(std::string_view word, const std::vector<std::string>& choices) {
  std::string best;
  std::size_t bestDistance = word.size() / 3 + 2;
  for (const std::string& choice : choices) {
    std::vector<std::size_t> row(choice.size() + 1);
    std::iota(row.begin(), row.end(), 0U);
    for (std::size_t i = 1; i <= word.size(); ++i) {  // Levenshtein distance
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j <= choice.size(); ++j) {
        const std::size_t replaced = diagonal + (word[i - 1] == choice[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
      }
    }
    if (row.back() < bestDistance) {
      bestDistance = row.back();
      best = choice;
    }
  }
  return best;
}

}  // namespace core
