// SPDX-License-Identifier: GPL-3.0-or-later
// Taking parts of an instrument out, so that they can be played, kept and swapped without the rest.
#include <algorithm>

#include "core/neural/parts_detail.h"

namespace core {
using namespace parts;
namespace {

/// Id of the first row of audio among inputs or outputs; empty: there is none.
template <class Rows>
std::string audioPort(const Rows& rows) {
  for (const auto& row : rows)
    if (row.rate == Rate::audio) return std::string(row.id);
  return {};
}

/// A part being taken out.
class Extract {
 public:
  Extract(const Patch& patch, const Registry& registry) : whole_(patch), registry_(registry), out_(patch) {}
  Result<void> find(const std::vector<Part>& list);
  Result<Patch> finish();

 private:
  Result<std::string> end(bool (*is)(const NodeInfo&), const char* otherwise, double dx);
  std::set<std::string> way(const std::string& output) const;
  void keepOnly(const std::set<std::string>& way, const std::set<std::string>& ends);
  bool leads(const std::string& id) const;
  void connect(const std::string& from, const std::string& to);
  const NodeType* type(const std::string& id) const { return registry_.find(typeOf(out_, id)); }

  const Patch& whole_;
  const Registry& registry_;
  std::vector<std::string> heads_;  ///< what sounds
  std::string room_;                ///< the reverb; empty: not asked for
  std::set<std::string> needed_;    ///< heads, ears, and all that leads to them
  std::string anchor_;              ///< a node of the part, beside which others are put
  Patch out_;
};

Result<void> Extract::find(const std::vector<Part>& list) {
  if (list.empty()) return Error{"No part is named; choose harmonic, noise, reverb, decoder or encoder."};
  for (const Part part : headParts(list)) {
    const auto ids = nodesToTake(whole_, registry_, part);
    if (!ids) return ids.error();
    heads_.insert(heads_.end(), ids->begin(), ids->end());
  }
  needed_.insert(heads_.begin(), heads_.end());
  if (asks(list, Part::reverb)) {
    const auto rooms = nodesToTake(whole_, registry_, Part::reverb);
    if (!rooms) return rooms.error();
    room_ = rooms->front();  // the one that a swap takes
  }
  if (asks(list, Part::encoder)) {
    std::set<std::string> ears = latentNodes(whole_, registry_);
    for (const std::string& id : listeningNodes(whole_, registry_))
      if (!type(id)->info.usesExternal) ears.insert(id);
    if (ears.empty())
      return Error{"\"" + whole_.name + "\" has no encoder part to take: nothing in it listens to a sound or gives z."};
    needed_.insert(ears.begin(), ears.end());
    anchor_ = *ears.begin();
  }
  if (!heads_.empty()) anchor_ = heads_.front();
  if (!room_.empty()) anchor_ = room_;
  needed_ = leadingTo(whole_, std::move(needed_));
  return {};
}

/// The first node of a kind, whether it was needed or not. Where there is none, one of a type that has it is put
/// dx beside the part.
Result<std::string> Extract::end(bool (*is)(const NodeInfo&), const char* otherwise, double dx) {
  for (const PatchNode& n : whole_.nodes)
    if (const NodeType* t = registry_.find(n.type); t && is(t->info)) return n.id;
  const PatchNode* beside = whole_.find(anchor_);
  const PatchNode* added = addNode(out_, registry_, otherwise, beside->x + dx, beside->y);
  if (!added) return Error{"This program lacks the node \"" + std::string(otherwise) + "\", which a part needs."};
  return added->id;
}

/// What lies between the heads and the output: gates, levels, mixers, and the room where it is asked for.
std::set<std::string> Extract::way(const std::string& output) const {
  Patch back;
  for (const Cable& c : out_.cables) back.cables.push_back({c.to, c.input, c.from, c.output});
  const std::set<std::string> reached = leadingTo(back, {heads_.begin(), heads_.end()});
  std::set<std::string> ids;
  for (const std::string& id : leadingTo(out_, {output}))
    if (reached.contains(id) && !needed_.contains(id)) ids.insert(id);
  return ids;
}

/// What is needed keeps all that goes into it; the way keeps the sound of the heads, and what controls it.
/// Ends are connected anew.
void Extract::keepOnly(const std::set<std::string>& way, const std::set<std::string>& ends) {
  const std::set<std::string> heads(heads_.begin(), heads_.end());
  const auto kept = [&](const Cable& c) {
    if (needed_.contains(c.to)) return true;
    if (!way.contains(c.to)) return false;
    if (heads.contains(c.from) || way.contains(c.from)) return true;
    const NodeType* t = type(c.from);
    const int o = t ? t->outputIndex(c.output) : -1;
    const bool controls = o >= 0 && t->outputs[static_cast<std::size_t>(o)].rate == Rate::control;
    return controls && needed_.contains(c.from);
  };
  std::erase_if(out_.cables, [&](const Cable& c) { return !kept(c); });
  std::erase_if(out_.nodes, [&](const PatchNode& n) {
    return !needed_.contains(n.id) && !way.contains(n.id) && !ends.contains(n.id);
  });
}

void Extract::connect(const std::string& from, const std::string& to) {
  out_.cables.push_back({from, audioPort(type(from)->outputs), to, audioPort(type(to)->inputs)});
}

bool Extract::leads(const std::string& id) const {
  return std::any_of(out_.cables.begin(), out_.cables.end(), [&](const Cable& c) { return c.from == id; });
}

Result<Patch> Extract::finish() {
  for (const std::string& id : nodesOf(whole_, registry_, Part::reverb))
    if (id != room_ && !needed_.contains(id)) bridgeNode(out_, id);
  const auto output = end([](const NodeInfo& info) { return info.isOutput; }, kOutput, 200);
  if (!output) return output.error();
  std::set<std::string> between = way(*output);
  std::vector<std::string> sources = heads_;
  // a room that something listens to is wired already, and one on the way, too
  const bool roomIsEnd = !room_.empty() && !needed_.contains(room_) && !between.contains(room_);
  if (roomIsEnd && sources.empty()) {
    const auto input = end([](const NodeInfo& info) { return info.usesExternal; }, kAudioInput, -200);
    if (!input) return input.error();
    needed_.insert(*input);
    sources = {*input};
  }
  if (roomIsEnd) between.clear();
  keepOnly(between, {*output, room_});
  for (const std::string& source : sources)
    if (!between.contains(*output) || !leads(source)) connect(source, roomIsEnd ? room_ : *output);
  if (roomIsEnd) connect(room_, *output);
  return std::move(out_);
}

}  // namespace

Result<Patch> extractParts(const Patch& patch, const std::vector<Part>& list, const Registry& registry) {
  Extract extract(patch, registry);
  if (auto done = extract.find(list); !done) return done.error();
  return extract.finish();
}

}  // namespace core
