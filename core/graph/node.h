// SPDX-License-Identifier: GPL-3.0-or-later
// The node contract: what one file under nodes/ declares, and what the executor hands to it.
//
// A node is a struct with constexpr tables and static functions. Required: `info`, `inputs`,
// `outputs`, `forward<L>`, `backward<L>`. Optional: `settings`, `tensors`, `histories`, `State<L>`,
// `Cotangent<L>`, `Prepared` + `prepare`, `Work` + `makeWork`, `reset<L>`, `tensorShape`,
// `tensorDefault`, `historyShape`. See nodes/filter/svf.h for one that can be copied.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/graph/result.h"
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
  /// Ticks that one call of backward may cover; 0 = the whole stretch (for adjoints by one FFT).
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
};

enum class Sharing { shared, perLane };

/// A row of learnable numbers: weights, an impulse response, a control track. shared: one copy,
/// gradients add up over lanes. perLane: one copy a clip (a candidate of a search).
struct Tensor {
  std::string_view id, name, help;
  Sharing sharing = Sharing::shared;
};

/// A hidden output: a signal the node itself writes and reads back later (a delay line). Live it is
/// a ring as long as `historyShape` says; with a tape it holds the whole clip, so that checkpoints
/// of the state stay small and backward can read what was written at any frame.
struct History {
  std::string_view id;
};
struct HistoryShape {
  int lines = 1;
  std::int64_t frames = 0;  ///< frames that must stay readable
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
  enum class Type : std::uint8_t { noteOn, noteOff, bend, pressure, panic, reset };
  std::int64_t frame = 0;  ///< absolute
  Type type = Type::noteOn;
  int voice = 0;        ///< -1: all voices
  Sample value = 0;     ///< noteOn: MIDI note number; bend: octaves; pressure: 0 to 1
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
  std::span<const VoiceEvent> events;       ///< those inside the block, by frame
  int firstLane = 0;                        ///< global number of the group's first lane
  int voices = 1;                           ///< voices a clip; lane = clip * voices + voice
  std::array<const Sample*, 2> external{};  ///< device input, one sample a frame, or null
  bool limiter = false;                     ///< live and integer exports: the safety limiter is in circuit
};

struct GradData {
  const SignalView* outputs = nullptr;  ///< cotangents of the outputs (data null: zero)
  const SignalView* inputs = nullptr;   ///< where to add cotangents (data null: not wanted)
  const HistoryView* histories = nullptr;
  Sample* const* tensors = nullptr;  ///< null entry: not wanted
};

// ---- typed by the lane count ----------------------------------------------------------------

/// An audio signal, readable frame by frame or in wide chunks of kWide contiguous samples.
template <int L>
struct AudioIn {
  const Sample* data;
  std::ptrdiff_t step;

  bool constant() const { return step == 0; }
  Vec<L> operator[](int frame) const { return load<L>(data + frame * step); }
  /// Samples [8 chunk, 8 chunk + 8) of the flattened [frame][lane] array; frames * L / 8 chunks.
  Vec<kWide> wide(int chunk) const {
    if (step != 0) return load<kWide>(data + chunk * kWide);
    if constexpr (L == 1) {
      return splat<kWide>(*data);
    } else if constexpr (L == kWide) {
      return load<kWide>(data);
    } else {
      Vec<kWide> v;
      for (int i = 0; i < kWide; ++i) v[i] = data[i % L];
      return v;
    }
  }
};

/// A place to write (outputs) or to add to (cotangents of inputs), frame by frame.
template <int L>
struct AudioOut {
  Sample* data;

  explicit operator bool() const { return data != nullptr; }
  void set(int frame, const Vec<L>& v) const { store<L>(data + frame * L, v); }
  void add(int frame, const Vec<L>& v) const { store<L>(data + frame * L, load<L>(data + frame * L) + v); }
  void setWide(int chunk, const Vec<kWide>& v) const { store<kWide>(data + chunk * kWide, v); }
  void addWide(int chunk, const Vec<kWide>& v) const {
    store<kWide>(data + chunk * kWide, load<kWide>(data + chunk * kWide) + v);
  }
};

