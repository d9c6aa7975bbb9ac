/* Handles: a stream, scratch and a precision on one device; memory and copies. */
#include "../shared/host_array.h"
#include "handle.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace cpcdr {
namespace {

/* More blocks than this say that sizes have changed: all are given back before the next call begins. */
constexpr int kFewBlocks = 24;

thread_local cpcdr_cuda* used = nullptr;
int64_t scratch_bytes = 0;

/* What scratch is made of. */
struct DeviceMemory {
  cudaStream_t stream;

  char* allocate(size_t bytes) {
    void* memory = nullptr;
    if (cudaMalloc(&memory, bytes) != cudaSuccess) {
      cudaGetLastError();
      return nullptr;
    }
    __atomic_add_fetch(&scratch_bytes, static_cast<int64_t>(bytes), __ATOMIC_RELAXED);
    return static_cast<char*>(memory);
  }
  /* A failure of what runs is told by the next call that waits for it. */
  void wait() { cudaStreamSynchronize(stream); }
  void free(char* memory, size_t bytes) {
    cudaFree(memory);
    __atomic_sub_fetch(&scratch_bytes, static_cast<int64_t>(bytes), __ATOMIC_RELAXED);
  }
};

void destroy(cpcdr_cuda* handle) {
  free_scratch(handle);
  close_lanes(handle);
  for (cudaEvent_t mark : handle->marks) {
    if (mark) cudaEventDestroy(mark);
  }
  for (cudaEvent_t trace : handle->traces) {
    if (trace) cudaEventDestroy(trace);
  }
  if (handle->stream) cudaStreamDestroy(handle->stream);
  pthread_mutex_destroy(&handle->lock);
  std::free(handle);
}

int32_t begin(cpcdr_cuda* handle) {
  int major = 0;
  if (const int32_t status = check(cudaSetDevice(handle->device), "Cannot select the device")) return status;
  if (const int32_t status = check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, handle->device),
                                   "Cannot ask the device")) {
    return status;
  }
  handle->major = major;
  for (cudaEvent_t& mark : handle->marks) {
    if (const int32_t status = check(cudaEventCreate(&mark), "Cannot create an event")) return status;
  }
  const char* const trace = std::getenv("CPCDR_CUDA_TRACE");
  handle->traced = trace && *trace;
  for (cudaEvent_t& event : handle->traces) {
    if (const int32_t status = check(cudaEventCreate(&event), "Cannot create an event")) return status;
  }
  return check(cudaStreamCreateWithFlags(&handle->stream, cudaStreamNonBlocking), "Cannot create a stream");
}

/* Runs call(device) on a handle that is given. */
template <typename Call>
int32_t on_handle(cpcdr_cuda* handle, const Call& call) {
  if (!handle) return fail(CPCDR_INVALID_ARGUMENT, "the handle is null");
  return run_on(handle, call);
}

int32_t copy(cpcdr_cuda* handle, void* to, const void* from, int64_t bytes, cudaMemcpyKind kind) {
  if (bytes < 0 || (bytes > 0 && (!to || !from))) {
    return fail(CPCDR_INVALID_ARGUMENT, "copy: null pointer or negative size");
  }
  return on_handle(handle, [=](CudaDevice& device) {
    if (bytes == 0) return device.finish(CPCDR_OK);
    if (kind == cudaMemcpyDeviceToHost) {
      const shared::StagedRange range{static_cast<char*>(to), static_cast<char*>(const_cast<void*>(from)),
                                      static_cast<size_t>(bytes)};
      return device.copy_ranges(shared::kStagedDown, &range, 1);
    }
    return device.note(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), kind, device.stream()),
                       "Cannot copy memory");
  });
}

}  // namespace

cpcdr_cuda* used_handle() { return used; }

void* take_scratch(cpcdr_cuda* handle, size_t bytes) {
  DeviceMemory memory{handle->stream};
  return handle->scratch.take(memory, bytes);
}

bool CudaDevice::start_over() {
  if (handle_->scratch.count == 0) return false;
  if (status_ == CPCDR_OUT_OF_MEMORY) status_ = CPCDR_OK;
  free_scratch(handle_);
  return status_ == CPCDR_OK;
}

void CudaDevice::tell_trace(const char* name, int64_t blocks) {
  float milliseconds = 0;
  note(cudaEventRecord(handle_->traces[1], handle_->stream), "Cannot record an event");
  note(cudaEventSynchronize(handle_->traces[1]), "Cannot wait for an event");
  note(cudaEventElapsedTime(&milliseconds, handle_->traces[0], handle_->traces[1]), "Cannot compare events");
  const char* const kernel = std::strstr(name, "Kernel = ");
  std::fprintf(stderr, "trace: %.4f ms, %lld blocks, %s\n", static_cast<double>(milliseconds),
               static_cast<long long>(blocks), kernel ? kernel + 9 : name);
}

