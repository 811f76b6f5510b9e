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
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/graph/node_tables.h"
#include "core/graph/node_views.h"
#include "core/graph/result.h"

namespace core {

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
