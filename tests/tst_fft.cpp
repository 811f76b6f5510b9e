// SPDX-License-Identifier: GPL-3.0-or-later
// links: core
// Transforms of two real signals at once against one transform each.
#include <QtTest>

#include "core/dsp/pair_fft.h"
#include "core/dsp/white_noise.h"

using namespace core;

class TestFft : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void pairs_data() {
    QTest::addColumn<int>("size");
    for (const int size : {16, 20, 64, 66, 94, 2048}) QTest::addRow("%d", size) << size;
  }
  void pairs() {
    QFETCH(int, size);
    const auto length = static_cast<std::size_t>(size);
    const RealFft single(size);
    PairFft pair(size);
    PairSpectra spectra = pair.spectra();
    std::vector<Sample> x(2 * length);
    whiteNoise(1, 0, 0, 2 * size, x.data());
    std::copy(x.begin(), x.end(), pair.time());
    pair.forward(spectra);
    for (std::size_t s = 0; s < 2; ++s) {
      std::vector<Sample> one(length);
      for (std::size_t n = 0; n < length; ++n) one[n] = x[2 * n + s];
      std::vector<std::complex<Sample>> bins(length / 2 + 1);
      single.forward(one.data(), bins.data());
      for (std::size_t k = 0; k < bins.size(); ++k)
        QVERIFY(std::abs(bins[k] - std::complex<Sample>(spectra.re[s][k], spectra.im[s][k])) <
                2e-6F * static_cast<float>(size));
      for (std::size_t k = bins.size(); k < static_cast<std::size_t>(pair.row()); ++k)
        QVERIFY(spectra.re[s][k] == 0 && spectra.im[s][k] == 0);
    }
    std::fill_n(pair.time(), 2 * length, 0.0F);
    pair.inverse(spectra);
    for (std::size_t n = 0; n < x.size(); ++n)
      QVERIFY(std::fabs(pair.time()[n] / static_cast<float>(size) - x[n]) < 1e-5F);
  }
};

QTEST_GUILESS_MAIN(TestFft)
#include "tst_fft.moc"
