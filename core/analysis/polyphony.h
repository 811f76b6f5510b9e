// SPDX-License-Identifier: GPL-3.0-or-later
// Whether a recording holds one voice or several. After the iterative search for harmonic series of A. Klapuri,
// "Multiple fundamental frequency estimation by summing harmonic amplitudes", ISMIR (2006), on spectral peaks.
#pragma once

#include <functional>
#include <span>

namespace core {

/// Share of the loud, tonal moments at which a second harmonic series sounds beside the first; 0: one voice. What
/// rings on of an earlier note does not count. An octave or a twelfth is not heard: all of its partials are partials
/// of the lower note. `stop` true ends early (the result then means nothing).
double polyphonicShare(std::span<const double> x, double rate, const std::function<bool()>& stop = {});

/// Several notes at once for a good part of the recording.
bool isPolyphonic(std::span<const double> x, double rate, const std::function<bool()>& stop = {});

}  // namespace core
