// SPDX-License-Identifier: GPL-3.0-or-later
// `fit`, `compare`, and `demo`: the main job in the terminal.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/catalog.h"
#include "app/commands.h"
#include "app/export.h"
#include "app/fit_report.h"
#include "presets/safe_write.h"

namespace app {
namespace {

using core::Error;
using core::Result;

std::stop_source interrupted;

/// "node.row" words onto what the patch could free.
Result<std::vector<core::FitVariable>> chooseFree(const core::Patch& patch, const core::Registry& registry,
                                                  const FitArguments& a) {
  auto all = core::declaredFree(patch, registry);
  const auto name = [](const core::FitVariable& v) {
    return v.kind == core::FitVariable::Kind::depth
               ? v.cable.to + "." + v.cable.input + "<" + v.cable.from + "." + v.cable.output
               : v.node + "." + v.row;
  };
  if (!a.lock.empty()) {
    for (const std::string& word : a.lock)
      if (!std::erase_if(all, [&](const core::FitVariable& v) { return name(v) == word || v.node == word; }))
        return Error{"The patch does not free \"" + word + "\", so it cannot be locked."};
    return all;
  }
  if (a.free.empty()) return all;
  std::vector<core::FitVariable> chosen;
  for (const std::string& word : a.free) {
    const auto dot = word.find('.');
    const core::PatchNode* node = patch.find(word.substr(0, dot));
    const core::NodeType* type = node ? registry.find(node->type) : nullptr;
    const std::string row = dot == std::string::npos ? "" : word.substr(dot + 1);
    if (!type) return Error{"The patch has no node \"" + word.substr(0, dot) + "\" (in --free " + word + ")."};
    if (const int i = type->inputIndex(row); i >= 0 && type->inputs[static_cast<std::size_t>(i)].isParameter())
      chosen.push_back({core::FitVariable::Kind::knob, node->id, row, {}});
    else if (type->tensorIndex(row) >= 0)
      chosen.push_back({core::FitVariable::Kind::tensor, node->id, row, {}});
    else
      return Error{"Node \"" + node->id + "\" has no knob or tensor \"" + row + "\" (in --free " + word + ")."};
  }
  return chosen;
}

void drawBar(const core::FitProgress& p, double budget) {
  const double part = p.steps > 0 ? static_cast<double>(p.step) / p.steps : std::min(1.0, p.elapsed / budget);
  constexpr int kCells = 30;
  const int full = static_cast<int>(part * kCells);
  std::fprintf(stderr, "\r%-10s [%s%s] %3.0f %%  loss %.4f  %4.0f s left ", p.stage.c_str(),
               std::string(static_cast<std::size_t>(full), '#').c_str(),
               std::string(static_cast<std::size_t>(kCells - full), '.').c_str(), 100 * part, p.best, p.left);
  std::fflush(stderr);
}

struct Fitted {
  core::FitResult result;
  core::AudioData target, sound;
  core::Comparison comparison;
};

Result<Fitted> runFit(const core::Patch& patch, const core::Registry& registry, const core::AudioData& target,
                      const core::FitOptions& options) {
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  ::signal(SIGINT, [](int) { interrupted.request_stop(); });
  const auto progress = [&](const core::FitProgress& p) {
    if (terminal) drawBar(p, options.budgetSeconds);
  };
  auto result = core::fit(patch, registry, target, options, progress, interrupted.get_token());
  ::signal(SIGINT, SIG_DFL);
  if (terminal) std::fprintf(stderr, "\n");
  if (!result) return result.error();
  for (const std::string& w : result->warnings) std::cerr << "note: " << w << "\n";
  Fitted out{std::move(*result), target, {}, {}};
  ExportOptions run;
  run.format = core::AudioFormat::wav32f;
  run.render.seconds = target.seconds();
  auto sound = renderForExport(out.result.patch, registry, run);
  if (!sound) return sound.error();
  out.sound = std::move(*sound);
  out.comparison = core::compare(target, out.sound);
  return out;
}

Result<void> exportFitted(const Fitted& f, const std::filesystem::path& path) {
  const auto format = core::formatOf(path);
  if (!format) return format.error();
  return core::writeAudio(path, f.sound, *format);
}

/// Refuses before the work what would fail or destroy something after it.
Result<void> checkPlaces(const FitArguments& a) {
  std::vector<std::filesystem::path> seen;
  for (const std::string& place : {a.target, a.out, a.exportTo, a.report}) {
    if (place.empty()) continue;
    std::error_code code;
    const auto canonical = std::filesystem::weakly_canonical(place, code);
    if (std::find(seen.begin(), seen.end(), canonical) != seen.end())
      return Error{"\"" + place + "\" is named twice; target, patch, export and report are files of their own."};
    seen.push_back(canonical);
  }
  if (auto ok = presets::checkPatchPlace(a.out); !ok) return ok;
  if (!a.exportTo.empty())
    if (auto ok = presets::checkPlace(a.exportTo); !ok) return ok;
  return a.report.empty() ? Result<void>() : presets::checkPlace(a.report);
}

}  // namespace

int fitCommand(const core::Registry& registry, const FitArguments& a) {
  if (!a.exportTo.empty())
    if (const auto format = core::formatOf(a.exportTo); !format) return failUsage(format.error());
  if (auto done = presets::checkPatchName(a.out); !done) return failUsage(done.error());
  auto patch = loadPatch(a.patch);
  if (!patch) return fail(patch.error());
  auto target = core::readAudio(a.target);
  if (!target) return fail(target.error());
  if (auto ok = checkPlaces(a); !ok) return fail(ok.error());
  core::FitOptions options;
  options.budgetSeconds = a.budget;
  options.steps = a.steps;
  options.seed = static_cast<unsigned>(a.seed);
  auto free = chooseFree(*patch, registry, a);
  if (!free) return fail(free.error());
  if (free->empty()) return fail({"Nothing is free to fit; name inputs with --free node.input,..."});
  options.free = *free;
  const auto fitted = runFit(*patch, registry, *target, options);
  if (!fitted) return fail(fitted.error());
  if (auto done = presets::writePatch(fitted->result.patch, a.out); !done) return fail(done.error());
  if (!a.exportTo.empty())
    if (auto done = exportFitted(*fitted, a.exportTo); !done) return fail(done.error());
  if (!a.report.empty())
    if (auto done = presets::safeWrite(a.report, fitReport(fitted->result, fitted->comparison)); !done)
      return fail(done.error());
  std::printf("f0 %.1f Hz, %d steps, %.1f s; log-spectral distance %.2f dB, multi-scale distance %.3f\n",
              fitted->result.f0, fitted->result.steps, fitted->result.seconds, fitted->comparison.lsdDb,
              fitted->comparison.mss);
  return fitted->result.cancelled ? kStopped : 0;
}

int compareCommand(const std::string& targetPath, const std::string& outputPath, bool json) {
  const auto target = core::readAudio(targetPath), output = core::readAudio(outputPath);
  if (!target) return fail(target.error());
  if (!output) return fail(output.error());
  const auto all = core::measures(core::compare(*target, *output));
  if (json) {
    nlohmann::ordered_json j;
    for (const core::Measure& m : all) j[std::string(m.key)] = m.value;
    std::cout << j.dump(1) << "\n";
    return 0;
  }
  for (const core::Measure& m : all)
    std::printf("%-18s %10.4f  %s\n", std::string(m.key).c_str(), m.value, std::string(m.definition).c_str());
  return 0;
}

int demoCommand(const core::Registry& registry) {
  const std::filesystem::path recording = "/usr/share/sonic-pi/samples/bass_voxy_c.flac";
  const std::filesystem::path folder = std::filesystem::current_path() / "tonewright-demo";
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  auto target = core::readAudio(recording);
  if (!target)
    return fail({"The recording " + recording.string() +
                 " is missing; install the package sonic-pi-samples (app/launch.sh does)."});
  auto patch = loadPatch("sms-resynthesis");
  if (!patch) return fail(patch.error());
  std::printf("Fitting \"%s\" to %s (%.1f s of sound), 30 s ...\n", patch->name.c_str(), recording.filename().c_str(),
              target->seconds());
  core::FitOptions options;
  options.budgetSeconds = 30;
  const auto fitted = runFit(*patch, registry, *target, options);
  if (!fitted) return fail(fitted.error());
  if (auto done = presets::writePatch(fitted->result.patch, folder / "fitted.json"); !done) return fail(done.error());
  if (auto done = core::writeAudio(folder / "fitted.wav", fitted->sound, core::AudioFormat::wav16); !done)
    return fail(done.error());
  if (auto done = presets::safeWrite(folder / "report.json", fitReport(fitted->result, fitted->comparison)); !done)
    return fail(done.error());
  if (auto done = writeSpectrograms(folder / "spectrograms.png", fitted->target, fitted->sound); !done)
    return fail(done.error());
  std::printf(
      "Log-spectral distance %.2f dB, multi-scale distance %.3f, f0 %.1f Hz.\n"
      "The fitted patch, the audio, the report and the spectrograms (target above, result below) are in\n  %s\n",
      fitted->comparison.lsdDb, fitted->comparison.mss, fitted->result.f0, folder.c_str());
  return 0;
}

}  // namespace app
