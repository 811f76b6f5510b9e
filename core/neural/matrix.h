// SPDX-License-Identifier: GPL-3.0-or-later
// Products of large matrices, by a library: oneDNN in the product, because it chooses its kernels by
// what the processor can do; OpenBLAS 0.3.21 chooses by name and gives processors it does not know a
// kernel of 2004. Measured beside each other (README of this folder). The double build, in which
// gradients are checked, has only BLAS. One thread: callers run in parallel by clips.
#pragma once

#include <cstddef>

#include "core/graph/sample.h"

namespace core {

enum class Transpose : bool { no, yes };

/// C (m x n) = op(A) op(B) + beta C, row-major, k the inner size; lda, ldb, ldc: numbers from row to
/// row as stored. Not for the audio thread (allocates).
void multiply(Transpose a, Transpose b, int m, int n, int k, const Sample* A, std::ptrdiff_t lda, const Sample* B,
              std::ptrdiff_t ldb, Sample beta, Sample* C, std::ptrdiff_t ldc);

}  // namespace core
