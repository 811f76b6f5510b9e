// SPDX-License-Identifier: GPL-3.0-or-later
// Levels of the small nodes: decibels, constant power, noise, a track's values, a file's samples.
#include <QTemporaryDir>
#include <QTest>

#include "nodes/control/control_track.h"
#include "nodes/effect/gain.h"
#include "nodes/source/audio_file.h"
#include "nodes/source/noise.h"
#include "nodes/structure/mix.h"
#include "nodes/structure/pan.h"
#include "tests/node_rig.h"

using namespace tests;

namespace {
void setAll(NodeRig& rig, int input, double value) {
  for (int c = 0; c < rig.inputs[at(input)].planes(); ++c)
    for (int i = 0; i < kTick * rig.ticks; ++i) rig.inputs[at(input)].at(0, 0, c)[i] = static_cast<Sample>(value);
}
bool near(double a, double b, double bound) { return std::fabs(a - b) <= bound; }
}  // namespace

class TestLevels : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void gain() {
    const NodeType type = makeNodeType<nodes::Gain>();
    NodeRig rig(type, 1, 48000, 1, 1);
    setAll(rig, nodes::Gain::in, 0.5);
    setAll(rig, nodes::Gain::level, -0.25);
    for (const double db : {-60.0, -6.0, 0.0, 20.0}) {
      setAll(rig, nodes::Gain::gain, db);
      rig.forward({1});
      const double expected = -0.125 * std::pow(10, db / 20);
      QVERIFY(near(rig.outputs[0].at(0, 0, 1)[9], expected, 1e-6 * std::fabs(expected)));
    }
  }

  void panKeepsPower() {
    const NodeType type = makeNodeType<nodes::Pan>();
    NodeRig rig(type, 1, 48000, 1, 1);
    setAll(rig, nodes::Pan::in, 1);
    for (const double position : {-1.0, -0.4, 0.0, 0.7, 1.0}) {
      setAll(rig, nodes::Pan::position, position);
      rig.forward({1});
      const double left = rig.outputs[0].at(0, 0, 0)[3], right = rig.outputs[0].at(0, 0, 1)[3];
      QVERIFY(near(left * left + right * right, 1, 1e-6));
      QVERIFY(near(std::atan2(right, left), (position + 1) * std::numbers::pi / 4, 1e-6));
    }
  }

  void mixKeepsPower() {
    const NodeType type = makeNodeType<nodes::Mix>();
    NodeRig rig(type, 1, 48000, 1, 1);
    setAll(rig, nodes::Mix::levelA, 0);
    setAll(rig, nodes::Mix::levelB, -6);
    for (const double m : {0.0, 0.2, 0.5, 1.0}) {
      setAll(rig, nodes::Mix::balance, m);
      double gains[2];
      for (const int side : {0, 1}) {
        setAll(rig, nodes::Mix::a, side == 0);
        setAll(rig, nodes::Mix::b, side == 1);
        rig.forward({1});
        gains[side] = rig.outputs[0].at(0, 0, 0)[5];
      }
      gains[1] *= std::pow(10, 6.0 / 20);
      QVERIFY(near(gains[0] * gains[0] + gains[1] * gains[1], 1, 1e-6));
      QVERIFY(near(gains[0], std::cos(m * std::numbers::pi / 2), 1e-6));
    }
  }

  void noiseIsEvenAndSeeded() {
    const NodeType type = makeNodeType<nodes::Noise>();
    std::vector<double> first;
    for (const int seed : {1, 2}) {
      NodeRig rig(type, 1, 48000, 2000, 1);
      rig.settings[0].number = seed;
      rig.forward({16});
      const Sample* y = rig.outputs[0].at(0, 0, 0);
      const int n = 2000 * kTick;
      double mean = 0, power = 0, next = 0, cross = 0;
      for (int i = 0; i < n; ++i) {
        mean += y[i] / n;
        power += y[i] * y[i] / n;
        if (i) next += y[i] * y[i - 1] / n;
        if (seed == 2) cross += y[i] * first[at(i)] / n;
        QVERIFY(y[i] >= -1 && y[i] <= 1);
      }
      // five standard deviations of n independent samples
      const double bound = 5 / std::sqrt(n);
      QVERIFY(near(mean, 0, bound * 0.58) && near(power, 1.0 / 3, bound * 0.3) && near(next, 0, bound / 3));
      QVERIFY(near(cross, 0, bound / 3));
      first.assign(y, y + n);
    }
  }

  void trackIsStraightBetweenFrames() {
    using nodes::ControlTrack;
    const NodeType type = makeNodeType<ControlTrack>();
    for (const int scale : {0, 1}) {
      NodeRig rig(type, 1, 48000, 2000, 1);
      rig.settings[ControlTrack::scale].number = scale;
      const auto& values = rig.tensorValues[0];
      rig.forward({16});
      const auto mapped = [&](int frame, int k) {
        const double x = values.data[at(frame * values.shape[1] + k)];
        return scale == 0 ? x : 2 * std::pow(1 / (1 + std::exp(-x)), std::log(10.0)) + 1e-7;
      };
      for (int tick = 0; tick < 2000; ++tick) {
        const double place = std::min((tick + 1) * kTick / 48000.0 * 250, values.shape[0] - 1.0);
        const int from = static_cast<int>(place), to = std::min(from + 1, values.shape[0] - 1);
        for (int k = 0; k < values.shape[1]; ++k) {
          const double expected = mapped(from, k) + (place - from) * (mapped(to, k) - mapped(from, k));
          QVERIFY(near(rig.outputs[0].at(0, tick)[k], expected, 1e-5));
        }
      }
    }
  }

  void filePlaysSampleBySample() {
    using nodes::AudioFile;
    QTemporaryDir folder;
    const std::string path = folder.filePath("ramp.wav").toStdString();
    AudioData audio{48000, {std::vector<float>(100)}};
    for (std::size_t i = 0; i < 100; ++i) audio.channels[0][i] = 0.01F * static_cast<float>(i + 1);
    QVERIFY(writeAudio(path, audio, AudioFormat::wav32f).has_value());
    const NodeType type = makeNodeType<AudioFile>();
    for (const int end : {int(AudioFile::stop), int(AudioFile::loop)})
      for (const double speed : {0.5, 1.0, 2.0}) {
        NodeRig rig(type, 1, 48000, 8, 1);
        rig.settings[AudioFile::file].text = path;
        rig.settings[AudioFile::end].number = end;
        rig.prepare();
        QVERIFY2(rig.error.empty(), rig.error.c_str());
        setAll(rig, AudioFile::gate, 0);
        for (int i = 20; i < 512; ++i) rig.inputs[AudioFile::gate].at(0, 0, 0)[i] = 1;
        setAll(rig, AudioFile::speed, speed);
        setAll(rig, AudioFile::level, 0);
        rig.reset();
        rig.forward({3});
        for (int i = 0; i < 512; ++i) {
          double place = (i - 20) * speed;
          if (end == AudioFile::loop) place = std::fmod(place, 100);
          if (i >= 20 && place > 1 && place <= 97)  // the cubic is exact on a straight line
            QVERIFY(near(rig.outputs[1].at(0, 0, 0)[i], 0.01 * (place + 1), 1e-5));
          if (i < 20 || place >= 100) QCOMPARE(rig.outputs[0].at(0, 0, 0)[i], 0.0_s);
        }
      }
    NodeRig rig(type, 1, 48000, 1, 1);
    rig.settings[AudioFile::file].text = path + ".missing";
    rig.prepare();
    QVERIFY(rig.error.find(".missing") != std::string::npos);
  }
};

QTEST_APPLESS_MAIN(TestLevels)
#include "tst_levels.moc"
