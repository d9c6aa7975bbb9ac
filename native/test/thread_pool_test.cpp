/* The thread pool: every chunk is run once, whoever calls, however many threads there are, and whatever ran before. */
#include "../cpu/thread_pool.h"

#include <atomic>
#include <chrono>
#include <thread>

#include "../include/cpcdr.h"
#include "check.h"

namespace {

/* Calls in a row, some of a single chunk and some of more than there are threads; the caller reads what they wrote. */
void check_calls(std::mt19937& random, int calls) {
  const auto draw = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  std::vector<int> runs;
  for (int call = 0; call < calls; call++) {
    const int count = draw(0, 40), grain = draw(1, 6);
    const bool nested = draw(0, 9) == 0;
    runs.assign(static_cast<size_t>(count), 0);
    cpcdr::parallel_for(count, grain, [&](int64_t begin, int64_t end) {
      const bool whole = begin % grain == 0 && (end == begin + grain || end == count);
      const auto mark = [&](int64_t from, int64_t to) {
        for (int64_t i = from; i < to; i++) runs[static_cast<size_t>(begin + i)] += whole ? 1 : 100;
      };
      if (nested) cpcdr::parallel_for(end - begin, 2, mark);
      else mark(0, end - begin);
    });
    for (int i = 0; i < count; i++) {
      if (runs[static_cast<size_t>(i)] == 1) continue;
      std::printf("FAILED pool: expected each of %d by %d once, got %d times %d\n", count, grain,
                  runs[static_cast<size_t>(i)], i);
      std::exit(1);
    }
  }
}

/* Chunks that wait for each other end only where each has a thread of its own. */
void check_company(int chunks) {
  std::atomic<int> begun{0};
  const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  cpcdr::parallel_for(chunks, 1, [&](int64_t, int64_t) {
    begun++;
    while (begun < chunks && std::chrono::steady_clock::now() < late) std::this_thread::yield();
  });
  if (std::chrono::steady_clock::now() < late) return;
  std::printf("FAILED pool: expected %d threads to take part, got fewer\n", chunks);
  std::exit(1);
}

/* Callers from several threads, and one that changes the number of threads meanwhile. */
void check_callers(int calls) {
  std::vector<std::thread> callers;
  std::atomic<int> left{3};
  for (int caller = 0; caller < 3; caller++) {
    callers.emplace_back([seed = generator()(), calls, &left] {
      std::mt19937 random(seed);
      check_calls(random, calls);
      left--;
    });
  }
  while (left > 0) cpcdr_set_threads(pick(1, 9));
  for (std::thread& caller : callers) caller.join();
}

}  // namespace

int main(int argc, char** argv) {
  const int cases = argc > 1 ? std::atoi(argv[1]) : 300;
  for (int i = 0; i < cases; i++) {
    const int threads = pick(1, 9);
    if (cpcdr_set_threads(threads) != threads) {
      std::printf("FAILED pool: expected %d threads, got %d\n", threads, cpcdr_threads());
      return 1;
    }
    check_calls(generator(), 20);
    check_company(pick(1, threads));
  }
  check_callers(20 * cases);
  std::printf("ok: %d random calls of the thread pool, and as many from each of three threads\n", 20 * cases);
}
