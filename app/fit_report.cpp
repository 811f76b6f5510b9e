// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/fit_report.h"

#include <QImage>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/analysis/stft.h"

namespace app {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kWidth = 900, kHeight = 260, kGap = 12, kSize = 2048;
constexpr double kRange = 80, kTopHz = 12000;

/// Black over violet and orange to pale yellow, even steps of lightness.
QRgb heat(double u) {
  u = std::clamp(u, 0.0, 1.0);
  const auto channel = [](double v) { return static_cast<int>(std::lround(255 * std::clamp(v, 0.0, 1.0))); };
  return qRgb(channel(1.6 * u), channel(std::pow(u, 1.8)),
              channel(0.08 + 0.9 * std::sin(3.1 * u) * (1 - u) + std::pow(u, 6)));
}

void paint(QImage& image, int top, const core::AudioData& audio, double loudest) {
  const auto mono = audio.folded();
  const std::vector<double> x(mono.begin(), mono.end());
  const int hop = std::max(1, static_cast<int>(x.size()) / kWidth);
  const core::Spectrogram s = core::spectrogram(x, kSize, hop);
  const double topMel = std::log1p(kTopHz / 700);
  for (int px = 0; px < kWidth; ++px) {
    const auto row = s.row(std::min(px, s.frames - 1));
    for (int py = 0; py < kHeight; ++py) {
      const double hz = 700 * std::expm1(topMel * (kHeight - 1 - py) / kHeight);
      const double bin = std::min<double>(hz / audio.rate * kSize, s.bins - 2);
      const auto k = static_cast<std::size_t>(bin);
      const double magnitude = row[k] + (bin - static_cast<double>(k)) * (row[k + 1] - row[k]);
      image.setPixel(px, top + py, heat(1 + 20 * std::log10(std::max(magnitude / loudest, 1e-9)) / kRange));
    }
  }
}

double loudestBin(const core::AudioData& audio) {
  const auto mono = audio.folded();
  const core::Spectrogram s = core::spectrogram(std::vector<double>(mono.begin(), mono.end()), kSize, kSize / 2);
  return std::max(1e-9, *std::max_element(s.values.begin(), s.values.end()));
}

}  // namespace

std::string fitReport(const core::FitResult& r, const core::Comparison& comparison) {
  Json j{{"steps", r.steps}, {"seconds", r.seconds}, {"f0_hz", r.f0}, {"onset_s", r.onset}, {"cancelled", r.cancelled}};
  j["terms"] = Json::array();
  for (const core::FitTerm& t : r.terms) j["terms"].push_back({{"name", t.name}, {"start", t.start}, {"end", t.end}});
  j["free"] = Json::array();
  for (const core::FitChange& c : r.changes)
    j["free"].push_back({{"name", c.name}, {"unit", c.unit}, {"before", c.before}, {"after", c.after}});
  j["warnings"] = r.warnings;
  for (const core::Measure& m : core::measures(comparison)) j["measures"][std::string(m.key)] = m.value;
  j["curve"] = r.curve;
  return j.dump(1) + "\n";
}

core::Result<void> writeSpectrograms(const std::filesystem::path& png, const core::AudioData& target,
                                     const core::AudioData& result) {
  QImage image(kWidth, 2 * kHeight + kGap, QImage::Format_RGB32);
  image.fill(qRgb(0x14, 0x16, 0x1a));
  const double loudest = loudestBin(target);
  paint(image, 0, target, loudest);
  paint(image, kHeight + kGap, result, loudest);
  if (!image.save(QString::fromStdString(png.string()), "PNG"))
    return core::Error{"Cannot write \"" + png.string() + "\"; choose another place or free some space."};
  return {};
}

}  // namespace app
