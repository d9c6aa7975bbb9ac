/*
 * The scratch that the CUDA library keeps from call to call, in memory of a device that has only so much: calls that
 * grow find room, and calls that come again take what is there. The headers of both libraries stand beside each other.
 */
#include <algorithm>
#include <map>

#include "../include/cpcdr.h"
#include "../include/cpcdr_cuda.h"
#include "../shared/scratch.h"
#include "check.h"

namespace {

using namespace cpcdr::shared;

void stop(const char* message) {
  std::printf("FAILED scratch: %s\n", message);
  std::exit(1);
}

/* So many bytes of addresses, none of which is ever read. */
struct Device {
  size_t left;
  std::map<char*, size_t> lent;
  int allocations = 0;
  bool waited = false;
  Scratch scratch = {};
  char* next = reinterpret_cast<char*>(uintptr_t{1} << 40);

  explicit Device(size_t bytes) : left(bytes) {}

  char* allocate(size_t bytes) {
    waited = false;
    if (bytes > left) return nullptr;
    left -= bytes;
    allocations++;
    lent[next] = bytes;
    next += bytes;
    return next - bytes;
  }
  void wait() { waited = true; }
  void free(char* memory, size_t bytes) {
    if (!waited) stop("a block is freed that may be in use");
    const auto block = lent.find(memory);
    if (block == lent.end() || block->second != bytes) stop("what is freed is no block");
    left += bytes;
    lent.erase(block);
  }
  int32_t finish(int32_t status) const { return status; }
  bool start_over() {
    if (scratch.count == 0) return false;
    scratch.free_all(*this);
    return true;
  }

  /* A call that takes these sizes, one after the other. */
  int32_t call(const std::vector<size_t>& sizes) {
    scratch.begin();
    return run_with_room(*this, [&](Device&) -> int32_t {
      std::map<char*, size_t> taken;
      for (const size_t size : sizes) {
        char* const memory = static_cast<char*>(scratch.take(*this, size));
        if (!memory) return CPCDR_OUT_OF_MEMORY;
        if (reinterpret_cast<uintptr_t>(memory) % Scratch::kAlignment != 0) stop("memory is not aligned");
        const auto after = taken.upper_bound(memory);
        if (after != taken.end() && memory + size > after->first) stop("two parts of a call overlap");
        if (after != taken.begin() && std::prev(after)->first + std::prev(after)->second > memory) {
          stop("two parts of a call overlap");
        }
        const auto block = lent.upper_bound(memory);
        if (block == lent.begin() || std::prev(block)->first + std::prev(block)->second < memory + size) {
          stop("a part of a call lies outside the device's blocks");
        }
        taken[memory] = size;
      }
      return CPCDR_OK;
    });
  }
};

constexpr size_t kMebi = size_t{1} << 20, kGibi = size_t{1} << 30;

/* Each call is larger than all before, up to what the device has. */
void check_growth() {
  Device device(80 * kGibi);
  for (size_t size = 4 * kGibi; size <= 78 * kGibi; size += kGibi / 4) {
    expect_status("a larger call", device.call({size_t(pick(1, 1000)), size}), CPCDR_OK);
  }
  expect_status("a call beyond the device", device.call({81 * kGibi}), CPCDR_OUT_OF_MEMORY);
  expect_status("the call after it", device.call({70 * kGibi}), CPCDR_OK);
}

/* A small part holds a large block, beside which the large part has no room. */
void check_small_parts() {
  Device device(80 * kGibi);
  expect_status("a large call", device.call({45 * kGibi}), CPCDR_OK);
  expect_status("a small and a large part", device.call({1000, 60 * kGibi}), CPCDR_OK);
}

/* Calls of a few kinds that come again and again find memory without asking for more. */
void check_repeats() {
  Device device(size_t(1) << 50);
  std::vector<std::vector<size_t>> kinds(static_cast<size_t>(pick(1, 4)));
  for (auto& sizes : kinds) {
    for (int k = pick(1, 12); k > 0; k--) sizes.push_back(size_t(pick(0, 1000)) * (pick(0, 2) ? kMebi : 1));
  }
  int before = -1;
  for (int round = 0; before != device.allocations; round++) {
    if (round == 200) stop("calls that come again never have the memory that they need");
    before = device.allocations;
    for (const auto& sizes : kinds) expect_status("a call", device.call(sizes), CPCDR_OK);
  }
  size_t most = 0, held = 0;
  for (const auto& sizes : kinds) {
    size_t all = 0;
    for (const size_t size : sizes) all += size + 2 * kMebi;
    most = std::max(most, all);
  }
  for (const auto& block : device.lent) held += block.second;
  if (held > kinds.size() * most) stop("more is held than all kinds of calls take");
  device.start_over();
  if (!device.lent.empty() || device.scratch.count != 0) stop("not all comes back");
}

}  // namespace

int main(int argc, char** argv) {
  const int cases = argc > 1 ? std::atoi(argv[1]) : 300;
  check_growth();
  check_small_parts();
  for (int i = 0; i < cases; i++) check_repeats();
  /* Of enums that once had one name. */
  const cpcdr_precision factors = CPCDR_BFLOAT16;
  const cpcdr_cuda_precision products = CPCDR_TF32;
  expect_status("precisions", factors == 1 && products == 1, 1);
  std::printf("ok: %d random uses of scratch\n", cases);
}
