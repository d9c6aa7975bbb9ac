/* Handles, and the device that the sequences of native/shared run on: a handle's stream and its scratch. */
#ifndef CPCDR_CUDA_HANDLE_H
#define CPCDR_CUDA_HANDLE_H

#include <cuda_runtime.h>
#include <pthread.h>

#include "../include/cpcdr_cuda.h"
#include "../shared/launch.h"
#include "../shared/scratch.h"
#include "../shared/staged_copy.h"

/* What one thread copies through: see shared/staged_copy.h. */
struct CudaLane {
  int device;
  cudaStream_t stream;
  char* buffers[2];
  cudaEvent_t ready[2];
  cudaError_t error; /* the first of a copy */

  bool succeeds(cudaError_t status) {
    if (error == cudaSuccess) error = status;
    return status == cudaSuccess;
  }
  bool begin() { return succeeds(cudaSetDevice(device)); }
  bool fetch(int k, const char* from, size_t bytes) {
    return succeeds(cudaMemcpyAsync(buffers[k], from, bytes, cudaMemcpyDeviceToHost, stream)) &&
           succeeds(cudaEventRecord(ready[k], stream));
  }
  bool send(int k, char* to, size_t bytes) {
    return succeeds(cudaMemcpyAsync(to, buffers[k], bytes, cudaMemcpyHostToDevice, stream)) &&
           succeeds(cudaEventRecord(ready[k], stream));
  }
  bool wait(int k) { return succeeds(cudaEventSynchronize(ready[k])); }
  char* buffer(int k) const { return buffers[k]; }
};

struct cpcdr_cuda {
  static constexpr int kMostLanes = 6;

  int device, major, precision;
  cudaStream_t stream;
  cudaEvent_t marks[2], traces[2];
  bool traced; /* CPCDR_CUDA_TRACE was set: every launch is timed, waited for and told of on stderr */
  pthread_mutex_t lock; /* held for the length of a call */
  cpcdr::shared::Scratch scratch;
  CudaLane lanes[kMostLanes];
  int lane_count; /* those that can be used; 0 before the first large copy */
  bool lanes_opened;
};

namespace cpcdr {

/* Keeps the message for cpcdr_last_error() and answers the status. */
int32_t fail(int32_t status, const char* message);
/* The same for a failure of the CUDA runtime: "doing: its words". */
int32_t fail_with(cudaError_t error, const char* doing);
/* CPCDR_OK for cudaSuccess, else fail_with(). */
int32_t check(cudaError_t error, const char* doing);

/* The handle that this thread uses, or null. */
cpcdr_cuda* used_handle();
/* Scratch of a handle; see the device concept in shared/launch.h. */
void* take_scratch(cpcdr_cuda* handle, size_t bytes);
void free_scratch(cpcdr_cuda* handle);

/* Lanes for large copies, made at the first; answers how many there are, which may be none. */
int open_lanes(cpcdr_cuda* handle);
void close_lanes(cpcdr_cuda* handle);

/* One call on a handle. Work is queued in order, so that scratch of the call before may be written over. */
class CudaDevice {
 public:
  explicit CudaDevice(cpcdr_cuda* handle) : handle_(handle) {
    pthread_mutex_lock(&handle->lock);
    status_ = check(cudaSetDevice(handle->device), "Cannot select the device");
    handle->scratch.begin();
  }
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;
  ~CudaDevice() { pthread_mutex_unlock(&handle_->lock); }

  template <typename Kernel>
  int32_t launch(int64_t blocks, const Kernel& kernel);
  template <typename T>
  T* memory(int64_t count) {
    return status_ ? nullptr : static_cast<T*>(take_scratch(handle_, sizeof(T) * static_cast<size_t>(count)));
  }
  int32_t zero(void* memory, size_t bytes) { return fill(memory, 0, bytes); }
  int32_t fill_ones(void* memory, size_t bytes) { return fill(memory, 255, bytes); }
  int32_t read(void* to, const void* from, size_t bytes) {
    return copy(to, from, bytes, cudaMemcpyDeviceToHost);
  }
  /* The runtime has read memory that is not page-locked once it returns. */
  int32_t write(void* to, const void* from, size_t bytes) {
    if (status_ || bytes == 0) return status_;
    return note(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, handle_->stream), "Cannot copy memory");
  }
  bool sort(const int32_t* keys, int32_t* sorted, const int32_t* values, int32_t* sorted_values, int64_t count,
            int bits);
  int32_t fail(int32_t status, const char* message) { return status_ ? status_ : cpcdr::fail(status, message); }
  bool tensor_cores() const { return handle_->precision != CPCDR_FP32; }

  cudaStream_t stream() const { return handle_->stream; }
  /* Between memory of the process and the device. Down: done on return. Up: memory may be changed on return. */
  int32_t copy_ranges(shared::StagedWay way, const shared::StagedRange* ranges, int count);
  /* Gives all scratch back, of a call that had too little; answers whether there was any. */
  bool start_over();
  /* What a call answers: the first failure of the runtime goes before all others. */
  int32_t finish(int32_t status) const { return status_ ? status_ : status; }
  int32_t note(cudaError_t error, const char* doing) {
    if (status_ == CPCDR_OK) status_ = check(error, doing);
    return status_;
  }

 private:
  /* What is queued between the two is told of by name where the handle is traced. */
  void begin_trace() {
    if (handle_->traced) note(cudaEventRecord(handle_->traces[0], handle_->stream), "Cannot record an event");
  }
  void end_trace(const char* name, int64_t blocks) {
    if (handle_->traced) tell_trace(name, blocks);
  }
  void tell_trace(const char* name, int64_t blocks);
  int32_t fill(void* memory, int value, size_t bytes) {
    if (status_ || bytes == 0) return status_;
    return note(cudaMemsetAsync(memory, value, bytes, handle_->stream), "Cannot fill memory");
  }
  int32_t copy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
    if (status_ || bytes == 0) return status_;
    if (note(cudaMemcpyAsync(to, from, bytes, kind, handle_->stream), "Cannot copy memory")) return status_;
    return note(cudaStreamSynchronize(handle_->stream), "Cannot finish work on the device");
  }

  cpcdr_cuda* handle_;
  int32_t status_;
};

/* Runs call(device) on a handle. */
template <typename Call>
int32_t run_on(cpcdr_cuda* handle, const Call& call) {
  CudaDevice device(handle);
  return shared::run_with_room(device, call);
}

/* Runs call(device) on the thread's handle. */
template <typename Call>
int32_t on_used_handle(const Call& call) {
  cpcdr_cuda* const handle = used_handle();
  if (!handle) return fail(CPCDR_INVALID_ARGUMENT, "no handle is in use on this thread; call cpcdr_cuda_use");
  return run_on(handle, call);
}

}  // namespace cpcdr
#endif
