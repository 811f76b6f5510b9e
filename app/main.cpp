// SPDX-License-Identifier: GPL-3.0-or-later
// Where the program begins: the command line, or else the studio.
#include <signal.h>

#include <exception>
#include <iostream>
#include <new>

#include "app/command_line.h"
#include "app/studio.h"
#include "nodes/registry.h"

int main(int argc, char** argv) {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
    std::cerr << "tonewright: this processor lacks AVX2 and FMA, which Tonewright needs (any x86-64 since about 2015 "
                 "has them).\n";
    return 1;
  }
  ::signal(SIGXFSZ, SIG_IGN);  // a limit on the size of files is then an error of writing, as a full disk is
  try {
    const core::Registry registry = nodes::makeRegistry();
    const app::CommandLine line = app::runCommandLine(argc, argv, registry);
    return line.exitCode ? *line.exitCode : app::runStudio(argc, argv, registry, line.patch);
  } catch (const std::bad_alloc&) {
    std::cerr << "tonewright: There is not enough memory for this; use a shorter sound or close other programs.\n";
    return 1;
  } catch (const std::exception& e) {  // a bug, but the person in front of it is told so
    std::cerr << "tonewright: Something went wrong in the program itself (" << e.what()
              << "); what you saved is as it was, please report this with the command or file that led here.\n";
    return 1;
  }
}