void free_scratch(cpcdr_cuda* handle) {
  DeviceMemory memory{handle->stream};
  handle->scratch.free_all(memory);
}

int open_lanes(cpcdr_cuda* handle) {
  if (handle->lanes_opened) return handle->lane_count;
  handle->lanes_opened = true;
  const long cores = sysconf(_SC_NPROCESSORS_ONLN);
  const int wanted = cores < cpcdr_cuda::kMostLanes ? static_cast<int>(cores) : cpcdr_cuda::kMostLanes;
  for (int i = 0; i < wanted; i++) {
    CudaLane& lane = handle->lanes[i];
    lane.device = handle->device;
    lane.stream = handle->stream;
    for (int k = 0; k < 2; k++) {
      void* buffer = nullptr;
      if (cudaHostAlloc(&buffer, shared::kStagedPiece, cudaHostAllocDefault) != cudaSuccess ||
          (lane.buffers[k] = static_cast<char*>(buffer),
           cudaEventCreateWithFlags(&lane.ready[k], cudaEventDisableTiming) != cudaSuccess)) {
        cudaGetLastError(); /* fewer will do */
        return handle->lane_count;
      }
    }
    handle->lane_count = i + 1;
  }
  return handle->lane_count;
}

void close_lanes(cpcdr_cuda* handle) {
  for (CudaLane& lane : handle->lanes) {
    for (int k = 0; k < 2; k++) {
      if (lane.buffers[k]) cudaFreeHost(lane.buffers[k]);
      if (lane.ready[k]) cudaEventDestroy(lane.ready[k]);
    }
  }
}

int32_t CudaDevice::copy_ranges(shared::StagedWay way, const shared::StagedRange* ranges, int count) {
  /* Below this threads cost more than they save. */
  constexpr size_t kLarge = 4 * shared::kStagedPiece;
  size_t bytes = 0;
  for (int i = 0; i < count; i++) bytes += ranges[i].bytes;
  const int lanes = status_ || bytes < kLarge ? 0 : open_lanes(handle_);
  if (lanes < 2) {
    for (int i = 0; i < count; i++) {
      if (way == shared::kStagedUp) copy(ranges[i].device, ranges[i].host, ranges[i].bytes, cudaMemcpyHostToDevice);
      else copy(ranges[i].host, ranges[i].device, ranges[i].bytes, cudaMemcpyDeviceToHost);
    }
    return status_;
  }
  for (int i = 0; i < lanes; i++) handle_->lanes[i].error = cudaSuccess;
  if (shared::StagedCopy<CudaLane>(way, ranges, count).run(handle_->lanes, lanes)) return status_;
  for (int i = 0; i < lanes; i++) note(handle_->lanes[i].error, "Cannot copy memory");
  return status_;
}

}  // namespace cpcdr

using namespace cpcdr;

