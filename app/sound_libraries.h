// SPDX-License-Identifier: GPL-3.0-or-later
// The libraries under RtAudio and RtMidi write to the terminal whenever they are asked for what is not
// there, a machine's missing sound card eight lines a second. What went wrong is said by the window.
#pragma once

namespace app {

/// Keeps ALSA and JACK from writing to the terminal; before anything opens a device. With the
/// environment variable TONEWRIGHT_SOUND_MESSAGES set they write, for who looks for a fault.
void silenceSoundLibraries();

}  // namespace app
