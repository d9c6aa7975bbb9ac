/*
 * Every kernel but products and convolutions on random shapes, in arrays that end where the tensor ends,
 * so that the sanitizers see a step too far. Values are checked where one line says what they must be;
 * tests/engine/kernels has the rest.
 */
#include <algorithm>

#include "../include/cpcdr.h"
#include "check.h"

namespace {

Floats blank(int64_t count) { return Floats(static_cast<size_t>(count), NAN); }

std::vector<double> doubles(const Floats& values) { return {values.begin(), values.end()}; }

void check_batch_norm() {
  const int rows = pick(1, 700), channels = pick(1, 40), relu = pick(0, 1);
  const int64_t count = int64_t{rows} * channels;
  const Floats x = random_floats(count), scale = random_floats(channels), offset = random_floats(channels);
  const Floats residual = random_floats(count), dy = random_floats(count);
  const bool add = pick(0, 1);
  Floats y = blank(count), mean = blank(channels), variance = blank(channels);
  expect_status("batch_norm", cpcdr_batch_norm(x.data(), scale.data(), offset.data(), add ? residual.data() : nullptr,
                                               y.data(), mean.data(), variance.data(), rows, channels, 1e-3f, relu), 0);
  Floats dx = blank(count), dscale = blank(channels), doffset = blank(channels), dresidual = blank(count);
  expect_status("batch_norm_grad",
                cpcdr_batch_norm_grad(dy.data(), x.data(), y.data(), scale.data(), mean.data(), variance.data(),
                                      dx.data(), dscale.data(), doffset.data(), add ? dresidual.data() : nullptr,
                                      rows, channels, 1e-3f, relu), 0);
  Sums means(channels), offsets(channels);
  for (int64_t i = 0; i < count; i++) {
    const size_t at = static_cast<size_t>(i), c = static_cast<size_t>(i % channels);
    means.add(c, double(x[at]) / rows);
    if (!relu || y[at] > 0) offsets.add(c, dy[at]);
  }
  expect_sums("batch_norm mean", mean, means);
  expect_sums("batch_norm_grad doffset", doffset, offsets);
}

void check_elementwise() {
  int32_t sizes[12];
  int64_t count = 1, left = 1, right = 1;
  for (int k = 3; k >= 0; k--) {
    const int extent = pick(1, 9);
    const bool a = pick(0, 3) > 0, b = pick(0, 3) > 0;
    sizes[k] = extent;
    sizes[4 + k] = a ? static_cast<int32_t>(left) : 0;
    sizes[8 + k] = b ? static_cast<int32_t>(right) : 0;
    count *= extent;
    if (a) left *= extent;
    if (b) right *= extent;
  }
  const Floats a = random_floats(left), b = random_floats(right);
  std::vector<uint8_t> flags(static_cast<size_t>(count));
  for (int op = CPCDR_ADD; op <= CPCDR_NOT_EQUAL; op++) {
    Floats out = blank(op < CPCDR_GREATER ? count : 0);
    void* target = op < CPCDR_GREATER ? static_cast<void*>(out.data()) : flags.data();
    expect_status("binary", cpcdr_binary(op, a.data(), b.data(), target, sizes), 0);
  }
  for (int op = CPCDR_NEG; op <= CPCDR_SIGN; op++) {
    Floats out = blank(left);
    expect_status("unary", cpcdr_unary(op, a.data(), out.data(), left, 0.5f, 1.0f), 0);
  }
  const Floats yes = random_floats(count), no = random_floats(count);
  Floats chosen = blank(count);
  std::vector<double> expected;
  for (size_t i = 0; i < flags.size(); i++) expected.push_back(flags[i] ? yes[i] : no[i]);
  expect_status("select", cpcdr_select(flags.data(), yes.data(), no.data(), chosen.data(), count), 0);
  expect_close("select", chosen, expected, 0);
  std::vector<uint8_t> logic(flags.size());
  expect_status("logical", cpcdr_logical(pick(0, 2), flags.data(), flags.data(), logic.data(), count), 0);
}

void check_reductions() {
  const int outer = pick(1, 12), extent = pick(1, 200), inner = pick(0, 1) ? 1 : pick(1, 90);
  const Floats x = random_floats(int64_t{outer} * extent * inner);
  Sums sums(outer * inner);
  for (size_t i = 0; i < x.size(); i++) {
    const int row = static_cast<int>(i) / inner;
    sums.add(static_cast<size_t>(row / extent * inner + static_cast<int>(i) % inner), x[i]);
  }
  for (int op = CPCDR_SUM; op <= CPCDR_MIN; op++) {
    Floats y = blank(outer * inner);
    expect_status("reduce", cpcdr_reduce(op, x.data(), y.data(), outer, extent, inner), 0);
    if (op == CPCDR_SUM) expect_sums("reduce", y, sums);
  }
  std::vector<int32_t> places(sums.values.size());
  expect_status("arg_max", cpcdr_arg_max(x.data(), places.data(), outer, extent, inner), 0);
  Floats y = blank(static_cast<int64_t>(x.size()));
  expect_status("softmax", cpcdr_softmax(x.data(), y.data(), outer * inner, extent, pick(0, 1)), 0);
}

void check_images() {
  const int batch = pick(1, 3), h = pick(1, 12), w = pick(1, 12), c = pick(1, 20);
  const int fh = pick(1, 4), fw = pick(1, 4), sh = pick(1, 3), sw = pick(1, 3), pt = pick(0, fh - 1), pl = pick(0, fw - 1);
  const int oh = (h + pt - 1) / sh + 1, ow = (w + pl - 1) / sw + 1;
  const int32_t pool[] = {batch, h, w, c, oh, ow, fh, fw, sh, sw, 1, 1, pt, pl};
  const int64_t in = int64_t{batch} * h * w * c, out = int64_t{batch} * oh * ow * c;
  const Floats x = random_floats(in), dy = random_floats(out);
  Floats y = blank(out), dx = blank(in);
  expect_status("max_pool", cpcdr_max_pool(x.data(), y.data(), pool), 0);
  expect_status("max_pool_grad", cpcdr_max_pool_grad(dy.data(), x.data(), dx.data(), pool), 0);
  expect_status("avg_pool", cpcdr_avg_pool(x.data(), y.data(), pool), 0);
  expect_status("avg_pool_grad", cpcdr_avg_pool_grad(dy.data(), dx.data(), pool), 0);
  const int convention = pick(0, 2);
  const int32_t resize[] = {batch, h, w, c, oh, ow, convention == 1, convention == 2};
  expect_status("resize_bilinear", cpcdr_resize_bilinear(x.data(), y.data(), resize), 0);
  expect_status("resize_bilinear_grad", cpcdr_resize_bilinear_grad(dy.data(), dx.data(), resize), 0);
  expect_status("resize_nearest", cpcdr_resize_nearest(x.data(), y.data(), resize), 0);
  expect_status("resize_nearest_grad", cpcdr_resize_nearest_grad(dy.data(), dx.data(), resize), 0);
  Floats grid = random_floats(int64_t{batch} * oh * ow * 2);
  for (float& at : grid) at *= 10;
  grid[0] = pick(0, 1) ? NAN : INFINITY;
  Floats dgrid = blank(static_cast<int64_t>(grid.size()));
  const int32_t sampling[] = {batch, h, w, c, oh, ow, pick(0, 1)};
  expect_status("grid_sample", cpcdr_grid_sample(x.data(), grid.data(), y.data(), sampling), 0);
  expect_status("grid_sample_grad", cpcdr_grid_sample_grad(dy.data(), x.data(), grid.data(), dx.data(), dgrid.data(),
                                                           sampling), 0);
  const int top = pick(0, h - 1), bottom = pick(0, h - 1), left = pick(0, w - 1), right = pick(0, w - 1);
  const int32_t pad[] = {batch, h, w, c, top, bottom, left, right, pick(0, 2)};
  Floats padded = blank(int64_t{batch} * (h + top + bottom) * (w + left + right) * c);
  expect_status("pad", cpcdr_pad(x.data(), padded.data(), pad, 0), 0);
  expect_status("pad_grad", cpcdr_pad_grad(padded.data(), dx.data(), pad), 0);
}

void check_alignment() {
  const int batch = pick(1, 3), h = pick(1, 20), w = pick(1, 40);
  const int64_t count = int64_t{batch} * h * w;
  const Floats target = random_floats(count);
  Floats disparity = random_floats(count), camera = blank(9 * batch), motion = blank(12 * batch), out = blank(12 * batch);
  for (float& d : disparity) d = std::fabs(d) + 0.01f;
  for (int n = 0; n < batch; n++) {
    const float width = static_cast<float>(w), height = static_cast<float>(h);
    const float k[] = {width, 0, width / 2, 0, height, height / 2, 0, 0, 1};
    const float still[] = {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0};
    std::copy_n(k, 9, camera.begin() + 9 * n);
    std::copy_n(still, 12, motion.begin() + 12 * n);
  }
  const int32_t sizes[] = {batch, h, w, pick(0, 3)};
  const auto align = [&](const Floats& source, const Floats& depths, const Floats& from) {
    expect_status("align_motion", cpcdr_align_motion(target.data(), source.data(), depths.data(), camera.data(),
                                                     from.data(), out.data(), sizes, 0.04f, 1e-3f), 0);
  };
  Floats errors = blank(batch);
  const auto error = [&](const Floats& source, const Floats& from) {
    expect_status("alignment_error", cpcdr_alignment_error(target.data(), source.data(), disparity.data(), camera.data(),
                                                           from.data(), errors.data(), sizes, 0.04f), 0);
  };
  /* A frame is where it is: nothing moves and nothing differs. */
  align(target, disparity, motion);
  expect_close("align_motion", out, doubles(motion), 1e-4);
  error(target, motion);
  expect_close("alignment_error", errors, std::vector<double>(static_cast<size_t>(batch)), 1e-6);
  /* Others, wild motions and depths that are no numbers: nothing is read out of place. */
  const Floats source = random_floats(count), wild = random_floats(12 * batch);
  align(source, disparity, wild);
  error(source, wild);
  disparity[0] = pick(0, 1) ? NAN : INFINITY;
  align(source, disparity, wild);
}

void check_movement() {
  const int a = pick(1, 40), b = pick(1, 40), c = pick(1, 20);
  const Floats x = random_floats(int64_t{a} * b * c);
  Floats turned = blank(static_cast<int64_t>(x.size())), back = turned;
  /* Axes (a, b, c) to (c, b, a) and back again. */
  const int32_t there[] = {3, c, b, a, 1, c, b * c, b * a, a, 1};
  const int32_t again[] = {3, a, b, c, 1, a, b * a, b * c, c, 1};
  expect_status("copy", cpcdr_copy(x.data(), turned.data(), there, 0, 0), 0);
  expect_status("copy", cpcdr_copy(turned.data(), back.data(), again, 0, 0), 0);
  expect_close("copy", back, doubles(x), 0);
  const int count = pick(1, 60), inner = b * c;
  std::vector<int32_t> rows(static_cast<size_t>(count)), segments(rows.size());
  for (int32_t& row : rows) row = pick(0, a - 1);
  for (int32_t& segment : segments) segment = pick(-1, 8);
  Floats gathered = blank(int64_t{count} * inner), sums = blank(int64_t{8} * inner);
  const int32_t gather[] = {1, 1, a, inner, count}, segment[] = {count, inner, 8, pick(0, 1)};
  expect_status("gather", cpcdr_gather(x.data(), rows.data(), gathered.data(), gather), 0);
  expect_status("segment_sum", cpcdr_segment_sum(x.data(), rows.data(), segments.data(), sums.data(), segment), 0);
  rows[0] = a;
  expect_status("gather", cpcdr_gather(x.data(), rows.data(), gathered.data(), gather), CPCDR_INVALID_ARGUMENT);
}

void check_updates() {
  const int64_t count = pick(1, 40000);
  const Floats grad = random_floats(count);
  Floats param = random_floats(count), m(grad.size()), v(grad.size());
  expect_status("adam", cpcdr_adam(param.data(), grad.data(), m.data(), v.data(), count, 0.1f, 0.9f, 0.999f, 1e-8f, 0,
                                   pick(1, 9)), 0);
  expect_status("sgd", cpcdr_sgd(param.data(), grad.data(), m.data(), count, 0.1f, 0.9f, 1e-4f, pick(0, 1)), 0);
}

}  // namespace

int main(int argc, char** argv) {
  const int cases = argc > 1 ? std::atoi(argv[1]) : 300;
  for (int i = 0; i < cases; i++) {
    check_batch_norm();
    check_elementwise();
    check_reductions();
    check_images();
    check_alignment();
    check_movement();
    check_updates();
  }
  std::printf("ok: %d random calls of every other kernel on %s with %d threads\n", cases, cpcdr_isa(),
              cpcdr_threads());
}
