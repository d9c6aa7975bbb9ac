/*
 * Plain pthreads, so that the library needs no C++ runtime and loads on older systems: see glibc.h.
 */
#include "thread_pool.h"

#include <pthread.h>

#include <atomic>
#include <cstdlib>

#include "../include/cpcdr.h"
#include "glibc.h"
#include "system.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define CPCDR_PAUSE() _mm_pause()
#else
#define CPCDR_PAUSE() ((void)0)
#endif

namespace cpcdr {
namespace {

/* A worker spins this long for the next call before it sleeps: kernels of one step follow closely. */
constexpr int kSpins = 4000;

struct Job {
  ChunkFunction function;
  void* context;
  int64_t count, grain, chunks;
  int threads; /* that take part, no more than there are chunks */
};

/* Holds a mutex for as long as it lives. */
class Lock {
 public:
  explicit Lock(pthread_mutex_t* mutex) : mutex_(mutex) { pthread_mutex_lock(mutex_); }
  ~Lock() { pthread_mutex_unlock(mutex_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  pthread_mutex_t* mutex_;
};

constexpr int kMaxThreads = 256;

/* The next chunk of a thread's share of a job. */
struct alignas(64) Share {
  std::atomic<int64_t> next;
};

/* What a worker sleeps on; one for each, so that a job wakes those that take part alone. */
struct Wake {
  pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
};

/* What cpcdr_set_processors() said; 0 is nothing yet. */
std::atomic<int> allowed_processors{0};

int default_threads() {
  if (const char* text = std::getenv("CPCDR_THREADS")) {
    const int count = std::atoi(text);
    if (count >= 1) return count < kMaxThreads ? count : kMaxThreads;
  }
  const int allowed = allowed_processors.load(), count = allowed < 1 ? processors() : allowed;
  return count < kMaxThreads ? count : kMaxThreads;
}

/* Whether this thread is a worker, or runs a job already. */
thread_local bool inside = false;

class Pool {
 public:
  int threads() {
    Lock owner(&owner_);
    start_once();
    return workers_ + 1;
  }

  int resize(int count) {
    Lock owner(&owner_);
    stop();
    start(count < 1 ? default_threads() : count < kMaxThreads ? count : kMaxThreads);
    return workers_ + 1;
  }

  void run(Job job) {
    if (inside || job.chunks <= 1 || pthread_mutex_trylock(&owner_) != 0) return run_serially(job);
    start_once();
    job.threads = job.chunks <= workers_ ? static_cast<int>(job.chunks) : workers_ + 1;
    if (job.threads == 1) run_serially(job);
    else run_shared(job);
    pthread_mutex_unlock(&owner_);
  }

 private:
  static void run_serially(const Job& job) {
    for (int64_t i = 0; i < job.chunks; i++) run_chunk(job, i);
  }

  static void run_chunk(const Job& job, int64_t index) {
    const int64_t begin = index * job.grain;
    const int64_t end = begin + job.grain < job.count ? begin + job.grain : job.count;
    job.function(job.context, begin, end);
  }

  void run_shared(const Job& job) {
    {
      Lock guard(&mutex_);
      for (int t = 0; t < job.threads; t++) shares_[t].next.store(first_of(job, t), std::memory_order_relaxed);
      job_ = job;
      open_ = true;
      wanted_.store(job.threads, std::memory_order_relaxed);
      generation_.fetch_add(1, std::memory_order_release);
    }
    for (int t = 1; t < job.threads; t++) pthread_cond_signal(&wakes_[t].condition);
    inside = true;
    work(job, 0);
    inside = false;
    /* A worker that has not woken up yet finds the job closed, so nobody waits for its wake-up. */
    {
      Lock guard(&mutex_);
      open_ = false;
    }
    for (int spin = 0; active_.load(std::memory_order_acquire) != 0; spin++) {
      if (spin < kSpins) CPCDR_PAUSE();
      else give_way();
    }
  }

  static int64_t first_of(const Job& job, int thread) { return job.chunks * thread / job.threads; }

  /*
   * A thread's own share first, then what is left of the others'. Kernels that follow each other on the same tensors
   * so find in a core's cache what that core has left there.
   */
  void work(const Job& job, int thread) {
    for (int t = 0, share = thread; t < job.threads; t++, share = share + 1 < job.threads ? share + 1 : 0) {
      const int64_t end = first_of(job, share + 1);
      for (;;) {
        const int64_t index = shares_[share].next.fetch_add(1, std::memory_order_relaxed);
        if (index >= end) break;
        run_chunk(job, index);
      }
    }
  }

  void start_once() {
    if (!started_) start(default_threads());
  }

  void start(int count) {
    stay_loaded();
    started_ = true;
    stopping_ = false;
    first_seen_ = generation_.load();
    entered_ = 0;
    while (workers_ + 1 < count && pthread_create(&threads_[workers_], nullptr, &Pool::enter, this) == 0) {
      workers_++;
    }
  }

  void stop() {
    {
      Lock guard(&mutex_);
      stopping_ = true;
    }
    for (int t = 1; t <= workers_; t++) pthread_cond_signal(&wakes_[t].condition);
    for (int i = 0; i < workers_; i++) pthread_join(threads_[i], nullptr);
    workers_ = 0;
  }

  static void* enter(void* pool) {
    inside = true;
    static_cast<Pool*>(pool)->loop();
    return nullptr;
  }

  /* Whether a job that a worker has not seen yet wants it. */
  bool wanted(int thread, uint64_t seen) const {
    return generation_.load(std::memory_order_acquire) != seen && thread < wanted_.load(std::memory_order_relaxed);
  }

  void loop() {
    const int thread = ++entered_;
    uint64_t seen = first_seen_;
    for (;;) {
      for (int spin = 0; spin < kSpins && !wanted(thread, seen); spin++) CPCDR_PAUSE();
      Job job;
      {
        Lock guard(&mutex_);
        while (!stopping_ && !wanted(thread, seen)) pthread_cond_wait(&wakes_[thread].condition, &mutex_);
        if (stopping_) return;
        seen = generation_.load();
        if (!open_) continue;
        active_.fetch_add(1, std::memory_order_relaxed);
        job = job_;
      }
      work(job, thread);
      active_.fetch_sub(1, std::memory_order_release);
    }
  }

  pthread_mutex_t owner_ = PTHREAD_MUTEX_INITIALIZER; /* held by the thread whose job the pool runs */
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER; /* guards what follows, up to job_ */
  bool stopping_ = false;
  bool open_ = false; /* whether workers may still join the job */
  Job job_{};
  bool started_ = false;
  int workers_ = 0;
  uint64_t first_seen_ = 0;
  pthread_t threads_[kMaxThreads] = {};
  std::atomic<uint64_t> generation_{0};
  std::atomic<int> wanted_{0}; /* threads of the newest job */
  std::atomic<int> entered_{0}, active_{0};
  Share shares_[kMaxThreads] = {};
  Wake wakes_[kMaxThreads];
};

/* Has no destructor: workers may outlive static destruction when the process exits. */
Pool pool;

std::atomic<int64_t> workspace_bytes{0};

constexpr int kSlots = 8;

struct Workspaces {
  float* blocks[kSlots];
  size_t sizes[kSlots];
};

void release(Workspaces* mine, int slot) {
  free_aligned(mine->blocks[slot]);
  workspace_bytes -= static_cast<int64_t>(mine->sizes[slot] * sizeof(float));
  mine->blocks[slot] = nullptr;
  mine->sizes[slot] = 0;
}

/* Called when a thread that has workspaces ends. */
void release_all(void* workspaces) {
  for (int slot = 0; slot < kSlots; slot++) release(static_cast<Workspaces*>(workspaces), slot);
  std::free(workspaces);
}

pthread_once_t key_once = PTHREAD_ONCE_INIT;
pthread_key_t key;

Workspaces* workspaces_of_thread() {
  pthread_once(&key_once, [] { pthread_key_create(&key, release_all); });
  void* mine = pthread_getspecific(key);
  if (!mine) {
    mine = std::calloc(1, sizeof(Workspaces));
    if (mine) pthread_setspecific(key, mine);
  }
  return static_cast<Workspaces*>(mine);
}

}  // namespace

void run_chunks(int64_t count, int64_t grain, ChunkFunction function, void* context) {
  if (count <= 0) return;
  pool.run(Job{function, context, count, grain, (count + grain - 1) / grain, 1});
}

float* workspace(int slot, size_t floats) {
  Workspaces* mine = workspaces_of_thread();
  if (!mine) return nullptr;
  if (mine->sizes[slot] >= floats) return mine->blocks[slot];
  release(mine, slot);
  const size_t rounded = (floats + floats / 4 + 1023) / 1024 * 1024;
  void* const block = allocate_aligned(rounded * sizeof(float));
  if (!block) return nullptr;
  prefer_large_pages(block, rounded * sizeof(float));
  mine->blocks[slot] = static_cast<float*>(block);
  mine->sizes[slot] = rounded;
  workspace_bytes += static_cast<int64_t>(rounded * sizeof(float));
  return mine->blocks[slot];
}

}  // namespace cpcdr

extern "C" {
int32_t cpcdr_set_processors(int32_t count) {
  cpcdr::allowed_processors = count;
  return 0;
}
int32_t cpcdr_set_threads(int32_t count) { return cpcdr::pool.resize(count); }
int32_t cpcdr_threads(void) { return cpcdr::pool.threads(); }
int64_t cpcdr_workspace_bytes(void) { return cpcdr::workspace_bytes.load(); }
}
