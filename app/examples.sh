#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Renders what a trained model can do, as short sounds: sh app/examples.sh [FOLDER]
# A key, a slurred glide, a swell, a transfer; installs and builds what is missing.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-tonewright-examples}
mkdir -p "$folder"
studio() { sh "$here/app/launch.sh" "$@"; }

studio render neural-saxophone -o "$folder/1-key.wav" --notes "A3:0:1.8:0.8"
studio render neural-saxophone -o "$folder/2-glide.wav" --notes "D3:0:1.2:0.7 D5:1:2:0.7" --set player.glide=900ms
# a slow envelope, then a melody, of patches without a model; instruments follow them
studio render subtractive-voice -o "$folder/3-before-swell.wav" --notes "A4:0:4:0.9" --set ampenv.attack=2.5s
studio transfer "$here/presets/models/violin.safetensors" "$folder/3-before-swell.wav" -o "$folder/3-swell.wav" --match-loudness
studio render pulse-lead -o "$folder/4-before-transfer.wav" --notes "E4:0:0.5:0.6 G4:0.5:0.5:0.8 A4:1:0.9:1 G4:2:0.4:0.7 E4:2.4:1.2:0.9"
studio transfer "$here/presets/models/alto-sax.safetensors" "$folder/4-before-transfer.wav" -o "$folder/4-transfer.wav" \
  --octave auto --match-loudness --gate
echo "The examples lie in $folder: $(ls "$folder" | tr '\n' ' ')"
