// SPDX-License-Identifier: GPL-3.0-or-later
// The command line: `tonewright COMMAND ...` for scripts, `tonewright [PATCH]` for the studio.
#pragma once

#include <optional>
#include <string>

#include "core/graph/registry.h"

namespace app {

/// What the arguments ask for: an exit code of a command that has run (0 ok, 1 failed, 2 bad usage),
/// or the studio with a patch (may be empty).
struct CommandLine {
  std::optional<int> exitCode;
  std::string patch;
};

CommandLine runCommandLine(int argc, char** argv, const core::Registry& registry);

}  // namespace app
