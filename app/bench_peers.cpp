// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/bench_peers.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <map>

extern char** environ;

namespace app {
namespace {
constexpr double kShort = 0.1;         ///< s: a render that costs little but the program's start
constexpr double kAimedSeconds = 0.3;  ///< processor time of a long render
constexpr double kLongest = 1000;

std::filesystem::path peerFolder() {
  std::error_code code;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", code);
  const auto installed = program.parent_path() / "../share/tonewright/bench";
  if (!code && std::filesystem::is_directory(installed, code)) return installed;
  return TONEWRIGHT_SOURCE_BENCH;
}

/// PyTorch is compared at its best setting: the newest kernels of its OpenBLAS that the
/// processor can run, big tensors kept instead of handed back to the kernel after each step.
std::vector<std::string> torchEnvironment(const std::string& threads) {
  return {"OPENBLAS_NUM_THREADS=" + threads,
          "OMP_NUM_THREADS=" + threads,
          "PYTHONWARNINGS=ignore",
          "MALLOC_MMAP_MAX_=0",
          "MALLOC_TRIM_THRESHOLD_=20000000000",
          "MALLOC_TOP_PAD_=67108864",
          std::string("OPENBLAS_CORETYPE=") + (__builtin_cpu_supports("avx512f") ? "SkylakeX" : "Haswell")};
}
std::string number(double x) {
  std::string text = std::to_string(x);
  for (char& c : text)
    if (c == ',') c = '.';
  return text;
}
/// A child's largest size begins with that of the memory it was started from: this program's, at its largest.
void forgetPeak() {
  const int file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  if (write(file, "5", 1) != 1) perror("tonewright: /proc/self/clear_refs");
  close(file);
}
}  // namespace

std::optional<ChildCost> runChild(const std::vector<std::string>& command, const std::filesystem::path& folder,
                                  const std::vector<std::string>& environment) {
  forgetPeak();
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  std::vector<char*> arguments, variables;
  for (const std::string& a : command) arguments.push_back(const_cast<char*>(a.c_str()));
  arguments.push_back(nullptr);
  for (const std::string& v : environment) variables.push_back(const_cast<char*>(v.c_str()));
  for (char** v = environ; *v; ++v) variables.push_back(*v);
  variables.push_back(nullptr);
  pid_t child = 0;
  const int failed = posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  ChildCost cost;
  char buffer[4096];
  for (ssize_t n = 0; !failed && (n = read(ends[0], buffer, sizeof buffer)) > 0;)
    cost.out.append(buffer, static_cast<std::size_t>(n));
  close(ends[0]);
  int status = 0;
  rusage used{};
  if (failed || wait4(child, &status, 0, &used) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) return {};
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  cost.seconds = seconds(used.ru_utime) + seconds(used.ru_stime);
  cost.megabytes = static_cast<double>(used.ru_maxrss) / 1024;
  return cost;
}

std::optional<Peer> Peer::find(const std::string& row, const std::filesystem::path& scratch, int threads) {
  Peer p;
  p.threads_ = threads;
  p.row_ = row;
  p.folder_ = peerFolder();
  const bool faust = row == "P1" || row == "P3b", gradient = row[0] == 'G';
  p.name_ = faust ? "Faust" : gradient ? "PyTorch" : row == "P2" ? "Csound" : "Pure Data";
  if (faust) {  // a file named as in tests/bench: p1.dsp, p3b.dsp
    const std::string patch = row == "P1" ? "p1" : "p3b";
    const auto source = scratch / (patch + ".cpp");
    p.program_ = scratch / patch;
    if (!runChild({"faust", "-a", "faust.arch", "-o", source.string(), patch + ".dsp"}, p.folder_) ||
        !runChild({"g++", "-std=c++17", "-O3", "-march=native", source.string(), "-o", p.program_.string()}, p.folder_))
      return {};
  }
  if (gradient) {
    if (!runChild({"/usr/bin/python3", "-c", "import torch"}, p.folder_)) return {};
    return p;
  }
  const auto start = p.render(kShort);
  if (!start) return {};
  for (;;) {  // long enough to be measured
    const auto cost = p.render(p.seconds_);
    if (!cost) return {};
    const double taken = cost->seconds - start->seconds;
    if (taken > kAimedSeconds || p.seconds_ >= kLongest) return p;
    p.seconds_ = std::min(kLongest, p.seconds_ * 3);
  }
}

std::optional<ChildCost> Peer::render(double seconds) const {
  const std::string length = number(seconds);
  if (name_ == "Faust") return runChild({program_.string(), "128", length}, folder_);
  if (name_ == "Csound")
    return runChild({"csound", "-d", "-m0", "--omacro:BLOCK=128", "--smacro:SECONDS=" + length, "-n", "p2.csd"},
                    folder_);
  return runChild({"pd", "-batch", "-noprefs", "-noaudio", "-r", "48000", "-path", "/usr/lib/pd/extra", "-path",
                   "/usr/lib/puredata/extra", "-open", row_ == "P4" ? "p4.pd" : "p3a.pd", "-send", "seconds " + length},
                  folder_);
}

double Peer::measure() {
  if (name_ == "PyTorch") {
    static const std::map<std::string, std::vector<std::string>> kWhat{{"G1", {"g1", "1"}},
                                                                       {"G1x16", {"g1", "16"}},
                                                                       {"G2 tiny", {"g2tiny", "16"}},
                                                                       {"G2 full", {"g2full", "16"}},
                                                                       {"G3", {"g3", "1"}}};
    const std::vector<std::string>& what = kWhat.at(row_);
    const std::string threads = std::to_string(threads_);
    const auto cost =
        runChild({"/usr/bin/python3", "gradients.py", what[0], what[1], threads}, folder_, torchEnvironment(threads));
    if (!cost) return 0;
    megabytes_ = std::max(megabytes_, cost->megabytes);
    return std::atof(cost->out.c_str());
  }
  const auto start = render(kShort), whole = render(seconds_);
  if (!start || !whole) return 0;
  megabytes_ = std::max(megabytes_, whole->megabytes);
  return (seconds_ - kShort) / std::max(1e-6, whole->seconds - start->seconds);
}

}  // namespace app
