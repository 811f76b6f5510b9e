// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/neural/matrix.h"

#ifdef TONEWRIGHT_DOUBLE
#include <cblas.h>
#else
#include <oneapi/dnnl/dnnl.h>
#endif

#ifndef TONEWRIGHT_DOUBLE
extern "C" void omp_set_num_threads(int);  // of the library's OpenMP runtime; its header is the compiler's own
#endif

namespace core {

void multiply(Transpose a, Transpose b, int m, int n, int k, const Sample* A, std::ptrdiff_t lda, const Sample* B,
              std::ptrdiff_t ldb, Sample beta, Sample* C, std::ptrdiff_t ldc) {
#ifdef TONEWRIGHT_DOUBLE
  cblas_dgemm(CblasRowMajor, a == Transpose::yes ? CblasTrans : CblasNoTrans,
              b == Transpose::yes ? CblasTrans : CblasNoTrans, m, n, k, 1, A, static_cast<int>(lda), B,
              static_cast<int>(ldb), beta, C, static_cast<int>(ldc));
#else
  omp_set_num_threads(1);  // of the calling thread only
  dnnl_sgemm(a == Transpose::yes ? 'T' : 'N', b == Transpose::yes ? 'T' : 'N', m, n, k, 1, A, lda, B, ldb, beta, C,
             ldc);
#endif
}

}  // namespace core
