// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/neural/transfer.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/analysis/quantile.h"
#include "core/analysis/target.h"
#include "core/file/recordings.h"
#include "core/neural/lag.h"
#include "core/neural/transfer_features.h"

namespace core {
namespace {
constexpr double kGateUnderPeak = 45;  // dB under the loudest: the gate's level
constexpr double kEnoughInside = 0.9;
constexpr double kLeastWait = 0.0005, kMostWait = 0.02;  // s: of the level for the pitch
constexpr double kListenPart = 0.3;                      // of a transfer's time, about

AudioData monoSound(const AudioData& source, double rate) { return resample(asHeard(source), rate); }

/// Progress of a stage as a stretch of the whole.
std::function<bool(double)> stretch(const std::function<bool(double)>& whole, double from, double to) {
  if (!whole) return {};
  return [&whole, from, to](double done) { return whole(from + done * (to - from)); };
}

/// Loudness of the source onto that of the training: mean and spread of what sounds; narrower when
/// that leaves too much outside the range. Quieter than what sounds only shifts.
void matchLoudness(const SourceFeatures& f, const TrainedRange& r, PatchNode& knobs, TransferReport& report) {
  const std::vector<double> x = f.sounding(f.loudness);
  if (x.empty()) return;
  const double quiet = std::clamp(quantile(x, 0.02), -100.0, 0.0);
  const double mean = meanOf(x), spread = std::max(spreadOf(x), 0.5);
  double range = std::clamp(r.loudnessSpread / spread, 0.1, 4.0), to = r.loudnessMean;
  const auto inside = [&] {
    return std::count_if(x.begin(), x.end(), [&](double v) {
      const double y = to + range * (v - mean);
      return y >= r.loudnessLow && y <= r.loudnessHigh;
    });
  };
  if (static_cast<double>(inside()) < kEnoughInside * static_cast<double>(x.size())) {
    const double low = quantile(x, 0.03), high = quantile(x, 0.97);
    range = std::clamp((r.loudnessHigh - r.loudnessLow) / std::max(high - low, 1.0), 0.1, range);
    to = std::clamp(to, r.loudnessLow + range * (mean - low), r.loudnessHigh - range * (high - mean));
  }
  // above quiet the conditioner gives x + offset + (range - 1)(x - quiet)
  const double offset = std::clamp(to - mean - (range - 1) * (mean - quiet), -60.0, 60.0);
  knobs.values["range"] = range;
  knobs.values["quiet"] = quiet;
  knobs.values["offset"] = offset;
  report.loudnessRange = range;
  report.loudnessOffset = to - mean;
}

void setTuning(const SourceFeatures& f, double amount, PatchNode& knobs, TransferReport& report) {
  const Tuning t = findTuning(f);
  knobs.values["autotune"] = amount;
  knobs.values["tuning"] = t.cents;
  knobs.settings["scale"].text = "major";
  knobs.settings["tonic"].text = t.tonic;
  report.tuningCents = t.cents;
  report.key = t.tonic + " major";
}

/// How much of what sounds the conditioned features leave inside the trained range.
void countInside(const SourceFeatures& f, const TrainedRange& r, TransferReport& report) {
  const auto share = [&](const std::vector<double>& x, double low, double high) {
    const auto in = std::count_if(x.begin(), x.end(), [&](double v) { return v >= low && v <= high; });
    return x.empty() ? 0.0 : static_cast<double>(in) / static_cast<double>(x.size());
  };
  const std::vector<double> pitches = f.pitches();
  report.pitchFound = !pitches.empty();
  report.insidePitch = share(pitches, r.pitchLow, r.pitchHigh);
  report.insideLoudness = share(f.sounding(f.loudness), r.loudnessLow, r.loudnessHigh);
  report.soundingShare = f.soundingShare();
}

/// A tone of twelve harmonics at the mean pitch, its level moving by two slow waves; dB of the level
/// in the middle are 0.
std::vector<float> calibrationTone(const TrainedRange& r, double rate, double seconds) {
  const double hertz = kC4Hz * std::exp2(r.pitchMean);
  const double swing = std::clamp(0.7 * r.loudnessSpread, 2.0, 6.0);
  std::vector<float> x(static_cast<std::size_t>(seconds * rate));
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double t = static_cast<double>(i) / rate;
    const double turn = 2 * std::numbers::pi * t;
    const double db = swing * (0.6 * std::sin(2.3 * turn) + 0.4 * std::sin(5.1 * turn + 1));
    double sum = 0;
    for (int k = 1; k <= 12 && k * hertz < 0.45 * rate; ++k) sum += std::sin(turn * hertz * k + 0.7 * k) / k;
    x[i] = static_cast<float>(0.1 * std::pow(10, db / 20) * sum);
  }
  return x;
}
}  // namespace

