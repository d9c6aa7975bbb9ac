/* What is asked of the operating system, and of each one in another way. */
#ifndef CPCDR_SYSTEM_H
#define CPCDR_SYSTEM_H

#include <cstddef>

namespace cpcdr {

/* Processors that are online, at least 1. */
int processors();

/* Memory that begins at a multiple of 64 bytes, for free_aligned(); null where there is none. */
void* allocate_aligned(size_t bytes);
void free_aligned(void* memory);

/*
 * Asks for large pages under what lies wholly within an array: memory that is written for the first time costs a page
 * fault for every 4 KiB. Only a wish, which the system may not follow.
 */
void prefer_large_pages(void* memory, size_t bytes);

/* Lets another thread run, for a wait that is a little longer than spinning is worth. */
void give_way();

/* Keeps the library in memory when it is closed: the pool's threads wait in it until the process ends. */
void stay_loaded();

}  // namespace cpcdr
#endif
