// SPDX-License-Identifier: GPL-3.0-or-later
// A file of its own, because the linear algebra library brings another cblas.h than the system's.
#include <cmath>
#include <stdexcept>
#include <xtensor-blas/xlinalg.hpp>

#include "core/fit/gauss_newton.h"

namespace core {

std::vector<double> dampedStep(const NormalEquations& e, double damping, const std::vector<bool>& fixed) {
  const std::size_t n = e.slope.size();
  const xt::xtensor<double, 1> diagonal = xt::diagonal(e.squares);
  const double largest = n == 0 ? 0 : xt::amax(diagonal)();
  std::vector<std::size_t> used;
  for (std::size_t i = 0; i < n; ++i)
    if (!fixed[i] && diagonal(i) > 1e-14 * largest) used.push_back(i);
  if (used.empty() || !std::isfinite(largest)) return {};
  // in units in which the diagonal is one, so that knobs of any travel are damped alike
  const xt::xtensor<double, 1> unit = 1 / xt::sqrt(xt::view(diagonal, xt::keep(used)));
  const std::size_t m = used.size();
  xt::xtensor<double, 2> a =
      xt::view(e.squares, xt::keep(used), xt::keep(used)) * unit * xt::view(unit, xt::all(), xt::newaxis());
  a += damping * xt::eye<double>(m);
  const xt::xtensor<double, 1> b = -xt::view(e.slope, xt::keep(used)) * unit;
  std::vector<double> step(n, 0.0);
  try {
    const xt::xtensor<double, 2> factor = xt::linalg::cholesky(a);
    const xt::xtensor<double, 1> x = xt::linalg::solve_cholesky(factor, b);
    for (std::size_t i = 0; i < m; ++i) step[used[i]] = x(i) * unit(i);
  } catch (const std::runtime_error&) {  // not positive definite
    return {};
  }
  for (const double s : step)
    if (!std::isfinite(s)) return {};
  return step;
}

}  // namespace core