Result<std::optional<double>> measureLatency(const Patch& model, const Registry& registry) {
  constexpr double kSeconds = 4, kSettle = 0.6, kHop = 0.001, kWindow = 0.02;
  constexpr int kMostLag = 80;      // ms
  constexpr double kFollows = 0.6;  // correlation
  const auto range = trainedRange(model, registry);
  if (!range) return range.error();
  Patch dry = model;
  if (auto without = withoutReverb(model, registry)) dry = std::move(*without);  // a room smears levels
  const std::vector<float> x = calibrationTone(*range, model.rate, kSeconds);
  // what was trained in a room knows sounds as they are in it, and plays them as they were before
  auto there = inTrainedRoom(model, registry, x);
  if (!there) return there.error();
  std::vector<float>& in = *there;
  const auto heard = listenTo(model, registry, in);
  if (!heard) return heard.error();
  const auto gain = std::pow(10, (range->loudnessMean - quantile(heard->loudness, 0.5)) / 20);
  for (float& v : in) v = static_cast<float>(v * std::min(gain, 9.0));
  const auto y = play(dry, registry, in, in.size());
  if (!y) return y.error();
  const auto levels = [&](const std::vector<float>& sound) {
    std::vector<double> db;
    const std::vector<double> s(sound.begin(), sound.end());
    for (const double v : envelope(s, model.rate, kHop, kWindow).rms) db.push_back(20 * std::log10(v + 1e-6));
    return db;
  };
  const std::vector<double> a = levels(x), b = levels(*y);
  const auto first = static_cast<int>(kSettle / kHop),
             last = static_cast<int>(std::min(a.size(), b.size())) - kMostLag - 20;
  const auto alike = [&](int lag) {  // correlation of a[i] with b[i + lag]
    double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
    const double n = last - first;
    for (int i = first; i < last; ++i) {
      const double p = a[static_cast<std::size_t>(i)], q = b[static_cast<std::size_t>(i + lag)];
      sa += p, sb += q, saa += p * p, sbb += q * q, sab += p * q;
    }
    const double spread = (saa - sa * sa / n) * (sbb - sb * sb / n);
    return spread > 1e-9 ? (sab - sa * sb / n) / std::sqrt(spread) : 0.0;
  };
  int best = 0;
  for (int lag = 0; lag <= kMostLag; ++lag)
    if (alike(lag) > alike(best)) best = lag;
  const double c = alike(best);
  if (c < kFollows) return std::optional<double>();
  double lag = best;
  const double before = alike(best - 1), after = alike(best + 1), bend = before - 2 * c + after;
  if (bend < -1e-12) lag += std::clamp(0.5 * (before - after) / bend, -0.5, 0.5);
  // a note is played as soon as its pitch is known: in a room that may be later than its level
  const auto lags = measureLags(model, registry);
  if (!lags) return lags.error();
  return std::optional(std::max({0.0, lag * kHop, lags->pitch}));
}