extern "C" {

int64_t cpcdr_workspace_bytes(void) { return __atomic_load_n(&scratch_bytes, __ATOMIC_RELAXED); }

int32_t cpcdr_cuda_create(int32_t device, cpcdr_cuda** handle) {
  if (!handle) return fail(CPCDR_INVALID_ARGUMENT, "cuda_create: null pointer");
  *handle = nullptr;
  int32_t count;
  if (const int32_t status = cpcdr_cuda_devices(&count)) return status;
  if (device < 0 || device >= count) return fail(CPCDR_INVALID_ARGUMENT, "cuda_create: there is no such device");
  cpcdr_cuda* const made = static_cast<cpcdr_cuda*>(std::calloc(1, sizeof(cpcdr_cuda)));
  if (!made) return fail(CPCDR_OUT_OF_MEMORY, "cuda_create: no memory");
  made->device = device;
  pthread_mutex_init(&made->lock, nullptr);
  const int32_t status = begin(made);
  if (status) destroy(made);
  else *handle = made;
  return status;
}

int32_t cpcdr_cuda_destroy(cpcdr_cuda* handle) {
  if (!handle) return CPCDR_OK;
  const int32_t status = cpcdr_cuda_synchronize(handle);
  if (used == handle) used = nullptr;
  destroy(handle);
  return status;
}

int32_t cpcdr_cuda_use(cpcdr_cuda* handle) {
  used = handle;
  return CPCDR_OK;
}

int32_t cpcdr_cuda_set_precision(cpcdr_cuda* handle, int32_t precision) {
  return on_handle(handle, [=](CudaDevice& device) {
    if (precision != CPCDR_FP32 && precision != CPCDR_TF32) {
      return device.fail(CPCDR_INVALID_ARGUMENT, "cuda_set_precision: there is no such precision");
    }
    if (precision == CPCDR_TF32 && handle->major < 8) {
      return device.fail(CPCDR_INVALID_ARGUMENT, "cuda_set_precision: TF32 needs compute capability 8.0");
    }
    handle->precision = precision;
    return device.finish(CPCDR_OK);
  });
}

int32_t cpcdr_cuda_alloc(cpcdr_cuda* handle, int64_t bytes, void** memory) {
  if (!memory || bytes < 0) return fail(CPCDR_INVALID_ARGUMENT, "cuda_alloc: null pointer or negative size");
  *memory = nullptr;
  return on_handle(handle, [=](CudaDevice& device) {
    /* Memory of no bytes has an address as well. */
    return device.note(cudaMalloc(memory, static_cast<size_t>(bytes ? bytes : 1)), "Cannot allocate memory");
  });
}

int32_t cpcdr_cuda_free(cpcdr_cuda* handle, void* memory) {
  return on_handle(handle, [=](CudaDevice& device) {
    device.note(cudaStreamSynchronize(device.stream()), "Cannot finish work on the device");
    return device.note(cudaFree(memory), "Cannot free memory");
  });
}

int32_t cpcdr_cuda_upload(cpcdr_cuda* handle, void* to, const void* from, int64_t bytes) {
  return copy(handle, to, from, bytes, cudaMemcpyHostToDevice);
}
int32_t cpcdr_cuda_upload_all(cpcdr_cuda* handle, const uint64_t* to, const uint64_t* from, const int64_t* bytes,
                              int32_t count) {
  if (!to || !from || !bytes || count < 0) {
    return fail(CPCDR_INVALID_ARGUMENT, "upload_all: null pointer or negative count");
  }
  shared::HostArray<shared::StagedRange> ranges(count);
  if (ranges.failed()) return fail(CPCDR_OUT_OF_MEMORY, "upload_all: no memory");
  for (int i = 0; i < count; i++) {
    if (bytes[i] < 0 || (bytes[i] > 0 && (!to[i] || !from[i]))) {
      return fail(CPCDR_INVALID_ARGUMENT, "upload_all: null pointer or negative size");
    }
    ranges[i] = {reinterpret_cast<char*>(from[i]), reinterpret_cast<char*>(to[i]), static_cast<size_t>(bytes[i])};
  }
  return on_handle(handle, [&](CudaDevice& device) {
    return device.copy_ranges(shared::kStagedUp, ranges.data(), count);
  });
}
int32_t cpcdr_cuda_download(cpcdr_cuda* handle, void* to, const void* from, int64_t bytes) {
  return copy(handle, to, from, bytes, cudaMemcpyDeviceToHost);
}
int32_t cpcdr_cuda_copy(cpcdr_cuda* handle, void* to, const void* from, int64_t bytes) {
  return copy(handle, to, from, bytes, cudaMemcpyDeviceToDevice);
}

int32_t cpcdr_cuda_synchronize(cpcdr_cuda* handle) {
  return on_handle(handle, [=](CudaDevice& device) {
    const int32_t status = device.note(cudaStreamSynchronize(device.stream()), "Cannot finish work on the device");
    if (handle->scratch.count > kFewBlocks) free_scratch(handle);
    return status;
  });
}

int32_t cpcdr_cuda_mark(cpcdr_cuda* handle, int32_t mark) {
  if (mark != 0 && mark != 1) return fail(CPCDR_INVALID_ARGUMENT, "cuda_mark: marks are 0 and 1");
  return on_handle(handle, [=](CudaDevice& device) {
    return device.note(cudaEventRecord(handle->marks[mark], device.stream()), "Cannot record an event");
  });
}

int32_t cpcdr_cuda_elapsed(cpcdr_cuda* handle, float* milliseconds) {
  if (!milliseconds) return fail(CPCDR_INVALID_ARGUMENT, "cuda_elapsed: null pointer");
  return on_handle(handle, [=](CudaDevice& device) {
    device.note(cudaEventSynchronize(handle->marks[1]), "Cannot wait for an event");
    return device.note(cudaEventElapsedTime(milliseconds, handle->marks[0], handle->marks[1]), "Cannot compare events");
  });
}
}
