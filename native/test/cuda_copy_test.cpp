/* The CUDA library's copies to memory of the process, with lanes that copy within it, late and out of order. */
#include <cstdlib>
#include <memory>

#include "../shared/staged_copy.h"
#include "check.h"

namespace {

using namespace cpcdr::shared;
using Bytes = std::vector<char>;

/* What it is told to copy comes only once it is waited for. */
struct LateLane {
  Bytes buffers[2] = {Bytes(kStagedPiece), Bytes(kStagedPiece)};
  const char* from[2] = {nullptr, nullptr};
  size_t bytes[2] = {0, 0};
  int until_failure = -1;
  bool begun = false;

  bool fails() { return until_failure >= 0 && until_failure-- == 0; }
  bool begin() { return begun = true; }
  bool start(int k, const char* source, size_t count) {
    if (!begun || bytes[k] || count > kStagedPiece) stop("a buffer is used before it is free");
    from[k] = source;
    bytes[k] = count;
    return !fails();
  }
  bool wait(int k) {
    if (!bytes[k]) stop("waits for nothing");
    std::memcpy(buffers[k].data(), from[k], bytes[k]);
    bytes[k] = 0;
    return !fails();
  }
  const char* buffer(int k) const { return buffers[k].data(); }

  static void stop(const char* message) {
    std::printf("FAILED staged copy: %s\n", message);
    std::exit(1);
  }
};

void check_copy(int lane_count) {
  const size_t most = 7 * kStagedPiece;
  const size_t sizes[] = {1, kStagedPiece - 1, kStagedPiece, kStagedPiece + 1, static_cast<size_t>(pick(1, int{most}))};
  const size_t bytes = sizes[pick(0, 4)];
  const std::unique_ptr<char[]> from(new char[bytes]), to(new char[bytes]);
  for (size_t i = 0; i < bytes; i++) {
    from[i] = static_cast<char>(i * 2654435761u >> 13);
    to[i] = static_cast<char>(~from[i]);
  }
  std::vector<LateLane> lanes(static_cast<size_t>(lane_count));
  const bool faulty = pick(0, 3) == 0;
  /* Every lane fails, since how many pieces each gets is not known; what is over by then was no failure. */
  for (LateLane& lane : lanes) lane.until_failure = faulty ? 0 : -1;
  const bool done = StagedCopy<LateLane>(to.get(), from.get(), bytes).run(lanes.data(), lane_count);
  expect_status("staged copy succeeds", done, !faulty);
  if (done && std::memcmp(to.get(), from.get(), bytes) != 0) LateLane::stop("bytes differ");
}

}  // namespace

int main(int argc, char** argv) {
  const int cases = argc > 1 ? std::atoi(argv[1]) : 100;
  for (int i = 0; i < cases; i++) check_copy(pick(1, 5));
  std::printf("ok: %d random copies in pieces\n", cases);
}