/// A control signal: one row of `width` values a tick.
template <int L>
struct ControlIn {
  const Sample* data;
  std::ptrdiff_t step, channel;

  bool constant() const { return step == 0; }
  Vec<L> operator()(int tick, int element = 0) const { return load<L>(data + tick * step + element * channel); }
};
template <int L>
struct ControlOut {
  Sample* data;
  std::ptrdiff_t step, channel;

  explicit operator bool() const { return data != nullptr; }
  void set(int tick, int element, const Vec<L>& v) const { store<L>(data + tick * step + element * channel, v); }
  void add(int tick, int element, const Vec<L>& v) const {
    Sample* at = data + tick * step + element * channel;
    store<L>(at, load<L>(at) + v);
  }
};

/// The written past of a hidden output.
template <int L>
struct HistoryRing {
  HistoryView view;

  Sample* at(int line, std::int64_t frame) const {
    return view.data + line * view.lineStride + (frame & view.mask) * L;
  }
  /// Frames before the first one read as zero (the ring starts cleared).
  Vec<L> read(int line, std::int64_t frame) const { return load<L>(at(line, frame)); }
  void write(int line, std::int64_t frame, const Vec<L>& v) const { store<L>(at(line, frame), v); }
  void add(int line, std::int64_t frame, const Vec<L>& v) const { store<L>(at(line, frame), read(line, frame) + v); }
};

/// What forward and backward see: `ticks` whole ticks of inputs and outputs of one lane group.
template <int L>
class Block {
 public:
  explicit Block(const BlockData& data) : d_(data) {}

  int ticks() const { return d_.ticks; }
  int frames() const { return d_.ticks * kTick; }
  /// Chunks of kWide samples in frames x lanes.
  int chunks() const { return frames() * L / kWide; }
  Sample rate() const { return static_cast<Sample>(d_.rate); }
  std::int64_t firstFrame() const { return d_.firstFrame; }
  const Setup& setup() const { return *d_.setup; }
  int inputWidth(int i) const { return d_.setup->inputWidths[static_cast<std::size_t>(i)]; }
  int outputWidth(int i) const { return d_.setup->outputWidths[static_cast<std::size_t>(i)]; }

  AudioIn<L> audio(int input, int channel = 0) const {
    const SignalView& v = d_.inputs[input];
    return {v.data + channel * v.channel, v.step};
  }
  ControlIn<L> control(int input) const {
    const SignalView& v = d_.inputs[input];
    return {v.data, v.step, v.channel};
  }
  AudioOut<L> out(int output, int channel = 0) const {
    const SignalView& v = d_.outputs[output];
    return {v.data + channel * v.channel};
  }
  ControlOut<L> controlOut(int output) const {
    const SignalView& v = d_.outputs[output];
    return {v.data, v.step, v.channel};
  }
  HistoryRing<L> history(int i) const { return {d_.histories[i]}; }
  /// A shared tensor's numbers, row-major; a per-lane tensor's element e of L lanes at e * L.
  const Sample* tensor(int i) const { return d_.tensors[i]; }
  template <class T>
  const T& prepared() const {
    return *static_cast<const T*>(d_.prepared);
  }
  template <class T>
  T& work() const {
    return *static_cast<T*>(d_.work);
  }
  std::span<const VoiceEvent> events() const { return d_.events; }
  /// Which voice runs in lane l of this group.
  int voiceOf(int l) const { return (d_.firstLane + l) % d_.voices; }
  const Sample* external(int channel) const { return d_.external[static_cast<std::size_t>(channel)]; }
  bool limiter() const { return d_.limiter; }

 private:
  const BlockData& d_;
};

