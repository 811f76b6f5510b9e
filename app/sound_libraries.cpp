// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/sound_libraries.h"

#include <alsa/asoundlib.h>
#include <jack/jack.h>

#include <cstdlib>

namespace app {
namespace {
void nothing(const char*) {}
void nothingFromAlsa(const char*, int, const char*, int, const char*, ...) {}
}  // namespace

void silenceSoundLibraries() {
  if (std::getenv("TONEWRIGHT_SOUND_MESSAGES")) return;
  snd_lib_error_set_handler(nothingFromAlsa);
  jack_set_error_function(nothing);
  jack_set_info_function(nothing);
}

}  // namespace app
