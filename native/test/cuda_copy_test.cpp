/* The CUDA library's copies from and to memory of the process, with lanes that copy within it, as late as they may. */
#include <cstdlib>
#include <memory>

#include "../shared/staged_copy.h"
#include "check.h"

namespace {

using namespace cpcdr::shared;
using Bytes = std::vector<char>;

/* What it is told to copy is copied only once it is waited for. */
struct LateLane {
  Bytes buffers[2] = {Bytes(kStagedPiece), Bytes(kStagedPiece)};
  const char* from[2] = {nullptr, nullptr};
  char* to[2] = {nullptr, nullptr};
  size_t bytes[2] = {0, 0};
  bool fails = false, begun = false;

  bool begin() { return begun = true; }
  bool fetch(int k, const char* source, size_t count) { return queue(k, buffers[k].data(), source, count); }
  bool send(int k, char* target, size_t count) { return queue(k, target, buffers[k].data(), count); }
  bool queue(int k, char* target, const char* source, size_t count) {
    if (!begun || bytes[k] || count > kStagedPiece) stop("a buffer is used before it is free");
    from[k] = source;
    to[k] = target;
    bytes[k] = count;
    return !fails;
  }
  bool wait(int k) {
    if (!bytes[k]) stop("waits for nothing");
    std::memcpy(to[k], from[k], bytes[k]);
    bytes[k] = 0;
    return true;
  }
  char* buffer(int k) { return buffers[k].data(); }

  static void stop(const char* message) {
    std::printf("FAILED staged copy: %s\n", message);
    std::exit(1);
  }
};

void check_copy(int lane_count) {
  const int most = static_cast<int>(5 * kStagedPiece), count = pick(1, 4);
  const StagedWay way = pick(0, 1) ? kStagedUp : kStagedDown;
  std::vector<std::unique_ptr<char[]>> memory;
  std::vector<StagedRange> ranges;
  for (int r = 0; r < count; r++) {
    const size_t sizes[] = {1, kStagedPiece - 1, kStagedPiece, kStagedPiece + 1, static_cast<size_t>(pick(1, most))};
    const size_t bytes = sizes[pick(0, 4)];
    for (int side = 0; side < 2; side++) memory.emplace_back(new char[bytes]);
    char *const host = memory[memory.size() - 2].get(), *const device = memory.back().get();
    for (size_t i = 0; i < bytes; i++) {
      host[i] = static_cast<char>(i * 2654435761u >> 13);
      device[i] = static_cast<char>(~host[i]);
    }
    ranges.push_back({host, device, bytes});
  }
  std::vector<LateLane> lanes(static_cast<size_t>(lane_count));
  /* All fail, since how many pieces each gets is not known. */
  const bool faulty = pick(0, 3) == 0;
  for (LateLane& lane : lanes) lane.fails = faulty;
  const std::vector<char> expected(ranges[0].host, ranges[0].host + ranges[0].bytes);
  const bool done = StagedCopy<LateLane>(way, ranges.data(), count).run(lanes.data(), lane_count);
  expect_status("staged copy succeeds", done, !faulty);
  if (faulty) return;
  for (const StagedRange& range : ranges) {
    if (std::memcmp(range.host, range.device, range.bytes) != 0) LateLane::stop("bytes differ");
  }
  const bool kept = std::memcmp(expected.data(), ranges[0].host, ranges[0].bytes) == 0;
  if (kept != (way == kStagedUp)) LateLane::stop("copied the wrong way");
}

}  // namespace

int main(int argc, char** argv) {
  const int cases = argc > 1 ? std::atoi(argv[1]) : 100;
  for (int i = 0; i < cases; i++) check_copy(pick(1, 5));
  std::printf("ok: %d random copies in pieces\n", cases);
}