/// Cotangents, in the same shapes: read those of the outputs, add to those of the inputs. `in` and
/// `controlIn` convert to false when nobody wants that cotangent.
template <int L>
class Grad {
 public:
  explicit Grad(const GradData& data) : d_(data) {}

  /// False when the loss does not depend on that output; its cotangent then reads as zero.
  bool wants(int output) const { return d_.outputs[output].data != nullptr; }
  AudioIn<L> out(int output, int channel = 0) const {
    const SignalView& v = d_.outputs[output];
    if (!v.data) return {kZeros.data(), 0};
    return {v.data + channel * v.channel, v.step};
  }
  ControlIn<L> controlOut(int output) const {
    const SignalView& v = d_.outputs[output];
    if (!v.data) return {kZeros.data(), 0, 0};
    return {v.data, v.step, v.channel};
  }
  AudioOut<L> in(int input, int channel = 0) const {
    const SignalView& v = d_.inputs[input];
    return {v.data ? v.data + channel * v.channel : nullptr};
  }
  ControlOut<L> controlIn(int input) const {
    const SignalView& v = d_.inputs[input];
    return {v.data, v.step, v.channel};
  }
  HistoryRing<L> history(int i) const { return {d_.histories[i]}; }
  /// Where to add the gradient of a tensor (same layout), or null.
  Sample* tensor(int i) const { return d_.tensors[i]; }

 private:
  static constexpr std::array<Sample, kMaxLanes> kZeros{};
  const GradData& d_;
};

// ---- the erased type ------------------------------------------------------------------------

/// The compiled kernels of a node for one lane count.
struct Kernel {
  void (*forward)(void* state, const BlockData&) = nullptr;
  /// start: state when the block began. cotangent: of the state after the block on entry, of the
  /// state before it on exit.
  void (*backward)(const void* start, void* cotangent, const BlockData&, const GradData&) = nullptr;
  void (*reset)(void* state, const void* prepared, const Setup&) = nullptr;
  std::size_t stateBytes = 0, cotangentBytes = 0;
};

inline constexpr std::array<int, 3> kLaneCounts{1, 4, 8};
/// Index into NodeType::kernels for a group of `lanes`.
constexpr int kernelIndex(int lanes) { return lanes == 1 ? 0 : lanes == 4 ? 1 : 2; }
/// Lanes of a group when `count` lanes are asked for: 1, 4 or 8 (padded).
constexpr int groupLanes(int count) { return count <= 1 ? 1 : count <= 4 ? 4 : 8; }

/// A node type as the rest of the program sees it: tables and function pointers.
struct NodeType {
  NodeInfo info;
  std::span<const Input> inputs;
  std::span<const Output> outputs;
  std::span<const Setting> settings;
  std::span<const Tensor> tensors;
  std::span<const History> histories;
  std::array<Kernel, 3> kernels;
  /// Tables, partition spectra, decoded files; null when the node prepares nothing.
  Result<std::shared_ptr<const void>> (*prepare)(const Setup&) = nullptr;
  /// Mutable memory of one lane group that is derived from the past input; null when there is none.
  std::shared_ptr<void> (*makeWork)(const Setup&, const void* prepared) = nullptr;
  void (*resetWork)(void*) = nullptr;
  std::vector<int> (*tensorShape)(int tensor, const Setup&) = nullptr;
  void (*tensorDefault)(int tensor, const Setup&, std::span<Sample>) = nullptr;
  HistoryShape (*historyShape)(int history, const Setup&) = nullptr;

  int inputIndex(std::string_view id) const { return indexOf(inputs, id); }
  int outputIndex(std::string_view id) const { return indexOf(outputs, id); }
  int settingIndex(std::string_view id) const { return indexOf(settings, id); }
  int tensorIndex(std::string_view id) const { return indexOf(tensors, id); }

