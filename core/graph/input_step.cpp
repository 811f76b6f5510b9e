// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/graph/input_step.h"

#include <algorithm>

#include "core/dsp/math.h"
#include "core/graph/input_step_detail.h"

namespace core {

namespace {
/// Adds the eight lanes of a tick up, lane 0 first, on top of what is there.
void addLanesUp(const Sample* from, Sample* sum) {
  for (int i = 0; i < kTick; i += kWide) {
    std::array<const Sample*, kWide> rows;
    for (std::size_t j = 0; j < kWide; ++j) rows[j] = from + (i + static_cast<int>(j)) * kWide;
    std::array<Wide, kWide> lanes;
    loadColumns(rows.data(), 0, lanes);
    Wide total = load<kWide>(sum + i);
    for (const Wide& lane : lanes) total = total + lane;
    store<kWide>(sum + i, total);
  }
}
}  // namespace

std::size_t InputStep::scratchSize(const PlanInput& input, int lanes, int ticks) {
  const int perTick = input.row->rate == Rate::audio ? kTick * input.width * lanes : (input.width * lanes + 7) / 8 * 8;
  return static_cast<std::size_t>(perTick) * static_cast<std::size_t>(ticks);
}

Range InputStep::limits(const Input& row, double rate) {
  Range r = row.range();
  if (row.unit == Unit::hertz) r.max = std::min(r.max, 0.49 * rate);
  return r;
}

SignalView InputStep::compose(int node, int input, int group, int from, int ticks, Sample*& scratch) const {
  const PlanNode& n = e_.plan_.nodes[static_cast<std::size_t>(node)];
  const PlanInput& in = n.inputs[static_cast<std::size_t>(input)];
  const Domain& domain = e_.domain(n.voiced);
  const int lanes = domain.group;
  if (in.cables.empty()) {
    if (in.parameter < 0)
      return {e_.defaults_.data() +
                  e_.defaultAt_[static_cast<std::size_t>(e_.firstInput_[static_cast<std::size_t>(node)] + input)],
              0, 0};
    if (!e_.ramping_[static_cast<std::size_t>(in.parameter)])
      return {e_.packed_.data() + e_.packedAt_[static_cast<std::size_t>(in.parameter)] +
                  static_cast<std::size_t>(group * lanes),
              0, 0};
  }
  if (in.alias) {
    const PlanSignal& s = e_.plan_.signals[static_cast<std::size_t>(in.cables[0].signal)];
    SignalView view = e_.buffer(in.cables[0].signal).view(group, from);
    if (s.width == 1) view.channel = 0;
    return view;
  }
  const Target target{in, group, n.voiced, domain, e_.mono_, limits(*in.row, e_.plan_.rate)};
  Sample* out = scratch;
  scratch += scratchSize(in, lanes, ticks);
  switch (lanes) {
    case 1:
      return composeLanes<1>(target, from, ticks, out);
    case 4:
      return composeLanes<4>(target, from, ticks, out);
    default:
      return composeLanes<8>(target, from, ticks, out);
  }
}

template <int L>
SignalView InputStep::composeLanes(const Target& t, int from, int ticks, Sample* out) const {
  if (t.in.row->rate == Rate::control) {
    const int row = (t.in.width * L + 7) / 8 * 8;
    for (int i = 0; i < ticks; ++i) controlTick<L>(t, from + i, out + i * row);
    return {out, row, L};
  }
  if (isFlat<L>(t, from, ticks)) {
    audioTick<L>(t, from, 0, kWide, out);
    return {out, 0, 0};
  }
  const std::ptrdiff_t channel = static_cast<std::ptrdiff_t>(ticks) * kTick * L;
  for (int c = 0; c < t.in.width; ++c)
    for (int i = 0; i < ticks; ++i) audioTick<L>(t, from + i, c, kTick * L, out + c * channel + i * kTick * L);
  return {out, L, channel};
}

/// Whether the composed input stays the same over the block, so that one value does for all frames: it is
/// a knob one wide and nothing that moves it moves (a held pitch, a sustained envelope). Plain signals
/// are left as they are: a gate that opens with the block would look like one that never moves.
template <int L>
bool InputStep::isFlat(const Target& t, int from, int ticks) const {
  if (t.in.width != 1 || !t.in.row->isParameter() || e_.ramping_[static_cast<std::size_t>(t.in.parameter)])
    return false;
  for (const PlanCable& cable : t.in.cables) {
    const PlanSignal& s = e_.plan_.signals[static_cast<std::size_t>(cable.signal)];
    if (cable.fade != Fade::none || e_.ramping_[static_cast<std::size_t>(cable.parameter)] || cable.delayed ||
        s.rate != Rate::audio || s.voiced != t.voiced)
      return false;
    const Sample* x = e_.buffer(cable.signal).at(t.group, from);
    const int count = ticks * kTick * L;
    const auto first = bitsOf<kWide>(repeated<L>(load<L>(x)));
    if (anySet(bitsOf<kWide>(load<kWide>(x + count - kWide)) != first)) return false;  // most that move end elsewhere
    for (int i = 0; i < count; i += kWide)
      if (anySet(bitsOf<kWide>(load<kWide>(x + i)) != first)) return false;
  }
  return true;
}

/// The first `count` samples of a tick; fewer than all only where isFlat.
template <int L>
void InputStep::audioTick(const Target& t, int tick, int channel, int count, Sample* out) const {
  const bool octaves = t.in.row->isParameter() && t.in.row->scale == Scale::log;
  const auto lanesAt = [&](const AlignedArray<Sample>& array, int parameter) {
    return load<L>(array.data() + e_.packedAt_[static_cast<std::size_t>(parameter)] +
                   static_cast<std::size_t>(t.group * L));
  };
  // a glide is linear over the tick: from its value at the tick's start to that at its end
  const auto glide = [&](int parameter, int i) {
    const Vec<L> a = lanesAt(e_.rampFrom_, parameter), b = lanesAt(e_.packed_, parameter);
    return a + (b - a) * rampWeight(i);
  };
  const auto isGliding = [&](int parameter) { return e_.ramping_[static_cast<std::size_t>(parameter)] != 0; };
  const auto fadeAt = [&](Fade fade, int i) {
    const Sample in = minimum((static_cast<Sample>(e_.fadeTick_) + rampWeight(i)) / Executor::kFadeTicks, 1.0_s);
    return fade == Fade::in ? in : 1.0_s - in;
  };

  const Wide lo = splat<kWide>(static_cast<Sample>(t.limits.min)), hi = splat<kWide>(static_cast<Sample>(t.limits.max));
  const bool parameter = t.in.row->isParameter(), knobGlides = t.in.parameter >= 0 && isGliding(t.in.parameter);
  const Wide knob = t.in.parameter >= 0 && !knobGlides ? repeated<L>(lanesAt(e_.packed_, t.in.parameter)) : Wide{};
  // what a steady knob and the limits make of eight sums
  const auto finish = [&](Wide sum) {
    if (octaves) sum = knob * exp2<kWide>(sum);
    return parameter ? minimum(maximum(sum, lo), hi) : sum;
  };
  const bool fades = t.in.usesDefault && t.in.defaultFade != Fade::none;
  const Wide start = octaves ? Wide{} : knob;
  bool begun = false, finished = false;
  const auto begin = [&] {
    if (!begun)
      for (int i = 0; i < count; i += kWide) store<kWide>(out + i, start);
    begun = true;
  };
  if (knobGlides && !octaves) {
    for (int i = 0; i < kTick; ++i) store<L>(out + i * L, glide(t.in.parameter, i));
    begun = true;
  }
  if (fades) {
    begin();
    for (int i = 0; i < kTick; ++i)
      store<L>(out + i * L,
               load<L>(out + i * L) + splat<L>(static_cast<Sample>(t.in.row->def) * fadeAt(t.in.defaultFade, i)));
  }
  alignas(64) Sample temporary[kTick * L];
  for (const PlanCable& cable : t.in.cables) {
    const Sample* source = fetchAudio<L>(cable, t, tick, channel, temporary);
    if (isGliding(cable.parameter) || cable.fade != Fade::none) {
      begin();
      for (int i = 0; i < kTick; ++i) {
        const Vec<L> depth =
            isGliding(cable.parameter) ? glide(cable.parameter, i) : lanesAt(e_.packed_, cable.parameter);
        const Sample fade = cable.fade == Fade::none ? 1.0_s : fadeAt(cable.fade, i);
        store<L>(out + i * L, load<L>(out + i * L) + depth * fade * load<L>(source + i * L));
      }
      continue;
    }
    // a steady cable; the first one brings the start along, the last one finishes, in one pass
    const Wide depth = repeated<L>(lanesAt(e_.packed_, cable.parameter));
    finished = !knobGlides && &cable == &t.in.cables.back();
    for (int i = 0; i < count; i += kWide) {
      const Wide sum = multiplyAdd<kWide>(depth, load<kWide>(source + i), begun ? load<kWide>(out + i) : start);
      store<kWide>(out + i, finished ? finish(sum) : sum);
    }
    begun = true;
  }
  if (finished) return;
  begin();
  if (knobGlides && octaves)
    for (int i = 0; i < kTick; ++i) store<L>(out + i * L, glide(t.in.parameter, i) * exp2<L>(load<L>(out + i * L)));
  for (int i = 0; i < count; i += kWide) {
    const Wide sum = load<kWide>(out + i);
    store<kWide>(out + i, knobGlides ? minimum(maximum(sum, lo), hi) : finish(sum));
  }
}

template <int L>
void InputStep::controlTick(const Target& t, int tick, Sample* out) const {
  const bool parameter = t.in.row->isParameter(), octaves = parameter && t.in.row->scale == Scale::log;
  const auto lanesAt = [&](int p) {  // the value at the tick's end
    return load<L>(e_.packed_.data() + e_.packedAt_[static_cast<std::size_t>(p)] +
                   static_cast<std::size_t>(t.group * L));
  };
  const auto fadeEnd = [&](Fade fade) {
    const Sample in = minimum(static_cast<Sample>(e_.fadeTick_ + 1) / Executor::kFadeTicks, 1.0_s);
    return fade == Fade::none ? 1.0_s : fade == Fade::in ? in : 1.0_s - in;
  };
  for (int k = 0; k < t.in.width; ++k) {
    Vec<L> sum = parameter && !octaves ? lanesAt(t.in.parameter) : splat<L>(0);
    if (t.in.usesDefault) sum = sum + static_cast<Sample>(t.in.row->def) * fadeEnd(t.in.defaultFade);
    for (const PlanCable& cable : t.in.cables)
      sum = sum + lanesAt(cable.parameter) * fadeEnd(cable.fade) * fetchControl<L>(cable, t, tick, k);
    if (octaves) sum = lanesAt(t.in.parameter) * exp2<L>(sum);
    if (parameter)
      sum = minimum(maximum(sum, splat<L>(static_cast<Sample>(t.limits.min))),
                    splat<L>(static_cast<Sample>(t.limits.max)));
    store<L>(out + k * L, sum);
  }
}

bool InputStep::firstTick(const PlanCable& cable, int tick) const {
  return tick == 0 && !e_.hasPrevious_[static_cast<std::size_t>(cable.signal)];
}

/// One sample of a cable's source, whatever its rate: the plain definition that the fast paths of
/// fetchAudio agree with.
Sample InputStep::sourceAt(const PlanCable& cable, int lane, int tick, int channel, int frame) const {
  const PlanSignal& s = e_.plan_.signals[static_cast<std::size_t>(cable.signal)];
  const SignalBuffer& b = e_.buffer(cable.signal);
  const int lanes = e_.domain(s.voiced).group, group = lane / lanes, l = lane % lanes;
  const int c = s.width == 1 ? 0 : channel, t = tick - (cable.delayed ? 1 : 0);
  if (s.rate == Rate::audio) return b.at(group, t, c)[frame * lanes + l];
  const Sample now = b.at(group, t)[c * lanes + l];
  if (cable.delayed || firstTick(cable, tick)) return now;
  const Sample before = b.at(group, t - 1)[c * lanes + l];
  return before + (now - before) * rampWeight(frame);
}

template <int L>
const Sample* InputStep::fetchAudio(const PlanCable& cable, const Target& t, int tick, int channel,
                                    Sample* temporary) const {
  const PlanSignal& s = e_.plan_.signals[static_cast<std::size_t>(cable.signal)];
  const Domain& source = e_.domain(s.voiced);
  if (s.voiced == t.voiced && s.rate == Rate::audio)
    return e_.buffer(cable.signal).at(t.group, tick - (cable.delayed ? 1 : 0), s.width == 1 ? 0 : channel);
  if (s.voiced && !t.voiced && t.mono.clips == 1 && s.rate == Rate::audio) {  // as below, by pointers
    const int at = tick - (cable.delayed ? 1 : 0), c = s.width == 1 ? 0 : channel;
    for (int i = 0; i < kTick * L; ++i) temporary[i] = 0;
    for (int v = 0; v < source.voices; ++v) {
      const Sample* from = e_.buffer(cable.signal).at(v / source.group, at, c) + v % source.group;
      if constexpr (L == 1)
        if (source.group == kWide && v % kWide == 0 && v + kWide <= source.voices) {
          addLanesUp(from, temporary);
          v += kWide - 1;
          continue;
        }
      for (int i = 0; i < kTick; ++i) temporary[i * L] += from[i * source.group];
    }
    return temporary;
  }
  if (s.voiced && !t.voiced) {  // sum of a clip's voices, voice 0 first
    for (int i = 0; i < kTick; ++i)
      for (int l = 0; l < L; ++l) {
        Sample sum = 0;
        const int clip = t.group * L + l;
        if (clip < t.mono.clips)
          for (int v = 0; v < source.voices; ++v) sum += sourceAt(cable, clip * source.voices + v, tick, channel, i);
        temporary[i * L + l] = sum;
      }
    return temporary;
  }
  if (s.voiced == t.voiced) {  // control rate: a ramp from the tick before
    const Sample* row = e_.buffer(cable.signal).at(t.group, tick - (cable.delayed ? 1 : 0));
    const Vec<L> now = load<L>(row + (s.width == 1 ? 0 : channel) * L);
    const bool flat = cable.delayed || firstTick(cable, tick);
    const Vec<L> before =
        flat ? now : load<L>(e_.buffer(cable.signal).at(t.group, tick - 1) + (s.width == 1 ? 0 : channel) * L);
    for (int i = 0; i < kTick; ++i) store<L>(temporary + i * L, flat ? now : before + (now - before) * rampWeight(i));
    return temporary;
  }
  for (int l = 0; l < L; ++l) {  // mono to voices
    const int lane = t.domain.clipOf(t.group * L + l);
    for (int i = 0; i < kTick; ++i) temporary[i * L + l] = sourceAt(cable, lane, tick, channel, i);
  }
  return temporary;
}

template <int L>
Vec<L> InputStep::fetchControl(const PlanCable& cable, const Target& t, int tick, int element) const {
  const PlanSignal& s = e_.plan_.signals[static_cast<std::size_t>(cable.signal)];
  const Domain& source = e_.domain(s.voiced);
  const int frame = kTick - 1;  // an audio signal counts with its value at the tick's end
  Sample out[L];
  for (int l = 0; l < L; ++l) {
    const int lane = t.group * L + l;
    if (s.voiced == t.voiced) {
      out[l] = sourceAt(cable, lane, tick, element, frame);
    } else if (t.voiced) {
      out[l] = sourceAt(cable, t.domain.clipOf(lane), tick, element, frame);
    } else {
      out[l] = 0;
      if (lane < t.mono.clips)
        for (int v = 0; v < source.voices; ++v)
          out[l] += sourceAt(cable, lane * source.voices + v, tick, element, frame);
    }
  }
  return load<L>(out);
}

template const Sample* InputStep::fetchAudio<1>(const PlanCable&, const Target&, int, int, Sample*) const;
template const Sample* InputStep::fetchAudio<4>(const PlanCable&, const Target&, int, int, Sample*) const;
template const Sample* InputStep::fetchAudio<8>(const PlanCable&, const Target&, int, int, Sample*) const;
template Vec<1> InputStep::fetchControl<1>(const PlanCable&, const Target&, int, int) const;
template Vec<4> InputStep::fetchControl<4>(const PlanCable&, const Target&, int, int) const;
template Vec<8> InputStep::fetchControl<8>(const PlanCable&, const Target&, int, int) const;

}  // namespace core
