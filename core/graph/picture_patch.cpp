// SPDX-License-Identifier: GPL-3.0-or-later
// Pictures of nodes as they are wired.
#include <optional>
#include <set>

#include "core/graph/executor.h"
#include "core/graph/picture_probe.h"
#include "core/graph/realtime.h"
#include "core/graph/voices.h"

namespace core {
namespace {
using namespace picture;

constexpr std::size_t kMostPictured = 100;  ///< larger patches show their nodes alone
constexpr int kStretch = 16;                ///< ticks
constexpr float kBarsRange = 60;            ///< dB

/// First input that takes a control vector, or -1.
int wideInput(const NodeType& type) {
  for (std::size_t i = 0; i < type.inputs.size(); ++i)
    if (type.inputs[i].rate == Rate::control && type.inputs[i].width.variable) return static_cast<int>(i);
  return -1;
}

/// Not an oscillator with an FM input: its own wave says more.
bool passesSound(const NodeType& type) {
  const Category c = type.info.category;
  if (c == Category::source || c == Category::envelope || c == Category::control) return false;
  const auto sound = [](const Input& i) { return !i.isParameter() && i.rate == Rate::audio && i.differentiable; };
  return std::any_of(type.inputs.begin(), type.inputs.end(), sound);
}

bool isDriven(const NodeType& type) {
  const Picture p = type.info.picture;
  if (p == Picture::wave) return passesSound(type);
  return (p == Picture::bars || p == Picture::spectrum) && (wideInput(type) >= 0 || pictureOutput(type, true) >= 0);
}

/// The node and all that reaches it by cables.
std::set<std::string> upstream(const Patch& patch, std::string_view node) {
  std::set<std::string> found{std::string(node)};
  for (std::size_t before = 0; before != found.size();) {
    before = found.size();
    for (const Cable& c : patch.cables)
      if (found.contains(c.to)) found.insert(c.from);
  }
  return found;
}

/// Longest setting that is a time: how long tracks of the subject last.
double trackSeconds(const Patch& subject, const Registry& registry) {
  double longest = 0.2;
  for (const PatchNode& n : subject.nodes) {
    const NodeType* type = registry.find(n.type);
    const auto settings = type ? resolveSettings(n, *type) : Result<std::vector<SettingValue>>(Error{});
    if (!settings) continue;
    for (std::size_t s = 0; s < type->settings.size(); ++s)
      if (type->settings[s].unit == Unit::seconds) longest = std::max(longest, (*settings)[s].number);
  }
  return std::min(longest, 10.0);
}

/// What leaves the node and what its control vector holds, while the phrase begins.
struct Heard {
  std::vector<float> sound;
  std::vector<std::vector<float>> rows;  ///< of the vector, one each 128 frames
};

Result<Heard> hear(Patch subject, const std::string& node, const NodeType& type, const Registry& registry,
                   double seconds) {
  Registry types;
  types.add(makeNodeType<Reader>());
  std::set<std::string> added;
  for (const PatchNode& n : subject.nodes) {
    const NodeType* t = registry.find(n.type);
    if (!t || !added.insert(n.type).second) continue;
    NodeType plain = *t;
    plain.info.isOutput = false;
    types.add(plain);
  }
  subject.voices = 1;
  subject.nodes.push_back(helperNode("reader'", "picture.reader"));
  const auto read = [&](Cable cable, const char* row) {
    cable.to = "reader'";
    cable.input = row;
    cable.free = false;
    subject.cables.push_back(std::move(cable));
  };
  const auto own = [&](int output) {
    Cable cable;
    cable.from = node;
    cable.output = type.outputs[static_cast<std::size_t>(output)].id;
    return cable;
  };
  const int wideOut = pictureOutput(type, true), narrow = pictureOutput(type, false);
  if (wideOut >= 0) {
    read(own(wideOut), "wide");
  } else {
    if (narrow >= 0) read(own(narrow), "in");
    if (const int row = wideInput(type); row >= 0) {
      const std::vector<Cable> cables = subject.cables;
      for (const Cable& c : cables)
        if (c.to == node && c.input == type.inputs[static_cast<std::size_t>(row)].id) read(c, "wide");
    }
  }
  auto plan = compilePlan(subject, types, {.rate = subject.rate});
  if (!plan) return plan.error();
  const int width = std::min(plan->nodes[static_cast<std::size_t>(plan->outputNode)].inputWidths[1], Reader::kMost);
  auto made = Executor::create(std::move(*plan), {.stretchTicks = kStretch});
  if (!made) return made.error();
  Executor& e = **made;
  const auto events = allocate(playerEvents(subject.phrase, subject.rate), 1);
  e.setEvents(events);
  Heard heard;
  const int stretch = kStretch * kTick, stretches = static_cast<int>(seconds * subject.rate / stretch) + 1;
  for (int s = 0; s < stretches; ++s) {
    e.run(kStretch);
    for (int i = 0; i < stretch; ++i) heard.sound.push_back(static_cast<float>(e.output(0)[i]));
    for (int i = 0; i < stretch; i += Reader::kMost) heard.rows.emplace_back(e.output(1) + i, e.output(1) + i + width);
  }
  return heard;
}

/// One value over time, with some room above and below.
PictureCurve overTime(const Heard& heard, double seconds, int points) {
  PictureCurve c{.kind = Picture::envelope, .to = seconds};
  for (const auto& row : heard.rows) c.values.push_back(row[0]);
  c.values = thin(c.values, static_cast<std::size_t>(points));
  const auto [least, most] = std::minmax_element(c.values.begin(), c.values.end());
  const float room = std::max(0.15F * (*most - *least), 1e-3F + 0.05F * std::fabs(*most));
  c.low = *least - room;
  c.high = *most + room;
  return c;
}

PictureCurve meanBars(const Heard& heard) {
  PictureCurve c{.kind = Picture::bars};
  c.values.resize(heard.rows[0].size());
  for (const auto& row : heard.rows)
    for (std::size_t k = 0; k < row.size(); ++k) c.values[k] += row[k] / static_cast<float>(heard.rows.size());
  c.to = static_cast<double>(c.values.size());
  const auto [least, most] = std::minmax_element(c.values.begin(), c.values.end());
  if (*least < 0 || *most <= 0) {
    fitRange(c);
    return c;
  }
  const double highest = static_cast<double>(*most);
  for (float& v : c.values) v = std::max(0.0F, kBarsRange + decibels(static_cast<double>(v) / highest));
  c.low = 0;
  c.high = kBarsRange * 1.05F;
  return c;
}

/// Highest and lowest value of each piece in turn: what a waveform looks like from afar.
std::vector<float> outline(const std::vector<float>& x, std::size_t points) {
  if (x.size() <= points) return x;
  std::vector<float> out(points);
  for (std::size_t i = 0; i < points; ++i) {
    const auto from = x.begin() + static_cast<std::ptrdiff_t>(i * x.size() / points);
    const auto to = x.begin() + static_cast<std::ptrdiff_t>((i + 1) * x.size() / points);
    out[i] = i % 2 ? *std::min_element(from, to) : *std::max_element(from, to);
  }
  return out;
}

/// A width left open ("as many as the cable needs") becomes the one it has in the patch: alone, the
/// node would not know it.
void bindWidths(PatchNode& node, const NodeType& type, const Patch& patch, const Registry& registry) {
  const auto settings = resolveSettings(node, type);
  if (!settings) return;
  std::optional<Result<Plan>> plan;
  for (std::size_t s = 0; s < type.settings.size(); ++s) {
    const char variable = type.settings[s].bindsWidth;
    if (!variable || (*settings)[s].number >= 1) continue;
    if (!plan) plan = compilePlan(patch, registry, {.rate = patch.rate});
    const int n = *plan ? (*plan)->findNode(node.id) : -1;
    if (n < 0) return;
    for (std::size_t o = 0; o < type.outputs.size(); ++o)
      if (type.outputs[o].width.variable == variable)
        node.settings[std::string(type.settings[s].id)].number =
            (*plan)->nodes[static_cast<std::size_t>(n)].outputWidths[o];
  }
}

}  // namespace

Patch pictureSubject(const Patch& patch, std::string_view node, const Registry& registry) {
  Patch out;
  out.rate = patch.rate;
  const PatchNode* own = patch.find(node);
  const NodeType* type = own ? registry.find(own->type) : nullptr;
  if (!type) return out;
  const bool driven = isDriven(*type) && patch.nodes.size() <= kMostPictured;
  const auto inside = driven ? upstream(patch, node) : std::set<std::string>{own->id};
  for (const PatchNode& n : patch.nodes) {
    if (!inside.contains(n.id)) continue;
    PatchNode bare = n;
    bare.x = bare.y = 0;
    bare.label.clear();
    bare.foreign.clear();
    bare.free.clear();
    if (n.id == node) {
      bare.bypassed = false;
      bindWidths(bare, *type, patch, registry);
    }
    out.nodes.push_back(std::move(bare));
  }
  if (out.nodes.size() < 2) out.phrase.clear();
  if (out.nodes.size() < 2) return out;
  out.phrase = patch.phrase;
  for (const Cable& c : patch.cables)
    if (inside.contains(c.from) && inside.contains(c.to)) out.cables.push_back(c);
  return out;
}

Result<PictureCurve> subjectPicture(const Patch& subject, std::string_view node, const Registry& registry, int points) {
  const PatchNode* own = subject.find(node);
  const NodeType* type = own ? registry.find(own->type) : nullptr;
  if (!type) return PictureCurve{};
  const bool wide = pictureOutput(*type, true) >= 0;
  const int row = wideInput(*type);
  const bool fed = std::any_of(subject.cables.begin(), subject.cables.end(), [&](const Cable& c) {
    return c.to == own->id && (type->info.picture == Picture::wave ||
                               (row >= 0 && c.input == type->inputs[static_cast<std::size_t>(row)].id));
  });
  if (!isDriven(*type) || (!wide && !fed)) return nodePicture(*own, *type, subject.rate, points);
  const DenormalsOff denormals;
  const bool wave = type->info.picture == Picture::wave;
  double phrase = 0;
  for (const Note& n : subject.phrase) phrase = std::max(phrase, n.start + n.length);
  const double seconds = wave ? std::clamp(phrase + 0.3, 0.5, 3.0) : trackSeconds(subject, registry);
  auto heard = hear(subject, own->id, *type, registry, seconds);
  if (!heard) return heard.error();
  if (!wave) return heard->rows[0].size() == 1 ? overTime(*heard, seconds, points) : meanBars(*heard);
  PictureCurve c{.kind = Picture::wave, .to = seconds};
  c.values = outline(heard->sound, static_cast<std::size_t>(points));
  fitRange(c);
  c.high = std::max(c.high, -c.low);
  c.low = -c.high;
  return c;
}

}  // namespace core
