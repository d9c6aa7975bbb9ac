/* Which devices there are, and why there may be none. */
#include <cstdio>

#include "handle.h"

namespace cpcdr {
namespace {

thread_local char last_error[256] = "";

int driver_version() {
  int version = 0;
  return cudaDriverGetVersion(&version) == cudaSuccess ? version : 0;
}

}  // namespace

int32_t fail(int32_t status, const char* message) {
  std::snprintf(last_error, sizeof last_error, "%s", message);
  return status;
}

int32_t fail_with(cudaError_t error, const char* doing) {
  std::snprintf(last_error, sizeof last_error, "%s: %s", doing, cudaGetErrorString(error));
  cudaGetLastError(); /* what does not outlive the call is taken back */
  switch (error) {
    case cudaErrorMemoryAllocation: return CPCDR_OUT_OF_MEMORY;
    case cudaErrorNoDevice: return CPCDR_NO_DEVICE;
    case cudaErrorInsufficientDriver: return driver_version() ? CPCDR_OLD_DRIVER : CPCDR_NO_DRIVER;
    default: return CPCDR_DEVICE_FAILED;
  }
}

int32_t check(cudaError_t error, const char* doing) {
  return error == cudaSuccess ? static_cast<int32_t>(CPCDR_OK) : fail_with(error, doing);
}

}  // namespace cpcdr

using namespace cpcdr;

extern "C" {

int32_t cpcdr_cuda_abi_version(void) { return CPCDR_CUDA_ABI_VERSION; }
const char* cpcdr_last_error(void) { return last_error; }
int32_t cpcdr_cuda_runtime_version(void) { return CUDART_VERSION; }
int32_t cpcdr_cuda_driver_version(void) { return driver_version(); }

int32_t cpcdr_cuda_devices(int32_t* count) {
  if (!count) return fail(CPCDR_INVALID_ARGUMENT, "cuda_devices: null pointer");
  *count = 0;
  if (driver_version() == 0) return fail(CPCDR_NO_DRIVER, "no CUDA driver");
  int found = 0;
  const cudaError_t error = cudaGetDeviceCount(&found);
  if (error != cudaSuccess) return fail_with(error, "Cannot find devices");
  if (found == 0) return fail(CPCDR_NO_DEVICE, "no CUDA device");
  *count = found;
  return CPCDR_OK;
}

int32_t cpcdr_cuda_device(int32_t device, char* name, int32_t name_bytes, int64_t* facts) {
  if (!name || name_bytes < 1 || !facts) return fail(CPCDR_INVALID_ARGUMENT, "cuda_device: null pointer");
  int32_t count;
  if (const int32_t status = cpcdr_cuda_devices(&count)) return status;
  if (device < 0 || device >= count) return fail(CPCDR_INVALID_ARGUMENT, "cuda_device: there is no such device");
  cudaDeviceProp properties;
  if (const int32_t status = check(cudaGetDeviceProperties(&properties, device), "Cannot ask a device")) return status;
  int kilohertz = 0, bits = 0;
  if (cudaDeviceGetAttribute(&kilohertz, cudaDevAttrMemoryClockRate, device) != cudaSuccess ||
      cudaDeviceGetAttribute(&bits, cudaDevAttrGlobalMemoryBusWidth, device) != cudaSuccess) {
    kilohertz = 0;
    cudaGetLastError();
  }
  std::snprintf(name, static_cast<size_t>(name_bytes), "%s", properties.name);
  facts[CPCDR_CUDA_MAJOR] = properties.major;
  facts[CPCDR_CUDA_MINOR] = properties.minor;
  facts[CPCDR_CUDA_TOTAL_BYTES] = static_cast<int64_t>(properties.totalGlobalMem);
  facts[CPCDR_CUDA_MULTIPROCESSORS] = properties.multiProcessorCount;
  /* Two transfers a clock. */
  facts[CPCDR_CUDA_BYTES_A_SECOND] = int64_t{2000} * kilohertz * (bits / 8);
  return CPCDR_OK;
}
}
