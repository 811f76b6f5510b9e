// SPDX-License-Identifier: GPL-3.0-or-later
// How the window runs a fit without knowing who does it: the app passes core::fit, tests a fake.
#pragma once

#include <functional>

#include "core/fit/session.h"

namespace ui {

/// Has the signature of core::fit; called in a worker thread.
using FitRunner = std::function<core::Result<core::FitResult>(
    const core::Patch&, const core::Registry&, const core::AudioData&, const core::FitOptions&,
    const std::function<void(const core::FitProgress&)>&, const std::stop_token&)>;

}  // namespace ui
