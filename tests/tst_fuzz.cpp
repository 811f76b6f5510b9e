// SPDX-License-Identifier: GPL-3.0-or-later
// Damaged patches, sounds, MIDI files and typed values: whatever comes in, out comes a value or one
// sentence, and a patch that compiles also plays finite sound. Fixed seed, so that a failure repeats;
// meant to run under sanitizers (tests/run.sh). TONEWRIGHT_FUZZ_ROUNDS: more rounds than the default.
#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <random>

#include "core/file/audio_file.h"
#include "core/file/midi_file.h"
#include "core/graph/render.h"
#include "core/graph/units.h"
#include "nodes/registry.h"
#include "presets/patch_file.h"

using namespace core;

namespace {
int rounds(int otherwise) {
  const int wanted = qEnvironmentVariableIntValue("TONEWRIGHT_FUZZ_ROUNDS");
  return wanted > 0 ? wanted : otherwise;
}

bool isSentence(const std::string& s) { return s.size() > 12 && s.back() == '.' && s.find('\n') == std::string::npos; }

QByteArray bytesOf(const QString& path) {
  QFile f(path);
  return f.open(QIODevice::ReadOnly) ? f.readAll() : QByteArray();
}

class Damage {
 public:
  explicit Damage(unsigned seed) : random_(seed) {}
  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(std::max(1, n))); }

  /// Flips, cuts, repeats and overwrites bytes.
  QByteArray bytes(QByteArray b) {
    for (int i = 1 + below(4); i > 0 && !b.isEmpty(); --i) {
      const int at =
          below(2) ? below(static_cast<int>(b.size())) : below(std::min<int>(64, static_cast<int>(b.size())));
      switch (below(5)) {
        case 0:
          b[at] = static_cast<char>(random_());
          break;
        case 1:
          b[at] = static_cast<char>(b[at] ^ 1 << below(8));
          break;
        case 2:
          b.truncate(at);
          break;
        case 3:
          b.insert(at, b.mid(at, 1 + below(20)));
          break;
        default:
          for (int k = at; k < std::min<int>(at + 4, static_cast<int>(b.size())); ++k) b[k] = below(2) ? '\xff' : '\0';
      }
    }
    return b;
  }

  /// Changes something somewhere in a JSON value: numbers, texts, types, missing and doubled members.
  QJsonValue json(const QJsonValue& v) {
    if (v.isObject()) {
      QJsonObject o = v.toObject();
      const QStringList keys = o.keys();
      if (keys.isEmpty()) return leaf();
      const QString key = keys[below(static_cast<int>(keys.size()))];
      const int what = below(20);
      if (what == 0)
        o.remove(key);
      else if (what == 1)
        o.insert(keys[below(static_cast<int>(keys.size()))], o[key]);
      else
        o.insert(key, json(o[key]));
      return o;
    }
    if (v.isArray()) {
      QJsonArray a = v.toArray();
      if (a.isEmpty()) return below(4) ? v : leaf();
      const int at = below(static_cast<int>(a.size())), what = below(12);
      if (what == 0)
        a.removeAt(at);
      else if (what == 1)
        a.append(a[at]);
      else if (what == 2)
        a.append(json(a[at]));
      else
        a[at] = json(a[at]);
      return a;
    }
    if (v.isDouble() && below(3)) return v.toDouble() * std::exp2(below(40) - 20.0) * (below(8) ? 1 : -1);
    if (v.isString() && below(3)) return text(v.toString());
    return leaf();
  }

 private:
  QJsonValue leaf() {
    switch (below(9)) {
      case 0:
        return 1e308;
      case 1:
        return -1e308;
      case 2:
        return 0;
      case 3:
        return below(300);
      case 4:
        return QString();
      case 5:
        return QJsonArray{};
      case 6:
        return QJsonObject{};
      case 7:
        return below(2) == 0;
      default:
        return QJsonValue();
    }
  }
  QString text(QString s) {
    static const QStringList words{
        "note.gate", "note.pitch", "out.in",           "osc.out",    "svf.in", "f0", "cutoff",
        "file",      "/dev/null",  "effect.delay",     "filter.svf", "saw",    ".",  "a..b",
        "out",       "osc",        "structure.output", "before out", "no",     "\n"};
    if (below(2)) return words[below(static_cast<int>(words.size()))];
    if (!s.isEmpty()) s[below(static_cast<int>(s.size()))] = QChar(below(0x250));
    return s;
  }
  std::mt19937 random_;
};

