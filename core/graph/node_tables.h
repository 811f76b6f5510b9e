// SPDX-License-Identifier: GPL-3.0-or-later
// The tables that a node declares (what the browser, the patch format and the plan compiler read), and
// the untyped views that the executor hands to its kernels.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/graph/sample.h"
#include "core/graph/units.h"

namespace core {

/// audio: one value a frame. control: one value a tick (its value at the tick's end).
enum class Rate { audio, control };

/// Where a musician looks for the node in the browser.
enum class Category { source, filter, envelope, effect, control, neural, structure };

/// What the small picture in the node shows; drawn from the node's own output, see core/graph/picture.h.
enum class Picture { none, wave, spectrum, response, envelope, impulse, bars };

/// Values side by side in one signal: a fixed number, or a variable (a letter) that is equal over
/// all inputs and outputs of the node that name it, set by a setting or unified from the cables.
struct Width {
  int size = 1;
  char variable = 0;
};
constexpr Width variableWidth(char name) { return {0, name}; }

/// Identity of a node type. `id` is the file format: never renamed.
struct NodeInfo {
  std::string_view id, name, help;
  Category category = Category::source;
  Picture picture = Picture::none;
  bool startsVoices = false;  ///< its outputs have one lane a voice (the note input)
  bool isOutput = false;      ///< its outputs 0 and 1 are what the sound card gets
  bool usesExternal = false;  ///< reads the device's (or the render's) audio input
  /// Outputs are kept by the tape instead of being recomputed from a checkpoint: for nodes whose
  /// memory (Work) cannot be restored from a small state. Such a node has histories but no State.
  bool keepOutputs = false;
  /// Ticks that one call of backward may cover; 0 = the whole stretch (for adjoints by large FFTs,
  /// which then ask Grad::stopped between their parts).
  int backwardTicks = 16;
};

/// A row of the input table. With min < max it is a parameter: a knob (unit, range, law, default)
/// to which every cable adds depth x signal, in octaves on a log scale, plainly otherwise. Without
/// a range it is a plain signal: the sum of depth x signal, or `def` while nothing is connected.
struct Input {
  std::string_view id, name, help;
  Unit unit = Unit::none;
  double min = 0, max = 0, def = 0;
  Scale scale = Scale::linear;
  Rate rate = Rate::audio;
  Width width = {};
  bool differentiable = true;
  bool mixesVoices = false;  ///< sums the voices of what is connected; voice-ness ends here

  constexpr bool isParameter() const { return max > min; }
  Range range() const { return {min, max, scale}; }
};

struct Output {
  std::string_view id, name, help;
  Rate rate = Rate::audio;
  Width width = {};
};

enum class SettingKind { number, choice, seed, file };

/// A row that is no signal; changing it recompiles the plan. `choices` is a list "a|b|c" for
/// SettingKind::choice, whose value is the index; a file's value is a path, kept as text.
struct Setting {
  std::string_view id, name, help;
  SettingKind kind = SettingKind::number;
  Unit unit = Unit::none;
  double min = 0, max = 0, def = 0;
  std::string_view choices = {};
  bool whole = false;   ///< whole numbers only
  char bindsWidth = 0;  ///< the width variable this setting sets
  /// 0 stands for half the sample rate; a patch that moves to another rate writes the old half here.
  bool halfRateAtZero = false;
};

enum class Sharing { shared, perLane };

/// A row of learnable numbers: weights, an impulse response, a control track. shared: one copy,
/// gradients add up over lanes. perLane: one copy a clip (a candidate of a search).
struct Tensor {
  std::string_view id, name, help;
  Sharing sharing = Sharing::shared;
  /// An impulse response, a number a frame, which dies away: training starts it at zero and steps each
  /// number in proportion to the default values around it; another sample rate resamples it.
  bool isResponse = false;
};

/// A hidden output: a signal the node itself writes and reads back later (a delay line). Live it is
/// a ring as long as `historyShape` says; with a tape it holds the whole clip, so that checkpoints
/// of the state stay small and backward can read what was written at any frame.
struct History {
  std::string_view id;
};
struct HistoryShape {
  int lines = 1;
  std::int64_t frames = 0;     ///< frames that must stay readable; ticks when perTick
  bool perTick = false;        ///< has an entry a tick instead of one a frame
  bool differentiable = true;  ///< false: no cotangent, only what backward would otherwise compute again
};

struct SettingValue {
  double number = 0;
  std::string text;
};

struct TensorValue {
  std::vector<int> shape;
  std::vector<Sample> data;  ///< row-major
};

/// What a node may look at when it prepares (off the audio thread).
struct Setup {
  double rate = 48000;
  int lanes = 1;  ///< lanes of one group
  std::span<const SettingValue> settings;
  std::span<const TensorValue> tensors;
  std::span<const int> inputWidths, outputWidths;

  double number(int setting) const { return settings[static_cast<std::size_t>(setting)].number; }
  int whole(int setting) const { return static_cast<int>(number(setting)); }
  const std::string& text(int setting) const { return settings[static_cast<std::size_t>(setting)].text; }
};

/// Something a player or a phrase does at one frame.
struct VoiceEvent {
  enum class Type : std::uint8_t { noteOn, noteOff, bend, pressure, expression, panic, reset };
  std::int64_t frame = 0;  ///< absolute
  Type type = Type::noteOn;
  int voice = 0;        ///< -1: all voices
  Sample value = 0;     ///< noteOn: MIDI note number; bend: octaves; pressure, expression: 0 to 1
  Sample velocity = 0;  ///< noteOn: 0 to 1
  bool operator==(const VoiceEvent&) const = default;
};

// ---- what the executor passes, untyped ------------------------------------------------------

/// Strided samples. Audio: element (frame i, channel c) of L lanes is at data + i step + c channel.
/// Control: (tick i, element c) likewise. step = 0: constant over the block.
struct SignalView {
  Sample* data = nullptr;
  std::ptrdiff_t step = 0;
  std::ptrdiff_t channel = 0;
};

/// A ring of frames for each line: element is at data + line lineStride + (frame & mask) L.
struct HistoryView {
  Sample* data = nullptr;
  std::int64_t mask = 0;
  std::ptrdiff_t lineStride = 0;
};

struct BlockData {
  int ticks = 0;
  double rate = 48000;
  std::int64_t firstFrame = 0;  ///< absolute frame of the block's first frame
  const SignalView* inputs = nullptr;
  const SignalView* outputs = nullptr;
  const HistoryView* histories = nullptr;
  const Sample* const* tensors = nullptr;
  const Setup* setup = nullptr;
  const void* prepared = nullptr;
  void* work = nullptr;
  std::span<const VoiceEvent> events;       ///< those inside the block, by frame; for what starts voices
  int firstLane = 0;                        ///< global number of the group's first lane
  int voices = 1;                           ///< voices a clip; lane = clip * voices + voice
  std::array<const Sample*, 2> external{};  ///< device input, one sample a frame, or null
  std::uint32_t unread = 0;                 ///< bit o: nobody reads output o
  bool limiter = false;                     ///< live and integer exports: the safety limiter is in circuit
};

struct GradData {
  const SignalView* outputs = nullptr;  ///< cotangents of the outputs (data null: zero)
  const SignalView* inputs = nullptr;   ///< where to add cotangents (data null: not wanted; step 0: into one tick)
  const HistoryView* histories = nullptr;
  Sample* const* tensors = nullptr;       ///< null entry: not wanted
  const std::stop_token* stop = nullptr;  ///< requested: what is computed is no longer wanted
};

}  // namespace core
