// SPDX-License-Identifier: GPL-3.0-or-later
// Long work beside the sound: threads that give way.
#pragma once

namespace core {

/// Lowers the priority of the calling thread (niceness 10) and of those it starts from now on; what
/// makes sound and the window go first. Not undone: for threads of one purpose.
void giveWay();

/// Threads for work beside the sound: one fewer than there are cores, at least one.
int backgroundThreads();

}  // namespace core