 private:
  template <class Row>
  static int indexOf(std::span<const Row> rows, std::string_view id) {
    const auto at = std::find_if(rows.begin(), rows.end(), [id](const Row& r) { return r.id == id; });
    return at == rows.end() ? -1 : static_cast<int>(at - rows.begin());
  }
};

namespace detail {
struct NoState {};
template <class N, int L>
struct StateOf {
  using type = NoState;
};
template <class N, int L>
requires requires { typename N::template State<L>; }
struct StateOf<N, L> {
  using type = typename N::template State<L>;
};
template <class N, int L>
struct CotangentOf {
  using type = typename StateOf<N, L>::type;
};
template <class N, int L>
requires requires { typename N::template Cotangent<L>; }
struct CotangentOf<N, L> {
  using type = typename N::template Cotangent<L>;
};

template <class N, int L>
Kernel makeKernel() {
  using State = typename StateOf<N, L>::type;
  using Cotangent = typename CotangentOf<N, L>::type;
  static_assert(std::is_trivially_copyable_v<State> && std::is_trivially_copyable_v<Cotangent>);
  Kernel k;
  if constexpr (std::is_same_v<State, NoState>) {
    k.forward = [](void*, const BlockData& b) { N::template forward<L>(Block<L>(b)); };
    k.backward = [](const void*, void*, const BlockData& b, const GradData& g) {
      N::template backward<L>(Block<L>(b), Grad<L>(g));
    };
    k.reset = [](void*, const void*, const Setup&) {};
  } else {
    // lane by lane reset treats a state as rows of L elements of one size
    static_assert(sizeof(State) % kVecBytes<L> == 0, "a state holds vectors of L lanes only");
    k.stateBytes = sizeof(State);
    k.cotangentBytes = sizeof(Cotangent);
    k.forward = [](void* s, const BlockData& b) { N::template forward<L>(*static_cast<State*>(s), Block<L>(b)); };
    k.backward = [](const void* s, void* d, const BlockData& b, const GradData& g) {
      N::template backward<L>(*static_cast<const State*>(s), *static_cast<Cotangent*>(d), Block<L>(b), Grad<L>(g));
    };
    k.reset = [](void* s, [[maybe_unused]] const void* prepared, [[maybe_unused]] const Setup& setup) {
      auto* state = new (s) State{};
      if constexpr (requires { N::template reset<L>(*state, setup); }) N::template reset<L>(*state, setup);
    };
  }
  return k;
}
}  // namespace detail

/// Erases a node struct to the NodeType that the registry holds.
template <class N>
NodeType makeNodeType() {
  NodeType t;
  t.info = N::info;
  t.inputs = N::inputs;
  t.outputs = N::outputs;
  if constexpr (requires { N::settings; }) t.settings = N::settings;
  if constexpr (requires { N::tensors; }) {
    t.tensors = N::tensors;
    t.tensorShape = N::tensorShape;
    t.tensorDefault = N::tensorDefault;
  }
  if constexpr (requires { N::histories; }) {
    t.histories = N::histories;
    t.historyShape = N::historyShape;
  }
  t.kernels = {detail::makeKernel<N, 1>(), detail::makeKernel<N, 4>(), detail::makeKernel<N, 8>()};
  if constexpr (requires { typename N::Prepared; }) {
    t.prepare = [](const Setup& setup) -> Result<std::shared_ptr<const void>> {
      auto made = N::prepare(setup);
      if (!made) return made.error();
      return std::shared_ptr<const void>(std::make_shared<typename N::Prepared>(std::move(*made)));
    };
  }
  if constexpr (requires { typename N::Work; }) {
    t.makeWork = [](const Setup& setup, const void* prepared) -> std::shared_ptr<void> {
      return N::makeWork(setup, *static_cast<const typename N::Prepared*>(prepared));
    };
    t.resetWork = [](void* work) { static_cast<typename N::Work*>(work)->reset(); };
  }
  return t;
}

}  // namespace core
