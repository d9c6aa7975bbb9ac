/* Memory that is written for the first time costs a page fault for every 4 KiB; the system has larger pages. */
#ifndef CPCDR_LARGE_PAGES_H
#define CPCDR_LARGE_PAGES_H

#include <cstddef>
#include <cstdint>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace cpcdr {

/* Asks for large pages under what lies wholly within an array; only a wish, which the system may not follow. */
inline void prefer_large_pages(void* memory, size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  constexpr uintptr_t kPage = uintptr_t{1} << 21;
  const uintptr_t from = (reinterpret_cast<uintptr_t>(memory) + kPage - 1) & ~(kPage - 1);
  const uintptr_t to = (reinterpret_cast<uintptr_t>(memory) + bytes) & ~(kPage - 1);
  if (from < to) madvise(reinterpret_cast<void*>(from), to - from, MADV_HUGEPAGE);
#else
  (void)memory;
  (void)bytes;
#endif
}

}  // namespace cpcdr
#endif
