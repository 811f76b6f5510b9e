// SPDX-License-Identifier: GPL-3.0-or-later
// `bench`: speed on the canonical patches, beside other programs where they are installed, and with
// --recover the long recover runs.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>

#include "app/bench_rows.h"
#include "app/catalog.h"
#include "app/commands.h"
#include "app/export.h"
#include "core/analysis/compare.h"
#include "core/fit/session.h"
#include "core/fit/variables.h"

namespace app {
namespace {

constexpr double kPart = 0.2;       ///< of each knob's travel
constexpr double kPitchCents = 30;  ///< for frequencies of oscillators

/// Moves everything the preset frees by up to a fifth of its travel; pitches by up to 30 cents. The
/// travel of a cable's depth is that of the input it moves (for an input without a range: the depth).
core::Patch disturb(const core::Patch& patch, const core::Registry& registry, unsigned seed) {
  core::Patch out = patch;
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> by(-1, 1);
  for (const core::FitVariable& v : core::declaredFree(patch, registry)) {
    if (v.kind == core::FitVariable::Kind::depth) {
      const core::NodeType* to = registry.find(out.find(v.cable.to)->type);
      const double travel = core::depthTravel(to->inputs[static_cast<std::size_t>(to->inputIndex(v.cable.input))]);
      for (core::Cable& c : out.cables)
        if (c == v.cable) c.depth += kPart * by(random) * (travel > 0 ? travel : std::abs(c.depth));
      continue;
    }
    core::PatchNode* node = out.find(v.node);
    if (v.kind == core::FitVariable::Kind::tensor) {
      if (!node->tensors.contains(v.row)) continue;
      auto blob = std::make_shared<core::Blob>(*node->tensors[v.row]);
      for (float& x : blob->data) x *= static_cast<float>(1 + kPart * by(random));
      node->tensors[v.row] = blob;
      continue;
    }
    const core::NodeType* type = registry.find(node->type);
    const core::Input& input = type->inputs[static_cast<std::size_t>(type->inputIndex(v.row))];
    const double value = core::knobValue(*node, input);
    node->values[v.row] = v.row == "f0" ? input.range().clamp(value * std::exp2(kPitchCents / 1200 * by(random)))
                                        : input.range().plain(input.range().normalise(value) + kPart * by(random));
  }
  return out;
}

struct Recovered {
  double before = 0, after = 0;  ///< log-spectral distance, dB
  int steps = 0;
  double seconds = 0;
};

core::Result<Recovered> recover(const core::Patch& patch, const core::Registry& registry, const BenchArguments& a) {
  ExportOptions run;
  run.format = core::AudioFormat::wav32f;
  const auto target = renderForExport(patch, registry, run);
  if (!target) return target.error();
  run.render.seconds = target->seconds();
  const auto distance = [&](const core::Patch& from) -> core::Result<double> {
    const auto sound = renderForExport(from, registry, run);
    if (!sound) return sound.error();
    return core::compare(*target, *sound).lsdDb;
  };
  core::FitOptions options;
  options.budgetSeconds = a.budget;
  options.seed = static_cast<unsigned>(a.seed);
  options.keepPhrase = true;
  const core::Patch start = disturb(patch, registry, options.seed);
  const auto begin = std::chrono::steady_clock::now();
  const auto fitted = core::fit(start, registry, *target, options, [](const auto&) {}, {});
  if (!fitted) return fitted.error();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const auto before = distance(start), after = distance(fitted->patch);
  if (!before) return before.error();
  if (!after) return after.error();
  return Recovered{*before, *after, fitted->steps, took.count()};
}

void print(const BenchRow& r, bool json, nlohmann::ordered_json& list) {
  using Json = nlohmann::ordered_json;
  if (json) {
    const auto known = [](double x) { return x > 0 ? Json(x) : Json(); };
    list.push_back({{"name", r.name},
                    {"ours", r.ours},
                    {"spread", known(r.spread)},
                    {"unit", r.unit},
                    {"peer", known(r.peer)},
                    {"peer_spread", known(r.peerSpread)},
                    {"peer_name", r.peerName.empty() ? Json() : Json(r.peerName)},
                    {"ratio", known(r.ratio)}});
    return;
  }
  std::printf("%-56s %9.4g %s", r.name.c_str(), r.ours, r.unit.c_str());
  if (r.spread > 0) std::printf(" (+-%.0f %%)", 50 * r.spread);
  if (r.peer > 0) std::printf("; %s %.4g", r.peerName.c_str(), r.peer);
  if (r.peerSpread > 0) std::printf(" (+-%.0f %%)", 50 * r.peerSpread);
  if (r.ratio > 0) std::printf("; ratio %.2f", r.ratio);
  std::printf("\n");
  std::fflush(stdout);
}

core::Result<void> recoverAll(const core::Registry& registry, const BenchArguments& a, bool json,
                              nlohmann::ordered_json& list) {
  const auto factory = presets::factoryPresets(presetFolder());
  std::vector<std::string> ids = a.presets;
  if (ids.empty())
    for (const auto& preset : factory) ids.push_back(preset.id);
  for (const std::string& id : ids) {
    const auto patch = loadPatch(id);
    if (!patch) return patch.error();
    const auto r = recover(*patch, registry, a);
    if (!r) return core::Error{"Preset \"" + id + "\": " + r.error().message};
    print({"recover " + id, r->after, "dB lsd", 0, 0}, json, list);
    if (json)
      list.back().update({{"before", r->before}, {"steps", r->steps}, {"seconds", r->seconds}, {"seed", a.seed}});
    else
      std::printf("%-44s %10.4g dB lsd before; %d steps, %.1f s\n", "", r->before, r->steps, r->seconds);
    std::fflush(stdout);
  }
  return {};
}

}  // namespace

int benchCommand(const core::Registry& registry, const BenchArguments& a, bool json) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  if (a.presets.empty())
    measureRows(registry, {a.only, !a.noPeers}, [&](const BenchRow& row) { print(row, json, list); });
  if (a.recover)
    if (const auto done = recoverAll(registry, a, json, list); !done) return fail(done.error());
  if (json) std::cout << list.dump(1) << "\n";
  return 0;
}

}  // namespace app
