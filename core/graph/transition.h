// SPDX-License-Identifier: GPL-3.0-or-later
// From one patch to the next without a click: the plan that holds both and fades between them.
#pragma once

#include <optional>

#include "core/graph/plan.h"

namespace core {

/// The union of two patches: what only the old one has fades out at the inputs that stay, what only
/// the new one has fades in. No node runs twice on one state. Absent when no union is possible (a
/// cycle, two outputs, another voice count): the caller then fades the whole sound out and in.
/// `before` and `after` are the plans of the two patches.
std::optional<Plan> makeTransition(const Patch& oldPatch, const Plan& before, const Patch& newPatch, const Plan& after,
                                   const Registry& registry, const PlanOptions& options);

}  // namespace core
