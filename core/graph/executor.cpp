// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/graph/executor.h"

#include <algorithm>

#include "core/graph/input_step.h"

namespace core {
namespace {

std::size_t at(int i) { return static_cast<std::size_t>(i); }
}  // namespace

Result<std::unique_ptr<Executor>> Executor::create(Plan plan, const ExecutorOptions& options,
                                                   const std::stop_token& stop) {
  std::unique_ptr<Executor> made(new Executor(std::move(plan), options));
  made->allocate(stop);
  for (int n = 0; n < static_cast<int>(made->plan_.nodes.size()); ++n) {
    if (stop.stop_requested()) return Error{"Cancelled."};
    if (auto done = made->prepareNode(n); !done) return done.error();
  }
  return made;
}

Executor::Executor(Plan plan, const ExecutorOptions& options)
    : plan_(std::move(plan)), options_(options), mono_(options.clips, 1), voiced_(options.clips, plan_.voices) {}

int Executor::chunkTicks(int node) const {
  const int own = plan_.nodes[at(node)].type->info.backwardTicks;
  return own == 0 ? options_.stretchTicks : std::min(own, options_.stretchTicks);
}

void Executor::allocate(const std::stop_token& stop) {
  const std::size_t nodes = plan_.nodes.size();
  buffers_.resize(at(plan_.slots));
  for (const PlanSignal& s : plan_.signals)
    if (SignalBuffer& b = buffers_[at(s.slot)]; b.empty() && !stop.stop_requested())
      b = SignalBuffer(s.rate, s.width, domain(s.voiced), options_.stretchTicks);
  hasPrevious_.assign(plan_.signals.size(), 0);
  read_.assign(plan_.signals.size(), 0);
  faults_.assign(nodes, 0);
  profile_.assign(nodes, 0.0F);
  activeFrom_.assign(at(voiced_.groups), kAsleep);
  layoutParameters();

  std::size_t scratch = 0, inputs = 0, outputs = 0, histories = 0, tensors = 0;
  setups_.resize(nodes);
  memory_.resize(nodes);
  prepared_.resize(nodes);
  tensorData_.resize(nodes);
  for (int i = 0; i < static_cast<int>(nodes); ++i) {
    const PlanNode& n = plan_.nodes[at(i)];
    std::size_t need = 0;
    for (const PlanInput& in : n.inputs) {
      need += InputStep::scratchSize(in, domainOf(i).group, chunkTicks(i)) + 8;
      if (in.usesDefault && in.defaultFade != Fade::none) hasFades_ = true;
      for (const PlanCable& c : in.cables) {
        read_[at(c.signal)] = 1;
        hasFades_ = hasFades_ || c.fade != Fade::none;
        if (!n.voiced && plan_.signals[at(c.signal)].voiced) mixed_.push_back(c.signal);
      }
    }
    scratch = std::max(scratch, need);
    inputs = std::max(inputs, n.inputs.size());
    outputs = std::max(outputs, n.type->outputs.size());
    histories = std::max(histories, n.type->histories.size());
    tensors = std::max(tensors, n.tensors.size());
  }
  for (std::size_t s = 0; s < plan_.signals.size(); ++s)
    if (plan_.signals[s].node == plan_.outputNode) read_[s] = 1;
  tensorViews_.resize(tensors);
  scratch_ = AlignedArray<Sample>(scratch);
  inputViews_.resize(inputs);
  outputViews_.resize(outputs);
  historyViews_.resize(histories);
}

void Executor::layoutParameters() {
  const std::size_t parameters = plan_.parameters.size(), clips = at(options_.clips);
  values_.resize(parameters * clips);
  packedAt_.resize(parameters);
  ramping_.assign(parameters, 0);
  rampList_.reserve(parameters);
  std::size_t total = 0;
  for (std::size_t p = 0; p < parameters; ++p) {
    packedAt_[p] = total;
    const Domain& d = domainOf(plan_.parameters[p].node);
    total += at(std::max(8, d.group * d.groups));
    for (std::size_t c = 0; c < clips; ++c) values_[p * clips + c] = static_cast<Sample>(plan_.parameters[p].value);
  }
  glide_ = values_;
  packed_ = AlignedArray<Sample>(total);
  rampFrom_ = AlignedArray<Sample>(total);
  for (int p = 0; p < static_cast<int>(parameters); ++p) packParameter(p);

  std::size_t rows = 0;
  for (const PlanNode& n : plan_.nodes) {
    firstInput_.push_back(static_cast<int>(rows));
    rows += n.inputs.size();
  }
  defaults_ = AlignedArray<Sample>(rows * kMaxLanes);
  defaultAt_.resize(rows);
  for (std::size_t n = 0, i = 0; n < plan_.nodes.size(); ++n)
    for (const PlanInput& in : plan_.nodes[n].inputs) {
      defaultAt_[i] = i * kMaxLanes;
      for (int l = 0; l < kMaxLanes; ++l) defaults_[i * kMaxLanes + at(l)] = static_cast<Sample>(in.row->def);
      ++i;
    }
}

Result<void> Executor::prepareNode(int node) {
  const PlanNode& n = plan_.nodes[at(node)];
  const Domain& d = domainOf(node);
  setups_[at(node)] = {plan_.rate, d.group, n.settings, n.tensors, n.inputWidths, n.outputWidths};
  const Setup& setup = setups_[at(node)];
  std::shared_ptr<NodeMemory> memory = options_.store ? options_.store->find(n.instance) : nullptr;
  const bool fresh = !memory;
  if (fresh) memory = std::make_shared<NodeMemory>();
  memory_[at(node)] = memory;
  for (std::size_t t = 0; t < n.tensors.size(); ++t) {
    tensorData_[at(node)].emplace_back();
    if (n.type->tensors[t].sharing == Sharing::perLane) {
      auto& packed = tensorData_[at(node)][t];
      packed = AlignedArray<Sample>(n.tensors[t].data.size() * at(d.group * d.groups));
      setTensor(node, static_cast<int>(t), -1, std::vector<Sample>(n.tensors[t].data));
    }
  }
  if (auto done = prepareAgain(node); !done) return done.error();
  if (!fresh) return {};
  memory->state = AlignedArray<std::byte>(kernelOf(node).stateBytes * at(d.groups));
  for (int h = 0; h < static_cast<int>(n.type->histories.size()); ++h)
    memory->histories.emplace_back(n.type->historyShape(h, setup), d, options_.clipFrames,
                                   options_.stretchTicks * kTick);
  if (n.type->makeWork)
    for (int g = 0; g < d.groups; ++g) memory->work.push_back(n.type->makeWork(setup, prepared_[at(node)].get()));
  for (int g = 0; g < d.groups; ++g) resetNode(node, g);
  if (options_.store) options_.store->keep(n.instance, memory);
  return {};
}

Result<void> Executor::prepareAgain(int node) {
  const PlanNode& n = plan_.nodes[at(node)];
  if (!n.type->prepare) return {};
  auto made = n.type->prepare(setups_[at(node)]);
  if (!made) return Error{"Node \"" + n.id + "\": " + made.error().message};
  prepared_[at(node)] = std::move(*made);
  return {};
}

void Executor::packParameter(int parameter) {
  const PlanParameter& p = plan_.parameters[at(parameter)];
  const Domain& d = domainOf(p.node);
  const Input& row = *plan_.nodes[at(p.node)].inputs[at(p.input)].row;
  const Range limits = InputStep::limits(row, plan_.rate);
  for (int lane = 0; lane < d.group * d.groups; ++lane) {
    Sample v = glide_[at(parameter * options_.clips + d.clipOf(lane))];
    if (p.kind == PlanParameter::Kind::knob)
      v = std::clamp(v, static_cast<Sample>(limits.min), static_cast<Sample>(limits.max));
    packed_[packedAt_[at(parameter)] + at(lane)] = v;
  }
}

void Executor::setParameter(int parameter, double value) {
  for (int c = 0; c < options_.clips; ++c) setParameter(parameter, c, value);
}

void Executor::setParameter(int parameter, int clip, double value) {
  const std::size_t i = at(parameter * options_.clips + clip);
  values_[i] = static_cast<Sample>(value);
  if (options_.smoothing) {
    if (!ramping_[at(parameter)] && values_[i] != glide_[i]) {
      ramping_[at(parameter)] = 1;
      rampList_.push_back(parameter);
    }
  } else {
    glide_[i] = values_[i];
    packParameter(parameter);
  }
}

double Executor::parameter(int parameter, int clip) const {
  return static_cast<double>(values_[at(parameter * options_.clips + clip)]);
}

void Executor::setTensor(int node, int tensor, int clip, std::span<const Sample> values) {
  PlanNode& n = plan_.nodes[at(node)];
  if (n.type->tensors[at(tensor)].sharing == Sharing::shared || clip < 0)
    std::copy(values.begin(), values.end(), n.tensors[at(tensor)].data.begin());
  auto& packed = tensorData_[at(node)][at(tensor)];
  if (packed.size() == 0) return;
  const Domain& d = domainOf(node);
  for (int lane = 0; lane < d.group * d.groups; ++lane) {
    if (clip >= 0 && d.clipOf(lane) != clip) continue;
    Sample* to =
        packed.data() + static_cast<std::size_t>(lane / d.group) * values.size() * at(d.group) + lane % d.group;
    for (std::size_t e = 0; e < values.size(); ++e) to[e * at(d.group)] = values[e];
  }
}

std::span<const Sample> Executor::tensor(int node, int tensor) const {
  return plan_.nodes[at(node)].tensors[at(tensor)].data;
}

void Executor::offsetSeeds(unsigned by) {
  for (PlanNode& n : plan_.nodes)
    for (std::size_t s = 0; s < n.settings.size(); ++s)
      if (n.type->settings[s].kind == SettingKind::seed)
        n.settings[s].number += static_cast<double>(by) - static_cast<double>(seedOffset_);
  seedOffset_ = by;
}

void Executor::setEvents(std::span<const VoiceEvent> events) {
  events_ = events;
  std::fill(activeFrom_.begin(), activeFrom_.end(), kAsleep);
  for (const VoiceEvent& e : events) {
    if (e.type != VoiceEvent::Type::noteOn) continue;
    for (int lane = 0; lane < voiced_.lanes(); ++lane)
      if (lane % voiced_.voices == e.voice) {
        std::int64_t& from = activeFrom_[at(lane / voiced_.group)];
        from = std::min(from, e.frame / kTick);
      }
  }
}

std::span<const VoiceEvent> Executor::eventsBetween(std::int64_t from, std::int64_t to) const {
  const auto before = [](const VoiceEvent& e, std::int64_t frame) { return e.frame < frame; };
  const auto first = std::lower_bound(events_.begin(), events_.end(), from, before);
  const auto last = std::lower_bound(first, events_.end(), to, before);
  return events_.subspan(static_cast<std::size_t>(first - events_.begin()), static_cast<std::size_t>(last - first));
}

void Executor::resetNode(int node, int group) {
  const Kernel& k = kernelOf(node);
  NodeMemory& m = *memory_[at(node)];
  k.reset(m.state.data() + at(group) * k.stateBytes, prepared_[at(node)].get(), setups_[at(node)]);
  // With a tape, a node that always runs writes every frame before it reads it: only what lies before the
  // first one must be silence. A voice's node is skipped until its first note.
  for (HistoryBuffer& h : m.histories) {
    const bool whole = h.mask >= 0 || plan_.nodes[at(node)].voiced;
    const HistoryView v = h.view(group);
    for (int line = 0; line < h.lines; ++line)
      std::memset(static_cast<void*>(v.data + line * v.lineStride - h.front * h.lanes), 0,
                  static_cast<std::size_t>((whole ? h.span : h.front) * h.lanes) * sizeof(Sample));
  }
  if (!m.work.empty()) plan_.nodes[at(node)].type->resetWork(m.work[at(group)].get());
}

void Executor::reset() {
  tick_ = 0;
  fadeTick_ = 0;
  for (std::size_t s = 0; s < plan_.signals.size(); ++s)  // all later ticks are written before they are read
    for (int g = 0; g < domain(plan_.signals[s].voiced).groups; ++g) buffer(static_cast<int>(s)).zero(g, -1, 1);
  std::fill(hasPrevious_.begin(), hasPrevious_.end(), std::uint8_t{0});
  std::fill(faults_.begin(), faults_.end(), 0);
  for (int n = 0; n < static_cast<int>(plan_.nodes.size()); ++n)
    for (int g = 0; g < domainOf(n).groups; ++g) resetNode(n, g);
}

void Executor::sleepGroup(int group) {
  activeFrom_[at(group)] = kAsleep;
  for (int n = 0; n < static_cast<int>(plan_.nodes.size()); ++n) {
    if (!plan_.nodes[at(n)].voiced) continue;
    resetNode(n, group);
    for (std::size_t o = 0; o < plan_.nodes[at(n)].type->outputs.size(); ++o)
      buffer(plan_.nodes[at(n)].firstSignal + static_cast<int>(o)).zero(group, -1, options_.stretchTicks + 1);
  }
}

}  // namespace core
