// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/neural/background.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

namespace core {

void giveWay() {
  constexpr int kNice = 10;
  // in Linux niceness belongs to the thread, and threads inherit it
  const auto self = static_cast<id_t>(gettid());
  if (getpriority(PRIO_PROCESS, self) < kNice) (void)setpriority(PRIO_PROCESS, self, kNice);
}

int backgroundThreads() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency()) - 1); }

}  // namespace core
