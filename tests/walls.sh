#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Who may include whom; CMake's targets keep libraries apart, this keeps folders apart.
status=0
forbid() {  # forbid FOLDER PATTERN: no #include matching PATTERN below FOLDER
  found=$(grep -rnE "#include +[<\"]($2)" "$1" --include='*.h' --include='*.cpp' || true)
  if [ -n "$found" ]; then
    echo "Forbidden include in $1/:" >&2
    echo "$found" >&2
    status=1
  fi
}
forbid core 'Q[A-Z]|Qt|RtAudio|rtaudio|RtMidi|nodes/|presets/|ui/|app/|nlohmann|CLI'
forbid nodes 'Q[A-Z]|Qt|RtAudio|rtaudio|presets/|ui/|app/'
forbid presets 'QtWidgets|QWidget|RtAudio|rtaudio|nodes/|ui/|app/'
forbid ui 'RtAudio|rtaudio|RtMidi|rtmidi|nodes/|app/'
forbid app 'tests/'
for room in file dsp; do forbid "core/$room" 'core/(analysis|fit|neural)/'; done
forbid core/graph 'core/(analysis|fit|neural|file)/'
forbid core/analysis 'core/(fit|neural)/'
for entry in $(git ls-files | cut -d/ -f1 | sort -u | grep -v '^\.'); do
  case $entry in app | core | nodes | presets | tests | ui | CMakeLists.txt | README.md) ;; *)
    echo "Not at the top level: $entry" >&2
    status=1 ;;
  esac
done
exit $status