/// What a damaged patch may do: be refused, fail to compile, or play a few ticks of finite sound.
void tryPatch(const QByteArray& json, const std::string& blobs, const Registry& registry) {
  const auto patch = presets::readText(json.toStdString(), blobs);
  if (!patch) {
    QVERIFY2(isSentence(patch.error().message), patch.error().message.c_str());
    return;
  }
  const auto text = presets::writeText(*patch);
  const auto again = presets::readText(text.json, text.blobs);
  QVERIFY2(again.has_value(), again ? "" : again.error().message.c_str());
  QCOMPARE(presets::writeText(*again).json, text.json);
  const auto sound = render(*patch, registry, {.seconds = 0.02});
  if (!sound) {
    QVERIFY2(isSentence(sound.error().message), sound.error().message.c_str());
    return;
  }
  for (const auto& channel : sound->channels)
    for (const float x : channel) QVERIFY(std::isfinite(x));
}
}  // namespace

class TestFuzz : public QObject {
  Q_OBJECT
  QTemporaryDir dir_;

 private Q_SLOTS:
  void patches_data() {
    QTest::addColumn<QString>("path");
    for (const QFileInfo& f : QDir(PRESETS_DIR).entryInfoList({"*.json"}))
      QTest::newRow(qPrintable(f.baseName())) << f.filePath();
  }
  void patches() {
    QFETCH(QString, path);
    static const Registry registry = nodes::makeRegistry();
    const QByteArray good = bytesOf(path);
    const std::string blobs = bytesOf(QString(path).replace(".json", ".blobs")).toStdString();
    const QJsonObject tree = QJsonDocument::fromJson(good).object();
    Damage damage(11);
    for (int i = 0; i < rounds(150); ++i) {
      QJsonValue bad = tree;
      for (int k = 1 + damage.below(3); k > 0; --k) bad = damage.json(bad);
      const QByteArray json =
          i % 3 == 0 ? damage.bytes(good) : QJsonDocument(bad.toObject()).toJson(QJsonDocument::Compact);
      tryPatch(json, blobs, registry);
      if (QTest::currentTestFailed()) {
        qWarning("round %d: %s", i, json.constData());
        return;
      }
    }
  }

  void sounds_data() {
    QTest::addColumn<int>("format");
    for (int f = 0; f < 6; ++f) QTest::newRow(std::to_string(f).c_str()) << f;
  }
  void sounds() {
    QFETCH(int, format);
    AudioData tone;
    tone.channels.assign(2, std::vector<float>(2000));
    for (std::size_t i = 0; i < 2000; ++i) tone.channels[0][i] = static_cast<float>(std::sin(0.05 * double(i)));
    const std::string path = dir_.filePath("good").toStdString(), damaged = dir_.filePath("bad").toStdString();
    QVERIFY(writeAudio(path, tone, static_cast<AudioFormat>(format)));
    const QByteArray good = bytesOf(QString::fromStdString(path));
    Damage damage(static_cast<unsigned>(format));
    for (int i = 0; i < rounds(300); ++i) {
      QFile f(QString::fromStdString(damaged));
      QVERIFY(f.open(QIODevice::WriteOnly));
      f.write(damage.bytes(good));
      f.close();
      const auto sound = readAudio(damaged, 10);
      if (!sound) {
        QVERIFY2(isSentence(sound.error().message), sound.error().message.c_str());
        continue;
      }
      QVERIFY(sound->frames() > 0);
      for (const auto& channel : sound->channels)
        for (const float x : channel) QVERIFY(std::isfinite(x));
      if (sound->frames() < 20000) QVERIFY(resample(*sound, 48000).frames() > 0);
    }
  }

  void midi() {
    const QByteArray good = QByteArray::fromHex(
        "4d546864000000060001000200604d54726b0000001200ff510307a12060ff51030f424000ff2f00"
        "4d54726b0000001c00903c7f603c0000404060400000e0006000d0400000b0407f00ff2f00");
    Damage damage(5);
    for (int i = 0; i < rounds(20000); ++i) {
      const QByteArray bad = damage.bytes(good);
      const auto events = parseMidi(
          {reinterpret_cast<const std::uint8_t*>(bad.constData()), static_cast<std::size_t>(bad.size())}, 48000, "It");
      if (!events) continue;
      std::int64_t last = 0;
      for (const PlayerEvent& e : *events) {
        QVERIFY(e.frame >= last && std::isfinite(e.value) && std::isfinite(e.key));
        last = e.frame;
      }
    }
  }

  void values() {
    const QByteArray alphabet = "0123456789.,+-eE khzHZdBmsCcg#b%oct\xc2\xb5nainf";
    Damage damage(3);
    for (int i = 0; i < rounds(50000); ++i) {
      std::string s;
      for (int k = damage.below(9); k > 0; --k) s += alphabet[damage.below(static_cast<int>(alphabet.size()))];
      for (const Unit unit : {Unit::none, Unit::hertz, Unit::seconds, Unit::decibels, Unit::ratio}) {
        const auto v = parseValue(s, unit);
        QVERIFY2(!v || std::isfinite(*v), s.c_str());
      }
      const auto note = parseNote(s);
      QVERIFY2(!note || (*note >= 0 && *note <= 127), s.c_str());
    }
  }
};

QTEST_GUILESS_MAIN(TestFuzz)
#include "tst_fuzz.moc"
