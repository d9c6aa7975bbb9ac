#include "dispatch.h"

#include <atomic>
#include <cstdlib>
#include <cstring>

namespace cpcdr {
namespace {

#if defined(__aarch64__)
const char* const kNames[] = {"neon"};
#else
const char* const kNames[] = {"baseline", "avx2", "avx512"};
#endif

int detect() {
  int level = 0;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) level = 1;
  if (level == 1 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("bmi2")) {
    level = 2;
  }
#endif
  if (const char* wanted = std::getenv("CPCDR_ISA")) {
    for (int i = 0; i < level; i++) {
      if (std::strcmp(wanted, kNames[i]) == 0) level = i;
    }
  }
  return level;
}

thread_local const char* last_error = "";

}  // namespace

int isa_level() {
  /* Detecting twice is harmless, so no lock is needed. */
  static std::atomic<int> known{-1};
  int level = known.load(std::memory_order_relaxed);
  if (level < 0) known.store(level = detect(), std::memory_order_relaxed);
  return level;
}

int32_t fail(int32_t status, const char* message) {
  last_error = message;
  return status;
}

}  // namespace cpcdr

extern "C" {
int32_t cpcdr_abi_version(void) { return CPCDR_ABI_VERSION; }
const char* cpcdr_isa(void) { return cpcdr::kNames[cpcdr::isa_level()]; }
int32_t cpcdr_bfloat16(void) {
#if defined(CPCDR_EMULATED_BFLOAT16)
  return 1;
#elif defined(__x86_64__)
  return cpcdr::isa_level() == 2 && __builtin_cpu_supports("avx512bf16");
#else
  return 0;
#endif
}
const char* cpcdr_last_error(void) { return cpcdr::last_error; }
}
