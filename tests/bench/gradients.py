# SPDX-License-Identifier: GPL-3.0-or-later
"""Gradient steps in PyTorch: gradients.py {g1,g2tiny,g2full,g3} [BATCH] [THREADS]. Prints the seconds of one step (median of
five; of g2, three): of the processor, with several threads by the clock. g1: DDSP voice of 4 s at 16 kHz (100 harmonics, 65 noise bands, reverb of 1 s), all free.
g3: saw through a time-varying low-pass and an envelope, 2 s at 44.1 kHz, twelve numbers free; the recursion and
its hand-derived adjoint are scalar TorchScript loops. g2: the voice of g1 driven by the DDSP decoder, full (dense stacks of
3 x 512, GRU 512) or tiny (GRU 256 and a linear layer); the targets' spectra are computed anew, as in training. Loss: magnitudes and their logarithms over six sizes."""
import math
import sys
import time

import torch
import torch.nn.functional as F

threads = int(sys.argv[3]) if len(sys.argv) > 3 else 1
torch.set_num_threads(threads)
torch.manual_seed(0)
torch.set_flush_denormal(True)
what, batch = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
SIZES = (2048, 1024, 512, 256, 128, 64)
WINDOWS = {n: torch.hann_window(n) for n in SIZES}


def magnitudes(x):
    out = []
    for n in SIZES:  # 75 % overlap
        hop = n // 4
        frames = -(-x.shape[-1] // hop)
        padded = F.pad(x, (0, (frames - 1) * hop + n - x.shape[-1]))
        out.append(torch.stft(padded, n, hop, window=WINDOWS[n], center=False, return_complex=True).abs())
    return out


def distance(x, target):
    return sum((a - b).abs().mean() + (torch.log(a + 1e-5) - torch.log(b + 1e-5)).abs().mean()
               for a, b in zip(magnitudes(x), target))


def good_size(n):
    while True:
        rest = n
        for p in (2, 3, 5):
            while rest % p == 0:
                rest //= p
        if rest == 1:
            return n
        n += 1


class Decoder(torch.nn.Module):
    """Pitch and loudness, each through a dense stack, a GRU, and a stack that sees all three; without stacks
    the GRU alone. Out: level, harmonics, noise bands."""

    def __init__(self, width, layers):
        super().__init__()

        def stack(size):
            parts = []
            for _ in range(layers):
                parts += [torch.nn.Linear(size, width), torch.nn.LayerNorm(width), torch.nn.LeakyReLU(0.2)]
                size = width
            return torch.nn.Sequential(*parts), size

        self.pitch, size = stack(1)
        self.loudness, _ = stack(1)
        self.recurrent = torch.nn.GRU(2 * size, width, batch_first=True)
        self.after, size = stack(2 * size + width) if layers else (None, width)
        self.head = torch.nn.Linear(size, 166)

    def forward(self, pitch, loudness):
        seen = [self.pitch(pitch), self.loudness(loudness)]
        y, _ = self.recurrent(torch.cat(seen, -1))
        return self.head(self.after(torch.cat(seen + [y], -1)) if self.after else y)


def ddsp_voice():
    rate, hop, frames, count = 16000, 64, 1000, 100
    k = torch.arange(1, count + 1, dtype=torch.float32)
    f0 = torch.full((batch, frames, 1), 220.0) * 2 ** (torch.arange(batch).view(-1, 1, 1) / 12.0)
    phase = torch.remainder(torch.cumsum(f0.repeat_interleave(hop, 1).double() / rate, 1), 1.0).float()
    fade = 0.5 - 0.5 * torch.cos(math.pi * torch.arange(hop) / hop)  # between two frames
    shape = lambda x: 2.0 * torch.sigmoid(x) ** math.log(10.0) + 1e-7
    if what == "g1":
        free = [torch.nn.Parameter(torch.zeros(batch, frames, n)) for n in (1, count, 65)]
        controls = lambda: free
    else:
        decoder = Decoder(512, 3) if what == "g2full" else Decoder(256, 0)
        free = list(decoder.parameters())
        loudness = torch.sin(torch.arange(frames) / 100).view(1, -1, 1).expand(batch, -1, -1)
        controls = lambda: decoder(torch.log2(f0 / 440), loudness).split((1, count, 65), -1)
    room = torch.nn.Parameter(torch.randn(rate) * 1e-4 * torch.exp(-torch.arange(float(rate)) / rate * 4))
    dry = torch.ones(rate)
    dry[0] = 0

    def synth():
        level, levels, bands = controls()
        a = shape(levels) * (f0 * k < rate / 2)
        a = shape(level) * a / (a.sum(-1, keepdim=True) + 1e-8)
        sines = torch.sin(2 * math.pi * (phase * k)).view(batch, frames, hop, count)
        change = torch.cat([a[:, 1:], a[:, -1:]], 1) - a
        sums = torch.matmul(sines, torch.stack([a, change], -1))  # a batched matrix product: faster than [time x 100]
        y = (sums[..., 0] + sums[..., 1] * fade).reshape(batch, frames * hop)
        taps = torch.roll(torch.fft.irfft(shape(bands - 5.0), n=128), 64, -1) * torch.hann_window(128)
        noise = torch.rand(batch, frames, hop) * 2 - 1
        pieces = torch.fft.irfft(torch.fft.rfft(noise, n=256) * torch.fft.rfft(taps, n=256), n=256)
        pieces = pieces.view(batch, frames, 4, hop)
        out = pieces.new_zeros(batch, frames + 3, hop)
        for r in range(4):
            out[:, r:r + frames] += pieces[:, :, r]
        y = y + out.reshape(batch, -1)[:, 64:64 + frames * hop]
        n = good_size(y.shape[-1] + rate)
        return y + torch.fft.irfft(torch.fft.rfft(y, n=n) * torch.fft.rfft(room * dry, n=n), n=n)[..., :y.shape[-1]]

    t = torch.arange(frames * hop) / rate
    sound = 0.3 * torch.sin(2 * math.pi * 220 * t).expand(batch, -1)
    known = magnitudes(sound)
    optimiser = torch.optim.Adam([dict(params=free, lr=3e-2 if what == "g1" else 1e-3), dict(params=[room], lr=2e-4)])
    return synth, (lambda: known) if what == "g1" else (lambda: magnitudes(sound)), optimiser


def forward_loop(x: list[float], b0: list[float], b1: list[float], b2: list[float], a1: list[float], a2: list[float]):
    out: list[float] = []
    s1 = 0.0
    s2 = 0.0
    for n in range(len(x)):  # transposed direct form II
        y = b0[n] * x[n] + s1
        s1 = b1[n] * x[n] - a1[n] * y + s2
        s2 = b2[n] * x[n] - a2[n] * y
        out.append(y)
    return out


def backward_loop(g: list[float], a1: list[float], a2: list[float]):
    q1 = 0.0
    q2 = 0.0
    first: list[float] = []
    second: list[float] = []
    total: list[float] = []
    for i in range(len(g)):
        n = len(g) - 1 - i
        d = g[n] - a1[n] * q1 - a2[n] * q2
        first.append(q1)
        second.append(q2)
        total.append(d)
        q2 = q1
        q1 = d
    return first, second, total


def filtered_saw():
    rate, length = 44100, 88200
    forward, backward = torch.jit.script(forward_loop), torch.jit.script(backward_loop)

    class Biquad(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, b0, b1, b2, a1, a2):
            y = torch.tensor(forward(*[v.tolist() for v in (x, b0, b1, b2, a1, a2)]))
            ctx.save_for_backward(x, b0, b1, b2, a1, a2, y)
            return y

        @staticmethod
        def backward(ctx, g):
            x, b0, b1, b2, a1, a2, y = ctx.saved_tensors
            q1, q2, d = [torch.tensor(v).flip(0) for v in backward(*[v.tolist() for v in (g, a1, a2)])]
            return b0 * d + b1 * q1 + b2 * q2, x * d, x * q1, x * q2, -y * q1, -y * q2

    t = torch.arange(length) / rate
    k = torch.arange(1, 101, dtype=torch.float32)

    def adsr(p):  # attack, decay, sustain, release; the gate closes after 1.2 s
        attack, decay = (t / p[0]).clamp(0, 1), ((t - p[0]) / p[1]).clamp(0, 1)
        return (attack - (1 - p[2]) * decay) * (1 - ((t - 1.2) / p[3]).clamp(0, 1))

    def patch(cutoff, amount, q, first, second, gain):
        x = (torch.sin(2 * math.pi * 220 * torch.outer(t, k)) / k).sum(1) / math.pi
        w = 2 * math.pi * (cutoff + amount * adsr(first)).clamp(30, 18000) / rate
        alpha, c = torch.sin(w) / (2 * q), torch.cos(w)
        b0 = (1 - c) / 2 / (1 + alpha)
        y = Biquad.apply(x, b0, 2 * b0, b0, -2 * c / (1 + alpha), (1 - alpha) / (1 + alpha))
        return (y * adsr(second) * gain).unsqueeze(0)

    goal = [torch.tensor(v) for v in (300., 5000., 3.0, [0.02, 0.3, 0.5, 0.3], [0.01, 0.2, 0.6, 0.4], 0.8)]
    with torch.no_grad():
        target = magnitudes(patch(*goal))
    start = (600., 2500., 1.5, [0.05, 0.15, 0.7, 0.2], [0.03, 0.3, 0.8, 0.3], 0.5)
    logs = [torch.nn.Parameter(torch.log(torch.tensor(v))) for v in start]
    return lambda: patch(*[p.exp() for p in logs]), lambda: target, torch.optim.Adam(logs, lr=3e-2)


synth, target, optimiser = filtered_saw() if what == "g3" else ddsp_voice()
now = time.process_time if threads == 1 else time.perf_counter
times = []
for i in range(5 if what.startswith("g2") else 7):
    began = now()
    optimiser.zero_grad(set_to_none=True)
    loss = distance(synth(), target())
    loss.backward()
    if what.startswith("g2"):
        torch.nn.utils.clip_grad_norm_(optimiser.param_groups[0]["params"], 3.0)
    optimiser.step()
    if i >= 2:  # the first two warm up
        times.append(now() - began)
print(sorted(times)[len(times) // 2])
