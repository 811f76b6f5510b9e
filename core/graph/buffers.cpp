// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/graph/buffers.h"

#include <sys/mman.h>

#include <new>

namespace core {
namespace {
constexpr std::size_t kLargePage = std::size_t{2} << 20;
/// From here on the rest of the last page, which is lost, is small beside the whole.
constexpr std::size_t kLarge = 4 * kLargePage;

std::align_val_t alignment(std::size_t bytes) { return std::align_val_t{bytes >= kLarge ? kLargePage : 64}; }
}  // namespace

void* allocateAligned(std::size_t bytes) {
  void* memory = ::operator new(bytes, alignment(bytes));
  // only a wish: where the system does not know such pages the memory is as good without
  if (bytes >= kLarge) (void)madvise(memory, bytes, MADV_HUGEPAGE);
  return memory;
}

void freeAligned(void* memory, std::size_t bytes) { ::operator delete(memory, alignment(bytes)); }

}  // namespace core
