/* Matrix products and convolutions of random shapes against plain loops in double precision. */
#include "../include/cpcdr.h"
#include <algorithm>

#include "check.h"

namespace {

void check_matmul() {
  const int batch = pick(1, 3), m = pick(1, 130), n = pick(1, 90), k = pick(0, 70);
  const bool ta = pick(0, 1), tb = pick(0, 1), broadcast_a = pick(0, 3) == 0, with_bias = pick(0, 1);
  const int activation = pick(0, 1) ? CPCDR_RELU : CPCDR_LINEAR;
  const Floats a = random_floats(int64_t{broadcast_a ? 1 : batch} * m * k), b = random_floats(int64_t{batch} * k * n);
  const Floats bias = random_floats(n);
  Floats out(static_cast<size_t>(batch * m * n), NAN);
  const int32_t sizes[] = {batch, m, n, k, ta, tb, broadcast_a ? 0 : m * k, k * n, activation};
  float nothing = 0;
  const float* left = a.empty() ? &nothing : a.data();
  const float* right = b.empty() ? &nothing : b.data();
  expect_status("matmul", cpcdr_matmul(left, right, with_bias ? bias.data() : nullptr, out.data(), sizes, 0), 0);
  Sums expected(int64_t{batch} * m * n);
  size_t at = 0;
  for (int i = 0; i < batch; i++)
    for (int y = 0; y < m; y++)
      for (int x = 0; x < n; x++, at++) {
        if (with_bias) expected.add(at, bias[x]);
        for (int s = 0; s < k; s++) {
          const double va = a[(broadcast_a ? 0 : i * m * k) + (ta ? s * m + y : y * k + s)];
          const double vb = b[i * k * n + (tb ? x * k + s : s * n + x)];
          expected.add(at, va * vb);
        }
        if (activation == CPCDR_RELU && expected.values[at] < 0) expected.values[at] = 0;
      }
  char name[160];
  std::snprintf(name, sizeof name, "matmul batch %d m %d n %d k %d ta %d tb %d", batch, m, n, k, ta, tb);
  expect_sums(name, out, expected);
}

/* The nearest bfloat16, the even one of two, by its definition: 8 significant bits. */
float to_bfloat16(float x) {
  int exponent;
  const double fraction = std::frexp(double{x}, &exponent);
  return static_cast<float>(std::ldexp(std::nearbyint(std::ldexp(fraction, 8)), exponent - 8));
}

Floats rounded_floats(int64_t count, int32_t precision) {
  Floats values = random_floats(count);
  if (precision == CPCDR_BFLOAT16) {
    for (float& value : values) value = to_bfloat16(value);
  }
  return values;
}

/* A filter that hands channels on shows what a factor becomes. */
void check_rounding() {
  const int c = pick(33, 60), pixels = pick(1, 50);
  const int32_t sizes[] = {1, 1, pixels, c, 1, 1, 1, pixels, c, 1, 1, 1, 1, 0, 0, CPCDR_LINEAR, CPCDR_BFLOAT16};
  Floats x = random_floats(int64_t{pixels} * c), filter(static_cast<size_t>(c * c)), y(x.size(), NAN), dx = y;
  for (int i = 0; i < c; i++) filter[static_cast<size_t>(i * c + i)] = 1;
  for (float& value : x) {
    /* Some lie in the middle between two. */
    if (pick(0, 3) == 0) value = to_bfloat16(value) * (1 + std::ldexp(1.0f, -8));
  }
  expect_status("conv2d", cpcdr_conv2d(x.data(), filter.data(), nullptr, y.data(), sizes, 0), 0);
  expect_status("input_grad", cpcdr_conv2d_input_grad(x.data(), filter.data(), dx.data(), sizes), 0);
  for (size_t i = 0; i < x.size(); i++) {
    const float expected = to_bfloat16(x[i]);
    if (y[i] == expected && dx[i] == expected) continue;
    std::printf("FAILED rounding: expected %.9g of %.9g, got %.9g and %.9g\n", double(expected), double(x[i]), double(y[i]),
                double(dx[i]));
    std::exit(1);
  }
}

/* Any, and two with loops of their own: dense ones with few channels on one side and long rows, and 3 x 3 ones with many. */
enum class Kind { kAny, kNarrow, kTiled };

void check_conv(Kind kind, int32_t precision) {
  const bool narrow = kind == Kind::kNarrow, tiled = kind == Kind::kTiled;
  const int batch = pick(1, 3), h = pick(1, tiled ? 12 : 19), w = narrow ? pick(8, 150) : pick(1, tiled ? 16 : 40);
  const int most_channels = pick(0, 1) ? 40 : 70;
  const int ci = tiled ? pick(16, most_channels) : pick(1, 20);
  const int co = narrow ? pick(1, 16) : tiled ? pick(16, most_channels) : pick(1, 40);
  const int fh = tiled ? 3 : pick(1, 5), fw = tiled ? 3 : pick(1, 7);
  const int most = kind == Kind::kAny ? 3 : 1, sh = pick(1, most), sw = pick(1, most);
  const int dh = pick(1, std::min(2, most)), dw = pick(1, std::min(2, most));
  const int pt = pick(0, 3), pl = pick(0, 3), pb = pick(0, 3), pr = pick(0, 3);
  const int rh = (fh - 1) * dh + 1, rw = (fw - 1) * dw + 1;
  if (h + pt + pb < rh || w + pl + pr < rw) return;
  const int oh = (h + pt + pb - rh) / sh + 1, ow = (w + pl + pr - rw) / sw + 1;
  const int activation = pick(0, 1) ? CPCDR_RELU : CPCDR_LINEAR;
  const bool with_bias = pick(0, 1);
  const int32_t sizes[] = {batch, h, w, ci, fh, fw, oh, ow, co, sh, sw, dh, dw, pt, pl, activation, precision};
  const int64_t nx = int64_t{batch} * h * w * ci, ny = int64_t{batch} * oh * ow * co, nf = int64_t{fh} * fw * ci * co;
  const Floats x = rounded_floats(nx, precision), filter = rounded_floats(nf, precision);
  const Floats dy = rounded_floats(ny, precision), bias = random_floats(co);
  Floats y(static_cast<size_t>(ny), NAN), dx(static_cast<size_t>(nx), NAN), df(static_cast<size_t>(nf), NAN);
  expect_status("conv2d", cpcdr_conv2d(x.data(), filter.data(), with_bias ? bias.data() : nullptr, y.data(), sizes, 0), 0);
  expect_status("input_grad", cpcdr_conv2d_input_grad(dy.data(), filter.data(), dx.data(), sizes), 0);
  expect_status("filter_grad", cpcdr_conv2d_filter_grad(x.data(), dy.data(), df.data(), sizes), 0);
  Sums ey(ny), ex(nx), ef(nf);
  for (int n = 0; n < batch; n++)
    for (int oy = 0; oy < oh; oy++)
      for (int ox = 0; ox < ow; ox++)
        for (int o = 0; o < co; o++) {
          const size_t iy = static_cast<size_t>(((n * oh + oy) * ow + ox) * co + o);
          if (with_bias) ey.add(iy, bias[static_cast<size_t>(o)]);
          for (int i = 0; i < fh; i++)
            for (int j = 0; j < fw; j++) {
              const int yy = oy * sh + i * dh - pt, xx = ox * sw + j * dw - pl;
              if (yy < 0 || yy >= h || xx < 0 || xx >= w) continue;
              for (int c = 0; c < ci; c++) {
                const size_t ix = static_cast<size_t>(((n * h + yy) * w + xx) * ci + c);
                const size_t it = static_cast<size_t>(((i * fw + j) * ci + c) * co + o);
                ey.add(iy, double(x[ix]) * filter[it]);
                ex.add(ix, double(dy[iy]) * filter[it]);
                ef.add(it, double(x[ix]) * dy[iy]);
              }
            }
          if (activation == CPCDR_RELU && ey.values[iy] < 0) ey.values[iy] = 0;
        }
  /* Of any kind, this may be one (suits_winograd). */
  const bool by_tiles = fh == 3 && fw == 3 && sh * sw * dh * dw == 1 && ci >= 16 && co >= 16;
  const Parts parts = !by_tiles ? Parts::kNone : precision == CPCDR_BFLOAT16 ? Parts::kRounded : Parts::kShared;
  char name[200];
  std::snprintf(name, sizeof name, "precision %d batch %d %dx%dx%d filter %dx%d to %dx%dx%d stride %d,%d dilation %d,%d pad %d,%d",
                precision, batch, h, w, ci, fh, fw, oh, ow, co, sh, sw, dh, dw, pt, pl);
  expect_sums(std::string("conv2d ") + name, y, ey, parts);
  expect_sums(std::string("conv2d_input_grad ") + name, dx, ex, parts);
  expect_sums(std::string("conv2d_filter_grad ") + name, df, ef, parts);
}

void check_refusals() {
  float value = 0;
  int32_t sizes[17] = {1, 4, 4, 1, 3, 3, 2, 2, 1, 0, 1, 1, 1, 0, 0, 0, 0};
  expect_status("stride 0", cpcdr_conv2d(&value, &value, nullptr, &value, sizes, 0), CPCDR_INVALID_ARGUMENT);
  expect_status("null", cpcdr_conv2d(nullptr, &value, nullptr, &value, sizes, 0), CPCDR_INVALID_ARGUMENT);
  int32_t imprecise[17] = {1, 4, 4, 1, 3, 3, 2, 2, 1, 1, 1, 1, 1, 0, 0, 0, 2};
  expect_status("precision 2", cpcdr_conv2d(&value, &value, nullptr, &value, imprecise, 0), CPCDR_INVALID_ARGUMENT);
  int32_t negative[9] = {1, -1, 2, 3, 0, 0, 0, 0, 0};
  expect_status("negative", cpcdr_matmul(&value, &value, nullptr, &value, negative, 0), CPCDR_INVALID_ARGUMENT);
}

}  // namespace

int main(int argc, char** argv) {
  const int cases = argc > 1 ? std::atoi(argv[1]) : 300;
  check_refusals();
  for (int i = 0; i < cases; i++) {
    check_matmul();
    for (const Kind kind : {Kind::kAny, Kind::kNarrow, Kind::kTiled}) {
      check_conv(kind, CPCDR_FLOAT32);
      if (cpcdr_bfloat16()) check_conv(kind, CPCDR_BFLOAT16);
    }
    if (!cpcdr_bfloat16()) continue;
    check_rounding();
  }
  std::printf("ok: %d random matrix products and convolutions on %s with %d threads\n", cases, cpcdr_isa(),
              cpcdr_threads());
}
