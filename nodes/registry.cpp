// SPDX-License-Identifier: GPL-3.0-or-later
#include "nodes/registry.h"

#include "nodes/control/note_input.h"
#include "nodes/effect/delay.h"
#include "nodes/filter/svf.h"
#include "nodes/source/filtered_noise.h"
#include "nodes/source/harmonic_oscillator.h"
#include "nodes/structure/output.h"

namespace nodes {

core::Registry makeRegistry() {
  core::Registry r;
  const auto add = [&r]<class... N>() { (r.add(core::makeNodeType<N>()), ...); };
  add.operator()<Svf>();
  add.operator()<Delay>();
  add.operator()<HarmonicOscillator>();
  add.operator()<FilteredNoise>();
  add.operator()<NoteInput>();
  add.operator()<AudioOutput>();
  return r;
}

}  // namespace nodes
