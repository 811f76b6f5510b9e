// SPDX-License-Identifier: GPL-3.0-or-later
// The studio: window, document, engine and settings, joined.
#pragma once

#include <string>

#include "core/graph/registry.h"

namespace app {

/// Runs the window until it is closed; the exit code. `patch`: a file or a preset's id, or empty.
int runStudio(int& argc, char** argv, const core::Registry& registry, const std::string& patch);

}  // namespace app
