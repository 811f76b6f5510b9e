// SPDX-License-Identifier: GPL-3.0-or-later
// Architecture file for Faust: renders without a device. usage: program BLOCK SECONDS
// Prints the RMS of the last tenth, so that the work cannot be optimised away.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <immintrin.h>

#include "faust/dsp/dsp.h"
#include "faust/gui/UI.h"
#include "faust/gui/meta.h"
<<includeIntrinsic>>
<<includeclass>>

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const int block = std::atoi(argv[1]), rate = 48000;
  const long frames = static_cast<long>(std::atof(argv[2]) * rate);
  _mm_setcsr(_mm_getcsr() | 0x8040);  // denormals off, as every Faust audio driver does
  static mydsp dsp;
  dsp.init(rate);
  std::vector<std::vector<float>> in(dsp.getNumInputs(), std::vector<float>(block)),
      out(dsp.getNumOutputs(), std::vector<float>(block));
  std::vector<float*> ins, outs;
  for (auto& b : in) ins.push_back(b.data());
  for (auto& b : out) outs.push_back(b.data());
  std::uint32_t random = 12345;
  double sum = 0;
  for (long done = 0; done + block <= frames; done += block) {
    for (auto& b : in)
      for (float& v : b) {
        random = random * 1664525u + 1013904223u;
        v = static_cast<std::int32_t>(random) * (0.25f / 2147483648.f);
      }
    dsp.compute(block, ins.data(), outs.data());
    if (done > frames - frames / 10)
      for (const float v : out[0]) sum += static_cast<double>(v) * v;
  }
  const double rms = std::sqrt(sum / (0.1 * static_cast<double>(frames) + 1));
  std::printf("%g\n", rms);
  return std::isfinite(rms) && rms > 1e-6 ? 0 : 1;
}
