/*
 * Scratch that is kept from call to call: blocks of a device's memory that every call takes from anew.
 *
 * A Memory has allocate(bytes), null when there is none; wait(), until nothing runs that may use a block; and
 * free(memory, bytes).
 */
#ifndef CPCDR_SCRATCH_H
#define CPCDR_SCRATCH_H

#include <cstddef>
#include <cstdint>

#include "../include/cpcdr_hot.h"
#include "shared.h"

namespace cpcdr {
namespace CPCDR_ISA {

struct ScratchBlock {
  char* memory;
  size_t bytes, used;
};

/* Nothing but zeros at first. */
struct Scratch {
  static constexpr int kMostBlocks = 48;
  /* Blocks come in multiples of the first, what is taken of them in multiples of the second. */
  static constexpr size_t kGranule = size_t{1} << 21, kAlignment = 256;

  ScratchBlock blocks[kMostBlocks];
  int count;

  /* A call begins: what others took may be written over. */
  void begin() {
    for (int i = 0; i < count; i++) blocks[i].used = 0;
  }

  /*
   * So many bytes for this call, or null. What no block has room for gets one of its own, in place of all that this
   * call has not taken from: each of those is smaller, so that they would be kept beside it for nothing.
   */
  template <typename Memory>
  void* take(Memory& memory, size_t bytes) {
    const size_t wanted = (bytes + kAlignment) / kAlignment * kAlignment;
    for (int i = 0; i < count; i++) {
      if (blocks[i].bytes - blocks[i].used >= wanted) return take_from(blocks[i], wanted);
    }
    free_idle(memory);
    if (count == kMostBlocks) return nullptr;
    const size_t size = (wanted + kGranule - 1) / kGranule * kGranule;
    char* const made = memory.allocate(size);
    if (!made) return nullptr;
    blocks[count] = {made, size, 0};
    return take_from(blocks[count++], wanted);
  }

  /* All of it; the call that is under way may not go on. */
  template <typename Memory>
  void free_all(Memory& memory) {
    begin();
    free_idle(memory);
  }

 private:
  static void* take_from(ScratchBlock& block, size_t bytes) {
    void* const taken = block.memory + block.used;
    block.used += bytes;
    return taken;
  }
  template <typename Memory>
  void free_idle(Memory& memory) {
    int kept = 0;
    bool waited = false;
    for (int i = 0; i < count; i++) {
      if (blocks[i].used > 0) {
        blocks[kept++] = blocks[i];
        continue;
      }
      if (!waited) memory.wait();
      waited = true;
      memory.free(blocks[i].memory, blocks[i].bytes);
    }
    count = kept;
  }
};

/*
 * Runs call(device); where it had too little memory, once more with nothing kept of what calls before it took:
 * start_over() answers whether anything was.
 */
template <typename Device, typename Call>
int32_t run_with_room(Device& device, const Call& call) {
  const int32_t status = device.finish(call(device));
  if (status != CPCDR_OUT_OF_MEMORY || !device.start_over()) return status;
  return device.finish(call(device));
}

}  // namespace CPCDR_ISA
}  // namespace cpcdr
#endif
