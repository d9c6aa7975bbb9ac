/*
 * The thread pool. parallel_for cuts [0, count) into chunks whose bounds depend on count and grain
 * alone, never on the number of threads, so that a kernel that reduces within a chunk gives the same
 * bytes on any machine. Each thread begins with a share of neighbouring chunks and then helps the others; of many
 * threads as many take part as there are chunks, and the others are left asleep.
 * A call from a worker, or while another thread has the pool, runs serially.
 */
#ifndef CPCDR_THREAD_POOL_H
#define CPCDR_THREAD_POOL_H

#include <cstddef>
#include <cstdint>

namespace cpcdr {

using ChunkFunction = void (*)(void* context, int64_t begin, int64_t end);

/* Runs function on every chunk [i * grain, min(count, (i + 1) * grain)); returns when all are done. */
void run_chunks(int64_t count, int64_t grain, ChunkFunction function, void* context);

template <typename F>
void parallel_for(int64_t count, int64_t grain, const F& body) {
  run_chunks(
      count, grain < 1 ? 1 : grain,
      [](void* context, int64_t begin, int64_t end) { (*static_cast<const F*>(context))(begin, end); },
      const_cast<F*>(&body));
}

/*
 * Scratch memory that is reused from call to call, one set per calling thread: slot i keeps its own
 * growing block, aligned to 64 bytes. Null when memory is exhausted.
 */
float* workspace(int slot, size_t floats);

}  // namespace cpcdr
#endif
