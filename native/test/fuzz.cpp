/*
 * A seeded fuzz loop over the CPU library's ABI, for ASan and UBSan: random sizes in arrays that end where they say,
 * values of every kind, and every so often one null pointer or one size, operation or setting that makes no sense.
 * What is sound must succeed; all else may answer any status, but answer it must.
 *
 *     fuzz SECONDS     with SEED in the environment: the same calls again
 */
#include <chrono>

#include "fuzz/depth_calls.h"
#include "fuzz/hot_calls.h"
#include "fuzz/tensor_calls.h"

namespace {

using namespace fuzz;

const struct {
  const char* name;
  Entry call;
} kEntries[] = {
    {"matmul", matmul}, {"conv2d", conv2d}, {"conv2d_input_grad", conv2d_input_grad},
    {"conv2d_filter_grad", conv2d_filter_grad}, {"batch_norm", batch_norm}, {"batch_norm_grad", batch_norm_grad},
    {"binary", binary}, {"unary", unary}, {"select", select}, {"logical", logical}, {"reduce", reduce},
    {"arg_max", arg_max}, {"softmax", softmax}, {"max_pool", max_pool}, {"max_pool_grad", max_pool_grad},
    {"avg_pool", avg_pool}, {"avg_pool_grad", avg_pool_grad},
    {"resize_bilinear", resize<cpcdr_resize_bilinear, false>},
    {"resize_bilinear_grad", resize<cpcdr_resize_bilinear_grad, true>},
    {"resize_nearest", resize<cpcdr_resize_nearest, false>},
    {"resize_nearest_grad", resize<cpcdr_resize_nearest_grad, true>}, {"grid_sample", grid_sample},
    {"grid_sample_grad", grid_sample_grad}, {"project_pixels", project_pixels},
    {"project_pixels_grad", project_pixels_grad}, {"photometric_error", photometric_error},
    {"photometric_error_grad", photometric_error_grad}, {"align_motion", align_motion},
    {"alignment_error", alignment_error}, {"gather", gather}, {"segment_sum", segment_sum}, {"pad", pad<false>},
    {"pad_grad", pad<true>}, {"adam", adam}, {"sgd", sgd}, {"label", label}, {"label_bytes", label_bytes},
    {"label_surfaces", label_surfaces}, {"label_statistics", label_statistics}, {"depth_regions", depth_regions},
    {"superpixels", superpixels}, {"segment_median", segment_median}, {"similarity", similarity},
    {"prototype_loss", prototype_loss}, {"composite", composite},
};

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 10;
  const char* const text = std::getenv("SEED");
  const unsigned seed = text ? static_cast<unsigned>(std::atoi(text)) : std::random_device{}();
  const bool trace = std::getenv("TRACE") != nullptr;
  const auto started = std::chrono::steady_clock::now();
  int64_t calls = 0, refused = 0;
  while (std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count() < seconds) {
    /* Each call has a seed of its own, which is all that it takes to see it again. */
    const unsigned own = seed + static_cast<unsigned>(calls++);
    generator().seed(own);
    const auto& entry = kEntries[pick(0, static_cast<int>(sizeof kEntries / sizeof *kEntries) - 1)];
    if (trace) std::fprintf(stderr, "SEED=%u %s\n", own, entry.name);
    Case one(pick(0, 1));
    const int32_t status = entry.call(one);
    refused += status != CPCDR_OK;
    const bool known = status == CPCDR_OK || status == CPCDR_INVALID_ARGUMENT || status == CPCDR_OUT_OF_MEMORY;
    if (known && (status == CPCDR_OK || !one.sound())) continue;
    std::printf("FAILED SEED=%u %s: status %d, %s\n", own, entry.name, status, cpcdr_last_error());
    return 1;
  }
  std::printf("ok: %lld fuzzed calls on %s, %lld refused, SEED=%u\n", static_cast<long long>(calls), cpcdr_isa(),
              static_cast<long long>(refused), seed);
}
