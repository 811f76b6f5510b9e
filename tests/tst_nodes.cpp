// SPDX-License-Identifier: GPL-3.0-or-later
// What every registered node must hold, whatever it is: metadata, splits and lanes bit for bit,
// extremes, reset. A new node is tested without touching this file.
#include <QTest>
#include <set>

#include "nodes/registry.h"
#include "tests/node_rig.h"

using namespace tests;

namespace {
const core::Registry& registry() {
  static const core::Registry r = nodes::makeRegistry();
  return r;
}
void rows() {
  QTest::addColumn<int>("type");
  QTest::addColumn<double>("rate");
  for (int t = 0; t < static_cast<int>(registry().types().size()); ++t)
    for (const double rate : {44100.0, 48000.0, 96000.0})
      QTest::addRow("%s @ %g Hz", std::string(registry().types()[at(t)].info.id).c_str(), rate) << t << rate;
}
std::vector<Sample> outputsOf(const NodeRig& rig, int lane = -1) {
  std::vector<Sample> all;
  for (const SignalBuffer& b : rig.outputs)
    for (int c = 0; c < b.planes(); ++c)
      for (int i = 0; i < b.tickSize() * rig.ticks; ++i)
        if (lane < 0 || i % rig.lanes == lane) all.push_back(b.at(0, 0, c)[i]);
  return all;
}
QByteArray firstDifference(const std::vector<Sample>& a, const std::vector<Sample>& b) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    if (std::memcmp(&a[i], &b[i], sizeof(Sample)) != 0)
      return QByteArray("sample ") + QByteArray::number(static_cast<qulonglong>(i)) + ": " +
             QByteArray::number(static_cast<double>(a[i]), 'g', 10) + " against " +
             QByteArray::number(static_cast<double>(b[i]), 'g', 10);
  return a.size() == b.size() ? QByteArray() : QByteArray("different lengths");
}
}  // namespace

