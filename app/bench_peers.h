// SPDX-License-Identifier: GPL-3.0-or-later
// Other programs that do the same work as our canonical patches, where they are installed: their
// patches lie in tests/bench. Costs are processor seconds of the child process.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace app {

/// What a child process cost.
struct ChildCost {
  double seconds = 0;    ///< user and system time
  double megabytes = 0;  ///< largest resident size
  std::string out;       ///< what it printed
};
/// Runs a program found on PATH and waits for it, its errors and its standard input shut. `folder`: where it
/// runs. Nothing when it is not there or fails.
std::optional<ChildCost> runChild(const std::vector<std::string>& command, const std::filesystem::path& folder,
                                  const std::vector<std::string>& environment = {});

/// The other program of one row.
class Peer {
 public:
  /// By the row's id (P1, P2, P3a, P3b, P4, G1, G1x16, G2 tiny, G2 full, G3); nothing when its program is not
  /// installed, or its patch does not build or run. `scratch`: a folder for what is built. threads: of PyTorch.
  static std::optional<Peer> find(const std::string& row, const std::filesystem::path& scratch, int threads = 1);

  const std::string& name() const { return name_; }
  /// One measurement: times real time (P rows) or seconds a gradient step (G rows); 0 when it failed.
  double measure();
  /// Largest resident size so far, MB.
  double megabytes() const { return megabytes_; }

 private:
  std::optional<ChildCost> render(double seconds) const;

  std::string name_, row_;
  std::filesystem::path folder_, program_;
  double seconds_ = 10;  ///< length of a render
  double megabytes_ = 0;
  int threads_ = 1;
};

}  // namespace app
