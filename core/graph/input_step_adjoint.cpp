// SPDX-License-Identifier: GPL-3.0-or-later
// InputStep: the adjoint of what lies between an output and an input.
#include "core/graph/input_step_detail.h"

namespace core {
namespace {
constexpr Sample kLn2 = static_cast<Sample>(0.6931471805599453);
}  // namespace

void InputStep::adjoint(int node, int input, int group, int from, int ticks, const SignalView& value,
                        const Sample* cotangent, const InputCotangents& into) const {
  const PlanNode& n = e_.plan_.nodes[static_cast<std::size_t>(node)];
  const PlanInput& in = n.inputs[static_cast<std::size_t>(input)];
  const Target t{in, group, n.voiced, e_.domain(n.voiced), e_.mono_, limits(*in.row, e_.plan_.rate)};
  switch (t.domain.group) {
    case 1:
      return adjointLanes<1>(t, from, ticks, value, cotangent, into);
    case 4:
      return adjointLanes<4>(t, from, ticks, value, cotangent, into);
    default:
      return adjointLanes<8>(t, from, ticks, value, cotangent, into);
  }
}

template <int L>
void InputStep::addPerClip(int parameter, const Target& t, const Vec<L>& sum, const InputCotangents& into) const {
  for (int l = 0; l < t.validLanes(); ++l)
    (*into.parameters)[static_cast<std::size_t>(parameter * t.mono.clips + t.domain.clipOf(t.group * L + l))] +=
        static_cast<double>(lane<L>(sum, l));
}

namespace {
/// Sums what belongs to the same lane of a group of L.
template <int L, int W>
Vec<L> folded(const Vec<W>& v) {
  if constexpr (L == W) {
    return v;
  } else if constexpr (L == 1) {
    return sumOf(v);
  } else {
    Vec<L> sum;
    for (int l = 0; l < L; ++l) sum[l] = v[l] + v[l + L];
    return sum;
  }
}
}  // namespace

template <int L>
void InputStep::adjointLanes(const Target& t, int from, int ticks, const SignalView& value, const Sample* cotangent,
                             const InputCotangents& into) const {
  const bool audio = t.in.row->rate == Rate::audio;
  const std::ptrdiff_t tickStride = audio ? kTick * L : (t.in.width * L + 7) / 8 * 8;
  const std::ptrdiff_t plane = audio ? tickStride * ticks : L;
  for (int k = 0; k < t.in.width; ++k)
    for (int tick = ticks; tick-- > 0;) {
      const Sample* d = cotangent + k * plane + tick * tickStride;
      const SignalView v{value.data + k * value.channel + (audio ? tick * kTick : tick) * value.step, value.step, 0};
      if (audio)
        adjointTick<L, kWide>(t, from + tick, k, kTick * L, v, d, into);
      else
        adjointTick<L, L>(t, from + tick, k, L, v, d, into);
    }
}

/// One tick of one channel or element: `count` samples, W at a time.
template <int L, int W>
void InputStep::adjointTick(const Target& t, int tick, int k, int count, const SignalView& value, const Sample* d,
                            const InputCotangents& into) const {
  const bool audio = t.in.row->rate == Rate::audio, parameter = t.in.row->isParameter();
  const bool octaves = parameter && t.in.row->scale == Scale::log;
  const auto wanted = [&](int p) { return p >= 0 && (*into.wanted)[static_cast<std::size_t>(p)]; };
  const auto lanesAt = [&](int p) {
    return load<L>(e_.packed_.data() + e_.packedAt_[static_cast<std::size_t>(p)] +
                   static_cast<std::size_t>(t.group * L));
  };
  const auto spread = [](const Vec<L>& lanes) {
    if constexpr (L == W)
      return lanes;
    else
      return repeated<L>(lanes);
  };
  const Vec<W> lo = splat<W>(static_cast<Sample>(t.limits.min)), hi = splat<W>(static_cast<Sample>(t.limits.max));
  const Vec<W> flat = spread(load<L>(value.data)), zero = splat<W>(0);
  alignas(64) Sample sum[kTick * L], temporary[kTick * L];
  Vec<W> knobSum = zero;
  const Sample* inner = d;  // cotangent of the sum of depth x cable
  if (!t.in.cables.empty() && parameter) {
    // clamped values have no slope; on a log scale value = knob 2^sum
    for (int i = 0; i < count; i += W) {
      const Vec<W> x = value.step ? load<W>(value.data + i) : flat, dx = load<W>(d + i);
      const Vec<W> open = x > lo ? (x < hi ? dx : zero) : zero;
      store<W>(sum + i, octaves ? open * x * kLn2 : open);
      knobSum = knobSum + (octaves ? open * x : open);
    }
    inner = sum;
  } else if (wanted(t.in.parameter)) {
    for (int i = 0; i < count; i += W) knobSum = knobSum + load<W>(d + i);
  }
  if (wanted(t.in.parameter)) {
    const bool scaled = octaves && !t.in.cables.empty();
    const Vec<L> all = folded<L, W>(knobSum);
    addPerClip<L>(t.in.parameter, t, scaled ? all / lanesAt(t.in.parameter) : all, into);
  }
  for (const PlanCable& cable : t.in.cables) {
    if (wanted(cable.parameter)) {
      Vec<L> depthSum;
      if (audio) {
        const Sample* source = fetchAudio<L>(cable, t, tick, k, temporary);
        Vec<W> products = zero;
        for (int i = 0; i < count; i += W) products = products + load<W>(inner + i) * load<W>(source + i);
        depthSum = folded<L, W>(products);
      } else {
        depthSum = load<L>(inner) * fetchControl<L>(cable, t, tick, k);
      }
      addPerClip<L>(cable.parameter, t, depthSum, into);
    }
    SignalBuffer& target = (*into.signals)[static_cast<std::size_t>(cable.signal)];
    if (target.empty()) continue;
    const Vec<W> depth = spread(lanesAt(cable.parameter));
    for (int i = 0; i < count; i += W) store<W>(temporary + i, load<W>(inner + i) * depth);
    scatterAudio<L>(cable, t, tick, k, temporary, target);
  }
}

/// Adjoint of fetchAudio (of fetchControl for control inputs, whose one value stands at the tick's end).
template <int L>
void InputStep::scatterAudio(const PlanCable& cable, const Target& t, int tick, int channel, const Sample* cotangent,
                             SignalBuffer& into) const {
  const PlanSignal& s = e_.plan_.signals[static_cast<std::size_t>(cable.signal)];
  const Domain& source = e_.domain(s.voiced);
  const int c = s.width == 1 ? 0 : channel, at = tick - (cable.delayed ? 1 : 0);
  const bool audioInput = t.in.row->rate == Rate::audio;
  if (s.voiced == t.voiced && s.rate == Rate::audio && audioInput) {
    Sample* to = into.at(t.group, at, c);
    for (int i = 0; i < kTick; ++i) store<L>(to + i * L, load<L>(to + i * L) + load<L>(cotangent + i * L));
    return;
  }
  if constexpr (L == 1)
    if (s.voiced && !t.voiced && t.mono.clips == 1 && s.rate == Rate::audio && audioInput && source.group == kWide) {
      // as below: a mixed sample's cotangent is that of every voice, and of no lane beyond the voices
      for (int g = 0; g < source.groups; ++g) {
        Sample* to = into.at(g, at, c);
        Vec<kWide> isVoice{};
        for (int l = 0; l < kWide; ++l) isVoice[l] = g * kWide + l < source.voices ? 1.0_s : 0.0_s;
        for (int i = 0; i < kTick; ++i)
          store<kWide>(to + i * kWide, load<kWide>(to + i * kWide) + isVoice * splat<kWide>(cotangent[i]));
      }
      return;
    }
  const int sourceLanes = source.group;
  const auto add = [&](int lane, int frame, Sample d) {
    const int group = lane / sourceLanes, l = lane % sourceLanes;
    if (s.rate == Rate::audio) {
      into.at(group, at, c)[frame * sourceLanes + l] += d;
    } else if (cable.delayed || firstTick(cable, tick)) {
      into.at(group, at)[c * sourceLanes + l] += d;
    } else {
      into.at(group, at)[c * sourceLanes + l] += d * rampWeight(frame);
      if (frame + 1 < kTick) into.at(group, at - 1)[c * sourceLanes + l] += d * (1.0_s - rampWeight(frame));
    }
  };
  for (int i = 0; i < (audioInput ? kTick : 1); ++i) {
    const int frame = audioInput ? i : kTick - 1;
    for (int l = 0; l < t.validLanes(); ++l) {
      const int lane = t.group * L + l;
      const Sample d = cotangent[i * L + l];
      if (s.voiced == t.voiced) {
        add(lane, frame, d);
      } else if (t.voiced) {
        add(t.domain.clipOf(lane), frame, d);
      } else {
        for (int v = 0; v < source.voices; ++v) add(lane * source.voices + v, frame, d);
      }
    }
  }
}

}  // namespace core
