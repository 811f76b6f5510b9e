// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <sstream>

#include "app/commands.h"
#include "core/neural/sizes.h"

namespace app {
namespace {

constexpr std::array kCommands{"nodes",    "presets", "check",   "render", "fit",     "train", "evaluate",
                               "transfer", "swap",    "extract", "preset", "compare", "bench", "demo"};

/// A word that is a command, help or version; anything else is a patch for the studio.
bool isCommand(const std::string& word) {
  return std::find(kCommands.begin(), kCommands.end(), word) != kCommands.end() || word.starts_with("-");
}

/// Like CLI::Range, but "nan" is outside too, and the sentence names plain numbers.
CLI::Validator within(double least, double most) {
  return CLI::Validator(
      [least, most](std::string& text) {
        double value = 0;
        const bool number = CLI::detail::lexical_cast(text, value);
        if (number && value >= least && value <= most) return std::string();
        std::ostringstream says;
        says.precision(10);
        says << "\"" << text << "\" is not a number from " << least << " to " << most;
        return says.str();
      },
      "", "within");
}
const CLI::Validator kSize(
    [](std::string& text) {
      if (std::find(core::kSizeNames.begin(), core::kSizeNames.end(), text) != core::kSizeNames.end())
        return std::string();
      return "\"" + text + "\" is no size; choose tiny, small, full or patch";
    },
    "", "size");
const CLI::Validator kNotEmpty([](std::string& text) { return text.empty() ? std::string("is empty") : std::string(); },
                               "", "not empty");

}  // namespace

CommandLine runCommandLine(int argc, char** argv, const core::Registry& registry) {
  if (argc < 2) return {};
  if (argc == 2 && !isCommand(argv[1])) return {{}, argv[1]};
  CLI::App cli{
      "Tonewright: a modular studio whose patches learn to sound like a recording.\n"
      "Without a command it opens the studio: tonewright [PATCH or RECORDING]"};
  cli.name("tonewright");
  cli.set_version_flag("--version", "Tonewright " TONEWRIGHT_VERSION);
  cli.require_subcommand(0, 1);  // so that an unknown flag is what the error names
  bool json = false;
  std::string patch, output;
  RenderArguments render;
  FitArguments fit;
  BenchArguments benches;
  TrainArguments train;
  TransferArguments transfer;
  SwapArguments swap;
  ExtractArguments extract;
  PresetArguments preset;

  auto* nodes = cli.add_subcommand("nodes", "List the node types with their inputs, settings, tensors and outputs");
  auto* presets = cli.add_subcommand("presets", "List the factory presets and models");
  auto* check = cli.add_subcommand("check", "Say whether a patch can be played, and why not");
  check->add_option("PATCH", patch, "Patch file or factory preset")->required();
  auto* renders = cli.add_subcommand("render", "Render a patch to an audio file");
  renders->add_option("PATCH", render.patch, "Patch file or factory preset")->required();
  renders->add_option("-o,--output", render.out, "Audio file: .wav .flac .ogg .mp3")->required();
  renders->add_option("--seconds", render.seconds, "Length; without it the phrase and its tail")
      ->check(within(0.001, 86400.0));
  renders->add_option("--rate", render.rate, "Sample rate of the file, Hz")->check(within(8000.0, 192000.0));
  renders->add_option("--patch-rate", render.patchRate, "Play the patch at this rate instead of its own, Hz")
      ->check(within(8000.0, 192000.0));
  renders->add_option("--notes", render.notes, "\"C4:0:1.5:0.8 E4:0.5:1\": note:start s:length s[:velocity]")
      ->check(kNotEmpty);
  renders->add_option("--midi", render.midi, "Play a standard MIDI file")->check(kNotEmpty);
  renders->add_option("--input", render.inputs, "NODE=AUDIO: a file as the sound of an input node")
      ->allow_extra_args(false);
  renders->add_option("--set", render.sets, "node.input=VALUE, with units: svf.cutoff=1.2kHz")->allow_extra_args(false);
  renders->add_option("--seed", render.seed, "Seed of all noise")->check(within(0, 2147483647));
  renders->add_option("--format", render.format, "wav16, wav24, wav32f, flac, ogg or mp3 (else by the file's ending)");
  renders->add_option("--normalise", render.normalise, "peak=DBFS or lufs=LUFS");
  auto* fits = cli.add_subcommand("fit", "Fit a patch to a recording");
  fits->add_option("PATCH", fit.patch, "Patch file or factory preset")->required();
  fits->add_option("TARGET", fit.target, "Recording: WAV, FLAC, OGG, MP3 or AIFF")->required();
  fits->add_option("-o,--output", fit.out, "Where to write the fitted patch, .json or .safetensors")->required();
  fits->add_option("--export", fit.exportTo, "Also render the result to this audio file");
  fits->add_option("--report", fit.report, "Also write a report (JSON)");
  auto* free = fits->add_option("--free", fit.free, "Only these: node.input,node.tensor,...")
                   ->delimiter(',')
                   ->allow_extra_args(false);
  fits->add_option("--lock", fit.lock, "All that the patch frees but these")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->excludes(free);
  fits->add_option("--budget", fit.budget, "Seconds")->check(within(0.1, 86400.0));
  fits->add_option("--steps", fit.steps, "Gradient steps instead of a time budget (reproducible)")
      ->check(within(1, 1000000));
  fits->add_option("--seed", fit.seed, "Seed of the search")->check(within(0, 2147483647));
  auto* trains = cli.add_subcommand("train", "Train a model on a folder of recordings");
  trains
      ->add_option("FOLDER", train.folder,
                   "Folder of recordings; each instrument in a sub-folder when several (or one file)")
      ->required();
  trains->add_option("-o,--output", train.out, "Model file, .safetensors")->required();
  trains->add_option("--patch", train.patch, "Patch to train (a file or a factory preset)");
  trains->add_option("--size", train.size, "tiny, small, full, or patch: as the patch has it")->check(kSize);
  trains->add_option("--rate", train.rate, "Sample rate of the model, Hz (16000 ends at 8 kHz)")
      ->check(within(8000.0, 96000.0));
  trains->add_option("--minutes", train.minutes, "Time to train")->check(within(0.01, 10000.0));
  trains->add_option("--steps", train.steps, "Steps instead of a time (reproducible)")->check(within(1, 100000000));
  trains->add_option("--validate", train.validate, "Takes or files to hold out, A,B... (else every tenth take)")
      ->allow_extra_args(false);
  auto* goesOn = trains->add_flag("--resume", train.resume, "Go on from the checkpoint at the output");
  trains->add_flag("--replace", train.replace, "Train anew although the output is there already")->excludes(goesOn);
  trains->add_option("--checkpoint", train.checkpoint, "Seconds from one checkpoint to the next")
      ->check(within(0.01, 86400.0));
  trains->add_option("--seed", train.seed, "Seed of weights and clips")->check(within(0, 2147483647));
  trains->add_option("--threads", train.threads, "Worker threads (part of what makes a run reproducible)")
      ->check(within(1, 64));
  trains->add_option("--licence", train.licence, "Licence to write into the model");
  trains->add_option("--credits", train.credits, "Credits to write into the model");
  trains->add_option("--credits-file", train.creditsFile, "File with the credits")->check(CLI::ExistingFile);
  auto* evaluates = cli.add_subcommand("evaluate", "Measure how well a model plays recordings again, as papers do");
  evaluates->add_option("MODEL", patch, "Model file")->required();
  evaluates->add_option("FOLDER", output, "Folder of recordings (or one file)")->required();
  auto* transfers = cli.add_subcommand("transfer", "Play a recording again by a model's instrument");
  transfers->add_option("MODEL", transfer.model, "Model file (or a patch)")->required();
  transfers->add_option("AUDIO", transfer.audio, "Recording of a single voice or instrument")->required();
  transfers->add_option("-o,--output", transfer.out, "Audio file: .wav .flac .ogg .mp3")->required();
  transfers->add_option("--format", transfer.format,
                        "wav16, wav24, wav32f, flac, ogg or mp3 (else by the file's ending)");
  transfers->add_option("--octave", transfer.octave, "Shift in octaves, or auto: into the trained range");
  transfers->add_flag("--match-loudness", transfer.matchLoudness, "Bring the loudness into the trained range");
  transfers->add_option("--autotune", transfer.autotune, "How far to draw the pitch to the key that fits")
      ->check(within(0.0, 1.0));
  transfers->add_flag("--gate", transfer.gate, "Silence what is quiet or has no pitch");
  transfers->add_option("--wet", transfer.wet, "1: the instrument alone, 0: the recording alone")
      ->check(within(0.0, 1.0));
  transfers->add_flag("--no-reverb", transfer.noReverb, "Leave the learned room out");
  auto* swaps = cli.add_subcommand("swap", "Take parts of one model into another");
  swaps->add_option("A", swap.a, "Model that gives what is not named")->required();
  swaps->add_option("B", swap.b, "Model that gives the named parts");
  swaps->add_option("-o,--output", swap.out, "Model file, .safetensors")->required();
  swaps
      ->add_option("--take", swap.take,
                   "Parts of B: harmonic, noise, reverb, decoder, encoder (what listens, and what gives z)")
      ->delimiter(',')
      ->allow_extra_args(false);
  swaps->add_flag("--no-reverb", swap.noReverb, "Leave the room out of the result (dereverberation)");
  auto* extracts = cli.add_subcommand("extract", "Take parts of a model out, into a model that can be played alone");
  extracts->add_option("MODEL", extract.model, "Model file (or a patch)")->required();
  extracts->add_option("-o,--output", extract.out, "Model file, .safetensors")->required();
  extracts
      ->add_option("--take", extract.take,
                   "Its parts: harmonic, noise, reverb, decoder, encoder (what listens, and what gives z)")
      ->required()
      ->delimiter(',')
      ->allow_extra_args(false);
  auto* installs = cli.add_subcommand("preset", "Put a trained model into a patch that plays it");
  installs->add_option("MODEL", preset.model, "Model file")->required();
  installs->add_option("PATCH", preset.patch, "Patch that plays it (a file or a factory preset)")->required();
  installs->add_option("-o,--output", preset.out, "Model file, .safetensors; may be PATCH")->required();
  installs->add_option("--recordings", preset.recordings,
                       "Folder it was trained on: touch, attack and release follow it, keys get one level");
  auto* compares = cli.add_subcommand("compare", "Measure how close one recording is to another");
  compares->add_option("TARGET", patch)->required();
  compares->add_option("OUTPUT", output)->required();
  auto* bench = cli.add_subcommand("bench", "Measure speed on the canonical patches");
  bench->add_option("--only", benches.only, "Only rows whose name begins so, as P4 or live");
  bench->add_flag("--no-peers", benches.noPeers, "Do not run other programs for comparison");
  auto* recover =
      bench->add_flag("--recover", benches.recover, "Also perturb each factory preset and fit it to its own sound");
  bench->add_option("PRESET", benches.presets, "Only recover these presets")->needs(recover);
  bench->add_option("--budget", benches.budget, "Seconds a fit")->check(within(0.1, 86400.0))->needs(recover);
  bench->add_option("--seed", benches.seed, "Seed of the perturbation and the search")
      ->check(within(0, 2147483647))
      ->needs(recover);
  cli.add_subcommand("demo", "Fit a factory patch to a recording and leave everything in a folder");
  for (auto* c : {nodes, presets, check, compares, bench, evaluates}) c->add_flag("--json", json, "Print JSON");

  try {
    cli.parse(argc, argv);
  } catch (const CLI::CallForHelp& e) {
    return {cli.exit(e), {}};
  } catch (const CLI::CallForVersion& e) {
    return {cli.exit(e), {}};
  } catch (const CLI::ParseError& e) {
    const std::string says = e.what();
    const std::string of = argv[1][0] != '-' && isCommand(argv[1]) ? std::string(argv[1]) + " " : "";
    return {failUsage({says + " (tonewright " + of + "--help shows the usage)"}), {}};
  }
  if (cli.get_subcommands().empty()) {
    return {failUsage({"There is no command here (tonewright --help shows the usage)"}), {}};
  }
  const std::string command = cli.get_subcommands()[0]->get_name();
  const auto run = [&] {
    if (command == "nodes") return nodesCommand(registry, json);
    if (command == "presets") return presetsCommand(json);
    if (command == "check") return checkCommand(registry, patch, json);
    if (command == "render") return renderCommand(registry, render);
    if (command == "fit") return fitCommand(registry, fit);
    if (command == "train") return trainCommand(registry, train);
    if (command == "evaluate") return evaluateCommand(registry, patch, output, json);
    if (command == "transfer") return transferCommand(registry, transfer);
    if (command == "swap") return swapCommand(registry, swap);
    if (command == "extract") return extractCommand(registry, extract);
    if (command == "preset") return presetCommand(registry, preset);
    if (command == "compare") return compareCommand(patch, output, json);
    if (command == "bench") return benchCommand(registry, benches, json);
    return demoCommand(registry);
  };
  const int code = run();
  std::cout.flush();
  if (code == 0 && (!std::cout || std::fflush(stdout) != 0 || std::ferror(stdout)))  // a full disk behind a redirection
    return {fail({"The output could not be written; free some space."}), {}};
  return {code, {}};
}

}  // namespace app