Result<AudioData> openLoop(const Patch& model, const AudioData& source, const Registry& registry, double latencySeconds,
                           const std::function<bool(double)>& progress) {
  const AudioData x = monoSound(source, model.rate);
  const auto late = static_cast<std::size_t>(std::lround(latencySeconds * model.rate));
  auto y = play(model, registry, x.channels[0], x.frames() + late, progress);
  if (!y) return y.error();
  y->erase(y->begin(), y->begin() + static_cast<std::ptrdiff_t>(late));
  return AudioData{model.rate, {std::move(*y)}};
}

Result<Conditioned> condition(const Patch& model, const AudioData& source, const Registry& registry,
                              const TransferOptions& options) {
  const auto range = trainedRange(model, registry);
  if (!range) return range.error();
  if (auto done = checkTrained(model, registry); !done) return done.error();
  if (auto heard = checkRecording(source); !heard) return heard.error();
  Conditioned c{model, *range, {}, {}, {}};
  if (options.noReverb) {
    auto dry = withoutReverb(model, registry);
    if (!dry) return dry.error();
    c.patch = std::move(*dry);
  }
  const auto id = insertConditioner(c.patch, registry);
  if (!id) return id.error();
  const AudioData x = monoSound(source, model.rate);
  const auto features = listenTo(model, registry, x.channels[0], stretch(options.progress, 0, 0.5));
  if (!features) return features.error();
  c.pitchLag = pitchLag(*features, x.channels[0], model.rate);
  PatchNode& knobs = *c.patch.find(*id);
  if (options.octaveAuto || options.octave) {
    c.report.octave = options.octave ? *options.octave : bestOctave(*features, *range);
    knobs.values["octave"] = c.report.octave;
  }
  if (options.matchLoudness) matchLoudness(*features, *range, knobs, c.report);
  if (options.autotune > 0) setTuning(*features, options.autotune, knobs, c.report);
  if (options.gate) {
    knobs.values["gate"] = 1;
    knobs.values["sure"] = 0.5;
    knobs.values["floor"] = std::clamp(features->loudest - kGateUnderPeak, -100.0, 0.0);
    if (auto done = insertGate(c.patch, registry, *id); !done) return done.error();
  }
  auto conditioned = listenTo(c.patch, registry, x.channels[0], stretch(options.progress, 0.5, 1));
  if (!conditioned) return conditioned.error();
  countInside(*conditioned, *range, c.report);
  c.features = std::move(*conditioned);
  return c;
}

Result<Transferred> transfer(const Patch& model, const AudioData& source, const Registry& registry,
                             const TransferOptions& options) {
  TransferOptions listening = options;
  listening.progress = stretch(options.progress, 0, kListenPart);
  auto by = condition(model, source, registry, listening);
  if (!by) return by.error();
  Transferred t{std::move(*by), {}};
  TransferReport& report = t.report;
  const auto latency = measureLatency(model, registry);
  if (!latency) return latency.error();
  report.latencyMeasured = latency->has_value();
  report.latencySeconds = latency->value_or(0);
  Patch player = t.patch;  // what plays live does not wait
  if (const double wait = t.pitchLag.value_or(0) - report.latencySeconds; wait >= kLeastWait) {
    report.waitSeconds = std::min(wait, kMostWait);
    if (auto done = waitForPitch(player, registry, report.waitSeconds); !done) return done.error();
  }
  const auto y = openLoop(player, source, registry, report.latencySeconds + report.waitSeconds,
                          stretch(options.progress, kListenPart, 1));
  if (!y) return y.error();
  t.sound = resample(*y, source.rate);
  std::vector<float>& out = t.sound.channels[0];
  out.resize(source.frames(), 0.0F);
  t.sound.rate = source.rate;
  if (options.wet < 1) {
    const std::vector<float> original = source.folded();
    const auto wet = static_cast<float>(std::sqrt(options.wet)), dry = static_cast<float>(std::sqrt(1 - options.wet));
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = wet * out[i] + dry * original[i];
  }
  return t;
}

}  // namespace core
