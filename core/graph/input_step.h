// SPDX-License-Identifier: GPL-3.0-or-later
// What happens between an output and an input, once for all nodes: sum of depth x cable, octaves on
// log scales, ramps from control to audio rate, mono to voices, voices to mono, glides, fades,
// clamps; and the adjoint of each.
#pragma once

#include "core/graph/executor.h"

namespace core {

/// Cotangents of signals and the gradients of parameters that input steps add to.
struct InputCotangents {
  std::vector<SignalBuffer>* signals = nullptr;       ///< by signal; empty: not wanted
  std::vector<double>* parameters = nullptr;          ///< [parameter][clip]
  const std::vector<std::uint8_t>* wanted = nullptr;  ///< by parameter
};

class InputStep {
 public:
  explicit InputStep(const Executor& executor) : e_(executor) {}

  /// The view a kernel reads ticks [from, from + ticks) of an input by. Composed signals are
  /// written to `scratch`, which is moved on.
  SignalView compose(int node, int input, int group, int from, int ticks, Sample*& scratch) const;

  /// Adds the cotangent of an input ([channel][frame][lane] or [tick][element][lane], dense) to what
  /// it is made of. `value` is the view that compose returned.
  void adjoint(int node, int input, int group, int from, int ticks, const SignalView& value, const Sample* cotangent,
               const InputCotangents& into) const;

  /// Samples of scratch that compose may use for an input over `ticks`.
  static std::size_t scratchSize(const PlanInput& input, int lanes, int ticks);
  /// The range an input is clamped to at a rate: its own, and hertz at most 0.49 of the rate.
  static Range limits(const Input& row, double rate);

 private:
  struct Target;  ///< the input being composed, with its node's domain
  template <int L>
  SignalView composeLanes(const Target& t, int from, int ticks, Sample* out) const;
  template <int L>
  bool isFlat(const Target& t, int from, int ticks) const;
  template <int L>
  void audioTick(const Target& t, int tick, int channel, int count, Sample* out) const;
  template <int L>
  void controlTick(const Target& t, int tick, Sample* out) const;
  template <int L>
  const Sample* fetchAudio(const PlanCable& cable, const Target& t, int tick, int channel, Sample* temporary) const;
  template <int L>
  Vec<L> fetchControl(const PlanCable& cable, const Target& t, int tick, int element) const;
  template <int L>
  void adjointLanes(const Target& t, int from, int ticks, const SignalView& value, const Sample* cotangent,
                    const InputCotangents& into) const;
  template <int L, int W>
  void adjointTick(const Target& t, int tick, int k, int count, const SignalView& value, const Sample* d,
                   const InputCotangents& into) const;
  template <int L>
  void scatterAudio(const PlanCable& cable, const Target& t, int tick, int channel, const Sample* cotangent,
                    SignalBuffer& into) const;
  template <int L>
  void addPerClip(int parameter, const Target& t, const Vec<L>& sum, const InputCotangents& into) const;
  Sample sourceAt(const PlanCable& cable, int lane, int tick, int channel, int frame) const;
  bool firstTick(const PlanCable& cable, int tick) const;

  const Executor& e_;
};

}  // namespace core
