<CsoundSynthesizer>
; SPDX-License-Identifier: GPL-3.0-or-later
; P2: 100 partials with amplitudes that change 250 times a second, and white noise in 65 bands.
<CsInstruments>
sr = 48000
ksmps = $BLOCK
nchnls = 1
0dbfs = 1
giSine   ftgen 0, 0, 65536, 10, 1
giRatios ftgen 0, 0, -100, -7, 1, 99, 100
giNow    ftgen 0, 0, -100, -2, 0
giMask   ftgen 0, 0, -65, -2, 0
giLevels ftgen 0, 0, -25000, -2, 0
giBands  ftgen 0, 0, -16250, -2, 0
instr 98                                ; fills the tables of frames
  ii = 0
  while ii < 25000 do
    ik = ii % 100
    tableiw (0.5 + 0.5*sin(2*$M_PI*(int(ii/100)/250 + 0.13*(ik+1))))/(ik+1), ii, giLevels
    ii += 1
  od
  ii = 0
  while ii < 100 do
    tableiw ii+1, ii, giRatios
    ii += 1
  od
  ii = 0
  while ii < 16250 do
    tableiw 0.1*(0.5 + 0.5*sin(2*$M_PI*(2*int(ii/65)/250 + 0.05*(ii % 65)))), ii, giBands
    ii += 1
  od
endin
opcode Shaped, a, 0                     ; a hop below ksmps would make pvsanal slide, which is slow
  setksmps 64
  an rand 1, 0.5, 1
  fs pvsanal an, 128, 64, 128, 1
  fm pvsmaska fs, giMask, 1
  as pvsynth fm
  xout as
endop
instr 1
  kt timeinsts
  kframe = int(kt*250 + 0.0001) % 250
  if changed2(kframe) == 1 then
    vcopy giNow, giLevels, 100, 0, kframe*100
    vcopy giMask, giBands, 65, 0, kframe*65
  endif
  ahum adsynt2 0.2, 110 + 110*frac(kt), giSine, giRatios, giNow, 100
  arush Shaped
  out ahum + arush
endin
</CsInstruments>
<CsScore>
i98 0 0
i1 0.01 $SECONDS
</CsScore>
</CsoundSynthesizer>
