// SPDX-License-Identifier: GPL-3.0-or-later
#include "nodes/registry.h"

#include "nodes/control/constant.h"
#include "nodes/control/control_track.h"
#include "nodes/control/note_input.h"
#include "nodes/effect/convolution.h"
#include "nodes/effect/delay.h"
#include "nodes/effect/fdn_reverb.h"
#include "nodes/effect/gain.h"
#include "nodes/envelope/adsr.h"
#include "nodes/envelope/lfo.h"
#include "nodes/filter/svf.h"
#include "nodes/source/audio_file.h"
#include "nodes/source/audio_input.h"
#include "nodes/source/filtered_noise.h"
#include "nodes/source/harmonic_oscillator.h"
#include "nodes/source/noise.h"
#include "nodes/source/oscillator.h"
#include "nodes/structure/mix.h"
#include "nodes/structure/output.h"
#include "nodes/structure/pan.h"
#include "nodes/structure/voice_mix.h"

namespace nodes {

core::Registry makeRegistry() {
  core::Registry r;
  const auto add = [&r]<class... N>() { (r.add(core::makeNodeType<N>()), ...); };
  add.operator()<Oscillator>();
  add.operator()<Noise>();
  add.operator()<AudioInput>();
  add.operator()<AudioFile>();
  add.operator()<Svf>();
  add.operator()<Adsr>();
  add.operator()<Lfo>();
  add.operator()<Gain>();
  add.operator()<Delay>();
  add.operator()<FdnReverb>();
  add.operator()<Convolution>();
  add.operator()<HarmonicOscillator>();
  add.operator()<FilteredNoise>();
  add.operator()<NoteInput>();
  add.operator()<Constant>();
  add.operator()<ControlTrack>();
  add.operator()<Mix>();
  add.operator()<Pan>();
  add.operator()<VoiceMix>();
  add.operator()<AudioOutput>();
  return r;
}

}  // namespace nodes
