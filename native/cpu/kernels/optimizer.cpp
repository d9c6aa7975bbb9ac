/* Parameter updates in place: Adam and SGD as torch.optim defines them. */
#include <cmath>

#include "../dispatch.h"
#include "../thread_pool.h"

namespace cpcdr {
namespace CPCDR_ISA {
namespace {

/* base to a whole power; std::pow would tie the library to a newer glibc. */
double power(double base, int32_t exponent) {
  double result = 1;
  for (; exponent > 0; exponent >>= 1, base *= base) {
    if (exponent & 1) result *= base;
  }
  return result;
}

}  // namespace
}  // namespace CPCDR_ISA
}  // namespace cpcdr

CPCDR_KERNEL(cpcdr_adam,
             (float* param, const float* grad, float* m, float* v, int64_t count, float rate, float beta1,
              float beta2, float epsilon, float decay, int32_t step),
             (param, grad, m, v, count, rate, beta1, beta2, epsilon, decay, step)) {
  using namespace cpcdr;
  using namespace cpcdr::CPCDR_ISA;
  if (!param || !grad || !m || !v) return fail(CPCDR_INVALID_ARGUMENT, "adam: null pointer");
  if (step < 1) return fail(CPCDR_INVALID_ARGUMENT, "adam: step below 1");
  const double correction1 = 1 - power(static_cast<double>(beta1), step);
  const double correction2 = 1 - power(static_cast<double>(beta2), step);
  const float size = static_cast<float>(rate / correction1);
  const float scale = static_cast<float>(1 / std::sqrt(correction2));
  parallel_for(count, 1 << 14, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const float g = grad[i] + decay * param[i];
      m[i] = beta1 * m[i] + (1 - beta1) * g;
      v[i] = beta2 * v[i] + (1 - beta2) * g * g;
      param[i] -= size * m[i] / (std::sqrt(v[i]) * scale + epsilon);
    }
  });
  return CPCDR_OK;
}

CPCDR_KERNEL(cpcdr_sgd,
             (float* param, const float* grad, float* velocity, int64_t count, float rate, float momentum,
              float decay, int32_t nesterov),
             (param, grad, velocity, count, rate, momentum, decay, nesterov)) {
  using namespace cpcdr;
  if (!param || !grad || !velocity) return fail(CPCDR_INVALID_ARGUMENT, "sgd: null pointer");
  parallel_for(count, 1 << 14, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const float g = grad[i] + decay * param[i];
      velocity[i] = momentum * velocity[i] + g;
      param[i] -= rate * (nesterov ? g + momentum * velocity[i] : velocity[i]);
    }
  });
  return CPCDR_OK;
}
