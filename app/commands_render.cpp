// SPDX-License-Identifier: GPL-3.0-or-later
// `render`: notes, values, inputs and seeds from the command line onto a patch.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <iostream>

#include "app/catalog.h"
#include "app/commands.h"
#include "app/export.h"
#include "core/file/midi_file.h"
#include "core/file/patch_rate.h"

namespace app {
namespace {

using core::Error;
using core::Result;

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == by)
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

/// "C4:0:1.5:0.8 E4:0.5:1".
Result<std::vector<core::Note>> parseNotes(const std::string& text) {
  std::vector<core::Note> notes;
  for (const std::string& word : split(text, ' ')) {
    if (word.empty()) continue;
    const auto parts = split(word, ':');
    const Error bad{"\"" + word + "\" is not a note; write note:start:length[:velocity], such as C4:0:1.5:0.8."};
    if (parts.size() < 3 || parts.size() > 4) return bad;
    const auto pitch = core::parseNote(parts[0]);
    if (!pitch) return pitch.error();
    core::Note n;
    n.pitch = *pitch;
    double* fields[] = {&n.start, &n.length, &n.velocity};
    for (std::size_t i = 1; i < parts.size(); ++i) {
      const char* end = parts[i].data() + parts[i].size();
      const auto read = std::from_chars(parts[i].data(), end, *fields[i - 1]);
      if (read.ec != std::errc() || read.ptr != end || !std::isfinite(*fields[i - 1])) return bad;
    }
    if (n.start < 0 || n.length <= 0 || n.velocity < 0 || n.velocity > 1 || n.start + n.length > 86400) return bad;
    notes.push_back(n);
  }
  if (notes.empty()) return Error{"--notes holds no note; write note:start:length[:velocity], such as C4:0:1.5:0.8."};
  return notes;
}

Result<core::PatchNode*> findNode(core::Patch& patch, const std::string& id) {
  if (core::PatchNode* n = patch.find(id)) return n;
  std::vector<std::string> ids;
  std::string list;
  for (const auto& n : patch.nodes) {
    ids.push_back(n.id);
    list += (list.empty() ? "" : ", ") + n.id;
  }
  const std::string near = core::nearest(id, ids);
  return Error{"The patch has no node \"" + id + "\"" +
               (near.empty() ? "; it has " + list + "." : " (did you mean \"" + near + "\"?).")};
}

/// "node.input=VALUE"; settings can be set the same way.
Result<void> applySet(core::Patch& patch, const core::Registry& registry, const std::string& text) {
  const auto dot = text.find('.'), equals = text.find('=');
  const auto node = findNode(patch, text.substr(0, dot));
  if (!node) return node.error();
  const std::string row = text.substr(dot + 1, equals - dot - 1), value = text.substr(equals + 1);
  const core::NodeType* type = registry.find((*node)->type);
  if (!type)
    return Error{"Node \"" + (*node)->id + "\" is of the unknown type \"" + (*node)->type + "\"; it cannot be set."};
  if (const int i = type->inputIndex(row); i >= 0 && type->inputs[static_cast<std::size_t>(i)].isParameter()) {
    const core::Input& input = type->inputs[static_cast<std::size_t>(i)];
    const auto v = core::parseValue(value, input.unit);
    if (!v) return Error{row + ": " + v.error().message};
    if (!(*v >= input.min && *v <= input.max))
      return Error{"\"" + row + "\" takes " + core::formatValue(input.min, input.unit) + " to " +
                   core::formatValue(input.max, input.unit) + ", not " + value + "."};
    (*node)->values[row] = *v;
    return {};
  }
  if (const int s = type->settingIndex(row); s >= 0) {
    const core::Setting& setting = type->settings[static_cast<std::size_t>(s)];
    const bool text_ = setting.kind == core::SettingKind::choice || setting.kind == core::SettingKind::file;
    const auto v = text_ ? Result<double>(0.0) : core::parseValue(value, setting.unit);
    if (!v) return Error{row + ": " + v.error().message};
    (*node)->settings[row] = {*v, text_ ? value : ""};
    return {};
  }
  std::vector<std::string> rows;
  for (const core::Input& i : type->inputs) rows.emplace_back(i.id);
  const std::string near = core::nearest(row, rows);
  return Error{"Node \"" + (*node)->id + "\" has no knob \"" + row + "\"" +
               (near.empty() ? "." : " (did you mean \"" + near + "\"?).")};
}

/// "NODE=AUDIO": for an audio input the file is what the device would give; for a node with a file
/// setting it is that file.
Result<void> applyInput(core::Patch& patch, const core::Registry& registry, const std::string& text,
                        core::RenderOptions& render) {
  const auto equals = text.find('=');
  const auto node = findNode(patch, text.substr(0, equals));
  if (!node) return node.error();
  const std::string file = text.substr(equals + 1);
  const core::NodeType* type = registry.find((*node)->type);
  for (const core::Setting& s : type ? type->settings : std::span<const core::Setting>{})
    if (s.kind == core::SettingKind::file) {
      (*node)->settings[std::string(s.id)] = {0, file};
      return {};
    }
  if (!type || !type->info.usesExternal) return Error{"Node \"" + (*node)->id + "\" takes no audio file."};
  auto audio = core::readAudio(file);
  if (!audio) return audio.error();
  const core::AudioData sound = core::resample(*audio, patch.rate);
  for (std::size_t c = 0; c < 2; ++c) render.external[c] = sound.channels[std::min(c, sound.channels.size() - 1)];
  return {};
}

Result<void> parseNormalise(const std::string& text, ExportOptions& options) {
  if (text.empty()) return {};
  const auto equals = text.find('=');
  const std::string kind = text.substr(0, equals);
  const auto level = equals == std::string::npos ? Result<double>(kind == "lufs" ? -18.0 : -1.0)
                                                 : core::parseValue(text.substr(equals + 1), core::Unit::decibels);
  if (!level) return level.error();
  if (kind != "peak" && kind != "lufs")
    return Error{"\"" + text + "\" is no normalisation; write peak=-1 or lufs=-18."};
  options.normalise = kind == "peak" ? Normalise::peak : Normalise::loudness;
  options.level = *level;
  return {};
}

Result<ExportOptions> prepare(core::Patch& patch, const core::Registry& registry, const RenderArguments& a) {
  ExportOptions options;
  options.rate = a.rate;
  if (a.patchRate > 0)
    if (auto done = core::setPatchRate(patch, registry, a.patchRate); !done) return done.error();
  auto format = a.format.empty() ? core::formatOf(a.out) : core::parseFormat(a.format);
  if (!format) return format.error();
  options.format = *format;
  if (auto done = parseNormalise(a.normalise, options); !done) return done.error();
  for (const std::string& s : a.sets)
    if (auto done = applySet(patch, registry, s); !done) return done.error();
  for (const std::string& i : a.inputs)
    if (auto done = applyInput(patch, registry, i, options.render); !done) return done.error();
  if (a.seed >= 0)
    for (core::PatchNode& n : patch.nodes)
      if (const core::NodeType* type = registry.find(n.type))
        for (const core::Setting& s : type->settings)
          if (s.kind == core::SettingKind::seed)
            n.settings[std::string(s.id)] = {std::fmod(a.seed, s.max - s.min + 1) + s.min, ""};
  if (!a.notes.empty()) {
    auto notes = parseNotes(a.notes);
    if (!notes) return notes.error();
    patch.phrase = *notes;
  }
  if (!a.midi.empty()) {
    auto events = core::readMidi(a.midi, patch.rate);
    if (!events) return events.error();
    options.render.events = std::move(*events);
  }
  if (a.seconds > 0) options.render.seconds = a.seconds;
  return options;
}

/// What is wrong with the arguments themselves, whatever the patch.
Result<void> checkUsage(const RenderArguments& a) {
  ExportOptions ignored;
  if (auto ok = a.format.empty() ? core::formatOf(a.out) : core::parseFormat(a.format); !ok) return ok.error();
  if (auto ok = parseNormalise(a.normalise, ignored); !ok) return ok;
  if (!a.notes.empty())
    if (auto ok = parseNotes(a.notes); !ok) return ok.error();
  for (const std::string& s : a.sets) {
    const auto dot = s.find('.'), equals = s.find('=');
    if (dot == std::string::npos || equals == std::string::npos || equals < dot)
      return Error{"\"" + s + "\" cannot be set; write node.input=VALUE."};
  }
  for (const std::string& i : a.inputs)
    if (i.find('=') == std::string::npos) return Error{"\"" + i + "\" names no file; write NODE=AUDIO."};
  return {};
}

}  // namespace

int renderCommand(const core::Registry& registry, const RenderArguments& a) {
  if (auto ok = checkUsage(a); !ok) return failUsage(ok.error());
  auto patch = loadPatch(a.patch);
  if (!patch) return fail(patch.error());
  const auto options = prepare(*patch, registry, a);
  if (!options) return fail(options.error());
  if (auto done = exportAudio(*patch, registry, a.out, *options); !done) return fail(done.error());
  return 0;
}

}  // namespace app
