// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/graph/picture.h"

#include <algorithm>
#include <cmath>
#include <complex>

#include "core/dsp/fft.h"
#include "core/graph/executor.h"
#include "core/graph/picture_probe.h"
#include "core/graph/realtime.h"

namespace core {
namespace {
using namespace picture;

struct Answer {
  std::vector<float> sound, scan;
  int width = 1;
};

/// First plain input that carries sound or a gate, or -1.
int signalInput(const NodeType& type) {
  for (std::size_t i = 0; i < type.inputs.size(); ++i)
    if (!type.inputs[i].isParameter() && type.inputs[i].width.size <= 2 && type.inputs[i].rate == Rate::audio &&
        type.inputs[i].width.variable == 0)
      return static_cast<int>(i);
  for (std::size_t i = 0; i < type.inputs.size(); ++i)
    if (!type.inputs[i].isParameter()) return static_cast<int>(i);
  return -1;
}

/// Plays `input` into the node for `ticks`; gate-like nodes also get a held note.
Result<Answer> play(const PatchNode& source, const NodeType& type, double rate, const std::vector<Sample>& input,
                    int inputRow) {
  Registry registry;
  registry.add(makeNodeType<Probe>());
  registry.add(makeNodeType<Reader>());
  NodeType plain = type;
  plain.info.isOutput = false;
  registry.add(plain);
  Patch patch;
  patch.rate = rate;
  patch.nodes = {source, helperNode("probe'", "picture.probe"), helperNode("reader'", "picture.reader")};
  if (inputRow >= 0)
    patch.cables.push_back(
        {"probe'", "out", source.id, std::string(type.inputs[static_cast<std::size_t>(inputRow)].id)});
  const auto read = [&](int output, const char* row) {
    if (output >= 0)
      patch.cables.push_back(
          {source.id, std::string(type.outputs[static_cast<std::size_t>(output)].id), "reader'", row});
  };
  const int narrow = pictureOutput(type, false), wide = pictureOutput(type, true);
  if (narrow >= 0 && !isWide(type.outputs[static_cast<std::size_t>(narrow)])) read(narrow, "in");
  if (wide >= 0 && type.outputs[static_cast<std::size_t>(wide)].rate == Rate::control) read(wide, "wide");
  auto plan = compilePlan(patch, registry, {.rate = rate});
  if (!plan) return plan.error();
  Answer answer;
  answer.width = plan->nodes[static_cast<std::size_t>(plan->outputNode)].inputWidths[1];
  auto made = Executor::create(std::move(*plan), {.stretchTicks = 16});
  if (!made) return made.error();
  Executor& e = **made;
  const std::vector<VoiceEvent> notes{
      {0, VoiceEvent::Type::noteOn, 0, 60, static_cast<Sample>(0.8)},
      {static_cast<std::int64_t>(input.size()) * 6 / 10, VoiceEvent::Type::noteOff, 0, 0, 0}};
  e.setEvents(notes);
  const int stretch = 16 * kTick;
  for (std::size_t at = 0; at + static_cast<std::size_t>(stretch) <= input.size();
       at += static_cast<std::size_t>(stretch)) {
    e.setExternal(input.data() + at, nullptr);
    e.run(16);
    for (int i = 0; i < stretch; ++i) answer.sound.push_back(static_cast<float>(e.output(0)[i]));
    answer.scan.assign(e.output(1), e.output(1) + stretch);
  }
  return answer;
}

/// A whole number of stretches of at least that length.
std::vector<Sample> silence(double seconds, double rate) {
  const auto stretches = static_cast<std::size_t>(std::ceil(std::max(seconds, 0.02) * rate / (16 * kTick))) + 1;
  return std::vector<Sample>(stretches * 16 * kTick);
}

/// Sum of the knobs that are times: how long the node's gesture lasts.
double secondsOf(const PatchNode& node, const NodeType& type) {
  double sum = 0;
  for (const Input& i : type.inputs) {
    if (!i.isParameter()) continue;
    if (i.unit == Unit::seconds) sum += knobValue(node, i);
    if (i.unit == Unit::milliseconds) sum += knobValue(node, i) / 1e3;
  }
  return sum;
}

double periodOf(const PatchNode& node, const NodeType& type) {
  for (const Input& i : type.inputs)
    if (i.isParameter() && i.unit == Unit::hertz) return 1 / std::max(0.05, knobValue(node, i));
  return 1 / kC4Hz;
}

/// Level in dB at `points` frequencies, evenly in octaves from 20 Hz to 20 kHz.
std::vector<float> logSpectrum(std::vector<float> x, double rate, int points) {
  constexpr int kSize = 16384;
  x.resize(kSize);
  const RealFft fft(kSize);
  const std::vector<Sample> in(x.begin(), x.end());
  std::vector<std::complex<Sample>> bins(static_cast<std::size_t>(fft.bins()));
  fft.forward(in.data(), bins.data());
  std::vector<float> out;
  double before = 20;
  for (int i = 0; i < points; ++i) {
    const double hz = 20 * std::pow(1000.0, i / (points - 1.0));
    const auto low = static_cast<std::size_t>(std::min(before, hz) / rate * kSize);
    const auto high = std::min(static_cast<std::size_t>(hz / rate * kSize + 1), bins.size() - 1);
    double most = 0;
    for (std::size_t b = low; b <= high; ++b) most = std::max(most, static_cast<double>(std::abs(bins[b])));
    out.push_back(decibels(most));
    before = hz;
  }
  return out;
}

Result<PictureCurve> wavePicture(const PatchNode& node, const NodeType& type, double rate, int points) {
  const double period = periodOf(node, type), settle = std::min(0.05, 4 * period);
  auto input = silence(settle + 2 * period, rate);
  const int in = signalInput(type);
  if (in >= 0)  // what shapes sound shows what it makes of a sine
    for (std::size_t i = 0; i < input.size(); ++i)
      input[i] = static_cast<Sample>(0.8 * std::sin(2 * M_PI * static_cast<double>(i) / (period * rate)));
  auto played = play(node, type, rate, input, in);
  if (!played) return played.error();
  const auto from = static_cast<std::size_t>(settle * rate);
  const auto count = std::max<std::size_t>(8, static_cast<std::size_t>(2 * period * rate));
  PictureCurve c{.kind = Picture::wave, .to = 2 * period};
  const auto& y = played->sound;
  for (std::size_t i = from; i < std::min(from + count, y.size()); ++i) c.values.push_back(y[i]);
  c.values = thin(c.values, static_cast<std::size_t>(points));
  fitRange(c);
  if (c.low < 0) c.low = -c.high;
  return c;
}

Result<PictureCurve> envelopePicture(const PatchNode& node, const NodeType& type, double rate, int points) {
  const double length = std::clamp(1.3 * secondsOf(node, type), 0.05, 20.0);
  auto input = silence(length, rate);
  for (std::size_t i = 0; i < input.size() * 6 / 10; ++i) input[i] = 1;
  auto played = play(node, type, rate, input, signalInput(type));
  if (!played) return played.error();
  PictureCurve c{.kind = Picture::envelope, .to = length};
  c.values = thin(played->sound, static_cast<std::size_t>(points));
  fitRange(c);
  return c;
}

Result<PictureCurve> impulsePicture(const PatchNode& node, const NodeType& type, double rate, int points) {
  const double length = std::clamp(1.2 * secondsOf(node, type), 0.25, 4.0);
  auto input = silence(length, rate);
  input[0] = 1;
  auto played = play(node, type, rate, input, signalInput(type));
  if (!played) return played.error();
  PictureCurve c{.kind = Picture::impulse, .low = -60, .high = 3, .to = length};
  c.values = thin(played->sound, static_cast<std::size_t>(points));
  float most = 1e-6F;
  for (const float v : c.values) most = std::max(most, std::fabs(v));
  for (float& v : c.values) v = std::max(c.low, decibels(std::fabs(v) / most));
  return c;
}

Result<PictureCurve> spectrumPicture(const PatchNode& node, const NodeType& type, double rate, int points, bool click) {
  auto input = silence(0.35, rate);
  if (click) input[0] = 1;
  auto played = play(node, type, rate, input, signalInput(type));
  if (!played) return played.error();
  PictureCurve c{
      .kind = click ? Picture::response : Picture::spectrum, .low = -42, .high = 24, .from = 20, .to = 20000};
  if (!click) {
    for (std::size_t i = 0; i < played->sound.size(); ++i)
      played->sound[i] *= static_cast<float>(0.5 - 0.5 * std::cos(2 * M_PI * static_cast<double>(i) / 16383));
  }
  c.values = logSpectrum(std::move(played->sound), rate, points);
  if (click) return c;
  const float most = *std::max_element(c.values.begin(), c.values.end());
  c.low = most - 72;
  c.high = most + 6;
  return c;
}

Result<PictureCurve> barsPicture(const PatchNode& node, const NodeType& type, double rate, int points) {
  if (pictureOutput(type, true) < 0) {
    auto c = spectrumPicture(node, type, rate, points, false);
    if (c) c->kind = Picture::spectrum;
    return c;
  }
  auto input = silence(0.2, rate);
  auto played = play(node, type, rate, input, signalInput(type));
  if (!played) return played.error();
  PictureCurve c{.kind = Picture::bars, .to = static_cast<double>(played->width)};
  const auto count = static_cast<std::size_t>(std::clamp(played->width, 1, Reader::kMost));
  c.values.assign(played->scan.end() - Reader::kMost,
                  played->scan.end() - Reader::kMost + static_cast<std::ptrdiff_t>(count));
  fitRange(c);
  return c;
}

}  // namespace

Result<PictureCurve> nodePicture(const PatchNode& node, const NodeType& type, double rate, int points) {
  const DenormalsOff denormals;
  switch (type.info.picture) {
    case Picture::none:
      return PictureCurve{};
    case Picture::wave:
      return wavePicture(node, type, rate, points);
    case Picture::spectrum:
      return spectrumPicture(node, type, rate, points, false);
    case Picture::response:
      return spectrumPicture(node, type, rate, points, true);
    case Picture::envelope:
      return envelopePicture(node, type, rate, points);
    case Picture::impulse:
      return impulsePicture(node, type, rate, points);
    case Picture::bars:
      return barsPicture(node, type, rate, points);
  }
  return PictureCurve{};
}

}  // namespace core