class TestNodes : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void metadata_data() {
    QTest::addColumn<int>("type");
    for (int t = 0; t < static_cast<int>(registry().types().size()); ++t)
      QTest::addRow("%s", std::string(registry().types()[at(t)].info.id).c_str()) << t;
  }
  void metadata() {
    QFETCH(int, type);
    const NodeType& t = registry().types()[at(type)];
    QVERIFY(!t.info.id.empty() && !t.info.name.empty() && t.info.help.ends_with("."));
    std::set<std::string_view> ids;
    for (const Input& i : t.inputs) {
      QVERIFY2(ids.insert(i.id).second, i.id.data());
      QVERIFY2(!i.name.empty() && i.help.ends_with("."), i.id.data());
      QVERIFY2(i.unit == Unit::none || i.isParameter(), i.id.data());
      if (!i.isParameter()) continue;
      QVERIFY2(i.def >= i.min && i.def <= i.max, i.id.data());
      QVERIFY2(i.scale != Scale::log || i.min > 0, i.id.data());
    }
    for (const Setting& s : t.settings) QVERIFY2(!s.name.empty() && s.help.ends_with("."), s.id.data());
    for (const Tensor& s : t.tensors) QVERIFY2(!s.name.empty() && s.help.ends_with("."), s.id.data());
  }

  void split_data() { rows(); }
  void split() {
    QFETCH(int, type);
    QFETCH(double, rate);
    NodeRig rig(registry().types()[at(type)], 1, rate, 13, 11);
    QVERIFY2(rig.error.empty(), rig.error.c_str());
    rig.forward({13});
    const auto whole = outputsOf(rig);
    for (const std::vector<int>& pieces : {std::vector<int>{1}, {2, 3, 1}, {5}}) {
      rig.reset();
      rig.forward(pieces);
      const QByteArray difference = firstDifference(whole, outputsOf(rig));
      QVERIFY2(difference.isEmpty(), difference.constData());
    }
  }

  void lanes_data() { rows(); }
  void lanes() {
    QFETCH(int, type);
    QFETCH(double, rate);
    NodeRig one(registry().types()[at(type)], 1, rate, 7, 5);
    QVERIFY2(one.error.empty(), one.error.c_str());
    for (const int lanes : {4, 8}) {
      NodeRig many(one.type, lanes, rate, 7, 6);
      for (int l = 0; l < lanes; ++l) {
        for (std::size_t i = 0; i < many.inputs.size(); ++i) {
          const bool audio = one.type.inputs[i].rate == Rate::audio;
          const int count = audio ? kTick : one.inputWidths[i];
          for (int c = 0; c < one.inputs[i].planes(); ++c)
            for (int t = 0; t < one.ticks; ++t)
              for (int k = 0; k < count; ++k) one.inputs[i].at(0, t, c)[k] = many.inputs[i].at(0, t, c)[k * lanes + l];
        }
        one.tensorValues = many.tensorValues;
        one.setup.tensors = one.tensorValues;
        one.packTensors();
        one.prepare();
        one.reset();
        one.forward({3});
        if (l == 0) many.forward({2});
        for (std::size_t o = 0; o < many.outputs.size(); ++o) {
          const bool audio = one.type.outputs[o].rate == Rate::audio;
          const int count = audio ? kTick : one.outputWidths[o];
          for (int c = 0; c < one.outputs[o].planes(); ++c)
            for (int t = 0; t < one.ticks; ++t)
              for (int k = 0; k < count; ++k) {
                const Sample a = one.outputs[o].at(0, t, c)[k], b = many.outputs[o].at(0, t, c)[k * lanes + l];
                QVERIFY2(std::memcmp(&a, &b, sizeof a) == 0,
                         qPrintable(QString("output %1, lane %2 of %3, tick %4, item %5: %6 against %7")
                                        .arg(o)
                                        .arg(l)
                                        .arg(lanes)
                                        .arg(t)
                                        .arg(k)
                                        .arg(double(a), 0, 'g', 10)
                                        .arg(double(b), 0, 'g', 10)));
              }
        }
      }
    }
  }

  void extremes_data() { rows(); }
  void extremes() {
    QFETCH(int, type);
    QFETCH(double, rate);
    for (const int values : {1, 2, 3, 0}) {
      NodeRig rig(registry().types()[at(type)], 8, rate, 40, 3, values);
      QVERIFY2(rig.error.empty(), rig.error.c_str());
      rig.forward({4});
      for (const Sample y : outputsOf(rig))
        QVERIFY2(std::isfinite(y) && std::fabs(y) < 1e4, qPrintable(QString::number(double(y))));
      for (auto& d : rig.dOutputs)
        for (int c = 0; c < d.planes(); ++c)
          for (int i = 0; i < d.tickSize() * rig.ticks; ++i) d.at(0, 0, c)[i] = 1;
      if (rig.type.info.backwardTicks == 0) {
        rig.reset();
        rig.forward({40});
      }
      rig.backward();
      for (std::size_t k = 0; k < rig.dInputs.size(); ++k)
        for (int c = 0; c < rig.dInputs[k].planes(); ++c)
          for (int i = 0; i < rig.dInputs[k].tickSize() * rig.ticks; ++i)
            QVERIFY2(std::isfinite(rig.dInputs[k].at(0, 0, c)[i]), rig.type.inputs[k].id.data());
    }
  }

  void reset_data() { rows(); }
  void reset() {
    QFETCH(int, type);
    QFETCH(double, rate);
    NodeRig rig(registry().types()[at(type)], 4, rate, 5, 9);
    rig.forward({5});
    const auto first = outputsOf(rig);
    rig.reset();
    rig.forward({5});
    const QByteArray difference = firstDifference(first, outputsOf(rig));
    QVERIFY2(difference.isEmpty(), difference.constData());
  }

  void speed_data() {
    QTest::addColumn<int>("type");
    for (int t = 0; t < static_cast<int>(registry().types().size()); ++t)
      QTest::addRow("%s", std::string(registry().types()[at(t)].info.id).c_str()) << t;
  }
  void speed() {  // printed, never judged
    QFETCH(int, type);
    NodeRig rig(registry().types()[at(type)], 8, 48000, 16, 3);
    QBENCHMARK { rig.forward({16}); }
  }
};

QTEST_APPLESS_MAIN(TestNodes)
#include "tst_nodes.moc"
